"""The ratings function reproduces Annex 5 of Basel II (LGD 45 %, maturity 2.5 years)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.basel import (
    capital_share,
    capital_share_defaulted,
    correlation,
    expected_loss,
    risk_weight,
)
from policies.normal import normal_cdf, normal_inverse

LGD, YEARS = Decimal("0.45"), Decimal("2.5")
TOLERANCE = Decimal("0.02")

# PD %, risk weight % for sales of 50 million euro and more, and of 5 million and less.
ANNEX_5 = """
0.03 14.44 11.30
0.05 19.65 15.39
0.10 29.65 23.30
0.25 49.47 39.01
0.40 62.72 49.49
0.50 69.61 54.91
0.75 82.78 65.14
1.00 92.32 72.40
1.30 100.95 78.77
1.50 105.59 82.11
2.00 114.86 88.55
2.50 122.16 93.43
3.00 128.44 97.58
4 139.58 105.04
5 149.85 112.26
6 159.61 119.48
10 193.09 146.51
15 221.53 171.91
20 238.23 188.42
"""
_ROWS = [tuple(map(Decimal, row.split())) for row in ANNEX_5.strip().splitlines()]


def percent(pd: Decimal, sales: int | None = None, years: Decimal = YEARS) -> Decimal:
    size = None if sales is None else Decimal(sales)
    return risk_weight(pd / 100, LGD, years, sales_eur_millions=size) * 100


@pytest.mark.parametrize(("pd", "large", "small"), _ROWS)
def test_risk_weights_are_those_of_annex_5(pd: Decimal, large: Decimal, small: Decimal) -> None:
    assert abs(percent(pd) - large) <= TOLERANCE
    assert abs(percent(pd, sales=50) - large) <= TOLERANCE
    assert abs(percent(pd, sales=5) - small) <= TOLERANCE


@pytest.mark.parametrize(("years", "weight"), [("1", "73.28"), ("2.5", "92.32"), ("5", "124.05")])
def test_longer_credit_weighs_more(years: str, weight: str) -> None:
    assert abs(percent(Decimal(1), years=Decimal(years)) - Decimal(weight)) <= TOLERANCE


@pytest.mark.parametrize(
    ("sales", "weight"),
    [(3, "72.39"), (5, "72.39"), (10, "74.55"), (20, "78.90"), (30, "83.32"), (50, "92.32")],
)
def test_smaller_firms_weigh_less_down_to_five_million(sales: int, weight: str) -> None:
    assert abs(percent(Decimal(1), sales=sales) - Decimal(weight)) <= TOLERANCE


def test_capital_of_a_defaulted_exposure_is_loss_beyond_the_best_estimate() -> None:
    assert capital_share_defaulted(Decimal("0.45"), Decimal("0.40")) == Decimal("0.05")
    assert capital_share_defaulted(Decimal("0.45"), Decimal("0.50")) == 0


def test_expected_loss_is_pd_times_lgd() -> None:
    assert expected_loss(Decimal("0.01"), LGD) == Decimal("0.0045")


@given(st.integers(3, 9_000), st.integers(3, 9_000))
def test_correlation_falls_as_pd_rises(first: int, second: int) -> None:
    low, high = sorted((Decimal(first) / 10_000, Decimal(second) / 10_000))
    assert correlation(low) >= correlation(high)
    assert Decimal("0.12") <= correlation(high) <= Decimal("0.24")


@given(st.integers(3, 2_000), st.sampled_from(["0.1", "0.45", "0.75"]))
def test_capital_is_a_share_of_the_loss_given_default(pd: int, lgd: str) -> None:
    share = capital_share(Decimal(pd) / 10_000, Decimal(lgd), Decimal("2.5"))
    assert 0 < share < Decimal(lgd)


@given(st.integers(1, 99_999))
def test_the_inverse_normal_undoes_the_normal(thousandths: int) -> None:
    share = Decimal(thousandths) / 100_000
    assert abs(normal_cdf(normal_inverse(share)) - share) < Decimal("1e-24")


def test_the_normal_distribution_at_points_known_to_many_digits() -> None:
    assert normal_cdf(Decimal(0)) == Decimal("0.5")
    one = Decimal("0.841344746068542948585232545632")
    assert abs(normal_cdf(Decimal(1)) - one) < Decimal("1e-24")
    three_sigma = Decimal("3.090232306167813541540399830107")
    assert abs(normal_inverse(Decimal("0.999")) - three_sigma) < Decimal("1e-24")
    assert normal_cdf(Decimal(-10)) == 0
    assert normal_cdf(Decimal(10)) == 1


@pytest.mark.parametrize("share", ["0", "1", "-0.1", "1.1"])
def test_the_inverse_normal_is_refused_outside_its_range(share: str) -> None:
    with pytest.raises(ValueError, match="strictly between"):
        normal_inverse(Decimal(share))
