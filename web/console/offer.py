"""The offer on its case's page, and the customer's page behind the one-time link.

Whoever holds the link acts for the customer; nobody signs in here.
"""

from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse

from domain.identity import Language
from domain.offer import OfferStatus
from web.console.application import Typed, case_page
from web.console.page import Public, Visit, Writing
from web.problems import Problem

router = APIRouter(include_in_schema=False)


@router.post("/cases/{case_id}/offer")
def answer(
    visit: Writing,
    case_id: str,
    accepts: Annotated[str, Form()] = "",
    offer_hash: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """Put on record what the customer told the manager."""
    typed = Typed(note=note)
    visit.when_refused(lambda refusal: case_page(visit, case_id, "offer", typed, refusal))
    visit.services.offers.answer(
        visit.person, case_id, accepts=_answer(visit, accepts), offer_hash=offer_hash, note=note
    )
    return visit.go(f"/cases/{case_id}#offer", "offer_answered")


@router.get("/offer/{token}")
def show_offer(visit: Public, token: str) -> HTMLResponse:
    """What is offered, by when it is to be answered, and how it stands."""
    return _offer_page(visit, token)


@router.post("/offer/{token}")
def answer_by_link(
    visit: Public,
    token: str,
    accepts: Annotated[str, Form()] = "",
    offer_hash: Annotated[str, Form()] = "",
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Take or leave it, for the customer."""
    visit.when_refused(lambda refusal: _offer_page(visit, token, note, refusal))
    visit.services.offers.answer_by_link(
        token, accepts=_answer(visit, accepts), offer_hash=offer_hash, note=note
    )
    return visit.go(f"/offer/{token}", "offer_answered")


def _answer(visit: Visit, accepts: str) -> bool:
    """Whether the offer is taken; what says neither is no answer."""
    if accepts not in ("yes", "no"):
        raise visit.unreadable("answer", "accept_or_decline")
    return accepts == "yes"


def _offer_page(
    visit: Visit, token: str, note: str = "", refusal: Problem | None = None
) -> HTMLResponse:
    page = visit.services.offers.offer_page(token)
    chinese = visit.reader.language is Language.ZH
    page_open = page.status is OfferStatus.OPEN and visit.services.clock.now() < page.expires_at
    answer = visit.show(
        "offer/offer.html",
        refusal=refusal,
        page=page,
        customer_name=page.customer_name_zh
        if chinese and page.customer_name_zh
        else page.customer_name,
        open=page_open,
        token=token,
        note=note,
    )
    # The address is the key to the answer: it goes into no other site's log.
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
