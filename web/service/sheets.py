"""An edition as a workbook and back (政策工作簿): a sheet for each table, one for what stands alone.

The first row names the columns by their field; a nested field is `share.BBB`, a list ends in `[]`
and its entries stand in one cell, a line each. Rows within rows (ranges of a factor, steps of an
approval row) have a sheet of their own whose first column `of` names the row they belong to. A cell
with a formula is refused: an edition says what it says, whatever another cell holds.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import xlsxwriter
from python_calamine import CalamineError, CalamineWorkbook

from domain.edition import PolicyEdition
from domain.errors import EditionInvalid
from domain.reasons import because
from domain.toml import toml_text

ALONE = "values"
INDEX = "sheets"  # which table a sheet holds whose name would be too long
_NAME_MAX = 31
OF = "of"
_NAMES = ("code", "grade")
_BYTES_MAX = 30_000_000
_CELL_NUMBER = "%.16G"  # as a cell is written
_FORMULA = re.compile(rb"<f[ >/]")

Cells = list[list[Any]]


def workbook_of(edition: PolicyEdition) -> bytes:
    """The workbook of an edition; numbers that a cell cannot hold exactly are written as text."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        heading = book.add_format({"bold": True, "bg_color": "#E8EEF4"})
        tables = _sheets(edition.model_dump(mode="python"))
        names = {path: _name(path, at) for at, path in enumerate(tables)}
        long = [[name, path] for path, name in names.items() if name != path]
        for path, rows in {INDEX: [["sheet", "table"], *long], **tables}.items():
            sheet = book.add_worksheet(names.get(path, path))
            sheet.freeze_panes(1, 1)
            for at, row in enumerate(rows):
                for column, value in enumerate(row):
                    _write(sheet, at, column, value, heading if at == 0 else None)
            sheet.autofit()
    return out.getvalue()


def toml_of_workbook(content: bytes) -> str:
    """The TOML text a workbook says; refuses `EditionInvalid` with sheet and cell."""
    _refuse_formulas(content)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
    except (CalamineError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise EditionInvalid(reason="not a workbook that can be read") from error
    document: dict[str, Any] = {}
    nested = []
    long = {str(name): str(path) for name, path, *_ in sheets.pop(INDEX, [])[1:]}
    for short, rows in sheets.items():
        name = long.get(short, short)
        if not rows:
            continue
        if name == ALONE:
            for at, row in enumerate(rows[1:], start=2):
                _put(document, str(row[0]), _value(row[1], f"{name}!B{at}"), name)
        elif rows[0][0] == OF:
            nested.append((name, rows))
        else:
            _put_table(document, name, rows)
    for name, rows in nested:
        _put_nested(document, name, rows)
    try:
        return toml_text(document)
    except (TypeError, ValueError) as error:
        raise EditionInvalid(**because("cell_unfit", error=error)) from error


def _name(path: str, at: int) -> str:
    """A sheet's name: the table's path, or its number and the end of the path."""
    return path if len(path) <= _NAME_MAX else f"{at} {path[-26:].lstrip('.')}"


# ── out ──────────────────────────────────────────────────────────────────────────────────────────


def _sheets(document: Mapping[str, Any]) -> dict[str, Cells]:
    sheets: dict[str, Cells] = {ALONE: [["path", "value"]]}
    for path, value in _walk("", document):
        if isinstance(value, Mapping):
            sheets[path] = _keyed(value)
        elif _is_table(value):
            sheets[path] = _listed(path, value, sheets)
        else:
            sheets[ALONE].append([path + ("[]" if isinstance(value, tuple) else ""), value])
    return sheets


def _walk(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What stands alone, and the tables: lists of rows, and mappings by a code of their own."""
    for key, below in value.items():
        here = f"{path}.{_text(key)}" if path else _text(key)
        if below is None:
            continue
        if isinstance(below, Mapping) and here not in _TABLES:
            yield from _walk(here, below)
        else:
            yield here, below


# Mappings whose keys are codes of the policy and not fields of ours.
_TABLES = frozenset(
    "benchmarks spreading.figures limit.methods limit.products limit.grade_cap"
    " price.margin_min approval.tiers contract.payment_days review.cycle_months".split()
)


def _keyed(table: Mapping[Any, Any]) -> Cells:
    """A mapping by code: a row for each code, `value` where it holds but one thing."""
    rows = [
        {"key": key, **(dict(_flat("", value)) if isinstance(value, Mapping) else {"value": value})}
        for key, value in table.items()
    ]
    return _cells(rows)


def _listed(path: str, table: Sequence[Mapping[str, Any]], sheets: dict[str, Cells]) -> Cells:
    """A list of rows; rows within them go to a sheet of their own."""
    rows: list[dict[str, Any]] = []
    inner: dict[str, list[dict[str, Any]]] = {}
    for at, row in enumerate(table, start=1):
        plain = {}
        for field, value in _flat("", row):
            if _is_table(value):
                of = next((_text(row[name]) for name in _NAMES if name in row), str(at))
                inner.setdefault(field.removesuffix("[]"), []).extend(
                    {OF: of, **dict(_flat("", part))} for part in value
                )
            else:
                plain[field] = value
        rows.append(plain)
    for field, parts in inner.items():
        sheets[f"{path}.{field}"] = _cells(parts)
    return _cells(rows)


def _flat(path: str, row: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        here = f"{path}.{_text(key)}" if path else _text(key)
        if isinstance(value, Mapping):
            yield from _flat(here, value)
        elif isinstance(value, tuple):
            if value:
                yield f"{here}[]", value
        elif value is not None:
            yield here, value


def _cells(rows: Sequence[Mapping[str, Any]]) -> Cells:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return [columns, *([row.get(column) for column in columns] for row in rows)]


def _write(sheet: Any, at: int, column: int, value: Any, heading: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(at, column, value)
    elif isinstance(value, int | Decimal) and Decimal(_CELL_NUMBER % float(value)) == value:
        sheet.write_number(at, column, float(value))
    elif isinstance(value, tuple):
        sheet.write_string(at, column, "\n".join(_text(part) for part in value))
    else:
        sheet.write_string(at, column, _text(value), heading)


def _text(value: Any) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else str(value)


def _is_table(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], Mapping)


# ── in ───────────────────────────────────────────────────────────────────────────────────────────


def _refuse_formulas(content: bytes) -> None:
    """Refuses `EditionInvalid` for what is no workbook, unpacks to too much, or computes."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
            if sum(part.file_size for part in parts) > _BYTES_MAX:
                raise EditionInvalid(reason="the workbook is too large")
            sheets = [part for part in parts if part.filename.startswith("xl/worksheets/")]
            computing = [part for part in sheets if _FORMULA.search(packed.read(part))]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise EditionInvalid(reason="not a workbook that can be read") from error
    if computing:
        names = ", ".join(part.filename.rsplit("/", 1)[1] for part in computing)
        raise EditionInvalid(**because("cell_formula", sheets=names))


def _put_table(document: dict[str, Any], name: str, rows: Cells) -> None:
    """A table by code, or a list of rows."""
    columns = [str(column) for column in rows[0]]
    read = [_row(columns, row, f"{name}!{at}") for at, row in enumerate(rows[1:], start=2)]
    if columns[0] == "key":
        table = {str(row.pop("key")): row.get("value", row) for row in read}
        _put(document, name, table, name)
    else:
        _put(document, name, read, name)


def _put_nested(document: dict[str, Any], name: str, rows: Cells) -> None:
    """Rows within the rows of another sheet."""
    path, _, field = name.rpartition(".")
    outer = document
    for part in path.split("."):
        outer = outer.get(part, {}) if isinstance(outer, dict) else {}
    if not isinstance(outer, list):
        raise EditionInvalid(**because("sheet_unknown", where=name, path=path))
    by_name = {
        str(next((row[key] for key in _NAMES if key in row), at)): row
        for at, row in enumerate(outer, start=1)
    }
    columns = [str(column) for column in rows[0]]
    for at, row in enumerate(rows[1:], start=2):
        read = _row(columns, row, f"{name}!{at}")
        of = str(read.pop(OF, ""))
        if of not in by_name:
            raise EditionInvalid(**because("row_unknown", where=f"{name}!A{at}", row=of, path=path))
        by_name[of].setdefault(field, []).append(read)


def _row(columns: Sequence[str], row: Sequence[Any], where: str) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for column, cell in zip(columns, row, strict=False):
        if cell != "" and column:
            _put(read, column, _value(cell, where), where)
    return read


def _put(document: dict[str, Any], path: str, value: Any, where: str) -> None:
    if path.endswith("[]"):
        path, value = path.removesuffix("[]"), [] if value == "" else str(value).split("\n")
    *steps, last = path.split(".")
    for step in steps:
        document = document.setdefault(step, {})
        if not isinstance(document, dict):
            raise EditionInvalid(**because("cell_twice", where=where, path=path))
    document[last] = value


def _value(cell: Any, where: str) -> Any:
    """A cell as TOML has it: whole numbers whole, others by the digits that are shown."""
    if isinstance(cell, bool | str):
        return cell
    if isinstance(cell, int | float):
        number = Decimal(str(cell))
        return int(number) if number == number.to_integral_value() else number
    if isinstance(cell, date | datetime):
        return cell.date() if isinstance(cell, datetime) else cell
    raise EditionInvalid(**because("cell_kind", where=where))
