"""An order whatever is done to it: its figures add up, and nothing is taken that is not ordered."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.errors import (
    AlreadyExists,
    CreditError,
    CurrencyMismatch,
    MoreThanOrdered,
    OutOfOrder,
)
from domain.exposure import EntryKind
from domain.money import Money, money_sum
from domain.order import (
    Asking,
    Move,
    Moved,
    Order,
    OrderAct,
    OrderContent,
    OrderEvent,
    OrderPart,
    OrderStatus,
    OrderTerms,
    repayments,
)

NOW, TODAY = datetime(2026, 3, 2, 2, tzinfo=UTC), date(2026, 3, 2)
amounts = st.integers(1, 2_000).map(lambda minor: Money(minor=minor, currency="CNY"))


def cny(minor: int) -> Money:
    return Money(minor=minor, currency="CNY")


def an_order(minor: int = 1_000) -> Order:
    content = OrderContent(order_no="SO-1", amount=cny(minor))
    return Order.placed("o-1", "c-1", content, "orders", NOW, TODAY)


class Machine(RuleBasedStateMachine):
    """An order, and the book it moves: what it reserved and used there, by reservation."""

    @initialize(minor=st.integers(1, 2_000))
    def placed(self, minor: int) -> None:
        self.order = an_order(minor)
        self.reserved: dict[str, int] = {}
        self.used = 0
        self.keys: set[str] = set()
        self._ask(OrderAct.PLACE, self.order.covering(), refuses=False)

    @rule(amount=amounts, refuses=st.booleans())
    def change(self, amount: Money, refuses: bool) -> None:
        changed = self._unless_refused(lambda: self.order.changed(OrderTerms(amount=amount)))
        if changed is not None:
            self.order = changed
            self._ask(OrderAct.CHANGE, changed.covering(), refuses)

    @rule(amount=amounts, refuses=st.booleans())
    def deliver(self, amount: Money, refuses: bool) -> None:
        moves = self._unless_refused(lambda: self.order.delivering(amount))
        if moves is not None:
            self._ask(OrderAct.DELIVER, moves, refuses)

    @rule(amount=amounts)
    def invoice(self, amount: Money) -> None:
        number = f"INV-{len(self.order.invoices)}"
        billed = self._unless_refused(lambda: self.order.billed(number, amount))
        self.order = billed or self.order

    @rule(amount=amounts, refuses=st.booleans())
    def credit(self, amount: Money, refuses: bool) -> None:
        moves = self._unless_refused(lambda: self.order.crediting(amount, cny(0)))
        if moves is not None:
            self._ask(OrderAct.CREDIT, moves, refuses)

    @rule(amount=amounts)
    def split(self, amount: Money) -> None:
        part = OrderPart(order_no="A", amount=amount)
        rest = self._unless_refused(lambda: self.order.without([part]))
        if rest is not None:
            made = self.order.part(part, "o-2", "orders", NOW, TODAY)
            assert rest.amount + made.amount == self.order.amount
            self.order = rest
            self._ask(OrderAct.SPLIT, rest.parting([made]) or rest.covering(), refuses=False)

    @rule()
    def lose(self) -> None:
        """Somebody ends a reservation behind the order's back."""
        if self.reserved:
            self.reserved.pop(next(iter(self.reserved)))

    @rule()
    def close(self) -> None:
        if self._unless_refused(lambda: self.order.refuse(OrderAct.CLOSE) or True):
            self._ask(OrderAct.CLOSE, self.order.giving_back(), False, OrderStatus.CLOSED)

    @rule(refuses=st.booleans())
    def reopen(self, refuses: bool) -> None:
        if self._unless_refused(lambda: self.order.refuse(OrderAct.REOPEN) or True):
            self._ask(OrderAct.REOPEN, self.order.covering(), refuses)

    @invariant()
    def figures_add_up(self) -> None:
        if not hasattr(self, "order"):
            return
        order = self.order
        assert order.taken + order.delivered <= order.amount
        assert order.invoiced <= order.delivered
        assert order.credited <= order.invoiced
        assert order.uncovered == order.undelivered - order.taken
        assert order.delivered.minor - order.credited.minor == self.used
        held = {each.reservation_id: each.amount.minor for each in order.reserved}
        assert self.reserved.items() <= held.items()
        if order.status is OrderStatus.CLOSED:
            assert not self.reserved

    def _ask(
        self,
        act: OrderAct,
        moves: Any,
        refuses: bool,
        ends: OrderStatus | None = None,
    ) -> None:
        asking = Asking(act=act, moves=moves, by="orders", at=NOW, on=TODAY, ends=ends)
        asked = self.order.asks(asking)
        assert not self.keys & {move.key for move in moves}
        self.keys |= {move.key for move in moves}
        self.order = asked.moved(self._book(moves, refuses))
        assert self.order.version == asked.version + 1

    def _book(self, moves: Any, refuses: bool) -> list[Moved]:
        answers = []
        for move in moves:
            known = move.reservation_id in self.reserved
            if move.kind is EntryKind.RESERVE:
                made = None if refuses else move.key.replace("/", "-")
                if made is not None:
                    self.reserved[made] = move.amount.minor
                refusal = "over_limit" if refuses else None
                answers.append(
                    Moved(move=move, reservation_id=made, line_id="line-1", refusal=refusal)
                )
            elif move.kind is EntryKind.REPAY and refuses:
                answers.append(Moved(move=move, refusal="more_than_used"))
            elif move.kind is EntryKind.REPAY:
                self.used -= move.amount.minor
                answers.append(Moved(move=move, line_id="line-1"))
            elif not known:
                answers.append(Moved(move=move, refusal="reservation_closed"))
                if move.kind is EntryKind.COMMIT:
                    break
            else:
                held = self.reserved.pop(move.reservation_id)
                self.used += move.moving.minor if move.kind is EntryKind.COMMIT else 0
                over = sum(share.exposure.minor for share in move.shares)
                assert over <= move.moving.minor <= held
                kept = [f"{move.key.replace('/', '-')}-{n}" for n in range(1 + len(move.shares))]
                if held > move.moving.minor:
                    self.reserved[kept[0]] = held - move.moving.minor
                answers.append(Moved(move=move, line_id="line-1", kept=tuple(kept)))
        return answers

    @staticmethod
    def _unless_refused(act: Any) -> Any:
        try:
            return act()
        except CreditError:
            return None


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=150, stateful_step_count=25)


@given(amount=amounts)
def test_parts_and_rest_are_the_order(amount: Money) -> None:
    order = an_order(2_001).stands()
    parts = [OrderPart(order_no="A", amount=amount)]
    rest = order.without(parts)
    assert money_sum((rest.amount, amount), "CNY") == order.amount


def test_an_order_keeps_its_currency_and_what_is_delivered() -> None:
    order = an_order().stands().model_copy(update={"delivered": cny(400)})
    with pytest.raises(CurrencyMismatch):
        order.changed(OrderTerms(amount=Money(minor=1, currency="USD")))
    with pytest.raises(MoreThanOrdered):
        order.changed(OrderTerms(amount=cny(399)))


@pytest.mark.parametrize("act", [OrderAct.CHANGE, OrderAct.DELIVER, OrderAct.CANCEL])
def test_what_has_ended_takes_nothing_more(act: OrderAct) -> None:
    ended = an_order().next(status=OrderStatus.CANCELLED)
    with pytest.raises(OutOfOrder):
        ended.refuse(act)


def billed_once(**said: Any) -> Order:
    changes = {"delivered": cny(1_000)} | said
    return an_order().stands().model_copy(update=changes).billed("INV-1", cny(400))


def test_an_invoice_is_on_an_order_once_and_opens_none_that_has_ended() -> None:
    with pytest.raises(AlreadyExists):
        billed_once().billed("INV-1", cny(400))
    closed = billed_once(delivered=cny(400), status=OrderStatus.CLOSED)
    assert (closed.invoiced, closed.status) == (cny(400), OrderStatus.CLOSED)


@pytest.mark.parametrize("act", [OrderAct.CREDIT, OrderAct.PAY])
def test_a_repayment_that_the_book_refuses_moves_nothing_on_the_order(act: OrderAct) -> None:
    order = billed_once()
    for of in (order.crediting(cny(100), cny(0)), order.paying(cny(100), cny(0))):
        asked = order.asks(Asking(act=act, moves=of, by="orders", at=NOW, on=TODAY))
        left = asked.moved([Moved(move=move, refusal="more_than_used") for move in of])
        assert (left.settled, left.used, left.asked) == (order.settled, order.used, None)


def test_an_act_under_way_is_never_overwritten() -> None:
    asking = Asking(act=OrderAct.PLACE, by="orders", at=NOW, on=TODAY)
    with pytest.raises(OutOfOrder):
        an_order().asks(asking).asks(asking)


@given(less=st.integers(21, 99), delivered=st.integers(0, 20))
def test_less_on_the_same_deposit_gives_back_the_difference_and_reserves_nothing(
    less: int, delivered: int
) -> None:
    content = OrderContent(order_no="SO-1", amount=cny(100), deposit=cny(20))
    order = Order.placed("o-1", "c-1", content, "orders", NOW, TODAY)
    order = taken_on(order, order.covering())
    assert (order.taken, order.covered) == (cny(100), cny(80))
    if delivered:
        order = taken_on(order, order.delivering(cny(delivered)))
    changed = order.changed(OrderTerms(amount=cny(less), deposit=cny(20)))
    moves = changed.covering()
    assert [move.kind for move in moves] == [EntryKind.RELEASE]
    after = taken_on(changed, moves)
    assert after.taken == cny(less - delivered)
    assert after.covered == max(cny(less - 20), cny(1) + (after.carried or cny(0)))
    assert after.covering() == ()


def taken_on(order: Order, moves: Any) -> Order:
    """As a book leaves it that grants everything."""
    asked = order.asks(Asking(act=OrderAct.CHANGE, moves=moves, by="orders", at=NOW, on=TODAY))
    made = [move.key.replace("/", "-") for move in moves]
    return asked.moved(
        [
            Moved(move=move, reservation_id=no, line_id="line-1", kept=(no,))
            for move, no in zip(moves, made, strict=True)
        ]
    )


@given(
    deposit=st.none() | st.integers(0, 1_000),
    owed=st.lists(st.tuples(st.booleans(), st.integers(0, 1_000)), max_size=12),
)
def test_whatever_is_paid_and_taken_back_the_lines_are_used_by_what_is_owed(
    deposit: int | None, owed: list[tuple[bool, int]]
) -> None:
    ahead = None if deposit is None else cny(deposit)
    content = OrderContent(order_no="SO-1", amount=cny(1_000), deposit=ahead)
    order = Order.placed("o-1", "c-1", content, "orders", NOW, TODAY)
    order = taken_on(order, order.covering())
    order = taken_on(order, order.delivering(cny(1_000))).billed("INV-1")
    whole, events, repaid = order.used, list[OrderEvent](), dict[str, Move]()
    for ours, minor in owed:
        freed, own = cny(minor), repayments(events)
        assert {each.key for each in own} == {each.key for each in repaid.values() if each.moving}
        assert order.owed_again(freed, cny(0), own, cny(0)) is None or not own
        act, moves = OrderAct.PAY, order.reviving(freed, own) or order.paying(freed, cny(0))
        if ours and minor > order.settled.minor:
            act, moves = OrderAct.CREDIT, order.crediting(freed - order.settled, cny(0))
        for move in moves:
            if move.kind is EntryKind.REVIVE:
                del repaid[move.key]
            else:
                assert move.key not in repaid
                repaid[move.key] = move
        asked = order.asks(Asking(act=act, moves=moves, by="orders", at=NOW, on=TODAY))
        answers = tuple(Moved(move=move) for move in moves)
        order = asked.moved(answers)
        said = {"order_id": "o-1", "version": order.version, "by": "orders", "on": TODAY, "at": NOW}
        events.append(OrderEvent(**said, act=act, order=order, moved=answers))
        if own or order.settled == freed:
            assert order.settled == freed
            assert min(order.credited, order.paid or cny(0)) >= cny(0)
            assert order.used == whole - cny(whole.minor * minor // 1_000)
        assert order.used == whole - money_sum((each.moving for each in repaid.values()), "CNY")
