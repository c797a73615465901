"""What may be asked of idle limits: which there are, to have them cut, to leave lines out, the report.

A list of cuts and the approval that decides on it are put on record together; what the approvers'
word comes to is a step of the approval.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from activities.authority import Asking
from activities.book import unit_of
from activities.exchange import Exchange
from activities.related import is_related
from domain.approval import Approval, ApprovalOutcome, ApprovalRequest, Subject, TaskStatus
from domain.edition import PolicyEdition
from domain.errors import CreditError, NotFound, OutOfOrder
from domain.identity import Person
from domain.money import Money, money_sum
from domain.notification import Channel
from domain.reasons import because
from domain.reclaim import (
    IdleLine,
    LineOutcome,
    Reclaim,
    ReclaimedLine,
    ReclaimedSum,
    ReclaimRequest,
    ReclaimStatus,
)
from domain.value import Value, content_hash
from policies.idle import ReclaimRoute, idle_line, route_of_reclaim, window_begins
from storage.approval import Approvals, Decisions, DecisionView, Tasks, TaskView
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions
from storage.notification import Outbox
from storage.reclaim import Reclaims
from web.service.application import message_id_of
from web.service.clock import Clock
from web.service.permissions import Action, permit


class IdleLines(Value):
    """The idle lines of the book as of a day; none where the edition looks for none."""

    on: date
    since: date | None  # the first day looked at
    lines: tuple[IdleLine, ...]
    capital: Money  # that all of them tie up
    waiting: dict[str, str]  # lines on a list that nobody has settled, each with its list


class ReclaimView(Value):
    """A list with who is asked and what they said."""

    reclaim: Reclaim
    approvals: tuple[Approval, ...]
    tasks: tuple[TaskView, ...]
    decisions: tuple[DecisionView, ...]


class ReclaimReport(Value):
    """What was taken back within some days, by unit and currency."""

    since: date
    until: date
    lists: int
    units: tuple[ReclaimedSum, ...]
    capital_freed: Money


class ReclaimService:
    """Idle limits, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def list_idle(self, person: Person) -> IdleLines:
        """The lines that are idle today, with what each ties up and the cut it would get."""
        permit(person, Action.IDLE_READ)
        on = self._clock.business_on()
        with self._records.begin() as session:
            edition = Editions(session).read_current(on)
            lines = tuple(_idle(session, edition, on))
            return IdleLines(
                on=on,
                since=None if edition.idle is None else window_begins(on, edition.idle),
                lines=lines,
                capital=money_sum((each.capital for each in lines), edition.reporting_currency),
                waiting=Reclaims(session).waiting(),
            )

    def propose(
        self, person: Person, line_ids: Sequence[str], reason: str, key: str | None = None
    ) -> Reclaim:
        """Put a list of cuts before its approvers; one approval decides on all of it.

        Refuses `OutOfOrder` for a line that is not idle or waits on another list, `RateMissing`.
        """
        permit(person, Action.IDLE_PROPOSE)
        on = self._clock.business_on()
        reclaim_id = message_id_of(person, "reclaim", key)
        with self._records.begin() as session:
            reclaims = Reclaims(session)
            reclaims.hold()
            edition = Editions(session).read_current(on)
            known = reclaims.find(reclaim_id)
            if known is not None:  # the same again; what was idle then need not be idle now
                lines = [each for each in known.request.lines if each.line_id in line_ids]
            else:
                lines = self._proposed(session, edition, line_ids, on)
            request = ReclaimRequest(
                reclaim_id=reclaim_id,
                since=_since(edition, on),
                lines=tuple(lines),
                reason=reason,
                asked_by=person.person_id,
                asked_at=self._clock.now(),
                asked_on=on,
            )
            asked = reclaims.ask(request)
            if known is None:
                self._put_before(session, request, edition)
        return asked

    def leave_out(
        self, person: Person, reclaim_id: str, line_ids: Sequence[str], reason: str
    ) -> Reclaim:
        """Keep lines of a list that waits as they are: the word of whoever may decide on it now.

        Refuses as a decision would be, and `OutOfOrder` where the list was settled.
        """
        permit(person, Action.TASK_DECIDE)
        on, now = self._clock.business_on(), self._clock.now()
        with self._records.begin() as session:
            reclaims = Reclaims(session)
            reclaims.hold()
            reclaim = reclaims.read(reclaim_id)
            if reclaim.status is not ReclaimStatus.PENDING:
                raise OutOfOrder(reason="the list was decided on")
            _refuse_without_voice(session, reclaim_id, person.person_id, on)
            listed = {each.line_id: each for each in reclaim.request.lines}
            unknown = sorted(set(line_ids) - set(listed))
            if unknown:
                raise NotFound(kind="line", id=unknown[0])
            said = [
                ReclaimedLine(
                    line_id=line_id,
                    outcome=LineOutcome.LEFT_OUT,
                    reason=reason,
                    said_by=person.person_id,
                    before=listed[line_id].limit,
                    after=listed[line_id].limit,
                )
                for line_id in sorted(set(line_ids))
            ]
            reclaims.record_lines(reclaim_id, said, now)
            return reclaims.read(reclaim_id)

    def read(self, person: Person, reclaim_id: str) -> ReclaimView:
        """A list, what became of each of its lines, and who decided."""
        permit(person, Action.IDLE_READ)
        with self._records.begin() as session:
            return ReclaimView(
                reclaim=Reclaims(session).read(reclaim_id),
                approvals=tuple(Approvals(session).list_of_subject(reclaim_id)),
                tasks=tuple(Tasks(session).list_page(case_id=reclaim_id, status=None)),
                decisions=tuple(Decisions(session).list_of_case(reclaim_id)),
            )

    def list_reclaims(
        self,
        person: Person,
        *,
        before: tuple[datetime, str] | None = None,
        page_size: int = 50,
    ) -> Sequence[Reclaim]:
        """Lists that were proposed, newest first."""
        permit(person, Action.IDLE_READ)
        with self._records.begin() as session:
            return Reclaims(session).list_page(before=before, page_size=page_size)

    def report(
        self, person: Person, *, since: date | None = None, until: date | None = None
    ) -> ReclaimReport:
        """What was taken back in all within some days, by unit; this year's unless said."""
        permit(person, Action.IDLE_READ)
        on = self._clock.business_on()
        until = until or on
        since = since or date(until.year, 1, 1)
        with self._records.begin() as session:
            edition = Editions(session).read_current(on)
            found = Reclaims(session).cut_between(since, until)
            sums = _by_unit(session, found, edition)
        return ReclaimReport(
            since=since,
            until=until,
            lists=len(found),
            units=sums,
            capital_freed=money_sum(
                (each.capital_freed for each in sums), edition.reporting_currency
            ),
        )

    def _proposed(
        self, session: Session, edition: PolicyEdition, line_ids: Sequence[str], on: date
    ) -> list[IdleLine]:
        idle = {each.line_id: each for each in _idle(session, edition, on)}
        waiting = Reclaims(session).waiting()
        for line_id in line_ids:
            if line_id not in idle:
                raise OutOfOrder(**because("line_not_idle", line_id=line_id))
            if line_id in waiting:
                raise OutOfOrder(
                    **because("line_on_list", line_id=line_id, reclaim_id=waiting[line_id])
                )
        return [idle[line_id] for line_id in sorted(set(line_ids))]

    def _put_before(
        self, session: Session, reclaim: ReclaimRequest, edition: PolicyEdition
    ) -> None:
        """Owe the approval that decides on the list, with the list itself."""
        route = _route(session, reclaim, edition)
        request = ApprovalRequest(
            subject=Subject.RECLAIM,
            subject_id=reclaim.reclaim_id,
            case_id=reclaim.reclaim_id,
            customer_id=reclaim.reclaim_id,
            makers=(reclaim.asked_by,),
            steps=route.steps,
            aggregate=route.aggregate,
            grade="",
            content_hash=content_hash(reclaim),
            edition_hash=edition.edition_hash,
            route_row=route.row,
            reasons=("idle_limits",),
            offset_days=self._clock.offset_days,
        )
        Outbox(session).post(
            Channel.TEMPORAL,
            f"{reclaim.reclaim_id}/approval",
            recipient=reclaim.reclaim_id,
            kind="start_approval",
            facts={"request": request.model_dump_json()},
        )


def _since(edition: PolicyEdition, on: date) -> date:
    return on if edition.idle is None else window_begins(on, edition.idle)


def _idle(session: Session, edition: PolicyEdition, on: date) -> list[IdleLine]:
    if edition.idle is None:
        return []
    exchange = Exchange(session, edition, on)
    uses = Reclaims(session).uses(window_begins(on, edition.idle))
    found = (idle_line(each, exchange.reporting(each.limit), on, edition) for each in uses)
    return sorted(
        (each for each in found if each is not None),
        key=lambda each: (-each.capital_freed.minor, each.line_id),
    )


def _route(session: Session, reclaim: ReclaimRequest, edition: PolicyEdition) -> ReclaimRoute:
    exchange = Exchange(session, edition, reclaim.asked_on)
    customers = Customers(session).find_many({each.customer_id for each in reclaim.lines})
    return route_of_reclaim(
        [exchange.reporting(each.cut) for each in reclaim.lines],
        [each.grade for each in reclaim.lines],
        edition,
        related=any(
            is_related(session, customer, edition, reclaim.asked_on)
            for customer in customers.values()
        ),
    )


def _refuse_without_voice(session: Session, reclaim_id: str, person_id: str, on: date) -> None:
    """Nothing where the person could decide an open task of the list; else why not."""
    refusal: CreditError = OutOfOrder(reason="nobody is asked about the list now")
    for approval in Approvals(session).list_of_subject(reclaim_id):
        if approval.outcome is not ApprovalOutcome.OPEN:
            continue
        asking = Asking(session, approval, on)
        for task in approval.tasks:
            if task.status is not TaskStatus.OPEN:
                continue
            try:
                approval.legality(task.task_id, person_id)
                asking.voice_of(person_id, task)
            except CreditError as error:
                refusal = error
            else:
                return
    raise refusal


def _by_unit(
    session: Session, found: Sequence[Reclaim], edition: PolicyEdition
) -> tuple[ReclaimedSum, ...]:
    customers = Customers(session).find_many(
        {line.customer_id for each in found for line in each.request.lines}
    )
    units = {id_: unit_of(session, customer) for id_, customer in customers.items()}
    cuts: dict[tuple[str, str], list[tuple[ReclaimedLine, Money]]] = {}
    for each in found:
        listed = {line.line_id: line for line in each.request.lines}
        for line in each.lines:
            if line.outcome is LineOutcome.CUT:
                of = listed[line.line_id]
                key = (units.get(of.customer_id, ""), line.before.currency)
                cuts.setdefault(key, []).append((line, of.capital_freed))
    return tuple(
        ReclaimedSum(
            unit=unit,
            lines=len(lines),
            before=money_sum((line.before for line, _ in lines), currency),
            after=money_sum((line.after for line, _ in lines), currency),
            reclaimed=money_sum((line.before - line.after for line, _ in lines), currency),
            capital_freed=money_sum((freed for _, freed in lines), edition.reporting_currency),
        )
        for (unit, currency), lines in sorted(cuts.items())
    )
