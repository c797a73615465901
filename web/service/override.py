"""What may be asked of overrides: those of a case with what is allowed, all of them, the report."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from domain.calendar import day_begins_at, days_before
from domain.edition import OverridePolicy
from domain.errors import PeriodReversed
from domain.identity import Person, Role
from domain.override import Override, OverrideReport
from domain.value import Value
from policies.override import override_report
from storage.base import Records
from storage.edition import Editions
from storage.identity import Persons
from storage.override import Overrides
from web.service.application import visible_case
from web.service.clock import Clock
from web.service.permissions import Action, permit

REPORT_DAYS = 365  # where no beginning is named


class CaseOverrides(Value):
    """The overrides of a case, the first first, and what its edition allows."""

    policy: OverridePolicy
    items: tuple[Override, ...]


class OverrideService:
    """Overrides, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def list_of_case(self, person: Person, case_id: str) -> CaseOverrides:
        """What was asked for on a case and how each ended; `NotFound` where it is not seen."""
        permit(person, Action.APPLICATION_READ)
        with self._records.begin() as session:
            case = visible_case(session, person, case_id)
            return CaseOverrides(
                policy=Editions(session).read(case.edition_hash).override,
                items=tuple(Overrides(session).list_of_case(case_id)),
            )

    def list_overrides(
        self,
        person: Person,
        *,
        analyst: str | None = None,
        since: date | None = None,
        until: date | None = None,
        before: tuple[datetime, str] | None = None,
        page_size: int = 50,
    ) -> Sequence[Override]:
        """Overrides by the business day they were proposed on, newest first."""
        permit(person, Action.OVERRIDE_READ)
        if since is not None and until is not None:
            _refuse_reversed(since, until)
        with self._records.begin() as session:
            return Overrides(session).list_page(
                page_size=page_size, before=before, analyst=analyst, since=since, until=until
            )

    def report(
        self,
        person: Person,
        *,
        analyst: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> OverrideReport:
        """How often, how far and with what outcome grades were moved, by analyst.

        Up to today and over a year, where no days are named.
        """
        permit(person, Action.OVERRIDE_READ)
        today = self._clock.business_on()
        last = until or today
        first = since or days_before(last, REPORT_DAYS)
        _refuse_reversed(first, last)
        offset = self._clock.offset_days
        with self._records.begin() as session:
            overrides = Overrides(session)
            traces = overrides.traces(first, last, analyst)
            analysts = {
                each.person_id
                for each in Persons(session).list_persons()
                if each.has(Role.RISK_OFFICER, Role.APPROVER)
            } | {trace.analyst for trace in traces}
            touched = overrides.touched(
                analysts if analyst is None else {analyst},
                day_begins_at(first, offset),
                day_begins_at(min(last, today) + timedelta(days=1), offset),
            )
        return override_report(traces, touched, first, last)


def _refuse_reversed(since: date, until: date) -> None:
    if until < since:
        raise PeriodReversed(since=since, until=until)
