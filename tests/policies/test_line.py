"""The dates of a line, and the bounds of what is asked of it for a time."""

from datetime import date

import pytest

from policies.line import (
    line_dates,
    months_later,
    reservation_seconds,
    review_due_on,
    temporary_limit_max,
    temporary_until_max,
    use_bounds,
)
from tests.makers_contract import some_terms
from tests.makers_policy import ON, a_changed_edition, an_edition, cny


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2027, 12, 31), 2, date(2028, 2, 29)),
        (date(2026, 6, 15), 12, date(2027, 6, 15)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
        (date(2026, 11, 5), 1, date(2026, 12, 5)),
        (date(9999, 11, 30), 1, date(9999, 12, 30)),
        (date(9999, 12, 1), 1, date.max),
        (date(9999, 1, 31), 12, date.max),
        (date.max, 0, date.max),
    ],
)
def test_months_end_on_the_same_day_or_the_last_there_is(
    day: date, months: int, later: date
) -> None:
    assert months_later(day, months) == later


def test_a_line_is_held_to_the_most_by_name_that_its_letter_says() -> None:
    said = some_terms(nominal_limit=cny(900_000))
    ends_on = date(2027, 6, 30)
    assert use_bounds(said, ends_on, 30, an_edition()).fitting.nominal_limit == cny(900_000)
    unsaid = said.model_copy(update={"nominal_limit": None})
    assert use_bounds(unsaid, ends_on, 30, an_edition()).fitting.nominal_limit is None


def test_a_year_ends_the_day_before_its_next() -> None:
    dates = line_dates(date(2026, 7, 1), 12, "A", an_edition())

    assert dates.ends_on == date(2027, 6, 30)
    assert dates.last_draw_on == date(2027, 6, 30)
    assert dates.review_due_on == date(2027, 6, 30), "before the line ends, not the day after"


def test_weaker_grades_are_looked_at_more_often() -> None:
    assert review_due_on(ON, "B", an_edition()) == date(2026, 12, 30)
    assert line_dates(ON, 24, "CCC", an_edition()).review_due_on == date(2026, 9, 30)


def test_the_last_draw_may_lie_before_the_end() -> None:
    edition = a_changed_edition("[line]\nlast_draw_days_before_end = 30")

    assert line_dates(date(2026, 7, 1), 12, "A", edition).last_draw_on == date(2027, 5, 31)


def test_a_temporary_line_ends_on_its_day() -> None:
    dates = line_dates(ON, 12, "A", an_edition(), temporary_until=date(2026, 8, 1))

    assert dates.ends_on == date(2026, 8, 1)


def test_the_bounds_of_a_temporary_limit_and_of_a_reservation() -> None:
    assert temporary_limit_max(cny("100.01"), an_edition()) == cny("150.01")
    assert temporary_until_max(ON, an_edition()) == date(2026, 9, 28)
    assert reservation_seconds(an_edition()) == 86_400
