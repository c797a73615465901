"""Orders to which something is done twice, too early, or while their line stands still."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from activities.order import OrderActivities, OrderDesk
from domain.bill import BillEventKind
from domain.errors import AlreadyExists, CheckRefused, CreditError, MoreThanUsed
from domain.exposure import EntryKind, Movement
from domain.hold import HoldOn, HoldStatus
from domain.line import LineStatus
from domain.money import Money
from domain.order import OrderInvoice, OrderPart, OrderStatus, OrderTerms, RecheckPage
from domain.receivable import CreditNote, Invoice, Payment
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions, shipped_text
from storage.exposure import Exposure
from storage.hold import Holds
from storage.line import Lines
from storage.order import Orders
from storage.receivable import Receivables
from tests.activities.test_order import (
    CUSTOMER,
    NOW,
    Crashed,
    Dying,
    a_bill,
    an_order,
    asked,
    billed,
    by_hand,
    credit_of,
    ends,
    order_of,
    paid,
    pay,
    place,
    recheck,
    taken,
)
from tests.activities.test_order import bill as late
from tests.makers_line import LINE_ID, TODAY, cny, open_line
from tests.makers_policy import a_changed_edition, a_customer, an_edition
from tests.storage.test_merge import merged


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


def noted(records: Records, no: str, amount: int, reverses: str | None = None) -> None:
    """A credit note of whoever keeps the invoices, or one that takes another back."""
    note = CreditNote(
        credit_note_no=no,
        invoice_no="INV-1",
        issued_on=TODAY,
        amount=cny(amount),
        reverses=reverses,
        customer_id=CUSTOMER,
    )
    with records.begin() as session:
        Receivables(session).record_credit_note(note, recorded_by="test")


def uses_directly(exposure: Exposure, amount: int) -> None:
    reserved = exposure.reserve(LINE_ID, cny(amount), "direct", business_on=TODAY).reservation_id
    exposure.commit(LINE_ID, str(reserved), "direct/used", business_on=TODAY)


@pytest.mark.parametrize("whose", ["ledger", "order"])
@pytest.mark.parametrize("beside", [0, 50])
@pytest.mark.parametrize("paid_before", [0, 580])
def test_what_a_reversed_credit_note_had_freed_uses_the_line_again_and_is_paid_once(
    records: Records,
    desk: OrderDesk,
    exposure: Exposure,
    whose: str,
    beside: int,
    paid_before: int,
) -> None:
    billed(desk)
    if whose == "order":
        desk.credit(asked("c"), "o-SO-1", credit_of("CN-1", 20))
    else:
        noted(records, "CN-1", 20)
    recheck(records, exposure)
    if paid_before:
        paid(records, "P-1", paid_before)
        recheck(records, exposure)
    if beside:
        uses_directly(exposure, beside)
    assert taken(exposure) == (0, 580 - paid_before + beside)

    noted(records, "CN-2", 20, reverses="CN-1")
    for _ in range(2):
        recheck(records, exposure, "sweep")

    order = order_of(records, "o-SO-1")
    assert taken(exposure) == (0, 600 - paid_before + beside)
    assert (order.settled, order.used) == (cny(paid_before), cny(600 - paid_before))
    assert order.credited == cny(0)
    with records.begin() as session:
        assert Orders(session).due(TODAY, after=None, page_size=10) == []
    paid(records, "P-2", 600 - paid_before)
    for _ in range(2):
        recheck(records, exposure)
    assert taken(exposure) == (0, beside)
    assert exposure.verify().holds


@pytest.mark.parametrize("dies_at", [0, 0.5, 1, 1.5, 2])
def test_what_was_repaid_with_more_than_is_owed_again_is_repaid_anew_once_through_a_crash(
    records: Records, desk: OrderDesk, exposure: Exposure, dies_at: float
) -> None:
    billed(desk)
    noted(records, "CN-1", 20)
    paid(records, "P-1", 300)
    recheck(records, exposure)
    assert taken(exposure) == (0, 280)
    noted(records, "CN-2", 20, reverses="CN-1")
    if dies_at:
        dying = Dying(records, dies_at)
        with pytest.raises(Crashed):
            OrderDesk(records, dying).recheck(asked(), "o-SO-1")
        dying.close()
    for _ in range(2):
        recheck(records, exposure)
    order = order_of(records, "o-SO-1")
    assert (order.settled, order.used, order.asked) == (cny(300), cny(300), None)
    assert taken(exposure) == (0, 300)
    kinds = [each.kind for each in exposure.entries(LINE_ID)]
    assert (kinds.count(EntryKind.REVIVE), kinds.count(EntryKind.REPAY)) == (1, 2)
    assert exposure.verify().holds


def test_what_is_owed_again_of_what_was_repaid_by_hand_revives_what_the_order_repaid_itself(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    billed(desk)
    exposure.repay(LINE_ID, cny(500), "by-hand", business_on=TODAY)
    noted(records, "CN-1", 300)
    paid(records, "P-1", 300)
    recheck(records, exposure)
    assert taken(exposure) == (0, 0)
    noted(records, "CN-2", 300, reverses="CN-1")
    for _ in range(2):
        recheck(records, exposure)
    assert taken(exposure) == (0, 100)
    paid(records, "P-2", 300)
    for _ in range(2):
        recheck(records, exposure)
    assert (taken(exposure), order_of(records, "o-SO-1").used) == ((0, 0), cny(0))


def test_a_refused_bill_and_a_reversed_credit_note_are_each_owed_again_once(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    billed(desk)
    bill = a_bill(records, "B-1", 300)
    exposure.repay(LINE_ID, cny(300), f"bill/{bill.bill_id}", business_on=TODAY)
    recheck(records, exposure)
    noted(records, "CN-1", 20)
    paid(records, "P-1", 280)
    recheck(records, exposure)
    assert taken(exposure) == (0, 0)
    ends(records, bill, BillEventKind.REFUSED)
    exposure.revive(LINE_ID, f"bill/{bill.bill_id}", business_on=TODAY)
    noted(records, "CN-2", 20, reverses="CN-1")
    for _ in range(3):
        recheck(records, exposure)
    order = order_of(records, "o-SO-1")
    assert (taken(exposure), order.settled, order.used) == ((0, 320), cny(280), cny(320))
    paid(records, "P-2", 320)
    recheck(records, exposure)
    assert taken(exposure) == (0, 0)
    assert exposure.verify().holds


def test_what_is_owed_again_uses_the_line_that_it_had_been_repaid_on(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk)
    desk.deliver(asked("d-1"), "o-SO-1", cny(200))
    desk.close(asked("x"), "o-SO-1")
    stands(records, LineStatus.TERMINATED)
    open_line(records, "line-2", customer_id=CUSTOMER, limit=cny(1000))
    desk.reopen(asked("r"), "o-SO-1")
    desk.deliver(asked("d-3"), "o-SO-1", None)
    desk.invoice(asked("i"), "o-SO-1", bill("INV-1"))
    noted(records, "CN-1", 250)
    recheck(records, exposure)

    def used() -> list[int]:
        lines = (exposure.balances(line_id)[0] for line_id in (LINE_ID, "line-2"))
        return [line.used.minor // 100 for line in lines]

    assert used() == [0, 350]
    noted(records, "CN-2", 250, reverses="CN-1")
    for _ in range(3):
        recheck(records, exposure)
    assert used() == [200, 400]
    order = order_of(records, "o-SO-1")
    assert (order.used, order.used_last, order.settled) == (cny(600), cny(400), cny(0))
    paid(records, "P-1", 600)
    recheck(records, exposure)
    assert used() == [0, 0]
    assert exposure.verify().holds


@pytest.mark.parametrize("deposit", [20, 100])
def test_what_was_lent_by_name_is_lent_by_it_again_as_a_credit_note_is_reversed(
    records: Records, desk: OrderDesk, exposure: Exposure, deposit: int
) -> None:
    place(desk, amount=100, deposit=cny(deposit))
    desk.deliver(asked("d-1"), "o-SO-1", cny(100))
    desk.invoice(asked("i-1"), "o-SO-1", bill("INV-1"))
    noted(records, "CN-1", 10)
    paid(records, "P-1", 30)
    recheck(records, exposure)
    noted(records, "CN-2", 10, reverses="CN-1")
    for _ in range(3):
        recheck(records, exposure)
    order = order_of(records, "o-SO-1")
    share = 100 - deposit
    assert (order.settled, order.used) == (cny(30), cny(share - 30 * share // 100))
    paid(records, "P-2", 70)
    recheck(records, exposure)
    line = exposure.balances(LINE_ID)[0]
    assert (line.taken, line.nominal) == (cny(0), None)
    assert exposure.verify().holds


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


# ── looked at as the act looked ──────────────────────────────────────────────────────────────────


def test_what_is_held_at_delivery_for_its_line_stays_so_whatever_another_line_would_let_pass(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk)
    open_line(records, "line-2", customer_id=CUSTOMER, limit=cny(1000))
    hold = by_hand(desk, HoldOn.LINE, LINE_ID)
    held = desk.deliver(asked("d"), "o-SO-1", None)
    assert held.order.status is OrderStatus.HELD
    for _ in range(2):
        recheck(records, exposure, "sweep")
        assert order_of(records, "o-SO-1").status is OrderStatus.HELD
        assert reasons(records, "o-SO-1") == {"hold_by_hand"}
    desk.lift(replace(asked(), by="risk2"), hold.hold_id, "cleared")
    recheck(records, exposure, "hold")
    assert order_of(records, "o-SO-1").status is OrderStatus.OPEN
    assert desk.deliver(asked("d-2"), "o-SO-1", None).order.delivered == cny(600)


def test_what_is_held_at_delivery_goes_on_by_the_grace_that_delivery_has(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    """Up to 15 % overdue, where an order is taken on up to 10 %."""
    place(desk)
    late(records, "L-1", TODAY - timedelta(days=10), 160)
    held = desk.deliver(asked("d"), "o-SO-1", None)
    assert held.order.status is OrderStatus.HELD
    assert reasons(records, "o-SO-1") == {"overdue_tenth"}
    recheck(records, exposure, "sweep")
    assert order_of(records, "o-SO-1").status is OrderStatus.HELD
    pay(records, "L-1", 40)
    recheck(records, exposure)
    assert order_of(records, "o-SO-1").status is OrderStatus.OPEN
    assert desk.deliver(asked("d-2"), "o-SO-1", None).order.delivered == cny(600)


def test_more_of_what_is_held_at_delivery_is_taken_on_without_its_grace(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk, amount=300)
    late(records, "L-1", TODAY - timedelta(days=10), 160)
    desk.deliver(asked("d"), "o-SO-1", None)
    desk.change(asked("c"), "o-SO-1", OrderTerms(amount=cny(400)))
    pay(records, "L-1", 40)
    recheck(records, exposure)
    assert order_of(records, "o-SO-1").status is OrderStatus.HELD
    assert taken(exposure) == (300, 0)


# ── two orders of one line ───────────────────────────────────────────────────────────────────────


def two_billed(desk: OrderDesk) -> None:
    for n in (1, 2):
        place(desk, f"SO-{n}", 300)
        desk.deliver(asked(f"d-{n}"), f"o-SO-{n}", None)
        desk.invoice(asked(f"i-{n}"), f"o-SO-{n}", bill(f"INV-{n}"))


@pytest.mark.parametrize("by", ["look", "credit"])
def test_what_another_order_repaid_as_it_died_is_not_taken_for_a_repayment_by_hand(
    records: Records, desk: OrderDesk, exposure: Exposure, by: str
) -> None:
    two_billed(desk)
    paid(records, "P-2", 300, "INV-2")
    dying = Dying(records, 1)
    with pytest.raises(Crashed):
        OrderDesk(records, dying).recheck(asked(), "o-SO-2")
    dying.close()
    assert (taken(exposure), order_of(records, "o-SO-2").used) == ((0, 300), cny(300))
    if by == "credit":
        desk.credit(asked("c"), "o-SO-1", credit_of("CN-1", 300))
    else:
        paid(records, "P-1", 300)
        recheck(records, exposure)
    recheck(records, exposure)
    assert taken(exposure) == (0, 0)
    assert [order_of(records, f"o-SO-{n}").used for n in (1, 2)] == [cny(0), cny(0)]


def test_an_order_is_paid_another_time_while_another_of_its_line_moves(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    """The other starts between what is finished first and the look itself."""
    two_billed(desk)
    for n in (1, 2):
        paid(records, f"P-{n}", 300, f"INV-{n}")

    class Starting(OrderDesk):
        def _finish_beside(self, order_id: str) -> None:
            super()._finish_beside(order_id)
            dying = Dying(records, 1)
            with suppress(Crashed):
                OrderDesk(records, dying).recheck(asked(), "o-SO-2")
            dying.close()

    Starting(records, exposure).recheck(asked(), "o-SO-1")
    assert order_of(records, "o-SO-1").used == cny(300)
    for _ in range(2):
        recheck(records, exposure)
    assert taken(exposure) == (0, 0)
    assert [order_of(records, f"o-SO-{n}").used for n in (1, 2)] == [cny(0), cny(0)]


# ── a customer of two records ────────────────────────────────────────────────────────────────────


def on_record(records: Records, customer_id: str, amount: int = 600) -> None:
    """The invoice of the order as the books of another record of the customer have it."""
    said = bill("INV-1", amount).model_dump()
    known = Invoice(**said, customer_id=customer_id, source="ledger")
    with records.begin() as session:
        Receivables(session).record_invoice(known, business_on=TODAY, recorded_by="test")


@pytest.fixture
def twin(records: Records, exposure: Exposure) -> str:
    with records.begin() as session:
        Customers(session).record(
            a_customer(customer_id="c-2", identifiers=()),
            business_on=TODAY,
            source="test",
            recorded_by="m",
        )
    return "c-2"


@pytest.mark.parametrize("losing", [CUSTOMER, "c-2"])
@pytest.mark.parametrize("merged_first", [True, False])
def test_a_payment_frees_the_order_under_whichever_id_its_invoice_lies(
    records: Records,
    desk: OrderDesk,
    exposure: Exposure,
    twin: str,
    losing: str,
    merged_first: bool,
) -> None:
    surviving = twin if losing == CUSTOMER else CUSTOMER
    place(desk)
    desk.deliver(asked("d-1"), "o-SO-1", None)
    on_record(records, twin)
    if merged_first:
        merged(records, losing, surviving)
    desk.invoice(asked("i-1"), "o-SO-1", bill("INV-1", 600))
    if not merged_first:
        merged(records, losing, surviving)
    paid(records, "P-1", 200)
    for _ in range(2):
        recheck(records, exposure)
    assert taken(exposure) == (0, 400)
    paid(records, "P-2", 400)
    for _ in range(2):
        OrderActivities(records, exposure).recheck_orders(RecheckPage(at=NOW))
    assert taken(exposure) == (0, 0)
    with records.begin() as session:
        assert Orders(session).due(TODAY, after=None, page_size=10) == []


def test_of_an_invoice_on_both_records_the_one_that_counts_frees_the_order(
    records: Records, desk: OrderDesk, exposure: Exposure, twin: str
) -> None:
    billed(desk)
    on_record(records, twin)
    paid(records, "P-1", 200)
    with records.begin() as session:
        theirs = Payment(
            customer_id=twin, invoice_no="INV-1", payment_no="P-9", paid_on=TODAY, amount=cny(300)
        )
        Receivables(session).record_payment(theirs, recorded_by="test")
    recheck(records, exposure)
    assert taken(exposure) == (0, 400)
    merged(records, CUSTOMER, twin)
    for _ in range(2):
        recheck(records, exposure)
    assert taken(exposure) == (0, 300)


def test_another_invoice_of_the_same_number_frees_nothing(
    records: Records, desk: OrderDesk, exposure: Exposure, twin: str
) -> None:
    billed(desk)
    on_record(records, twin, 500)
    with records.begin() as session:
        theirs = Payment(
            customer_id=twin, invoice_no="INV-1", payment_no="P-9", paid_on=TODAY, amount=cny(300)
        )
        Receivables(session).record_payment(theirs, recorded_by="test")
    merged(records, CUSTOMER, twin)
    recheck(records, exposure)
    assert taken(exposure) == (0, 600)
