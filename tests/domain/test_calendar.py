"""Deadlines count working hours, and the business day is a date of the legal entity's zone."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import WorkCalendar, business_on
from policies.calendar import work_calendar

ALWAYS = WorkCalendar(always_open=True)
CHINA = work_calendar("CN")


def at(year: int, month: int, day: int, hour: int) -> datetime:
    """An instant by the wall clock of Shanghai."""
    return datetime(year, month, day, hour, tzinfo=UTC) - timedelta(hours=8)


def test_the_business_day_turns_at_midnight_in_shanghai() -> None:
    assert business_on(datetime(2026, 11, 20, 15, 59, tzinfo=UTC)) == date(2026, 11, 20)
    assert business_on(datetime(2026, 11, 20, 16, 0, tzinfo=UTC)) == date(2026, 11, 21)
    assert business_on(datetime(2026, 11, 20, 1, tzinfo=UTC), -10) == date(2026, 11, 10)


def test_hours_stop_at_night_and_at_weekends() -> None:
    friday_afternoon = at(2026, 11, 20, 17)

    assert CHINA.after(friday_afternoon, Decimal(2)) == at(2026, 11, 23, 10)


def test_hours_stop_over_the_national_day_holiday() -> None:
    assert CHINA.after(at(2026, 9, 30, 17), Decimal(2)) == at(2026, 10, 8, 10)


def test_a_made_up_saturday_is_worked() -> None:
    assert CHINA.works_on(date(2026, 10, 10))
    assert not CHINA.works_on(date(2026, 10, 17))


def test_2025_and_2026_have_248_working_days_each() -> None:
    for year in (2025, 2026):
        days = (date(year, 1, 1) + timedelta(days=n) for n in range(365))
        assert sum(map(CHINA.works_on, days)) == 248


def test_an_offset_moves_the_business_day_and_not_the_clock() -> None:
    # Run as of ten days later, this Friday afternoon is a Monday afternoon.
    assert CHINA.after(at(2026, 11, 20, 17), Decimal(2), 10) == at(2026, 11, 21, 10)


def test_a_part_of_an_hour_is_rounded_up_to_the_second() -> None:
    start = at(2026, 11, 20, 10)

    assert CHINA.after(start, Decimal("0.0001")) == start + timedelta(seconds=1)


@given(
    start=st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),
    hours=st.decimals(0, 60, places=2),
    more=st.decimals(0, 10, places=2),
)
def test_later_or_longer_is_never_earlier(start: datetime, hours: Decimal, more: Decimal) -> None:
    due = CHINA.after(start, hours)

    assert due >= start
    assert CHINA.after(start, hours + more) >= due
    assert due >= ALWAYS.after(start, hours)
