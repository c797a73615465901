"""Related parties: owners, controllers, guarantors, and the ring of a customer."""

from datetime import date
from typing import Annotated

from fastapi import Form, Response, UploadFile

from domain.identity import Id
from domain.party import Link, LinkContent, Party
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.imports import BYTES_MAX
from web.service.party import OwnershipReport, PartyContent, RingView

router = stage("party")


@router.post("/parties", status_code=201, response_model=Party)
def record_party(write: Writing, body: PartyContent) -> Response:
    """Put a party on record that is no customer: an owner, a guarantor, a trust."""
    return write.once(201, body, lambda: write.asked.parties.record(write.caller, body))


@router.post("/party-links", status_code=201, response_model=Link)
def record_link(write: Writing, body: LinkContent) -> Response:
    """Put a link on record: who owns, controls or guarantees whom, and from when to when."""
    return write.once(201, body, lambda: write.asked.parties.record_link(write.caller, body))


@router.put("/party-links/{link_id}", response_model=Link)
def update_link(write: Writing, link_id: Id, body: LinkContent) -> Response:
    """What is known better of a link, such as its end; the version before stays on record."""
    return write.once(
        200, body, lambda: write.asked.parties.record_link(write.caller, body, link_id)
    )


@router.post("/ownership", response_model=OwnershipReport)
def import_ownership(
    write: Writing,
    file: UploadFile,
    source: Annotated[str, Form(min_length=1, max_length=200)] = "bods",
) -> Response:
    """Bring in a file of the Beneficial Ownership Data Standard; the same again changes nothing."""
    content = file.file.read(BYTES_MAX + 1)
    return write.once(
        200,
        [content, source],
        lambda: write.asked.parties.import_ownership(write.caller, content, source),
    )


@router.get("/customers/{customer_id}/ring")
def read_ring(asked: Asked, caller: Caller, customer_id: Id, as_of: date | None = None) -> RingView:
    """Whom ownership, control and guarantees link a customer to, each with the way there."""
    return asked.parties.ring(caller, customer_id, as_of)
