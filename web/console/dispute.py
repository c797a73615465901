"""Disputes: those that are open across the book, and those of a customer, opened and settled there."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import HTMLResponse

from domain.dispute import Dispute, DisputeContent, DisputeEnd
from domain.money import Money
from web.api.pages import after_day
from web.console.customer import headed
from web.console.lists import CURRENCIES, PAGE_SIZE, next_path, plain_amount
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem
from web.service.ids import new_id
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)

Short = Annotated[str, Form(max_length=200)]
Reason = Annotated[str, Form(max_length=2000)]


@router.get("/disputes")
def list_disputes(visit: Visiting, after: str | None = None) -> HTMLResponse:
    """What nobody has settled, the oldest first."""
    found = visit.services.receivables.list_open_disputes(
        visit.person, after=after_day(after), page_size=PAGE_SIZE + 1
    )
    listed = found[:PAGE_SIZE]
    return visit.show(
        "dispute/disputes.html",
        listed=listed,
        names=visit.customer_names({each.customer_id for each in listed}),
        next_path=next_path(
            found, "/disputes", lambda each: (f"{each.opened_on} {each.dispute_id}",)
        ),
    )


@router.get("/customers/{customer_id}/disputes")
def show_customer(
    visit: Visiting, customer_id: str, invoice: Annotated[str, Query(max_length=200)] = ""
) -> HTMLResponse:
    """A customer's disputes: what is open, what was settled and why."""
    return _customer(visit, customer_id, {"invoice_no": invoice})


@router.post("/customers/{customer_id}/disputes")
def open_dispute(
    visit: Writing,
    customer_id: str,
    key: Short = "",
    invoice_no: Short = "",
    opened_on: Short = "",
    owner: Short = "",
    amount: Short = "",
    currency: Short = "",
    reason: Reason = "",
) -> Response:
    """What the customer contests of an invoice; no amount is all of it."""
    said = {
        "invoice_no": invoice_no.strip(),
        "opened_on": opened_on,
        "owner": owner.strip(),
        "reason": reason.strip(),
    }
    typed = {**said, "amount": amount, "currency": currency, "key": key}
    visit.when_refused(lambda refusal: _customer(visit, customer_id, typed, refusal))
    plain = plain_amount(amount)
    content = visit.valid(
        DisputeContent, {**said, "amount": Money.of(plain, currency) if plain else None}
    )
    visit.services.receivables.open_dispute(visit.person, customer_id, content, key or None)
    return visit.go(f"/customers/{customer_id}/disputes", "dispute_opened")


@router.post("/customers/{customer_id}/disputes/{dispute_id}/end")
def settle_dispute(
    visit: Writing, customer_id: str, dispute_id: str, settled_on: Short = "", reason: Reason = ""
) -> Response:
    """A dispute was settled, and why."""
    visit.when_refused(lambda refusal: _customer(visit, customer_id, {}, refusal))
    end = visit.valid(DisputeEnd, {"settled_on": settled_on, "reason": reason.strip()})
    visit.services.receivables.settle_dispute(visit.person, dispute_id, end)
    return visit.go(f"/customers/{customer_id}/disputes", "dispute_settled")


def _customer(
    visit: Visit, customer_id: str, typed: dict[str, str], refusal: Problem | None = None
) -> HTMLResponse:
    found = visit.services.receivables.list_disputes(visit.person, customer_id)
    fresh = {
        "invoice_no": "",
        "opened_on": visit.services.clock.business_on().isoformat(),
        "owner": visit.person.person_id,
        "amount": "",
        "currency": CURRENCIES[0],
        "reason": "",
        "key": new_id(),
    }
    return visit.show(
        "dispute/customer.html",
        refusal=refusal,
        open_=tuple(reversed([each for each in found if _is_open(each)])),
        settled=tuple(each for each in found if not _is_open(each)),
        typed={**fresh, **typed},
        currencies=CURRENCIES,
        may_record=permitted(visit.person, Action.RECEIVABLE_RECORD),
        **headed(visit, customer_id, "disputes"),
    )


def _is_open(dispute: Dispute) -> bool:
    return dispute.settled_on is None
