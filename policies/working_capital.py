"""Working capital need (流动资金贷款需求量测算), after the annex to the 2010 interim measures.

Turnover days are 360 over turns; receivables and advances received turn over sales, stocks,
prepayments and payables over cost. Nothing is rounded on the way: only the result is, by whoever
grants it. The same chain stands in an edition's figures; these take the figures themselves.
"""

from decimal import Decimal, localcontext

from policies.formula import EXACT

YEAR_DAYS = 360


def turnover_days(
    opening: Decimal, closing: Decimal, flow: Decimal, *, year_days: int = YEAR_DAYS
) -> Decimal:
    """Days that the mean of an opening and a closing balance is of a year's sales or cost."""
    with localcontext(EXACT):
        return (opening + closing) / 2 * year_days / flow


def working_capital_turns(
    inventory_days: Decimal,
    receivable_days: Decimal,
    payable_days: Decimal,
    prepayment_days: Decimal = Decimal(0),
    advance_days: Decimal = Decimal(0),
    *,
    year_days: int = YEAR_DAYS,
) -> Decimal:
    """How often a year working capital turns over; its days must not be zero."""
    tied_up = inventory_days + receivable_days - payable_days + prepayment_days - advance_days
    with localcontext(EXACT):
        return year_days / tied_up


def working_capital(sales: Decimal, margin: Decimal, growth: Decimal, turns: Decimal) -> Decimal:
    """What a year's cost of sales, grown as expected, ties up at so many turns (营运资金量)."""
    with localcontext(EXACT):
        return sales * (1 - margin) * (1 + growth) / turns


def own_funds(equity: Decimal, long_term_debt: Decimal, long_term_assets: Decimal) -> Decimal:
    """What of equity and long-term debt is not bound in long-term assets (自有资金)."""
    return equity + long_term_debt - long_term_assets


def loan_need(
    needed: Decimal,
    own: Decimal,
    loans_present: Decimal = Decimal(0),
    other_sources: Decimal = Decimal(0),
) -> Decimal:
    """What a new loan may be (新增流动资金贷款额度); negative where funds suffice already."""
    return needed - own - loans_present - other_sources
