"""A file as rows: its encoding found, its text cut into cells, what is broken told by line.

A broken row costs itself and nothing else: where a quote does not end, reading goes on with the
line after the one it began on.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Protocol

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


class Rows:
    """The rows of a file, in order, read once; `columns` are those of its header.

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
        self._each = iter(self._records)
        self.columns = self._header()

    def __iter__(self) -> Iterator[Row | BrokenRow]:
        width = len(self.columns)
        for count, (line, found, flaws) in enumerate(self._each, start=1):
            if count > ROWS_MAX:
                raise _too_large()
            if isinstance(found, CreditError):
                yield BrokenRow(line, found)
            elif (
                flaws
                and (place := next((at for at in sorted(flaws) if at < width), None)) is not None
            ):
                yield BrokenRow(line, flaws[place], self.columns[place])
            elif len(found) != width and (any(found[width:]) or not self._records.ragged):
                yield BrokenRow(line, _wrong_width(len(found), width))
            else:
                cells = map(str.strip, found)
                yield Row(line, dict(zip(self.columns, cells, strict=False)))

    def _header(self) -> tuple[str, ...]:
        for _, found, flaws in self._each:
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
        raise FileEmpty()


Record = tuple[int, list[str] | CreditError, Mapping[int, CreditError]]


class Records(Protocol):
    """The records of a file: line, cells or why there are none, and cells that hold no value."""

    encoding: str
    ragged: bool  # whether empty cells at a row's end mean nothing

    def __iter__(self) -> Iterator[Record]: ...


class _SheetRecords:
    """The rows of a workbook's first sheet."""

    ragged = True

    def __init__(self, content: bytes) -> None:
        self._sheet = Sheet(content, rows_max=ROWS_MAX, too_large=_too_large())
        self.encoding = self._sheet.encoding

    def __iter__(self) -> Iterator[Record]:
        yield from self._sheet


class _TextRecords:
    """The records of a delimited text; tabs where its header has tabs and no comma."""

    ragged = False

    def __init__(self, content: bytes) -> None:
        self.encoding = encoding_of(content)
        if self.encoding == "utf-16":
            content = _utf_8(content)
        head = content[:10_000].lstrip().split(b"\n", 1)[0]
        self._delimiter = "\t" if b"\t" in head and b"," not in head else ","
        decoded_as = "utf-8" if self.encoding == "utf-16" else self.encoding
        self._lines = _Lines(content, decoded_as)

    def __iter__(self) -> Iterator[Record]:
        for line, found in self._records():
            yield line, found, {}

    def _records(self) -> Iterator[tuple[int, list[str] | CreditError]]:
        """Each record that is not blank, cut into cells, or why it could not be."""
        while (line := self._lines.take()) is not None:
            start = self._lines.number
            if isinstance(line, str) and (plain := _plain(line)) is not None:
                cells = plain.split(self._delimiter)
                if any(map(str.strip, cells)):
                    yield start, cells
                continue
            taken = [line]
            reader = csv.reader(self._fed(taken), strict=True, delimiter=self._delimiter)
            try:
                cells = next(reader)
                too_long = any(len(cell) > FIELD_LENGTH_MAX for cell in cells)
            except (csv.Error, RowBroken) as broken:
                self._lines.put_back(taken[1:])
                yield start, _reason(broken)
            else:
                if too_long:
                    yield start, _broken("long")
                elif any(map(str.strip, cells)):
                    yield start, cells

    def _fed(self, taken: list[str | bytes]) -> Iterator[str]:
        """The record's first line, then as many more as its quotes ask for."""
        yield _text(taken[0])
        while len(taken) < ROW_LINES_MAX and (line := self._lines.take()) is not None:
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
        self._file = io.BytesIO(content.removeprefix(_BOM))
        self._encoding = encoding
        self._waiting: deque[str | bytes] = deque()
        self.number = 0

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
    if '"' in text or "\0" in text or "\r" in text or len(text) > FIELD_LENGTH_MAX:
        return None
    return text


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
