"""What the customer owes and how it pays: invoices, credit notes, payments, ageing, days outstanding.

An invoice or a credit note counts from the day it is issued, a payment from the day it is made.
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


class CreditNoteContent(Value):
    """What a credit note (贷项通知) says: of one invoice so much less is owed from its day on.

    One that `reverses` an earlier note of the invoice takes it back whole: as much is owed again.
    """

    credit_note_no: str = DocumentNo
    invoice_no: str = DocumentNo
    issued_on: date
    amount: Money
    reverses: str | None = Field(default=None, min_length=1, max_length=64)
    reason: str = Field(default="", max_length=500)

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        if self.amount.minor <= 0:
            raise AmountNotPositive(amount=self.amount)
        return self


class CreditNote(CreditNoteContent):
    """A credit note of one invoice; what takes back many invoices is many of these."""

    customer_id: Id
    source: str = ""

    @property
    def credited(self) -> Money:
        """What it takes off the invoice; below zero where it reverses another."""
        return self.amount if self.reverses is None else -self.amount


class OpenItem(Value):
    """An invoice not wholly paid on the day looked at; `days_past_due` is never negative."""

    invoice: Invoice
    amount: Money
    days_past_due: int
    disputed: Money | None = None  # by its disputes as of the day; None: as the invoice says, whole

    @property
    def contested(self) -> Money:
        """What of the amount is in dispute."""
        if self.disputed is not None:
            return self.disputed
        return self.amount if self.invoice.disputed else Money.zero(self.amount.currency)

    def contested_by(self, minor: int) -> "OpenItem":
        """As disputes on record say it: so much of it, and never more than is open."""
        disputed = min(self.amount, Money(minor=minor, currency=self.amount.currency))
        invoice = self.invoice.model_copy(update={"disputed": minor > 0})
        return self.model_copy(update={"invoice": invoice, "disputed": disputed})

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
    bills: Money | None = None  # beside the total: owed by bills that are not honoured yet

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
    effectiveness: Decimal | None = None  # CEI: of what could be collected in the window, collected
    balance_high: Money | None = None  # the most that was open at the end of a day of the window
    balance_high_on: date | None = None  # the first such day

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
    invoices: Iterable[Invoice],
    payments: Iterable[Payment],
    as_of: date,
    notes: Iterable[CreditNote] = (),
) -> tuple[OpenItem, ...]:
    """What was issued by the day and not wholly paid or credited by it, oldest due date first."""
    paid, credited = _paid(payments, as_of), _credited(notes, as_of)
    items = [
        OpenItem(
            invoice=invoice,
            amount=Money(
                minor=invoice.amount.minor - paid[_key(invoice)] - credited[_key(invoice)],
                currency=invoice.amount.currency,
            ),
            days_past_due=max(0, (as_of - invoice.due_on).days),
        )
        for invoice in invoices
        if invoice.issued_on <= as_of
    ]
    owed = (item for item in items if item.amount.minor > 0)
    return tuple(sorted(owed, key=lambda item: (item.invoice.due_on, item.invoice.invoice_no)))


def _key(document: Invoice | Payment | CreditNote) -> tuple[str, str]:
    return document.customer_id, document.invoice_no


def _paid(payments: Iterable[Payment], as_of: date) -> Mapping[tuple[str, str], int]:
    totals: dict[tuple[str, str], int] = defaultdict(int)
    for payment in payments:
        if payment.paid_on <= as_of:
            totals[_key(payment)] += payment.amount.minor
    return totals


def _credited(notes: Iterable[CreditNote], as_of: date) -> Mapping[tuple[str, str], int]:
    totals: dict[tuple[str, str], int] = defaultdict(int)
    for note in notes:
        if note.issued_on <= as_of:
            totals[_key(note)] += note.credited.minor
    return totals


def open_from(
    invoice: Invoice,
    payments: Iterable[Payment],
    notes: Iterable[CreditNote],
    on: date,
    moves: Iterable[tuple[date, int]] = (),
) -> Money:
    """The least that is open on any day from this one on: so much may yet be paid or credited.

    A note that was reversed later made less open in between, and no day may come out below zero;
    `moves` are what bills took off by day, below zero where one was refused.
    """
    counted = sorted(
        [(each.paid_on, each.amount.minor) for each in payments]
        + [(each.issued_on, each.credited.minor) for each in notes]
        + list(moves)
    )
    rest = least = invoice.amount.minor - sum(minor for day, minor in counted if day <= on)
    by_day: dict[date, int] = defaultdict(int)
    for day, minor in counted:
        if day > on:
            by_day[day] += minor
    for minor in by_day.values():
        rest -= minor
        least = min(least, rest)
    return Money(minor=least, currency=invoice.amount.currency)


def ageing(items: Iterable[OpenItem], as_of: date, currency: str) -> Ageing:
    """The open items by bucket; refuses `CurrencyMismatch` where one is in another currency."""
    listed = tuple(items)
    buckets = dict.fromkeys(
        (BUCKET_CURRENT, *BUCKETS, BUCKET_OLDEST),
        Money.zero(currency),
    )
    for item in listed:
        buckets[item.bucket] += item.amount
    disputed = (item.contested for item in listed)
    return Ageing(
        as_of=as_of,
        items=len(listed),
        total=money_sum(buckets.values(), currency),
        buckets=buckets,
        disputed=money_sum(disputed, currency),
    )


def sales(
    invoices: Iterable[Invoice],
    as_of: date,
    window_days: int,
    currency: str,
    notes: Iterable[CreditNote] = (),
) -> Money:
    """What was invoiced after the day `window_days` before, up to the day itself, less credited.

    Below zero where more was credited in the window than invoiced in it.
    """
    after = days_before(as_of, window_days)
    sold = [invoice.amount for invoice in invoices if after < invoice.issued_on <= as_of]
    sold += [-note.credited for note in notes if after < note.issued_on <= as_of]
    return money_sum(sold, currency)


class Balances(Value):
    """What was open before a window of days, and the most at the end of one of its days."""

    opening: Money
    high: Money
    high_on: date


def turnover(
    aged: Ageing, sold: Money, window_days: int, balances: Balances | None = None
) -> Turnover:
    """Days outstanding over the window that ends with the ageing's day; `sold` is its sales.

    With what was open in the window also how much of it was collected (collection effectiveness
    index): (opening + sales - total) / (opening + sales - current), as a share to four places.
    """
    collected = None
    if balances is not None:
        due = balances.opening + sold
        collectable = (due - aged.current).minor
        if collectable > 0:
            collected = _quotient((due - aged.total).minor, Decimal(collectable), "0.0001")
    return Turnover(
        effectiveness=collected,
        balance_high=None if balances is None else balances.high,
        balance_high_on=None if balances is None else balances.high_on,
        window_days=window_days,
        sales=sold,
        days_outstanding=_days_of(aged.total, sold, window_days),
        days_outstanding_best=_days_of(aged.current, sold, window_days),
    )


def _days_of(open_amount: Money, sold: Money, window_days: int) -> Decimal | None:
    """Open over sales times days, to two places, halves to even."""
    if sold.minor <= 0:
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
    invoices: Iterable[Invoice],
    payments: Iterable[Payment],
    as_of: date,
    window_days: int,
    notes: Iterable[CreditNote] = (),
) -> Lateness:
    """The sums for one customer and currency; the plain form of what storage adds up in SQL.

    What was credited by the day never fell due.
    """
    credited = _credited(notes, as_of)
    paid: dict[str, list[Payment]] = defaultdict(list)
    for payment in payments:
        if payment.paid_on <= as_of:
            paid[payment.invoice_no].append(payment)
    sums = dict.fromkeys(Lateness.model_fields, 0)
    for invoice in invoices:
        if invoice.issued_on <= as_of:
            due = invoice.amount.minor - credited[_key(invoice)]
            _add_invoice(sums, invoice.due_on, due, paid[invoice.invoice_no], as_of, window_days)
    return Lateness(**sums)


def _add_invoice(
    sums: dict[str, int],
    due_on: date,
    due: int,
    paid: list[Payment],
    as_of: date,
    window_days: int,
) -> None:
    unpaid = max(0, due - sum(payment.amount.minor for payment in paid))
    past_due = (as_of - due_on).days
    sums["open_total"] += unpaid
    if past_due > 0 and unpaid:
        sums["overdue"] += unpaid
        sums["days_past_due_max"] = max(sums["days_past_due_max"], past_due)
    if not due or not days_before(as_of, window_days) < due_on <= as_of:
        return
    parts = [(p.amount.minor, (p.paid_on - due_on).days) for p in paid]
    late = [(minor, days) for minor, days in [*parts, (unpaid, past_due)] if days > 0]
    sums["invoices"] += 1
    sums["due"] += due
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
    invoices: Iterable[Invoice],
    payments: Iterable[Payment],
    as_of: date,
    days_free: int = 0,
    notes: Iterable[CreditNote] = (),
) -> Regularity:
    """How regularly invoices were paid; the plain form of what storage finds in SQL.

    Late is what was settled more than `days_free` days after it was due; what was credited whole
    was not paid, early or late.
    """
    credited = _credited(notes, as_of)
    paid: dict[tuple[str, str], list[Payment]] = defaultdict(list)
    for payment in payments:
        if payment.paid_on <= as_of:
            paid[_key(payment)].append(payment)
    settled = [
        (invoice.due_on, max(payment.paid_on for payment in paid[_key(invoice)]))
        for invoice in invoices
        if invoice.issued_on <= as_of
        and paid[_key(invoice)]
        and sum(payment.amount.minor for payment in paid[_key(invoice)])
        >= invoice.amount.minor - credited[_key(invoice)]
    ]
    late = [paid_on for due_on, paid_on in settled if (paid_on - due_on).days > days_free]
    until = max(late, default=None)
    due_days = {
        due_on for due_on, _ in settled if due_on <= as_of and (until is None or due_on > until)
    }
    return Regularity(late_until=until, due_days=tuple(sorted(due_days)))
