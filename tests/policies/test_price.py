"""Published pricing examples, and the rate the standard edition asks."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.price import adjusted_raroc, break_even_rate, price, raroc
from tests.makers_policy import a_changed_edition, an_edition


def rates(*figures: str) -> list[Decimal]:
    return [Decimal(figure) for figure in figures]


def test_a_loan_of_a_billion_at_ten_per_cent_returns_fifteen_on_its_capital() -> None:
    # 1bn at 10 %, capital 8 % invested at 8 %, deposits of 920m at 7 %, costs 10m, loss 2 %.
    income, funds, costs, loss, capital = rates("100", "64.4", "10", "20", "80")

    assert raroc(income, funds, costs, loss, capital, Decimal("6.4")) == Decimal("0.15")


def test_three_million_pounds_return_nine_and_a_quarter() -> None:
    income, funds, costs, loss, capital = rates("4", "1.5", "1", "1", "8")

    assert raroc(income, funds, costs, loss, capital, capital * Decimal("0.03")) == Decimal(
        "0.0925"
    )


def test_a_credit_of_six_points_capital_returns_fifteen_forty_two() -> None:
    income, funds, costs, loss, capital = rates("5", "3", "0.25", "1", "6")
    result = raroc(income, funds, costs, loss, capital, Decimal("0.175"))

    assert abs(result - Decimal("0.1542")) < Decimal("0.0001")


def test_the_break_even_rate_of_the_second_example_at_a_hurdle_of_fifteen() -> None:
    funds, costs, loss, capital = rates("1.5", "1", "1", "8")

    assert break_even_rate(
        funds, costs, loss, capital, Decimal("0.15"), Decimal("0.03")
    ) == Decimal("4.46")


def test_at_its_break_even_rate_a_credit_earns_its_hurdle() -> None:
    funds, costs, loss, capital, hurdle, own = rates("2.4", "0.5", "0.3", "6", "0.12", "0.02")
    rate = break_even_rate(funds, costs, loss, capital, hurdle, own)

    assert abs(raroc(rate, funds, costs, loss, capital, capital * own) - hurdle) < Decimal("1e-20")


def test_raroc_above_the_risk_free_rate_for_a_unit_of_beta() -> None:
    assert adjusted_raroc(Decimal("0.15"), Decimal("0.05"), Decimal(2)) == Decimal("0.05")


def test_every_grade_pays_at_least_its_margin_and_worse_grades_pay_more() -> None:
    edition = an_edition()
    asked = [
        price(row.pd, row.grade, 12, None, edition) for row in edition.master_scale if row.lendable
    ]
    for row, priced in zip(edition.master_scale, asked, strict=False):
        margin = priced.rate_annual - edition.price.funds_cost
        assert margin >= edition.price.margin_min[row.grade] or priced.below_minimum
        assert priced.raroc >= edition.price.hurdle or priced.below_minimum
    assert [each.rate_annual for each in asked] == sorted(each.rate_annual for each in asked)


def test_components_without_capitals_return_add_up_to_the_break_even_rate() -> None:
    priced = price(Decimal("0.0125"), "BB", 24, Decimal(500_000_000), an_edition())
    parts = ("funds", "costs", "expected_loss", "capital", "capital_return")
    total = sum((priced.components[part] for part in parts), Decimal(0))

    assert abs(total - priced.components["break_even"]) <= Decimal("0.000003")
    assert priced.rate_annual >= priced.components["break_even"]


def test_a_rate_that_may_not_be_asked_is_below_the_minimum() -> None:
    edition = a_changed_edition("[price]\nrate_max = 0.03")
    priced = price(Decimal("0.05"), "B", 12, None, edition)

    assert priced.rate_annual == Decimal("0.03")
    assert priced.below_minimum


@given(
    pd=st.sampled_from(["0.0003", "0.004", "0.0125", "0.05", "0.2"]),
    months=st.integers(1, 60),
    sales=st.none() | st.integers(0, 10**12).map(Decimal),
)
def test_rates_are_whole_steps_within_the_bounds(
    pd: str, months: int, sales: Decimal | None
) -> None:
    edition = an_edition()
    priced = price(Decimal(pd), "BBB", months, sales, edition)

    assert priced.rate_annual % edition.price.rate_step == 0
    assert edition.price.funds_cost < priced.rate_annual <= edition.price.rate_max
    assert 0 < priced.capital_share < edition.price.lgd


@pytest.mark.parametrize("months", [1, 12])
def test_credit_below_a_year_counts_as_a_year(months: int) -> None:
    year = price(Decimal("0.01"), "BB", 12, None, an_edition())

    assert price(Decimal("0.01"), "BB", months, None, an_edition()) == year
