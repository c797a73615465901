"""Are claims and payments kept once, and does the database add up what the plain fold does?"""

import threading
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from domain.customer import CreditEventType, Customer
from domain.errors import (
    AlreadyExists,
    CreditError,
    CurrencyMismatch,
    InvoiceUnknown,
    MoreThanInvoiced,
    RateMissing,
)
from domain.exchange import Rate
from domain.imports import Outcome
from domain.money import Money
from domain.receivable import (
    Invoice,
    Payment,
    ageing,
    lateness,
    open_items,
    payment_record,
    regularity,
    sales,
)
from storage.base import Records
from storage.customer import Customers
from storage.exchange import Rates
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


def an_invoice(
    invoice_no: str = "i-1", *, due: int = -10, amount: str = "100.00", currency: str = "CNY"
) -> Invoice:
    due_on = DAY + timedelta(days=due)
    return Invoice(
        customer_id="c-1",
        invoice_no=invoice_no,
        issued_on=due_on - timedelta(days=30),
        due_on=due_on,
        amount=Money.of(amount, currency),
    )


def a_payment(no: str = "p-1", *, amount: str = "100.00", currency: str = "CNY") -> Payment:
    return Payment(
        customer_id="c-1",
        payment_no=no,
        invoice_no="i-1",
        paid_on=DAY,
        amount=Money.of(amount, currency),
    )


def record(records: Records, *documents: Invoice | Payment) -> list[Outcome | CreditError]:
    invoices = [d for d in documents if isinstance(d, Invoice)]
    payments = [d for d in documents if isinstance(d, Payment)]
    with records.begin() as session:
        store = Receivables(session)
        made = store.record_invoices(invoices, business_on=DAY, recorded_by="manager")
        return made + store.record_payments(payments, recorded_by="manager")


def test_the_same_again_is_unchanged_and_other_content_is_refused(known: Records) -> None:
    assert record(known, an_invoice(), a_payment(amount="40.00")) == [Outcome.CREATED] * 2
    assert record(known, an_invoice(), a_payment(amount="40.00")) == [Outcome.UNCHANGED] * 2
    (invoice, payment) = record(known, an_invoice(amount="99.00"), a_payment(amount="41.00"))
    assert isinstance(invoice, AlreadyExists)
    assert isinstance(payment, AlreadyExists)


def test_a_dispute_changes_the_invoice_and_stays_in_the_history(known: Records) -> None:
    record(known, an_invoice())
    disputed = an_invoice().model_copy(update={"disputed": True})
    assert record(known, disputed) == [Outcome.UPDATED]
    assert record(known, an_invoice()) == [Outcome.UPDATED]

    with known.begin() as session:
        events = Customers(session).events("c-1")
    assert [event.event_type for event in events] == [
        CreditEventType.DISPUTE_OPENED,
        CreditEventType.DISPUTE_SETTLED,
    ]


@pytest.mark.parametrize(
    ("payment", "refusal"),
    [
        (a_payment(amount="100.01"), MoreThanInvoiced),
        (a_payment(currency="USD"), CurrencyMismatch),
        (a_payment().model_copy(update={"invoice_no": "none"}), InvoiceUnknown),
    ],
)
def test_a_payment_that_fits_no_open_amount_is_refused(
    known: Records, payment: Payment, refusal: type[CreditError]
) -> None:
    (_, outcome) = record(known, an_invoice(), payment)
    assert isinstance(outcome, refusal)
    with pytest.raises(refusal), known.begin() as session:
        Receivables(session).record_payment(payment, recorded_by="manager")


def test_payments_in_one_set_share_what_is_open(known: Records) -> None:
    outcomes = record(known, an_invoice(), *(a_payment(f"p-{n}", amount="40.00") for n in range(3)))

    assert outcomes[:3] == [Outcome.CREATED] * 3
    assert isinstance(outcomes[3], MoreThanInvoiced)


def test_payments_at_the_same_moment_never_pay_more_than_is_open(known: Records) -> None:
    record(known, an_invoice())
    accepted: list[Outcome | CreditError] = []
    start = threading.Barrier(8)

    def pay(no: int) -> None:
        start.wait()
        accepted.extend(record(known, a_payment(f"p-{no}", amount="30.00")))

    threads = [threading.Thread(target=pay, args=(no,)) for no in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert accepted.count(Outcome.CREATED) == 3


def test_invoices_in_another_currency_join_at_the_rate_of_the_day(known: Records) -> None:
    record(known, an_invoice("i-1"), an_invoice("i-2"), an_invoice("i-3", currency="USD"))
    with known.begin() as session, pytest.raises(RateMissing):
        Receivables(session).payment_record("c-1", as_of=DAY)
    with known.begin() as session:
        rate = Rate(base="USD", quote="CNY", rate=Decimal("7.1"), rate_on=DAY)
        assert Rates(session).record(rate, recorded_by="risk") is Outcome.CREATED
        paid = Receivables(session).payment_record("c-1", as_of=DAY)
    assert paid.open_total == Money.of("910.00", "CNY")
    assert paid.paid_late_share == 1


def test_a_customer_without_invoices_has_an_empty_record(known: Records) -> None:
    with known.begin() as session:
        paid = Receivables(session).payment_record("c-1", as_of=DAY, window_days=180)
    assert (paid.invoices, paid.paid_late_share, paid.window_days) == (0, None, 180)
    assert paid.open_total == Money.zero("CNY")


def test_customers_with_old_enough_items_are_named_with_their_days(known: Records) -> None:
    record(known, an_invoice("i-1", due=-10), an_invoice("i-2", due=-3), a_payment())
    with known.begin() as session:
        store = Receivables(session)
        assert store.overdue_customers(DAY) == (("c-1", 3),)
        assert store.overdue_customers(DAY, days_min=4) == ()
        assert store.overdue_customers(DAY - timedelta(days=1)) == (("c-1", 9),)


_PLANS = st.lists(
    st.tuples(
        st.integers(-400, 40),
        st.integers(1, 10**12),
        st.lists(st.tuples(st.integers(-40, 120), st.integers(1, 60)), max_size=3),
    ),
    max_size=12,
)


@given(plan=_PLANS, window_days=st.integers(1, 400), back=st.integers(0, 200))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_database_adds_up_what_the_plain_fold_does(
    known: Records,
    plan: list[tuple[int, int, list[tuple[int, int]]]],
    window_days: int,
    back: int,
) -> None:
    as_of = DAY - timedelta(days=back)
    invoices, payments = a_book(plan)
    with known.begin() as session:
        session.execute(text("TRUNCATE payment, invoice CASCADE"))
        store = Receivables(session)
        store.record_invoices(invoices, business_on=DAY, recorded_by="manager")
        kept = store.record_payments(payments, recorded_by="manager")
        paid = [p for p, outcome in zip(payments, kept, strict=True) if outcome is Outcome.CREATED]

        assert store.payment_record("c-1", as_of=as_of, window_days=window_days) == (
            payment_record(lateness(invoices, paid, as_of, window_days), as_of, window_days, "CNY")
        )
        owed = store.open_items(as_of, customer_id="c-1", currency="CNY")
        assert owed == open_items(invoices, paid, as_of)
        assert ageing(owed, as_of, "CNY").items == len(owed)
        assert store.regularity("c-1", as_of, back % 9) == regularity(
            invoices, paid, as_of, back % 9
        )
        assert store.sales(as_of, window_days, currency="CNY") == sales(
            invoices, as_of, window_days, "CNY"
        )


def a_book(
    plan: list[tuple[int, int, list[tuple[int, int]]]],
) -> tuple[list[Invoice], list[Payment]]:
    invoices, payments = [], []
    for n, (due, minor, parts) in enumerate(plan):
        invoice = an_invoice(f"i-{n}", due=due).model_copy(
            update={"amount": Money(minor=minor, currency="CNY")}
        )
        invoices.append(invoice)
        for no, (late, percent) in enumerate(parts):
            payments.append(
                Payment(
                    customer_id="c-1",
                    payment_no=f"p-{no}",
                    invoice_no=invoice.invoice_no,
                    paid_on=invoice.due_on + timedelta(days=late),
                    amount=Money(minor=max(1, minor * percent // 100), currency="CNY"),
                )
            )
    return invoices, payments
