"""What the customer owes and how it pays: invoices, payments, ageing and days outstanding.

An invoice counts from the day it is issued, a payment from the day it is made; both as of a day.
A payment made on the day looked at has been made. What lateness leads to is policy.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Self

from pydantic import Field, model_validator

from domain.assessment import PaymentRecord
from domain.calendar import days_before
from domain.classification import Regularity
from domain.errors import AmountNotPositive, FieldUnreadable
from domain.identity import Id
from domain.money import Money, money_sum
from domain.value import Value

# The last day of each bucket of days past due; what is older falls into the last one.
BUCKETS = {"1-30": 30, "31-60": 60, "61-90": 90}
BUCKET_CURRENT, BUCKET_OLDEST = "current", "over_90"

DocumentNo = Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")


class InvoiceContent(Value):
    """What an invoice says, whoever owes it."""

    invoice_no: str = DocumentNo
    issued_on: date
    due_on: date
    amount: Money
    disputed: bool = False

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        if self.amount.minor <= 0:
            raise AmountNotPositive(amount=self.amount)
        if self.due_on < self.issued_on:
            raise FieldUnreadable(
                column="due_on", expected="issued_on or later", expected_zh="开票日或之后的日期"
            )
        return self


class Invoice(InvoiceContent):
    """One claim on a customer. A disputed one stays owed; it is shown, not left out."""

    customer_id: Id
    source: str = ""


class PaymentContent(Value):
    """What a payment says, whoever made it."""

    payment_no: str = DocumentNo
    invoice_no: str = DocumentNo
    paid_on: date
    amount: Money

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        if self.amount.minor <= 0:
            raise AmountNotPositive(amount=self.amount)
        return self


class Payment(PaymentContent):
    """What one payment settles of one invoice; a payment of many invoices is many of these."""

    customer_id: Id
    source: str = ""


class OpenItem(Value):
    """An invoice not wholly paid on the day looked at; `days_past_due` is never negative."""

    invoice: Invoice
    amount: Money
    days_past_due: int

    @property
    def bucket(self) -> str:
        return bucket_of(self.days_past_due)


class Ageing(Value):
    """Open items by days past due (账龄), in one currency; the buckets add up to the total."""

    as_of: date
    items: int
    total: Money
    buckets: dict[str, Money]
    disputed: Money  # part of the total, in whatever bucket it is

    @property
    def current(self) -> Money:
        return self.buckets[BUCKET_CURRENT]

    @property
    def overdue(self) -> Money:
        return self.total - self.current


class Turnover(Value):
    """How long sales stay unpaid, in days of the window's credit sales, to two places.

    DSO = open / sales x days, best possible DSO the same of what is not due yet, and their
    difference is the average days delinquent (ADD). None where nothing was sold in the window.
    """

    window_days: int
    sales: Money
    days_outstanding: Decimal | None
    days_outstanding_best: Decimal | None

    @property
    def days_delinquent(self) -> Decimal | None:
        if self.days_outstanding is None or self.days_outstanding_best is None:
            return None
        return self.days_outstanding - self.days_outstanding_best


def bucket_of(days_past_due: int) -> str:
    """The bucket of a number of days past due; due today is current."""
    if days_past_due <= 0:
        return BUCKET_CURRENT
    return next((name for name, last in BUCKETS.items() if days_past_due <= last), BUCKET_OLDEST)


def open_items(
    invoices: Iterable[Invoice], payments: Iterable[Payment], as_of: date
) -> tuple[OpenItem, ...]:
    """What was issued by the day and not wholly paid by it, oldest due date first."""
    paid = _paid(payments, as_of)
    items = [
        OpenItem(
            invoice=invoice,
            amount=invoice.amount - paid.get(_key(invoice), Money.zero(invoice.amount.currency)),
            days_past_due=max(0, (as_of - invoice.due_on).days),
        )
        for invoice in invoices
        if invoice.issued_on <= as_of
    ]
    owed = (item for item in items if item.amount.minor > 0)
    return tuple(sorted(owed, key=lambda item: (item.invoice.due_on, item.invoice.invoice_no)))


def _key(document: Invoice | Payment) -> tuple[str, str]:
    return document.customer_id, document.invoice_no


def _paid(payments: Iterable[Payment], as_of: date) -> Mapping[tuple[str, str], Money]:
    totals: dict[tuple[str, str], Money] = {}
    for payment in payments:
        if payment.paid_on <= as_of:
            so_far = totals.get(_key(payment), Money.zero(payment.amount.currency))
            totals[_key(payment)] = so_far + payment.amount
    return totals


def ageing(items: Iterable[OpenItem], as_of: date, currency: str) -> Ageing:
    """The open items by bucket; refuses `CurrencyMismatch` where one is in another currency."""
    listed = tuple(items)
    buckets = dict.fromkeys(
        (BUCKET_CURRENT, *BUCKETS, BUCKET_OLDEST),
        Money.zero(currency),
    )
    for item in listed:
        buckets[item.bucket] += item.amount
    disputed = (item.amount for item in listed if item.invoice.disputed)
    return Ageing(
        as_of=as_of,
        items=len(listed),
        total=money_sum(buckets.values(), currency),
        buckets=buckets,
        disputed=money_sum(disputed, currency),
    )


def sales(invoices: Iterable[Invoice], as_of: date, window_days: int, currency: str) -> Money:
    """What was invoiced after the day `window_days` before, up to the day itself."""
    after = days_before(as_of, window_days)
    sold = (invoice.amount for invoice in invoices if after < invoice.issued_on <= as_of)
    return money_sum(sold, currency)


def turnover(aged: Ageing, sold: Money, window_days: int) -> Turnover:
    """Days outstanding over the window that ends with the ageing's day; `sold` is its sales."""
    return Turnover(
        window_days=window_days,
        sales=sold,
        days_outstanding=_days_of(aged.total, sold, window_days),
        days_outstanding_best=_days_of(aged.current, sold, window_days),
    )


def _days_of(open_amount: Money, sold: Money, window_days: int) -> Decimal | None:
    """Open over sales times days, to two places, halves to even."""
    if not sold:
        return None
    days = open_amount.ratio_to(sold) * window_days
    return days.quantize(Decimal("0.01"), ROUND_HALF_EVEN)


class Lateness(Value):
    """Sums that a payment record is made of, in minor units of one currency.

    `due` is what fell due in the window; `late` the part of it paid after its due date or unpaid
    past it; `late_days` the late part times its days. Kept apart from the shares so that a
    database may add them up.
    """

    invoices: int = 0
    due: int = 0
    late: int = 0
    late_days: int = 0
    open_total: int = 0
    overdue: int = 0
    days_past_due_max: int = 0


def lateness(
    invoices: Iterable[Invoice], payments: Iterable[Payment], as_of: date, window_days: int
) -> Lateness:
    """The sums for one customer and currency; the plain form of what storage adds up in SQL."""
    paid: dict[str, list[Payment]] = defaultdict(list)
    for payment in payments:
        if payment.paid_on <= as_of:
            paid[payment.invoice_no].append(payment)
    sums = dict.fromkeys(Lateness.model_fields, 0)
    for invoice in invoices:
        if invoice.issued_on <= as_of:
            _add_invoice(sums, invoice, paid[invoice.invoice_no], as_of, window_days)
    return Lateness(**sums)


def _add_invoice(
    sums: dict[str, int], invoice: Invoice, paid: list[Payment], as_of: date, window_days: int
) -> None:
    unpaid = max(0, invoice.amount.minor - sum(payment.amount.minor for payment in paid))
    past_due = (as_of - invoice.due_on).days
    sums["open_total"] += unpaid
    if past_due > 0 and unpaid:
        sums["overdue"] += unpaid
        sums["days_past_due_max"] = max(sums["days_past_due_max"], past_due)
    if not days_before(as_of, window_days) < invoice.due_on <= as_of:
        return
    parts = [(p.amount.minor, (p.paid_on - invoice.due_on).days) for p in paid]
    late = [(minor, days) for minor, days in [*parts, (unpaid, past_due)] if days > 0]
    sums["invoices"] += 1
    sums["due"] += invoice.amount.minor
    sums["late"] += sum(minor for minor, _ in late)
    sums["late_days"] += sum(minor * days for minor, days in late)


def payment_record(sums: Lateness, as_of: date, window_days: int, currency: str) -> PaymentRecord:
    """The record a judgement reads: shares to four places, days to two, halves to even.

    Share and mean are by amount over what fell due in the window, early counts 0, and what is
    unpaid past its due date counts with the days so far. None where nothing fell due.
    """
    fell_due = Decimal(sums.due)
    return PaymentRecord(
        window_days=window_days,
        as_of=as_of,
        invoices=sums.invoices,
        paid_late_share=_quotient(sums.late, fell_due, "0.0001"),
        days_late_mean=_quotient(sums.late_days, fell_due, "0.01"),
        days_past_due_max=sums.days_past_due_max,
        overdue=Money(minor=sums.overdue, currency=currency),
        open_total=Money(minor=sums.open_total, currency=currency),
    )


def _quotient(part: int, whole: Decimal, place: str) -> Decimal | None:
    if not whole:
        return None
    return (Decimal(part) / whole).quantize(Decimal(place), ROUND_HALF_EVEN)


def regularity(
    invoices: Iterable[Invoice], payments: Iterable[Payment], as_of: date, days_free: int = 0
) -> Regularity:
    """How regularly invoices were paid; the plain form of what storage finds in SQL.

    Late is what was settled more than `days_free` days after it was due.
    """
    paid: dict[tuple[str, str], list[Payment]] = defaultdict(list)
    for payment in payments:
        if payment.paid_on <= as_of:
            paid[_key(payment)].append(payment)
    settled = [
        (invoice.due_on, max(payment.paid_on for payment in paid[_key(invoice)]))
        for invoice in invoices
        if invoice.issued_on <= as_of
        and sum(payment.amount.minor for payment in paid[_key(invoice)]) >= invoice.amount.minor
    ]
    late = [paid_on for due_on, paid_on in settled if (paid_on - due_on).days > days_free]
    until = max(late, default=None)
    due_days = {
        due_on for due_on, _ in settled if due_on <= as_of and (until is None or due_on > until)
    }
    return Regularity(late_until=until, due_days=tuple(sorted(due_days)))
