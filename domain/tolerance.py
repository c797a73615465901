"""Tolerances (容差): a difference that policy lets pass, and each use that was made of it.

A use is a comparison that holds only thanks to the tolerance: the difference is not nothing, and
not more than is allowed. How much is allowed is the edition's; `policies/tolerance.py` lists it.
"""

from datetime import date
from decimal import Decimal

from domain.value import Value

STATEMENT_TIE = "statement_tie"
YEAR_LENGTH = "year_length"
CASH_TIE = "cash_tie"
RETAINED_TIE = "retained_tie"
TURNOVER = "turnover"
CUT = "cut"


class ToleranceUse(Value):
    """One difference that was let pass: by which tolerance, how much, of how much, about what."""

    code: str
    difference: Decimal
    allowed: Decimal
    unit: str  # a currency, or days
    subject: str  # what was compared, and of when


class ToleranceRow(Value):
    """A tolerance of an edition: where it stands there, how much it is, and of what."""

    code: str
    field: str  # of the edition
    value: Decimal | None  # None: the comparison is not made
    unit: str


class ToleranceCount(Value):
    """How often a tolerance was used in a month under an edition, and by how much at most."""

    code: str
    edition: str
    edition_hash: str
    month_on: date  # its first day
    uses: int
    share_max: Decimal  # the most of what was allowed that one use took


class TolerancesReport(Value):
    """The tolerances of the edition in force, and how often which was used, newest month first."""

    edition: str
    since: date
    until: date
    rows: tuple[ToleranceRow, ...]
    counts: tuple[ToleranceCount, ...]


def used(
    code: str, difference: Decimal, allowed: Decimal, unit: str, subject: str
) -> tuple[ToleranceUse, ...]:
    """The use that a comparison makes of a tolerance: none where nothing differs, or too much."""
    if not 0 < difference <= allowed:
        return ()
    return (
        ToleranceUse(code=code, difference=difference, allowed=allowed, unit=unit, subject=subject),
    )
