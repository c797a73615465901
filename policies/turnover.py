"""Turnover (开票流水): what a customer's VAT invoices say of it, as figures over whole months.

A month counts once it is over. `year` is the last twelve such months, or as many as there are since
the first sale; what needs a longer past than there is, is missing, never zero.
"""

from collections.abc import Callable
from decimal import Decimal

from domain.turnover import (
    YEAR_MONTHS,
    Concentration,
    InvoiceRecord,
    MonthFigures,
    first_of,
    last_whole_month,
)
from policies.formula import EXACT

# In the record's currency; whoever reads them brings them into the reporting currency.
INVOICE_AMOUNTS = frozenset(
    {
        "invoice_sales_monthly",
        "invoice_sales_year",
        "invoice_sales_prior_year",
        "invoice_purchases_year",
    }
)


def invoice_figure(record: InvoiceRecord, name: str) -> Decimal | None:
    """One figure of a record by its name, unrounded; None where it is missing."""
    return _FIGURES[name](_Window(record))


class _Window:
    """The last whole months of a record, the ones without an invoice among them, oldest first."""

    def __init__(self, record: InvoiceRecord) -> None:
        self.record = record
        self._until = last_whole_month(record.as_of)
        self._by_month = {month.month_on: month for month in record.months}

    @property
    def months(self) -> int:
        """Whole months since the first sale, its own among them."""
        first = self.record.first_sale_on
        if first is None:
            return 0
        return max(0, 12 * (self._until.year - first.year) + self._until.month - first.month + 1)

    @property
    def year(self) -> list[MonthFigures]:
        return self._last(min(self.months, YEAR_MONTHS))

    @property
    def prior_year(self) -> list[MonthFigures] | None:
        """The twelve months before the last twelve; None where the past is shorter."""
        whole = self.months >= 2 * YEAR_MONTHS
        return self._last(2 * YEAR_MONTHS)[:YEAR_MONTHS] if whole else None

    @property
    def purchase_year(self) -> list[MonthFigures]:
        return self._last(YEAR_MONTHS)

    def _last(self, count: int) -> list[MonthFigures]:
        days = [first_of(self._until, back) for back in range(1 - count, 1)]
        return [self._by_month.get(day, MonthFigures(month_on=day)) for day in days]


def _sales(months: list[MonthFigures]) -> Decimal:
    return sum((month.sales for month in months), Decimal(0))


def _sales_year(window: _Window) -> Decimal | None:
    return _sales(window.year) if window.months else None


def _sales_monthly(window: _Window) -> Decimal | None:
    return _quotient(_sales(window.year), Decimal(len(window.year)))


def _sales_prior_year(window: _Window) -> Decimal | None:
    return None if window.prior_year is None else _sales(window.prior_year)


def _sales_growth(window: _Window) -> Decimal | None:
    before = _sales_prior_year(window)
    if before is None or before <= 0:
        return None
    return _sales(window.year) / before - 1


def _gap_months(window: _Window) -> Decimal | None:
    """Months of the year without a sale that was not taken back."""
    if not window.months:
        return None
    return Decimal(sum(month.sales <= 0 for month in window.year))


def _volatility(window: _Window) -> Decimal | None:
    """The standard deviation of the year's months over their mean (coefficient of variation)."""
    mean, sales = _sales_monthly(window), [month.sales for month in window.year]
    if mean is None or mean <= 0 or len(sales) < 2:
        return None
    variance = sum(((each - mean) ** 2 for each in sales), Decimal(0)) / len(sales)
    return variance.sqrt(EXACT) / mean


def _purchases_year(window: _Window) -> Decimal | None:
    """None where no purchase is on record at all: a book of sales alone says nothing of them."""
    if not any(month.purchases for month in window.record.months):
        return None
    return sum((month.purchases for month in window.purchase_year), Decimal(0))


def _sales_to_purchases(window: _Window) -> Decimal | None:
    sales, purchases = _sales_year(window), _purchases_year(window)
    if sales is None or purchases is None or purchases <= 0:
        return None
    return sales / purchases


def _void_share(window: _Window) -> Decimal | None:
    """Void sales invoices among all of the year, by number."""
    void = sum(month.sales_void for month in window.year)
    return _quotient(Decimal(void), Decimal(void + sum(each.sales_valid for each in window.year)))


def _reversed_share(window: _Window) -> Decimal | None:
    """What was taken back of the year's sales, by amount."""
    issued = sum((month.sales_issued for month in window.year), Decimal(0))
    return _quotient(issued - _sales(window.year), issued)


def _age_days(window: _Window) -> Decimal | None:
    last = window.record.last_sale_on
    return None if last is None else Decimal((window.record.as_of - last).days)


def _months(window: _Window) -> Decimal:
    return Decimal(window.months)


def _largest(count: int, spread: Concentration) -> Decimal | None:
    return _quotient(sum(spread.largest[:count], Decimal(0)), spread.total)


def _hhi(spread: Concentration) -> Decimal | None:
    """The Herfindahl-Hirschman index of the shares, from near 0 up to 1 for a single one."""
    return _quotient(spread.squares, spread.total**2)


def _quotient(part: Decimal, whole: Decimal) -> Decimal | None:
    return part / whole if whole else None


_FIGURES: dict[str, Callable[[_Window], Decimal | None]] = {
    "invoice_months": _months,
    "invoice_age_days": _age_days,
    "invoice_sales_monthly": _sales_monthly,
    "invoice_sales_year": _sales_year,
    "invoice_sales_prior_year": _sales_prior_year,
    "invoice_sales_growth": _sales_growth,
    "invoice_gap_months": _gap_months,
    "invoice_volatility": _volatility,
    "invoice_purchases_year": _purchases_year,
    "invoice_sales_to_purchases": _sales_to_purchases,
    "invoice_void_share": _void_share,
    "invoice_reversed_share": _reversed_share,
    "invoice_buyers": lambda window: Decimal(window.record.buyers.parties),
    "invoice_buyer_top_share": lambda window: _largest(1, window.record.buyers),
    "invoice_buyer_top3_share": lambda window: _largest(3, window.record.buyers),
    "invoice_buyer_hhi": lambda window: _hhi(window.record.buyers),
    "invoice_sellers": lambda window: Decimal(window.record.sellers.parties),
    "invoice_seller_top_share": lambda window: _largest(1, window.record.sellers),
    "invoice_seller_top3_share": lambda window: _largest(3, window.record.sellers),
    "invoice_seller_hhi": lambda window: _hhi(window.record.sellers),
}
INVOICE_NAMES = frozenset(_FIGURES)
