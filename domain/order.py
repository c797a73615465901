"""Sales orders (订单) as documents: what was ordered, how far it has come, and what it takes of a line.

An order that is checked is first written as asked for, with the movements it wants of the book; then
the book moves, each movement under a key made from order and version; then what came of it is
written. Whoever finds an order asked for makes the same movements again and gets the same answers.
What is judged on the way is `policies/check.py`; why an order stands still is `domain/hold.py`.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from domain.check import Stage
from domain.errors import (
    AlreadyExists,
    AmountNotPositive,
    CurrencyMismatch,
    FieldUnreadable,
    MoreThanOrdered,
    OutOfOrder,
)
from domain.exposure import PLAIN, EntryKind, Use, takeable
from domain.hold import ReleaseScope
from domain.identity import Id
from domain.money import Money, money_sum
from domain.reasons import because
from domain.receivable import DocumentNo
from domain.terms import TEXT_MAX
from domain.value import Value

Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.-]{0,39}$")]
TermsText = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_MAX)]
PARTS_MAX = 50


class OrderStatus(StrEnum):
    ASKED = "asked"  # written, and not answered yet
    QUOTED = "quoted"  # was answered for, and takes nothing
    OPEN = "open"
    HELD = "held"
    RELEASED = "released"  # was held, and goes on by somebody's word
    DELIVERED_PART = "delivered_part"
    DELIVERED = "delivered"
    INVOICED = "invoiced"
    CLOSED = "closed"  # nothing more is delivered
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (OrderStatus.CLOSED, OrderStatus.CANCELLED)


class OrderAct(StrEnum):
    """What was done to an order; each is an event of it."""

    QUOTE = "quote"
    PLACE = "place"
    CHANGE = "change"
    SPLIT = "split"
    DELIVER = "deliver"
    INVOICE = "invoice"
    CREDIT = "credit"
    PAY = "pay"  # less is owed on its invoices, and less is used
    CLOSE = "close"
    REOPEN = "reopen"
    CANCEL = "cancel"
    RECHECK = "recheck"  # a hold was looked at again, or a released order
    RELEASE = "release"  # somebody's word on a hold
    HOLD = "hold"  # by hand


class OrderTerms(Value):
    """What an order says that a change may say otherwise."""

    amount: Money
    terms: TermsText | None = None  # a code of the edition, or a line of text
    deliver_on: date | None = None
    due_on: date | None = None
    product: Word | None = None
    purpose: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    deposit: Money | None = None  # 保证金: what of the amount is paid ahead

    @model_validator(mode="after")
    def _takeable(self) -> Self:
        takeable(self.amount)
        if self.deposit is not None:
            if self.deposit.currency != self.amount.currency:
                raise CurrencyMismatch(first=self.amount.currency, second=self.deposit.currency)
            if self.deposit.minor < 0:
                raise AmountNotPositive(amount=self.deposit)
        return self

    @property
    def use(self) -> Use:
        """What the line is told of it; the amount only where it is part of the terms."""
        ahead = self.deposit is not None
        return Use(
            product=self.product,
            purpose=self.purpose or None,
            due_on=self.due_on,
            deposit=self.deposit,
            nominal=self.amount if ahead else None,
        )


class OrderContent(OrderTerms):
    """An order as its system sends it; its number is one of that system's for one customer."""

    order_no: str = DocumentNo
    source: Word = "orders"


class OrderPart(Value):
    """What a split takes off an order, as an order of its own."""

    order_no: str = DocumentNo
    amount: Money
    deliver_on: date | None = None
    due_on: date | None = None


class OrderInvoice(Value):
    """An invoice of what is delivered; without an amount, of all that is on none yet."""

    invoice_no: str = DocumentNo
    issued_on: date
    due_on: date
    amount: Money | None = None

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        if self.amount is not None:
            takeable(self.amount)
        if self.due_on < self.issued_on:
            raise FieldUnreadable(
                column="due_on", expected="issued_on or later", expected_zh="开票日或之后的日期"
            )
        return self


class OrderCredit(Value):
    """A credit note on an invoice of the order."""

    credit_no: str = DocumentNo
    invoice_no: str = DocumentNo
    amount: Money
    reason: str = Field(default="", max_length=500)

    @model_validator(mode="after")
    def _takeable(self) -> Self:
        takeable(self.amount)
        return self


class Reserved(Value):
    """What an order holds of a line."""

    reservation_id: Id
    line_id: Id
    amount: Money
    exposure: Money | None = None  # what of it the line is taken by; None: all
    use: Use = PLAIN  # as it was reserved

    @property
    def held(self) -> Money:
        return self.amount if self.exposure is None else self.exposure

    def share(self, amount: Money) -> Money:
        """What of the exposure goes with a part of the amount, rounded down."""
        return _share(self.held, amount, self.amount)

    def less(self, amount: Money, exposure: Money, reservation_id: str) -> "Reserved":
        """What is left of it, in another reservation."""
        left = self.amount - amount
        return self.model_copy(
            update={
                "reservation_id": reservation_id,
                "amount": left,
                "exposure": _unless(self.held - exposure, left),
            }
        )


class UsedOn(Value):
    """What an order uses of a line."""

    line_id: Id
    amount: Money


class Share(Value):
    """What of a reservation goes over to an order that was split off."""

    order_id: Id
    amount: Money
    exposure: Money


class Move(Value):
    """One movement an order wants of the book; without a line, of the customer's own."""

    kind: EntryKind
    amount: Money
    key: str
    line_id: Id | None = None
    reservation_id: Id | None = None
    exposure: Money | None = None  # what it moves of the line; None: the amount
    rest: Money | None = None  # what of the reservation stays the order's; None: nothing
    shares: tuple[Share, ...] = ()  # to whom else it goes
    use: Use = PLAIN
    act: OrderAct | None = None  # whose repayment it revives, the one under its key

    @property
    def moving(self) -> Money:
        return self.amount if self.exposure is None else self.exposure


class Moved(Value):
    """What the book answered: the reservation and line that were meant, or why it refused.

    `kept` are the reservations that became of one: the order's own first, then those of its shares.
    """

    move: Move
    reservation_id: Id | None = None
    line_id: Id | None = None
    kept: tuple[Id, ...] = ()
    refusal: str | None = None  # its code
    facts: dict[str, str] = {}


class Asking(Value):
    """An act that is under way: its movements, or, where it has none yet, that it is to be checked."""

    act: OrderAct
    moves: tuple[Move, ...] = ()
    stage: Stage | None = None  # at which it is, or was, checked
    passed: bool = False  # whether the check lets it go on, once its movements are made
    by: Id
    at: datetime
    on: date
    offset_days: int = 0
    cause: str = ""
    ends: OrderStatus | None = None  # what the order becomes, where that is not told by its figures


class Order(Value):
    order_id: Id
    customer_id: Id
    content: OrderContent
    status: OrderStatus = OrderStatus.ASKED
    reserved: tuple[Reserved, ...] = ()
    delivered: Money
    invoiced: Money
    invoices: tuple[str, ...] = ()
    credited: Money
    carried: Money | None = None  # what the line was used by for what is delivered; None: all of it
    paid: Money | None = None  # what else of its invoices is owed no more; None: nothing
    repaid: Money | None = None  # what went back with both; None: as much
    line_id: Id | None = None  # on which it was last reserved
    elsewhere: tuple[
        UsedOn, ...
    ] = ()  # what of its use is on other lines, the first it was on first
    part_of: Id | None = None  # of which it was split off
    enters_on: date | None = None  # when it comes near enough to be reserved
    hold_id: Id | None = None  # while it is held
    released: ReleaseScope | None = None  # within which it goes on by somebody's word
    asked: Asking | None = None
    placed_by: Id
    placed_at: datetime
    placed_on: date
    version: int = 0  # before it is written

    @classmethod
    def placed(
        cls, order_id: str, customer_id: str, content: OrderContent, by: str, at: datetime, on: date
    ) -> "Order":
        """A new order, of which nothing is delivered."""
        nothing = Money.zero(content.amount.currency)
        return cls(
            order_id=order_id,
            customer_id=customer_id,
            content=content,
            delivered=nothing,
            invoiced=nothing,
            credited=nothing,
            placed_by=by,
            placed_at=at,
            placed_on=on,
        )

    @property
    def amount(self) -> Money:
        return self.content.amount

    @property
    def currency(self) -> str:
        return self.amount.currency

    @property
    def taken(self) -> Money:
        """What it holds reserved."""
        return money_sum((each.amount for each in self.reserved), self.currency)

    @property
    def settled(self) -> Money:
        """What of its invoices is owed no more."""
        return self.credited if self.paid is None else self.credited + self.paid

    @property
    def returned(self) -> Money:
        """What of the line's use for it went back."""
        return self.settled if self.repaid is None else self.repaid

    @property
    def used(self) -> Money:
        """What its lines are used by for it."""
        return (self.delivered if self.carried is None else self.carried) - self.returned

    @property
    def used_last(self) -> Money:
        """What the line on which it was last reserved is used by for it."""
        return self.used - money_sum((each.amount for each in self.elsewhere), self.currency)

    @property
    def covered(self) -> Money:
        """What the line was taken by for it, reserved and used."""
        held = money_sum((each.held for each in self.reserved), self.currency)
        return held + (self.delivered if self.carried is None else self.carried)

    def held_by(self, reservation_id: str) -> Reserved:
        """What is held in one of its reservations."""
        return next(each for each in self.reserved if each.reservation_id == reservation_id)

    @property
    def undelivered(self) -> Money:
        return self.amount - self.delivered

    @property
    def uncovered(self) -> Money:
        """What is neither delivered nor reserved: what it would still take."""
        return max(self.undelivered - self.taken, Money.zero(self.currency))

    @property
    def unbilled(self) -> Money:
        """Delivered, and on no invoice yet."""
        return max(self.delivered - self.invoiced, Money.zero(self.currency))

    # ── what may be done ─────────────────────────────────────────────────────────────────────────

    def refuse(self, act: OrderAct) -> None:
        """Nothing, or `OutOfOrder` where the order as it stands does not take the act."""
        if self.asked is not None or self.status not in _TAKES[act]:
            raise OutOfOrder(
                **because("order_takes_no", order=self.order_id, status=self.status, act=act)
            )

    def refuse_under_way(self) -> None:
        """Nothing, or `OutOfOrder` while an act has no answer yet: what it reserves would be lost."""
        if self.asked is not None:
            raise OutOfOrder(reason="the order was changed by something else meanwhile")

    def changed(self, terms: OrderTerms) -> "Order":
        """With other terms; never below what is delivered, and in its own currency."""
        self.refuse(OrderAct.CHANGE)
        if self.delivered and terms.product != self.content.product:
            raise OutOfOrder(reason="an order that is delivered in part keeps its product")
        return self._with(terms.model_dump())

    def without(self, parts: Sequence[OrderPart]) -> "Order":
        """Less what is split off; something stays, as the parts never come to more than it."""
        self.refuse(OrderAct.SPLIT)
        for part in parts:
            takeable(part.amount)
        left = self.amount - money_sum((part.amount for part in parts), self.currency)
        if left.minor <= 0:
            raise MoreThanOrdered(amount=self.amount - left, left=self.undelivered)
        said: dict[str, object] = {"amount": left}
        deposit = self.content.deposit
        if deposit is not None:
            theirs = (_share(deposit, part.amount, self.amount) for part in parts)
            said["deposit"] = deposit - money_sum(theirs, self.currency)
        return self._with(said)

    def part(self, part: OrderPart, order_id: str, by: str, at: datetime, on: date) -> "Order":
        """What is split off, as an order of its own on the same terms, with its share of the deposit."""
        said = {name: value for name, value in part.model_dump().items() if value is not None}
        if self.content.deposit is not None:
            said["deposit"] = _share(self.content.deposit, part.amount, self.amount)
        content = OrderContent.model_validate(self.content.model_dump() | said)
        made = Order.placed(order_id, self.customer_id, content, by, at, on)
        return made.model_copy(update={"part_of": self.order_id})

    def billed(self, invoice_no: str, amount: Money | None = None) -> "Order":
        """With an invoice of what is delivered, or all of it, once; what has ended stays ended."""
        self.refuse(OrderAct.INVOICE)
        if invoice_no in self.invoices:
            raise AlreadyExists(kind="invoice", id=invoice_no)
        if not self.unbilled:
            raise OutOfOrder(reason="nothing is delivered that is on no invoice yet")
        amount = amount or self.unbilled
        if amount > self.unbilled:
            raise MoreThanOrdered(amount=amount, left=self.unbilled)
        billed = {"invoiced": self.invoiced + amount, "invoices": (*self.invoices, invoice_no)}
        return self.next(**billed) if self.status.ended else self.stands(**billed)

    def _with(self, said: dict[str, object]) -> "Order":
        content = OrderContent.model_validate(self.content.model_dump() | said)
        if content.amount.currency != self.currency:
            raise CurrencyMismatch(first=self.currency, second=content.amount.currency)
        if content.amount < self.delivered:
            raise MoreThanOrdered(amount=self.delivered, left=content.amount)
        return self.model_copy(update={"content": content})

    # ── what it wants of the book ────────────────────────────────────────────────────────────────

    def covering(
        self, line_id: str | None = None, exposure: Money | None = None
    ) -> tuple[Move, ...]:
        """Reserve what is not covered, on a line if one is named, of the `exposure` that the order
        comes to; first give back what is more than it takes, or was reserved on other terms."""
        use, zero = self.content.use, Money.zero(self.currency)
        deposit = self.content.deposit or zero
        whole = max(self.amount - deposit, zero) if exposure is None else exposure
        carried = self.delivered if self.carried is None else self.carried
        takes = max(whole - carried, zero)
        fits = [each for each in self.reserved if self._fits(each)]
        moves = [_release(each) for each in self.reserved if not self._fits(each)]
        held = money_sum((each.held for each in fits), self.currency)
        kept = money_sum((each.amount for each in fits), self.currency)
        for each, amount in self._excess(fits):
            move = _release(each, amount)
            if self.content.deposit is not None:  # which is of what is left, and not of each part
                move = _down_to(move, each, held - takes)
            moves.append(move)
            held -= move.moving
            kept -= amount
        short = self.undelivered - kept
        if short.minor > 0:
            lacks = max(takes - held, zero)
            reserve = Move(
                kind=EntryKind.RESERVE, amount=short, key="", line_id=line_id, use=use,
                exposure=_unless(lacks, short),
            )  # fmt: skip
            moves.append(reserve)
        return self._keyed(moves)

    def _fits(self, each: Reserved) -> bool:
        """Whether it was reserved on the terms that the order has, or on the same for more of it."""
        now, then = self.content.use, each.use
        if now.nominal is None or then.nominal is None or now.nominal > then.nominal:
            return now == then
        return now == then.model_copy(update={"nominal": now.nominal})

    def surplus(self) -> tuple[Move, ...]:
        """Give back what is reserved of more than the order takes."""
        return self._keyed([_release(each, over) for each, over in self._excess(self.reserved)])

    def parting(self, parts: Sequence["Order"]) -> tuple[Move, ...]:
        """What is reserved of more than is left goes over to the parts, in their order."""
        wanted = [(part.order_id, part.amount) for part in parts]
        moves = []
        for each, over in self._excess(self.reserved):
            shares, left = [], over
            while left and wanted:
                order_id, amount = wanted.pop(0)
                now = min(left, amount)
                shares.append(Share(order_id=order_id, amount=now, exposure=each.share(now)))
                left -= now
                if amount > now:
                    wanted.insert(0, (order_id, amount - now))
            moves.append(_shared(_release(each, over), each, shares))
        return self._keyed(moves)

    def inherits(self, share: Share, reservation_id: str, of: Reserved) -> "Order":
        """With what of a reservation came over from the order it was split off."""
        use = self.content.use
        taken = Reserved(
            reservation_id=reservation_id,
            line_id=of.line_id,
            amount=share.amount,
            exposure=_unless(share.exposure, share.amount),
            use=of.use.model_copy(update={"deposit": use.deposit, "nominal": use.nominal}),
        )
        return self.model_copy(update={"reserved": (*self.reserved, taken), "line_id": of.line_id})

    def _excess(self, of: Sequence[Reserved]) -> Iterator[tuple[Reserved, Money]]:
        """What is reserved of more than is undelivered, the newest first."""
        over = money_sum((each.amount for each in of), self.currency) - self.undelivered
        for each in reversed(of):
            if over.minor <= 0:
                return
            now = min(over, each.amount)
            yield each, now
            over -= now

    def giving_back(self) -> tuple[Move, ...]:
        """Give back everything that is reserved."""
        return self._keyed([_release(each) for each in self.reserved])

    def delivering(self, amount: Money) -> tuple[Move, ...]:
        """What is delivered becomes used, the oldest reservation first; the rest of one that is used
        in part stays reserved."""
        self.refuse(OrderAct.DELIVER)
        takeable(amount)
        if amount > self.taken:
            raise MoreThanOrdered(amount=amount, left=self.taken)
        moves, left = [], amount
        for each in self.reserved:
            if not left:
                break
            now = min(left, each.amount)
            moves.append(_move(EntryKind.COMMIT, now, each))
            left -= now
        return self._keyed(moves)

    def crediting(self, amount: Money, spare: Money) -> tuple[Move, ...]:
        """What a credit note takes off the invoices is used no more; `spare` as in `paying`."""
        self.refuse(OrderAct.CREDIT)
        takeable(amount)
        if amount > self.invoiced - self.credited:
            raise MoreThanOrdered(amount=amount, left=self.invoiced - self.credited)
        return self._settling(amount, spare)

    def paying(self, freed: Money, spare: Money) -> tuple[Move, ...]:
        """What is owed no more on its invoices is used no more, `freed` in all: paid, by bills too,
        or credited by whoever keeps the invoices.

        `spare` is what the line is used by beside its orders; below zero, what somebody has repaid
        of theirs already.
        """
        more = min(freed, self.invoiced) - self.settled
        return self._settling(more, spare) if more.minor > 0 else ()

    def owed_again(
        self, freed: Money, spare: Money, own: Sequence[Move], revived: Money
    ) -> "Order | None":
        """With what came to nothing of what was paid, where the line is used by it again already;
        None where nothing did, or the line is not.

        An order's `own` repayments come back by `reviving` alone; beside them the line is used again
        by as much at most as bills `revived`.
        """
        if self.paid is None:
            return None
        less = min(self._owed_more(freed), self.paid)
        others = self.returned
        if own:
            less = min(less, revived)
            others -= money_sum((each.moving for each in own), self.currency)
        back = self.returned - self._of_line(self.settled - less)
        if less.minor <= 0 or back > min(spare, others):
            return None
        repaid = None if self.repaid is None else self.returned - back
        return self.next(paid=self.paid - less, repaid=repaid)

    def reviving(self, freed: Money, own: Sequence[Move]) -> tuple[Move, ...]:
        """What is owed again after all uses the line again: of its `own` repayments the one of as much
        is revived, or else the newest; what they were more is repaid anew."""
        less = self._owed_more(freed)
        moves, left, order = list[Move](), less, self
        for each in sorted(own, key=lambda one: one.amount != less):
            if left.minor <= 0:
                break
            move = each.model_copy(update={"kind": EntryKind.REVIVE})
            moves.append(move)
            order = order.model_copy(update=order._after(Moved(move=move), paid=True))
            left -= each.amount
        if left.minor < 0:
            moves.extend(order._settling(-left, Money.zero(self.currency)))
        return tuple(moves)

    def _owed_more(self, freed: Money) -> Money:
        """What is owed on its invoices of what was owed no more."""
        return max(self.settled - min(freed, self.invoiced), Money.zero(self.currency))

    def _settling(self, amount: Money, spare: Money) -> tuple[Move, ...]:
        """Repay what goes with an amount that is owed no more, on the line that was used first; of
        what is owed by nobody, nothing."""
        zero, moves = Money.zero(self.currency), []
        back = max(self._of_line(self.settled + amount) - self.returned, zero)
        for each in self.elsewhere:
            now = min(each.amount, back, amount)
            if now.minor > 0:
                moves.append(self._repayment(now, now, each.line_id))
                back -= now
                amount -= now
        if amount:
            back = max(back + min(spare, zero), zero)
            moves.append(self._repayment(amount, back, self.line_id))
        return self._keyed(moves)

    def _repayment(self, amount: Money, exposure: Money, line_id: str | None) -> Move:
        return Move(
            kind=EntryKind.REPAY,
            amount=amount,
            key="",
            line_id=line_id,
            exposure=_unless(exposure, amount),
            use=Use(product=self.content.product),
        )

    def _of_line(self, settled: Money) -> Money:
        """What of the line's use for it goes back with so much that is owed no more."""
        settled = min(settled, self.invoiced)
        return settled if self.carried is None else _share(self.carried, settled, self.delivered)

    def _keyed(self, moves: Sequence[Move]) -> tuple[Move, ...]:
        """Each under a key of its own: made from the order and the version it will be asked at."""
        at = f"order/{self.order_id}/{self.version + 1}"
        return tuple(
            move.model_copy(update={"key": f"{at}/{n}"}) for n, move in enumerate(moves, 1)
        )

    # ── and what comes of it ─────────────────────────────────────────────────────────────────────

    def without_hold(self) -> "Order":
        return self.model_copy(update={"hold_id": None})

    def asks(self, asking: Asking) -> "Order":
        """With an act under way, where none is."""
        self.refuse_under_way()
        return self.next(asked=asking)

    def moved(self, answers: Sequence[Moved]) -> "Order":
        """As the book's answers leave it, whatever it answered; nothing is under way any more.

        A reservation that had ended without the order is gone, and what was to be taken from it is
        not covered.
        """
        order = self.model_copy(update={"asked": None})
        paid = self.asked is not None and self.asked.act is OrderAct.PAY
        for answer in answers:
            order = order.model_copy(update=order._after(answer, paid=paid))
        ends = self.asked.ends if self.asked is not None else None
        return order.stands() if ends is None else order.next(status=ends)

    def _after(self, answer: Moved, *, paid: bool) -> dict[str, object]:
        move = answer.move
        gone = answer.refusal in _GONE
        match move.kind:
            case EntryKind.RESERVE if answer.refusal is None:
                assert answer.reservation_id is not None
                assert answer.line_id is not None
                taken = Reserved(
                    reservation_id=answer.reservation_id,
                    line_id=answer.line_id,
                    amount=move.amount,
                    exposure=move.exposure,
                    use=move.use,
                )
                return {
                    "reserved": (*self.reserved, taken),
                    "line_id": answer.line_id,
                    "elsewhere": self._elsewhere(answer.line_id),
                }
            case EntryKind.RELEASE if answer.refusal is None or gone:
                return {"reserved": self._left(answer)}
            case EntryKind.COMMIT if answer.refusal is None:
                changes: dict[str, object] = {
                    "reserved": self._left(answer),
                    "delivered": self.delivered + move.amount,
                    "elsewhere": self._used_on(move.line_id, move.moving),
                }
                if self.carried is not None or move.exposure is not None:
                    carried = self.delivered if self.carried is None else self.carried
                    changes["carried"] = carried + move.moving
                return changes
            case EntryKind.COMMIT if gone:
                return {"reserved": self._left(answer)}
            case EntryKind.REPAY if answer.refusal is None:
                changes = {"credited": self.credited + move.amount}
                if paid:
                    before = self.paid or Money.zero(self.currency)
                    changes = {"paid": before + move.amount}
                changes["elsewhere"] = self._used_on(move.line_id, -move.moving)
                settled = self.settled + move.amount
                returned = max(self._of_line(settled), self.returned)
                if self.repaid is not None or returned != settled:
                    changes["repaid"] = returned
                return changes
            case EntryKind.REVIVE if answer.refusal is None:
                if move.act is OrderAct.CREDIT:
                    changes = {"credited": self.credited - move.amount}
                else:
                    changes = {"paid": (self.paid or Money.zero(self.currency)) - move.amount}
                changes["elsewhere"] = self._used_on(move.line_id, move.moving)
                returned = self.returned - move.moving
                if self.repaid is not None or returned != self.settled - move.amount:
                    changes["repaid"] = returned
                return changes
        return {}

    def _elsewhere(self, line_id: str) -> tuple[UsedOn, ...]:
        """What it uses of other lines than the one on which it is reserved now."""
        if self.line_id is None or self.line_id == line_id:
            return self.elsewhere
        others = [each for each in self.elsewhere if each.line_id != line_id]
        if self.used_last.minor > 0:
            others.append(UsedOn(line_id=self.line_id, amount=self.used_last))
        return tuple(others)

    def _used_on(self, line_id: str | None, more: Money) -> tuple[UsedOn, ...]:
        """What it uses of other lines than its last, with more or less on one."""
        if line_id is None or line_id == self.line_id:
            return self.elsewhere
        amounts = {each.line_id: each.amount for each in self.elsewhere}
        amounts[line_id] = amounts.get(line_id, Money.zero(self.currency)) + more
        return tuple(UsedOn(line_id=each, amount=on) for each, on in amounts.items() if on)

    def _left(self, answer: Moved) -> tuple[Reserved, ...]:
        """What is reserved once one of the reservations has ended, with what is kept of it."""
        move, found = answer.move, []
        for each in self.reserved:
            if each.reservation_id != move.reservation_id:
                found.append(each)
            elif move.rest is not None and answer.kept:
                rest = each.less(move.amount, move.moving, answer.kept[0])
                now = self.content.use
                if move.shares:
                    use = each.use.model_copy(
                        update={"deposit": now.deposit, "nominal": now.nominal}
                    )
                    rest = rest.model_copy(update={"use": use})
                elif move.kind is EntryKind.RELEASE and self._fits(each):
                    rest = rest.model_copy(update={"use": now})
                found.append(rest)
        return tuple(found)

    def stands(self, **changes: object) -> "Order":
        """A further version, whose status its figures tell."""
        order = self.model_copy(update=changes)
        return order.next(status=order._standing())

    def next(self, **changes: object) -> "Order":
        return self.model_copy(update={**changes, "version": self.version + 1})

    def _standing(self) -> OrderStatus:
        if self.hold_id is not None:
            return OrderStatus.HELD
        if self.delivered and self.delivered >= self.amount:
            billed = self.invoiced >= self.delivered
            return OrderStatus.INVOICED if billed else OrderStatus.DELIVERED
        if self.delivered:
            return OrderStatus.DELIVERED_PART
        return OrderStatus.OPEN if self.released is None else OrderStatus.RELEASED


_UNDER_WAY = frozenset({OrderStatus.OPEN, OrderStatus.RELEASED, OrderStatus.DELIVERED_PART})
_HELD = frozenset({OrderStatus.HELD})
_DELIVERED = frozenset({OrderStatus.DELIVERED, OrderStatus.INVOICED})
_TAKES = {
    OrderAct.QUOTE: frozenset({OrderStatus.QUOTED}),
    OrderAct.PLACE: frozenset({OrderStatus.QUOTED}),
    OrderAct.CHANGE: _UNDER_WAY | _HELD,
    OrderAct.SPLIT: _UNDER_WAY | _HELD,
    OrderAct.DELIVER: _UNDER_WAY,
    OrderAct.INVOICE: frozenset(OrderStatus) - {OrderStatus.CANCELLED, OrderStatus.QUOTED},
    OrderAct.CREDIT: frozenset(OrderStatus) - {OrderStatus.CANCELLED, OrderStatus.QUOTED},
    OrderAct.PAY: frozenset(OrderStatus) - {OrderStatus.CANCELLED, OrderStatus.QUOTED},
    OrderAct.CLOSE: _UNDER_WAY | _HELD | _DELIVERED,
    OrderAct.REOPEN: frozenset({OrderStatus.CLOSED, OrderStatus.CANCELLED}),
    OrderAct.CANCEL: frozenset({OrderStatus.OPEN, OrderStatus.RELEASED, OrderStatus.QUOTED})
    | _HELD,
    OrderAct.RECHECK: _UNDER_WAY | _HELD,
    OrderAct.RELEASE: _HELD,
    OrderAct.HOLD: _UNDER_WAY | _HELD,
}
# What the book says of a reservation that is not there any more.
_GONE = frozenset({"reservation_closed", "not_found"})


def _release(each: Reserved, amount: Money | None = None) -> Move:
    return _move(EntryKind.RELEASE, amount or each.amount, each)


def _move(kind: EntryKind, amount: Money, of: Reserved) -> Move:
    rest = of.amount - amount
    return Move(
        kind=kind,
        amount=amount,
        key="",
        line_id=of.line_id,
        reservation_id=of.reservation_id,
        exposure=None if of.exposure is None else of.share(amount),
        rest=rest or None,
    )


def _down_to(move: Move, of: Reserved, over: Money) -> Move:
    """A release of so much of the exposure; a cent of it stays, which the book knows the rest by."""
    if move.rest is None:
        return move
    cent = Money(minor=1, currency=over.currency)
    exposure = max(min(over, of.held - cent), Money.zero(over.currency))
    return move.model_copy(update={"exposure": _unless(exposure, move.amount)})


def _shared(move: Move, of: Reserved, shares: Sequence[Share]) -> Move:
    """A release whose amount goes over in shares; what is nothing to the book just goes back."""
    zero = Money.zero(of.held.currency)
    moving = money_sum((share.exposure for share in shares), zero.currency)
    if move.rest is None:
        last = shares[-1]
        more = last.exposure + of.held - moving
        shares = (*shares[:-1], last.model_copy(update={"exposure": more}))
        moving = of.held
    if not all(share.exposure for share in shares):
        return move
    exposure = _unless(moving, move.amount)
    return move.model_copy(update={"shares": tuple(shares), "exposure": exposure})


def _share(of: Money, part: Money, whole: Money) -> Money:
    """In proportion, rounded down."""
    return Money(minor=of.minor * part.minor // whole.minor, currency=of.currency)


def _unless(exposure: Money, amount: Money) -> Money | None:
    return None if exposure == amount else exposure


class OrderEvent(Value):
    """One version of an order: what was done, by whom, and the order as it left it."""

    order_id: Id
    version: int
    act: OrderAct
    by: Id
    on: date
    at: datetime
    note: str = ""
    order: Order
    moved: tuple[Moved, ...] = ()


def repayments(events: Sequence[OrderEvent]) -> tuple[Move, ...]:
    """What an order repaid that was not revived, the newest first; of what moved nothing, nothing."""
    found: dict[str, Move] = {}
    for event in events:
        for answer in event.moved:
            move = answer.move
            if answer.refusal is not None or not move.moving:
                continue
            if move.kind is EntryKind.REPAY:
                found[move.key] = move.model_copy(update={"act": event.act})
            elif move.kind is EntryKind.REVIVE:
                found.pop(move.key, None)
    return tuple(reversed(found.values()))


class RecheckStart(Value):
    """A look at the orders that wait: of a customer and its group, or of all."""

    run_id: str = ""
    customer_id: str = ""
    cause: str = "sweep"
    offset_days: int = 0
    at: datetime | None = None


class RecheckPage(RecheckStart):
    """As one step takes them; `after` is the last order of the page before."""

    after: str | None = None
    page_size: int = Field(default=20, ge=1, le=500)


class RecheckDone(Value):
    """How far it has come: `after` is None at the end."""

    after: str | None = None
    looked_at: int = 0
    cured: int = 0
