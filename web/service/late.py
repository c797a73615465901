"""What may be asked of late interest: what accrued, charge it, have it waived, and put it back.

A waiver takes two people by a record of its own: one asks, an approver or a risk officer grants. The
approval engine decides on credit and waits for days; a waiver is granted or not, in one act.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from domain.errors import AmountNotPositive, DateInFuture, Malformed, OutOfOrder
from domain.identity import Id, Person
from domain.late import (
    LateEntry,
    LateEntryKind,
    LateWaiver,
    accrued,
    charges_of,
    left_of,
    rate_on,
)
from domain.money import Money, money_sum
from domain.reasons import because
from domain.value import Value, content_hash
from policies.late import agreed_late, agreement_for, late_rates
from storage.base import Records
from storage.bill import Bills
from storage.contract import Contracts
from storage.edition import Editions
from storage.late import LateInterest
from storage.line import LineRates
from storage.receivable import Receivables
from web.service.clock import Clock
from web.service.customer import visible_customer
from web.service.ids import new_id
from web.service.permissions import Action, permit


class LateInvoice(Value):
    """What an invoice has borne by a day, what was charged of it, and what of that is owed.

    `customer_id` is the record of the customer that the invoice stands under. The rate is the one
    in force on the day, by the agreement named, or by the edition of the invoice's date.
    """

    customer_id: Id
    invoice_no: str
    due_on: date
    accrued: Money
    charged: Money
    owed: Money
    rate_annual: Decimal | None = None  # what the day bears; None before there is any rate
    agreement_no: str | None = None  # the signed agreement that states it; None: policy does


class LateAccount(Value):
    """A customer's late interest as of a day: by invoice, every entry, and what waits."""

    customer_id: Id
    as_of: date
    invoices: tuple[LateInvoice, ...]
    entries: tuple[LateEntry, ...]
    waivers: tuple[LateWaiver, ...]


class LateCharges(Value):
    """What a period's end was charged; nothing where all of it was already."""

    customer_id: Id
    period_end_on: date
    entries: tuple[LateEntry, ...]


class LateService:
    """Late interest, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def read(self, person: Person, customer_id: str, as_of: date | None = None) -> LateAccount:
        """What overdue invoices have borne by a day and what was charged, waived and put back."""
        permit(person, Action.LATE_READ)
        on = as_of or self._clock.business_on()
        with self._records.begin() as session:
            customer_id = visible_customer(session, person, customer_id).customer_id
            return self._account(session, customer_id, on)

    def charge(self, person: Person, customer_id: str, period_end_on: date) -> LateCharges:
        """Charge what accrued by a month's end and was not charged yet; again, nothing.

        A payment dated back lowers what accrued, and the difference is charged as a minus. Refuses
        `DateInFuture`, and `OutOfOrder` where a later month was charged already.
        """
        permit(person, Action.LATE_CHARGE)
        today = self._clock.business_on()
        if period_end_on > today:
            raise DateInFuture(field="period_end_on", date=period_end_on, business_on=today)
        if (period_end_on + timedelta(days=1)).day != 1:
            raise Malformed(reason="late interest is charged by the last day of a month")
        with self._records.begin() as session:
            customer_id = visible_customer(session, person, customer_id).customer_id
            LateInterest(session).lock(customer_id)
            before = LateInterest(session).entries(customer_id)
            later = [each.period_end_on for each in before if each.period_end_on is not None]
            if later and max(later) > period_end_on:
                raise OutOfOrder(**because("charged_up_to", day=max(later)))
            found = self._account(session, customer_id, period_end_on)
            posted = [
                LateInterest(session).post(
                    LateEntry(
                        entry_id=_charge_id(each, before),
                        customer_id=each.customer_id,
                        invoice_no=each.invoice_no,
                        kind=LateEntryKind.CHARGE,
                        amount=each.accrued - each.charged,
                        period_end_on=period_end_on,
                        posted_by=person.person_id,
                        business_on=today,
                    )
                )
                for each in found.invoices
                if each.accrued != each.charged
            ]
        return LateCharges(
            customer_id=customer_id, period_end_on=period_end_on, entries=tuple(posted)
        )

    def ask_waiver(
        self,
        person: Person,
        customer_id: str,
        entry_id: str,
        amount: Money,
        reason: str,
        waiver_id: str | None = None,
    ) -> LateWaiver:
        """Ask that a charge, or a part of it, be waived; refuses `MoreThanCharged`."""
        permit(person, Action.LATE_WAIVE)
        if amount.minor <= 0:
            raise AmountNotPositive(amount=amount)
        if not reason.strip():
            raise Malformed(reason="a waiver has to say why")
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            LateInterest(session).lock(customer_id)
            waiver = LateWaiver(
                waiver_id=waiver_id or new_id(),
                customer_id=customer_id,
                of=entry_id,
                amount=amount,
                reason=reason.strip(),
                asked_by=person.person_id,
            )
            return LateInterest(session).ask_waiver(waiver)

    def answer_waiver(
        self, person: Person, waiver_id: str, *, granted: bool, note: str = ""
    ) -> LateAccount:
        """Grant a waiver that another asked for, or say why not; the charge stays as it is."""
        permit(person, Action.LATE_GRANT)
        if not granted and not note.strip():
            raise Malformed(reason="a note has to say why the waiver is not granted")
        today = self._clock.business_on()
        with self._records.begin() as session:
            waiver = LateInterest(session).read_waiver(waiver_id)
            customer_id = visible_customer(session, person, waiver.customer_id).customer_id
            LateInterest(session).lock(customer_id)
            LateInterest(session).answer_waiver(
                waiver, person.person_id, today, granted=granted, note=note
            )
            return self._account(session, customer_id, today)

    def reverse(
        self, person: Person, entry_id: str, reason: str, reversal_id: str | None = None
    ) -> LateEntry:
        """Put back what was waived, by a further entry with its reason."""
        permit(person, Action.LATE_GRANT)
        if not reason.strip():
            raise Malformed(reason="a reversal has to say why")
        with self._records.begin() as session:
            customer_id = LateInterest(session).read(entry_id).customer_id
            visible_customer(session, person, customer_id)
            LateInterest(session).lock(customer_id)
            return LateInterest(session).reverse(
                entry_id,
                reversal_id or new_id(),
                person.person_id,
                self._clock.business_on(),
                reason.strip(),
            )

    def _account(self, session: Session, customer_id: str, on: date) -> LateAccount:
        return _account(session, customer_id, on, self._clock.offset_days)


def _account(session: Session, customer_id: str, on: date, offset_days: int) -> LateAccount:
    spans = Editions(session).find_spans(on)
    agreed = [
        agreed_late(each, LineRates(session).list_of_line(each.line_id))
        for each in Contracts(session).in_force_of(customer_id, offset_days)
    ]
    payments = [
        *Receivables(session).payments(customer_id),
        *Bills(session).payments(customer_id, on),
    ]
    notes = Receivables(session).credit_notes(customer_id)
    entries = LateInterest(session).entries(customer_id)
    counting = set(Receivables(session).counting(customer_id))
    found = []
    for invoice in Receivables(session).invoices(customer_id):
        charges, currency = charges_of(entries, invoice), invoice.amount.currency
        # One that another record of the customer holds too bears interest once.
        counts = invoice in counting
        agreement = agreement_for(invoice, agreed)
        rates = late_rates(invoice, agreement, spans)
        borne = accrued(invoice, payments, rates, on, notes) if counts else Money.zero(currency)
        if not borne and not charges:
            continue
        found.append(
            LateInvoice(
                customer_id=invoice.customer_id,
                invoice_no=invoice.invoice_no,
                due_on=invoice.due_on,
                accrued=borne,
                charged=money_sum((each.amount for each in charges), currency),
                owed=money_sum((left_of(each, entries) for each in charges), currency),
                rate_annual=rate_on(rates, on),
                agreement_no=None if agreement is None else agreement.agreement_no,
            )
        )
    return LateAccount(
        customer_id=customer_id,
        as_of=on,
        invoices=tuple(found),
        entries=tuple(entries),
        waivers=tuple(LateInterest(session).pending(customer_id)),
    )


def _charge_id(of: LateInvoice, before: Sequence[LateEntry]) -> str:
    """The nth charge of an invoice is one, whoever posts it."""
    key = (of.customer_id, of.invoice_no)
    n = 1 + sum(
        (each.customer_id, each.invoice_no) == key and each.kind is LateEntryKind.CHARGE
        for each in before
    )
    return content_hash([*key, n])[:32]
