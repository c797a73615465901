"""Orders through their stages: each is checked, moves the book, and is written as the book left it.

The book commits by itself on connections of its own, so an act that moves it takes two transactions
with the movements between them: the order is first written as asked for. Whatever stops us on the
way, the same request, or the next look at waiting orders, makes the same movements under the same
keys and writes what is missing. Nothing here runs within another transaction.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session
from temporalio import activity

from activities.check import Judged, judge, judge_held
from activities.excess import Looked, look_again
from activities.signatures import OrderSteps
from activities.use import find_marked
from domain.calendar import business_on
from domain.check import Act, CheckResult, Finding, RuleKind, Stage
from domain.errors import (
    AlreadyExists,
    CheckRefused,
    CreditError,
    DeliveryRefused,
    InvoiceUnknown,
    KeyReused,
    NotFound,
    OutOfOrder,
    UseNeedsApproval,
)
from domain.exposure import PLAIN, EntryKind, Movement
from domain.hold import Hold, HoldOn
from domain.identity import SYSTEM
from domain.imports import Outcome
from domain.money import Money, money_sum
from domain.order import (
    Asking,
    Move,
    Moved,
    Order,
    OrderAct,
    OrderContent,
    OrderCredit,
    OrderInvoice,
    OrderPart,
    OrderStatus,
    OrderTerms,
    RecheckDone,
    RecheckPage,
    repayments,
)
from domain.receivable import CreditNote, Invoice
from domain.use import USES_AT
from domain.value import Value, content_hash
from policies.check import hold_owner, hold_review_on
from policies.hold import due_at
from policies.scheme import exposure_of
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions
from storage.excess import Excesses
from storage.exposure import Exposure
from storage.hold import Holds
from storage.order import Orders
from storage.receivable import Receivables
from storage.recheck import owe_recheck

CREDIT_NOTE = "credit_note"
_GIVES_BACK = frozenset({EntryKind.RELEASE, EntryKind.REPAY})
BOOK = "book"  # the rule that a movement is refused by, where the check had let it pass


class OrderAnswer(Value):
    """An order after what was asked: how it stands, what the check found, and the hold if it is held.

    `replayed`: the key was answered before, and this is that answer.
    """

    order: Order
    judged: CheckResult | None = None
    hold: Hold | None = None
    replayed: bool = False


@dataclass(frozen=True)
class Asked:
    """Who asks, when, and under which key; `said` is what they ask, by its hash."""

    by: str
    at: datetime
    on: date
    offset_days: int = 0
    key: str | None = None
    said: str = ""
    cause: str = ""

    def of(self, *content: object) -> "Asked":
        """With the hash of what is asked."""
        plain = [
            each.model_dump(mode="json") if isinstance(each, Value) else str(each)
            for each in content
        ]
        return replace(self, said=content_hash(plain))

    def caused_by(self, cause: str) -> "Asked":
        """For what had happened."""
        return replace(self, cause=cause)

    def asking(self, act: OrderAct, moves: Sequence[Move] = (), **facts: Any) -> Asking:
        """An act under way, in the name of who asks."""
        return Asking(
            act=act,
            moves=tuple(moves),
            by=self.by,
            at=self.at,
            on=self.on,
            offset_days=self.offset_days,
            cause=self.cause,
            **facts,
        )


_Doing = Callable[[Session, Order, Asked], None]


class OrderDesk:
    """Orders, over one memory and one book."""

    def __init__(self, records: Records, exposure: Exposure) -> None:
        self._records = records
        self._exposure = exposure

    # ── what may be asked ────────────────────────────────────────────────────────────────────────

    def quote(self, asked: Asked, order: Order) -> OrderAnswer:
        """What an order would be answered with; it takes nothing, and is kept as a quotation."""
        asked = asked.of(OrderAct.QUOTE, order.customer_id, order.content)
        with self._records.begin() as session:
            before = self._answered(session, asked)
            if before is not None:
                return before
            known = self._known(session, order)
            if known is not None:
                known.refuse(OrderAct.QUOTE)
                order = known.model_copy(update={"content": order.content})
            judged = judge(session, order, Stage.QUOTE, asked.on)
            order = order.next(status=OrderStatus.QUOTED)
            self._write(session, order, OrderAct.QUOTE, asked, judged=judged.result)
            return OrderAnswer(order=order, judged=judged.result)

    def place(self, asked: Asked, order: Order) -> OrderAnswer:
        """Take an order on: checked and reserved, or held with every reason.

        The same order again is the one on record; refuses `AlreadyExists` for its number with other
        content, `CheckRefused`, and `UseNeedsApproval` for what is approved before it is had.
        """
        asked = asked.of(OrderAct.PLACE, order.customer_id, order.content)
        with self._records.begin() as session:
            before = self._answered(session, asked)
            known = self._known(session, order) if before is None else before.order
            waits = before is None and known is not None and known.asked is not None
            if before is None and not waits:
                before = self._taken_on(session, asked, order, known)
        order_id = order.order_id if known is None else known.order_id
        if waits:  # what is under way on it comes first, whoever asked for it
            self.finish(order_id)
            return self.place(asked, order)
        return self._done(order_id, asked, before)

    def change(self, asked: Asked, order_id: str, terms: OrderTerms) -> OrderAnswer:
        """Change an order: more of it, or other terms, is checked; what is given up goes back."""

        def act(session: Session, order: Order, asked: Asked) -> None:
            changed = order.changed(terms)
            less = order.hold_id is None and _is_less(changed.content, order.content)
            self._check_and_cover(
                session, changed, OrderAct.CHANGE, Stage.ORDER_CHANGE, asked, less=less
            )

        return self._act(asked.of(OrderAct.CHANGE, order_id, terms), order_id, act)

    def split(
        self, asked: Asked, order_id: str, parts: Sequence[tuple[str, OrderPart]]
    ) -> OrderAnswer:
        """Take parts off an order, each an order of its own and checked as one; what was reserved for
        a part goes over to it."""

        def act(session: Session, order: Order, asked: Asked) -> None:
            rest = order.without([part for _, part in parts])
            less = order.hold_id is None
            split = [
                order.part(part, part_id, asked.by, asked.at, asked.on) for part_id, part in parts
            ]
            self._check_and_cover(
                session, rest, OrderAct.SPLIT, Stage.ORDER_CHANGE, asked, less=less, parts=split
            )
            for made in split:
                if self._known(session, made) is not None:
                    raise AlreadyExists(kind="order", id=made.content.order_no)
                placing = made.asks(asked.asking(OrderAct.PLACE, stage=Stage.ORDER))
                self._write(session, placing, OrderAct.PLACE, replace(asked, key=None))

        said = [part for _, part in parts]
        answer = self._act(asked.of(OrderAct.SPLIT, order_id, *said), order_id, act)
        with self._records.begin() as session:
            made = Orders(session).parts_of(order_id)
        for each in made:
            self.finish(each.order_id)
        return answer

    def deliver(self, asked: Asked, order_id: str, amount: Money | None) -> OrderAnswer:
        """Deliver an order or a part: what is reserved for it becomes used.

        Refuses `MoreThanOrdered` for what is not reserved, an order far off among it, and
        `DeliveryRefused` where the book does not let it be used.
        """

        def act(session: Session, order: Order, asked: Asked) -> None:
            order.refuse(OrderAct.DELIVER)
            judged = judge(
                session, order, Stage.DELIVERY, asked.on, passed=True, line_id=order.line_id
            )
            if self._held(session, order, OrderAct.DELIVER, Stage.DELIVERY, asked, judged):
                return
            asking = asked.asking(
                OrderAct.DELIVER,
                order.delivering(amount or order.undelivered),
                stage=Stage.DELIVERY,
            )
            self._write(session, order.asks(asking), OrderAct.DELIVER, asked, judged=judged.result)

        return self._act(asked.of(OrderAct.DELIVER, order_id, amount), order_id, act)

    def invoice(self, asked: Asked, order_id: str, said: OrderInvoice) -> OrderAnswer:
        """Invoice what is delivered: the receivable is on record with the order that says so.

        Refuses `AlreadyExists` for an invoice that is on an order already.
        """

        def act(session: Session, order: Order, asked: Asked) -> None:
            billed = order.billed(said.invoice_no, said.amount)
            invoice = Invoice(
                **said.model_dump(exclude={"amount"}),
                amount=billed.invoiced - order.invoiced,
                customer_id=order.customer_id,
                source=f"order {order_id}",
            )
            judged = judge(
                session, order, Stage.INVOICE, asked.on, passed=True, line_id=order.line_id
            )
            if not order.status.ended and self._held(
                session, order, OrderAct.INVOICE, Stage.INVOICE, asked, judged
            ):
                return
            _record_once(session, invoice, asked)
            self._write(session, billed, OrderAct.INVOICE, asked, judged=judged.result)

        return self._act(asked.of(OrderAct.INVOICE, order_id, said), order_id, act)

    def credit(self, asked: Asked, order_id: str, said: OrderCredit) -> OrderAnswer:
        """A credit note on one of the order's invoices: less is owed, and less is used.

        What was released before is looked at again after it. Refuses `AlreadyExists` for a note that
        counts already.
        """

        def act(session: Session, order: Order, asked: Asked) -> None:
            if said.invoice_no not in order.invoices:
                raise InvoiceUnknown(customer_id=order.customer_id, invoice_no=said.invoice_no)
            order.refuse(OrderAct.CREDIT)
            note = CreditNote(
                credit_note_no=said.credit_no,
                invoice_no=said.invoice_no,
                issued_on=asked.on,
                amount=said.amount,
                reason=said.reason,
                customer_id=order.customer_id,
                source=f"order {order_id}",
            )
            outcome = Receivables(session).record_credit_note(note, recorded_by=asked.by)
            if outcome is Outcome.UNCHANGED and _is_counted(session, order, note):
                raise AlreadyExists(kind="credit note", id=note.credit_note_no)
            spare = _spare(session, order, asked.on)
            ends = order.status if order.status.ended else None
            asking = asked.caused_by(CREDIT_NOTE).asking(
                OrderAct.CREDIT, order.crediting(said.amount, spare), ends=ends
            )
            self._write(session, order.asks(asking), OrderAct.CREDIT, asked)

        self._finish_beside(order_id)
        return self._act(asked.of(OrderAct.CREDIT, order_id, said), order_id, act)

    def close(self, asked: Asked, order_id: str) -> OrderAnswer:
        """Nothing more is delivered; what is reserved goes back."""
        return self._end(asked, order_id, OrderAct.CLOSE, OrderStatus.CLOSED)

    def cancel(self, asked: Asked, order_id: str) -> OrderAnswer:
        """Call an order off of which nothing is delivered."""
        return self._end(asked, order_id, OrderAct.CANCEL, OrderStatus.CANCELLED)

    def reopen(self, asked: Asked, order_id: str) -> OrderAnswer:
        """Go on with an order that was closed or called off, as with a new one: whatever it was
        released by before has ended with it."""

        def act(session: Session, order: Order, asked: Asked) -> None:
            order.refuse(OrderAct.REOPEN)
            afresh = order.model_copy(update={"released": None})
            self._check_and_cover(session, afresh, OrderAct.REOPEN, Stage.ORDER_CHANGE, asked)

        return self._act(asked.of(OrderAct.REOPEN, order_id), order_id, act)

    def recheck(self, asked: Asked, order_id: str) -> OrderAnswer:
        """Look at an order again: a hold whose rules pass is cured, once what it takes is reserved."""
        self._finish_beside(order_id)
        return self._act(asked, order_id, self._look_again)

    def hold(self, asked: Asked, hold: Hold) -> Hold:
        """Set a hold by hand, on an order, a customer or a line; checks go by it from now on."""
        if hold.holds is HoldOn.ORDER:
            self.finish(hold.subject_id)
        with self._records.begin() as session:
            written = Holds(session).write(hold, asked.by, asked.at)
            if hold.holds is HoldOn.ORDER and written.version == 1:
                order = Orders(session).read(hold.subject_id, for_update=True)
                if order.hold_id is None:
                    order.refuse(OrderAct.HOLD)
                    held = order.stands(hold_id=hold.hold_id)
                    self._write(session, held, OrderAct.HOLD, replace(asked, key=None))
            return written

    def lift(self, asked: Asked, hold_id: str, code: str) -> Hold:
        """Lift a hold set by hand; the order it held is checked again, and so is whatever else waited
        for it. Who may is for the caller to ask; it is never who set it."""
        with self._records.begin() as session:
            hold = Holds(session).read(hold_id)
        if hold.holds is HoldOn.ORDER:
            self.finish(hold.subject_id)
        with self._records.begin() as session:
            holds, order = Holds(session), None
            if hold.holds is HoldOn.ORDER:  # whoever holds both locks the order first
                order = Orders(session).read(hold.subject_id, for_update=True)
            hold = holds.read(hold_id, for_update=True)
            if hold.open or hold.ended_by != asked.by:
                hold = hold.released(asked.by, code, asked.at, asked.on, note=asked.cause)
                holds.write(hold, asked.by, asked.at)
                if order is not None and order.hold_id == hold_id:
                    order.refuse_under_way()
                    self._check_and_cover(
                        session,
                        order.without_hold(),
                        OrderAct.RELEASE,
                        Stage.ORDER,
                        replace(asked, key=None),
                        refuses=False,
                    )
                owe_recheck(session, f"hold/{hold_id}", "hold", hold.customer_id)
        if order is not None:
            self.finish(order.order_id)
        return hold

    # ── how it is done ───────────────────────────────────────────────────────────────────────────

    def finish(self, order_id: str) -> OrderAnswer | None:
        """Do what an order is asked for and has no answer yet; None where nothing is under way."""
        done = None
        while True:
            with self._records.begin() as session:
                order = Orders(session).read(order_id)
            if order.asked is None:
                return done
            if order.part_of is not None and order.version == 1:  # what it is to have comes first
                self.finish(order.part_of)
            answers = self._move(order)
            with self._records.begin() as session:
                now = Orders(session).read(order_id, for_update=True)
                if now.asked is None or now.version != order.version:
                    continue  # somebody else was as quick
                done = self._settle(session, now, answers)

    def _finish_beside(self, order_id: str) -> None:
        """Finish what is under way on the line of an order: until it is, nobody can say what of the
        line is used beside its orders."""
        with self._records.begin() as session:
            order = Orders(session).read(order_id)
            billed = order.invoices and order.line_id is not None
            others = Orders(session).under_way(order.line_id or "") if billed else ()
        for each in others:
            with suppress(CreditError):  # its own next look says why
                self.finish(each)

    def _taken_on(
        self, session: Session, asked: Asked, order: Order, known: Order | None
    ) -> OrderAnswer | None:
        """The order on record of this number; None where it is taken on only now."""
        if known is not None and known.status is not OrderStatus.QUOTED:
            if known.content != order.content:
                raise AlreadyExists(kind="order", id=order.content.order_no)
            return self._standing(session, known, replayed=True)
        if known is not None:
            order = known.model_copy(update={"content": order.content})
        self._check_and_cover(session, order, OrderAct.PLACE, Stage.ORDER, asked)
        return None

    def _act(self, asked: Asked, order_id: str, act: _Doing) -> OrderAnswer:
        self.finish(order_id)
        with self._records.begin() as session:
            before = self._answered(session, asked)
            if before is None:
                order = Orders(session).read(order_id, for_update=True)
                order.refuse_under_way()
                act(session, order, asked)
        return self._done(order_id, asked, before)

    def _done(self, order_id: str, asked: Asked, before: OrderAnswer | None) -> OrderAnswer:
        """The answer to what was asked, once nothing of it is under way."""
        self.finish(order_id)
        with self._records.begin() as session:
            answer = self._answered(session, asked) if asked.key is not None else before
            if answer is None:
                answer = self._standing(session, Orders(session).read(order_id))
            elif before is None:
                answer = answer.model_copy(update={"replayed": False})
        return answer

    def _answered(self, session: Session, asked: Asked) -> OrderAnswer | None:
        """What was answered under a key; refuses `KeyReused` for another request, and what the book
        refused."""
        found = Orders(session).find_event(asked.key) if asked.key is not None else None
        if found is None:
            return None
        event, said = found
        if said != asked.said:
            raise KeyReused(key=asked.key)
        after = event
        while after.order.asked is not None:
            then = Orders(session).find_version(event.order_id, after.version + 1)
            if then is None:
                return OrderAnswer(order=after.order, replayed=True)  # still under way
            after = then
        refused = [each.refusal for each in after.moved if _is_refused_use(each)]
        if refused:
            raise DeliveryRefused(code=refused[0])
        return self._standing(session, after.order, replayed=True)

    def _standing(self, session: Session, order: Order, *, replayed: bool = False) -> OrderAnswer:
        hold = Holds(session).find(order.hold_id) if order.hold_id is not None else None
        judged = Orders(session).judged(order.order_id)
        return OrderAnswer(order=order, judged=judged, hold=hold, replayed=replayed)

    def _known(self, session: Session, order: Order) -> Order | None:
        content = order.content
        return Orders(session).find_by_no(order.customer_id, content.source, content.order_no)

    def _write(
        self,
        session: Session,
        order: Order,
        act: OrderAct,
        asked: Asked,
        *,
        judged: CheckResult | None = None,
        moved: Sequence[Moved] = (),
    ) -> Order:
        return Orders(session).write(
            order,
            act,
            asked.by,
            asked.on,
            asked.at,
            key=asked.key,
            said=asked.said if asked.key is not None else None,
            note=asked.cause,
            judged=judged,
            moved=moved,
            offset_days=asked.offset_days,
        )

    def _check_and_cover(
        self,
        session: Session,
        order: Order,
        act: OrderAct,
        stage: Stage,
        asked: Asked,
        *,
        judged: Judged | None = None,
        less: bool = False,
        parts: Sequence[Order] = (),
        refuses: bool = True,
    ) -> None:
        """Check an order, and write it held, or as asking the book for what it still takes.

        What only becomes `less` is not held for it; what is far off takes nothing yet. Where nobody
        asks for it any more, nothing `refuses`: the order is held for that.
        """
        judged = judged or judge(session, order, stage, asked.on)
        if act in _ASKED_ANEW and refuses and not less:
            _refuse_marked(session, order, judged, asked.on)
        surplus = order.parting(parts) if parts else order.surplus()
        if not less and self._held(
            session, order, act, stage, asked, judged, surplus, refuses=refuses
        ):
            return
        far = judged.result.counts_on
        order = order.model_copy(update={"enters_on": far})
        line_id = judged.facts.line.line_id
        content = order.content
        exposure = exposure_of(content.amount, content.deposit, content.product, judged.edition)
        if far is not None:
            moves = order.giving_back()
        elif parts and surplus:
            moves = surplus
        else:
            moves = order.covering(line_id, exposure)
        if moves:
            asking = asked.asking(act, moves, stage=stage, passed=True)
            self._write(session, order.asks(asking), act, asked, judged=judged.result)
            return
        order = self._cured(session, order, asked)
        self._write(session, order.stands(), act, asked, judged=judged.result)

    def _held(
        self,
        session: Session,
        order: Order,
        act: OrderAct,
        stage: Stage,
        asked: Asked,
        judged: Judged,
        moves: Sequence[Move] = (),
        *,
        refuses: bool = True,
    ) -> bool:
        """Whether the check stops the order: it is written as held, with every reason.

        Refuses `CheckRefused` where a rule refuses outright, and somebody is there to be refused.
        """
        if not judged.stopping:
            return False
        refusing = [each for each in judged.stopping if each.act is Act.REFUSE]
        if refusing and refuses and order.hold_id is None:
            raise CheckRefused(
                rules="; ".join(each.sentence() for each in refusing),
                rules_zh="；".join(each.sentence("zh") for each in refusing),
            )
        held = self._hold(session, order, stage, asked, judged.stopping, judged.facts.line.line_id)
        held = held.asks(asked.asking(act, moves, stage=stage)) if moves else held.stands()
        self._write(session, held, act, asked, judged=judged.result)
        return True

    def _hold(
        self,
        session: Session,
        order: Order,
        stage: Stage,
        asked: Asked,
        findings: Sequence[Finding],
        line_id: str | None,
    ) -> Order:
        """The order with its hold: a new one, or the one it has with what is found by now."""
        holds = Holds(session)
        if order.hold_id is not None:
            hold = holds.read(order.hold_id, for_update=True)
            if hold.reasons_now != tuple(findings) or hold.amount != order.undelivered:
                changed = hold.looked(findings, asked.at)
                changed = changed.model_copy(update={"amount": order.undelivered})
                holds.write(changed, asked.by, asked.at)
            return order
        edition = Editions(session).read_current(asked.on)
        hold = Hold(
            hold_id=content_hash([order.order_id, order.version, "hold"])[:32],
            holds=HoldOn.ORDER,
            subject_id=order.order_id,
            customer_id=order.customer_id,
            line_id=line_id or order.line_id,
            amount=order.undelivered,
            stage=stage,
            set_by=SYSTEM.person_id,
            reasons=tuple(findings),
            reasons_now=tuple(findings),
            looked_at=asked.at,
            owner=f"role.{hold_owner(edition)}",
            opened_at=asked.at,
            opened_on=asked.on,
            due_at=due_at(asked.at, edition),
            review_on=hold_review_on(asked.on, edition),
            offset_days=asked.offset_days,
        )
        holds.write(hold, SYSTEM.person_id, asked.at)
        return order.model_copy(update={"hold_id": hold.hold_id})

    def _cured(self, session: Session, order: Order, asked: Asked) -> Order:
        """The order without its hold, whose rules pass; one set by hand stays."""
        if order.hold_id is None:
            return order
        hold = Holds(session).read(order.hold_id, for_update=True)
        if hold.manual:
            return order
        by = SYSTEM.person_id
        Holds(session).write(hold.cured(asked.cause or "check", asked.at, asked.on), by, asked.at)
        return order.without_hold()

    def _end(
        self, asked: Asked, order_id: str, ending: OrderAct, status: OrderStatus
    ) -> OrderAnswer:
        def act(session: Session, order: Order, asked: Asked) -> None:
            order.refuse(ending)
            if ending is OrderAct.CANCEL and order.delivered:
                raise OutOfOrder(
                    reason="an order that is delivered in part is closed, not called off"
                )
            if order.hold_id is not None:
                hold = Holds(session).read(order.hold_id, for_update=True)
                cancelled = hold.cancelled(asked.by, asked.at, asked.on)
                Holds(session).write(cancelled, asked.by, asked.at)
            self._write(session, wound_up(order, ending, asked, status), ending, asked)

        return self._act(asked.of(ending, order_id), order_id, act)

    def _look_again(self, session: Session, order: Order, asked: Asked) -> None:
        """A held order whose rules pass goes on; a released one may have to stop; one that has come
        near, or lost what it held, is taken on; what was paid on its invoices goes back to the line
        first. Anything else stays as it is."""
        if order.invoices and self._paid(session, order, asked):
            return
        if order.status is OrderStatus.HELD:
            assert order.hold_id is not None
            hold = Holds(session).read(order.hold_id, for_update=True)
            stage = hold.stage or Stage.ORDER
            judged = judge_held(session, order, hold, asked.on)
            if hold.manual or judged.stopping:
                self._hold(session, order, stage, asked, judged.stopping, None)
            else:
                self._check_and_cover(session, order, OrderAct.RECHECK, stage, asked, judged=judged)
            return
        far = order.enters_on is not None and order.enters_on > asked.on
        bare = order.status in _UNDER_WAY and order.uncovered.minor > 0 and not far
        if bare:
            self._check_and_cover(
                session, order, OrderAct.RECHECK, Stage.ORDER, asked, refuses=False
            )
        elif order.status is OrderStatus.RELEASED and asked.cause == CREDIT_NOTE:
            judged = judge(
                session, order, Stage.DELIVERY, asked.on, passed=True, line_id=order.line_id
            )
            self._held(
                session, order, OrderAct.RECHECK, Stage.DELIVERY, asked, judged, refuses=False
            )

    def _paid(self, session: Session, order: Order, asked: Asked) -> bool:
        """Whether something of what was paid on its invoices goes back to the line now, or is owed
        again."""
        if not _repays(session, asked.on):
            return False
        spare = Orders(session).find_spare(order.line_id or "", order.currency)
        if spare is None:  # another look, once that is done
            return False
        freed = _freed(session, order)
        own: Sequence[Move] = ()
        if freed < order.settled:
            own = repayments(Orders(session).events(order.order_id))
            again = order.owed_again(freed, spare, own, _revived(session, order))
            if again is not None:
                self._write(session, again, OrderAct.PAY, asked)
                return True
        moves = order.reviving(freed, own) or order.paying(freed, spare)
        if not moves or _is_refused_today(session, order, moves, asked.on):
            return False
        ends = order.status if order.status.ended else None
        asking = asked.asking(OrderAct.PAY, moves, ends=ends)
        self._write(session, order.asks(asking), OrderAct.PAY, asked)
        return True

    # ── the book ─────────────────────────────────────────────────────────────────────────────────

    def _move(self, order: Order) -> list[Moved]:
        """What the book answers to an order's movements, in their order, up to the first that it
        does not let be used."""
        answers: list[Moved] = []
        assert order.asked is not None
        for move in order.asked.moves:
            answer = self._moved(order, move)
            answers.append(answer)
            if _is_refused_use(answer):
                break
        return answers

    def _moved(self, order: Order, move: Move) -> Moved:
        asked = order.asked
        assert asked is not None
        if move.rest is not None and not move.moving:  # too little for the book to know of it
            kept = (move.reservation_id,) if move.reservation_id is not None else ()
            return Moved(
                move=move, reservation_id=move.reservation_id, line_id=move.line_id, kept=kept
            )
        try:
            made = self._posted(order, move, asked)
        except CreditError as refusal:
            return Moved(move=move, refusal=refusal.code, facts=refusal.facts)
        if made is None:
            return Moved(move=move, line_id=move.line_id)
        return Moved(
            move=move, reservation_id=made.reservation_id, line_id=made.line_id, kept=made.kept
        )

    def _posted(self, order: Order, move: Move, asked: Asking) -> Movement | None:
        """A movement as the book is asked for it; None where there is nothing to move."""
        book = self._exposure
        said: dict[str, Any] = {"business_on": asked.on, "posted_by": asked.by}
        line_id, reservation_id = move.line_id or "", move.reservation_id or ""
        match move.kind:
            case EntryKind.RESERVE:
                named = move.amount if move.exposure is not None else None
                use = move.use.model_copy(update={"nominal": named})
                said["use"] = PLAIN if use == PLAIN else use
                if move.line_id is None:
                    return book.check(order.customer_id, move.moving, move.key, **said)
                return book.reserve(line_id, move.moving, move.key, **said)
            case EntryKind.COMMIT:
                amount, keep = move.moving or None, move.rest is not None
                return book.commit(
                    line_id, reservation_id, move.key, amount=amount, keep_rest=keep, **said
                )
            case EntryKind.RELEASE if move.shares:
                parts = [share.exposure for share in move.shares]
                if move.rest is not None:
                    parts.insert(0, order.held_by(reservation_id).held - move.moving)
                return book.split(line_id, reservation_id, parts, move.key, **said)
            case EntryKind.RELEASE:
                amount = move.moving if move.rest is not None else None
                return book.release(line_id, reservation_id, move.key, amount=amount, **said)
            case EntryKind.REVIVE:
                revived = book.revive(line_id, move.key, **said)
                if revived is None:
                    raise NotFound(kind="repayment", id=move.key)
                return revived
        named = move.amount if move.exposure is not None else None
        if not move.moving and named is None:
            return None
        said |= {"product": move.use.product, "nominal": named}
        return book.repay(line_id, move.moving, move.key, **said)

    def _settle(self, session: Session, order: Order, answers: Sequence[Moved]) -> OrderAnswer:
        """Write what came of an act: as the book left the order, held where it refused."""
        asking = order.asked
        assert asking is not None
        asked = Asked(asking.by, asking.at, asking.on, asking.offset_days, cause=asking.cause)
        stage = asking.stage or Stage.ORDER
        if not asking.moves:
            plain = order.model_copy(update={"asked": None})
            self._check_and_cover(session, plain, asking.act, stage, asked, refuses=False)
            return self._standing(session, Orders(session).read(order.order_id))
        refused = [each for each in answers if each.move.kind is EntryKind.RESERVE and each.refusal]
        if refused:
            findings = tuple(_finding(each, asked.on) for each in refused)
            order = self._hold(session, order, stage, asked, findings, None)
        elif asking.passed:
            order = self._cured(session, order, asked)
        before = order
        order = self._write(session, order.moved(answers), asking.act, asked, moved=answers)
        self._hand_over(session, before, answers, asked)
        if any(_gives_back(each) for each in answers):
            key = f"order/{order.order_id}/{order.version}"
            owe_recheck(session, key, asking.cause or asking.act, order.customer_id)
        return self._standing(session, order)

    def _hand_over(
        self, session: Session, of: Order, answers: Sequence[Moved], asked: Asked
    ) -> None:
        """To the orders that were split off, what the book kept for them."""
        for answer in answers:
            move = answer.move
            if not move.shares or answer.refusal is not None:
                continue
            reserved = of.held_by(move.reservation_id or "")
            theirs = answer.kept[move.rest is not None :]
            for share, reservation_id in zip(move.shares, theirs, strict=True):
                part = Orders(session).read(share.order_id, for_update=True)
                part = part.inherits(share, reservation_id, reserved).next()
                self._write(session, part, OrderAct.SPLIT, asked)


class OrderActivities(OrderSteps):
    """The steps on PostgreSQL."""

    def __init__(self, records: Records, exposure: Exposure) -> None:
        self._records = records
        self._desk = OrderDesk(records, exposure)

    @activity.defn
    def recheck_orders(self, page: RecheckPage) -> RecheckDone:
        assert page.at is not None
        on = business_on(page.at, page.offset_days)
        asked = Asked(SYSTEM.person_id, page.at, on, page.offset_days, cause=page.cause)
        if page.customer_id and page.after is None:
            self._look_at_excesses(page.customer_id, Looked(page.at, on, page.offset_days))
        with self._records.begin() as session:
            ids = _together(session, page.customer_id) if page.customer_id else None
            due = Orders(session).due(
                on, after=page.after, page_size=page.page_size, customer_ids=ids
            )
        cured = 0
        for order in due:
            try:
                answer = self._desk.recheck(asked, order.order_id)
            except CreditError:  # it was ended, or taken up, meanwhile
                continue
            cured += order.hold_id is not None and answer.order.hold_id is None
        full = len(due) == page.page_size
        return RecheckDone(
            after=due[-1].order_id if full else None, looked_at=len(due), cured=cured
        )

    def _look_at_excesses(self, customer_id: str, looked: Looked) -> None:
        """Each plan in its own transaction, before the orders that its hold stops."""
        with self._records.begin() as session:
            customer = Customers(session).find(customer_id)
            group_id = customer.group_id if customer is not None else None
            plans = Excesses(session).open_of_customer(customer_id, group_id)
        for each in plans:
            with self._records.begin() as session:
                look_again(session, each, looked)


_UNDER_WAY = frozenset({OrderStatus.OPEN, OrderStatus.RELEASED, OrderStatus.DELIVERED_PART})


def wound_up(order: Order, act: OrderAct, asked: Asked, status: OrderStatus) -> Order:
    """An order that goes no further: as giving back what it holds, or ended at once."""
    order = order.model_copy(update={"hold_id": None, "enters_on": None})
    moves = order.giving_back()
    if moves:
        return order.asks(asked.asking(act, moves, ends=status))
    return order.next(status=status)


# What somebody asks of an order that takes anew; what was taken on already goes on as it was.
_ASKED_ANEW = frozenset({OrderAct.PLACE, OrderAct.CHANGE, OrderAct.REOPEN, OrderAct.SPLIT})


def _record_once(session: Session, invoice: Invoice, asked: Asked) -> None:
    """Write an invoice of an order, or refuse `AlreadyExists` where it is on an order already."""
    outcome = Receivables(session).record_invoice(
        invoice, business_on=asked.on, recorded_by=asked.by
    )
    if outcome is Outcome.CREATED:  # on no record before, and so on no order
        return
    if Orders(session).find_by_invoice(invoice.customer_id, invoice.invoice_no) is not None:
        raise AlreadyExists(kind="invoice", id=invoice.invoice_no)


def _is_counted(session: Session, order: Order, note: CreditNote) -> bool:
    """Whether a credit note on record has taken its part off the order before, by its own act or by
    the look at what is paid."""
    noted = money_sum(
        (
            each.credited
            for each in Receivables(session).credit_notes(order.customer_id)
            if each.invoice_no in order.invoices
        ),
        order.currency,
    )
    return order.credited + note.amount > noted or order.settled + note.amount > _freed(
        session, order
    )


def _is_refused_today(session: Session, order: Order, moves: Sequence[Move], on: date) -> bool:
    """Whether the book has refused the same repayment on this day, and nothing was done since: it is
    tried again on another day, and other looks at the order are not kept from it."""
    last = Orders(session).find_version(order.order_id, order.version)
    if last is None or last.act is not OrderAct.PAY or last.on != on:
        return False
    amounts = [move.amount for move in moves]
    return [each.move.amount for each in last.moved if each.refusal] == amounts


def _freed(session: Session, order: Order) -> Money:
    """What is owed no more on its invoices."""
    return Receivables(session).freed(order.customer_id, order.invoices, order.currency)


def _revived(session: Session, order: Order) -> Money:
    """What bills had freed of its invoices that the line is used by again."""
    return Receivables(session).revived(order.customer_id, order.invoices, order.currency)


def _repays(session: Session, on: date) -> bool:
    """Whether what is paid goes back to the line by its order; by somebody's hand otherwise."""
    return Editions(session).read_current(on).checks.payments_repay


def _spare(session: Session, order: Order, on: date) -> Money:
    """What its line is used by beside orders; nothing where payments are repaid by hand, so that what
    was repaid says nothing of credit notes."""
    if not _repays(session, on):
        return Money.zero(order.currency)
    return Orders(session).spare(order.line_id or "", order.currency)


def _refuse_marked(session: Session, order: Order, judged: Judged, on: date) -> None:
    """Nothing, or `UseNeedsApproval`: an order is no way round the approval of a use."""
    content, line_id = order.content, judged.facts.line.line_id
    if not line_id:
        return
    row = find_marked(session, line_id, content.product, content.amount, judged.edition, on)
    if row is not None:
        raise UseNeedsApproval(
            product=content.product or "-",
            amount=content.amount,
            row=row.code,
            line_id=line_id,
            where=USES_AT,
        )


def _is_less(now: OrderContent, before: OrderContent) -> bool:
    """Whether a change only takes something off the amount."""
    other = now.model_dump(exclude={"amount"}) != before.model_dump(exclude={"amount"})
    return now.amount <= before.amount and not other


def _gives_back(answer: Moved) -> bool:
    """Whether it made room: what goes over to another order makes none."""
    return answer.move.kind in _GIVES_BACK and not answer.move.shares and answer.refusal is None


def _is_refused_use(answer: Moved) -> bool:
    return answer.move.kind is EntryKind.COMMIT and answer.refusal is not None


def _together(session: Session, customer_id: str) -> Sequence[str]:
    """The customer, and those it shares a group with."""
    customer = Customers(session).find(customer_id)
    if customer is None or customer.group_id is None:
        return (customer_id,)
    return (customer_id, *Customers(session).members(customer.group_id))


_KINDS = {"over_limit": RuleKind.LIMIT, "line_expired": RuleKind.LIMIT_EXPIRED}
_KINDS |= {"draws_over": RuleKind.LIMIT_EXPIRED}


def _finding(answer: Moved, on: date) -> Finding:
    """What the book refused, in the words of a check."""
    kind = _KINDS.get(answer.refusal or "", RuleKind.LINE_STATUS)
    facts: dict[str, Any] = {"word": answer.facts.get("status", answer.refusal)}
    if kind is RuleKind.LIMIT:
        facts = {
            "found": answer.move.moving,
            "allowed": _money(answer.facts["headroom"]),
            "binding": answer.facts.get("binding", ""),
        }
    elif kind is RuleKind.LIMIT_EXPIRED:
        since = date.fromisoformat(answer.facts.get("ended_on") or answer.facts["last_draw_on"])
        facts = {"since": since, "value": (on - since).days}
    return Finding(rule=BOOK, kind=kind, sequence=0, act=Act.HOLD, **facts)


def _money(said: str) -> Money:
    """An amount as refusals say it: `CNY 1,000.00`."""
    currency, _, amount = said.partition(" ")
    return Money.of(amount.replace(",", ""), currency)
