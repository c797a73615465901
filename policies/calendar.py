"""Which days are worked: the calendar an edition names, as data of the `holidays` package.

Chinese days off and the weekend days made up for them (调休) follow the yearly notices of the
State Council; a year whose notice is not out has the statutory days only. What the package does
not know, a notice that came late or a unit's own hours, the edition says in dated rows.
"""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import TypeVar

import holidays

from domain.calendar import DayHours, WorkCalendar
from domain.edition import ApprovalPolicy, CalendarRow, Dated, OfficeHours
from domain.errors import EditionInvalid
from domain.reasons import because

ALWAYS = "always"
_YEARS = range(2010, 2036)
_Row = TypeVar("_Row", OfficeHours, CalendarRow)


@lru_cache(maxsize=8)
def work_calendar(name: str) -> WorkCalendar:
    """The calendar by its ISO 3166-1 code, or `always`; refuses `EditionInvalid`."""
    if name == ALWAYS:
        return WorkCalendar(always_open=True)
    if name not in holidays.list_supported_countries():
        raise EditionInvalid(**because("calendar_unknown", name=name))
    days = holidays.country_holidays(name, years=_YEARS)
    return WorkCalendar(
        days_off=frozenset(day for day in days if day.weekday() < 5),
        made_up_days=frozenset(getattr(days, "weekend_workdays", ())),
    )


def calendar_of(policy: ApprovalPolicy, unit: str = "") -> WorkCalendar:
    """The calendar that counts in a unit: its own rows before those of every unit."""
    hours = _own_first(policy.hours, unit)
    named = next((row.calendar for row in hours if row.calendar), policy.calendar)
    plain = work_calendar(named)
    return plain.model_copy(
        update={
            "zone": next((row.zone for row in hours if row.zone), plain.zone),
            "opens": next((row.opens for row in hours if row.opens is not None), plain.opens),
            "closes": next((row.closes for row in hours if row.closes is not None), plain.closes),
            "rows": tuple(_day_hours(row) for row in _own_first(policy.days, unit)),
        }
    )


def _own_first(rows: Sequence[_Row], unit: str) -> list[_Row]:
    """The rows of a unit, then those of every unit; no other's."""
    return sorted((row for row in rows if row.unit in ("", unit)), key=lambda row: not row.unit)


def _day_hours(row: CalendarRow) -> DayHours:
    return DayHours(
        first_on=row.effective_from,
        last_on=row.effective_until,
        works=row.works,
        opens=row.opens,
        closes=row.closes,
    )


def in_force(row: Dated, on: date) -> bool:
    """Whether a dated row of an edition holds on a day."""
    begun = row.effective_from is None or row.effective_from <= on
    return begun and (row.effective_until is None or on <= row.effective_until)
