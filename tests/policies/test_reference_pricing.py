"""Offers that customers may walk away from: the best rate lies between the lowest and highest."""

from decimal import Decimal

import pytest

from policies.price import profit_expected, rate_of_best_profit

# Of customers offered a rate, the share that leaves, by grade; the published ends of the table.
CHURN = {
    "A": ("0.0425 .0946", "0.0465 .1357", "0.0505 .2246", "0.15 .9221"),
    "B": ("0.0425 .0668", "0.0465 .1351", "0.0505 .2066", "0.15 .8859"),
    "C": ("0.0425 .0687", "0.0465 .1221", "0.0505 .1813", "0.15 .8952"),
}


def churn(grade: str) -> dict[Decimal, Decimal]:
    pairs = (pair.split() for pair in CHURN[grade])
    return {Decimal(rate): Decimal(share) for rate, share in pairs}


@pytest.mark.parametrize("grade", list(CHURN))
def test_each_grade_has_one_best_rate_inside_the_table(grade: str) -> None:
    curve = churn(grade)
    pd, lgd = Decimal("0.004"), Decimal("0.45")
    best = rate_of_best_profit(curve, pd, lgd)
    profits = [profit_expected(rate, curve[rate], pd, lgd) for rate in sorted(curve)]
    turns = sum(
        (second - first) * (third - second) < 0
        for first, second, third in zip(profits, profits[1:], profits[2:], strict=False)
    )

    assert min(curve) < best < max(curve)
    assert turns == 1, "it rises once and falls once"


def test_the_profit_of_an_offer_by_hand() -> None:
    # 90 % stay, of whom 98 % pay 5 % and 2 % lose 45 %.
    found = profit_expected(Decimal("0.05"), Decimal("0.1"), Decimal("0.02"), Decimal("0.45"))

    assert found == Decimal("0.9") * (Decimal("0.049") - Decimal("0.009"))
