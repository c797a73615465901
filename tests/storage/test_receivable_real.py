"""Is a real book, posted day by day over its two years, aged at each month's end as it is by hand?"""

import calendar
import csv
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from domain.customer import Customer
from domain.imports import Outcome
from domain.money import Money
from domain.receivable import Ageing, Invoice, Payment, Turnover, ageing, turnover
from storage.base import Records
from storage.customer import Customers
from storage.receivable import Receivables

BOOK = Path(__file__).resolve().parents[3] / "shared/data/receivables/invoices.csv"
real = pytest.mark.skipif(not BOOK.exists(), reason="the real data are not on this machine")
WINDOW_DAYS = 90
# As published beside the data.
SNAPSHOTS = {
    date(2012, 12, 31): (99, "5725.06", "26.84", "23.14", "3.70"),
    date(2013, 6, 30): (84, "5119.85", "23.15", "19.37", "3.78"),
}


@dataclass(frozen=True)
class Claim:
    customer: str
    no: str
    issued_on: date
    due_on: date
    settled_on: date
    cents: int
    disputed: bool

    @property
    def invoice(self) -> Invoice:
        return Invoice(
            customer_id=self.customer,
            invoice_no=self.no,
            issued_on=self.issued_on,
            due_on=self.due_on,
            amount=Money(minor=self.cents, currency="USD"),
            disputed=self.disputed,
        )

    @property
    def payment(self) -> Payment:
        return Payment(
            customer_id=self.customer,
            payment_no="settled",
            invoice_no=self.no,
            paid_on=self.settled_on,
            amount=Money(minor=self.cents, currency="USD"),
        )


def claims() -> list[Claim]:
    def day(text: str) -> date:
        return datetime.strptime(text, "%m/%d/%Y").date()  # noqa: DTZ007

    with BOOK.open(encoding="utf-8-sig", newline="") as file:
        return [
            Claim(
                customer=row["customerID"],
                no=row["invoiceNumber"],
                issued_on=day(row["InvoiceDate"]),
                due_on=day(row["DueDate"]),
                settled_on=day(row["SettledDate"]),
                cents=int(Decimal(row["InvoiceAmount"]) * 100),
                disputed=row["Disputed"] == "Yes",
            )
            for row in csv.DictReader(file)
        ]


def by_hand(book: list[Claim], on: date) -> dict[str, int]:
    """Cents by bucket of what was issued by the day and not settled by it."""
    buckets: Counter[str] = Counter()
    for claim in book:
        if claim.issued_on <= on < claim.settled_on:
            days = (on - claim.due_on).days
            edges = ((0, "current"), (30, "1-30"), (60, "31-60"), (90, "61-90"))
            buckets[next((name for last, name in edges if days <= last), "over_90")] += claim.cents
    return dict(buckets)


def at(store: Receivables, on: date) -> tuple[Ageing, Turnover]:
    aged = ageing(store.open_items(on, currency="USD"), on, "USD")
    sold = store.sales(on, WINDOW_DAYS, currency="USD")
    return aged, turnover(aged, sold, WINDOW_DAYS)


@real
def test_a_book_posted_day_by_day_is_aged_each_month_as_by_hand(records: Records) -> None:
    book = claims()
    issued, settled = defaultdict(list), defaultdict(list)
    for claim in book:
        issued[claim.issued_on].append(claim.invoice)
        settled[claim.settled_on].append(claim.payment)
    with records.begin() as session:
        for customer_id in {claim.customer for claim in book}:
            Customers(session).record(
                Customer(customer_id=customer_id, name=customer_id),
                business_on=min(issued),
                source="a test",
                recorded_by="manager",
            )
    on, months, snapshots = min(issued), {}, {}
    outcomes: Counter[object] = Counter()
    with records.begin() as session:
        store = Receivables(session)
        while on <= max(settled):
            outcomes.update(
                store.record_invoices(issued[on], business_on=on, recorded_by="manager")
            )
            outcomes.update(store.record_payments(settled[on], recorded_by="manager"))
            if on.day == calendar.monthrange(on.year, on.month)[1]:
                months[on] = at(store, on)[0]
                assert {n: m.minor for n, m in months[on].buckets.items() if m} == by_hand(book, on)
            if on in SNAPSHOTS:
                snapshots[on] = at(store, on)
            on += timedelta(days=1)

        assert outcomes == {Outcome.CREATED: 2 * len(book)}
        assert len(months) >= 24
        # What was known on a day is still known of it, with all that came after on record.
        assert {day: at(store, day)[0] for day in months} == months

    assert {
        day: (
            aged.items,
            aged.total.text,
            str(turned.days_outstanding),
            str(turned.days_outstanding_best),
            str(turned.days_delinquent),
        )
        for day, (aged, turned) in snapshots.items()
    } == SNAPSHOTS
