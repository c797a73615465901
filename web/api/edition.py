"""Policy editions: read, check, compare, try on past cases, publish."""

from typing import Annotated

from fastapi import Path, Query, Response
from fastapi.responses import PlainTextResponse

from domain.edition import PublishedEdition
from domain.value import Value
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.edition import Checked, Compared, Draft, Simulated

router = stage("edition")

_HASH = r"^[0-9a-f]{64}$"
EditionHash = Annotated[str, Path(pattern=_HASH)]


class PublishedEditions(Value):
    items: tuple[PublishedEdition, ...]


@router.get("/editions")
def list_editions(asked: Asked, caller: Caller) -> PublishedEditions:
    """Every edition on record, the first published first."""
    return PublishedEditions(items=tuple(asked.editions.list_editions(caller)))


@router.get("/editions/{edition_hash}/source", response_class=PlainTextResponse)
def read_source(asked: Asked, caller: Caller, edition_hash: EditionHash) -> str:
    """The text as it was published, comments and all."""
    return asked.editions.read_source(caller, edition_hash)


@router.post("/editions/check")
def check(asked: Asked, caller: Caller, body: Draft) -> Checked:
    """Everything wrong with a draft."""
    return asked.editions.check(caller, body)


@router.post("/editions/diff")
def compare(
    asked: Asked,
    caller: Caller,
    body: Draft,
    against: Annotated[str | None, Query(pattern=_HASH)] = None,
) -> Compared:
    """What a draft changes in the edition in force, or in the one named."""
    return asked.editions.compare(caller, body, against)


@router.post("/editions/simulate")
def simulate(
    asked: Asked, caller: Caller, body: Draft, most: Annotated[int, Query(ge=1, le=1000)] = 200
) -> Simulated:
    """Judge the newest cases again under a draft, and list those it would decide otherwise."""
    return asked.editions.simulate(caller, body, most=most)


@router.post("/editions", status_code=201, response_model=PublishedEdition)
def publish(write: Writing, body: Draft) -> Response:
    """Publish an edition; it is never edited afterwards, only followed by another."""
    return write.once(201, body, lambda: write.asked.editions.publish(write.caller, body))
