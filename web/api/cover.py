"""The register of cover: guarantees, mortgages, pledges, deposits and credit insurance."""

from datetime import date
from typing import Annotated

from fastapi import Path, Response
from pydantic import Field

from domain.cover import CoverContent
from domain.identity import Id
from domain.value import Value
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.cover import CoverView, CustomerCovers

router = stage("cover")


class CoverCheck(Value):
    """A second person's word on a version."""

    confirmed: bool
    note: str = Field(default="", max_length=2000)


class PendingCovers(Value):
    items: tuple[CoverView, ...]


@router.post("/covers", status_code=201, response_model=CoverView)
def record_cover(write: Writing, body: CoverContent) -> Response:
    """Put a cover on record; it counts once a second person has confirmed it."""
    return write.once(201, body, lambda: write.asked.covers.record(write.caller, body))


@router.get("/covers/pending")
def list_pending(asked: Asked, caller: Caller) -> PendingCovers:
    """Covers that wait for a second person, oldest first."""
    return PendingCovers(items=asked.covers.list_pending(caller))


@router.put("/covers/{cover_id}", response_model=CoverView)
def update_cover(write: Writing, cover_id: Id, body: CoverContent) -> Response:
    """What is known of a cover now. What lowers it counts at once; what raises it, or lets go of
    what is secured, when a second person has confirmed it."""
    return write.once(200, body, lambda: write.asked.covers.update(write.caller, cover_id, body))


@router.get("/covers/{cover_id}")
def read_cover(asked: Asked, caller: Caller, cover_id: Id) -> CoverView:
    return asked.covers.read(caller, cover_id)


@router.post("/covers/{cover_id}/versions/{version}/check", response_model=CoverView)
def check_cover(
    write: Writing,
    cover_id: Id,
    version: Annotated[int, Path(ge=1, le=1_000_000)],
    body: CoverCheck,
) -> Response:
    """Confirm what another recorded, or say why not."""
    return write.once(
        200,
        body,
        lambda: write.asked.covers.check(
            write.caller, cover_id, version, confirmed=body.confirmed, note=body.note
        ),
    )


@router.get("/customers/{customer_id}/covers")
def list_covers(
    asked: Asked,
    caller: Caller,
    customer_id: Id,
    as_of: date | None = None,
    line_id: Id | None = None,
) -> CustomerCovers:
    """What is registered for a customer, and what of it counts on a day."""
    return asked.covers.list_of_customer(caller, customer_id, as_of, line_id)
