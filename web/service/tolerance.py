"""What may be asked about tolerances: how much policy lets pass, and how often that was used."""

from datetime import date

from domain.errors import PeriodReversed
from domain.identity import Person
from domain.tolerance import TolerancesReport
from policies.tolerance import tolerances_of
from storage.base import Records
from storage.edition import Editions
from storage.tolerance import ToleranceUses
from web.service.clock import Clock
from web.service.permissions import Action, permit


class ToleranceService:
    """Tolerances, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def read(
        self, person: Person, *, since: date | None = None, until: date | None = None
    ) -> TolerancesReport:
        """The tolerances in force on a day, and their uses up to it by tolerance, edition and
        month; of the last twelve months unless days are named. Refuses `PeriodReversed`."""
        permit(person, Action.TOLERANCE_READ)
        last = until or self._clock.business_on()
        first = since or date(max(last.year - 1, 1), last.month, 1)
        if last < first:
            raise PeriodReversed(since=first, until=last)
        with self._records.begin() as session:
            edition = Editions(session).read_current(last)
            return TolerancesReport(
                edition=edition.name,
                since=first,
                until=last,
                rows=tolerances_of(edition),
                counts=ToleranceUses(session).count(first, last),
            )
