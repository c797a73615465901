"""A workbook as rows of text: the first sheet of an XLSX file, each cell as its column shows it.

What a sheet only seems to say is told, not guessed: a formula that nobody computed, an error, a
number too long for a sheet to hold, cells merged into one. Its lines are the sheet's row numbers.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Context, Decimal

from python_calamine import CalamineError, CalamineWorkbook

from domain.errors import CreditError, FileEmpty, ImportTooLarge, RowBroken, SheetUnreadable

MAGIC = b"PK\x03\x04"
OLD_MAGIC = b"\xd0\xcf\x11\xe0"  # the binary workbooks of before 2007
XML_BYTES_MAX = 512 * 1024 * 1024  # unpacked: a few kilobytes can claim to be gigabytes
COLUMNS_MAX = 200
CELLS_MAX = 40_000_000

# A sheet keeps numbers as binary fractions: fifteen digits are what was typed, the rest is noise.
_TYPED = Context(prec=15)
_WHOLE_MAX = 10**15
_PLACE = re.compile(rb"\br=[\"']([A-Za-z]{0,3})(\d{1,9})[\"']")
_FIRST = re.compile(rb"<(?:\w+:)?sheet\b[^>]*?\br:id=[\"']([^\"']+)[\"']")
_RELATION = re.compile(rb"<Relationship\b[^>]*>")
_STALE = re.compile(rb"<(?:\w+:)?calcPr\b[^>]*\bfullCalcOnLoad=[\"'](?:1|true)[\"']")

Flaws = dict[int, CreditError]


class Sheet:
    """The first sheet of a workbook, read once.

    Refuses `SheetUnreadable`, `ImportTooLarge` and `FileEmpty`.
    """

    def __init__(self, content: bytes, *, rows_max: int, too_large: ImportTooLarge) -> None:
        self._xml = _Xml(content, rows_max=rows_max, too_large=too_large)
        try:
            book = CalamineWorkbook.from_filelike(io.BytesIO(content))
            self._sheet = book.get_sheet_by_index(0)
        except CalamineError as broken:
            raise SheetUnreadable(reason=type(broken).__name__) from broken
        if self._sheet.start is None:
            raise FileEmpty()
        self.encoding = f"xlsx {self._sheet.name}"
        self._flaws = self._xml.flaws()
        self._mark_merged()

    def __iter__(self) -> Iterator[tuple[int, list[str], Flaws]]:
        """Each row that is not blank: its line, its cells from column A on, and what is wrong."""
        assert self._sheet.start is not None
        first_row, first_column = self._sheet.start
        indent = [""] * first_column
        for line, row in enumerate(self._sheet.iter_rows(), start=first_row + 1):
            flaws = dict(self._flaws.get(line, {}))
            cells = list(indent)
            for place, value in enumerate(row, start=first_column):
                text = _text(value)
                if text is None:
                    flaws[place] = _broken("digits", place, line)
                cells.append(text or "")
            if flaws or any(cells):
                yield line, cells, flaws

    def _mark_merged(self) -> None:
        """Every cell of a merged range is flawed: the sheet does not say which of them it is."""
        for (top, left), (bottom, right) in self._sheet.merged_cell_ranges or ():
            for row in range(top, min(bottom, top + 10_000) + 1):
                for column in range(left, min(right, COLUMNS_MAX) + 1):
                    flaw = _broken("merged", column, row + 1)
                    self._flaws.setdefault(row + 1, {}).setdefault(column, flaw)


class _Xml:
    """The sheet as the file has it, for what the reader does not tell: formulas, errors, extent."""

    def __init__(self, content: bytes, *, rows_max: int, too_large: ImportTooLarge) -> None:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as packed:
                if sum(each.file_size for each in packed.infolist()) > XML_BYTES_MAX:
                    raise too_large
                book = packed.read("xl/workbook.xml")
                self._sheet = packed.read(_path_of_first(packed, book))
        except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError) as broken:
            raise SheetUnreadable(reason=type(broken).__name__) from broken
        self._stale = _STALE.search(book) is not None
        self._refuse_vast(rows_max, too_large)

    def _refuse_vast(self, rows_max: int, too_large: ImportTooLarge) -> None:
        """One cell in the last corner would make a reader set aside room for all before it."""
        rows = columns = 0
        for found in _PLACE.finditer(self._sheet):
            rows = max(rows, int(found[2]))
            columns = max(columns, _number(found[1]))
        if rows > rows_max + 1 or columns > COLUMNS_MAX or rows * columns > CELLS_MAX:
            raise too_large

    def flaws(self) -> dict[int, Flaws]:
        """Cells that hold no value of their own, by line and column.

        A formula counts by the value stored with it, but for a workbook that says itself that its
        values are to be computed anew.
        """
        found: dict[int, Flaws] = {}
        if b"<f" not in self._sheet and b't="e"' not in self._sheet:
            return found
        for cell in re.finditer(rb"<c\b([^>]*[^/>])>(.*?)</c>", self._sheet, re.DOTALL):
            place = _PLACE.search(cell[1])
            kind = self._kind(cell[1], cell[2])
            if kind and place:
                column, line = _number(place[1]) - 1, int(place[2])
                found.setdefault(line, {})[column] = _broken(kind, column, line)
        return found

    def _kind(self, attributes: bytes, content: bytes) -> str | None:
        if b't="e"' in attributes:
            return "error"
        computed = re.search(rb"<f[\s/>]", content) is not None
        stored = re.search(rb"<v>[^<]", content) is not None
        return "formula" if computed and (self._stale or not stored) else None


def column_letters(place: int) -> str:
    """What a sheet calls its column: 0 is A, 26 is AA."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _path_of_first(packed: zipfile.ZipFile, book: bytes) -> str:
    first = _FIRST.search(book)
    for relation in _RELATION.findall(packed.read("xl/_rels/workbook.xml.rels")):
        target = re.search(rb"\bTarget=[\"']([^\"']+)[\"']", relation)
        named = re.search(rb"\bId=[\"']([^\"']+)[\"']", relation)
        if first and target and named and named[1] == first[1]:
            path = target[1].decode("utf-8", "replace")
            return path.lstrip("/") if path.startswith("/") else f"xl/{path}"
    raise KeyError("no first sheet")


def _text(value: object) -> str | None:
    """A cell as text, or None for a number longer than a sheet can hold."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        if abs(value) >= _WHOLE_MAX:
            return None
        typed = _TYPED.create_decimal(Decimal(str(value)))
        return f"{typed.quantize(Decimal(1)) if typed == typed.to_integral() else typed:f}"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, time | timedelta) else ""


_REASONS = {
    "formula": ("holds a formula without its value", "含有未计算的公式"),
    "error": ("holds an error instead of a value", "为错误值"),
    "digits": (
        "holds a number of more than 15 digits; write it as text",
        "数字超过 15 位，请存为文本",
    ),
    "merged": ("is merged with others", "为合并单元格"),
}


def _broken(kind: str, column: int, line: int) -> RowBroken:
    cell = f"{column_letters(column)}{line}"
    reason, reason_zh = _REASONS[kind]
    return RowBroken(reason=f"cell {cell} {reason}", reason_zh=f"单元格 {cell} {reason_zh}")
