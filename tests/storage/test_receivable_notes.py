"""Do credit notes take off what they say, from their day on, and never more than is open?"""

from collections import Counter
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from domain.customer import Customer
from domain.errors import CreditError, CreditNoteNotReversible, MoreThanInvoiced
from domain.imports import Outcome
from domain.money import Money
from domain.receivable import (
    CreditNote,
    Invoice,
    Payment,
    ageing,
    bucket_of,
    lateness,
    open_items,
    payment_record,
    regularity,
    sales,
    turnover,
)
from storage.base import Records
from storage.customer import Customers
from storage.receivable import Receivables

DAY = date(2025, 6, 30)


@pytest.fixture
def known(records: Records) -> Records:
    with records.begin() as session:
        Customers(session).record(
            Customer(customer_id="c-1", name="Quiet Harbour Foods"),
            business_on=DAY,
            source="a test",
            recorded_by="manager",
        )
    return records


def an_invoice(no: str = "i-1", *, issued: int = 0, days: int = 30, minor: int = 100) -> Invoice:
    on = DAY + timedelta(days=issued)
    return Invoice(
        customer_id="c-1",
        invoice_no=no,
        issued_on=on,
        due_on=on + timedelta(days=days),
        amount=Money(minor=minor, currency="CNY"),
    )


def a_note(
    no: str = "n-1", *, day: int = 0, minor: int = 100, reverses: str | None = None, of: str = "i-1"
) -> CreditNote:
    return CreditNote(
        customer_id="c-1",
        credit_note_no=no,
        invoice_no=of,
        issued_on=DAY + timedelta(days=day),
        amount=Money(minor=minor, currency="CNY"),
        reverses=reverses,
    )


def a_payment(no: str = "p-1", *, day: int = 0, minor: int = 100, of: str = "i-1") -> Payment:
    return Payment(
        customer_id="c-1",
        payment_no=no,
        invoice_no=of,
        paid_on=DAY + timedelta(days=day),
        amount=Money(minor=minor, currency="CNY"),
    )


Document = Invoice | Payment | CreditNote


def record(records: Records, *documents: Document) -> list[Outcome | CreditError]:
    """Each document by itself, in this order."""
    outcomes: list[Outcome | CreditError] = []
    with records.begin() as session:
        store = Receivables(session)
        for each in documents:
            if isinstance(each, Invoice):
                outcomes += store.record_invoices([each], business_on=DAY, recorded_by="manager")
            elif isinstance(each, Payment):
                outcomes += store.record_payments([each], recorded_by="manager")
            else:
                outcomes += store.record_credit_notes([each], recorded_by="manager")
    return outcomes


def owed(records: Records, day: int) -> int:
    with records.begin() as session:
        items = Receivables(session).open_items(DAY + timedelta(days=day))
    return sum(item.amount.minor for item in items)


def test_a_note_takes_off_from_its_day_on_and_a_reversal_gives_back_from_its_own(
    known: Records,
) -> None:
    written = (
        an_invoice(),
        a_note(day=5, minor=40),
        a_note("n-2", day=9, minor=40, reverses="n-1"),
    )

    assert record(known, *written) == [Outcome.CREATED] * 3
    assert record(known, *written) == [Outcome.UNCHANGED] * 3
    assert [owed(known, day) for day in (-1, 0, 4, 5, 8, 9)] == [0, 100, 100, 60, 60, 100]


def test_no_day_comes_out_below_zero_though_a_note_was_taken_back_later(known: Records) -> None:
    """The invoice is open whole today, and was open for nothing between the note and its reversal."""
    outcomes = record(
        known,
        an_invoice(),
        a_note(day=5),
        a_note("n-2", day=9, reverses="n-1"),
        a_payment(day=6, minor=1),
        a_payment(day=9, minor=100),
    )
    assert outcomes[:3] == [Outcome.CREATED] * 3
    assert isinstance(outcomes[3], MoreThanInvoiced)
    assert outcomes[4] is Outcome.CREATED


@pytest.mark.parametrize(
    ("notes", "refusal"),
    [
        ((a_note(minor=101),), MoreThanInvoiced),
        ((a_note(minor=60), a_note("n-2", minor=41)), MoreThanInvoiced),
        ((a_note("n-2", reverses="n-1"),), CreditNoteNotReversible),
        ((a_note(day=3), a_note("n-2", day=2, reverses="n-1")), CreditNoteNotReversible),
        ((a_note(), a_note("n-2", minor=99, reverses="n-1")), CreditNoteNotReversible),
        (
            (a_note(), a_note("n-2", reverses="n-1"), a_note("n-3", reverses="n-1")),
            CreditNoteNotReversible,
        ),
        (
            (a_note(), a_note("n-2", reverses="n-1"), a_note("n-3", reverses="n-2")),
            CreditNoteNotReversible,
        ),
    ],
)
def test_a_note_that_fits_nothing_is_refused_and_the_rest_stands(
    known: Records, notes: tuple[CreditNote, ...], refusal: type[CreditError]
) -> None:
    *taken, last = record(known, an_invoice(), *notes)

    assert taken == [Outcome.CREATED] * len(notes)
    assert isinstance(last, refusal)


_BOOK = st.lists(
    st.tuples(
        st.integers(-200, 10),  # issued
        st.integers(0, 60),  # terms
        st.integers(1, 10**6),
        st.lists(
            st.tuples(st.sampled_from("pnr"), st.integers(0, 150), st.integers(1, 70)), max_size=5
        ),
    ),
    max_size=8,
)


def a_book(
    plan: list[tuple[int, int, int, list[tuple[str, int, int]]]],
) -> list[Document]:
    documents: list[Document] = []
    for n, (issued, days, minor, parts) in enumerate(plan):
        invoice = an_invoice(f"i-{n}", issued=issued, days=days, minor=minor)
        documents.append(invoice)
        notes: list[CreditNote] = []
        for k, (what, after, percent) in enumerate(parts):
            part, day = max(1, minor * percent // 100), issued + after
            if what == "p":
                documents.append(a_payment(f"p-{k}", day=day, minor=part, of=f"i-{n}"))
            elif what == "r" and notes:
                of = notes.pop(0)
                again = {"credit_note_no": f"n-{k}", "reverses": of.credit_note_no}
                documents.append(
                    of.model_copy(
                        update=again | {"issued_on": of.issued_on + timedelta(days=after % 30)}
                    )
                )
            else:
                notes.append(a_note(f"n-{k}", day=day, minor=part, of=f"i-{n}"))
                documents.append(notes[-1])
    return documents


def counted_by_hand(documents: list[Document], as_of: date) -> dict[str, int]:
    """Open amounts by invoice, each document taken for what it says, one after the other."""
    rest: dict[str, int] = {}
    for each in documents:
        if isinstance(each, Invoice) and each.issued_on <= as_of:
            rest[each.invoice_no] = each.amount.minor
    for each in documents:
        if each.invoice_no not in rest:
            continue
        if isinstance(each, Payment) and each.paid_on <= as_of:
            rest[each.invoice_no] -= each.amount.minor
        if isinstance(each, CreditNote) and each.issued_on <= as_of:
            rest[each.invoice_no] += each.amount.minor * (1 if each.reverses else -1)
    return rest


@given(plan=_BOOK, window_days=st.integers(1, 250), back=st.integers(-90, 200))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_counts_as_of_a_day_equals_a_recount(
    known: Records,
    plan: list[tuple[int, int, int, list[tuple[str, int, int]]]],
    window_days: int,
    back: int,
) -> None:
    as_of = DAY - timedelta(days=back)
    with known.begin() as session:
        session.execute(text("TRUNCATE payment, credit_note, invoice CASCADE"))
    documents = a_book(plan)
    outcomes = record(known, *documents)
    kept = [
        each
        for each, outcome in zip(documents, outcomes, strict=True)
        if outcome is Outcome.CREATED
    ]
    invoices = [each for each in kept if isinstance(each, Invoice)]
    payments = [each for each in kept if isinstance(each, Payment)]
    notes = [each for each in kept if isinstance(each, CreditNote)]
    by_hand = counted_by_hand(kept, as_of)
    assert all(
        minor >= 0
        for day in {as_of, *(p.paid_on for p in payments), *(n.issued_on for n in notes)}
        for minor in counted_by_hand(kept, day).values()
    )

    with known.begin() as session:
        store = Receivables(session)
        found = store.open_items(as_of, customer_id="c-1", currency="CNY")
        record_found = store.payment_record("c-1", as_of=as_of, window_days=window_days)
        sold = store.sales(as_of, window_days, currency="CNY", customer_id="c-1")
        regular = store.regularity("c-1", as_of, back % 9)

    assert {item.invoice.invoice_no: item.amount.minor for item in found} == {
        no: minor for no, minor in by_hand.items() if minor > 0
    }
    buckets: Counter[str] = Counter()
    for item in found:
        buckets[bucket_of((as_of - item.invoice.due_on).days)] += item.amount.minor
    aged = ageing(found, as_of, "CNY")
    assert {name: money.minor for name, money in aged.buckets.items() if money} == buckets

    after = as_of - timedelta(days=window_days)
    by_window = sum(i.amount.minor for i in invoices if after < i.issued_on <= as_of)
    by_window -= sum(
        n.amount.minor * (-1 if n.reverses else 1) for n in notes if after < n.issued_on <= as_of
    )
    assert sold.minor == by_window
    assert (turnover(aged, sold, window_days).days_outstanding is None) == (by_window <= 0)

    with known.begin() as session:
        balances = Receivables(session).balances(
            as_of, window_days, currency="CNY", customer_id="c-1"
        )
    by_day = {
        day: sum(counted_by_hand(kept, day).values())
        for day in (after + timedelta(days=n) for n in range(window_days + 1))
    }
    opening = by_day.pop(after)
    assert balances.opening.minor == opening
    assert balances.high.minor == max(by_day.values())
    assert balances.high_on == min(day for day in by_day if by_day[day] == balances.high.minor)
    told = turnover(aged, sold, window_days, balances)
    collectable = opening + by_window - aged.current.minor
    if collectable <= 0:
        assert told.effectiveness is None
    else:
        share = Decimal(opening + by_window - aged.total.minor) / collectable
        assert told.effectiveness == share.quantize(Decimal("0.0001"), ROUND_HALF_EVEN)

    # The plain folds say the same as the database.
    assert found == open_items(invoices, payments, as_of, notes)
    assert sold == sales(invoices, as_of, window_days, "CNY", notes)
    assert regular == regularity(invoices, payments, as_of, back % 9, notes)
    plain = lateness(invoices, payments, as_of, window_days, notes)
    assert record_found == payment_record(plain, as_of, window_days, "CNY")
