"""Agreements: read them and their documents; sign or decline one by its one-time link."""

from typing import Annotated, Any

from fastapi import Form, Path, Response, UploadFile
from pydantic import Field

from domain.contract import DocumentStage
from domain.identity import Id
from domain.value import Value
from web.api.approval import LetterNo
from web.api.stage import stage
from web.callers import Asked, Caller
from web.envelope import UPLOAD_MAX
from web.service.contract import ContractView, Document, SigningPage

router = stage("contract")

Link = Annotated[str, Path(min_length=1, max_length=200)]
PDF: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/pdf": {}}, "description": "The document"}
}


class Refused(Value):
    """Why the customer does not sign."""

    reason: Annotated[str, Field(max_length=2000)] = ""


@router.get("/applications/{case_id}/contract")
def read_contract(asked: Asked, caller: Caller, case_id: Id) -> ContractView:
    """The case's agreement and what became of it."""
    return asked.contracts.read_contract(caller, case_id)


@router.get("/applications/{case_id}/contract/document", response_class=Response, responses=PDF)
def read_document(
    asked: Asked, caller: Caller, case_id: Id, of: DocumentStage | None = None
) -> Response:
    """The latest PDF of the agreement, or that of one stage."""
    return sent(asked.contracts.document(caller, case_id, of))


@router.post("/applications/{case_id}/contract/issue", status_code=202)
def issue_again(asked: Asked, caller: Caller, case_id: Id) -> None:
    """Try to write an agreement again whose writing was refused, now that it is repaired."""
    asked.contracts.issue_again(caller, case_id)


@router.get("/letters/{letter_no}/document", response_class=Response, responses=PDF)
def read_letter_document(asked: Asked, caller: Caller, letter_no: LetterNo) -> Response:
    """The numbered letter of a decision, approved or declined."""
    return sent(asked.contracts.letter_document(caller, letter_no))


@router.get("/signing/{token}")
def read_signing_page(asked: Asked, token: Link) -> SigningPage:
    """What a one-time link leads to; whoever holds it acts for the customer."""
    return asked.contracts.signing_page(token)


@router.get("/signing/{token}/document", response_class=Response, responses=PDF)
def read_signing_document(asked: Asked, token: Link) -> Response:
    """The document to be signed, or the signed one."""
    return sent(asked.contracts.signing_document(token))


@router.post("/signing/{token}/signature")
def sign(
    asked: Asked,
    token: Link,
    signatory: Annotated[str, Form(min_length=1, max_length=200)],
    capacity: Annotated[str, Form(min_length=1, max_length=40)],
    authority: UploadFile | None = None,
) -> SigningPage:
    """Sign for the customer; an agent attaches the power of attorney."""
    attached = authority.file.read(UPLOAD_MAX) if authority is not None else None
    return asked.contracts.sign(token, signatory, capacity, attached)


@router.post("/signing/{token}/refusal")
def decline(asked: Asked, token: Link, body: Refused) -> SigningPage:
    """Decline to sign, for the customer."""
    return asked.contracts.decline(token, body.reason)


def sent(document: Document) -> Response:
    return Response(
        document.content,
        media_type="application/pdf",
        headers={
            "Content-Disposition": f'inline; filename="{document.name}"',
            "ETag": f'"{document.sha256}"',
        },
    )
