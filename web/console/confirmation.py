"""Accounts that customers confirm (对账): the list, one of them, and the customer's page behind the link.

Whoever holds the link acts for the customer; nobody signs in there.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Response, UploadFile
from fastapi.responses import HTMLResponse

from domain.confirmation import AnswerContent, DifferenceKind, DifferenceOutcome, StampedAnswer
from domain.contract import Capacity, Signatory
from domain.identity import Language
from domain.money import Money
from web.api.pages import after_text
from web.console.lists import PAGE_SIZE, next_path, plain_amount
from web.console.page import Public, Visit, Visiting, Writing
from web.problems import Problem
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)

AGREED = "agreed"
_Texts = Annotated[list[str], Form()]


@router.get("/confirmations")
def list_confirmations(
    visit: Visiting,
    view: str = "open",
    customer: Annotated[str, Query(max_length=64)] = "",
    after: str | None = None,
) -> HTMLResponse:
    """Accounts that were asked for, newest first."""
    shown = "all" if view == "all" else "open"
    found = visit.services.confirmations.list_confirmations(
        visit.person,
        customer_id=customer or None,
        waiting=shown == "open",
        before=after_text(after),
        page_size=PAGE_SIZE + 1,
    )
    listed = found[:PAGE_SIZE]
    return visit.show(
        "confirmation/confirmations.html",
        views_of=listed,
        names=visit.customer_names(each.confirmation.request.customer_id for each in listed),
        views=visit.tabs("/confirmations", "confirmations.view", ("open", "all"), shown),
        view=shown,
        may_run=permitted(visit.person, Action.CONFIRMATION_RUN),
        next_path=next_path(
            found,
            f"/confirmations?view={shown}&customer={customer}",
            lambda each: (each.confirmation.confirmation_id,),
        ),
    )


@router.post("/confirmations/run")
def ask_book(visit: Writing) -> Response:
    """Send the accounts that are due."""
    visit.services.confirmations.ask(visit.person)
    return visit.go("/confirmations", "confirmations_asked")


@router.post("/customers/{customer_id}/confirmations")
def ask_customer(visit: Writing, customer_id: str, as_of: Annotated[str, Form()] = "") -> Response:
    """Send one customer's accounts as of a day."""
    day = visit.day(as_of, "as_of")
    visit.services.confirmations.ask(visit.person, customer_id, day)
    return visit.go(f"/confirmations?view=all&customer={customer_id}", "confirmations_asked")


@router.get("/confirmations/{confirmation_id}")
def show_confirmation(visit: Visiting, confirmation_id: str) -> HTMLResponse:
    """An account, what was said of it, and what differs."""
    return _page(visit, confirmation_id)


@router.post("/confirmations/{confirmation_id}/answers")
def answer(
    visit: Writing,
    confirmation_id: str,
    evidence: UploadFile | None = None,
    document_hash: Annotated[str, Form()] = "",
    everything: Annotated[str, Form()] = "",
    number: _Texts = [],  # noqa: B006
    kind: _Texts = [],  # noqa: B006
    amount: _Texts = [],  # noqa: B006
    note: _Texts = [],  # noqa: B006
) -> Response:
    """Put on record what came back stamped."""
    visit.when_refused(lambda refusal: _page(visit, confirmation_id, refusal))
    view = visit.services.confirmations.read_confirmation(visit.person, confirmation_id)
    if evidence is None or not evidence.filename:
        raise visit.unreadable("evidence", "a_file")
    scan = visit.services.attachments.record(
        visit.person,
        evidence.file.read(visit.services.attachments.bytes_max + 1),
        evidence.filename,
    )
    currency = view.confirmation.request.currency
    said = _said(document_hash, everything, currency, number, kind, amount, note)
    content = visit.valid(StampedAnswer, said | {"evidence_hash": scan.sha256})
    visit.services.confirmations.answer(visit.person, confirmation_id, content)
    return visit.go(f"/confirmations/{confirmation_id}", "confirmation_answered")


@router.post("/confirmation-differences/{difference_id}/end")
def close_difference(
    visit: Writing,
    difference_id: str,
    outcome: Annotated[str, Form()] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Say how a difference was cleared up."""
    if outcome not in set(DifferenceOutcome):
        raise visit.unreadable("outcome", "an_outcome")
    closed = visit.services.confirmations.close_difference(
        visit.person, difference_id, DifferenceOutcome(outcome), reason
    )
    return visit.go(f"/confirmations/{closed.confirmation_id}", "difference_closed")


@router.get("/confirm/{token}")
def show_link(visit: Public, token: str) -> HTMLResponse:
    """What is to be confirmed, by when, and how it stands."""
    return _link_page(visit, token)


@router.post("/confirm/{token}")
def answer_by_link(
    visit: Public,
    token: str,
    signatory: Annotated[str, Form(max_length=200)] = "",
    capacity: Annotated[str, Form()] = "",
    document_hash: Annotated[str, Form()] = "",
    everything: Annotated[str, Form()] = "",
    number: _Texts = [],  # noqa: B006
    kind: _Texts = [],  # noqa: B006
    amount: _Texts = [],  # noqa: B006
    note: _Texts = [],  # noqa: B006
) -> Response:
    """Answer and sign, for the customer."""
    visit.when_refused(lambda refusal: _link_page(visit, token, refusal))
    page = visit.services.confirmations.link_page(token)
    said = _said(document_hash, everything, page.request.currency, number, kind, amount, note)
    visit.services.confirmations.answer_by_link(
        token,
        visit.valid(AnswerContent, said),
        visit.valid(Signatory, {"signatory": signatory.strip(), "capacity": capacity}),
    )
    return visit.go(f"/confirm/{token}", "confirmation_answered")


def _said(
    document_hash: str,
    everything: str,
    currency: str,
    numbers: list[str],
    kinds: list[str],
    amounts: list[str],
    notes: list[str],
) -> dict[str, Any]:
    """What a form says of each document; of one that is left open, nothing."""
    agreed, differences = [], []
    for number, kind, amount, note in zip(numbers, kinds, amounts, notes, strict=False):
        if kind == AGREED:
            agreed.append(number)
        elif kind and number.strip():
            typed = plain_amount(amount)
            open_ = Money.of(typed, currency) if typed else None
            differences.append(
                {"invoice_no": number.strip(), "kind": kind, "amount": open_, "note": note.strip()}
            )
    return {
        "document_hash": document_hash,
        "all_agreed": everything == "yes",
        "agreed": agreed,
        "differences": differences,
    }


def _page(visit: Visit, confirmation_id: str, refusal: Problem | None = None) -> HTMLResponse:
    view = visit.services.confirmations.read_confirmation(visit.person, confirmation_id)
    customer_id = view.confirmation.request.customer_id
    names = visit.customer_names([customer_id])
    return visit.show(
        "confirmation/confirmation.html",
        refusal=refusal,
        view=view,
        confirmation=view.confirmation,
        request_=view.confirmation.request,
        customer_name=names.get(customer_id, customer_id),
        kinds=[each.value for each in DifferenceKind],
        outcomes=list(DifferenceOutcome),
        unanswered=view.unanswered,
        may_answer=permitted(visit.person, Action.CONFIRMATION_ANSWER),
    )


def _link_page(visit: Visit, token: str, refusal: Problem | None = None) -> HTMLResponse:
    page = visit.services.confirmations.link_page(token)
    chinese = visit.reader.language is Language.ZH
    shown = visit.show(
        "confirmation/link.html",
        refusal=refusal,
        page=page,
        request_=page.request,
        customer_name=page.customer_name_zh
        if chinese and page.customer_name_zh
        else page.customer_name,
        token=token,
        kinds=[each.value for each in DifferenceKind],
        capacities=[each for each in Capacity if each is not Capacity.AUTHORISED_AGENT],
        unanswered=page.unanswered,
    )
    # The address is the key to the answer: it goes into no other site's log.
    shown.headers["Referrer-Policy"] = "no-referrer"
    return shown
