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


def days_before(day: date, days: int) -> date:
    """So many days earlier; never before the first of all days."""
    return day - min(timedelta(days=days), day - date.min)


def days_after(day: date, days: int) -> date:
    """So many days later; never after the last of all days."""
    return day + min(timedelta(days=days), date.max - day)


def day_begins_at(day: date, offset_days: int = 0, zone: str = ZONE) -> datetime:
    """The first instant of a business date, in UTC; the inverse of `business_on`. What lies before
    the first of all instants begins with it."""
    try:
        midnight = datetime.combine(day - timedelta(days=offset_days), time(), ZoneInfo(zone))
        return midnight.astimezone(UTC)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


class DayHours(Value):
    """Days unlike the calendar's own, from one to another, both included; open where none is named.

    `works` is None where only the hours are others. Hours are counted from midnight.
    """

    first_on: date | None = None
    last_on: date | None = None
    works: bool | None = None
    opens: Decimal | None = None
    closes: Decimal | None = None

    def holds_on(self, day: date) -> bool:
        begun = self.first_on is None or self.first_on <= day
        return begun and (self.last_on is None or day <= self.last_on)


class WorkCalendar(Value):
    """Opening hours on working days; Saturdays and Sundays are off unless made up for.

    `days_off` are public holidays on weekdays, `made_up_days` weekend days that are worked
    (调休); of `rows` the first that holds and says something goes before both. Hours are counted
    from midnight by the wall clock of the zone. A calendar that is `always_open` counts every hour
    of every day.
    """

    zone: str = ZONE
    opens: Decimal = Decimal(9)
    closes: Decimal = Decimal(18)
    days_off: Annotated[frozenset[date], IN_ORDER] = frozenset()
    made_up_days: Annotated[frozenset[date], IN_ORDER] = frozenset()
    rows: tuple[DayHours, ...] = ()
    always_open: bool = False

    def works_on(self, day: date) -> bool:
        if self.always_open:
            return True
        for row in self.rows:
            if row.works is not None and row.holds_on(day):
                return row.works
        if day in self.made_up_days:
            return True
        return day.weekday() < 5 and day not in self.days_off

    def after(self, start_at: datetime, hours: Decimal, offset_days: int = 0) -> datetime:
        """The instant at which `hours` of working time have passed since `start_at`.

        Rounded up to the second. `offset_days` says which business day the start falls on. A day
        on which clocks change is as long as it is. Refuses a calendar that never opens for a year
        by `ValueError`.
        """
        seconds = int((hours * 3600).to_integral_value(rounding="ROUND_CEILING"))
        left, nothing = timedelta(seconds=seconds), timedelta(0)
        start = start_at.astimezone(UTC)  # where an hour is an hour, whatever clocks do
        if self.always_open:
            return (start + left).astimezone(start_at.tzinfo)
        day, idle = business_on(start_at, offset_days, self.zone), 0
        while idle <= 366:
            begins, closes = self._window(day, offset_days)
            begins = max(start, begins)
            available = max(closes - begins, nothing) if self.works_on(day) else nothing
            if nothing < available >= left:
                return (begins + left).astimezone(start_at.tzinfo)
            left -= available
            idle = 0 if available else idle + 1
            day += timedelta(days=1)
        raise ValueError("the calendar has no working day within a year")

    def between(self, start_at: datetime, end_at: datetime, offset_days: int = 0) -> timedelta:
        """The working time from one instant to a later one; none where the second is earlier."""
        start, end = start_at.astimezone(UTC), end_at.astimezone(UTC)
        if self.always_open:
            return max(end - start, timedelta(0))
        worked = timedelta(0)
        day, last = (business_on(at, offset_days, self.zone) for at in (start, end))
        while day <= last:
            if self.works_on(day):
                opens, closes = self._window(day, offset_days)
                worked += max(min(closes, end) - max(opens, start), timedelta(0))
            day += timedelta(days=1)
        return worked

    def _window(self, day: date, offset_days: int) -> tuple[datetime, datetime]:
        """When a business day opens and closes, in UTC."""
        opens, closes = self.opens, self.closes
        for row in reversed(self.rows):
            if row.holds_on(day):
                opens = opens if row.opens is None else row.opens
                closes = closes if row.closes is None else row.closes
        midnight = datetime.combine(day - timedelta(days=offset_days), time())
        return self._instant(midnight, opens), self._instant(midnight, closes)

    def _instant(self, midnight: datetime, hour: Decimal) -> datetime:
        at = midnight + timedelta(seconds=int(hour * 3600))
        return at.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)
