"""Files brought in: what a run did with each row, and what it could not take.

How a file is read is `web/service/imports/`.
"""

from enum import StrEnum

from pydantic import Field

from domain.errors import CreditError, ImportRefused
from domain.tolerance import ToleranceUse
from domain.value import Value

ERRORS_LISTED_MAX = 1000


class ImportKind(StrEnum):
    CUSTOMERS = "customers"
    STATEMENTS = "statements"
    INVOICES = "invoices"
    PAYMENTS = "payments"
    CREDIT_NOTES = "credit_notes"
    OPEN_ITEMS = "open_items"  # as another system has them; to be compared, not taken over
    LISTS = "lists"
    RATES = "rates"
    BENCHMARKS = "benchmarks"
    EXTERNAL_RATINGS = "external_ratings"
    SALES_INVOICES = "sales_invoices"
    PURCHASE_INVOICES = "purchase_invoices"


class ImportMode(StrEnum):
    """What one refused row does to the others."""

    ALL_OR_NOTHING = "all_or_nothing"
    PER_ROW = "per_row"


class Outcome(StrEnum):
    """What became of a row; the same row again is unchanged."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class RowError(Value):
    """One row that was refused: where it is, and why, in both languages."""

    line: int = Field(ge=1)  # of the file, the header being line 1
    column: str = ""  # as the file calls it; empty where the whole row is meant
    code: str
    detail: str
    detail_zh: str

    @classmethod
    def of(cls, line: int, refusal: CreditError, column: str = "") -> "RowError":
        """The error a refusal makes of a row."""
        return cls(
            line=line,
            column=column,
            code=refusal.code,
            detail=refusal.detail("en"),
            detail_zh=refusal.detail("zh"),
        )


class ImportReport(Value):
    """What a run did; `created + updated + unchanged + refused = rows`.

    In a dry run, or where all-or-nothing meets a refused row, the counts say what would have
    been: nothing is on record. `errors` holds the first thousand by line.
    """

    kind: ImportKind
    profile: str
    mode: ImportMode
    dry_run: bool
    sha256: str  # of the file
    encoding: str = ""
    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    tolerated: tuple[ToleranceUse, ...] = ()  # what ties only thanks to a tolerance; the first ones
    kept: bool = False  # whether what was accepted is on record
    errors: tuple[RowError, ...] = ()

    def refusal(self) -> ImportRefused | None:
        """The refusal of the whole file, where one row stopped all; None in a dry run."""
        if self.kept or self.dry_run:
            return None
        return ImportRefused(rows_refused=self.refused, rows=self.rows)
