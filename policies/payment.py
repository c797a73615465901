"""Payment behaviour (付款表现): the field's figures as formulas on amounts and days.

What is open, overdue and settled is `domain/receivable.py`; these take sums. A figure that would
divide by nothing is missing.
"""

from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import NamedTuple

from policies.formula import EXACT


class Settlement(NamedTuple):
    """An amount and how late it was settled: days after due, negative when early."""

    amount: Decimal
    days_late: int


def days_beyond_terms(
    days_1_30: Decimal,
    days_31_60: Decimal,
    days_61_90: Decimal,
    days_91_up: Decimal,
    total: Decimal,
) -> Decimal | None:
    """DBT: open balances by age, weighted by the middle of each bucket; early payment counts 0."""
    weighted = days_1_30 * 15 + days_31_60 * 45 + days_61_90 * 75 + days_91_up * 105
    return _ratio(weighted, total)


def days_sales_outstanding(receivables: Decimal, sales: Decimal, days: int) -> Decimal | None:
    """DSO: how many of the period's days of credit sales are still open."""
    return _ratio(receivables * days, sales)


def best_possible_dso(current: Decimal, sales: Decimal, days: int) -> Decimal | None:
    """BPDSO: DSO if only what is not yet due were open."""
    return _ratio(current * days, sales)


def average_days_delinquent(
    receivables: Decimal, current: Decimal, sales: Decimal, days: int
) -> Decimal | None:
    """ADD: the part of DSO that is late, DSO less best possible DSO."""
    return _ratio((receivables - current) * days, sales)


def collection_effectiveness(
    opening: Decimal, sales: Decimal, closing: Decimal, closing_current: Decimal
) -> Decimal | None:
    """CEI: what was collected of what could be. For a window of several months, sales are a
    month's average."""
    return _ratio(opening + sales - closing, opening + sales - closing_current)


# Days after due and the index they earn; between two the index falls in a straight line.
_PROMPTNESS: tuple[tuple[int, int], ...] = (
    (-30, 100),
    (-20, 90),
    (0, 80),
    (15, 70),
    (22, 60),
    (30, 50),
    (60, 40),
    (90, 30),
    (120, 20),
    (180, 1),
)
_DAYS = [days for days, _ in _PROMPTNESS]


def promptness(settlements: Sequence[Settlement]) -> Decimal | None:
    """The payment index, 1 to 100, weighted by amount: 80 is prompt, 100 thirty days early.

    Missing without any positive amount.
    """
    with localcontext(EXACT):
        total = sum((each.amount for each in settlements if each.amount > 0), Decimal(0))
        weighted = sum(
            (each.amount * index_of(each.days_late) for each in settlements if each.amount > 0),
            Decimal(0),
        )
        return _ratio(weighted, total)


def index_of(days_late: int) -> Decimal:
    """The index of one settlement."""
    place = bisect_right(_DAYS, days_late)
    if place == 0:
        return Decimal(100)
    if place == len(_DAYS):
        return Decimal(1)
    (day_before, high), (day_after, low) = _PROMPTNESS[place - 1], _PROMPTNESS[place]
    share = Decimal(days_late - day_before) / (day_after - day_before)
    return high - share * (high - low)


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    with localcontext(EXACT):
        return part / whole if whole else None
