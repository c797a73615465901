"""Invoices, credit notes and payments: enter them, and see what is owed and how late."""

from datetime import date

from fastapi import Response

from domain.dispute import Dispute, DisputeContent, DisputeEnd
from domain.identity import Id
from domain.money import Currency
from domain.receivable import (
    Ageing,
    CreditNote,
    CreditNoteContent,
    Invoice,
    InvoiceContent,
    Payment,
    PaymentContent,
    Turnover,
)
from domain.value import Value
from web.api.pages import Cursor, Page, PageSize, after_day, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.receivable import AccountView

router = stage("receivable")


class Invoices(Value):
    items: tuple[Invoice, ...]


class DisputeList(Value):
    items: tuple[Dispute, ...]


class Payments(Value):
    items: tuple[Payment, ...]


class CreditNotes(Value):
    items: tuple[CreditNote, ...]


class BookAgeing(Value):
    """What is owed in one currency, aged, and how fast it is paid."""

    ageing: Ageing
    turnover: Turnover


@router.get("/customers/{customer_id}/invoices")
def list_invoices(asked: Asked, caller: Caller, customer_id: Id) -> Invoices:
    return Invoices(items=tuple(asked.receivables.list_invoices(caller, customer_id)))


@router.post("/customers/{customer_id}/invoices", status_code=201, response_model=Invoice)
def record_invoice(write: Writing, customer_id: Id, body: InvoiceContent) -> Response:
    """Enter an invoice; its number again with the same content changes nothing."""
    return write.once(
        201, body, lambda: write.asked.receivables.record_invoice(write.caller, customer_id, body)
    )


@router.get("/customers/{customer_id}/disputes")
def list_disputes(asked: Asked, caller: Caller, customer_id: Id) -> DisputeList:
    """Every dispute of a customer's invoices, the newest first."""
    return DisputeList(items=tuple(asked.receivables.list_disputes(caller, customer_id)))


@router.post("/customers/{customer_id}/disputes", status_code=201, response_model=Dispute)
def open_dispute(write: Writing, customer_id: Id, body: DisputeContent) -> Response:
    """What the customer contests of an invoice, from a day on."""
    return write.once(
        201, body, lambda: write.asked.receivables.open_dispute(write.caller, customer_id, body)
    )


@router.get("/disputes")
def list_open_disputes(
    asked: Asked, caller: Caller, cursor: Cursor = None, page_size: PageSize = 50
) -> Page[Dispute]:
    """Disputes that nobody has settled, the oldest first."""
    found = asked.receivables.list_open_disputes(
        caller, after=after_day(cursor), page_size=page_size + 1
    )
    return page_of(found, page_size, lambda each: (f"{each.opened_on} {each.dispute_id}",))


@router.post("/disputes/{dispute_id}/end", status_code=201, response_model=Dispute)
def settle_dispute(write: Writing, dispute_id: Id, body: DisputeEnd) -> Response:
    """A dispute was settled, and why."""
    return write.once(
        201, body, lambda: write.asked.receivables.settle_dispute(write.caller, dispute_id, body)
    )


@router.get("/customers/{customer_id}/payments")
def list_payments(asked: Asked, caller: Caller, customer_id: Id) -> Payments:
    return Payments(items=tuple(asked.receivables.list_payments(caller, customer_id)))


@router.post("/customers/{customer_id}/payments", status_code=201, response_model=Payment)
def record_payment(write: Writing, customer_id: Id, body: PaymentContent) -> Response:
    """Enter what a payment settles of an invoice."""
    return write.once(
        201, body, lambda: write.asked.receivables.record_payment(write.caller, customer_id, body)
    )


@router.get("/customers/{customer_id}/credit-notes")
def list_credit_notes(asked: Asked, caller: Caller, customer_id: Id) -> CreditNotes:
    return CreditNotes(items=tuple(asked.receivables.list_credit_notes(caller, customer_id)))


@router.post("/customers/{customer_id}/credit-notes", status_code=201, response_model=CreditNote)
def record_credit_note(write: Writing, customer_id: Id, body: CreditNoteContent) -> Response:
    """Enter what is credited of an invoice, or that an earlier credit note is taken back."""
    return write.once(
        201,
        body,
        lambda: write.asked.receivables.record_credit_note(write.caller, customer_id, body),
    )


@router.get("/customers/{customer_id}/account")
def read_account(
    asked: Asked, caller: Caller, customer_id: Id, as_of: date | None = None
) -> AccountView:
    """What the customer owes as of a day, aged, and how it paid in the year before."""
    return asked.receivables.read_account(caller, customer_id, as_of)


@router.get("/ageing")
def read_ageing(
    asked: Asked, caller: Caller, currency: Currency = "CNY", as_of: date | None = None
) -> BookAgeing:
    """The whole book of one currency as of a day."""
    aged, turned = asked.receivables.read_ageing(caller, currency=currency, as_of=as_of)
    return BookAgeing(ageing=aged, turnover=turned)
