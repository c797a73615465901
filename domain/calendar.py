"""Business time: the date in the legal entity's zone, and deadlines in working hours.

Instants are aware datetimes. `offset_days` moves the business day, not the clock: it is how a
stack runs as of another day. Calendars are data; the days off come in as arguments.
"""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

from domain.value import IN_ORDER, Value

ZONE = "Asia/Shanghai"


def business_on(now: datetime, offset_days: int = 0, zone: str = ZONE) -> date:
    """The business date at an instant: the local date in the zone, moved by the offset."""
    return (now.astimezone(ZoneInfo(zone)) + timedelta(days=offset_days)).date()


def day_begins_at(day: date, offset_days: int = 0, zone: str = ZONE) -> datetime:
    """The first instant of a business date, in UTC; the inverse of `business_on`."""
    midnight = datetime.combine(day - timedelta(days=offset_days), time(), ZoneInfo(zone))
    return midnight.astimezone(UTC)


class WorkCalendar(Value):
    """Opening hours on working days; Saturdays and Sundays are off unless made up for.

    `days_off` are public holidays on weekdays, `made_up_days` weekend days that are worked
    (调休). A calendar that is `always_open` counts every hour of every day.
    """

    zone: str = ZONE
    opens: time = time(9)
    closes: time = time(18)
    days_off: Annotated[frozenset[date], IN_ORDER] = frozenset()
    made_up_days: Annotated[frozenset[date], IN_ORDER] = frozenset()
    always_open: bool = False

    def works_on(self, day: date) -> bool:
        if self.always_open:
            return True
        if day in self.made_up_days:
            return True
        return day.weekday() < 5 and day not in self.days_off

    def after(self, start_at: datetime, hours: Decimal, offset_days: int = 0) -> datetime:
        """The instant at which `hours` of working time have passed since `start_at`.

        Rounded up to the second. `offset_days` says which business day the start falls on.
        """
        seconds_left = int((hours * 3600).to_integral_value(rounding="ROUND_CEILING"))
        if self.always_open:
            return start_at + timedelta(seconds=seconds_left)
        shift = timedelta(days=offset_days)
        at = start_at.astimezone(ZoneInfo(self.zone)) + shift
        while True:
            opens, closes = self._window(at)
            begins = max(at, opens)
            available = int((closes - begins).total_seconds())
            if self.works_on(at.date()) and available > 0:
                if seconds_left <= available:
                    return (begins + timedelta(seconds=seconds_left) - shift).astimezone(
                        start_at.tzinfo
                    )
                seconds_left -= available
            at = datetime.combine(at.date() + timedelta(days=1), time(), at.tzinfo)

    def _window(self, at: datetime) -> tuple[datetime, datetime]:
        return (
            datetime.combine(at.date(), self.opens, at.tzinfo),
            datetime.combine(at.date(), self.closes, at.tzinfo),
        )
