"""Does what is open, aged and late know bills, as of any day?"""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.bill import Bill, BillEventKind, paid_by_bills, running
from domain.customer import Customer
from domain.errors import (
    AlreadyExists,
    CreditError,
    InvoiceUnknown,
    MoreThanInvoiced,
    OutOfOrder,
)
from domain.receivable import (
    Invoice,
    Payment,
    ageing,
    lateness,
    open_items,
    payment_record,
    regularity,
)
from storage.attachment import Attachments
from storage.base import Records
from storage.bill import Bills
from storage.check import Checks
from storage.customer import Customers
from storage.receivable import Receivables
from tests.makers_bill import DAY, a_bill, an_event, cny

ON = DAY + timedelta(days=40)


@pytest.fixture
def evidence(records: Records) -> str:
    """A customer with two invoices, and the picture of a bill."""
    with records.begin() as session:
        Customers(session).record(
            Customer(customer_id="c-1", name="Quiet Harbour Foods"),
            business_on=DAY,
            source="a test",
            recorded_by="manager",
        )
        for invoice in INVOICES:
            Receivables(session).record_invoice(invoice, business_on=DAY, recorded_by="manager")
        kept = Attachments(session).record(b"a bill", name="bill.txt", recorded_by="manager")
    return kept.sha256


INVOICES = tuple(
    Invoice(
        customer_id="c-1",
        invoice_no=no,
        issued_on=DAY - timedelta(days=20),
        due_on=DAY + timedelta(days=due),
        amount=cny(100),
    )
    for no, due in (("A-1", 3), ("A-2", -10))
)

_BILLS = st.tuples(
    st.sampled_from(("B-1", "B-2", "B-3")),
    st.lists(
        st.tuples(st.sampled_from(("A-1", "A-2")), st.sampled_from((30, 60, 100))),
        min_size=1,
        max_size=2,
        unique_by=lambda part: part[0],
    ),
    st.integers(-20, 20),
)
_ENDS = st.tuples(
    st.sampled_from(("B-1", "B-2", "B-3")),
    st.sampled_from(BillEventKind),
    st.integers(-20, 40),
    st.booleans(),
)
_PAYMENTS = st.tuples(
    st.sampled_from(("A-1", "A-2")), st.integers(-20, 40), st.sampled_from((30, 60, 100))
)


@given(acts=st.lists(st.one_of(_BILLS, _ENDS, _PAYMENTS), max_size=10))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_open_and_late_on_any_day_is_what_a_recount_says(
    records: Records, evidence: str, acts: list[tuple[object, ...]]
) -> None:
    bills: dict[str, Bill] = {}
    payments: list[Payment] = []
    with records.begin() as session, session.begin_nested() as all_of_it:
        store, receivables = Bills(session), Receivables(session)
        for n, act in enumerate(acts):
            try:
                if len(act) == 4:
                    no, kind, day, recourse = act
                    if no in bills:
                        event = an_event(kind, days=day, recourse=recourse, no=f"e-{n}")
                        bills[no] = store.add(f"bill-{no}", event, ON)
                elif isinstance(act[1], list):
                    no, parts, day = act
                    bill = a_bill(no, tuple(parts), received=day, evidence_hash=evidence)
                    store.record(bill)
                    bills.setdefault(no, bill)
                else:
                    no, day, minor = act
                    paid = Payment(
                        customer_id="c-1",
                        payment_no=f"p-{n}",
                        invoice_no=no,
                        paid_on=DAY + timedelta(days=day),
                        amount=cny(minor),
                    )
                    receivables.record_payment(paid, recorded_by="manager")
                    payments.append(paid)
            except CreditError as refused:
                assert refused.code in {  # noqa: PT017
                    "more_than_invoiced",
                    "already_exists",
                    "out_of_order",
                }
        for days in range(-20, 42):
            on = DAY + timedelta(days=days)
            made = [*payments, *paid_by_bills(bills.values(), on)]
            items = open_items(INVOICES, made, on)
            assert receivables.open_items(on, customer_id="c-1") == items
            assert all(item.amount.minor > 0 for item in items)
            by_invoice = {
                each.invoice_no: sum(
                    p.amount.minor
                    for p in made
                    if p.invoice_no == each.invoice_no and p.paid_on <= on
                )
                for each in INVOICES
            }
            assert max(by_invoice.values()) <= 100
            assert receivables.payment_record("c-1", as_of=on, window_days=365) == payment_record(
                lateness(INVOICES, made, on, 365), on, 365, "CNY"
            )
            assert receivables.regularity("c-1", on) == regularity(INVOICES, made, on)
            aged = ageing(items, on, "CNY")
            assert aged.total.minor == 200 - sum(by_invoice.values())
            unpaid = {
                bill.bill_id
                for bill in bills.values()
                if bill.refused_on is not None
                and bill.refused_on <= on
                and any(by_invoice[part.invoice_no] < 100 for part in bill.invoices)
            }
            assert {each.bill_id for each in store.find_unpaid("c-1", on)} == unpaid
        assert {each.bill_no: each for each in store.of_customer("c-1")} == bills
        all_of_it.rollback()


def test_a_bill_and_what_became_of_it_are_each_on_record_once(
    records: Records, evidence: str
) -> None:
    bill = a_bill(evidence_hash=evidence)
    honoured = an_event(BillEventKind.HONOURED)
    with records.begin() as session:
        store = Bills(session)
        assert store.record(bill) == store.record(bill.model_copy(update={"bill_id": "again"}))
        once = store.add(bill.bill_id, honoured, ON)
        assert store.add(bill.bill_id, honoured, ON) == once == store.read(bill.bill_id)
        with pytest.raises(AlreadyExists):
            store.add(bill.bill_id, honoured.model_copy(update={"note": "else"}), ON)
        with pytest.raises(OutOfOrder):
            store.add(bill.bill_id, an_event(BillEventKind.REFUSED, no="e-2"), ON)
        with pytest.raises(AlreadyExists):
            store.record(bill.model_copy(update={"drawer": "Somebody else"}))


def test_a_bill_pays_invoices_that_are_there_and_no_more_than_is_open_on_any_day(
    records: Records, evidence: str
) -> None:
    with records.begin() as session:
        store = Bills(session)
        store.record(a_bill(parts=(("A-1", 60),), received=5, evidence_hash=evidence))
        with pytest.raises(MoreThanInvoiced):
            store.record(a_bill("B-2", (("A-1", 41),), evidence_hash=evidence))
        with pytest.raises(InvoiceUnknown):
            store.record(a_bill("B-2", (("A-9", 1),), evidence_hash=evidence))
        store.record(a_bill("B-2", (("A-1", 40),), evidence_hash=evidence))


@pytest.mark.parametrize(("recourse", "owed"), [(True, 60), (False, 0)])
def test_an_order_is_checked_on_the_bills_that_may_still_come_back_to_us(
    records: Records, evidence: str, recourse: bool, owed: int
) -> None:
    with records.begin() as session:
        bill = a_bill(parts=(("A-1", 60),), evidence_hash=evidence)
        Bills(session).record(bill)
        endorsed = an_event(BillEventKind.ENDORSED, recourse=recourse)
        passed = Bills(session).add(bill.bill_id, endorsed, ON)
        found = Checks(session).read("c-1", "CNY", ON).bills

    assert found == running([passed], ON, "CNY") == cny(owed)
