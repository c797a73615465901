"""A file as rows: its encoding found, its text cut into cells, what is broken told by line.

A broken row costs itself and nothing else: where a quote does not end, reading goes on with the
line after the one it began on.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import NamedTuple, Protocol

from domain.errors import (
    ColumnUnknown,
    CreditError,
    EncodingUnknown,
    FileEmpty,
    ImportTooLarge,
    RowBroken,
    SheetUnreadable,
)
from web.service.imports.sheet import MAGIC, OLD_MAGIC, Sheet, column_letters

BYTES_MAX = 160 * 1024 * 1024  # a million invoices with room to spare
ROWS_MAX = 1_500_000
LINE_LENGTH_MAX = 1_000_000
FIELD_LENGTH_MAX = 100_000
ROW_LINES_MAX = 20  # a quoted field may hold line breaks, but not half a file
_BLOCK_BYTES = 32 * 1024

_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")  # UTF-32: nobody writes it
_UTF_16_BOMS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_HAN = re.compile("[\u4e00-\u9fff]")


class Row:
    """The cells of one row by column, and the line it starts on (the header is line 1)."""

    __slots__ = ("cells", "line")

    def __init__(self, line: int, cells: Mapping[str, str]) -> None:
        self.line = line
        self.cells = cells


class BrokenRow:
    """A row that could not be cut into cells, why, and at which column where it is one."""

    __slots__ = ("column", "line", "refusal")

    def __init__(self, line: int, refusal: CreditError, column: str = "") -> None:
        self.line = line
        self.refusal = refusal
        self.column = column


class Block(NamedTuple):
    """Lines of a text one after another, each a row, with nothing in them but cells and delimiters."""

    start: int
    lines: list[str]


Cut = tuple[int, list[str]]  # a row by its line, its cells as the file has them
Record = tuple[int, list[str] | CreditError, Mapping[int, CreditError]]


class Rows:
    """The rows of a file, in order; `columns` are those of its header.

    Refuses `ImportTooLarge`, `EncodingUnknown`, `SheetUnreadable`, `FileEmpty`, `RowBroken` for the
    header, and `ColumnUnknown` for a column that is there twice or has no name.
    """

    def __init__(self, content: bytes) -> None:
        if len(content) > BYTES_MAX:
            raise _too_large()
        if content.startswith(OLD_MAGIC):
            raise SheetUnreadable(reason="xls")
        self._records = _records_of(content)
        self.encoding = self._records.encoding
        self.columns = self._header()

    def __iter__(self) -> Iterator[Row | BrokenRow]:
        for cut in self.cut():
            if isinstance(cut, BrokenRow):
                yield cut
            else:
                line, cells = cut
                yield Row(line, dict(zip(self.columns, map(str.strip, cells), strict=False)))

    def cut(self) -> Iterator[Cut | BrokenRow]:
        """Each row that is not blank, cut into as many cells as there are columns and no further
        looked at."""
        delimiter, width, count = self._records.delimiter, len(self.columns), 0
        for piece in self._records.pieces():
            if not isinstance(piece, Block):
                count += 1
                yield self._checked(piece)
            else:
                rows = [
                    (line, text.split(delimiter))
                    for line, text in enumerate(piece.lines, piece.start)
                    if text[:1].isalnum() or text.replace(delimiter, "").strip()
                ]
                count += len(rows)
                for row in rows:
                    if len(row[1]) == width:
                        yield row
                    else:
                        yield BrokenRow(row[0], _wrong_width(len(row[1]), width))
            if count > ROWS_MAX:
                raise _too_large()

    def distinct(self, columns: Sequence[str]) -> set[tuple[str, ...]]:
        """What stands in these columns, each combination once; broken rows may add to it."""
        places = [self.columns.index(column) for column in columns]
        pick, delimiter, last = picking(places), self._records.delimiter, max(places, default=0) + 1
        found: set[tuple[str, ...]] = set()
        for piece in self._records.pieces():
            if isinstance(piece, Block):
                cut = [text.split(delimiter, last) for text in piece.lines]
            elif not isinstance(piece[1], CreditError):
                cut = [piece[1]]
            else:
                continue
            try:
                found.update(map(pick, cut))
            except IndexError:
                found.update(pick(cells) for cells in cut if len(cells) >= last)
        return found

    def _checked(self, record: Record) -> Cut | BrokenRow:
        line, found, flaws = record
        width = len(self.columns)
        if isinstance(found, CreditError):
            return BrokenRow(line, found)
        if flaws and (place := next((at for at in sorted(flaws) if at < width), None)) is not None:
            return BrokenRow(line, flaws[place], self.columns[place])
        if len(found) != width and (any(found[width:]) or not self._records.ragged):
            return BrokenRow(line, _wrong_width(len(found), width))
        return line, found

    def _header(self) -> tuple[str, ...]:
        header = self._records.header()
        if header is None:
            raise FileEmpty()
        _, found, flaws = header
        if isinstance(found, CreditError):
            raise found
        for flaw in flaws.values():
            raise flaw
        columns = tuple(cell.strip() for cell in found)
        if self._records.ragged:
            columns = columns[: max(n for n, cell in enumerate(columns, 1) if cell)]
        for place, column in enumerate(columns):
            if not column or columns.count(column) > 1:
                raise ColumnUnknown(column=column[:40] or column_letters(place))
        return columns


def picking(places: Sequence[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """What takes the cells at these places out of a row."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda cells: tuple(cells[place] for place in places)


class Records(Protocol):
    """The records of a file: line, cells or why there are none, and cells that hold no value."""

    encoding: str
    delimiter: str
    ragged: bool  # whether empty cells at a row's end mean nothing

    def header(self) -> Record | None:
        """The first record that is not blank."""
        ...

    def pieces(self) -> Iterator[Block | Record]:
        """Those after it; of a text by blocks, where nothing in the lines needs a closer look."""
        ...


class _SheetRecords:
    """The rows of a workbook's first sheet."""

    delimiter = ""
    ragged = True

    def __init__(self, content: bytes) -> None:
        self._sheet = Sheet(content, rows_max=ROWS_MAX, too_large=_too_large())
        self.encoding = self._sheet.encoding

    def header(self) -> Record | None:
        return next(iter(self._sheet), None)

    def pieces(self) -> Iterator[Record]:
        return islice(self._sheet, 1, None)


class _TextRecords:
    """The records of a delimited text; tabs where its header has tabs and no comma."""

    ragged = False

    def __init__(self, content: bytes) -> None:
        self.encoding = encoding_of(content)
        if self.encoding == "utf-16":
            content = _utf_8(content)
        head = content[:10_000].lstrip().split(b"\n", 1)[0]
        self.delimiter = "\t" if b"\t" in head and b"," not in head else ","
        self._content = content.removeprefix(_BOM)
        self._decoded_as = "utf-8" if self.encoding == "utf-16" else self.encoding

    def header(self) -> Record | None:
        return next(self._each(self._lines()), None)

    def pieces(self) -> Iterator[Block | Record]:
        lines = self._lines()
        records = self._each(lines)
        next(records, None)
        while (piece := lines.block() or next(records, None)) is not None:
            yield piece

    def _lines(self) -> "_Lines":
        return _Lines(self._content, self._decoded_as)

    def _each(self, lines: "_Lines") -> Iterator[Record]:
        """Each record that is not blank, cut into cells, or why it could not be."""
        while (line := lines.take()) is not None:
            start = lines.number
            if isinstance(line, str) and (plain := _plain(line)) is not None:
                cells = plain.split(self.delimiter)
                if any(map(str.strip, cells)):
                    yield start, cells, {}
                continue
            taken = [line]
            reader = csv.reader(_fed(lines, taken), strict=True, delimiter=self.delimiter)
            try:
                cells = next(reader)
                too_long = any(len(cell) > FIELD_LENGTH_MAX for cell in cells)
            except (csv.Error, RowBroken) as broken:
                lines.put_back(taken[1:])
                yield start, _reason(broken), {}
            else:
                if too_long:
                    yield start, _broken("long"), {}
                elif any(map(str.strip, cells)):
                    yield start, cells, {}


def _fed(lines: "_Lines", taken: list[str | bytes]) -> Iterator[str]:
    """The record's first line, then as many more as its quotes ask for."""
    yield _text(taken[0])
    while len(taken) < ROW_LINES_MAX and (line := lines.take()) is not None:
        taken.append(line)
        yield _text(line)
    raise _broken("unclosed")


def _records_of(content: bytes) -> Records:
    return _SheetRecords(content) if content.startswith(MAGIC) else _TextRecords(content)


class _Lines:
    """The physical lines of a file, decoded one by one, with room to put some back.

    A line that does not decode is handed on as bytes.
    """

    def __init__(self, content: bytes, encoding: str) -> None:
        self._file = io.BytesIO(content)
        self._encoding = encoding
        self._waiting: deque[str | bytes] = deque()
        self._rough_until = 0
        self.number = 0

    def block(self) -> Block | None:
        """The next lines together, where all of them decode and none needs a reader of quotes."""
        start = self._file.tell()
        if self._waiting or start < self._rough_until:
            return None
        raw = self._file.read(_BLOCK_BYTES) + self._file.readline()
        text = self._decoded(raw).replace("\r\n", "\n")
        if not text or _needs_reader(text):
            self._rough_until = self._file.tell()
            self._file.seek(start)
            return None
        lines = text.removesuffix("\n").split("\n")
        first = self.number + 1
        self.number += len(lines)
        return Block(first, lines)

    def _decoded(self, raw: bytes) -> str:
        """The lines as text, or none of it where one of them is not to be read as the others."""
        try:
            text = raw.decode(self._encoding)
        except UnicodeDecodeError:
            return ""
        if self._encoding == "utf-8" or raw.isascii() or not any(map(_is_utf_8, raw.split(b"\n"))):
            return text
        return ""

    def take(self) -> str | bytes | None:
        """The next line, or None at the end."""
        if self._waiting:
            self.number += 1
            return self._waiting.popleft()
        raw = self._file.readline()
        if not raw:
            return None
        self.number += 1
        try:
            text = raw.decode(self._encoding)
        except UnicodeDecodeError:
            return raw
        if self._encoding != "utf-8" and not raw.isascii() and _is_utf_8(raw):
            return raw  # another office's line, pasted in: read as GB18030 it is other words
        return text

    def put_back(self, lines: list[str | bytes]) -> None:
        """Have these lines, the last ones taken, be taken again."""
        self._waiting.extendleft(reversed(lines))
        self.number -= len(lines)


def encoding_of(content: bytes) -> str:
    """`utf-8`, `gb18030` or `utf-16`, whichever the text is; refuses `EncodingUnknown`.

    UTF-16 is known by its mark. Broken lines do not decide between the others: UTF-8 with a few of
    them often reads as GB18030, as other words. It is UTF-8 while at least half of the lines that
    are not plain ASCII are.
    """
    if content.startswith(_WIDE_BOMS):
        raise EncodingUnknown(start=content[:4].hex(" "))
    if content[:2] in _UTF_16_BOMS:
        return "utf-16"
    if content.isascii() or _decodes(content, "utf-8"):
        return "utf-8"
    telling = [line for line in content.split(b"\n") if not line.isascii()]
    for encoding in ("utf-8", "gb18030"):
        if 2 * sum(_decodes(line, encoding) for line in telling) >= len(telling):
            return encoding
    raise EncodingUnknown(start=content[:4].hex(" "))


def _utf_8(content: bytes) -> bytes:
    """A UTF-16 text, its mark taken off, as UTF-8; refuses `EncodingUnknown`."""
    try:
        return content[2:].decode(_UTF_16_BOMS[content[:2]]).encode("utf-8")
    except UnicodeError as broken:
        raise EncodingUnknown(start=content[:4].hex(" ")) from broken


def _is_utf_8(line: bytes) -> bool:
    """Whether a line reads as UTF-8 with Chinese in it, which GB18030 text all but never does."""
    try:
        return _HAN.search(line.decode("utf-8")) is not None
    except UnicodeDecodeError:
        return False


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _plain(line: str) -> str | None:
    """The line without its end, if nothing in it needs a reader of quotes; most have nothing."""
    text = line.removesuffix("\n").removesuffix("\r")
    return None if _needs_reader(text) else text


def _needs_reader(text: str) -> bool:
    return '"' in text or "\0" in text or "\r" in text or len(text) > FIELD_LENGTH_MAX


def _text(line: str | bytes) -> str:
    """The line as text fit to be cut, or the refusal of it."""
    if isinstance(line, bytes):
        raise _broken("undecoded")
    if "\0" in line:
        raise _broken("nul")
    if len(line) > LINE_LENGTH_MAX:
        raise _broken("long")
    return line


_REASONS = {
    "undecoded": ("its bytes are no text in this encoding", "编码错误"),
    "nul": ("it holds a NUL character", "含有空字符（NUL）"),
    "long": ("a field is far too long", "字段过长"),
    "unclosed": ("a quoted field does not end", "引号未闭合"),
    "misplaced": ("a quote is out of place", "引号位置有误"),
}


def _broken(kind: str) -> RowBroken:
    reason, reason_zh = _REASONS[kind]
    return RowBroken(reason=reason, reason_zh=reason_zh)


def _reason(broken: csv.Error | RowBroken) -> CreditError:
    if isinstance(broken, RowBroken):
        return broken
    if "field larger" in str(broken):
        return _broken("long")
    return _broken("misplaced")


def _wrong_width(found: int, expected: int) -> RowBroken:
    return RowBroken(
        reason=f"it has {found} columns instead of {expected}",
        reason_zh=f"列数为 {found}，应为 {expected}",
    )


def _too_large() -> ImportTooLarge:
    return ImportTooLarge(megabytes_max=BYTES_MAX // (1024 * 1024), rows_max=ROWS_MAX)
