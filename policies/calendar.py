"""Which days are worked: the calendar an edition names, as data of the `holidays` package.

Chinese days off and the weekend days made up for them (调休) follow the yearly notices of the
State Council; a year whose notice is not out has the statutory days only.
"""

from datetime import date
from functools import lru_cache

import holidays

from domain.calendar import WorkCalendar
from domain.edition import Dated
from domain.errors import EditionInvalid
from domain.reasons import because

ALWAYS = "always"
_YEARS = range(2010, 2036)


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


def in_force(row: Dated, on: date) -> bool:
    """Whether a dated row of an edition holds on a day."""
    begun = row.effective_from is None or row.effective_from <= on
    return begun and (row.effective_until is None or on <= row.effective_until)
