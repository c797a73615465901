"""What may be asked of caps: ask for one on a customer or a group, and which are in force.

A request and the approval that decides on it are put on record together; what the approvers' word
comes to is a step of the approval.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from activities.exchange import Exchange
from activities.related import is_related
from domain.approval import Approval, ApprovalRequest, Subject
from domain.cap import Cap, CapContent, CapInForce, CapOwner, CapRequest, CapStatus
from domain.edition import PolicyEdition
from domain.errors import DateNotToCome, NotFound
from domain.identity import Id, Person
from domain.money import money_sum
from domain.notification import Channel
from domain.value import Value, content_hash
from policies.cap import CapRoute, route_of_cap
from storage.approval import Approvals, Decisions, DecisionView, Tasks, TaskView
from storage.attachment import Attachments
from storage.base import Records
from storage.cap import Caps
from storage.customer import Customers
from storage.edition import Editions
from storage.exposure import Accounts
from storage.line import Lines
from storage.notification import Outbox
from web.service.application import message_id_of
from web.service.clock import Clock
from web.service.customer import visible_customer
from web.service.permissions import Action, permit, visible_to


class CapsOf(Value):
    """A customer or a group: the caps in force on it, and every one that was asked for."""

    scope: CapOwner
    owner_id: Id
    in_force: tuple[CapInForce, ...]
    asked: tuple[Cap, ...]


class CapView(Value):
    """A cap that was asked for, with who is asked and what they said."""

    cap: Cap
    approvals: tuple[Approval, ...]
    tasks: tuple[TaskView, ...]
    decisions: tuple[DecisionView, ...]


class CapService:
    """Caps, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def ask(
        self,
        person: Person,
        scope: CapOwner,
        owner_id: str,
        content: CapContent,
        key: str | None = None,
    ) -> Cap:
        """Ask for a cap on all lines of a customer or a group, or that one be taken away.

        It is decided by others, for the sum it lets be lent. Refuses `NotFound` for what is not
        seen or not on file, `DateNotToCome`, `RateMissing`, and `CapPending` while another waits.
        """
        permit(person, Action.CAP_ASK)
        on, now = self._clock.business_on(), self._clock.now()
        if content.review_due_on is not None and content.review_due_on <= on:
            raise DateNotToCome(field="review_due_on", date=content.review_due_on, business_on=on)
        with self._records.begin() as session:
            owner_id, members = self._owner(session, person, scope, owner_id)
            if content.evidence_hash is not None:
                Attachments(session).read(content.evidence_hash)
            edition = self._in_force(session)
            cap = CapRequest(
                **content.model_dump(),
                cap_id=message_id_of(person, f"cap/{scope}/{owner_id}", key),
                scope=scope,
                owner_id=owner_id,
                asked_by=person.person_id,
                asked_at=now,
                asked_on=on,
            )
            route = self._route(session, cap, members, edition)
            asked = Caps(session).ask(cap)
            if asked.request == cap:  # and not the same, asked for before
                self._put_before(session, cap, route, edition)
        return asked

    def read(self, person: Person, cap_id: str) -> CapView:
        """A cap that was asked for; `NotFound` where its customer or group is not seen."""
        permit(person, Action.CAP_READ)
        with self._records.begin() as session:
            cap = Caps(session).read(cap_id)
            self._owner(session, person, cap.request.scope, cap.request.owner_id)
            return CapView(
                cap=cap,
                approvals=tuple(Approvals(session).list_of_subject(cap_id)),
                tasks=tuple(Tasks(session).list_page(case_id=cap_id, status=None)),
                decisions=tuple(Decisions(session).list_of_case(cap_id)),
            )

    def read_of(self, person: Person, scope: CapOwner, owner_id: str) -> CapsOf:
        """The caps in force on a customer, by any of its ids, or a group, and those asked for."""
        permit(person, Action.CAP_READ)
        with self._records.begin() as session:
            owner_id, _ = self._owner(session, person, scope, owner_id)
            return CapsOf(
                scope=scope,
                owner_id=owner_id,
                in_force=tuple(Caps(session).in_force(scope, owner_id, self._clock.business_on())),
                asked=tuple(Caps(session).list_page(scope=scope, owner_id=owner_id)),
            )

    def list_caps(
        self,
        person: Person,
        *,
        scope: CapOwner | None = None,
        owner_id: str | None = None,
        status: CapStatus | None = None,
        before: tuple[datetime, str] | None = None,
        page_size: int = 50,
    ) -> Sequence[Cap]:
        """Caps that were asked for, newest first; of the customers and groups one sees."""
        permit(person, Action.CAP_READ)
        with self._records.begin() as session:
            return Caps(session).list_page(
                page_size=page_size,
                before=before,
                scope=scope,
                owner_id=owner_id,
                status=status,
                manager_id=visible_to(person).manager_id,
            )

    def _owner(
        self, session: Session, person: Person, scope: CapOwner, owner_id: str
    ) -> tuple[str, tuple[str, ...]]:
        """The id that answers for the owner, and the customers whose lines the cap is over."""
        if scope is CapOwner.CUSTOMER:
            customer_id = visible_customer(session, person, owner_id).customer_id
            return customer_id, (customer_id,)
        customers, owner = Customers(session), visible_to(person).manager_id
        customers.read_group(owner_id)
        if owner is not None and not customers.members(owner_id, manager_id=owner):
            raise NotFound(kind="group", id=owner_id)
        return owner_id, customers.members(owner_id)

    def _route(
        self,
        session: Session,
        cap: CapRequest,
        members: Sequence[str],
        edition: PolicyEdition,
    ) -> CapRoute:
        exchange = Exchange(session, edition, cap.asked_on)
        lines = [
            line
            for member in members
            for line in Lines(session).list_of_customer(member)
            if not line.status.ended
        ]
        limits = (limit for _, limit in Lines(session).limits_of(members))
        amount = cap.limit.amount
        return route_of_cap(
            cap.scope,
            cap,
            exchange.reporting(amount) if amount is not None else None,
            (line.grade for line in lines),
            edition,
            limits=money_sum(
                (each for each in limits if each.currency == cap.currency), cap.currency
            ),
            taken=Accounts(session).taken_of(members, cap.currency),
            related=any(
                is_related(session, customer, edition, cap.asked_on)
                for customer in Customers(session).find_many(members).values()
            ),
        )

    def _put_before(
        self, session: Session, cap: CapRequest, route: CapRoute, edition: PolicyEdition
    ) -> None:
        """Owe the approval that decides on it, with the request itself."""
        request = ApprovalRequest(
            subject=Subject.CAP,
            subject_id=cap.cap_id,
            case_id=cap.cap_id,
            customer_id=cap.owner_id,
            makers=(cap.asked_by,),
            steps=route.steps,
            aggregate=route.aggregate,
            grade="",
            content_hash=content_hash(cap),
            edition_hash=edition.edition_hash,
            route_row=route.row,
            reasons=route.reasons,
            offset_days=self._clock.offset_days,
        )
        Outbox(session).post(
            Channel.TEMPORAL,
            f"{cap.cap_id}/approval",
            recipient=cap.cap_id,
            kind="start_approval",
            facts={"request": request.model_dump_json()},
        )

    def _in_force(self, session: Session) -> PolicyEdition:
        return Editions(session).read_current(self._clock.business_on())
