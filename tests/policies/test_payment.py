"""Payment figures of the field, on examples worked by hand."""

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
    promptness,
)


def d(*figures: str) -> list[Decimal]:
    return [Decimal(figure) for figure in figures]


def test_days_beyond_terms_weighs_each_bucket_by_its_middle() -> None:
    # (1000*15 + 500*45 + 200*75 + 100*105) / 5000
    assert days_beyond_terms(*d("1000", "500", "200", "100", "5000")) == Decimal("12.6")


def test_a_book_of_real_invoices_at_the_end_of_2012() -> None:
    # 99 open, 5,725.06, of which 4,936.32 not yet due; sales of ninety days 19,196.81.
    open_total, current, sales = d("5725.06", "4936.32", "19196.81")
    dso = days_sales_outstanding(open_total, sales, 90)
    best = best_possible_dso(current, sales, 90)
    late = average_days_delinquent(open_total, current, sales, 90)

    assert dso is not None
    assert best is not None
    assert late is not None
    assert [round(figure, 2) for figure in (dso, best, late)] == d("26.84", "23.14", "3.70")
    assert abs(dso - best - late) < Decimal("1e-20")


def test_collection_effectiveness_is_what_was_collected_of_what_could_be() -> None:
    assert collection_effectiveness(*d("500", "1000", "600", "500")) == Decimal("0.9")
    assert collection_effectiveness(*d("500", "1000", "400", "400")) == 1


def test_figures_that_would_divide_by_nothing_are_missing() -> None:
    zero, one = Decimal(0), Decimal(1)

    assert days_beyond_terms(zero, zero, zero, zero, zero) is None
    assert days_sales_outstanding(one, zero, 90) is None
    assert best_possible_dso(one, zero, 90) is None
    assert average_days_delinquent(one, one, zero, 90) is None
    assert collection_effectiveness(zero, one, one, one) is None
    assert promptness([]) is None


@pytest.mark.parametrize(
    ("days_late", "index"),
    [
        (-45, 100),
        (-30, 100),
        (-20, 90),
        (-10, 85),
        (0, 80),
        (15, 70),
        (22, 60),
        (30, 50),
        (60, 40),
        (90, 30),
        (120, 20),
        (400, 1),
    ],
)
def test_the_index_of_one_settlement(days_late: int, index: int) -> None:
    assert index_of(days_late) == index


def test_the_index_falls_with_every_day() -> None:
    indexes = [index_of(days) for days in range(-40, 200)]

    assert indexes == sorted(indexes, reverse=True)


def test_promptness_is_weighted_by_amount_and_ignores_credits() -> None:
    settled = [
        Settlement(Decimal(300), 0),
        Settlement(Decimal(100), 30),
        Settlement(Decimal(-50), 90),
    ]

    assert promptness(settled) == Decimal("72.5")
