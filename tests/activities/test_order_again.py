"""Orders to which something is done twice, too early, or while their line stands still."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from activities.order import OrderActivities, OrderDesk
from domain.errors import AlreadyExists, CheckRefused, CreditError, MoreThanUsed
from domain.exposure import EntryKind, Movement
from domain.hold import HoldOn, HoldStatus
from domain.line import LineStatus
from domain.money import Money
from domain.order import OrderInvoice, OrderPart, OrderStatus, OrderTerms, RecheckPage
from domain.receivable import CreditNote, Invoice
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions, shipped_text
from storage.exposure import Exposure
from storage.hold import Holds
from storage.line import Lines
from storage.receivable import Receivables
from tests.activities.test_order import (
    CUSTOMER,
    NOW,
    Crashed,
    Dying,
    an_order,
    asked,
    billed,
    by_hand,
    credit_of,
    order_of,
    paid,
    place,
    recheck,
    taken,
)
from tests.makers_line import LINE_ID, TODAY, cny, open_line
from tests.makers_policy import a_changed_edition, a_customer, an_edition


@pytest.fixture
def exposure(records: Records) -> Iterator[Exposure]:
    with records.begin() as session:
        Editions(session).publish(an_edition(), shipped_text("standard"), "test")
        Customers(session).record(
            a_customer(customer_id=CUSTOMER), business_on=TODAY, source="test", recorded_by="m"
        )
    open_line(records, customer_id=CUSTOMER, limit=cny(1000))
    opened = Exposure(records)
    yield opened
    opened.close()


@pytest.fixture
def desk(records: Records, exposure: Exposure) -> OrderDesk:
    return OrderDesk(records, exposure)


def stands(records: Records, status: LineStatus) -> None:
    with records.begin() as session:
        line = Lines(session).read(LINE_ID, for_update=True)
        Lines(session).write(line.model_copy(update={"status": status}))


def publishes(records: Records, changes: str) -> None:
    with records.begin() as session:
        Editions(session).publish(a_changed_edition(changes), changes, "test")


def reasons(records: Records, order_id: str) -> set[str]:
    """What the order is held for by now."""
    hold_id = order_of(records, order_id).hold_id
    assert hold_id is not None
    with records.begin() as session:
        return {each.rule for each in Holds(session).read(hold_id).reasons_now}


def bill(no: str, amount: int | None = None) -> OrderInvoice:
    money = None if amount is None else cny(amount)
    due_on = TODAY + timedelta(days=30)
    return OrderInvoice(invoice_no=no, issued_on=TODAY, due_on=due_on, amount=money)


# ── an act under way ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("key", ["other", None])
@pytest.mark.parametrize("dies_at", [0.5, 1])
def test_a_quotation_that_is_placed_again_after_a_crash_is_reserved_once(
    records: Records, desk: OrderDesk, exposure: Exposure, key: str | None, dies_at: float
) -> None:
    desk.quote(asked("q"), an_order(amount=300))
    dying = Dying(records, dies_at)
    with pytest.raises(Crashed):
        OrderDesk(records, dying).place(asked("k-1"), an_order(amount=300))
    dying.close()

    again = desk.place(asked(key), an_order(amount=300)).order

    assert (again.status, again.taken, again.asked) == (OrderStatus.OPEN, cny(300), None)
    assert taken(exposure) == (300, 0)
    assert desk.place(asked("k-1"), an_order(amount=300)).replayed


def test_a_hold_that_is_lifted_while_a_change_is_under_way_leaves_one_reservation(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk)
    hold = by_hand(desk, HoldOn.ORDER, "o-SO-1")
    dying = Dying(records, 1)
    with pytest.raises(Crashed):
        OrderDesk(records, dying).change(asked("k"), "o-SO-1", OrderTerms(amount=cny(400)))
    dying.close()

    desk.lift(replace(asked(), by="risk2"), hold.hold_id, "cleared")

    order = order_of(records, "o-SO-1")
    assert (order.status, order.taken) == (OrderStatus.OPEN, cny(400))
    assert taken(exposure) == (400, 0)


# ── a document counts once ───────────────────────────────────────────────────────────────────────


def test_an_invoice_that_is_sent_twice_counts_once(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk)
    desk.deliver(asked("d"), "o-SO-1", None)
    desk.invoice(asked("i"), "o-SO-1", bill("INV-1", 300))
    for key in ("other", None):
        with pytest.raises(AlreadyExists):
            desk.invoice(asked(key), "o-SO-1", bill("INV-1", 300))
    assert order_of(records, "o-SO-1").invoiced == cny(300)
    assert desk.invoice(asked(), "o-SO-1", bill("INV-2")).order.invoiced == cny(600)
    with pytest.raises(AlreadyExists):
        desk.invoice(asked(), "o-SO-1", bill("INV-1", 300))


def test_an_invoice_is_on_one_order(records: Records, desk: OrderDesk, exposure: Exposure) -> None:
    for no in ("SO-1", "SO-2"):
        place(desk, no, 300)
        desk.deliver(asked(f"d-{no}"), f"o-{no}", None)
    desk.invoice(asked(), "o-SO-1", bill("INV-7", 300))
    with pytest.raises(AlreadyExists):
        desk.invoice(asked(), "o-SO-2", bill("INV-7", 300))
    assert order_of(records, "o-SO-2").invoices == ()
    paid(records, "P-1", 300, "INV-7")
    recheck(records, exposure)
    assert taken(exposure) == (0, 300)


def test_an_invoice_that_was_on_record_before_counts_on_its_order(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk)
    desk.deliver(asked("d"), "o-SO-1", None)
    said = bill("INV-1", 600).model_dump()
    with records.begin() as session:
        known = Invoice(**said, customer_id=CUSTOMER, source="ledger")
        Receivables(session).record_invoice(known, business_on=TODAY, recorded_by="test")
    assert desk.invoice(asked(), "o-SO-1", bill("INV-1", 600)).order.invoiced == cny(600)


def test_a_credit_note_that_is_sent_twice_frees_once(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    billed(desk)
    desk.credit(asked("c"), "o-SO-1", credit_of("CN-1", 200))
    paid(records, "P-1", 200)
    for key in ("other", None):
        with pytest.raises(AlreadyExists):
            desk.credit(asked(key), "o-SO-1", credit_of("CN-1", 200))
    assert order_of(records, "o-SO-1").credited == cny(200)
    assert taken(exposure) == (0, 400)


def test_a_credit_note_of_whoever_keeps_the_invoices_frees_once_whoever_says_it(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    billed(desk)
    note = CreditNote(
        credit_note_no="CN-1",
        invoice_no="INV-1",
        issued_on=TODAY,
        amount=cny(100),
        customer_id=CUSTOMER,
    )
    with records.begin() as session:
        Receivables(session).record_credit_note(note, recorded_by="test")
    desk.credit(asked("c"), "o-SO-1", credit_of("CN-1", 100))
    assert taken(exposure) == (0, 500)
    recheck(records, exposure)
    with pytest.raises(AlreadyExists):
        desk.credit(asked(), "o-SO-1", credit_of("CN-1", 100))
    assert taken(exposure) == (0, 500)


def test_where_payments_are_repaid_by_hand_a_credit_note_frees_once_all_the_same(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    publishes(records, "[checks]\npayments_repay = false\n")
    billed(desk)
    paid(records, "P-1", 300)
    exposure.repay(LINE_ID, cny(300), "by-hand", business_on=TODAY)
    desk.credit(asked("c"), "o-SO-1", credit_of("CN-1", 100))
    with pytest.raises(AlreadyExists):
        desk.credit(asked(), "o-SO-1", credit_of("CN-1", 100))
    assert taken(exposure) == (0, 200)


# ── repayments ───────────────────────────────────────────────────────────────────────────────────


def test_a_credit_note_repays_no_more_than_is_left_of_what_was_repaid_by_hand(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    billed(desk)
    exposure.repay(LINE_ID, cny(200), "by-hand", business_on=TODAY)
    desk.credit(asked("c"), "o-SO-1", credit_of("CN-1", 500))
    assert taken(exposure) == (0, 100)
    paid(records, "P-1", 100)
    recheck(records, exposure)
    assert taken(exposure) == (0, 0)
    assert order_of(records, "o-SO-1").used == cny(0)


class Refusing(Exposure):
    """A book that finds less used than the records said a moment ago."""

    tried = 0

    def repay(self, line_id: str, amount: Money, key: str, **said: Any) -> Movement:
        self.tried += 1
        raise MoreThanUsed(amount=amount, used=amount)


def test_a_repayment_that_was_refused_is_made_another_time(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    billed(desk)
    refusing = Refusing(records)
    OrderDesk(records, refusing).credit(asked("c"), "o-SO-1", credit_of("CN-1", 200))
    for _ in range(3):
        recheck(records, refusing)
    assert (order_of(records, "o-SO-1").used, taken(exposure)) == (cny(600), (0, 600))
    assert refusing.tried == 2  # by the act itself, and once by the looks of one day
    refusing.close()
    for _ in range(2):
        at = NOW + timedelta(days=1)
        OrderActivities(records, exposure).recheck_orders(RecheckPage(cause="sweep", at=at))
    assert (order_of(records, "o-SO-1").used, taken(exposure)) == (cny(400), (0, 400))


@pytest.mark.parametrize("credited", [0, 100, 250])
def test_what_is_owed_no_more_goes_back_to_each_line_that_was_used(
    records: Records, desk: OrderDesk, exposure: Exposure, credited: int
) -> None:
    place(desk)
    desk.deliver(asked("d-1"), "o-SO-1", cny(200))
    desk.close(asked("x"), "o-SO-1")
    stands(records, LineStatus.TERMINATED)
    open_line(records, "line-2", customer_id=CUSTOMER, limit=cny(1000))
    place(desk, "SO-2", 300)
    desk.deliver(asked("d-2"), "o-SO-2", None)
    again = desk.reopen(asked("r"), "o-SO-1").order
    assert (again.status, again.line_id) == (OrderStatus.DELIVERED_PART, "line-2")
    desk.deliver(asked("d-3"), "o-SO-1", None)
    desk.invoice(asked("i"), "o-SO-1", bill("INV-1"))

    def used() -> list[int]:
        lines = (exposure.balances(line_id)[0] for line_id in (LINE_ID, "line-2"))
        return [line.used.minor // 100 for line in lines]

    assert used() == [200, 700]
    if credited:
        desk.credit(asked("c"), "o-SO-1", credit_of("CN-1", credited))
        assert used() == [max(200 - credited, 0), 700 - max(credited - 200, 0)]
    paid(records, "P-1", 600 - credited)
    for _ in range(2):
        recheck(records, exposure)
    assert used() == [0, 300]
    order = order_of(records, "o-SO-1")
    assert (order.settled, order.used, order.elsewhere) == (cny(600), cny(0), ())
    assert exposure.verify().holds


def test_what_has_ended_is_invoiced_and_stays_ended(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk)
    desk.deliver(asked("d"), "o-SO-1", cny(200))
    desk.close(asked("x"), "o-SO-1")
    assert desk.invoice(asked("i"), "o-SO-1", bill("INV-1")).order.status is OrderStatus.CLOSED
    desk.recheck(asked(), "o-SO-1")
    assert taken(exposure) == (0, 200)


def test_what_has_ended_is_not_held_for_its_invoice(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    publishes(records, '[checks.acts.invoice]\nline_status = "hold"\n')
    place(desk)
    desk.deliver(asked("d"), "o-SO-1", cny(200))
    desk.close(asked("x"), "o-SO-1")
    stands(records, LineStatus.FROZEN)
    closed = desk.invoice(asked("i"), "o-SO-1", bill("INV-1")).order
    assert (closed.status, closed.invoiced) == (OrderStatus.CLOSED, cny(200))


# ── a line that stands still ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [LineStatus.FROZEN, LineStatus.TERMINATED])
def test_a_part_split_off_while_its_line_stands_still_is_held_with_what_came_over_to_it(
    records: Records, desk: OrderDesk, exposure: Exposure, status: LineStatus
) -> None:
    place(desk)
    stands(records, status)
    part = OrderPart(order_no="SO-1a", amount=cny(200))
    desk.split(asked("s"), "o-SO-1", [("p-1", part)])
    made = order_of(records, "p-1")
    assert (made.status, made.taken, made.asked) == (OrderStatus.HELD, cny(200), None)
    assert reasons(records, "p-1")
    assert taken(exposure) == (600, 0)
    stands(records, LineStatus.ACTIVE)
    recheck(records, exposure)
    assert order_of(records, "p-1").status is OrderStatus.OPEN
    assert taken(exposure) == (600, 0)


def test_a_hold_set_by_hand_is_lifted_while_the_line_is_frozen_and_the_order_stays_held_for_that(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk)
    hold = by_hand(desk, HoldOn.ORDER, "o-SO-1")
    stands(records, LineStatus.FROZEN)
    lifted = desk.lift(replace(asked(), by="risk2"), hold.hold_id, "cleared")
    assert lifted.status is HoldStatus.RELEASED
    order = order_of(records, "o-SO-1")
    assert (order.status, order.taken) == (OrderStatus.HELD, cny(600))
    assert order.hold_id != hold.hold_id
    assert reasons(records, "o-SO-1")
    stands(records, LineStatus.ACTIVE)
    recheck(records, exposure)
    assert order_of(records, "o-SO-1").status is OrderStatus.OPEN


def test_what_comes_near_while_its_line_is_frozen_is_held_with_the_reasons(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk, deliver_on=TODAY + timedelta(days=200))
    stands(records, LineStatus.FROZEN)
    for day in (20, 21):
        at = NOW + timedelta(days=day)
        OrderActivities(records, exposure).recheck_orders(RecheckPage(cause="sweep", at=at))
        assert order_of(records, "o-SO-1").status is OrderStatus.HELD
        assert reasons(records, "o-SO-1")
    assert taken(exposure) == (0, 0)


def test_what_somebody_asks_anew_of_a_frozen_line_is_still_refused(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk)
    stands(records, LineStatus.FROZEN)
    with pytest.raises(CheckRefused):
        desk.change(asked("c"), "o-SO-1", OrderTerms(amount=cny(700)))
    with pytest.raises(CreditError):
        desk.deliver(asked("d"), "o-SO-1", None)
    assert taken(exposure) == (600, 0)


def test_less_on_the_same_deposit_goes_back_while_the_line_is_frozen_and_nothing_else_does(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk, deposit=cny(100))
    assert taken(exposure) == (500, 0)
    stands(records, LineStatus.FROZEN)
    less = desk.change(asked("c"), "o-SO-1", OrderTerms(amount=cny(400), deposit=cny(100))).order
    assert (less.status, less.taken, less.covered) == (OrderStatus.OPEN, cny(400), cny(300))
    assert taken(exposure) == (300, 0)
    kinds = [each.kind for each in reversed(exposure.entries(LINE_ID))]
    assert kinds.count(EntryKind.RESERVE) == 1
    stands(records, LineStatus.ACTIVE)
    desk.deliver(asked("d"), "o-SO-1", None)
    desk.invoice(asked("i"), "o-SO-1", bill("INV-1"))
    paid(records, "P-1", 400)
    recheck(records, exposure)
    assert taken(exposure) == (0, 0)
    assert exposure.verify().holds


@pytest.mark.parametrize("deposit", [20, 100])
def test_what_an_order_took_by_name_comes_back_with_its_last_payment(
    records: Records, desk: OrderDesk, exposure: Exposure, deposit: int
) -> None:
    place(desk, "SO-2", 300)
    place(desk, amount=100, deposit=cny(deposit))
    desk.deliver(asked("d-1"), "o-SO-1", cny(100))
    said = OrderInvoice(invoice_no="INV-1", issued_on=TODAY, due_on=TODAY + timedelta(days=30))
    desk.invoice(asked("i-1"), "o-SO-1", said)
    line = exposure.balances(LINE_ID)[0]
    assert line.nominal is not None
    assert line.nominal == line.taken + cny(deposit)

    paid(records, "P-1", 100)
    recheck(records, exposure)
    line = exposure.balances(LINE_ID)[0]
    assert (line.taken, line.nominal) == (cny(300), None)  # by name what it is
    assert exposure.verify().holds
