"""What time it is for a request: the instant it arrived, and the business day of that instant."""

from datetime import UTC, date, datetime

from domain.calendar import ZONE, business_on


class Clock:
    """The machine's clock, and a business day that an installation may have moved."""

    def __init__(self, offset_days: int = 0, zone: str = ZONE) -> None:
        self.offset_days = offset_days
        self._zone = zone

    def now(self) -> datetime:
        """The instant, in UTC; the offset does not move it."""
        return datetime.now(UTC)

    def business_on(self) -> date:
        """The date in the legal entity's zone, moved by the installation's offset."""
        return business_on(self.now(), self.offset_days, self._zone)
