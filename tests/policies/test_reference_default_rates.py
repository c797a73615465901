"""Published default rates: what any master scale must do, and the shipped one's place in them."""

from decimal import Decimal
from itertools import pairwise

import pytest

from policies.default_rates import (
    average_hazard,
    between,
    conditional_rate,
    loss_given_default,
    smoothed,
    stress_factor,
)
from policies.impairment import cumulative_pd
from tests.makers_policy import an_edition

# Average cumulative rates 1981 to 2020, percent, of 1, 2, 3, 5 and 10 years.
CUMULATIVE = """
AAA 0.00 0.03 0.13 0.34 0.70
AA 0.02 0.06 0.11 0.30 0.70
A 0.05 0.13 0.22 0.46 1.20
BBB 0.16 0.43 0.75 1.54 3.24
BB 0.63 1.93 3.46 6.43 11.64
B 3.34 7.80 11.75 17.35 24.62
CCC 28.30 38.33 43.42 48.58 52.76
"""
YEARS = (1, 2, 3, 5, 10)
CURVES = {
    row.split()[0]: dict(zip(YEARS, (Decimal(part) / 100 for part in row.split()[1:]), strict=True))
    for row in CUMULATIVE.strip().splitlines()
}
# One year, percent, 1981 to 2009.
ONE_YEAR = dict(
    zip(CURVES, map(Decimal, "0.00 0.02 0.08 0.26 0.97 4.93 27.98".split()), strict=True)
)
SPECULATIVE = dict(
    zip(
        range(1981, 1996),
        map(
            Decimal,
            ".63 4.46 2.96 3.29 4.34 5.73 2.82 3.88 4.70 8.10 11.02 6.10 2.50 2.12 3.54".split(),
        ),
        strict=True,
    )
)


def test_cumulative_rates_rise_with_the_horizon_and_one_year_rates_with_the_category() -> None:
    for curve in CURVES.values():
        assert all(curve[first] < curve[later] for first, later in pairwise(YEARS))
    for better, worse in pairwise(CURVES.values()):
        assert better[1] < worse[1]
    assert list(ONE_YEAR.values()) == sorted(ONE_YEAR.values())


def test_the_third_year_of_the_worst_category_given_survival_of_two() -> None:
    rate = conditional_rate(CURVES["CCC"], 2, 3)

    assert abs(rate * 100 - Decimal("8.25")) <= Decimal("0.005")


@pytest.mark.parametrize("grade", ["BBB", "BB", "B", "CCC"])
def test_the_average_hazard_of_five_years_gives_their_cumulative_rate(grade: str) -> None:
    hazard = average_hazard(CURVES[grade], 5)

    assert abs(cumulative_pd(hazard, Decimal(5)) - CURVES[grade][5]) < Decimal("1e-28")


def test_grades_between_two_categories_are_log_linear_and_rise() -> None:
    bbb, bb = CURVES["BBB"][1], CURVES["BB"][1]
    steps = [between(bbb, bb, place, 3) for place in range(4)]

    assert abs(steps[0] - bbb) < Decimal("1e-28")
    assert abs(steps[3] - bb) < Decimal("1e-28")
    ratios = [worse / better for better, worse in pairwise(steps)]
    assert max(ratios) - min(ratios) < Decimal("1e-25")
    assert ratios[0] > 1


def test_a_smoothed_scale_rises_strictly_above_its_floor() -> None:
    floor, step = Decimal("0.0003"), Decimal("0.0001")
    scale = smoothed([curve[1] for curve in CURVES.values()], floor, step)

    assert scale[0] == floor
    assert all(worse - better >= step for better, worse in pairwise(scale))
    assert scale[2:] == tuple(max(rate[1], floor) for rate in list(CURVES.values())[2:])


def test_the_shipped_master_scale_lies_among_the_published_rates() -> None:
    scale = {row.grade: row.pd for row in an_edition().master_scale}

    assert list(scale.values()) == sorted(scale.values())
    for grade in ("BBB", "BB", "B"):
        assert CURVES[grade][1] <= scale[grade] <= 3 * CURVES[grade][1]


@pytest.mark.parametrize(
    ("claim", "recovery", "lost"),
    [
        ("first lien", "0.546", "0.454"),
        ("second lien", "0.443", "0.557"),
        ("senior unsecured", "0.380", "0.620"),
        ("senior subordinated", "0.310", "0.690"),
        ("subordinated", "0.321", "0.679"),
        ("junior", "0.223", "0.777"),
    ],
)
def test_what_is_not_recovered_is_lost(claim: str, recovery: str, lost: str) -> None:
    assert loss_given_default(Decimal(recovery)) == Decimal(lost), claim


def test_the_worst_year_of_the_eighties_and_nineties_is_two_and_a_half_times_the_mean() -> None:
    worst = max(SPECULATIVE, key=lambda year: SPECULATIVE[year])

    assert worst == 1991
    assert Decimal("2.4") < stress_factor(SPECULATIVE, worst) < Decimal("2.6")
