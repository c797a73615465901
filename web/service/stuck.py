"""What does not go on, and why: our records first, and Temporal about those that the records suspect.

Looking costs what fails and what is late, not what there is; the one exception says so: comparing
everything that is open on record with everything that runs.
"""

from collections.abc import Iterable, Sequence, Sized
from datetime import date, datetime, timedelta

from domain.errors import NotFound
from domain.identity import Person
from domain.operations import ATTEMPTS_TOLERATED, Cause, Stuck, WorkflowLook, causes_of
from domain.value import Value
from policies.waiting import gravest_first
from storage.base import Records
from storage.notification import Outbox
from storage.operations import StepFailures, Suspect, UnderWay
from web.service import inspection
from web.service.clock import Clock
from web.service.gateway import Gateway, TemporalUnavailable
from web.service.permissions import Action, permit
from workflows.names import (
    CASES_QUEUE,
    PORTFOLIO_QUEUE,
    application_id,
    approval_id,
    collection_id,
    contract_id,
    line_id,
    review_id,
)

# A program that is well takes less than this to move a case on.
MOVES_WITHIN = timedelta(minutes=1)
_MOST = 200
_WORKFLOWS = {
    "application": "CreditApplicationWorkflow",
    "approval": "ApprovalWorkflow",
    "contract": "ContractSigningWorkflow",
    "line": "CreditLineWorkflow",
    "review": "ReviewWorkflow",
    "collection": "CollectionWorkflow",
}


class StuckList(Value):
    """What was found, the gravest first. Without Temporal only the records were asked.

    `more` says that a list was cut at its end: mend what is shown and look again.
    """

    items: tuple[Stuck, ...]
    temporal_answers: bool
    compared: int | None = None  # how many open records were compared with what runs
    more: bool = False


class StuckService:
    """Looking for what is stuck, over one memory and one way to Temporal."""

    def __init__(self, records: Records, gateway: Gateway, clock: Clock) -> None:
        self._records = records
        self._gateway = gateway
        self._clock = clock

    def list_stuck(self, person: Person, *, compare: bool = False) -> StuckList:
        """Everything that does not go on, with its cause; `compare` also holds every open record
        against every running workflow, which takes as long as there are of them."""
        permit(person, Action.OPERATIONS_READ)
        now, on = self._clock.now(), self._clock.business_on()
        looking = Looking(self._records, self._gateway)
        found = looking.on_record(now)
        compared = None
        try:
            found += looking.in_temporal(now, on)
            if compare:
                differing, compared = looking.compared(now)
                known = {each.subject for each in found}
                found += [each for each in differing if each.subject not in known]
        except TemporalUnavailable:
            return StuckList(
                items=gravest_first(found + looking.failing_on_record()),
                temporal_answers=False,
                more=looking.cut,
            )
        return StuckList(
            items=gravest_first(found), temporal_answers=True, compared=compared, more=looking.cut
        )


class Looking:
    """One look at what is under way; `cut` where any of what was found had more than is listed."""

    def __init__(self, records: Records, gateway: Gateway) -> None:
        self._records = records
        self._gateway = gateway
        self.cut = False

    def _noted(self, *lists: Sized) -> None:
        self.cut = self.cut or any(len(each) >= _MOST for each in lists)

    def on_record(self, now: datetime) -> list[Stuck]:
        """Late answers and deliveries that fail."""
        with self._records.begin() as session:
            tasks = UnderWay(session).overdue(now, _MOST)
            entries = Outbox(session).list_failing(ATTEMPTS_TOLERATED, _MOST)
        late = [
            Stuck(
                subject=f"task/{task.task_id}",
                cause=Cause.OVERDUE,
                since=task.due_at,
                case_id=task.case_id,
                waiting_for=task.position,
            )
            for task in tasks
        ]
        undelivered = [
            Stuck(
                subject=f"outbox#{entry.entry_no}",
                cause=Cause.DELIVERY_FAILING,
                since=entry.recorded_at,
                case_id=entry.case_id,
                step=entry.kind,
                attempts=entry.attempts,
                error=entry.last_error,
                next_at=entry.next_attempt_at if entry.state == "pending" else None,
            )
            for entry in entries
        ]
        self._noted(late, undelivered)
        return late + undelivered

    def failing_on_record(self) -> list[Stuck]:
        """Steps that their workers saw fail, where Temporal cannot be asked about them."""
        with self._records.begin() as session:
            failures = StepFailures(session).list_open(_MOST)
        self._noted(failures)
        return [
            Stuck(
                subject=each.workflow_id,
                cause=Cause.STEP_FAILING,
                since=each.first_failed_at,
                step=each.step,
                step_id=each.step_id,
                attempts=each.attempts,
                error=each.error,
            )
            for each in failures
        ]

    def in_temporal(self, now: datetime, on: date) -> list[Stuck]:
        """What Temporal says of those that should have moved, and of its own accord."""
        with self._records.begin() as session:
            failures = StepFailures(session).list_open(_MOST)
            suspects = UnderWay(session).suspects(now - MOVES_WITHIN, on, _MOST)
        found = [
            Stuck(subject=f"queue/{queue}", cause=Cause.NO_WORKER)
            for queue in self._gateway.ask(
                lambda client: inspection.unpolled(client, (CASES_QUEUE, PORTFOLIO_QUEUE))
            )
        ]
        suspected = {workflow_id_of(each): each for each in suspects}
        failing = self._gateway.ask(lambda client: inspection.failing_tasks(client, _MOST))
        self._noted(failures, suspects, failing)
        for subject in dict.fromkeys([*(each.workflow_id for each in failures), *failing]):
            if subject not in suspected:
                found += self.of_workflow(subject, None, open_on_record=False)
        for subject, suspect in suspected.items():
            found += self.of_workflow(subject, suspect.case_id, since=suspect.since)
        return found

    def of_workflow(
        self,
        subject: str,
        case_id: str | None,
        *,
        open_on_record: bool = True,
        since: datetime | None = None,
    ) -> list[Stuck]:
        """What keeps one workflow, or that it is not there although it is open on record."""
        look = self.find(subject)
        if look is None or not look.runs:
            if not open_on_record:
                return []
            cause = Cause.WORKFLOW_MISSING if look is None else Cause.WORKFLOW_ENDED
            error = look.status if look else ""
            return [Stuck(subject=subject, cause=cause, case_id=case_id, since=since, error=error)]
        return list(causes_of(look, case_id or self.case_of(subject)))

    def find(self, subject: str) -> WorkflowLook | None:
        try:
            return self._gateway.ask(lambda client: inspection.look_at(client, subject))
        except NotFound:
            return None

    def case_of(self, subject: str) -> str | None:
        kind, _, rest = subject.partition("/")
        with self._records.begin() as session:
            return UnderWay(session).case_of(kind, rest.partition("/")[0])

    def compared(self, now: datetime) -> tuple[list[Stuck], int]:
        """Open records without a running workflow, and the reverse. What began or ended while we
        looked is asked for once more."""
        before = now - MOVES_WITHIN
        runs = {
            each.workflow_id: each.started_at
            for workflow in _WORKFLOWS.values()
            for each in self._running(workflow)
        }
        with self._records.begin() as session:
            every = {workflow_id_of(each): each for each in UnderWay(session).every_open(before)}
        found: list[Stuck] = []
        self._noted(every.keys() - runs.keys())
        for subject in sorted(every.keys() - runs.keys())[:_MOST]:
            found += self._gone(subject, every[subject])
        strangers = sorted(each for each in runs.keys() - every.keys() if runs[each] < before)
        self._noted(strangers)
        for subject in strangers[:_MOST]:
            look = self.find(subject)
            if look is not None and look.runs:
                found.append(
                    Stuck(
                        subject=subject,
                        cause=Cause.RECORD_ENDED,
                        case_id=self.case_of(subject),
                        since=look.started_at,
                    )
                )
        return found, len(every)

    def _running(self, workflow: str) -> Iterable[inspection.Running]:
        return self._gateway.ask(lambda client: inspection.running(client, workflow))

    def _gone(self, subject: str, suspect: Suspect) -> Sequence[Stuck]:
        found = self.of_workflow(subject, suspect.case_id, since=suspect.since)
        gone = (Cause.WORKFLOW_MISSING, Cause.WORKFLOW_ENDED)
        return [each for each in found if each.cause in gone]


def workflow_id_of(suspect: Suspect) -> str:
    """The workflow that an open record belongs to."""
    match suspect.kind:
        case "approval":
            return approval_id(suspect.subject_id, suspect.n)
        case "review":
            return review_id(suspect.subject_id, suspect.n)
    return _NAMES[suspect.kind](suspect.subject_id)


_NAMES = {
    "application": application_id,
    "contract": contract_id,
    "line": line_id,
    "collection": collection_id,
}
