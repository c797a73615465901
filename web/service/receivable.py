"""What may be asked of invoices, credit notes and payments: enter them, and see what is owed and how late."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session

from domain.assessment import PaymentRecord
from domain.bill import running
from domain.customer import CreditEvent, CreditEventType
from domain.dispute import Dispute, DisputeContent, DisputeEnd
from domain.errors import DateInFuture, NotPermitted
from domain.identity import Person
from domain.receivable import (
    Ageing,
    CreditNote,
    CreditNoteContent,
    Invoice,
    InvoiceContent,
    OpenItem,
    Payment,
    PaymentContent,
    Turnover,
    ageing,
    turnover,
)
from domain.value import Value, content_hash
from storage.base import Records
from storage.bill import Bills
from storage.customer import Customers
from storage.dispute import Disputes
from storage.receivable import Receivables
from web.service.application import message_id_of
from web.service.clock import Clock
from web.service.customer import refuse_unseen, visible_customer
from web.service.permissions import Action, permit, visible_to
from web.service.warning import owe_recheck

WINDOW_DAYS = 90  # of sales, for days outstanding
RECORD_DAYS = 365


class AccountView(Value):
    """A customer's account as of a day, by currency, and how it paid in the year before."""

    as_of: date
    ageings: tuple[Ageing, ...]
    turnovers: tuple[Turnover, ...]
    open_items: tuple[OpenItem, ...]
    payments: PaymentRecord


class ReceivableService:
    """Invoices and payments, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def record_invoice(self, person: Person, customer_id: str, content: InvoiceContent) -> Invoice:
        """Enter an invoice once; refuses `AlreadyExists` for its number with other content."""
        permit(person, Action.RECEIVABLE_RECORD)
        self._refuse_future("issued_on", content.issued_on)
        source = f"entered by {person.person_id}"
        invoice = Invoice(**content.model_dump(), customer_id=customer_id, source=source)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            Receivables(session).record_invoice(
                invoice, business_on=self._clock.business_on(), recorded_by=person.person_id
            )
        return invoice

    def record_payment(self, person: Person, customer_id: str, content: PaymentContent) -> Payment:
        """Enter what a payment settles of an invoice, once.

        Refuses `InvoiceUnknown`, `CurrencyMismatch`, `MoreThanInvoiced`, `AlreadyExists`.
        """
        permit(person, Action.RECEIVABLE_RECORD)
        self._refuse_future("paid_on", content.paid_on)
        source = f"entered by {person.person_id}"
        payment = Payment(**content.model_dump(), customer_id=customer_id, source=source)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            Receivables(session).record_payment(payment, recorded_by=person.person_id)
            key = f"payment/{customer_id}/{payment.invoice_no}/{payment.payment_no}"
            owe_recheck(session, key, offset_days=self._clock.offset_days, customer_id=customer_id)
        return payment

    def record_credit_note(
        self, person: Person, customer_id: str, content: CreditNoteContent
    ) -> CreditNote:
        """Enter what a credit note takes off an invoice, or that it reverses another; once.

        Refuses `InvoiceUnknown`, `CurrencyMismatch`, `MoreThanInvoiced`, `CreditNoteNotReversible`,
        `AlreadyExists`.
        """
        permit(person, Action.RECEIVABLE_RECORD)
        self._refuse_future("issued_on", content.issued_on)
        source = f"entered by {person.person_id}"
        note = CreditNote(**content.model_dump(), customer_id=customer_id, source=source)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            Receivables(session).record_credit_note(note, recorded_by=person.person_id)
            key = f"credit-note/{customer_id}/{note.invoice_no}/{note.credit_note_no}"
            owe_recheck(session, key, offset_days=self._clock.offset_days, customer_id=customer_id)
        return note

    def list_credit_notes(self, person: Person, customer_id: str) -> Sequence[CreditNote]:
        permit(person, Action.RECEIVABLE_READ)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            return Receivables(session).credit_notes(customer_id)

    def list_invoices(self, person: Person, customer_id: str) -> Sequence[Invoice]:
        permit(person, Action.RECEIVABLE_READ)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            return Receivables(session).invoices(customer_id)

    def list_payments(self, person: Person, customer_id: str) -> Sequence[Payment]:
        permit(person, Action.RECEIVABLE_READ)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            return Receivables(session).payments(customer_id)

    def open_dispute(
        self, person: Person, customer_id: str, content: DisputeContent, key: str | None = None
    ) -> Dispute:
        """Put on record what a customer contests of an invoice; once under a key.

        Refuses `DateInFuture`, `InvoiceUnknown`, `CurrencyMismatch`, `MoreThanInvoiced`.
        """
        permit(person, Action.RECEIVABLE_RECORD)
        self._refuse_future("opened_on", content.opened_on)
        with self._records.begin() as session:
            customer_id = visible_customer(session, person, customer_id).customer_id
            dispute_id = message_id_of(person, f"dispute/{customer_id}", key)
            opened = Disputes(session).open(dispute_id, customer_id, content, person.person_id)
            self._tell(session, opened, CreditEventType.DISPUTE_OPENED, opened.opened_on)
            return opened

    def settle_dispute(self, person: Person, dispute_id: str, end: DisputeEnd) -> Dispute:
        """Say that a dispute is settled, and why; refuses `AlreadyExists` for another end."""
        permit(person, Action.RECEIVABLE_RECORD)
        self._refuse_future("settled_on", end.settled_on)
        with self._records.begin() as session:
            of = Disputes(session).read(dispute_id)
            refuse_unseen(session, person, of.customer_id, kind="dispute", id=dispute_id)
            settled = Disputes(session).settle(dispute_id, end, person.person_id)
            self._tell(session, settled, CreditEventType.DISPUTE_SETTLED, end.settled_on)
            return settled

    def list_disputes(self, person: Person, customer_id: str) -> Sequence[Dispute]:
        """Every dispute of a customer, the newest first."""
        permit(person, Action.RECEIVABLE_READ)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            return Disputes(session).of_customer(customer_id)

    def list_open_disputes(
        self, person: Person, *, after: tuple[date, str] | None = None, page_size: int = 50
    ) -> Sequence[Dispute]:
        """Disputes that nobody has settled, of the customers the person sees, the oldest first."""
        permit(person, Action.RECEIVABLE_READ)
        with self._records.begin() as session:
            return Disputes(session).find_open(
                after=after, page_size=page_size, manager_id=visible_to(person).manager_id
            )

    def read_account(
        self, person: Person, customer_id: str, as_of: date | None = None
    ) -> AccountView:
        """What the customer owes as of a day (today, unless said), aged, and how it paid."""
        permit(person, Action.RECEIVABLE_READ)
        on = as_of or self._clock.business_on()
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            receivables = Receivables(session)
            items = receivables.open_items(on, customer_id=customer_id)
            payments = receivables.payment_record(customer_id, as_of=on, window_days=RECORD_DAYS)
            main = payments.open_total.currency if payments.open_total is not None else "CNY"
            currencies = dict.fromkeys((main, *(item.amount.currency for item in items)))
            bills = Bills(session).of_customer(customer_id)
            currencies |= dict.fromkeys(bill.amount.currency for bill in bills)
            ageings = [
                _aged(items, on, currency).model_copy(
                    update={"bills": running(bills, on, currency)}
                )
                for currency in currencies
            ]
            turnovers = [
                turnover(
                    aged,
                    receivables.sales(on, WINDOW_DAYS, currency=currency, customer_id=customer_id),
                    WINDOW_DAYS,
                    receivables.balances(
                        on, WINDOW_DAYS, currency=currency, customer_id=customer_id
                    ),
                )
                for currency, aged in zip(currencies, ageings, strict=True)
            ]
        return AccountView(
            as_of=on,
            ageings=tuple(ageings),
            turnovers=tuple(turnovers),
            open_items=items,
            payments=payments,
        )

    def read_ageing(
        self, person: Person, *, currency: str, as_of: date | None = None
    ) -> tuple[Ageing, Turnover]:
        """The whole book of one currency as of a day; `NotPermitted` for who sees a part only."""
        permit(person, Action.RECEIVABLE_READ)
        if not visible_to(person).everything:
            raise NotPermitted(action="the ageing of the whole book")
        on = as_of or self._clock.business_on()
        with self._records.begin() as session:
            receivables = Receivables(session)
            aged = ageing(receivables.open_items(on, currency=currency), on, currency)
            bills = running(Bills(session).received(on, currency), on, currency)
            aged = aged.model_copy(update={"bills": bills})
            sold = receivables.sales(on, WINDOW_DAYS, currency=currency)
            balances = receivables.balances(on, WINDOW_DAYS, currency=currency)
        return aged, turnover(aged, sold, WINDOW_DAYS, balances)

    def _tell(self, session: Session, of: Dispute, what: CreditEventType, on: date) -> None:
        """A dispute is an event of its customer's history, once, and its orders are looked at."""
        Customers(session).record_event(
            CreditEvent(
                event_id=content_hash([what, of.dispute_id])[:36],
                customer_id=of.customer_id,
                event_type=what,
                occurred_on=on,
                amount=of.amount,
                note=of.invoice_no,
                recorded_by=of.settled_by or of.opened_by,
            )
        )
        key = f"dispute/{of.dispute_id}/{what}"
        owe_recheck(session, key, offset_days=self._clock.offset_days, customer_id=of.customer_id)

    def _refuse_future(self, field: str, day: date) -> None:
        today = self._clock.business_on()
        if day > today:
            raise DateInFuture(field=field, date=day, business_on=today)


def _aged(items: Sequence[OpenItem], on: date, currency: str) -> Ageing:
    return ageing((item for item in items if item.amount.currency == currency), on, currency)
