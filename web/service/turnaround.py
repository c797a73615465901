"""What may be asked of time: whose it was in a case, how long things take, and what will be late."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from domain.calendar import WorkCalendar, day_begins_at
from domain.edition import PolicyEdition
from domain.errors import NotFound
from domain.identity import Person
from domain.turnaround import (
    CaseClock,
    CaseHistory,
    Court,
    TaskForecast,
    TaskSpan,
    TurnaroundBy,
    TurnaroundTable,
)
from domain.value import Value
from policies.calendar import calendar_of
from policies.turnaround import Lasted, case_clock, forecast, turnaround_rows
from storage.base import Records
from storage.edition import Editions
from storage.turnaround import Histories
from web.service.application import visible_case
from web.service.classification import edition_on, past_day
from web.service.clock import Clock
from web.service.cohort import csv_text
from web.service.permissions import Action, permit


class CaseTime(Value):
    """A case's time, and what its open tasks are expected to take."""

    clock: CaseClock
    tasks: tuple[TaskForecast, ...]


class TurnaroundService:
    """Turn-round, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def read_clock(self, person: Person, case_id: str, as_of: date | None = None) -> CaseTime:
        """Whose time a case took, up to now or to the end of a day; refuses `DateInFuture`, and
        `NotFound` where nothing was known of it then."""
        permit(person, Action.APPLICATION_READ)
        until = self._until(as_of)
        with self._records.begin() as session:
            visible_case(session, person, case_id)
            history = Histories(session).find(case_id)
            if history is None or history.events[0].at > until:
                raise NotFound(kind="application", id=case_id)
            working = _Working(session, self._clock, self._clock.business_on())
            tasks = Histories(session).open_tasks(until, case_id)
            return CaseTime(
                clock=working.clock_of(history, until),
                tasks=tuple(working.forecasts(tasks, until)) if as_of is None else (),
            )

    def read_table(
        self,
        person: Person,
        by: TurnaroundBy = TurnaroundBy.STAGE,
        as_of: date | None = None,
        since: date | None = None,
    ) -> TurnaroundTable:
        """How long what ended in a period took; refuses `DateInFuture`.

        Whose name stands beside a figure is for fewer eyes than the figure.
        """
        permit(person, Action.TURNAROUND_READ)
        if by is TurnaroundBy.PERSON:
            permit(person, Action.PERSON_TIMES_READ)
        on = past_day(as_of, self._clock)
        until = self._until(on)
        since_at = day_begins_at(since, self._clock.offset_days) if since is not None else None
        with self._records.begin() as session:
            working, histories = _Working(session, self._clock, on), Histories(session)
            if by in (TurnaroundBy.POSITION, TurnaroundBy.PERSON):
                spans = [*histories.decided_tasks(since_at, until), *histories.open_tasks(until)]
                lasted = working.tasks_lasted(spans, by, until)
            else:
                clocks = ((each, working.clock_of(each, until)) for each in histories.before(until))
                lasted = _cases_lasted(clocks, by, since_at)
            return TurnaroundTable(by=by, as_of=on, since=since, rows=turnaround_rows(lasted))

    def list_late(self, person: Person) -> Sequence[TaskForecast]:
        """The open tasks that are late, or will be if they take as long as usual."""
        permit(person, Action.TURNAROUND_READ)
        now = self._clock.now()
        with self._records.begin() as session:
            tasks = Histories(session).open_tasks(now)
            on = self._clock.business_on()
            found = _Working(session, self._clock, on).forecasts(tasks, now)
            return [each for each in found if each.breach_expected]

    def _until(self, as_of: date | None) -> datetime:
        """Now, or the last instant of a past day."""
        if as_of is None:
            return self._clock.now()
        on = past_day(as_of, self._clock)
        ends = day_begins_at(on + timedelta(days=1), self._clock.offset_days)
        return min(ends - timedelta(microseconds=1), self._clock.now())


class _Working:
    """The calendars by which times are counted, each case's by its own edition and unit."""

    def __init__(self, session: Session, clock: Clock, on: date) -> None:
        self._session = session
        self._offset_days = clock.offset_days
        self._current = edition_on(session, on)
        self._editions: dict[str, PolicyEdition] = {}
        self._calendars: dict[tuple[str, str], WorkCalendar] = {}

    def clock_of(self, history: CaseHistory, until: datetime) -> CaseClock:
        policy = self._edition(history.edition_hash).turnaround
        calendar = self._calendar(history.edition_hash, history.unit)
        return case_clock(history, policy, calendar, until, self._offset_days)

    def forecasts(self, tasks: Sequence[TaskSpan], now: datetime) -> Iterator[TaskForecast]:
        policy = self._current.turnaround
        since = now - timedelta(days=policy.usual_days)
        asked = sorted({task.position for task in tasks})
        found = Histories(self._session).usual_tasks(asked, since, now, policy.usual_tasks_max)
        usual: dict[str, list[int]] = {}
        for span in found:
            usual.setdefault(span.position, []).append(self._worked(span, now))
        for task in tasks:
            calendar = self._calendar(task.edition_hash, task.unit)
            decided = usual.get(task.position, [])
            yield forecast(task, decided, policy, calendar, now, self._offset_days)

    def tasks_lasted(
        self, spans: Iterable[TaskSpan], by: TurnaroundBy, until: datetime
    ) -> Iterator[Lasted]:
        for span in spans:
            key = span.person_id if by is TurnaroundBy.PERSON else span.position
            if key is None:  # nobody has an open task of their own
                continue
            ended = span.decided_at or until
            yield Lasted(
                key=key,
                court=None,
                working_seconds=self._worked(span, until),
                calendar_seconds=(ended - span.opened_at) // timedelta(seconds=1),
                ended=span.decided_at is not None,
            )

    def _worked(self, span: TaskSpan, until: datetime) -> int:
        calendar = self._calendar(span.edition_hash, span.unit)
        worked = calendar.between(span.opened_at, span.decided_at or until, self._offset_days)
        return worked // timedelta(seconds=1)

    def _edition(self, edition_hash: str) -> PolicyEdition:
        if not edition_hash:
            return self._current
        if edition_hash not in self._editions:
            self._editions[edition_hash] = Editions(self._session).read(edition_hash)
        return self._editions[edition_hash]

    def _calendar(self, edition_hash: str, unit: str) -> WorkCalendar:
        key = edition_hash, unit
        if key not in self._calendars:
            self._calendars[key] = calendar_of(self._edition(edition_hash).approval, unit)
        return self._calendars[key]


def _cases_lasted(
    clocks: Iterable[tuple[CaseHistory, CaseClock]], by: TurnaroundBy, since: datetime | None
) -> Iterator[Lasted]:
    """Stages of cases, or cases by type, whole and by whose time it was."""
    for history, clock in clocks:
        if by is TurnaroundBy.STAGE:
            for number, spell in enumerate(clock.spells, start=1):
                ended = clock.ended or number < len(clock.spells)
                if not ended or since is None or spell.until_at >= since:
                    yield Lasted(
                        key=spell.stage,
                        court=spell.court,
                        working_seconds=spell.working_seconds,
                        calendar_seconds=spell.calendar_seconds,
                        ended=ended,
                        reminders=spell.reminders,
                    )
        elif not clock.ended or since is None or clock.until_at >= since:
            yield _case_lasted(history, clock, None)
            for court in Court:
                yield _case_lasted(history, clock, court)


def _case_lasted(history: CaseHistory, clock: CaseClock, court: Court | None) -> Lasted:
    time = next((each for each in clock.courts if each.court is court), clock)
    return Lasted(
        key=history.application_type,
        court=court,
        working_seconds=time.working_seconds,
        calendar_seconds=time.calendar_seconds,
        ended=clock.ended,
        reminders=sum(spell.reminders for spell in clock.spells if court in (None, spell.court)),
    )


def turnaround_csv(table: TurnaroundTable) -> str:
    """The report as CSV; times are seconds."""
    return csv_text(
        [
            {"as_of": table.as_of, "since": table.since, **row.model_dump(mode="json")}
            for row in table.rows
        ]
    )
