"""The agreement as a document, and the customer's page behind the one-time link.

Whoever holds the link acts for the customer; nobody signs in here.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Response, UploadFile
from fastapi.responses import HTMLResponse

from domain.contract import Capacity, ContractStatus
from domain.identity import Language
from web.console.page import Public, Visit, Visiting
from web.problems import Problem
from web.service.contract import Document

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Typed:
    """What was typed into the form, kept when it is refused."""

    signatory: str = ""
    capacity: str = Capacity.LEGAL_REPRESENTATIVE.value
    reason: str = ""


@router.get("/cases/{case_id}/agreement.pdf")
def read_agreement(visit: Visiting, case_id: str) -> Response:
    """The case's agreement, signed or as sent."""
    return pdf(visit.services.contracts.document(visit.person, case_id))


@router.get("/letters/{letter_no}.pdf")
def read_letter(visit: Visiting, letter_no: str) -> Response:
    """The numbered letter of a decision."""
    return pdf(visit.services.contracts.letter_document(visit.person, letter_no))


@router.get("/sign/{token}")
def show_signing(visit: Public, token: str) -> HTMLResponse:
    """What is to be signed, by when, and how it stands."""
    return _signing_page(visit, token, Typed())


@router.get("/sign/{token}/agreement.pdf")
def read_signing_document(visit: Public, token: str) -> Response:
    """The document behind the link."""
    return pdf(visit.services.contracts.signing_document(token))


@router.post("/sign/{token}")
def sign(
    visit: Public,
    token: str,
    authority: UploadFile | None = None,
    signatory: Annotated[str, Form(max_length=200)] = "",
    capacity: Annotated[str, Form()] = "",
) -> Response:
    """Sign for the customer; an agent brings the power of attorney."""
    typed = Typed(signatory, capacity)
    visit.when_refused(lambda refusal: _signing_page(visit, token, typed, refusal))
    brought = authority is not None and authority.filename
    visit.services.contracts.sign(
        token,
        signatory.strip(),
        capacity,
        authority.file.read(visit.services.attachments.bytes_max + 1)
        if authority is not None and brought
        else None,
    )
    return visit.go(f"/sign/{token}", "signed")


@router.post("/sign/{token}/decline")
def decline(
    visit: Public, token: str, reason: Annotated[str, Form(max_length=2000)] = ""
) -> Response:
    """Decline for the customer."""
    typed = Typed(reason=reason)
    visit.when_refused(lambda refusal: _signing_page(visit, token, typed, refusal))
    visit.services.contracts.decline(token, reason.strip())
    return visit.go(f"/sign/{token}", "sign_declined")


def _signing_page(
    visit: Visit, token: str, typed: Typed, refusal: Problem | None = None
) -> HTMLResponse:
    page = visit.services.contracts.signing_page(token)
    chinese = visit.reader.language is Language.ZH
    answer = visit.show(
        "contract/sign.html",
        refusal=refusal,
        page=page,
        customer_name=page.customer_name_zh
        if chinese and page.customer_name_zh
        else page.customer_name,
        open=page.status is ContractStatus.SENT,
        token=token,
        typed=typed,
    )
    # The address is the key to the signature: it goes into no other site's log.
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def pdf(document: Document) -> Response:
    return Response(
        document.content,
        media_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{document.name}"'},
    )
