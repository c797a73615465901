"""Turnover (开票流水): what a customer's VAT invoices come to by month, as of a day.

A receipt keeps the record, so that it can be judged again without the invoices. What the figures
say of a customer is `policies/turnover.py`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from domain.money import exponent_of
from domain.value import Value
from domain.vat_invoice import Direction, Line, reversals

MONTHS_KEPT = 36
YEAR_MONTHS = 12
_LARGEST = 3


class Sum(NamedTuple):
    """The invoices of one direction, counterparty and month; the amount is of positive valid ones."""

    direction: Direction
    counterparty: str
    month_on: date  # its first day
    net_minor: int
    valid: int
    void: int


class Extent(NamedTuple):
    """How many invoices there are by a day, and their outer days."""

    currency: str
    invoices: int
    first_sale_on: date | None
    last_sale_on: date | None


class MonthFigures(Value):
    """One month's valid invoices, net of tax and of what was taken back; counts of sales alone."""

    month_on: date  # its first day
    sales: Decimal = Decimal(0)
    purchases: Decimal = Decimal(0)
    sales_issued: Decimal = Decimal(0)  # before anything was taken back
    sales_valid: int = 0
    sales_void: int = 0


class Concentration(Value):
    """How a year's trade spreads over counterparties; who comes to nothing or less is left out."""

    parties: int = 0
    total: Decimal = Decimal(0)
    largest: tuple[Decimal, ...] = ()  # the three largest sums
    squares: Decimal = Decimal(0)  # the sum of squared sums


class InvoiceRecord(Value):
    """A customer's VAT invoices up to a day, by month, in whole units of the currency.

    `months` are the last three years' months with an invoice, oldest first; concentration is of
    the last twelve whole months.
    """

    as_of: date
    currency: str
    invoices: int  # all by that day, void ones among them
    first_sale_on: date | None = None
    last_sale_on: date | None = None
    months: tuple[MonthFigures, ...] = ()
    buyers: Concentration = Concentration()
    sellers: Concentration = Concentration()


def first_of(day: date, months: int = 0) -> date:
    """The first day of the month so many months after that of a day."""
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def last_whole_month(as_of: date) -> date:
    """The first day of the newest month that is over by the end of a day."""
    return first_of(as_of + timedelta(days=1), -1)


def months_kept_since(as_of: date) -> date:
    """The first day that a record of this day looks at by month."""
    return first_of(as_of, 1 - MONTHS_KEPT)


def invoice_record(
    extent: Extent, sums: Sequence[Sum], lines: Iterable[Line], as_of: date
) -> InvoiceRecord:
    """The record of what lies up to a day.

    `sums` are of the months kept. `lines` are the valid red letters and the invoices that they may
    take back. One that takes back another leaves nothing of both; any other reduces its own month.
    """
    pairs, alone = reversals(lines)
    taken = [(line.direction, line.counterparty, line.issued_on, line.net_minor) for line in alone]
    taken += [
        (gone.direction, gone.counterparty, gone.issued_on, -gone.net_minor) for _, gone in pairs
    ]
    amounts: dict[tuple[Direction, str, date], int] = defaultdict(int)
    issued: dict[date, int] = defaultdict(int)
    counts: dict[date, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for each in sums:
        amounts[each.direction, each.counterparty, each.month_on] += each.net_minor
        if each.direction is Direction.SALES:
            issued[each.month_on] += each.net_minor
            valid, void = counts[each.month_on]
            counts[each.month_on] = valid + each.valid, void + each.void
    since = months_kept_since(as_of)
    for direction, party, issued_on, net_minor in taken:
        if issued_on >= since:
            amounts[direction, party, first_of(issued_on)] += net_minor
    unit = Decimal(1).scaleb(-exponent_of(extent.currency))
    by_month: dict[tuple[Direction, date], int] = defaultdict(int)
    for (direction, _, month_on), minor in amounts.items():
        by_month[direction, month_on] += minor
    return InvoiceRecord(
        **extent._asdict(),
        as_of=as_of,
        months=tuple(
            MonthFigures(
                month_on=month_on,
                sales=by_month[Direction.SALES, month_on] * unit,
                purchases=by_month[Direction.PURCHASE, month_on] * unit,
                sales_issued=issued[month_on] * unit,
                sales_valid=counts[month_on][0],
                sales_void=counts[month_on][1],
            )
            for month_on in sorted({month_on for _, month_on in by_month})
        ),
        buyers=_concentration(amounts, Direction.SALES, as_of, unit),
        sellers=_concentration(amounts, Direction.PURCHASE, as_of, unit),
    )


def _concentration(
    amounts: dict[tuple[Direction, str, date], int],
    direction: Direction,
    as_of: date,
    unit: Decimal,
) -> Concentration:
    until = last_whole_month(as_of)
    since = first_of(until, 1 - YEAR_MONTHS)
    by_party: dict[str, int] = defaultdict(int)
    for (way, party, month_on), minor in amounts.items():
        if way is direction and since <= month_on <= until:
            by_party[party] += minor
    parties = sorted((minor for minor in by_party.values() if minor > 0), reverse=True)
    return Concentration(
        parties=len(parties),
        total=sum(parties) * unit,
        largest=tuple(minor * unit for minor in parties[:_LARGEST]),
        squares=sum(minor * minor for minor in parties) * unit * unit,
    )
