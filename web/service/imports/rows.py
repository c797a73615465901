"""A file as rows: its encoding found, its text cut into cells, what is broken told by line.

A broken row costs itself and nothing else: where a quote does not end, reading goes on with the
line after the one it began on.
"""

import csv
import io
from collections import deque
from collections.abc import Iterator, Mapping

from domain.errors import (
    ColumnUnknown,
    CreditError,
    EncodingUnknown,
    FileEmpty,
    ImportTooLarge,
    RowBroken,
)

BYTES_MAX = 32 * 1024 * 1024
ROWS_MAX = 500_000
LINE_LENGTH_MAX = 1_000_000
FIELD_LENGTH_MAX = 100_000
ROW_LINES_MAX = 20  # a quoted field may hold line breaks, but not half a file

_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


class Row:
    """The cells of one row by column, and the line it starts on (the header is line 1)."""

    __slots__ = ("cells", "line")

    def __init__(self, line: int, cells: Mapping[str, str]) -> None:
        self.line = line
        self.cells = cells


class BrokenRow:
    """A row that could not be cut into cells, and why."""

    __slots__ = ("line", "refusal")

    def __init__(self, line: int, refusal: CreditError) -> None:
        self.line = line
        self.refusal = refusal


class Rows:
    """The rows of a file, in order, read once; `columns` are those of its header.

    Refuses `ImportTooLarge`, `EncodingUnknown`, `FileEmpty`, and `ColumnUnknown` for a column that
    is there twice.
    """

    def __init__(self, content: bytes, *, delimiter: str = ",") -> None:
        if len(content) > BYTES_MAX:
            raise _too_large()
        self.encoding = encoding_of(content)
        self._delimiter = delimiter
        self._lines = _Lines(content, self.encoding)
        self.columns = self._header()

    def __iter__(self) -> Iterator[Row | BrokenRow]:
        for count, (line, found) in enumerate(self._records(), start=1):
            if count > ROWS_MAX:
                raise _too_large()
            if isinstance(found, CreditError):
                yield BrokenRow(line, found)
            elif len(found) != len(self.columns):
                yield BrokenRow(line, _wrong_width(len(found), len(self.columns)))
            else:
                cells = (cell.strip() for cell in found)
                yield Row(line, dict(zip(self.columns, cells, strict=True)))

    def _header(self) -> tuple[str, ...]:
        for _, found in self._records():
            if isinstance(found, CreditError):
                raise found
            columns = tuple(cell.strip() for cell in found)
            for column in columns:
                if not column or columns.count(column) > 1:
                    raise ColumnUnknown(column=column[:40])
            return columns
        raise FileEmpty()

    def _records(self) -> Iterator[tuple[int, list[str] | CreditError]]:
        """Each record that is not blank, cut into cells, or why it could not be."""
        while (line := self._lines.take()) is not None:
            start = self._lines.number
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
                elif any(cells):
                    yield start, cells

    def _fed(self, taken: list[str | bytes]) -> Iterator[str]:
        """The record's first line, then as many more as its quotes ask for."""
        yield _text(taken[0])
        while len(taken) < ROW_LINES_MAX and (line := self._lines.take()) is not None:
            taken.append(line)
            yield _text(line)
        raise _broken("unclosed")


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
            return raw.decode(self._encoding)
        except UnicodeDecodeError:
            return raw

    def put_back(self, lines: list[str | bytes]) -> None:
        """Have these lines, the last ones taken, be taken again."""
        self._waiting.extendleft(reversed(lines))
        self.number -= len(lines)


def encoding_of(content: bytes) -> str:
    """`utf-8` or `gb18030`, whichever the text is; refuses `EncodingUnknown`.

    Broken lines do not decide: UTF-8 with a few of them often reads as GB18030, as other words.
    It is UTF-8 while at least half of the lines that are not plain ASCII are.
    """
    if content.startswith(_OTHER_BOMS):
        raise EncodingUnknown()
    if content.isascii() or _decodes(content, "utf-8"):
        return "utf-8"
    telling = [line for line in content.split(b"\n") if not line.isascii()]
    for encoding in ("utf-8", "gb18030"):
        if 2 * sum(_decodes(line, encoding) for line in telling) >= len(telling):
            return encoding
    raise EncodingUnknown()


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


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
