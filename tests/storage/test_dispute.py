"""Is what was in dispute on a day what its disputes say of that day?"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from domain.customer import Customer
from domain.dispute import DisputeContent, DisputeEnd
from domain.errors import (
    AlreadyExists,
    FieldUnreadable,
    InvoiceUnknown,
    MoreThanInvoiced,
    OutOfOrder,
)
from domain.imports import Outcome
from domain.receivable import Invoice, ageing
from storage.base import Records
from storage.check import Checks
from storage.customer import Customers
from storage.dispute import Disputes
from storage.receivable import Receivables
from tests.makers_bill import DAY, cny
from tests.servers import until_waiting


@pytest.fixture
def known(records: Records) -> Records:
    with records.begin() as session:
        Customers(session).record(
            Customer(customer_id="c-1", name="Quiet Harbour Foods"),
            business_on=DAY,
            source="a test",
            recorded_by="manager",
        )
    assert told(records, disputed=False, days=0) is Outcome.CREATED
    return records


def told(records: Records, *, disputed: bool, days: int) -> Outcome:
    invoice = Invoice(
        customer_id="c-1",
        invoice_no="A-1",
        issued_on=DAY,
        due_on=DAY,
        amount=cny(100),
        disputed=disputed,
    )
    with records.begin() as session:
        return Receivables(session).record_invoice(
            invoice, business_on=DAY + timedelta(days=days), recorded_by="manager"
        )


def disputed(records: Records, days: int) -> int:
    on = DAY + timedelta(days=days)
    with records.begin() as session:
        items = Receivables(session).open_items(on, customer_id="c-1")
    return ageing(items, on, "CNY").disputed.minor


def contested(days: int = 2, minor: int = 30) -> DisputeContent:
    return DisputeContent(
        invoice_no="A-1",
        opened_on=DAY + timedelta(days=days),
        reason="goods short",
        owner="manager",
        amount=cny(minor),
    )


def test_disputes_count_from_the_day_opened_to_the_day_before_they_are_settled(
    known: Records,
) -> None:
    end = DisputeEnd(settled_on=DAY + timedelta(days=6), reason="credited")
    with known.begin() as session:
        store = Disputes(session)
        first = store.open("d-1", "c-1", contested(), "manager")
        assert store.open("d-1", "c-1", contested(), "manager") == first
        store.open("d-2", "c-1", contested(4, 90), "manager")
        assert store.settle("d-1", end, "manager") == store.settle("d-1", end, "manager")

    assert [disputed(known, days) for days in range(8)] == [0, 0, 30, 30, 100, 100, 90, 90]


def test_the_column_of_a_file_opens_and_settles_as_of_the_day_it_is_told(known: Records) -> None:
    assert told(known, disputed=True, days=3) is Outcome.UPDATED
    assert told(known, disputed=False, days=5) is Outcome.UPDATED
    assert told(known, disputed=False, days=6) is Outcome.UNCHANGED

    assert [disputed(known, days) for days in range(2, 7)] == [0, 100, 100, 0, 0]


def test_what_cannot_be_disputed_or_settled_is_refused(known: Records) -> None:
    early = DisputeEnd(settled_on=DAY, reason="credited")
    late = DisputeEnd(settled_on=DAY + timedelta(days=9), reason="upheld")
    with known.begin() as session:
        store = Disputes(session)
        for content, refusal in (
            (contested(-1), FieldUnreadable),
            (contested(minor=101), MoreThanInvoiced),
            (contested().model_copy(update={"invoice_no": "A-9"}), InvoiceUnknown),
        ):
            with pytest.raises(refusal):
                store.open("d-9", "c-1", content, "manager")
        store.open("d-1", "c-1", contested(), "manager")
        with pytest.raises(AlreadyExists):
            store.open("d-1", "c-1", contested(minor=31), "manager")
        with pytest.raises(OutOfOrder):
            store.settle("d-1", early, "manager")
        store.settle("d-1", late, "manager")
        with pytest.raises(AlreadyExists):
            store.settle("d-1", late.model_copy(update={"reason": "else"}), "manager")


def test_a_file_that_knows_of_no_dispute_ends_none_that_a_person_opened(known: Records) -> None:
    with known.begin() as session:
        Disputes(session).open("d-1", "c-1", contested(2, 100), "manager")

    assert told(known, disputed=False, days=4) is Outcome.UNCHANGED
    assert told(known, disputed=True, days=4) is Outcome.UNCHANGED
    assert disputed(known, 5) == 100
    with known.begin() as session:
        end = DisputeEnd(settled_on=DAY + timedelta(days=6), reason="credited")
        Disputes(session).settle("d-1", end, "manager")
    assert told(known, disputed=True, days=7) is Outcome.UPDATED
    assert told(known, disputed=False, days=9) is Outcome.UPDATED
    assert [disputed(known, days) for days in range(5, 10)] == [100, 0, 100, 100, 0]


def test_an_invoice_stays_disputed_where_one_is_settled_while_another_is_opened(
    known: Records,
) -> None:
    end = DisputeEnd(settled_on=DAY + timedelta(days=6), reason="credited")
    with known.begin() as session:
        Disputes(session).open("d-1", "c-1", contested(), "manager")

    def settled() -> None:
        with known.begin() as session:
            Disputes(session).settle("d-1", end, "manager")

    with ThreadPoolExecutor(1) as other:
        with known.begin() as session:
            Disputes(session).open("d-2", "c-1", contested(4, 20), "manager")
            settling = other.submit(settled)
            until_waiting(session, 1)
        settling.result()
    with known.begin() as session:
        [invoice] = Receivables(session).invoices("c-1")
    assert invoice.disputed


def test_an_order_is_checked_on_what_is_contested_of_an_invoice_and_on_the_rest(
    known: Records,
) -> None:
    def claims() -> list[tuple[int, bool]]:
        with known.begin() as session:
            found = Checks(session).read("c-1", "CNY", DAY + timedelta(days=9)).claims
        return [(each.amount.minor, each.disputed) for each in found]

    with known.begin() as session:
        Disputes(session).open("d-1", "c-1", contested(2, 30), "manager")
    assert claims() == [(30, True), (70, False)]
    with known.begin() as session:
        Disputes(session).open("d-2", "c-1", contested(3, 90), "manager")
    assert claims() == [(100, True)]
