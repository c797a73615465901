"""Financial statements as reported: items, what must tie, and what is only derived.

An item that the source lacks is missing, not zero. A derived item is marked so. An identity is
tested only where all its terms are reported. Ratios and scores are judgement: `policies/spreading.py`.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum

from domain.identity import Id
from domain.money import Currency
from domain.value import Value


class Item(StrEnum):
    """One line of a statement; income and cash-flow items cover the months of the statement."""

    # balance sheet: assets
    CASH = "cash"
    RECEIVABLES = "receivables"
    INVENTORY = "inventory"
    PREPAYMENTS = "prepayments"
    OTHER_CURRENT_ASSETS = "other_current_assets"
    CURRENT_ASSETS = "current_assets"
    FIXED_ASSETS = "fixed_assets"
    INTANGIBLE_ASSETS = "intangible_assets"
    OTHER_NON_CURRENT_ASSETS = "other_non_current_assets"
    NON_CURRENT_ASSETS = "non_current_assets"
    TOTAL_ASSETS = "total_assets"
    # balance sheet: liabilities and equity
    SHORT_TERM_BORROWINGS = "short_term_borrowings"
    PAYABLES = "payables"
    ADVANCES_RECEIVED = "advances_received"
    OTHER_CURRENT_LIABILITIES = "other_current_liabilities"
    CURRENT_LIABILITIES = "current_liabilities"
    LONG_TERM_BORROWINGS = "long_term_borrowings"
    OTHER_NON_CURRENT_LIABILITIES = "other_non_current_liabilities"
    TOTAL_LIABILITIES = "total_liabilities"
    PAID_IN_CAPITAL = "paid_in_capital"
    RETAINED_EARNINGS = "retained_earnings"
    EQUITY = "equity"
    # income
    REVENUE = "revenue"
    COST_OF_SALES = "cost_of_sales"
    GROSS_PROFIT = "gross_profit"
    OPERATING_EXPENSES = "operating_expenses"
    EBITDA = "ebitda"
    DEPRECIATION_AMORTISATION = "depreciation_amortisation"
    EBIT = "ebit"
    INTEREST_EXPENSE = "interest_expense"
    PROFIT_BEFORE_TAX = "profit_before_tax"
    INCOME_TAX = "income_tax"
    NET_INCOME = "net_income"
    # cash flow
    OPERATING_CASH_FLOW = "operating_cash_flow"
    INVESTING_CASH_FLOW = "investing_cash_flow"
    FINANCING_CASH_FLOW = "financing_cash_flow"
    CASH_OPENING = "cash_opening"
    # market
    MARKET_VALUE = "market_value"


class Statement(Value):
    """One company's figures for one period, in whole currency units (exact decimals).

    `derived` names the items computed from others at import; they never count as reported.
    """

    customer_id: Id
    period_end_on: date
    months: int = 12
    currency: Currency
    items: dict[Item, Decimal]
    derived: frozenset[Item] = frozenset()
    consolidated: bool = False
    audited: bool = False
    source: str = ""  # where it came from: an import's file name and line, or an attachment hash

    def find(self, item: Item) -> Decimal | None:
        """The figure, reported or derived; None where it is missing."""
        return self.items.get(item)
