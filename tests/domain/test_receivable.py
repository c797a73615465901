"""Are ageing, days outstanding and lateness what a credit controller would compute by hand?"""

import csv
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.money import Money
from domain.receivable import (
    Invoice,
    Payment,
    ageing,
    bucket_of,
    lateness,
    open_items,
    payment_record,
    sales,
    turnover,
)

DAY = date(2025, 6, 30)
BOOK = Path(__file__).resolve().parents[3] / "shared/data/receivables/invoices.csv"


def an_invoice(invoice_no: str = "i-1", *, due: int = 0, amount: str = "100.00") -> Invoice:
    """An invoice of thirty days' terms that falls due `due` days after the day looked at."""
    due_on = DAY + timedelta(days=due)
    return Invoice(
        customer_id="c-1",
        invoice_no=invoice_no,
        issued_on=due_on - timedelta(days=30),
        due_on=due_on,
        amount=Money.of(amount, "CNY"),
    )


def a_payment(invoice: Invoice, *, late: int, amount: str = "100.00", no: str = "p-1") -> Payment:
    return Payment(
        customer_id=invoice.customer_id,
        payment_no=no,
        invoice_no=invoice.invoice_no,
        paid_on=invoice.due_on + timedelta(days=late),
        amount=Money.of(amount, "CNY"),
    )


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        *((days, "current") for days in (-5, 0)),
        *((days, "1-30") for days in (1, 30)),
        *((days, "31-60") for days in (31, 60)),
        *((days, "61-90") for days in (61, 90)),
        *((days, "over_90") for days in (91, 4000)),
    ],
)
def test_an_item_falls_into_one_bucket_by_its_days(days: int, bucket: str) -> None:
    assert bucket_of(days) == bucket


def test_a_part_payment_leaves_the_rest_open() -> None:
    invoice = an_invoice(due=-10)
    (item,) = open_items([invoice], [a_payment(invoice, late=-3, amount="40.00")], DAY)

    assert (item.amount.text, item.days_past_due) == ("60.00", 10)


def test_a_payment_counts_from_its_day_on() -> None:
    invoice = an_invoice(due=-10)
    paid = [a_payment(invoice, late=10)]

    assert open_items([invoice], paid, DAY) == ()
    assert len(open_items([invoice], paid, DAY - timedelta(days=1))) == 1


def test_what_is_not_yet_issued_is_not_owed() -> None:
    assert open_items([an_invoice(due=31)], [], DAY) == ()
    assert len(open_items([an_invoice(due=30)], [], DAY)) == 1


def test_lateness_is_weighted_by_amount_and_early_counts_nothing() -> None:
    early, late, unpaid = (
        an_invoice("i-1", due=-60, amount="500.00"),
        an_invoice("i-2", due=-50, amount="300.00"),
        an_invoice("i-3", due=-20, amount="200.00"),
    )
    paid = [a_payment(early, late=-9, amount="500.00"), a_payment(late, late=10, amount="300.00")]

    record = payment_record(lateness([early, late, unpaid], paid, DAY, 365), DAY, 365, "CNY")

    assert record.invoices == 3
    assert record.paid_late_share == Decimal("0.5000")
    assert record.days_late_mean == Decimal("7.00")  # (300 x 10 + 200 x 20) / 1000
    assert record.days_past_due_max == 20
    assert record.overdue == record.open_total == Money.of("200.00", "CNY")


def test_who_had_nothing_fall_due_has_no_share_paid_late() -> None:
    record = payment_record(lateness([an_invoice(due=5)], [], DAY, 365), DAY, 365, "CNY")

    assert (record.paid_late_share, record.days_late_mean) == (None, None)
    assert record.open_total == Money.of("100.00", "CNY")


@pytest.mark.parametrize("field", ["amount", "due_on"])
def test_an_invoice_over_nothing_or_due_before_it_is_issued_is_refused(field: str) -> None:
    wrong = {"amount": {"amount": "-1.00", "currency": "CNY"}, "due_on": "2020-01-01"}[field]

    with pytest.raises(ValidationError):
        Invoice.model_validate({**an_invoice().model_dump(), field: wrong})


@given(
    st.lists(
        st.tuples(st.integers(-200, 60), st.integers(1, 10**9), st.integers(0, 100)), max_size=30
    )
)
def test_buckets_add_up_to_what_is_open_and_nothing_is_lost(
    plan: list[tuple[int, int, int]],
) -> None:
    invoices = [
        an_invoice(f"i-{n}", due=due, amount=f"{minor / 100:.2f}" if minor < 100 else str(minor))
        for n, (due, minor, _) in enumerate(plan)
    ]
    paid = [
        Payment(
            customer_id="c-1",
            payment_no="p",
            invoice_no=invoice.invoice_no,
            paid_on=invoice.issued_on,
            amount=part,
        )
        for invoice, (_, _, percent) in zip(invoices, plan, strict=True)
        if (part := invoice.amount.share(Decimal(percent) / 100)).minor > 0
    ]

    aged = ageing(open_items(invoices, paid, DAY), DAY, "CNY")

    owed = sum(i.amount.minor for i in invoices if i.issued_on <= DAY)
    settled = sum(p.amount.minor for p in paid if p.paid_on <= DAY)
    assert aged.total.minor == owed - settled == sum(b.minor for b in aged.buckets.values())
    assert aged.overdue.minor == lateness(invoices, paid, DAY, 365).overdue


@pytest.mark.skipif(not BOOK.exists(), reason="the real receivables are not on this machine")
@pytest.mark.parametrize(
    ("as_of", "items", "open_total", "current", "days", "best", "delinquent"),
    [
        (date(2012, 12, 31), 99, "5725.06", "4936.32", "26.84", "23.14", "3.70"),
        (date(2013, 6, 30), 84, "5119.85", "4284.29", "23.15", "19.37", "3.78"),
    ],
)
def test_the_figures_of_a_real_book_are_reproduced(
    as_of: date, items: int, open_total: str, current: str, days: str, best: str, delinquent: str
) -> None:
    invoices, payments = a_real_book()

    aged = ageing(open_items(invoices, payments, as_of), as_of, "USD")
    turned = turnover(aged, sales(invoices, as_of, 90, "USD"), 90)

    assert (aged.items, aged.total.text, aged.current.text) == (items, open_total, current)
    assert aged.buckets["1-30"] == aged.overdue
    assert (turned.days_outstanding, turned.days_outstanding_best) == (Decimal(days), Decimal(best))
    assert turned.days_delinquent == Decimal(delinquent)


def a_real_book() -> tuple[list[Invoice], list[Payment]]:
    invoices, payments = [], []
    with BOOK.open(encoding="utf-8", newline="") as book:
        for row in csv.DictReader(book):
            amount = Money.of(row["InvoiceAmount"], "USD")
            ids = {"customer_id": row["customerID"], "invoice_no": row["invoiceNumber"]}
            invoices.append(
                Invoice(
                    **ids,
                    issued_on=a_date(row["InvoiceDate"]),
                    due_on=a_date(row["DueDate"]),
                    amount=amount,
                    disputed=row["Disputed"] == "Yes",
                )
            )
            paid_on = a_date(row["SettledDate"])
            payments.append(Payment(**ids, payment_no="settled", paid_on=paid_on, amount=amount))
    return invoices, payments


def a_date(written: str) -> date:
    return datetime.strptime(written, "%m/%d/%Y").date()  # noqa: DTZ007 -- a date has no zone
