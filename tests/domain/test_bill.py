"""Does a bill take its invoices out of what is open while it runs, and only then?"""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.bill import Bill, BillContent, BillEventKind, BillState, paid_by_bills, running
from domain.errors import CreditError, DateInFuture, OutOfOrder
from domain.money import Money
from domain.receivable import Invoice, open_items
from policies.bill import frees, refused_signal
from storage.edition import read_shipped
from tests.makers_bill import DAY, a_bill, an_event, cny

EDITION = read_shipped("standard")
INVOICE = Invoice(
    customer_id="c-1",
    invoice_no="A-1",
    issued_on=DAY - timedelta(days=90),
    due_on=DAY - timedelta(days=30),
    amount=cny(100),
)


def days_late(bill: Bill, on: date) -> int | None:
    items = open_items([INVOICE], paid_by_bills([bill], on), on)
    return items[0].days_past_due if items else None


def test_an_invoice_is_late_before_its_bill_and_again_from_its_own_due_date_once_it_is_refused() -> (
    None
):
    bill = a_bill().with_event(an_event(BillEventKind.REFUSED, days=60), DAY + timedelta(days=60))

    assert days_late(bill, DAY - timedelta(days=1)) == 29
    assert days_late(bill, DAY) is None
    assert days_late(bill, DAY + timedelta(days=59)) is None
    assert days_late(bill, DAY + timedelta(days=60)) == 90
    assert running([bill], DAY + timedelta(days=59), "CNY") == cny(100)
    assert running([bill], DAY + timedelta(days=60), "CNY") == cny(0)


@pytest.mark.parametrize(
    ("kind", "recourse", "state", "freed"),
    [
        (BillEventKind.HONOURED, True, BillState.HONOURED, True),
        (BillEventKind.REFUSED, True, BillState.REFUSED, False),
        (BillEventKind.ENDORSED, True, BillState.CONTINGENT, False),
        (BillEventKind.DISCOUNTED, True, BillState.CONTINGENT, False),
        (BillEventKind.DISCOUNTED, False, BillState.PASSED_ON, True),
    ],
)
def test_a_line_is_free_only_once_nobody_can_come_back_to_us(
    kind: BillEventKind, recourse: bool, state: BillState, freed: bool
) -> None:
    after = a_bill().with_event(an_event(kind, days=1, recourse=recourse), DAY + timedelta(days=1))

    assert after.state() is state
    assert frees(after, EDITION) is freed
    assert running([after], DAY + timedelta(days=1), "CNY").minor == (100 if state.runs else 0)


@pytest.mark.parametrize("listed", ["acceptor-1", "state_bank"])
def test_a_listed_acceptor_counts_at_once_until_it_refuses(listed: str) -> None:
    bills = EDITION.bills.model_copy(update={"counts_at_once": (listed,)})
    edition = EDITION.model_copy(update={"bills": bills})
    refused = a_bill().with_event(an_event(BillEventKind.REFUSED), DAY)

    assert frees(a_bill(), edition)
    assert not frees(refused, edition)
    assert not frees(a_bill(), EDITION)


def test_the_warning_of_a_refused_bill_stands_from_its_first_day() -> None:
    refused = a_bill().with_event(an_event(BillEventKind.REFUSED), DAY)
    (signal,) = refused_signal([refused], DAY + timedelta(days=3), EDITION)

    assert (signal.rule, signal.value, signal.level) == ("bill_refused", 3, EDITION.bills.level)
    assert refused_signal([a_bill()], DAY, EDITION) == ()


@given(
    st.lists(
        st.tuples(st.sampled_from(BillEventKind), st.integers(-1, 5), st.booleans()), max_size=6
    )
)
def test_a_bill_ends_once_and_its_days_never_go_back(
    told: list[tuple[BillEventKind, int, bool]],
) -> None:
    bill = a_bill()
    for n, (kind, days, recourse) in enumerate(told):
        before = bill
        try:
            bill = bill.with_event(
                an_event(kind, days=days, recourse=recourse, no=f"e-{n}"), DAY + timedelta(days=4)
            )
        except (OutOfOrder, DateInFuture):
            continue
        assert before.state().runs
    days_of = [event.happened_on for event in bill.events]
    ends = [e for e in bill.events if e.kind in (BillEventKind.HONOURED, BillEventKind.REFUSED)]
    assert days_of == sorted(days_of)
    assert all(DAY <= day <= DAY + timedelta(days=4) for day in days_of)
    assert len(ends) <= 1
    assert len(bill.events) <= 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"due_on": DAY - timedelta(days=1)},
        {"amount": cny(99)},
        {"amount": Money(minor=100, currency="USD")},
        {"invoices": a_bill().invoices * 2, "amount": cny(200)},
        {"evidence_hash": "none"},
    ],
)
def test_a_bill_that_does_not_add_up_is_refused(wrong: dict[str, object]) -> None:
    content = {name: getattr(a_bill(), name) for name in BillContent.model_fields}
    with pytest.raises((CreditError, ValidationError)):
        BillContent.model_validate({**content, **wrong})


def test_an_event_of_tomorrow_is_refused() -> None:
    with pytest.raises(DateInFuture):
        a_bill().with_event(an_event(BillEventKind.HONOURED, days=1), DAY)
