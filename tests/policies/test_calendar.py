"""Which days and hours are worked: the calendar an edition names, and what its dated rows change."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import WorkCalendar
from domain.edition import PolicyEdition
from policies.calendar import calendar_of, work_calendar
from policies.edition import check
from tests.makers_policy import a_changed_edition, an_edition

SHANGHAI = ZoneInfo("Asia/Shanghai")
ROWS = """
[[approval.hours]]
unit = "london"
zone = "Europe/London"
calendar = "GB"
closes = 17.5

[[approval.days]]
code = "spring_2027"
works = false
effective_from = 2027-02-05
effective_until = 2027-02-12

[[approval.days]]
code = "made_up_2027"
works = true
effective_from = 2027-02-20
effective_until = 2027-02-20

[[approval.days]]
code = "summer_hours"
opens = 8
closes = 15
effective_from = 2027-07-01
effective_until = 2027-08-31

[[approval.days]]
code = "london_move"
unit = "london"
works = false
effective_from = 2027-06-07
effective_until = 2027-06-07
"""
TOLD = a_changed_edition(ROWS)


@pytest.fixture
def edition() -> PolicyEdition:
    return TOLD


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def test_an_edition_without_rows_counts_as_it_always_did() -> None:
    assert calendar_of(an_edition().approval) == work_calendar("CN")
    assert calendar_of(an_edition().approval, "london") == work_calendar("CN")


def test_a_year_whose_notice_is_not_out_has_the_statutory_days_and_no_made_up_ones() -> None:
    calendar = work_calendar("CN")

    assert not calendar.works_on(date(2027, 10, 1))
    assert not any(day.year == 2027 for day in calendar.made_up_days)
    assert any(day.year == 2026 for day in calendar.made_up_days)


def test_what_a_late_notice_says_is_a_row(edition: PolicyEdition) -> None:
    plain, told = work_calendar("CN"), calendar_of(edition.approval)

    assert not plain.works_on(date(2027, 2, 20))
    assert told.works_on(date(2027, 2, 20))
    assert plain.works_on(date(2027, 2, 12))
    assert not told.works_on(date(2027, 2, 12))
    # Thursday before, one hour left; then the week off and the weekend after it.
    assert told.after(at("2027-02-04T17:00"), Decimal(2)) == at("2027-02-15T10:00")
    assert told.after(at("2027-02-19T17:00"), Decimal(2)) == at("2027-02-20T10:00")


def test_other_hours_hold_on_their_days_and_leave_weekends_alone(edition: PolicyEdition) -> None:
    calendar = calendar_of(edition.approval)

    assert calendar.after(at("2027-07-01T14:00"), Decimal(2)) == at("2027-07-02T09:00")
    assert calendar.after(at("2027-07-02T14:00"), Decimal(2)) == at("2027-07-05T09:00")
    assert calendar.after(at("2027-09-01T17:00"), Decimal(2)) == at("2027-09-02T10:00")


def test_a_unit_has_its_own_zone_and_days_before_those_of_all(edition: PolicyEdition) -> None:
    london, zone = calendar_of(edition.approval, "london"), ZoneInfo("Europe/London")

    assert london.after(at("2027-06-04T17:00", zone), Decimal(1)) == at("2027-06-08T09:30", zone)
    assert not london.works_on(date(2027, 12, 27))  # Boxing Day's substitute or Christmas' own
    assert calendar_of(edition.approval).works_on(date(2027, 12, 27))
    # The rows of every unit hold there too.
    assert not london.works_on(date(2027, 2, 12))
    assert calendar_of(edition.approval, "beijing") == calendar_of(edition.approval)


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Australia/Lord_Howe"])
def test_a_day_on_which_clocks_change_is_as_long_as_it_is(zone: str) -> None:
    always_on = WorkCalendar(zone=zone, opens=Decimal(0), closes=Decimal(24))
    year = range(365)
    lengths = {
        always_on.between(
            datetime(2026, 1, 1, tzinfo=ZoneInfo(zone)) + timedelta(days=n),
            datetime(2026, 1, 1, tzinfo=ZoneInfo(zone)) + timedelta(days=n + 1),
        )
        for n in year
        if (date(2026, 1, 1) + timedelta(days=n)).weekday() < 5
    }

    # Clocks change on Sundays there, so that a working day is a day's length ...
    assert lengths == {timedelta(days=1)}
    # ... and where a Sunday is made up for, the hours that pass are counted, not those of the wall.
    sundays = {date(2026, 3, 29): 23, date(2026, 10, 25): 25} if zone == "Europe/London" else {}
    for sunday, hours in sundays.items():
        worked = always_on.model_copy(update={"made_up_days": frozenset({sunday})})
        begins = datetime.combine(sunday, datetime.min.time(), ZoneInfo(zone))
        assert worked.between(begins, begins + timedelta(days=1)) == timedelta(hours=hours)
        assert worked.after(begins, Decimal(12)) - begins.astimezone(UTC) == timedelta(hours=12)


@given(
    start=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    hours=st.decimals(0, 90, places=2),
    unit=st.sampled_from(["", "london", "beijing"]),
    offset=st.integers(-20, 20),
)
def test_between_is_what_after_counted(
    start: datetime, hours: Decimal, unit: str, offset: int
) -> None:
    calendar = calendar_of(TOLD.approval, unit)

    due = calendar.after(start, hours, offset)

    seconds = int((hours * 3600).to_integral_value(rounding="ROUND_CEILING"))
    assert calendar.between(start, due, offset) == timedelta(seconds=seconds)
    assert calendar.between(due, start, offset) == timedelta(0)


@given(
    st.lists(
        st.datetimes(datetime(2026, 9, 20), datetime(2026, 11, 1), timezones=st.just(UTC)),
        min_size=2,
        max_size=6,
    )
)
def test_parts_of_a_time_add_up_to_it(instants: list[datetime]) -> None:
    calendar, ordered = work_calendar("CN"), sorted(instants)

    parts = [calendar.between(a, b) for a, b in pairwise(ordered)]

    assert sum(parts, timedelta(0)) == calendar.between(ordered[0], ordered[-1])


def test_the_working_time_of_a_year_is_that_of_its_days() -> None:
    days = holidays.country_holidays("CN", years=2026)
    worked = [
        day
        for n in range(365)
        if (day := date(2026, 1, 1) + timedelta(days=n)) in days.weekend_workdays
        or (day.weekday() < 5 and day not in days)
    ]

    found = work_calendar("CN").between(at("2026-01-01T00:00"), at("2027-01-01T00:00"))

    assert found == len(worked) * timedelta(hours=9)


def test_a_calendar_that_never_opens_is_refused_instead_of_searched_for_ever() -> None:
    never = WorkCalendar(opens=Decimal(9), closes=Decimal(9))

    with pytest.raises(ValueError, match="no working day"):
        never.after(at("2026-01-05T09:00"), Decimal(1))


@pytest.mark.parametrize(
    ("rows", "path", "code"),
    [
        ('[[approval.hours]]\nzone = "Mars/Base"', "approval.hours.all.zone", "unknown"),
        ('[[approval.hours]]\ncalendar = "XX"', "approval.hours.all.calendar", "unknown"),
        ("[[approval.hours]]\nopens = 18", "approval.hours.all", "order"),
        ('[[approval.days]]\ncode = "x"', "approval.days.x", "unread"),
        ('[[approval.days]]\ncode = "x"\nworks = false', "approval.days.x", "incomplete"),
        ('[[approval.days]]\ncode = "x"\nopens = 19', "approval.days.x", "order"),
        (
            '[[approval.days]]\ncode = "a"\nopens = 8\neffective_until = 2027-01-05\n'
            '[[approval.days]]\ncode = "b"\nopens = 7\neffective_from = 2027-01-05',
            "approval.days",
            "overlap",
        ),
    ],
)
def test_a_calendar_that_does_not_hold_together_is_found(rows: str, path: str, code: str) -> None:
    found = check(a_changed_edition(rows))

    assert (path, code) in {(each.path, each.code) for each in found}


def test_the_rows_above_hold_together_and_are_written_and_read_as_they_are(
    edition: PolicyEdition,
) -> None:
    assert check(edition) == []
    assert PolicyEdition.of_toml(edition.as_toml()) == edition
