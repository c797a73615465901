"""Payment behaviour (付款表现): the field's figures as formulas on amounts and days.

What is open, overdue and settled is `domain/receivable.py`; these take sums. A figure that would
divide by nothing is missing.
"""

from bisect import bisect_right
from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal, localcontext
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
    *,
    middles: tuple[int, int, int, int] = (15, 45, 75, 105),
) -> Decimal | None:
    """DBT: open balances by age, weighted by the middle of each bucket; early payment counts 0."""
    late = (days_1_30, days_31_60, days_61_90, days_91_up)
    weighted = sum((part * days for part, days in zip(late, middles, strict=True)), Decimal(0))
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
Scale = tuple[tuple[int, int], ...]
PROMPTNESS: Scale = (
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
# Of the index: from each on, the risk of being paid late is that.
RISK_BANDS: tuple[tuple[int, str], ...] = ((80, "low"), (50, "medium"), (0, "high"))


def promptness(
    settlements: Sequence[Settlement],
    *,
    scale: Scale = PROMPTNESS,
    experiences_min: int = 1,
    suppliers: int | None = None,
    suppliers_min: int = 1,
) -> Decimal | None:
    """The payment index, 1 to 100, weighted by amount: 80 is prompt, 100 thirty days early.

    Missing without any positive amount, with fewer experiences than asked for, and where the
    number of suppliers they come from is known and too small.
    """
    counted = [each for each in settlements if each.amount > 0]
    if len(counted) < experiences_min or (suppliers is not None and suppliers < suppliers_min):
        return None
    with localcontext(EXACT):
        total = sum((each.amount for each in counted), Decimal(0))
        weighted = sum(
            (each.amount * index_of(each.days_late, scale) for each in counted), Decimal(0)
        )
        return _ratio(weighted, total)


def index_of(days_late: int, scale: Scale = PROMPTNESS) -> Decimal:
    """The index of one settlement."""
    days = [day for day, _ in scale]
    place = bisect_right(days, days_late)
    if place == 0:
        return Decimal(scale[0][1])
    if place == len(scale):
        return Decimal(scale[-1][1])
    (day_before, high), (day_after, low) = scale[place - 1], scale[place]
    share = Decimal(days_late - day_before) / (day_after - day_before)
    return high - share * (high - low)


def index_shown(index: Decimal) -> int:
    """The index as a whole number, rounded up: 23 days late shows 59, as published."""
    return int(index.to_integral_value(ROUND_CEILING))


def risk_of(index: Decimal) -> str:
    """`low`, `medium` or `high`: how likely late payment is at an index."""
    return next(risk for least, risk in RISK_BANDS if index >= least)


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    with localcontext(EXACT):
        return part / whole if whole else None
