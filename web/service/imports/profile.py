"""Profiles: which column of whose file is which of our fields, as data.

A profile is a TOML file in `profiles/`, one table a kind of import. It renames and completes; what
a field must look like is the same whoever sends it.
"""

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path

from pydantic import Field

from domain.errors import ColumnMissing, ColumnUnknown, ProfileUnknown
from domain.imports import ImportKind
from domain.statement import Item
from domain.value import Value
from web.service.imports.rows import BrokenRow, Row, Rows

_FOLDER = Path(__file__).parent / "profiles"
_VAT_REQUIRED = ("customer", "invoice_no", "issued_on", "counterparty", "net", "tax", "gross")
_VAT_OPTIONAL = ("scheme", "invoice_code", "currency", "status")

REQUIRED: dict[ImportKind, tuple[str, ...]] = {
    ImportKind.CUSTOMERS: ("name",),
    ImportKind.STATEMENTS: ("customer", "period_end_on", "currency"),
    ImportKind.INVOICES: ("customer", "invoice_no", "issued_on", "due_on", "amount", "currency"),
    ImportKind.PAYMENTS: ("customer", "payment_no", "invoice_no", "paid_on", "amount", "currency"),
    ImportKind.CREDIT_NOTES: (
        *("customer", "credit_note_no", "invoice_no", "issued_on", "amount", "currency"),
    ),
    ImportKind.OPEN_ITEMS: ("customer", "invoice_no", "amount", "open", "currency", "due_on"),
    ImportKind.LISTS: ("list_code", "list_version", "value", "effect", "rule"),
    ImportKind.RATES: ("base", "quote", "rate", "rate_on"),
    ImportKind.BENCHMARKS: ("benchmark", "fixed_on", "rate"),
    ImportKind.EXTERNAL_RATINGS: ("customer", "agency", "rating", "rated_on", "valid_until"),
    ImportKind.SALES_INVOICES: _VAT_REQUIRED,
    ImportKind.PURCHASE_INVOICES: _VAT_REQUIRED,
}

OPTIONAL: dict[ImportKind, tuple[str, ...]] = {
    ImportKind.CUSTOMERS: tuple(
        "uscc lei internal name_zh country industry region segment group group_name group_name_zh "
        "established_on employees related_to_grantor mail manager".split()
    ),
    ImportKind.STATEMENTS: (
        *("scheme", "months", "consolidated", "audited", "unit", "precision"),
        *("audit_opinion", "accounting_standard"),
        *(item.value for item in Item),
    ),
    ImportKind.INVOICES: ("scheme", "disputed", "settled_on"),
    ImportKind.PAYMENTS: ("scheme",),
    ImportKind.CREDIT_NOTES: ("scheme", "reverses", "reason"),
    ImportKind.OPEN_ITEMS: ("scheme",),
    ImportKind.LISTS: ("scheme", "reason", "until"),
    ImportKind.RATES: ("kind", "source"),
    ImportKind.BENCHMARKS: ("source",),
    ImportKind.EXTERNAL_RATINGS: ("scheme", "outlook", "evidence"),
    ImportKind.SALES_INVOICES: _VAT_OPTIONAL,
    ImportKind.PURCHASE_INVOICES: _VAT_OPTIONAL,
}

# What other systems write beside a number for people to read; whose row it is, the number says.
REMARKS = {
    ImportKind.INVOICES: ("customer_name",),
    ImportKind.PAYMENTS: ("customer_name",),
    ImportKind.CREDIT_NOTES: ("customer_name",),
    ImportKind.OPEN_ITEMS: ("customer_name",),
}


class Reading(Value):
    """How one kind of import is read from one source's files."""

    columns: dict[str, str] = {}  # our field -> their column; empty: all under our own names
    constants: dict[str, str] = {}  # our field -> the value that every row has
    templates: dict[str, str] = {}  # our field -> a text that the cell is put into, at {}
    computed: dict[Item, tuple[str, ...]] = {}  # our item -> their columns, `-` to subtract
    date_format: str = "%Y-%m-%d"
    unit: Decimal = Field(default=Decimal(1), gt=0)  # one of theirs, in currency units
    precision: Decimal = Field(default=Decimal("0.01"), gt=0)  # in currency units
    ignore_other_columns: bool = False
    ahead_of_today: bool = False  # whether a day after the business day may be named


class Fields:
    """One row in our own fields. Empty and absent are the same: not given."""

    __slots__ = ("_names", "_reading", "_row")

    def __init__(self, row: Row, reading: Reading, names: dict[str, str]) -> None:
        self._row = row
        self._reading = reading
        self._names = names

    @property
    def line(self) -> int:
        return self._row.line

    @property
    def reading(self) -> Reading:
        return self._reading

    def find(self, field: str) -> str:
        """The field's text, or the empty text."""
        column = self._names.get(field)
        text = self._row.cells[column] if column is not None else ""
        if text and field in self._reading.templates:
            return self._reading.templates[field].format(text)
        return text or self._reading.constants.get(field, "")

    def cell(self, column: str) -> str:
        """A cell by the file's own name of its column."""
        return self._row.cells.get(column, "")

    def column_of(self, field: str) -> str:
        """What the file calls the field."""
        return self._names.get(field, field)

    def given(self) -> dict[str, str]:
        """Every field that the row gives."""
        names = (*self._names, *self._reading.constants)
        return {field: text for field in names if (text := self.find(field))}


class File:
    """The rows of a file in our own fields."""

    def __init__(self, rows: Rows, kind: ImportKind, reading: Reading) -> None:
        """Refuses as `names_in` does."""
        self.rows = rows
        self.reading = reading
        self.names = names_in(rows.columns, kind, reading)

    def __iter__(self) -> Iterator[Fields | BrokenRow]:
        for row in self.rows:
            yield row if isinstance(row, BrokenRow) else Fields(row, self.reading, self.names)

    def fields(self, line: int, columns: Iterable[str], cells: Iterable[str]) -> Fields:
        """Cells under these columns as a row."""
        row = Row(line, dict(zip(columns, map(str.strip, cells), strict=False)))
        return Fields(row, self.reading, self.names)

    def given(self, field: str) -> bool:
        """Whether any row may give the field."""
        return field in self.names or field in self.reading.constants


@cache
def _profile(name: str) -> dict[ImportKind, Reading]:
    path = _FOLDER / f"{name}.toml"
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        kind: Reading.model_validate(tables[kind.value])
        for kind in ImportKind
        if kind.value in tables
    }


def profiles() -> dict[str, tuple[ImportKind, ...]]:
    """Every profile there is, and what it reads."""
    return {path.stem: tuple(_profile(path.stem)) for path in sorted(_FOLDER.glob("*.toml"))}


def reading_of(name: str, kind: ImportKind) -> Reading:
    """How the profile reads the kind; refuses `ProfileUnknown`."""
    if kind not in profiles().get(name, ()):
        raise ProfileUnknown(profile=name[:40], kind=kind.value)
    return _profile(name)[kind]


def names_in(columns: Sequence[str], kind: ImportKind, reading: Reading) -> dict[str, str]:
    """Our fields that the header has, each with its column.

    Refuses `ColumnMissing` for a required one and `ColumnUnknown` for a column nobody reads, so
    that a misspelt heading is not a silent gap.
    """
    known = (*REQUIRED[kind], *OPTIONAL[kind])
    wanted = reading.columns or {field: field for field in known}
    names = {field: column for field, column in wanted.items() if column in columns}
    for field in REQUIRED[kind]:
        if field not in names and field not in reading.constants:
            raise ColumnMissing(column=wanted.get(field, field))
    for column in columns:
        told = column in names.values() or column in REMARKS.get(kind, ())
        if not reading.ignore_other_columns and not told:
            raise ColumnUnknown(column=column[:40])
    return names
