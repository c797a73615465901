"""Orders through their stages on a real book, and what a crash between any two steps leaves."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event

from activities.check import cures_of, judge
from activities.order import Asked, OrderActivities, OrderAnswer, OrderDesk
from domain.bill import Bill, BillEvent, BillEventKind, BillKind, BillPart
from domain.check import CureKind, RuleKind, Stage
from domain.errors import (
    AlreadyExists,
    CheckRefused,
    DeliveryRefused,
    KeyReused,
    MoreThanOrdered,
    OutOfOrder,
    OverLimit,
    ProductUnknown,
    SameHands,
    UseNeedsApproval,
)
from domain.exchange import Rate
from domain.exposure import EntryKind, Movement, SubLimit, UseBounds
from domain.hold import Hold, HoldOn, HoldStatus
from domain.line import LineStatus
from domain.money import Money
from domain.order import (
    Order,
    OrderContent,
    OrderCredit,
    OrderInvoice,
    OrderPart,
    OrderStatus,
    OrderTerms,
    RecheckPage,
)
from domain.receivable import CreditNote, Invoice, Payment
from storage.attachment import Attachments
from storage.base import Records
from storage.bill import Bills
from storage.customer import Customers
from storage.edition import Editions, shipped_text
from storage.exchange import Rates
from storage.exposure import Exposure
from storage.hold import Holds
from storage.line import Lines
from storage.order import Orders
from storage.receivable import Receivables
from tests.makers_line import LINE_ID, TODAY, cny, open_line
from tests.makers_policy import a_customer, an_edition

CUSTOMER = "c-1"
NOW = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)


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


def asked(key: str | None = None, on: date = TODAY, cause: str = "") -> Asked:
    return Asked("orders", NOW, on, key=key, cause=cause)


def an_order(no: str = "SO-1", amount: int = 600, **said: Any) -> Order:
    content = OrderContent(order_no=no, amount=cny(amount), **said)
    return Order.placed(f"o-{no}", CUSTOMER, content, "orders", NOW, TODAY)


def taken(exposure: Exposure) -> tuple[int, int]:
    line = exposure.balances(LINE_ID)[0]
    return line.reserved.minor // 100, line.used.minor // 100


def place(desk: OrderDesk, no: str = "SO-1", amount: int = 600, **said: Any) -> OrderAnswer:
    return desk.place(asked(f"place-{no}"), an_order(no, amount, **said))


def recheck(records: Records, exposure: Exposure, cause: str = "payment") -> None:
    page = RecheckPage(customer_id=CUSTOMER, cause=cause, at=NOW)
    OrderActivities(records, exposure).recheck_orders(page)


def hold_of(records: Records, order_id: str) -> Any:
    with records.begin() as session:
        [found] = Holds(session).list_page(subject_id=order_id, status=None)
    return found


def order_of(records: Records, order_id: str) -> Order:
    with records.begin() as session:
        return Orders(session).read(order_id)


def test_an_order_goes_from_placing_to_its_invoice_and_a_credit_note(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    placed = place(desk)
    assert placed.order.status is OrderStatus.OPEN
    assert taken(exposure) == (600, 0)

    part = desk.deliver(asked("d-1"), "o-SO-1", cny(250)).order
    assert (part.status, part.delivered) == (OrderStatus.DELIVERED_PART, cny(250))
    assert taken(exposure) == (350, 250)
    whole = desk.deliver(asked("d-2"), "o-SO-1", cny(350)).order
    assert whole.status is OrderStatus.DELIVERED
    assert taken(exposure) == (0, 600)

    bill = OrderInvoice(invoice_no="INV-1", issued_on=TODAY, due_on=TODAY + timedelta(days=30))
    assert desk.invoice(asked("i-1"), "o-SO-1", bill).order.status is OrderStatus.INVOICED
    with records.begin() as session:
        [owed] = Receivables(session).open_items(TODAY, customer_id=CUSTOMER)
    assert owed.amount == cny(600)

    note = OrderCredit(credit_no="CN-1", invoice_no="INV-1", amount=cny(100))
    assert desk.credit(asked("c-1"), "o-SO-1", note).order.credited == cny(100)
    assert taken(exposure) == (0, 500)
    with records.begin() as session:
        [owed] = Receivables(session).open_items(TODAY, customer_id=CUSTOMER)
    assert owed.amount == cny(500)


def paid(records: Records, no: str, amount: int, invoice_no: str = "INV-1") -> None:
    payment = Payment(
        customer_id=CUSTOMER,
        invoice_no=invoice_no,
        payment_no=no,
        paid_on=TODAY,
        amount=cny(amount),
    )
    with records.begin() as session:
        Receivables(session).record_payment(payment, recorded_by="test")


def billed(desk: OrderDesk, amount: int = 600) -> None:
    place(desk, amount=amount)
    desk.deliver(asked("d-1"), "o-SO-1", cny(600))
    said = OrderInvoice(invoice_no="INV-1", issued_on=TODAY, due_on=TODAY + timedelta(days=30))
    desk.invoice(asked("i-1"), "o-SO-1", said)


def test_what_is_paid_on_its_invoices_goes_back_to_the_line_once(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    billed(desk)
    waits = place(desk, "SO-2", 700)
    assert waits.order.status is OrderStatus.HELD
    for n, (amount, used) in enumerate(((200, 400), (100, 300)), 1):
        paid(records, f"P-{n}", amount)
        for _ in range(2):
            recheck(records, exposure)
        assert taken(exposure)[1] == used
    assert order_of(records, "o-SO-2").status is OrderStatus.OPEN
    paid(records, "P-3", 300)
    for _ in range(2):
        recheck(records, exposure)
    order = order_of(records, "o-SO-1")
    assert (order.paid, order.settled, order.status) == (cny(600), cny(600), OrderStatus.INVOICED)
    assert taken(exposure) == (700, 0)
    with records.begin() as session:
        assert Orders(session).due(TODAY, after=None, page_size=10) == []
    assert exposure.verify().holds


def test_the_newest_check_is_told_whatever_was_done_since(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    placed = place(desk)
    assert placed.judged is not None
    assert placed.judged.stage is Stage.ORDER
    billed(desk)
    paid(records, "P-1", 200)
    recheck(records, exposure)
    with records.begin() as session:
        newest = Orders(session).judged("o-SO-1")
    assert newest is not None
    assert newest.stage is Stage.INVOICE


def a_bill(
    records: Records,
    no: str,
    amount: int,
    line_id: str | None = LINE_ID,
    due_on: date = TODAY,
) -> Bill:
    with records.begin() as session:
        kept = Attachments(session).record(b"a bill", name="bill.txt", recorded_by="m")
        bill = Bill(
            bill_id=f"bill-{no}",
            customer_id=CUSTOMER,
            bill_no=no,
            kind=BillKind.COMMERCIAL_ACCEPTANCE,
            acceptor="harbour",
            drawer="the customer",
            amount=cny(amount),
            received_on=TODAY,
            due_on=due_on,
            invoices=(BillPart(invoice_no="INV-1", amount=cny(amount)),),
            evidence_hash=kept.sha256,
            line_id=line_id,
            recorded_by="m",
        )
        return Bills(session).record(bill)


def ends(records: Records, bill: Bill, kind: BillEventKind) -> None:
    event = BillEvent(event_no="e", kind=kind, happened_on=TODAY, recorded_by="m")
    with records.begin() as session:
        Bills(session).add(bill.bill_id, event, TODAY)


def test_an_order_that_waits_for_a_bill_is_told_its_day_and_goes_on_once_it_is_honoured(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    billed(desk, amount=900)
    bill = a_bill(records, "B-1", 600, due_on=TODAY + timedelta(days=20))
    place(desk, "SO-2", 600)

    def waits() -> list[tuple[date | None, int | None]]:
        with records.begin() as session:
            judged = judge(session, Orders(session).read("o-SO-2"), Stage.ORDER, TODAY)
            found = cures_of(session, judged)
        return [(each.on, each.days) for each in found if each.kind is CureKind.WAIT_UNTIL]

    assert order_of(records, "o-SO-2").status is OrderStatus.HELD
    assert waits() == [(TODAY + timedelta(days=20), 20)]
    ends(records, bill, BillEventKind.HONOURED)
    recheck(records, exposure)
    recheck(records, exposure)
    assert order_of(records, "o-SO-2").status is OrderStatus.OPEN
    assert waits() == []


def test_a_bill_that_is_honoured_frees_the_line_once_whoever_repays_it(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    """The bill repays the line itself; a payment of another order gives back all of its own."""
    billed(desk)
    place(desk, "SO-2", 300)
    desk.deliver(asked("d-2"), "o-SO-2", None)
    said = OrderInvoice(invoice_no="INV-2", issued_on=TODAY, due_on=TODAY)
    desk.invoice(asked("i-2"), "o-SO-2", said)
    bill = a_bill(records, "B-1", 600)
    recheck(records, exposure)
    assert taken(exposure) == (0, 900)
    exposure.repay(LINE_ID, cny(600), f"bill/{bill.bill_id}", business_on=TODAY)
    ends(records, bill, BillEventKind.HONOURED)
    paid(records, "P-2", 100, "INV-2")
    for _ in range(2):
        recheck(records, exposure)
    assert taken(exposure) == (0, 200)
    assert order_of(records, "o-SO-1").settled == cny(600)
    paid(records, "P-3", 200, "INV-2")
    recheck(records, exposure)
    assert taken(exposure) == (0, 0)


def test_a_bill_that_names_no_line_frees_it_by_its_order(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    billed(desk)
    bill = a_bill(records, "B-1", 600, line_id=None)
    recheck(records, exposure)
    assert taken(exposure) == (0, 600)
    ends(records, bill, BillEventKind.HONOURED)
    for _ in range(2):
        recheck(records, exposure)
    assert taken(exposure) == (0, 0)


def test_what_a_refused_bill_had_freed_is_owed_again_and_paid_once(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    billed(desk)
    bill = a_bill(records, "B-1", 600)
    exposure.repay(LINE_ID, cny(600), f"bill/{bill.bill_id}", business_on=TODAY)
    recheck(records, exposure)
    assert (taken(exposure), order_of(records, "o-SO-1").settled) == ((0, 0), cny(600))
    ends(records, bill, BillEventKind.REFUSED)
    exposure.revive(LINE_ID, f"bill/{bill.bill_id}", business_on=TODAY)
    for _ in range(2):
        recheck(records, exposure)
    order = order_of(records, "o-SO-1")
    assert (taken(exposure), order.settled, order.used) == ((0, 600), cny(0), cny(600))
    paid(records, "P-1", 600)
    for _ in range(2):
        recheck(records, exposure)
    assert taken(exposure) == (0, 0)
    assert exposure.verify().holds


def test_credit_and_payment_of_one_invoice_give_back_no_more_than_it_used(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    """A credit on what is paid is owed by the seller: the line is not used less by it."""
    billed(desk)
    exposure.commit(
        LINE_ID,
        str(exposure.reserve(LINE_ID, cny(300), "r", business_on=TODAY).reservation_id),
        "c",
        business_on=TODAY,
    )
    desk.credit(asked("c-1"), "o-SO-1", credit_of("CN-1", 50))
    paid(records, "P-1", 450)
    recheck(records, exposure)
    assert taken(exposure) == (0, 400)
    desk.credit(asked("c-2"), "o-SO-1", credit_of("CN-2", 50))
    assert taken(exposure) == (0, 350)
    paid(records, "P-2", 50)
    recheck(records, exposure)
    assert taken(exposure) == (0, 300)
    assert order_of(records, "o-SO-1").settled == cny(600)


def test_a_credit_note_of_whoever_keeps_the_invoices_goes_back_too(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    billed(desk)
    note = CreditNote(
        credit_note_no="CN-9",
        invoice_no="INV-1",
        issued_on=TODAY,
        amount=cny(100),
        customer_id=CUSTOMER,
    )
    with records.begin() as session:
        Receivables(session).record_credit_note(note, recorded_by="test")
    recheck(records, exposure)
    assert taken(exposure) == (0, 500)


def test_an_order_that_is_closed_stays_closed_when_it_is_paid_or_credited(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    billed(desk, amount=900)
    desk.close(asked("x"), "o-SO-1")
    paid(records, "P-1", 100)
    recheck(records, exposure)
    desk.credit(asked("c-1"), "o-SO-1", credit_of("CN-1", 100))
    assert order_of(records, "o-SO-1").status is OrderStatus.CLOSED
    assert taken(exposure) == (0, 400)


def test_what_was_repaid_by_hand_is_not_repaid_again(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    """By a system that still posts both: another order's use is not given back for it."""
    billed(desk)
    place(desk, "SO-2", 300)
    desk.deliver(asked("d-2"), "o-SO-2", None)
    exposure.repay(LINE_ID, cny(500), "by-hand", business_on=TODAY)
    paid(records, "P-1", 600)
    for _ in range(2):
        recheck(records, exposure)
    assert order_of(records, "o-SO-1").settled == cny(600)
    assert taken(exposure) == (0, 300)


def credit_of(no: str, amount: int) -> OrderCredit:
    return OrderCredit(credit_no=no, invoice_no="INV-1", amount=cny(amount))


def test_a_credit_note_is_no_payment_and_makes_nobody_late_or_prompt(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk)
    desk.deliver(asked("d-1"), "o-SO-1", None)
    due_on = TODAY + timedelta(days=30)
    bill = OrderInvoice(invoice_no="INV-1", issued_on=TODAY, due_on=due_on)
    desk.invoice(asked("i-1"), "o-SO-1", bill)
    late = due_on + timedelta(days=40)
    said = {"credit_no": "CN-1", "invoice_no": "INV-1", "reason": "goods came back"}
    note = OrderCredit(**said, amount=cny(600))
    for _ in range(2):
        desk.credit(asked("c-1", on=late), "o-SO-1", note)
    with records.begin() as session:
        receivables = Receivables(session)
        [written] = receivables.credit_notes(CUSTOMER)
        assert (written.amount, written.reason, written.issued_on) == (
            cny(600), "goods came back", late,
        )  # fmt: skip
        assert receivables.payments(CUSTOMER) == ()
        assert receivables.open_items(late, customer_id=CUSTOMER) == ()
        assert receivables.payment_record(CUSTOMER, as_of=late).invoices == 0
        judged = judge(session, an_order("SO-2", 100), Stage.ORDER, late)
    assert judged.facts.account.days_past_due == 0
    assert taken(exposure) == (0, 0)


def test_a_part_delivered_leaves_the_rest_reserved_without_a_moment_between(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk, amount=1000)
    for n, amount in enumerate((300, 300, 400)):
        desk.deliver(asked(f"d-{n}"), "o-SO-1", cny(amount))
    kinds = [each.kind for each in reversed(exposure.entries(LINE_ID))]
    assert kinds == [
        EntryKind.OPENING, EntryKind.RESERVE,
        EntryKind.COMMIT, EntryKind.KEEP, EntryKind.COMMIT, EntryKind.KEEP, EntryKind.COMMIT,
    ]  # fmt: skip


def test_a_part_that_is_split_off_takes_what_was_reserved_for_it_along(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk, amount=1000)
    part = OrderPart(order_no="SO-1a", amount=cny(300))
    rest = desk.split(asked("s-1"), "o-SO-1", [("p-1", part)]).order
    part_order = order_of(records, "p-1")
    held = {each.reservation_id: each.amount for each in exposure.open_reservations(LINE_ID)}
    assert held == {
        rest.reserved[0].reservation_id: cny(700),
        part_order.reserved[0].reservation_id: cny(300),
    }
    assert EntryKind.RESERVE not in {e.kind for e in exposure.entries(LINE_ID)[:-2]}
    bill(records, "late", TODAY - timedelta(days=40))
    held_part = OrderPart(order_no="SO-1b", amount=cny(100))
    desk.split(asked("s-2"), "o-SO-1", [("p-2", held_part)])
    assert order_of(records, "p-2").status is OrderStatus.HELD
    assert order_of(records, "p-2").taken == cny(100)
    assert taken(exposure) == (1000, 0)


def test_an_order_is_no_way_round_the_approval_of_a_use(
    records: Records, exposure: Exposure
) -> None:
    large = Money.of(9_000_000, "CNY")
    with records.begin() as session:
        Customers(session).record(
            a_customer(customer_id="c-facility", identifiers=()),
            business_on=TODAY,
            source="test",
            recorded_by="m",
        )
    open_line(
        records,
        "line-2",
        customer_id="c-facility",
        limit=large,
        bounds=UseBounds(
            sub_lines=(
                SubLimit(product="working_capital_loan", limit=large),
                SubLimit(product="bank_acceptance", limit=large),
            )
        ),
    )
    desk = OrderDesk(records, exposure)

    def places(no: str, amount: str, product: str) -> OrderAnswer:
        content = OrderContent(
            order_no=no, amount=Money.of(amount, "CNY"), product=product, deposit=cny(0)
        )
        made = Order.placed(f"o-{no}", "c-facility", content, "orders", NOW, TODAY)
        return desk.place(asked(f"place-{no}"), made)

    for no, amount, product in (
        ("1", "0.01", "bank_acceptance"),
        ("2", "5000000.00", "working_capital_loan"),
    ):
        with pytest.raises(UseNeedsApproval):
            places(no, amount, product)
    below = places("3", "4999999.99", "working_capital_loan").order
    terms = OrderTerms(amount=Money.of("5000000.00", "CNY"), product="working_capital_loan")
    with pytest.raises(UseNeedsApproval):
        desk.change(asked("change-3"), below.order_id, terms)

    with records.begin() as session:
        assert Orders(session).find_by_no("c-facility", "orders", "1") is None
        assert Orders(session).find_by_no("c-facility", "orders", "2") is None
    assert exposure.balances("line-2")[0].taken <= Money.of("4999999.99", "CNY")


def test_an_order_is_taken_for_its_product_less_its_deposit(
    records: Records, exposure: Exposure
) -> None:
    open_line(
        records,
        "line-2",
        customer_id=CUSTOMER,
        limit=Money.of(1000, "USD"),
        bounds=UseBounds(
            sub_lines=(
                SubLimit(product="open_account", limit=Money.of(300, "USD"), tenor_months=3),
                SubLimit(product="letter_of_guarantee", limit=Money.of(900, "USD")),
            )
        ),
    )
    with records.begin() as session:
        rate = Rate(base="USD", quote="CNY", rate=Decimal(7), rate_on=TODAY)
        Rates(session).record(rate, recorded_by="test")
    desk = OrderDesk(records, exposure)

    def order(no: str, amount: int, **said: Any) -> OrderAnswer:
        content = OrderContent(order_no=no, amount=Money.of(amount, "USD"), **said)
        made = Order.placed(f"o-{no}", CUSTOMER, content, "orders", NOW, TODAY)
        return desk.place(asked(f"place-{no}"), made)

    def book() -> tuple[int, int, int]:
        [line, *_] = exposure.balances("line-2")
        [sub] = [each for each in exposure.balances("line-2") if "guarantee" in each.account] or [
            line
        ]
        return line.reserved.minor // 100, line.used.minor // 100, sub.taken.minor // 100

    guarantee = {"product": "letter_of_guarantee", "deposit": Money.of(200, "USD")}
    placed = order("G", 1000, **guarantee).order
    assert (placed.status, placed.taken) == (OrderStatus.OPEN, Money.of(1000, "USD"))
    assert placed.reserved[0].exposure == Money.of(400, "USD")
    assert book()[:2] == (400, 0)
    desk.deliver(asked("d-1"), "o-G", Money.of(250, "USD"))
    assert book()[:2] == (300, 100)
    part = OrderPart(order_no="G-2", amount=Money.of(250, "USD"))
    desk.split(asked("s"), "o-G", [("p-G", part)])
    assert order_of(records, "p-G").content.deposit == Money.of(50, "USD")
    assert book()[:2] == (300, 100)
    desk.deliver(asked("d-2"), "o-G", None)
    desk.deliver(asked("d-3"), "p-G", None)
    assert book()[:2] == (0, 400)
    for each in ("o-G", "p-G"):
        said = {"invoice_no": f"I-{each}", "issued_on": TODAY, "due_on": TODAY}
        desk.invoice(asked(f"i-{each}"), each, OrderInvoice(**said))
        whole = order_of(records, each).delivered
        note = OrderCredit(credit_no="CN", invoice_no=f"I-{each}", amount=whole)
        half = Money(minor=whole.minor // 2, currency="USD")
        payment = Payment(
            customer_id=CUSTOMER, invoice_no=f"I-{each}", payment_no="P", paid_on=TODAY, amount=half
        )
        with records.begin() as session:
            Receivables(session).record_payment(payment, recorded_by="test")
        recheck(records, exposure)
        rest = note.model_copy(update={"amount": whole - half})
        desk.credit(asked(f"c-{each}"), each, rest)
    assert book()[:2] == (0, 0)
    assert exposure.verify().holds

    bare = order("N", 100)
    assert bare.order.status is OrderStatus.HELD  # the line asks for a product
    long = order("L", 100, product="open_account", due_on=TODAY + timedelta(days=200))
    assert long.order.status is OrderStatus.HELD
    with pytest.raises(ProductUnknown):
        order("U", 100, product="nothing_known")


def test_what_is_above_the_limit_is_held_and_takes_nothing(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk)
    held = place(desk, "SO-2", 500)
    assert held.order.status is OrderStatus.HELD
    assert taken(exposure) == (600, 0)
    assert held.hold is not None
    [reason] = held.hold.reasons
    assert (reason.kind, reason.found, reason.allowed) == (RuleKind.LIMIT, cny(500), cny(400))


def test_more_is_checked_and_reserved_anew_and_less_goes_back(
    desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk)
    more = desk.change(asked("c-1"), "o-SO-1", OrderTerms(amount=cny(900))).order
    assert (more.status, len(more.reserved)) == (OrderStatus.OPEN, 2)
    assert taken(exposure) == (900, 0)
    less = desk.change(asked("c-2"), "o-SO-1", OrderTerms(amount=cny(500))).order
    assert less.taken == cny(500)
    assert taken(exposure) == (500, 0)
    above = desk.change(asked("c-3"), "o-SO-1", OrderTerms(amount=cny(1200))).order
    assert (above.status, above.taken) == (OrderStatus.HELD, cny(500))
    back = desk.change(asked("c-4"), "o-SO-1", OrderTerms(amount=cny(1000))).order
    assert (back.status, back.hold_id) == (OrderStatus.OPEN, None)
    assert taken(exposure) == (1000, 0)


def test_a_split_never_makes_more_of_an_order(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk, amount=1000)
    with pytest.raises(MoreThanOrdered):
        desk.split(asked("s-0"), "o-SO-1", [("p-1", OrderPart(order_no="A", amount=cny(1000)))])
    parts = [
        ("p-1", OrderPart(order_no="SO-1a", amount=cny(300))),
        ("p-2", OrderPart(order_no="SO-1b", amount=cny(200))),
    ]
    rest = desk.split(asked("s-1"), "o-SO-1", parts).order
    orders = [rest, *(order_of(records, part_id) for part_id, _ in parts)]
    assert [each.amount for each in orders] == [cny(500), cny(300), cny(200)]
    assert {each.status for each in orders} == {OrderStatus.OPEN}
    assert taken(exposure) == (1000, 0)


def test_opening_an_order_again_is_no_way_round_the_limit(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk, amount=1000)
    desk.close(asked("c-1"), "o-SO-1")
    assert taken(exposure) == (0, 0)
    place(desk, "SO-2", 1000)
    again = desk.reopen(asked("r-1"), "o-SO-1").order
    assert again.status is OrderStatus.HELD
    assert taken(exposure) == (1000, 0)
    desk.cancel(asked("c-2"), "o-SO-2")
    recheck(records, exposure, "cancel")
    assert order_of(records, "o-SO-1").status is OrderStatus.OPEN
    assert taken(exposure) == (1000, 0)


def test_a_key_gives_its_answer_again_and_nothing_twice(
    desk: OrderDesk, exposure: Exposure
) -> None:
    first = place(desk)
    again = place(desk)
    assert (again.order, again.replayed, first.replayed) == (first.order, True, False)
    desk.deliver(asked("d-1"), "o-SO-1", cny(100))
    once = desk.deliver(asked("d-1"), "o-SO-1", cny(100))
    assert (once.order.delivered, once.replayed) == (cny(100), True)
    assert taken(exposure) == (500, 100)
    assert place(desk).order == first.order  # as it was answered then
    with pytest.raises(KeyReused):
        desk.deliver(asked("d-1"), "o-SO-1", cny(101))
    with pytest.raises(AlreadyExists):
        desk.place(asked("other"), an_order(amount=601))
    assert desk.place(asked("third"), an_order()).order.delivered == cny(100)


def test_a_quotation_takes_nothing_and_becomes_an_order_once(
    desk: OrderDesk, exposure: Exposure
) -> None:
    quoted = desk.quote(asked("q-1"), an_order(amount=1200))
    assert quoted.order.status is OrderStatus.QUOTED
    assert quoted.judged is not None
    assert next(each.kind for each in quoted.judged.findings) is RuleKind.LIMIT
    assert taken(exposure) == (0, 0)
    assert place(desk, amount=900).order.status is OrderStatus.OPEN
    with pytest.raises(OutOfOrder):
        desk.quote(asked("q-2"), an_order())


def test_what_waits_is_taken_on_the_oldest_first_and_once(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk, amount=1000)
    place(desk, "SO-2", 700)
    place(desk, "SO-3", 600)
    desk.change(asked("less"), "o-SO-1", OrderTerms(amount=cny(200)))
    for _ in range(2):
        recheck(records, exposure, "change")
    assert order_of(records, "o-SO-2").status is OrderStatus.OPEN
    assert order_of(records, "o-SO-3").status is OrderStatus.HELD
    assert taken(exposure) == (900, 0)
    cured = hold_of(records, "o-SO-2")
    assert (cured.status, cured.ended_by, cured.cause) == (HoldStatus.CURED, "system", "change")
    left = hold_of(records, "o-SO-3")
    assert left.reasons[0].allowed == cny(0)
    assert left.reasons_now[0].allowed == cny(100)


def test_a_reservation_that_somebody_ended_is_not_delivered_on(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    order = place(desk).order
    exposure.release(LINE_ID, order.reserved[0].reservation_id, "behind", business_on=TODAY)
    for _ in range(2):
        with pytest.raises(DeliveryRefused):
            desk.deliver(asked("d-1"), "o-SO-1", cny(600))
    bare = order_of(records, "o-SO-1")
    assert (bare.delivered, bare.taken) == (cny(0), cny(0))
    desk.recheck(asked(), "o-SO-1")
    assert desk.deliver(asked("d-2"), "o-SO-1", cny(600)).order.delivered == cny(600)


class Crashed(Exception):
    """The program is gone."""


class Dying(Exposure):
    """A book whose caller dies before or after one of its movements."""

    def __init__(self, records: Records, dies_at: float) -> None:
        super().__init__(records)
        self._dies_at = dies_at
        self._moves = 0

    def _call(self, statement: str, values: tuple[Any, ...]) -> Any:
        self._moves += 1
        if self._dies_at == self._moves - 0.5:
            raise Crashed
        answer = super()._call(statement, values)
        if self._dies_at == self._moves:
            raise Crashed
        return answer


ACTS: dict[str, Any] = {
    "place": (lambda desk: place(desk, "SO-2", 300), 1),
    "more": (lambda desk: desk.change(asked("k"), "o-SO-1", OrderTerms(amount=cny(800))), 1),
    "less": (lambda desk: desk.change(asked("k"), "o-SO-1", OrderTerms(amount=cny(400))), 1),
    "part": (lambda desk: desk.deliver(asked("k"), "o-SO-1", cny(200)), 1),
    "split": (
        lambda desk: desk.split(
            asked("k"), "o-SO-1", [("p-1", OrderPart(order_no="A", amount=cny(100)))]
        ),
        1,
    ),
    "cancel": (lambda desk: desk.cancel(asked("k"), "o-SO-1"), 1),
}
STEPS = [(name, half / 2) for name, (_, moves) in ACTS.items() for half in range(1, 2 * moves + 1)]


@pytest.mark.parametrize(("name", "step"), STEPS)
@pytest.mark.parametrize("by", ["the same request", "the next look"])
def test_what_a_crash_leaves_is_finished_and_done_once(
    records: Records, desk: OrderDesk, exposure: Exposure, name: str, step: float, by: str
) -> None:
    """Against the same act without a crash: the same order and the same book."""
    act, _ = ACTS[name]
    place(desk)
    dying = Dying(records, step)
    with pytest.raises(Crashed):
        act(OrderDesk(records, dying))
    dying.close()

    if by == "the same request":
        act(desk)
    else:
        recheck(records, exposure, "sweep")

    expected = {
        "place": ((900, 0), cny(300), OrderStatus.OPEN, "o-SO-2"),
        "more": ((800, 0), cny(800), OrderStatus.OPEN, "o-SO-1"),
        "less": ((400, 0), cny(400), OrderStatus.OPEN, "o-SO-1"),
        "part": ((400, 200), cny(600), OrderStatus.DELIVERED_PART, "o-SO-1"),
        "split": ((600, 0), cny(500), OrderStatus.OPEN, "o-SO-1"),
        "cancel": ((0, 0), cny(600), OrderStatus.CANCELLED, "o-SO-1"),
    }
    figures, amount, status, order_id = expected[name]
    order = order_of(records, order_id)
    assert (taken(exposure), order.amount, order.status) == (figures, amount, status)
    assert order.asked is None
    if name == "split":
        assert order_of(records, "p-1").status is OrderStatus.OPEN
    assert exposure.verify().holds
    answered = act(desk)
    assert answered.replayed
    assert (taken(exposure), order_of(records, order_id)) == (figures, order)


class Taken(Exposure):
    """A book from which somebody else takes between the check of an order and its reservation."""

    def reserve(self, line_id: str, amount: Money, key: str, **said: Any) -> Movement:
        with suppress(OverLimit):
            super().reserve(line_id, cny(500), f"other/{key}", **said)
        return super().reserve(line_id, amount, key, **said)


def test_what_the_book_refuses_after_the_check_is_a_reason_of_the_hold(
    records: Records, exposure: Exposure
) -> None:
    other = Taken(records)
    held = place(OrderDesk(records, other))
    other.close()
    assert held.order.status is OrderStatus.HELD
    assert held.hold is not None
    [reason] = held.hold.reasons
    assert (reason.kind, reason.found, reason.allowed) == (RuleKind.LIMIT, cny(600), cny(500))
    assert taken(exposure) == (500, 0)


def test_a_check_asks_the_records_for_edition_and_facts_and_nothing_else(
    records: Records, exposure: Exposure
) -> None:
    order = an_order()
    with records.begin() as session:
        judge(session, order, Stage.ORDER, TODAY)  # the edition is parsed once a program
        seen: list[str] = []
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *given: seen.append(given[2]))
        judge(session, order, Stage.ORDER, TODAY)
    assert len(seen) == 2


def bill(records: Records, no: str, due_on: date, amount: int = 100) -> None:
    with records.begin() as session:
        Receivables(session).record_invoice(
            Invoice(
                customer_id=CUSTOMER,
                invoice_no=no,
                issued_on=due_on - timedelta(days=10),
                due_on=due_on,
                amount=cny(amount),
            ),
            business_on=TODAY,
            recorded_by="manager",
        )


def pay(records: Records, no: str, amount: int = 100) -> None:
    said = {"customer_id": CUSTOMER, "payment_no": f"P-{no}", "invoice_no": no}
    with records.begin() as session:
        Receivables(session).record_payment(
            Payment(**said, paid_on=TODAY, amount=cny(amount)), recorded_by="manager"
        )


def test_a_payment_cures_what_was_held_for_arrears_and_nothing_else_does(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    bill(records, "late-1", TODAY - timedelta(days=40))
    bill(records, "late-2", TODAY - timedelta(days=35))
    held = place(desk, amount=300)
    assert held.order.status is OrderStatus.HELD
    assert held.hold is not None
    kinds = {each.kind for each in held.hold.reasons}
    assert RuleKind.OVERDUE_DAYS in kinds

    pay(records, "late-1")
    recheck(records, exposure)
    assert order_of(records, "o-SO-1").status is OrderStatus.HELD
    [days] = [e for e in hold_of(records, "o-SO-1").reasons_now if e.kind is RuleKind.OVERDUE_DAYS]
    assert days.value == 35

    pay(records, "late-2")
    recheck(records, exposure)
    assert order_of(records, "o-SO-1").status is OrderStatus.OPEN
    assert taken(exposure) == (300, 0)


def test_what_is_far_off_takes_nothing_until_its_day_comes(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    far = TODAY + timedelta(days=200)  # the edition looks 180 days ahead
    order = place(desk, deliver_on=far).order
    assert (order.status, order.enters_on) == (OrderStatus.OPEN, far - timedelta(days=180))
    assert taken(exposure) == (0, 0)
    for day, figures in ((19, (0, 0)), (20, (600, 0)), (21, (600, 0))):
        at = NOW + timedelta(days=day)
        OrderActivities(records, exposure).recheck_orders(RecheckPage(cause="sweep", at=at))
        assert taken(exposure) == figures
    assert order_of(records, "o-SO-1").enters_on is None


def by_hand(desk: OrderDesk, holds: HoldOn, subject_id: str, by: str = "risk") -> Hold:
    hold = Hold(
        hold_id=f"h-{holds}",
        holds=holds,
        subject_id=subject_id,
        customer_id=CUSTOMER,
        manual=True,
        set_by=by,
        reason_code="fraud_suspected",
        note="the buyer's letterhead is not theirs",
        looked_at=NOW,
        owner="role.risk_officer",
        opened_at=NOW,
        opened_on=TODAY,
        due_at=NOW,
        review_on=TODAY,
    )
    return desk.hold(replace(asked(), by=by), hold)


def test_a_hold_set_by_hand_goes_by_anothers_word_alone(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    place(desk)
    hold = by_hand(desk, HoldOn.ORDER, "o-SO-1")
    assert order_of(records, "o-SO-1").status is OrderStatus.HELD
    recheck(records, exposure)
    assert order_of(records, "o-SO-1").status is OrderStatus.HELD
    with pytest.raises(SameHands):
        desk.lift(replace(asked(), by="risk"), hold.hold_id, "cleared")
    desk.lift(replace(asked(), by="risk2"), hold.hold_id, "cleared")
    assert order_of(records, "o-SO-1").status is OrderStatus.OPEN
    assert taken(exposure) == (600, 0)
    assert hold_of(records, "o-SO-1").ended_by == "risk2"


def test_a_hold_on_a_customer_stops_its_orders_until_it_is_lifted(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    hold = by_hand(desk, HoldOn.CUSTOMER, CUSTOMER)
    held = place(desk)
    assert held.hold is not None
    assert [each.reference for each in held.hold.reasons] == [hold.hold_id]
    recheck(records, exposure)
    assert order_of(records, "o-SO-1").status is OrderStatus.HELD
    desk.lift(replace(asked(), by="risk2"), hold.hold_id, "cleared")
    recheck(records, exposure, "hold")
    assert order_of(records, "o-SO-1").status is OrderStatus.OPEN


def test_what_a_check_refuses_outright_is_no_order(
    records: Records, desk: OrderDesk, exposure: Exposure
) -> None:
    with records.begin() as session:
        line = Lines(session).read(LINE_ID, for_update=True)
        Lines(session).write(line.model_copy(update={"status": LineStatus.FROZEN}))
    with pytest.raises(CheckRefused):
        place(desk)
    with records.begin() as session:
        assert Orders(session).list_page() == []
