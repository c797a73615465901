"""How a receipt is laid out: points, limit steps, price and statements as rows with their bars.

Nothing is computed here that the receipt does not hold; shares are widths of bars on the screen.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from domain.analyst_figure import SuppliedFigure
from domain.assessment import Assessment, FactorPoints, LimitStep
from domain.money import Money
from domain.statement import Item, Statement
from web.console.doubts import doubts_of
from web.console.formats import Formats
from web.console.provenance import beside_of
from web.language import Speech

_PERIODS_MAX = 4
_PARTS = ("factor_groups", "limit_steps", "price_parts", "doubts", "tolerances", "beside")
_RANGES = {
    "rating.below": re.compile(r"below (?P<high>[-\d.]+)"),
    "rating.between": re.compile(r"(?P<low>[-\d.]+) to below (?P<high>[-\d.]+)"),
    "rating.above": re.compile(r"(?P<low>[-\d.]+) and above"),
}
# As the rate is built up; a stored receipt has lost the order.
_PRICE_ORDER = (
    "funds",
    "costs",
    "expected_loss",
    "capital",
    "capital_return",
    "break_even",
    "margin_minimum",
)
_TOTALS = frozenset(
    {
        Item.CURRENT_ASSETS,
        Item.NON_CURRENT_ASSETS,
        Item.TOTAL_ASSETS,
        Item.CURRENT_LIABILITIES,
        Item.TOTAL_LIABILITIES,
        Item.EQUITY,
        Item.REVENUE,
        Item.NET_INCOME,
    }
)
_TREND = (Item.REVENUE, Item.TOTAL_ASSETS, Item.EQUITY, Item.NET_INCOME)


@dataclass(frozen=True)
class FactorRow:
    code: str
    shown: str
    bin: str
    points: Decimal
    points_max: Decimal
    formula: str
    missing: str
    share: str
    supplied: SuppliedFigure | None


@dataclass(frozen=True)
class LimitRow:
    code: str
    kind: str
    amount: Money | None
    formula: str
    binding: bool
    next: bool
    share: str
    fill: str


@dataclass(frozen=True)
class PricePart:
    code: str
    rate: Decimal
    share: str


@dataclass(frozen=True)
class Cell:
    figure: Decimal | None
    derived: bool


@dataclass(frozen=True)
class ItemRow:
    item: Item
    cells: tuple[Cell, ...]

    @property
    def total(self) -> bool:
        """Whether the item sums up others, and is read first."""
        return self.item in _TOTALS


@dataclass(frozen=True)
class Period:
    on: date
    months: int
    audited: bool


@dataclass(frozen=True)
class Spread:
    """The newest statements side by side, in a unit that keeps figures short."""

    currency: str
    unit: str
    periods: tuple[Period, ...]
    rows: tuple[ItemRow, ...]
    any_derived: bool
    option: dict[str, Any]


def receipt_of(assessment: Assessment | None, formats: Formats, speech: Speech) -> dict[str, Any]:
    """What the three parts of a receipt are shown with."""
    if assessment is None:
        return {**dict.fromkeys(_PARTS, ()), "requested": None}
    requested = assessment.dossier.limit_requested_reporting
    scale = _scale(assessment)
    return {
        "factor_groups": _factor_groups(assessment, formats, speech),
        "limit_steps": [_limit_row(step, assessment, scale) for step in assessment.limit.steps],
        "price_parts": price_parts(assessment.price.components),
        "doubts": doubts_of(assessment, formats, speech),
        "tolerances": assessment.tolerances,
        "beside": beside_of(assessment, formats, speech),
        "requested": requested,
        "requested_share": _share(Decimal(requested.minor), scale),
    }


def price_parts(components: Mapping[str, Decimal]) -> list[PricePart]:
    """The parts of the rate with bars on one scale."""
    most = max((abs(rate) for rate in components.values()), default=Decimal(1)) or Decimal(1)
    ordered = sorted(components, key=_place_in_price)
    return [
        PricePart(code, components[code], _share(abs(components[code]), most)) for code in ordered
    ]


def _place_in_price(code: str) -> tuple[int, str]:
    known = code in _PRICE_ORDER
    return (_PRICE_ORDER.index(code) if known else len(_PRICE_ORDER), code)


def spread_of(statements: Sequence[Statement], speech: Speech) -> Spread | None:
    """The newest years side by side; None where no statement is on record."""
    newest = sorted(statements, key=lambda each: each.period_end_on)[-_PERIODS_MAX:]
    if not newest:
        return None
    items = [item for item in Item if any(each.find(item) is not None for each in newest)]
    unit, size = _unit_of(newest, speech)
    rows = tuple(ItemRow(item, tuple(_cell(each, item, size) for each in newest)) for item in items)
    return Spread(
        currency=newest[-1].currency,
        unit=unit,
        periods=tuple(Period(e.period_end_on, e.months, e.audited) for e in newest),
        rows=rows,
        any_derived=any(cell.derived for row in rows for cell in row.cells),
        option=_trend(newest, size, speech) if len(newest) > 1 else {},
    )


def _factor_groups(
    assessment: Assessment, formats: Formats, speech: Speech
) -> list[tuple[str, Decimal | None, list[FactorRow]]]:
    """The factors by their group, each group with its share of the points it could give."""
    rating = assessment.rating
    groups = dict.fromkeys(factor.group for factor in rating.factors)
    return [
        (
            group,
            rating.group_shares.get(group),
            [_factor_row(each, formats, speech) for each in rating.factors if each.group == group],
        )
        for group in groups
    ]


def _factor_row(factor: FactorPoints, formats: Formats, speech: Speech) -> FactorRow:
    return FactorRow(
        code=factor.code,
        shown=_value_shown(factor, formats),
        bin=bin_shown(factor.bin, speech),
        points=factor.points,
        points_max=factor.points_max,
        formula=factor.formula,
        missing=factor.missing.value if factor.missing else "",
        share=_share(factor.points, factor.points_max),
        supplied=factor.supplied,
    )


def _value_shown(factor: FactorPoints, formats: Formats) -> str:
    """A figure to four places; a category as it is. A stored receipt keeps figures as text."""
    if factor.value is None:
        return "—"
    try:
        return formats.number(Decimal(factor.value), 4)
    except InvalidOperation:
        return str(factor.value)


def bin_shown(label: str, speech: Speech) -> str:
    """A range in the reader's words; a range with a name of its own is named by the catalogue."""
    for key, pattern in _RANGES.items():
        if found := pattern.fullmatch(label):
            return speech.say(key, **found.groupdict())
    return speech.name("bin", label)


def _limit_row(step: LimitStep, assessment: Assessment, scale: Decimal) -> LimitRow:
    limit = assessment.limit
    binding = step.code == limit.binding
    fill = "binding-fill" if binding else ("cap" if step.kind == "cap" else "")
    return LimitRow(
        code=step.code,
        kind=step.kind,
        amount=step.amount,
        formula=step.formula,
        binding=binding,
        next=step.code == limit.next_binding,
        share=_share(Decimal(step.amount.minor if step.amount else 0), scale),
        fill=fill,
    )


def _scale(assessment: Assessment) -> Decimal:
    """The amount that fills a bar: twice what matters, so that far-off caps do not flatten it."""
    marks = (assessment.dossier.limit_requested_reporting, assessment.limit.limit_proposed)
    return Decimal(2 * max(mark.minor for mark in marks) or 1)


def _share(part: Decimal, whole: Decimal) -> str:
    """A width in percent, between nothing and all of it."""
    share = part * 100 / whole if whole else Decimal(0)
    return f"{min(max(share, Decimal(0)), Decimal(100)):.1f}"


def _unit_of(statements: Sequence[Statement], speech: Speech) -> tuple[str, Decimal]:
    most = max((abs(figure) for each in statements for figure in each.items.values()), default=0)
    if most < 10_000_000:
        return "one", Decimal(1)
    chinese = speech.language.value.startswith("zh")
    return ("ten_thousand", Decimal(10_000)) if chinese else ("thousand", Decimal(1_000))


def _cell(statement: Statement, item: Item, size: Decimal) -> Cell:
    figure = statement.find(item)
    return Cell(None if figure is None else figure / size, item in statement.derived)


def _trend(statements: Sequence[Statement], size: Decimal, speech: Speech) -> dict[str, Any]:
    items = [item for item in _TREND if any(each.find(item) is not None for each in statements)]
    return {
        "legend": {"left": 0, "top": 0},
        "xAxis": {"type": "category", "data": [str(each.period_end_on) for each in statements]},
        "yAxis": {"type": "value"},
        "series": [
            {
                "type": "bar",
                "name": speech.word(item),
                "data": [_plain(each.find(item), size) for each in statements],
            }
            for item in items
        ],
    }


def _plain(figure: Decimal | None, size: Decimal) -> str | None:
    return None if figure is None else f"{figure / size:.0f}"
