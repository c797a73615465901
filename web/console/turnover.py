"""Turnover of a customer (开票流水): its VAT invoices by month, and how its trade spreads."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from domain.errors import NotFound
from domain.turnover import InvoiceRecord, MonthFigures, first_of
from web.console.customer import headed
from web.console.page import Visit, Visiting
from web.service.permissions import Action, permitted
from web.service.turnover import Turnover

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class MonthRow:
    month: MonthFigures
    gap: bool  # no sale that was not taken back
    over: bool  # the month is whole
    taken_back: Decimal
    share: str


@dataclass(frozen=True)
class SpreadRow:
    """How a year's trade spreads over buyers, or over sellers."""

    side: str
    parties: int
    total: Decimal
    top: Decimal | None
    top3: Decimal | None
    hhi: Decimal | None


@router.get("/customers/{customer_id}/turnover")
def show_turnover(visit: Visiting, customer_id: str, as_of: str = "") -> HTMLResponse:
    """The record today, or as it stood on a day; a customer without invoices has a page too."""
    on = visit.day(as_of, "as_of") if as_of else None
    head = headed(visit, customer_id, "turnover")
    try:
        found = visit.services.turnover.read(visit.person, customer_id, on)
    except NotFound:
        found = None
    return visit.show(
        "turnover/turnover.html",
        as_of=on or visit.services.clock.business_on(),
        charts=found is not None,
        may_import=permitted(visit.person, Action.TURNOVER_RECORD),
        **head,
        **(_shown(visit, found) if found else {"record": None}),
    )


def _shown(visit: Visit, found: Turnover) -> dict[str, Any]:
    record = found.record
    months = _months(record)
    return {
        "record": record,
        "figures": found.figures,
        "rows": tuple(reversed(months)),
        "spreads": [_spread(record, found.figures, side) for side in ("buyer", "seller")],
        "void": sum(row.month.sales_void for row in months[-_YEAR:]),
        "option": _chart(visit, months),
    }


_YEAR = 12


def _months(record: InvoiceRecord) -> list[MonthRow]:
    """Every month from the first one kept to that of the day, those without an invoice too."""
    if not record.months:
        return []
    known = {each.month_on: each for each in record.months}
    most = max((abs(each.sales) for each in record.months), default=Decimal(0)) or Decimal(1)
    day, last, rows = record.months[0].month_on, first_of(record.as_of), []
    while day <= last:
        month = known.get(day, MonthFigures(month_on=day))
        rows.append(
            MonthRow(
                month=month,
                gap=month.sales <= 0 and _sold_before(record, day),
                over=first_of(day, 1) <= record.as_of or day < last,
                taken_back=month.sales_issued - month.sales,
                share=f"{max(month.sales, Decimal(0)) * 100 / most:.1f}",
            )
        )
        day = first_of(day, 1)
    return rows


def _sold_before(record: InvoiceRecord, day: date) -> bool:
    return record.first_sale_on is not None and first_of(record.first_sale_on) <= day


def _spread(record: InvoiceRecord, figures: dict[str, Decimal | None], side: str) -> SpreadRow:
    spread = record.buyers if side == "buyer" else record.sellers
    return SpreadRow(
        side=side,
        parties=spread.parties,
        total=spread.total,
        top=figures[f"invoice_{side}_top_share"],
        top3=figures[f"invoice_{side}_top3_share"],
        hhi=figures[f"invoice_{side}_hhi"],
    )


def _chart(visit: Visit, months: list[MonthRow]) -> dict[str, Any]:
    return {
        "legend": {"left": 0, "top": 0},
        "xAxis": {"type": "category", "data": [f"{row.month.month_on:%Y-%m}" for row in months]},
        "yAxis": {"type": "value"},
        "series": [
            {
                "type": "bar",
                "name": visit.speech.say(f"turnover.{kind}"),
                "data": [f"{getattr(row.month, kind):.0f}" for row in months],
            }
            for kind in ("sales", "purchases")
        ],
    }
