"""One timeline of a case: its records, its workflows, its line's entries, notices, outside calls and
repairs, in order, each with where it is on record; and in one sentence why the case waits.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from domain.application import Case
from domain.contract import ContractStatus
from domain.identity import Person
from domain.money import Money
from domain.offer import OfferStatus
from domain.operations import CaseWaits, Cause, Explanation, Repair, Stuck, WaitingTask
from domain.value import Value
from policies.waiting import explain
from storage.application import CaseEvents
from storage.approval import Approvals, Tasks
from storage.base import Records
from storage.contract import Contracts
from storage.line import Conditions, Lines
from storage.offer import Offers
from storage.operations import Repairs, UnderWay
from web.service import inspection
from web.service.application import TimelineEvent, case_timeline, visible_case
from web.service.clock import Clock
from web.service.gateway import Gateway, TemporalUnavailable
from web.service.permissions import Action, permit, permitted
from web.service.stuck import MOVES_WITHIN, Looking
from workflows.names import (
    CASES_QUEUE,
    PORTFOLIO_QUEUE,
    application_id,
    approval_id,
    contract_id,
    line_id,
)

_ENTRIES_MOST = 500


class CaseTimeline(Value):
    """Everything that happened to a case, oldest first, and why it waits now.

    `stuck` is what was found to be broken. Without Temporal the records alone were read.
    """

    case_id: str
    explanation: Explanation
    stuck: tuple[Stuck, ...]
    items: tuple[TimelineEvent, ...]
    temporal_answers: bool = True


class TimelineService:
    """Timelines, over one memory and one way to Temporal."""

    def __init__(self, records: Records, gateway: Gateway, clock: Clock) -> None:
        self._records = records
        self._gateway = gateway
        self._clock = clock

    def read(self, person: Person, case_id: str) -> CaseTimeline:
        """The timeline of a case; entries of the line, reports, repairs and the errors of steps only
        for those who may read them."""
        permit(person, Action.APPLICATION_HISTORY)
        now = self._clock.now()
        with self._records.begin() as session:
            case = visible_case(session, person, case_id)
            events = [*case_timeline(session, case_id)]
            if permitted(person, Action.REPAIR_READ):
                events += _repairs(session, case_id)
            if permitted(person, Action.LINE_READ):
                events += _entries(session, case)
            if permitted(person, Action.REPORT_READ):
                events += _reports(session, case)
            workflows = _workflows(session, case)
            waits = _waits(session, case)
        try:
            told, stuck = self._in_temporal(workflows, case, waits.since < now - MOVES_WITHIN)
            answers = True
        except TemporalUnavailable:
            told, stuck, answers = [], [], False
        waits = waits.model_copy(update={"stuck": tuple(stuck)})
        looks = permitted(person, Action.OPERATIONS_READ)
        return CaseTimeline(
            case_id=case_id,
            explanation=explain(waits, now),
            stuck=waits.stuck if looks else (),
            items=tuple(sorted([*events, *(told if looks else map(_quiet, told))], key=_instant)),
            temporal_answers=answers,
        )

    def _in_temporal(
        self, workflows: Iterable[tuple[str, bool]], case: Case, rested: bool
    ) -> tuple[list[TimelineEvent], list[Stuck]]:
        """What the workflows of a case tell, and what keeps those from going on that should run."""
        looking = Looking(self._records, self._gateway)
        told: list[TimelineEvent] = []
        stuck: list[Stuck] = []
        for workflow_id, open_on_record in workflows:
            look = looking.find(workflow_id)
            if look is not None:
                told += self._story(workflow_id)
            if open_on_record:
                found = looking.of_workflow(workflow_id, case.case_id)
                gone = {Cause.WORKFLOW_MISSING, Cause.WORKFLOW_ENDED}
                # A case that has only just moved may be on its way from one to the other.
                stuck += [each for each in found if rested or each.cause not in gone]
        if not case.status.ended:
            queues = (CASES_QUEUE, PORTFOLIO_QUEUE)
            silent = self._gateway.ask(lambda client: inspection.unpolled(client, queues))
            if CASES_QUEUE in silent:
                stuck.append(Stuck(subject=f"queue/{CASES_QUEUE}", cause=Cause.NO_WORKER))
        return told, stuck

    def _story(self, workflow_id: str) -> Iterator[TimelineEvent]:
        for story in self._gateway.ask(lambda client: inspection.story_of(client, workflow_id)):
            yield TimelineEvent(
                at=story.at,
                source="workflow",
                kind=story.kind,
                person_id="system",
                facts={"workflow_id": workflow_id, **story.facts},
            )


def _instant(event: TimelineEvent) -> datetime:
    return event.at


def _quiet(event: TimelineEvent) -> TimelineEvent:
    """What a workflow tells, without the words of our own programs' errors."""
    facts = {name: fact for name, fact in event.facts.items() if name != "last_error"}
    return event.model_copy(update={"facts": facts})


def _workflows(session: Session, case: Case) -> list[tuple[str, bool]]:
    """The workflows of a case, and whether each should run."""
    contract = Contracts(session).find_by_case(case.case_id)
    found = [(application_id(case.case_id), not case.status.ended)]
    for approval in Approvals(session).list_of_case(case.case_id):
        request = approval.request
        found.append((approval_id(request.subject_id, request.n), approval.outcome == "open"))
    if contract is not None:
        found.append((contract_id(case.case_id), contract.status is ContractStatus.SENT))
    if case.line_id is not None:
        line = Lines(session).find(case.line_id)
        found.append((line_id(case.line_id), line is not None and not line.status.ended))
    return found


def _waits(session: Session, case: Case) -> CaseWaits:
    contract = Contracts(session).find_by_case(case.case_id)
    sent = contract is not None and contract.status is ContractStatus.SENT
    offer = Offers(session).find_of_case(case.case_id)
    events = CaseEvents(session).list_all(case.case_id)
    return CaseWaits(
        status=case.status,
        since=max((event["at"] for event in events), default=case.submitted_at),
        missing=case.missing,
        tasks=tuple(
            WaitingTask(
                position=task.escalated_to or task.position,
                opened_at=task.opened_at,
                due_at=task.due_at,
            )
            for task in Tasks(session).list_page(case_id=case.case_id)
        ),
        offer_until=offer.expires_at
        if offer is not None and offer.status is OfferStatus.OPEN
        else None,
        sign_until=contract.expires_at if contract is not None and sent else None,
        conditions=tuple(
            each.code for each in Conditions(session).list_of_case(case.case_id) if not each.settled
        ),
    )


def _entries(session: Session, case: Case) -> Iterator[TimelineEvent]:
    if case.line_id is None:
        return
    for entry in UnderWay(session).lines_moved(case.line_id, case.submitted_at, _ENTRIES_MOST):
        amount = Money(minor=entry["amount_minor"], currency=entry["currency"])
        yield TimelineEvent(
            at=entry["at"],
            source="entry",
            kind=entry["kind"],
            person_id=entry["posted_by"],
            facts={"amount": str(amount), "key": entry["key"]},
        )


def _reports(session: Session, case: Case) -> Iterator[TimelineEvent]:
    asked = UnderWay(session).reports_asked(case.application.customer_id, case.business_on)
    for query in asked:
        if case.ended_at is None or query["at"] <= case.ended_at:
            yield TimelineEvent(
                at=query["at"],
                source="report",
                kind=query["kind"],
                person_id=query["asked_by"],
                facts={"provider": query["provider"], "outcome": query["outcome"]},
            )


def _repairs(session: Session, case_id: str) -> Iterator[TimelineEvent]:
    for repair in Repairs(session).list_newest(case_id=case_id):
        yield _repair(repair)


def _repair(repair: Repair) -> TimelineEvent:
    facts = {
        "workflow_id": repair.content.workflow_id,
        "step": repair.step,
        "reason": repair.content.reason,
        "confirmed_by": repair.decided_by or "",
        "repair": repair.status.value,
    }
    return TimelineEvent(
        at=repair.ended_at or repair.decided_at or repair.asked_at,
        source="repair",
        kind=repair.content.act,
        person_id=repair.asked_by,
        facts={name: fact for name, fact in facts.items() if fact},
    )
