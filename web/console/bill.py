"""Bills: across the book, one by one, and on a customer's page."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse

from domain.bill import BillContent, BillEventContent, BillEventKind, BillKind
from domain.money import Money
from web.api.pages import after_text
from web.console.customer import headed
from web.console.lists import CURRENCIES, PAGE_SIZE, next_path, plain_amount
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem
from web.service.ids import new_id
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)

Short = Annotated[str, Form(max_length=200)]
Note = Annotated[str, Form(max_length=20_000)]


@router.get("/bills")
def list_bills(visit: Visiting, after: str | None = None) -> HTMLResponse:
    """Every bill of the book, the newest first."""
    found = visit.services.bills.list_bills(
        visit.person, before=after_text(after), page_size=PAGE_SIZE + 1
    )
    listed = found[:PAGE_SIZE]
    return visit.show(
        "bill/bills.html",
        listed=listed,
        names=visit.customer_names({each.customer_id for each in listed}),
        next_path=next_path(found, "/bills", lambda each: (each.bill_id,)),
    )


@router.get("/bills/{bill_id}")
def show_bill(visit: Visiting, bill_id: str) -> HTMLResponse:
    """A bill, what it pays and what became of it."""
    return _bill(visit, bill_id)


@router.post("/bills/{bill_id}/events")
def report(
    visit: Writing,
    bill_id: str,
    event_no: Short = "",
    kind: Short = "",
    happened_on: Short = "",
    without_recourse: Short = "",
    note: Note = "",
) -> Response:
    """What became of a bill."""
    visit.when_refused(lambda refusal: _bill(visit, bill_id, refusal))
    said = {
        "event_no": event_no,
        "kind": visit.parsed(BillEventKind, kind, "kind"),
        "happened_on": happened_on,
        "recourse": not without_recourse,
        "note": note,
    }
    visit.services.bills.report(visit.person, bill_id, visit.valid(BillEventContent, said))
    return visit.go(f"/bills/{bill_id}", "bill_reported")


@router.get("/customers/{customer_id}/bills")
def show_customer(visit: Visiting, customer_id: str, as_of: date | None = None) -> HTMLResponse:
    """A customer's bills as of a day."""
    return _customer(visit, customer_id, as_of)


@router.post("/customers/{customer_id}/bills")
def receive(
    visit: Writing,
    customer_id: str,
    bill_no: Short = "",
    kind: Short = "",
    acceptor: Short = "",
    acceptor_class: Short = "",
    drawer: Short = "",
    amount: Short = "",
    currency: Short = "",
    received_on: Short = "",
    due_on: Short = "",
    invoices: Note = "",
    evidence_hash: Short = "",
    line_id: Short = "",
) -> Response:
    """A bill received in place of invoices."""
    visit.when_refused(lambda refusal: _customer(visit, customer_id, refusal=refusal))
    said = {
        "bill_no": bill_no.strip(),
        "kind": visit.parsed(BillKind, kind, "kind"),
        "acceptor": acceptor.strip(),
        "acceptor_class": acceptor_class.strip(),
        "drawer": drawer.strip(),
        "amount": Money.of(plain_amount(amount), currency),
        "received_on": received_on,
        "due_on": due_on,
        "invoices": _parts(invoices, currency),
        "evidence_hash": evidence_hash.strip(),
        "line_id": line_id.strip() or None,
    }
    bill = visit.services.bills.receive(visit.person, customer_id, visit.valid(BillContent, said))
    return visit.go(f"/bills/{bill.bill_id}", "bill_received")


def _parts(typed: str, currency: str) -> list[dict[str, object]]:
    """An invoice and an amount a line, between them a space."""
    parts = [line.rsplit(maxsplit=1) for line in typed.splitlines() if line.strip()]
    return [
        {
            "invoice_no": part[0],
            "amount": Money.of(plain_amount(part[1] if len(part) == 2 else ""), currency),
        }
        for part in parts
    ]


def _bill(visit: Visit, bill_id: str, refusal: Problem | None = None) -> HTMLResponse:
    found = visit.services.bills.read(visit.person, bill_id)
    return visit.show(
        "bill/bill.html",
        refusal=refusal,
        bill=found,
        kinds=tuple(BillEventKind),
        may_record=permitted(visit.person, Action.BILL_RECORD) and found.status.runs,
        event_no=new_id(),
        **headed(visit, found.customer_id, "bills"),
    )


def _customer(
    visit: Visit,
    customer_id: str,
    as_of: date | None = None,
    refusal: Problem | None = None,
) -> HTMLResponse:
    return visit.show(
        "bill/customer.html",
        refusal=refusal,
        listed=visit.services.bills.list_of_customer(visit.person, customer_id, as_of),
        as_of=as_of,
        kinds=tuple(BillKind),
        currencies=CURRENCIES,
        may_record=permitted(visit.person, Action.BILL_RECORD),
        **headed(visit, customer_id, "bills"),
    )
