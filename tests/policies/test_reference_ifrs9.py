"""IFRS 9: stages, the provision matrix, and losses at a constant hazard, on published figures."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.edition import ImpairmentPolicy
from domain.money import Money
from policies.impairment import (
    Stage,
    cumulative_pd,
    expected_credit_loss,
    hazard_of,
    interest_base,
    matrix_age,
    movement,
    provision_matrix,
    stage_of,
    trade_receivables_loss,
)
from tests.makers_policy import an_edition, cny


def usd(amount: str) -> Money:
    return Money.of(amount, "USD")


@pytest.mark.parametrize(
    ("days", "stage"),
    [(0, 1), (29, 1), (30, 1), (31, 2), (89, 2), (90, 2), (91, 3), (500, 3)],
)
def test_more_than_thirty_days_is_stage_two_and_more_than_ninety_stage_three(
    days: int, stage: int
) -> None:
    assert stage_of(days, an_edition().impairment) == stage


def test_the_boundaries_are_the_policys_and_other_knowledge_only_worsens() -> None:
    policy = ImpairmentPolicy(stage_2_days=10, stage_3_days=60)

    assert stage_of(11, policy) is Stage.INCREASED
    assert stage_of(61, policy) is Stage.IMPAIRED
    assert stage_of(0, policy, risk_increased=True) is Stage.INCREASED
    assert stage_of(0, policy, defaulted=True) is Stage.IMPAIRED
    assert stage_of(61, policy, risk_increased=True) is Stage.IMPAIRED


def test_the_provision_matrix_of_illustrative_example_12() -> None:
    ages = ("current", "days_1_30", "days_31_60", "days_61_90", "over_90")
    balances = dict(
        zip(ages, map(usd, ("15000000", "7500000", "4000000", "2500000", "1000000")), strict=True)
    )
    shares = map(Decimal, ("0.003", "0.016", "0.036", "0.066", "0.106"))
    lines, total = provision_matrix(balances, dict(zip(ages, shares, strict=True)))

    expected = ["45000", "120000", "144000", "165000", "106000"]
    assert [line.allowance for line in lines] == list(map(usd, expected))
    assert total == usd("580000")


def test_a_second_published_matrix() -> None:
    balances = {"a": usd("15000"), "b": usd("7500"), "c": usd("4000"), "d": usd("2500")}
    rates = dict(zip("abcd", map(Decimal, (".005", ".022", ".027", ".045")), strict=True))
    lines, total = provision_matrix(balances, rates)

    assert [line.allowance.text for line in lines] == ["75.00", "165.00", "108.00", "112.50"]
    assert total == usd("460.50")


@pytest.mark.parametrize(
    ("days", "age"),
    [
        (0, "current"),
        (1, "days_1_30"),
        (30, "days_1_30"),
        (31, "days_31_60"),
        (60, "days_31_60"),
        (61, "days_61_90"),
        (90, "days_61_90"),
        (91, "over_90"),
        (4000, "over_90"),
    ],
)
def test_open_items_fall_into_the_editions_ages(days: int, age: str) -> None:
    assert matrix_age(days, an_edition().impairment) == age


def test_trade_receivables_expect_lifetime_losses_by_the_editions_matrix() -> None:
    items = [(0, cny(1_000_000)), (-3, cny(500_000)), (45, cny(100_000)), (95, cny(10_000))]
    lines, total = trade_receivables_loss(items, an_edition().impairment)

    assert [line.balance for line in lines] == [
        cny(1_500_000),
        cny(0),
        cny(100_000),
        cny(0),
        cny(10_000),
    ]
    assert total == cny(4_500 + 3_600 + 1_060)


@pytest.mark.parametrize(
    ("years", "percent"), [(1, "1.49"), (2, "2.96"), (3, "4.40"), (4, "5.82"), (5, "7.23")]
)
def test_a_hazard_of_one_and_a_half_percent_a_year(years: int, percent: str) -> None:
    found = cumulative_pd(Decimal("0.015"), Decimal(years)) * 100

    assert abs(found - Decimal(percent)) <= Decimal("0.005")


def test_the_hazard_of_a_year_gives_the_pd_of_a_year() -> None:
    for pd in ("0.0003", "0.02", "0.2"):
        assert abs(cumulative_pd(hazard_of(Decimal(pd)), Decimal(1)) - Decimal(pd)) < Decimal(
            "1e-28"
        )


def test_stage_one_expects_a_year_stage_two_the_life_stage_three_the_loss_itself() -> None:
    five_years = [cny(1_000_000)] * 5
    pd, lgd = Decimal("0.02"), Decimal("0.45")

    assert expected_credit_loss(five_years, pd, lgd, Stage.PERFORMING) == cny(9_000)
    # 1 - 0.98^5 = 0.0960792032
    assert expected_credit_loss(five_years, pd, lgd, Stage.INCREASED) == cny("43235.64")
    assert expected_credit_loss(five_years, pd, lgd, Stage.IMPAIRED) == cny(450_000)


def test_losses_are_discounted_from_the_end_of_their_period() -> None:
    pd, lgd = Decimal("0.02"), Decimal("0.45")
    found = expected_credit_loss(
        [cny(1_000_000), cny(500_000)],
        pd,
        lgd,
        Stage.INCREASED,
        rate_effective=Decimal("0.05"),
    )

    # 9000/1.05 + 500000 * (0.98 * 0.02) * 0.45 / 1.05^2 = 8571.428... + 4000 = 12571.428...
    assert found == cny("12571.42")


def test_stage_one_takes_twelve_months_of_shorter_periods() -> None:
    quarters = [cny(1_000_000)] * 8
    pd, lgd = Decimal("0.02"), Decimal("0.45")

    assert expected_credit_loss(
        quarters, pd, lgd, Stage.PERFORMING, months_in_period=3
    ) == expected_credit_loss(quarters[:4], pd, lgd, Stage.INCREASED, months_in_period=3)
    # 18-month periods: only the part within the year counts
    assert expected_credit_loss(
        [cny(1_000_000)], pd, lgd, Stage.PERFORMING, months_in_period=18
    ) == cny(9_000)


def test_interest_is_on_the_gross_amount_until_a_claim_is_impaired() -> None:
    gross, allowance = cny(1_000), cny(450)

    assert interest_base(gross, allowance, Stage.INCREASED) == gross
    assert interest_base(gross, allowance, Stage.IMPAIRED) == cny(550)


def test_only_the_difference_is_posted_and_a_rerun_posts_nothing() -> None:
    assert movement(cny(9_000), cny(43_000)) == cny(34_000)
    assert movement(cny(43_000), cny(43_000)) == cny(0)


@given(
    pd=st.integers(1, 9_999).map(lambda part: Decimal(part) / 10_000),
    years=st.integers(1, 10),
    lgd=st.integers(0, 100).map(lambda part: Decimal(part) / 100),
)
def test_a_later_stage_never_expects_less(pd: Decimal, years: int, lgd: Decimal) -> None:
    exposures = [cny(1_000_000)] * years
    by_stage = [expected_credit_loss(exposures, pd, lgd, stage) for stage in Stage]

    assert by_stage == sorted(by_stage)
    assert by_stage[-1] == cny(1_000_000).share(lgd)
