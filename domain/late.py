"""Late interest (逾期利息): what overdue invoices bear by day, what was charged of it, what was waived.

What was charged stays as it was charged: a payment that comes to light later is a further charge of
the difference, a waiver is an entry beside its charge, and a reversal one beside the waiver.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from pydantic import Field

from domain.calendar import days_after
from domain.identity import Id
from domain.money import Money, money_sum
from domain.receivable import CreditNote, Invoice, Payment
from domain.value import Value


class LateRate(Value):
    """What a day bears from one day on until the next rate follows."""

    from_on: date
    rate_annual: Fraction
    year_days: int
    grace_days: int


class AgreedLate(Value):
    """What a signed agreement lets overdue invoices bear, of those that were issued under it."""

    agreement_no: str
    currency: str  # in which its line is lent
    from_on: date  # the day on which it took effect on its line
    until_on: date  # the line's last day
    rates: tuple[LateRate, ...]


class LateEntryKind(StrEnum):
    CHARGE = "charge"
    WAIVER = "waiver"
    REVERSAL = "reversal"


class LateEntry(Value):
    """One entry: a charge of a period's end, a waiver of a charge, or the reversal of a waiver.

    Amounts are signed: a charge may be below zero where a payment was dated back.
    """

    entry_id: Id
    customer_id: Id
    invoice_no: str
    kind: LateEntryKind
    amount: Money
    period_end_on: date | None = None  # of a charge
    of: Id | None = None  # the charge that is waived, or the waiver that is reversed
    asked_by: Id | None = None  # who asked for the waiver that the poster granted
    reason: str = ""
    posted_by: Id
    business_on: date


class LateWaiver(Value):
    """A waiver that somebody asked for, and nobody has answered yet."""

    waiver_id: Id
    customer_id: Id
    of: Id
    amount: Money
    reason: str = Field(min_length=1, max_length=2000)
    asked_by: Id


def accrued(
    invoice: Invoice,
    payments: Iterable[Payment],
    rates: Sequence[LateRate],
    until: date,
    notes: Iterable[CreditNote] = (),
) -> Money:
    """What an invoice bears from the day after it was due to a day, both included.

    A day bears its rate over the rate's year on what was still owed that morning: a payment or a
    credit note stops its part from the day after it. Days within the grace bear nothing, nor does an invoice
    that is disputed now. Summed exactly, then rounded once to the minor unit, halves to even.
    """
    if invoice.disputed:
        return Money.zero(invoice.amount.currency)
    own = [(each.paid_on, each.amount.minor) for each in payments if is_of(each, invoice)]
    own += [(each.issued_on, each.credited.minor) for each in notes if is_of(each, invoice)]
    begin, end = days_after(invoice.due_on, 1), days_after(until, 1)
    turns = {
        begin,
        *(days_after(counted_on, 1) for counted_on, _ in own),
        *(rate.from_on for rate in rates),
        end,
    }
    places = sorted(each for each in turns if begin <= each <= end)
    total = Fraction(0)
    for start, following in pairwise(places):
        rate = max((r for r in rates if r.from_on <= start), key=_from_on, default=None)
        if rate is None:
            continue
        first = max(start, days_after(begin, rate.grace_days))
        owed = invoice.amount.minor - sum(minor for counted_on, minor in own if counted_on < start)
        days = max((following - first).days, 0)
        total += rate.rate_annual / rate.year_days * days * max(owed, 0)
    return Money(minor=round(total), currency=invoice.amount.currency)


def rate_on(rates: Sequence[LateRate], on: date) -> Decimal | None:
    """The annual rate that a day bears; None before there is any."""
    held = max((rate for rate in rates if rate.from_on <= on), key=_from_on, default=None)
    if held is None:
        return None
    return Decimal(held.rate_annual.numerator) / held.rate_annual.denominator


def is_of(each: LateEntry | Payment | CreditNote, invoice: Invoice) -> bool:
    """Whether it is of an invoice: two records of one customer may each have one of a number."""
    return (each.customer_id, each.invoice_no) == (invoice.customer_id, invoice.invoice_no)


def charges_of(entries: Iterable[LateEntry], invoice: Invoice) -> list[LateEntry]:
    """What was charged on an invoice, waivers left out of account."""
    return [each for each in entries if is_of(each, invoice) and each.kind is LateEntryKind.CHARGE]


def left_of(charge: LateEntry, entries: Sequence[LateEntry]) -> Money:
    """What is still owed of a charge after its waivers, and their reversals."""
    waivers = [each for each in entries if each.of == charge.entry_id]
    waived = {each.entry_id for each in waivers}
    reversals = [each for each in entries if each.of in waived]
    beside = (each.amount for each in (*waivers, *reversals))
    return charge.amount + money_sum(beside, charge.amount.currency)


def _from_on(rate: LateRate) -> date:
    return rate.from_on
