"""What may be asked of holds: see why an order stands still, take it in hand, set one, have one
released, and apply what would cure it.

A release is put before its approvers as a cap is; what their word comes to is a step of the approval.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from sqlalchemy.orm import Session

from activities.check import Judged, cures_of, judge_held
from activities.exchange import Exchange
from activities.order import Asked, OrderDesk
from domain.approval import Approval, ApprovalRequest, Subject
from domain.check import Cure, CureKind, Finding, Stage
from domain.errors import AlreadyExists, KeyReused, Malformed, OutOfOrder
from domain.excess import EXCESS
from domain.hold import (
    Code,
    Hold,
    HoldEvent,
    HoldOn,
    HoldRelease,
    HoldReleaseRequest,
    HoldStatus,
    ManualHold,
    Note,
    ReleaseWanted,
)
from domain.identity import Id, Person
from domain.money import Money
from domain.notification import Channel
from domain.order import Order, OrderTerms
from domain.receivable import DocumentNo, Payment
from domain.value import Value, content_hash
from policies.authority import open_positions
from policies.check import hold_owner, hold_review_on
from policies.cure import parts_of
from policies.excess import repayments
from policies.hold import due_at, refuse_lift, scope_of
from policies.routing import steps_for
from storage.approval import Approvals, AuthorityRegister, Decisions, DecisionView, Tasks, TaskView
from storage.base import Records
from storage.edition import Editions
from storage.excess import Excesses
from storage.exposure import Exposure
from storage.hold import Holds
from storage.line import Lines
from storage.notification import Outbox
from storage.order import Orders
from storage.receivable import Receivables
from web.service.application import message_id_of
from web.service.clock import Clock
from web.service.customer import visible_customer
from web.service.order import asked_by, visible_order
from web.service.permissions import Action, permit, visible_to
from web.service.warning import owe_recheck


class HoldReason(Value):
    """A rule that holds: as it was found at the check, and as it stands now; either may be missing."""

    code: str
    then: Finding | None = None
    now: Finding | None = None


class HoldView(Value):
    """A hold with every reason then and now, what would cure it, and what was done about it."""

    hold: Hold
    order: Order | None
    reasons: tuple[HoldReason, ...]
    cures: tuple[Cure, ...]
    releases: tuple[HoldRelease, ...]
    events: tuple[HoldEvent, ...]
    edition_hash: str = ""  # of the rules as they were looked at now


class ReleaseView(Value):
    """A release that was asked for, with who is asked and what they said."""

    release: HoldRelease
    hold: Hold
    order: Order
    approvals: tuple[Approval, ...]
    tasks: tuple[TaskView, ...]
    decisions: tuple[DecisionView, ...]


class CureWanted(Value):
    """A cure to be applied as it is offered now; a payment names itself."""

    kind: CureKind
    payment_no: Annotated[str, DocumentNo] | None = None


class HoldLift(Value):
    reason_code: Code
    note: Note = ""


class HoldService:
    """Holds, over one memory and one book."""

    def __init__(self, records: Records, exposure: Exposure, clock: Clock) -> None:
        self._records = records
        self._clock = clock
        self._desk = OrderDesk(records, exposure)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def read(self, person: Person, hold_id: str) -> HoldView:
        """A hold; what fails now is looked at as it is read."""
        permit(person, Action.HOLD_READ)
        with self._records.begin() as session:
            holds = Holds(session)
            hold = self._seen(session, person, hold_id)
            judged, order = None, None
            offered: tuple[Cure, ...] = ()
            if hold.holds is HoldOn.ORDER:
                order = Orders(session).read(hold.subject_id)
                judged = self._judged(session, hold, order) if hold.open else None
            elif hold.open and not hold.manual:
                offered = repayments(Excesses(session).read(hold.reasons[0].reference))
            now = judged.stopping if judged is not None else hold.reasons_now
            return HoldView(
                hold=hold,
                order=order,
                reasons=_reasons(hold.reasons, now),
                cures=self._cures(session, judged) if judged is not None else offered,
                releases=tuple(holds.releases(hold_id)),
                events=tuple(holds.events(hold_id)),
                edition_hash=judged.edition.edition_hash if judged is not None else "",
            )

    def list_holds(
        self,
        person: Person,
        *,
        status: HoldStatus | None = HoldStatus.OPEN,
        rule: str | None = None,
        owner: str | None = None,
        due_before: datetime | None = None,
        customer_id: str | None = None,
        line_id: str | None = None,
        after: tuple[datetime, str] | None = None,
        page_size: int = 50,
    ) -> Sequence[Hold]:
        """Holds on the customers the person sees, the one due first at the head."""
        permit(person, Action.HOLD_READ)
        with self._records.begin() as session:
            return Holds(session).list_page(
                page_size=page_size,
                after=after,
                status=status,
                rule=rule,
                owner=owner,
                due_before=due_before,
                customer_id=customer_id,
                line_id=line_id,
                manager_id=visible_to(person).manager_id,
            )

    def owners(self, person: Person) -> Sequence[str]:
        """Who has open holds in hand."""
        permit(person, Action.HOLD_READ)
        with self._records.begin() as session:
            return Holds(session).owners(visible_to(person).manager_id)

    def rules(self, person: Person) -> Sequence[str]:
        """Which rules hold something."""
        permit(person, Action.HOLD_READ)
        with self._records.begin() as session:
            return Holds(session).rules(visible_to(person).manager_id)

    def read_release(self, person: Person, release_id: str) -> ReleaseView:
        permit(person, Action.HOLD_READ)
        with self._records.begin() as session:
            release = Holds(session).read_release(release_id)
            hold = self._seen(session, person, release.request.hold_id)
            return ReleaseView(
                release=release,
                hold=hold,
                order=Orders(session).read(release.request.order_id),
                approvals=tuple(Approvals(session).list_of_subject(release_id)),
                tasks=tuple(Tasks(session).list_page(case_id=release_id, status=None)),
                decisions=tuple(Decisions(session).list_of_case(release_id)),
            )

    # ── by hand ──────────────────────────────────────────────────────────────────────────────────

    def set_hold(self, person: Person, said: ManualHold, key: str | None = None) -> Hold:
        """Hold an order, a customer or a line, whatever the checks say (人工锁单)."""
        permit(person, Action.HOLD_SET)
        at, on = self._clock.now(), self._clock.business_on()
        with self._records.begin() as session:
            customer_id, line_id = self._subject(session, person, said)
            edition = Editions(session).read_current(on)
        hold = Hold(
            **said.model_dump(),
            hold_id=message_id_of(person, "hold", key),
            customer_id=customer_id,
            line_id=line_id,
            manual=True,
            set_by=person.person_id,
            looked_at=at,
            owner=f"role.{hold_owner(edition)}",
            opened_at=at,
            opened_on=on,
            due_at=due_at(at, edition),
            review_on=hold_review_on(on, edition),
            offset_days=self._clock.offset_days,
        )
        return self._desk.hold(asked_by(person, self._clock, "hold", key), hold)

    def take(self, person: Person, hold_id: str) -> Hold:
        """Take a hold in hand; the same person again changes nothing."""
        permit(person, Action.HOLD_TAKE)
        with self._records.begin() as session:
            self._seen(session, person, hold_id)
            hold = Holds(session).read(hold_id, for_update=True)
            if hold.owner == person.person_id:
                return hold
            taken = hold.taken_by(person.person_id)
            return Holds(session).write(taken, person.person_id, self._clock.now())

    def lift(self, person: Person, hold_id: str, said: HoldLift) -> Hold:
        """Lift a hold set by hand; refuses `SameHands`, and `NotPermitted` to whoever holds none of
        the positions that policy names."""
        permit(person, Action.HOLD_LIFT)
        on = self._clock.business_on()
        with self._records.begin() as session:
            hold = self._seen(session, person, hold_id)
            _refuse_of_excess(hold)
            if not hold.manual:
                raise OutOfOrder(reason="a hold of the checks is cured, or released by a letter")
            hold.refuse_own(person.person_id)
            edition = Editions(session).read_current(on)
            register = AuthorityRegister(session).on_day(on)
            authority = edition.approval.authority
            positions = {*open_positions(register, person.person_id, authority), *person.roles}
            refuse_lift(positions, edition)
        asked = asked_by(person, self._clock, f"lift/{hold_id}", None)
        return self._desk.lift(asked.caused_by(said.note), hold_id, said.reason_code)

    # ── release ──────────────────────────────────────────────────────────────────────────────────

    def ask_release(
        self, person: Person, hold_id: str, wanted: ReleaseWanted, key: str | None = None
    ) -> HoldRelease:
        """Ask that an order go on past the rules that hold it (放行); others decide.

        Refuses `NotReleasable` for what the book itself refuses, and `HoldReleasePending`.
        """
        permit(person, Action.HOLD_RELEASE_ASK)
        at, on = self._clock.now(), self._clock.business_on()
        with self._records.begin() as session:
            hold = self._seen(session, person, hold_id)
            _refuse_of_excess(hold)
            if hold.manual:
                raise OutOfOrder(
                    reason="a hold set by hand is lifted, and not released by a letter"
                )
            hold.refuse_ended()
            order = Orders(session).read(hold.subject_id)
            judged = self._judged(session, hold, order)
            edition = judged.edition
            stage = hold.stage or Stage.ORDER
            request = HoldReleaseRequest(
                release_id=message_id_of(person, f"release/{hold_id}", key),
                hold_id=hold_id,
                order_id=order.order_id,
                customer_id=order.customer_id,
                reason_code=wanted.reason_code,
                note=wanted.note,
                scope=scope_of(wanted, order, stage, judged.stopping, on, edition),
                asked_by=person.person_id,
                asked_at=at,
                asked_on=on,
            )
            asked = Holds(session).ask_release(request)
            if asked.request == request:  # and not the same, asked for before
                self._put_before(session, request, order, judged)
        return asked

    def apply_cure(
        self, person: Person, hold_id: str, wanted: CureWanted, key: str | None = None
    ) -> HoldView:
        """Do what a cure names, as it is offered now: cut the order, take the approved terms,
        say what of it is paid ahead, or record the payment. Whether the hold is cured by it the
        check says, and nothing else.

        The same cure again is what it was; refuses `KeyReused` for another under the key, and
        `AlreadyExists` for the number of another payment.
        """
        permit(person, Action.HOLD_READ)
        with self._records.begin() as session:
            hold = self._seen(session, person, hold_id)
            if hold.holds is not HoldOn.ORDER:
                raise Malformed(reason="nothing of this cure is done here")
            order = Orders(session).read(hold.subject_id)
            if self._applied(session, person, order, hold_id, wanted, key):
                return self.read(person, hold_id)
            hold.refuse_ended()
            judged = self._judged(session, hold, order)
            offered = [each for each in self._cures(session, judged) if each.kind is wanted.kind]
        if not offered:
            raise OutOfOrder(reason="this cure is not offered for the hold as it is now")
        cure = offered[0]
        match cure.kind:
            case CureKind.CUT_ORDER | CureKind.BETTER_TERMS | CureKind.DEPOSIT:
                permit(person, Action.ORDER_CHANGE)
                said = order.content.model_dump(include=set(OrderTerms.model_fields))
                match cure.kind:
                    case CureKind.CUT_ORDER:
                        said["amount"] = cure.amount
                    case CureKind.BETTER_TERMS:
                        said["terms"] = cure.reference
                    case _:
                        assert cure.amount is not None
                        ahead = order.content.deposit
                        said["deposit"] = cure.amount if ahead is None else ahead + cure.amount
                asked = asked_by(person, self._clock, f"cure/{hold_id}", key)
                changed = OrderTerms.model_validate(said)
                self._desk.change(asked.caused_by(cure.kind), order.order_id, changed)
            case CureKind.PAY if wanted.payment_no is not None and cure.amount is not None:
                permit(person, Action.RECEIVABLE_RECORD)
                asked = asked_by(person, self._clock, f"cure/{hold_id}", key)
                self._pay(asked, hold_id, order, cure.amount, wanted.payment_no, judged)
                asked = asked_by(person, self._clock, f"recheck/{hold_id}", None)
                self._desk.recheck(asked.caused_by("payment"), order.order_id)
            case _:
                raise Malformed(reason="nothing of this cure is done here")
        return self.read(person, hold_id)

    # ── within ───────────────────────────────────────────────────────────────────────────────────

    def _judged(self, session: Session, hold: Hold, order: Order) -> Judged:
        return judge_held(session, order, hold, self._clock.business_on())

    def _cures(self, session: Session, judged: Judged) -> tuple[Cure, ...]:
        return cures_of(session, judged, self._clock.offset_days)

    def _seen(self, session: Session, person: Person, hold_id: str) -> Hold:
        hold = Holds(session).read(hold_id)
        visible_customer(session, person, hold.customer_id)
        return hold

    def _subject(self, session: Session, person: Person, said: ManualHold) -> tuple[Id, Id | None]:
        """Whose the subject is, and its line."""
        match said.holds:
            case HoldOn.ORDER:
                order = visible_order(session, person, said.subject_id)
                return order.customer_id, order.line_id
            case HoldOn.LINE:
                line = Lines(session).read(said.subject_id)
                return visible_customer(session, person, line.customer_id).customer_id, line.line_id
            case HoldOn.CUSTOMER:
                return visible_customer(session, person, said.subject_id).customer_id, None

    def _applied(
        self,
        session: Session,
        person: Person,
        order: Order,
        hold_id: str,
        wanted: CureWanted,
        key: str | None,
    ) -> bool:
        """Whether the cure was applied before: under this key, or by this payment.

        Refuses `KeyReused` for another cure under the key, and `AlreadyExists` for a payment that was
        recorded for something else.
        """
        asked = asked_by(person, self._clock, f"cure/{hold_id}", key)
        event = Orders(session).find_event(asked.key) if asked.key is not None else None
        if event is not None and event[0].note != wanted.kind:
            raise KeyReused(key=key)
        if event is not None:
            return True
        payments = Receivables(session).payments(order.customer_id)
        for each in payments:
            if each.source == _source(hold_id, asked):
                if wanted.kind is not CureKind.PAY or wanted.payment_no != each.payment_no:
                    raise KeyReused(key=key)
                return True
        if wanted.kind is not CureKind.PAY:
            return False
        known = [each.source for each in payments if each.payment_no == wanted.payment_no]
        if any(each.startswith(_source(hold_id)) for each in known):
            return True
        if known:
            raise AlreadyExists(kind="payment", id=wanted.payment_no)
        return False

    def _pay(
        self,
        asked: Asked,
        hold_id: str,
        order: Order,
        amount: Money,
        payment_no: str,
        judged: Judged,
    ) -> None:
        """One payment, on the open items that the cure counts, the oldest due first."""
        with self._records.begin() as session:
            for claim, part in parts_of(amount, judged.claims):
                payment = Payment(
                    customer_id=order.customer_id,
                    payment_no=payment_no,
                    invoice_no=claim.item_no,
                    paid_on=asked.on,
                    amount=part,
                    source=_source(hold_id, asked),
                )
                Receivables(session).record_payment(payment, recorded_by=asked.by)
            key = f"payment/{order.customer_id}/{payment_no}"
            owe_recheck(
                session, key, offset_days=self._clock.offset_days, customer_id=order.customer_id
            )

    def _put_before(
        self, session: Session, request: HoldReleaseRequest, order: Order, judged: Judged
    ) -> None:
        """Owe the approval that decides on it, with the request itself."""
        edition = judged.edition
        exchange = Exchange(session, edition, request.asked_on)
        aggregate = exchange.reporting(request.scope.amount_up_to)
        grade = judged.facts.customer.grade or edition.grades[-1]
        row, steps, _ = steps_for(aggregate, grade, edition)
        approval = ApprovalRequest(
            subject=Subject.HOLD_RELEASE,
            subject_id=request.release_id,
            case_id=request.release_id,
            customer_id=request.customer_id,
            makers=tuple(dict.fromkeys((request.asked_by, order.placed_by))),
            steps=steps,
            aggregate=aggregate,
            grade="",
            content_hash=content_hash(request),
            edition_hash=edition.edition_hash,
            route_row=row,
            reasons=tuple(each.rule for each in judged.stopping),
            offset_days=self._clock.offset_days,
        )
        Outbox(session).post(
            Channel.TEMPORAL,
            f"{request.release_id}/approval",
            recipient=request.release_id,
            kind="start_approval",
            facts={"request": approval.model_dump_json()},
        )


def _source(hold_id: str, asked: Asked | None = None) -> str:
    """What a payment that cures a hold is recorded by: the hold, and under which key."""
    return f"hold {hold_id} {asked.key if asked is not None else ''}"


def _refuse_of_excess(hold: Hold) -> None:
    """Nothing, or `OutOfOrder`: what stands above a limit is given back, and let go by nobody."""
    if not hold.manual and hold.reason_code == EXCESS:
        raise OutOfOrder(reason="a hold of what stands above a limit goes when that is given back")


def _reasons(then: Sequence[Finding], now: Sequence[Finding]) -> tuple[HoldReason, ...]:
    before, after = {each.code: each for each in then}, {each.code: each for each in now}
    return tuple(
        HoldReason(code=code, then=before.get(code), now=after.get(code))
        for code in dict.fromkeys((*before, *after))
    )
