"""Spreading (报表分析): from statements, payments and the customer to figures with their inputs.

The formulas are the edition's. Names in a formula are statement items of the newest year
(`revenue`), of the year before (`prior_revenue`), the mean of the two (`mean_inventory`, the newest
alone where there is no year before), figures of the payment record, the VAT invoices
(`invoice_sales_year`), external ratings (`external_rating_pd`) and the customer, and other figures. A figure whose input is missing is missing, never zero.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from domain.analyst_figure import SuppliedFigure
from domain.assessment import Dossier, Figure, PaymentRecord, RateUsed
from domain.customer import Customer
from domain.edition import PolicyEdition, SpreadingPolicy
from domain.errors import RateMissing
from domain.exchange import RateKind
from domain.external_rating import ExternalGrade
from domain.statement import Item, Statement
from domain.turnover import InvoiceRecord
from policies.external_rating import external_grades, used_grade
from policies.formula import EXACT, compiled_formula, dependencies
from policies.turnover import INVOICE_AMOUNTS, INVOICE_NAMES, invoice_figure

# Income and cash-flow items cover the months of the statement and are brought to twelve; balance
# sheet items are of its last day.
_FLOWS = frozenset(
    {
        Item.REVENUE,
        Item.COST_OF_SALES,
        Item.GROSS_PROFIT,
        Item.OPERATING_EXPENSES,
        Item.EBITDA,
        Item.DEPRECIATION_AMORTISATION,
        Item.EBIT,
        Item.INTEREST_EXPENSE,
        Item.PROFIT_BEFORE_TAX,
        Item.INCOME_TAX,
        Item.NET_INCOME,
        Item.OPERATING_CASH_FLOW,
        Item.INVESTING_CASH_FLOW,
        Item.FINANCING_CASH_FLOW,
    }
)
ITEM_NAMES = frozenset(item.value for item in Item)
TEXT_NAMES = frozenset({"industry", "segment", "country", "region"})
PAYMENT_NAMES = frozenset(
    {"paid_late_share", "days_late_mean", "days_past_due_max", "overdue_share"}
)
OTHER_NAMES = frozenset(
    {
        "year_days",
        "rate",
        "years_established",
        "employees",
        "completeness",
        "statement_age_days",
        "statement_years",
        "related_to_grantor",
        "proven_identifier",
    }
)
# Of the external rating that is judged by, on our own scale: 0 is the best grade.
EXTERNAL_NAMES = frozenset({"external_rating_rank", "external_rating_pd"})
NAMES = (
    ITEM_NAMES
    | {f"prior_{name}" for name in ITEM_NAMES}
    | {f"mean_{name}" for name in ITEM_NAMES}
    | PAYMENT_NAMES
    | OTHER_NAMES
    | EXTERNAL_NAMES
    | INVOICE_NAMES
)
_MISSING = object()


class FigureScope:
    """Where a formula finds its names, each computed once; `_input` has what is no figure."""

    def __init__(self, spreading: SpreadingPolicy) -> None:
        self._spreading = spreading
        self._figures = spreading.figures
        self._known: dict[str, Decimal | None] = {}

    @property
    def decimals(self) -> int:
        """To how many decimals a figure is judged."""
        return self._spreading.decimals

    def find(self, name: str) -> Decimal | None:
        """The value of a name, unrounded; None where it is missing."""
        known = self._known.get(name, _MISSING)
        if known is _MISSING:
            known = self._known[name] = self._computed(name)
        return known  # type: ignore[return-value]

    def text(self, name: str) -> str:
        """The value of a categorical name."""
        raise NotImplementedError

    def value(self, code: str) -> Decimal | str | None:
        """A figure as rules look at it: a category, or a number to the edition's decimals."""
        return self.text(code) if code in TEXT_NAMES else self.rounded(code)

    def figure(self, code: str) -> Figure:
        """A figure as it is judged: rounded, with its formula and the inputs it was made of."""
        value, formula, inputs = self.parts(code)
        return Figure(code=code, value=value, formula=formula, inputs=inputs)

    def parts(self, code: str) -> tuple[Decimal | str | None, str, dict[str, str]]:
        """Value, formula and inputs of a figure, for who puts them into a value of its own."""
        if code in TEXT_NAMES:
            return self.text(code), code, {}
        text = self._figures.get(code, code)
        names = compiled_formula(text).names
        inputs = {name: shown(self.find(name)) for name in names}
        return self.rounded(code), text, inputs

    def rounded(self, code: str) -> Decimal | None:
        """A figure to the edition's decimals, halves to even: what bins and rules look at."""
        value = self.find(code)
        return None if value is None else to_decimals(value, self._spreading.decimals)

    def _computed(self, name: str) -> Decimal | None:
        if name in self._figures:
            return compiled_formula(self._figures[name]).compute(self.find)
        return self._input(name)

    def _input(self, name: str) -> Decimal | None:
        raise NotImplementedError


class Scope(FigureScope):
    """The names of one dossier under one edition."""

    def __init__(
        self,
        edition: PolicyEdition,
        customer: Customer,
        statements: Sequence[Statement],
        business_on: date,
        *,
        payments: PaymentRecord | None = None,
        rate: Decimal | None = None,
        completeness: Decimal | None = None,
        existing: bool = False,
        invoices: InvoiceRecord | None = None,
        invoice_rate: Decimal = Decimal(1),
        external: Sequence[ExternalGrade] = (),
        supplied: Sequence[SuppliedFigure] = (),
    ) -> None:
        super().__init__(edition.spreading)
        self._edition = edition
        self._customer = customer
        self.segment = customer.segment.value
        self.existing = existing  # whether the customer has a limit from us already
        newest_last = sorted(statements, key=lambda statement: statement.period_end_on)
        self.newest = newest_last[-1] if newest_last else None
        self.prior = _year_before(newest_last)
        self._years = len({statement.period_end_on.year for statement in statements})
        self.business_on = business_on
        self._payments = payments
        self._rate = rate
        self._completeness = completeness
        self._invoices = invoices
        self._invoice_rate = invoice_rate
        self.external = tuple(external)
        self.supplied = {each.factor: each for each in supplied}  # by factor, the newest

    def text(self, name: str) -> str:
        return str(getattr(self._customer, name))

    def _input(self, name: str) -> Decimal | None:
        if name in ITEM_NAMES:
            return _item(self.newest, name)
        if name.startswith("prior_"):
            return _item(self.prior, name.removeprefix("prior_"))
        if name.startswith("mean_"):
            return self._mean(name.removeprefix("mean_"))
        if name in PAYMENT_NAMES:
            return self._payment(name)
        if name in INVOICE_NAMES:
            return self._invoice(name)
        if name in EXTERNAL_NAMES:
            return self._external(name)
        return self._other(name)

    def _mean(self, item: str) -> Decimal | None:
        closing, opening = _item(self.newest, item), _item(self.prior, item)
        if closing is None or self.prior is None:
            return closing
        return None if opening is None else (opening + closing) / 2

    def _payment(self, name: str) -> Decimal | None:
        record = self._payments
        if record is None or record.invoices < self._edition.payments.invoices_min:
            return None
        return payment_figure(record, name)

    def _invoice(self, name: str) -> Decimal | None:
        """A figure of the VAT invoices; amounts in the reporting currency."""
        value = None if self._invoices is None else invoice_figure(self._invoices, name)
        if value is None or name not in INVOICE_AMOUNTS:
            return value
        return value * self._invoice_rate

    def _external(self, name: str) -> Decimal | None:
        grade = used_grade(self.external)
        if grade is None:
            return None
        place = self._edition.rank(grade)
        if name == "external_rating_rank":
            return Decimal(place)
        return self._edition.master_scale[place].pd

    def _other(self, name: str) -> Decimal | None:
        customer = self._customer
        match name:
            case "year_days":
                return Decimal(self._edition.spreading.year_days)
            case "rate":
                return self._rate
            case "completeness":
                return self._completeness
            case "years_established":
                return _years(customer.established_on, self.business_on)
            case "employees":
                return None if customer.employees is None else Decimal(customer.employees)
            case "statement_age_days":
                return (
                    Decimal((self.business_on - self.newest.period_end_on).days)
                    if self.newest
                    else None
                )
            case "statement_years":
                return Decimal(self._years)
            case "related_to_grantor":
                return Decimal(customer.related_to_grantor)
            case "proven_identifier":
                return Decimal(any(each.is_proof for each in customer.identifiers))
        return None


def scope_of(dossier: Dossier, edition: PolicyEdition) -> Scope:
    """The names of one dossier; refuses `RateMissing` where the statements need a rate."""
    newest = max(dossier.statements, key=lambda each: each.period_end_on, default=None)
    used = rate_used(newest.currency, dossier, edition) if newest else None
    invoices = dossier.invoices
    invoiced = rate_used(invoices.currency, dossier, edition).rate if invoices else Decimal(1)
    return Scope(
        edition,
        dossier.customer,
        dossier.statements,
        dossier.business_on,
        payments=dossier.payments,
        rate=used.rate if used else None,
        completeness=dossier.completeness,
        existing=bool(dossier.holdings.own_limits),
        invoices=invoices,
        invoice_rate=invoiced,
        external=external_grades(dossier.external_ratings, dossier.business_on, edition),
        supplied=dossier.supplied,
    )


def spread(
    statements: Sequence[Statement], customer: Customer, edition: PolicyEdition, business_on: date
) -> tuple[Figure, ...]:
    """The figures of the edition as pages show them: what is judged, rested on, or only shown."""
    shown_too = judged_figures(edition) | set(edition.spreading.shown)
    with localcontext(EXACT):
        scope = Scope(edition, customer, statements, business_on)
        return tuple(scope.figure(code) for code in edition.spreading.figures if code in shown_too)


# What a judgement asks for by name, whatever the edition: the size of a firm, for its price.
_ASKED_BY_NAME = frozenset({"revenue", "rate"})


def judged_by(edition: PolicyEdition) -> frozenset[str]:
    """The figures that a scorecard, a knock-out or a limit method names."""
    cards = (*edition.scorecards.values(), *edition.challengers.values())
    return _ASKED_BY_NAME | {
        *(factor.figure for card in cards for factor in card.factors),
        *(code for card in cards for code in (*card.choice.present, *card.choice.absent)),
        *(rule.figure for rule in edition.knock_outs),
        *(method.figure for method in edition.limit.methods.values()),
    }


def judged_figures(edition: PolicyEdition) -> set[str]:
    """Every figure that a judgement rests on, through the formulas of others too.

    A figure that is only shown keeps those it rests on.
    """
    figures = edition.spreading.figures
    roots = [code for code in (*judged_by(edition), *edition.spreading.shown) if code in figures]
    found = {code for code in judged_by(edition) if code in figures}
    for root in roots:
        found |= {name for name in dependencies(figures, root) if name in figures}
    return found


def rate_used(currency: str, dossier: Dossier, edition: PolicyEdition) -> RateUsed:
    """The dossier's rate from a currency to the reporting currency; refuses `RateMissing`."""
    return rate_among(currency, dossier.rates, dossier.business_on, edition)


def rate_among(
    currency: str, rates: Iterable[RateUsed], on: date, edition: PolicyEdition
) -> RateUsed:
    """The one of some rates that turns a currency into the reporting currency; `RateMissing`."""
    quote, kind = edition.reporting_currency, edition.exchange.rate_kind
    if currency == quote:
        return RateUsed(base=quote, quote=quote, rate=Decimal(1), kind=kind, rate_on=on)
    for used in rates:
        if (used.base, used.quote, used.kind) == (currency, quote, kind):
            return used
    raise RateMissing(kind=RateKind(kind), base=currency, quote=quote, date=on)


def payment_figure(record: PaymentRecord, name: str) -> Decimal | None:
    """One figure of a payment record; the overdue share is of everything open."""
    match name:
        case "days_past_due_max":
            return Decimal(record.days_past_due_max)
        case "overdue_share":
            if record.overdue is None or not record.open_total:
                return None
            return record.overdue.ratio_to(record.open_total)
        case "paid_late_share":
            return record.paid_late_share
        case "days_late_mean":
            return record.days_late_mean
    return None


def to_decimals(value: Decimal, decimals: int) -> Decimal:
    """A number to so many decimals, halves to even."""
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN, context=EXACT)


def shown(value: Decimal | str | None) -> str:
    """An input as the receipt writes it: plain digits, at most twelve decimals, or `missing`."""
    if value is None:
        return "missing"
    if isinstance(value, str):
        return value
    if int(value.as_tuple().exponent) < -12:
        value = to_decimals(value, 12)
    return f"{value:f}"


def _item(statement: Statement | None, name: str) -> Decimal | None:
    if statement is None:
        return None
    item = Item(name)
    value = statement.find(item)
    if value is None or statement.months == 12 or item not in _FLOWS:
        return value
    return value * 12 / statement.months


def _year_before(newest_last: Sequence[Statement]) -> Statement | None:
    """The statement a year before the newest: same currency, ending 11 to 13 months earlier."""
    if not newest_last:
        return None
    newest = newest_last[-1]
    for statement in reversed(newest_last[:-1]):
        days = (newest.period_end_on - statement.period_end_on).days
        if 330 <= days <= 400 and statement.currency == newest.currency:
            return statement
    return None


def _years(since: date | None, on: date) -> Decimal | None:
    """Whole years between two days."""
    if since is None:
        return None
    birthday_to_come = (on.month, on.day) < (since.month, since.day)
    return Decimal(on.year - since.year - birthday_to_come)
