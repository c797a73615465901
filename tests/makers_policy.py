"""Ordinary things for tests of judgement: a company, its statements, its dossier, an edition.

The ordinary company is sound and middling: a BBB or A manufacturer of some hundred million a year.
A test names only what it is about.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from domain.application import Application, ApplicationType
from domain.assessment import Assessment, Dossier, Holdings, PaymentRecord, RateUsed
from domain.customer import Customer, Identifier, IdentifierScheme
from domain.edition import PolicyEdition
from domain.money import Money
from domain.statement import Item, Statement
from policies.assessment import assess
from storage.edition import read_shipped, shipped_text

ON = date(2026, 6, 30)
MILLION = Decimal(1_000_000)

# Millions of CNY.
_ORDINARY: dict[Item, str] = {
    Item.CASH: "12",
    Item.RECEIVABLES: "30",
    Item.INVENTORY: "24",
    Item.PREPAYMENTS: "4",
    Item.CURRENT_ASSETS: "78",
    Item.INTANGIBLE_ASSETS: "6",
    Item.NON_CURRENT_ASSETS: "62",
    Item.TOTAL_ASSETS: "140",
    Item.SHORT_TERM_BORROWINGS: "15",
    Item.PAYABLES: "22",
    Item.ADVANCES_RECEIVED: "3",
    Item.CURRENT_LIABILITIES: "48",
    Item.LONG_TERM_BORROWINGS: "18",
    Item.TOTAL_LIABILITIES: "70",
    Item.RETAINED_EARNINGS: "30",
    Item.EQUITY: "70",
    Item.REVENUE: "200",
    Item.COST_OF_SALES: "150",
    Item.GROSS_PROFIT: "50",
    Item.DEPRECIATION_AMORTISATION: "6",
    Item.EBIT: "16",
    Item.EBITDA: "22",
    Item.INTEREST_EXPENSE: "2",
    Item.PROFIT_BEFORE_TAX: "14",
    Item.INCOME_TAX: "3.5",
    Item.NET_INCOME: "10.5",
}


@cache
def an_edition() -> PolicyEdition:
    """The standard edition."""
    return read_shipped()


def a_changed_edition(changes: str) -> PolicyEdition:
    """The standard edition with what a TOML text changes in it."""
    return PolicyEdition.of_toml(changes, shipped_text("standard"))


def a_customer(**changed: Any) -> Customer:
    ordinary = {
        "customer_id": "c-1",
        "name": "Ordinary Machinery Co., Ltd.",
        "identifiers": (Identifier(scheme=IdentifierScheme.USCC, value="91991000000000000H"),),
        "established_on": date(2012, 3, 1),
    }
    return Customer.model_validate(ordinary | changed)


def a_statement(year: int = 2025, currency: str = "CNY", **changed: str | None) -> Statement:
    """A year of the ordinary company; an item changed to None is missing. Figures in millions."""
    figures: Mapping[str, str | None] = {
        **{item.value: figure for item, figure in _ORDINARY.items()},
        **changed,
    }
    return Statement(
        customer_id="c-1",
        period_end_on=date(year, 12, 31),
        currency=currency,
        items={
            Item(name): Decimal(figure) * MILLION
            for name, figure in figures.items()
            if figure is not None
        },
    )


def some_payments(**changed: Any) -> PaymentRecord:
    ordinary = {
        "window_days": 365,
        "as_of": ON,
        "invoices": 40,
        "paid_late_share": Decimal("0.08"),
        "days_late_mean": Decimal("1.5"),
        "days_past_due_max": 0,
        "overdue": cny(0),
        "open_total": cny(400_000),
    }
    return PaymentRecord.model_validate(ordinary | changed)


def no_payments() -> PaymentRecord:
    return PaymentRecord(window_days=365, as_of=ON)


FORMS: dict[str, dict[str, Any]] = {
    ApplicationType.EXTENSION: {"until": ON + timedelta(days=60)},
    ApplicationType.CHANGE_OF_CONDITIONS: {"added": ("Statements every quarter",)},
    ApplicationType.CHANGE_OF_COVER: {"released": ("k-1",)},
    ApplicationType.CHANGE_OF_PRODUCTS: {"product": "factoring"},
    ApplicationType.RESTRUCTURE: {"term_months": 24},
    ApplicationType.TERMINATION: {},
}


def an_application(limit: Money | None = None, **changed: Any) -> Application:
    kind = changed.get("application_type", ApplicationType.NEW_LINE)
    if kind in FORMS:
        changed = {"line_id": "line-1", "form": {"kind": kind, **FORMS[kind]}, **changed}
    ordinary = {
        "customer_id": "c-1",
        "limit_requested": limit or cny(800_000),
        "purpose": "components for the season",
    }
    return Application.model_validate(ordinary | changed)


def a_dossier(
    *,
    customer: Customer | None = None,
    application: Application | None = None,
    statements: tuple[Statement, ...] | None = None,
    payments: PaymentRecord | None = None,
    own_limits: Money | None = None,
    group_limits: Money | None = None,
    line_limit: Money | None = None,
    rates: tuple[RateUsed, ...] = (),
    **changed: Any,
) -> Dossier:
    asked = application or an_application()
    own = own_limits or cny(0)
    rate = next(
        (used.rate for used in rates if used.base == asked.limit_requested.currency), Decimal(1)
    )
    reporting = cny((asked.limit_requested.amount * rate).quantize(Decimal("0.01")))
    return Dossier(
        customer=customer or a_customer(),
        application=asked,
        statements=(a_statement(2024), a_statement(2025)) if statements is None else statements,
        payments=payments or some_payments(),
        holdings=Holdings(own_limits=own, group_limits=group_limits or own, line_limit=line_limit),
        limit_requested_reporting=reporting,
        rates=rates,
        business_on=ON,
        **changed,
    )


def a_rate(base: str = "USD", rate: str = "7.1", rate_on: date = ON) -> RateUsed:
    return RateUsed(base=base, quote="CNY", rate=Decimal(rate), kind="spot", rate_on=rate_on)


def judged(
    dossier: Dossier | None = None,
    edition: PolicyEdition | None = None,
    *,
    spent: Money | None = None,
    sampled: bool = False,
) -> Assessment:
    """The receipt of a dossier under the standard edition."""
    return assess(
        "case-1",
        dossier or a_dossier(),
        edition or an_edition(),
        automatic_spent=spent or cny(0),
        sampled=sampled,
    )


def a_change(kind: ApplicationType, limit: Money, **changed: Any) -> Application:
    return an_application(limit, application_type=kind, line_id="line-1", **changed)


def cny(amount: str | int | Decimal) -> Money:
    return Money.of(amount, "CNY")


def usd(amount: str | int | Decimal) -> Money:
    return Money.of(amount, "USD")
