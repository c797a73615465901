"""The payment index, its published points, its settings; and the figures of collection."""

from decimal import Decimal

import pytest

from policies.payment import (
    Settlement,
    average_days_delinquent,
    best_possible_dso,
    collection_effectiveness,
    days_beyond_terms,
    days_sales_outstanding,
    index_of,
    index_shown,
    promptness,
    risk_of,
)

ANCHORS = [
    (-30, 100),
    (-20, 90),
    (0, 80),
    (15, 70),
    (22, 60),
    (30, 50),
    (60, 40),
    (90, 30),
    (120, 20),
]
FINER = [
    *((-18, 89), (-16, 88), (-14, 87), (-12, 86), (-10, 85)),
    *((23, 59), (24, 58), (25, 57), (27, 54), (28, 53)),
    *((33, 49), (36, 48), (39, 47), (42, 46), (45, 45), (48, 44)),
]


@pytest.mark.parametrize(("days_late", "index"), [*ANCHORS, *FINER])
def test_every_published_point_of_the_index(days_late: int, index: int) -> None:
    assert index_shown(index_of(days_late)) == index


@pytest.mark.parametrize(("days_late", "published"), [(26, (56, 55)), (29, (52, 51))])
def test_where_two_values_are_published_the_index_is_one_of_them(
    days_late: int, published: tuple[int, int]
) -> None:
    assert index_shown(index_of(days_late)) in published


@pytest.mark.parametrize("days_late", [121, 150, 179, 180, 1000])
def test_over_a_hundred_and_twenty_days_the_index_is_below_twenty(days_late: int) -> None:
    assert 1 <= index_of(days_late) < 20


def test_the_scale_is_a_setting() -> None:
    other = ((0, 80), (14, 70), (21, 60), (30, 50))

    assert index_of(14, other) == 70
    assert index_of(21, other) == 60
    assert index_of(15) == 70


def test_an_index_needs_three_experiences_of_two_suppliers_where_asked() -> None:
    prompt = [Settlement(Decimal(100), 0)] * 3
    asked = {"experiences_min": 3, "suppliers_min": 2}

    assert promptness(prompt, suppliers=2, **asked) == 80
    assert promptness(prompt[:2], suppliers=2, **asked) is None
    assert promptness(prompt, suppliers=1, **asked) is None


@pytest.mark.parametrize(
    ("index", "risk"), [(100, "low"), (80, "low"), (79, "medium"), (50, "medium"), (49, "high")]
)
def test_the_bands_of_the_index(index: int, risk: str) -> None:
    assert risk_of(Decimal(index)) == risk


def test_days_beyond_terms_weighs_ages_by_their_middle() -> None:
    late = (Decimal(100), Decimal(200), Decimal(300), Decimal(400))

    # (100*15 + 200*45 + 300*75 + 400*105) / 2000
    assert days_beyond_terms(*late, Decimal(2000)) == Decimal("37.5")
    assert days_beyond_terms(*late, Decimal(1000), middles=(10, 40, 70, 100)) == 70


def test_outstanding_less_best_possible_days_is_average_days_delinquent() -> None:
    total, current, sales = Decimal(600), Decimal(400), Decimal(3600)

    assert days_sales_outstanding(total, sales, 360) == 60
    assert best_possible_dso(current, sales, 360) == 40
    assert average_days_delinquent(total, current, sales, 360) == 20


def test_collection_effectiveness_over_months_takes_a_months_sales() -> None:
    opening, quarter, total, current = map(Decimal, (500, 3000, 600, 500))

    assert collection_effectiveness(opening, quarter / 3, total, current) == Decimal("0.9")
