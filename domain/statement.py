"""Financial statements as reported: items, what must tie, and what is only derived.

An item that the source lacks is missing, not zero. A derived item is marked so. An identity is
tested only where all its terms are reported. Ratios and scores are judgement: `policies/spreading.py`.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from domain.errors import (
    FigureNegative,
    MalformedAmount,
    StatementInFuture,
    StatementUnbalanced,
)
from domain.identity import Id
from domain.money import Currency
from domain.tolerance import STATEMENT_TIE, ToleranceUse, used
from domain.value import IN_ORDER, Value


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
    EXCHANGE_EFFECT_ON_CASH = "exchange_effect_on_cash"
    # market
    MARKET_VALUE = "market_value"


class AuditOpinion(StrEnum):
    """What the auditor said of a statement, the best first."""

    UNQUALIFIED = "unqualified"  # 无保留意见
    EMPHASIS = "emphasis"  # 带强调事项段
    QUALIFIED = "qualified"  # 保留意见
    UNSTATED = "unstated"
    DISCLAIMED = "disclaimed"  # 无法表示意见
    ADVERSE = "adverse"  # 否定意见


class AccountingStandard(StrEnum):
    CAS = "cas"  # 企业会计准则
    CAS_SMALL = "cas_small"  # 小企业会计准则
    IFRS = "ifrs"
    US_GAAP = "us_gaap"
    UNSTATED = "unstated"


# Beyond this a figure is a slip of unit or keyboard: more than the assets of all banks together.
FIGURE_MAX = Decimal(10) ** 16


def _plausible(items: dict[Item, Decimal]) -> dict[Item, Decimal]:
    for item, figure in items.items():
        if abs(figure) > FIGURE_MAX:
            raise MalformedAmount(amount=f"{item.value} {figure:.3E}")
    return items


class Figures(Value):
    """One company's figures for one period, in whole currency units (exact decimals)."""

    period_end_on: date
    months: int = Field(default=12, ge=1, le=24)
    currency: Currency
    items: Annotated[dict[Item, Decimal], AfterValidator(_plausible)]
    consolidated: bool = False
    audited: bool = False
    audit_opinion: AuditOpinion = AuditOpinion.UNSTATED
    accounting_standard: AccountingStandard = AccountingStandard.UNSTATED
    # The last place the source gives, in currency units: 1000 for millions with three decimals.
    precision: Decimal = Field(default=Decimal("0.01"), gt=0, le=10**9)


class StatementContent(Figures):
    """A statement as somebody enters it, with the document on file that it was taken from."""

    items: Annotated[dict[Item, Decimal], Field(min_length=1), AfterValidator(_plausible)]
    source_hash: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class Statement(Figures):
    """A customer's statement on record.

    `derived` names the items computed from others at import; they never count as reported.
    """

    customer_id: Id
    derived: Annotated[frozenset[Item], IN_ORDER] = frozenset()
    source: str = ""  # where it came from: an import and its line, or an attachment's hash

    @property
    def provenance(self) -> tuple[bool, bool, AuditOpinion, AccountingStandard]:
        """Scope, audit, opinion and standard: what tells two accounts of one period apart."""
        return (self.consolidated, self.audited, self.audit_opinion, self.accounting_standard)

    def find(self, item: Item) -> Decimal | None:
        """The figure, reported or derived; None where it is missing."""
        return self.items.get(item)

    def reported(self, item: Item) -> Decimal | None:
        """The figure as the source gives it; None where it is missing or only derived."""
        return None if item in self.derived else self.items.get(item)


class Identity(Value):
    """Terms that must sum to zero, by the source's own figures: `total - plus + minus = 0`.

    An optional term counts where it is reported and does not hinder the test where it is not.
    """

    code: str
    total: Item
    plus: tuple[Item, ...]
    minus: tuple[Item, ...] = ()
    optional: tuple[Item, ...] = ()

    def signed(self) -> dict[Item, int]:
        """The terms that must all be there, each with its sign."""
        plus, minus = dict.fromkeys(self.plus, -1), dict.fromkeys(self.minus, 1)
        return {self.total: 1, **plus, **minus}


IDENTITIES = (
    Identity(
        code="total_assets = total_liabilities + equity",
        total=Item.TOTAL_ASSETS,
        plus=(Item.TOTAL_LIABILITIES, Item.EQUITY),
    ),
    Identity(
        code="total_assets = current_assets + non_current_assets",
        total=Item.TOTAL_ASSETS,
        plus=(Item.CURRENT_ASSETS, Item.NON_CURRENT_ASSETS),
    ),
    Identity(
        code="gross_profit = revenue - cost_of_sales",
        total=Item.GROSS_PROFIT,
        plus=(Item.REVENUE,),
        minus=(Item.COST_OF_SALES,),
    ),
    Identity(
        code="ebit = ebitda - depreciation_amortisation",
        total=Item.EBIT,
        plus=(Item.EBITDA,),
        minus=(Item.DEPRECIATION_AMORTISATION,),
    ),
    Identity(
        code="cash = cash_opening + cash flows",
        total=Item.CASH,
        plus=(
            Item.CASH_OPENING,
            Item.OPERATING_CASH_FLOW,
            Item.INVESTING_CASH_FLOW,
            Item.FINANCING_CASH_FLOW,
        ),
        optional=(Item.EXCHANGE_EFFECT_ON_CASH,),
    ),
)

# A total and parts of it that do not overlap: what is reported of them cannot be more.
TOTALS: dict[Item, tuple[Item, ...]] = {
    Item.CURRENT_ASSETS: (
        Item.CASH,
        Item.RECEIVABLES,
        Item.INVENTORY,
        Item.PREPAYMENTS,
        Item.OTHER_CURRENT_ASSETS,
    ),
    Item.NON_CURRENT_ASSETS: (
        Item.FIXED_ASSETS,
        Item.INTANGIBLE_ASSETS,
        Item.OTHER_NON_CURRENT_ASSETS,
    ),
    Item.TOTAL_ASSETS: (Item.CURRENT_ASSETS, Item.NON_CURRENT_ASSETS),
    Item.CURRENT_LIABILITIES: (
        Item.SHORT_TERM_BORROWINGS,
        Item.PAYABLES,
        Item.ADVANCES_RECEIVED,
        Item.OTHER_CURRENT_LIABILITIES,
    ),
    Item.TOTAL_LIABILITIES: (
        Item.CURRENT_LIABILITIES,
        Item.LONG_TERM_BORROWINGS,
        Item.OTHER_NON_CURRENT_LIABILITIES,
    ),
}

# What no set of books can have less than none of; results, flows and residual items may.
NEVER_NEGATIVE = (
    Item.CASH,
    Item.RECEIVABLES,
    Item.INVENTORY,
    Item.CURRENT_ASSETS,
    Item.FIXED_ASSETS,
    Item.INTANGIBLE_ASSETS,
    Item.NON_CURRENT_ASSETS,
    Item.TOTAL_ASSETS,
    Item.SHORT_TERM_BORROWINGS,
    Item.CURRENT_LIABILITIES,
    Item.LONG_TERM_BORROWINGS,
    Item.TOTAL_LIABILITIES,
    Item.PAID_IN_CAPITAL,
    Item.MARKET_VALUE,
)


class Gap(Value):
    """An identity that does not hold, and by how much the sides differ."""

    identity: str
    difference: Decimal


UNITS = Decimal(1)  # of the source's precision a term, where no edition says another number


def gaps_of(statement: Statement, units: Decimal = UNITS) -> tuple[Gap, ...]:
    """Every identity and total that the reported figures break.

    `units` of the source's precision a term are let pass: each figure was rounded by itself.
    """
    return tuple(
        Gap(identity=each.identity, difference=each.difference)
        for each in _compared(statement)
        if each.excess > units * each.unit
    )


def ties_tolerated(statement: Statement, units: Decimal = UNITS) -> tuple[ToleranceUse, ...]:
    """Where an accepted statement ties only thanks to the tolerance."""
    subject = f"{statement.period_end_on}: "
    return tuple(
        use
        for each in _compared(statement)
        for use in used(
            STATEMENT_TIE,
            each.excess,
            units * each.unit,
            statement.currency,
            subject + each.identity,
        )
    )


class _Compared(NamedTuple):
    """One comparison of reported figures: how far the sides differ, and one unit for every term."""

    identity: str
    difference: Decimal
    excess: Decimal
    unit: Decimal


def _compared(statement: Statement) -> Iterator[_Compared]:
    yield from _identities(statement)
    yield from _totals(statement)


def _identities(statement: Statement) -> Iterator[_Compared]:
    for identity in IDENTITIES:
        terms = {item: statement.reported(item) for item in identity.signed()}
        if None in terms.values():
            continue
        extra = [statement.reported(item) or Decimal(0) for item in identity.optional]
        difference = _signed_sum(identity, terms) - sum(extra, Decimal(0))
        unit = statement.precision * (len(terms) + len(extra))
        yield _Compared(identity.code, difference, abs(difference), unit)


def _signed_sum(identity: Identity, terms: Mapping[Item, Decimal | None]) -> Decimal:
    signed = identity.signed().items()
    return sum((sign * (terms[item] or Decimal(0)) for item, sign in signed), Decimal(0))


def _totals(statement: Statement) -> Iterator[_Compared]:
    for total, parts in TOTALS.items():
        whole = statement.reported(total)
        figures = [part for item in parts if (part := statement.reported(item)) is not None]
        if whole is None or not figures:
            continue
        excess = sum(figures, Decimal(0)) - whole
        unit = statement.precision * (len(figures) + 1)
        yield _Compared(f"parts <= {total.value}", excess, excess, unit)


def completed(statement: Statement) -> Statement:
    """The statement with what its identities imply, marked derived; nothing reported changes.

    An identity gives a term only where exactly that one is missing. Cash is never derived: a flow
    statement that leaves one flow out says nothing about the others.
    """
    items, derived = dict(statement.items), set(statement.derived)
    for identity in (*IDENTITIES[:4], *IDENTITIES[:2]):
        signed = identity.signed()
        missing = [item for item in signed if item not in items]
        if len(missing) != 1:
            continue
        known = _signed_sum(identity, {item: items.get(item) for item in signed})
        figure = -known * signed[missing[0]]
        if figure < 0 and missing[0] in NEVER_NEGATIVE:
            continue
        items[missing[0]] = figure
        derived.add(missing[0])
    if derived == statement.derived:
        return statement
    return statement.model_copy(update={"items": items, "derived": frozenset(derived)})


def accepted(statement: Statement, business_on: date, units: Decimal = UNITS) -> Statement:
    """The statement as it may go on record: complete as far as it goes, or refused.

    `units` of the source's precision a term are let pass where figures must tie.

    Refuses `StatementInFuture`, `FigureNegative` and `StatementUnbalanced` (the first gap).
    """
    if statement.period_end_on > business_on:
        raise StatementInFuture(period_end_on=statement.period_end_on, business_on=business_on)
    for item in NEVER_NEGATIVE:
        figure = statement.reported(item)
        if figure is not None and figure < 0:
            raise FigureNegative(item=item.value, figure=f"{figure:f}")
    for gap in gaps_of(statement, units):
        raise StatementUnbalanced(
            period_end_on=statement.period_end_on,
            identity=gap.identity,
            difference=f"{gap.difference:f}",
        )
    return completed(statement)
