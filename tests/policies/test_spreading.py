"""Figures from statements: formulas as written, missing stays missing."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import EditionInvalid
from policies.formula import compiled_formula, dependencies
from policies.spreading import Scope, scope_of, spread
from tests.makers_policy import ON, a_customer, a_dossier, a_rate, a_statement, an_edition


def value_of(text: str, **names: str | None) -> Decimal | None:
    known = {name: None if figure is None else Decimal(figure) for name, figure in names.items()}
    return compiled_formula(text).compute(known.get)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + b * 2", "16"),
        ("(a + b) * 2", "20"),
        ("a - b - 1", "-3"),
        ("-a / b", "-0.6666666666666666666666666667"),
        ("0.1 + 0.2", "0.3"),
        ("first(c, a)", "4"),
        ("first(c, c)", None),
        ("min(a, b)", "4"),
        ("max(a, b, 7)", "7"),
        ("max(a, c)", None),
        ("a + c", None),
        ("a / (b - 6)", None),
        ("a / c", None),
    ],
)
def test_a_formula_computes_exactly_and_missing_stays_missing(text: str, value: str | None) -> None:
    expected = None if value is None else Decimal(value)

    assert value_of(text, a="4", b="6", c=None) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a +",
        "a ** 2",
        "a if b else c",
        "open('x')",
        "a.b",
        "a[0]",
        "'text'",
        "True",
        "first()",
        "a; b",
        "max(a, key=b)",
        "1e999999999",
        "",
    ],
)
def test_what_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises(EditionInvalid):
        compiled_formula(text)


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**9))
def test_a_formula_is_arithmetic(numerator: int, denominator: int) -> None:
    by_hand = Decimal(numerator) / Decimal(denominator)

    assert value_of("a / b", a=str(numerator), b=str(denominator)) == by_hand


def test_names_are_listed_once_in_order_and_through_other_figures() -> None:
    figures = {"margin": "profit / sales", "profit": "sales - costs"}

    assert compiled_formula("a + b * a").names == ("a", "b")
    assert set(dependencies(figures, "margin")) == {"profit", "sales", "costs"}


def figures(**changed: str | None) -> dict[str, Decimal | str | None]:
    statements = (a_statement(2024, revenue="160"), a_statement(2025, **changed))
    return {
        figure.code: figure.value for figure in spread(statements, a_customer(), an_edition(), ON)
    }


def test_ratios_of_the_ordinary_company_by_hand() -> None:
    found = figures()

    assert found["current_ratio"] == Decimal("1.625")  # 78 / 48
    assert found["quick_ratio"] == Decimal("1.125")  # (78 - 24) / 48
    assert found["debt_ratio"] == Decimal("0.5")
    assert found["equity_ratio"] == Decimal("0.5")
    assert found["return_on_assets"] == Decimal("0.075")  # 10.5 / 140
    assert found["return_on_equity"] == Decimal("0.15")  # 10.5 / 70
    assert found["ebit_margin"] == Decimal("0.08")  # 16 / 200
    assert found["interest_cover"] == 8
    assert found["debt_service_cover"] == Decimal("1.294118")  # 22 / (2 + 15)
    assert found["revenue_growth"] == Decimal("0.25")  # 200 / 160 - 1
    assert found["receivable_days"] == 54  # 30 * 360 / 200
    assert found["inventory_days"] == Decimal("57.6")  # 24 * 360 / 150
    assert found["payable_days"] == Decimal("52.8")
    assert found["tangible_net_worth"] == 64_000_000


@pytest.mark.parametrize(
    ("item", "lost"),
    [
        ("inventory", ["quick_ratio", "inventory_days", "working_capital_need"]),
        ("interest_expense", ["interest_cover", "debt_service_cover"]),
        ("revenue", ["ebit_margin", "revenue_growth", "receivable_days"]),
        ("current_liabilities", ["current_ratio", "quick_ratio"]),
    ],
)
def test_a_figure_with_a_missing_item_is_missing_and_never_zero(item: str, lost: list[str]) -> None:
    found = figures(**{item: None})

    assert {code: found[code] for code in lost} == dict.fromkeys(lost)
    assert found["equity_ratio"] == Decimal("0.5")


def test_what_is_not_reported_may_be_had_from_what_is() -> None:
    assert figures(equity=None)["equity_ratio"] == Decimal("0.5")
    assert figures(ebit=None)["interest_cover"] == 8  # profit before tax and interest


def test_means_are_of_opening_and_closing() -> None:
    statements = (a_statement(2024, receivables="20"), a_statement(2025))
    scope = Scope(an_edition(), a_customer(), statements, ON)

    assert scope.find("mean_receivables") == 25_000_000
    assert scope.find("receivable_days") == 45


def test_without_a_year_before_the_closing_figure_stands_for_the_mean() -> None:
    scope = Scope(an_edition(), a_customer(), (a_statement(2025),), ON)

    assert scope.find("mean_receivables") == 30_000_000
    assert scope.find("prior_receivables") is None


def test_each_figure_carries_its_formula_and_inputs() -> None:
    shown = {
        figure.code: figure
        for figure in spread((a_statement(interest_expense=None),), a_customer(), an_edition(), ON)
    }

    assert shown["current_ratio"].formula == "current_assets / current_liabilities"
    assert shown["current_ratio"].inputs == {
        "current_assets": "78000000",
        "current_liabilities": "48000000",
    }
    assert shown["interest_cover"].inputs["interest_expense"] == "missing"


def test_age_and_years_are_of_the_business_day() -> None:
    scope = scope_of(a_dossier(customer=a_customer(established_on=date(2020, 7, 1))), an_edition())

    assert scope.find("years_established") == 5
    assert scope.find("statement_age_days") == 181
    assert scope.find("statement_years") == 2


def test_the_rate_of_the_statements_currency_is_the_one_used() -> None:
    dossier = a_dossier(
        statements=(a_statement(currency="USD"),), rates=(a_rate("EUR", "8"), a_rate("USD", "7"))
    )

    assert scope_of(dossier, an_edition()).find("sales_millions") == 1400
