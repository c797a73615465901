"""What may be asked of moves of limit between lines: ask for one, and read what became of it.

A request and the approval that decides on it are put on record together; what the approvers' word
comes to is a step of the approval.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from activities.exchange import Exchange
from activities.move import refuse_unmovable
from activities.related import is_related
from domain.approval import Approval, ApprovalRequest, Subject
from domain.edition import PolicyEdition
from domain.errors import CurrencyMismatch, OutOfOrder
from domain.identity import Person
from domain.line import CreditLine
from domain.move import Move, MoveContent, MoveRequest
from domain.notification import Channel
from domain.value import Value, content_hash
from policies.move import MoveRoute, route_of_move
from storage.approval import Approvals, Decisions, DecisionView, Tasks, TaskView
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions
from storage.line import Lines
from storage.move import Moves
from storage.notification import Outbox
from web.service.application import message_id_of
from web.service.clock import Clock
from web.service.customer import refuse_unseen
from web.service.permissions import Action, permit, visible_to


class MoveView(Value):
    """A move that was asked for, with who is asked and what they said."""

    move: Move
    approvals: tuple[Approval, ...]
    tasks: tuple[TaskView, ...]
    decisions: tuple[DecisionView, ...]


class MoveService:
    """Moves of limit, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def ask(self, person: Person, content: MoveContent, key: str | None = None) -> Move:
        """Ask to have limit moved from one line to another; others decide.

        Refuses `OverLimit` for more than is free or than the customer's cap allows,
        `CurrencyMismatch`, `LineNotActive`, and `OutOfOrder` for lines of customers that are in no
        group together.
        """
        permit(person, Action.MOVE_ASK)
        on = self._clock.business_on()
        move_id = message_id_of(person, "move", key)
        with self._records.begin() as session:
            known = Moves(session).find(move_id)
            if known is not None:
                return Moves(session).ask(known.request.model_copy(update=dict(content)))
            source = _seen(session, person, content.source_id)
            target = _seen(session, person, content.target_id)
            request = MoveRequest(
                **dict(content),
                move_id=move_id,
                customer_id=source.customer_id,
                source_letter_no=source.letter_no,
                source_limit=source.limit,
                target_letter_no=target.letter_no,
                target_limit=target.limit,
                asked_by=person.person_id,
                asked_at=self._clock.now(),
                asked_on=on,
            )
            _refuse_strangers(session, request, source, target)
            refuse_unmovable(session, request, source, target, on)
            asked = Moves(session).ask(request)
            edition = Editions(session).read_current(on)
            self._put_before(
                session, request, _route(session, request, source, target, edition), edition
            )
        return asked

    def read(self, person: Person, move_id: str) -> MoveView:
        """A move that was asked for; `NotFound` where neither of its lines is seen."""
        permit(person, Action.LINE_READ)
        with self._records.begin() as session:
            move = Moves(session).read(move_id)
            _seen(session, person, move.request.source_id)
            return MoveView(
                move=move,
                approvals=tuple(Approvals(session).list_of_subject(move_id)),
                tasks=tuple(Tasks(session).list_page(case_id=move_id, status=None)),
                decisions=tuple(Decisions(session).list_of_case(move_id)),
            )

    def list_moves(
        self,
        person: Person,
        *,
        line_id: str | None = None,
        before: tuple[datetime, str] | None = None,
        page_size: int = 50,
    ) -> Sequence[Move]:
        """Moves that were asked for, newest first; of the lines one sees."""
        permit(person, Action.LINE_READ)
        with self._records.begin() as session:
            return Moves(session).list_page(
                line_id=line_id,
                before=before,
                manager_id=visible_to(person).manager_id,
                page_size=page_size,
            )

    def _put_before(
        self, session: Session, move: MoveRequest, route: MoveRoute, edition: PolicyEdition
    ) -> None:
        """Owe the approval that decides on it, with the request itself."""
        request = ApprovalRequest(
            subject=Subject.MOVE,
            subject_id=move.move_id,
            case_id=move.move_id,
            customer_id=move.customer_id,
            makers=(move.asked_by,),
            steps=route.steps,
            aggregate=route.aggregate,
            grade="",
            content_hash=content_hash(move),
            edition_hash=edition.edition_hash,
            route_row=route.row,
            reasons=("limit_moved",),
            offset_days=self._clock.offset_days,
        )
        Outbox(session).post(
            Channel.TEMPORAL,
            f"{move.move_id}/approval",
            recipient=move.move_id,
            kind="start_approval",
            facts={"request": request.model_dump_json()},
        )


def _route(
    session: Session,
    move: MoveRequest,
    source: CreditLine,
    target: CreditLine,
    edition: PolicyEdition,
) -> MoveRoute:
    customers = Customers(session).find_many({source.customer_id, target.customer_id})
    return route_of_move(
        Exchange(session, edition, move.asked_on).reporting(move.target_after),
        (source.grade, target.grade),
        edition,
        related=any(
            is_related(session, customer, edition, move.asked_on) for customer in customers.values()
        ),
    )


def _refuse_strangers(
    session: Session, move: MoveRequest, source: CreditLine, target: CreditLine
) -> None:
    for line in (source, target):
        if line.limit.currency != move.amount.currency:
            raise CurrencyMismatch(first=move.amount.currency, second=line.limit.currency)
    one, other = (Customers(session).read(line.customer_id) for line in (source, target))
    same = one.customer_id == other.customer_id
    if not same and (one.group_id is None or one.group_id != other.group_id):
        raise OutOfOrder(reason="limit moves between lines of one customer or of one group")


def _seen(session: Session, person: Person, line_id: str) -> CreditLine:
    """A line of a customer that the person sees, or `NotFound`."""
    line = Lines(session).read(line_id)
    refuse_unseen(session, person, line.customer_id, kind="line", id=line_id)
    return line
