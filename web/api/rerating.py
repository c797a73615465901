"""Re-rating: preview the book, read the preview, put exactly that in force."""

from typing import Annotated

from fastapi import Response
from fastapi.responses import PlainTextResponse
from pydantic import Field

from domain.customer import Industry
from domain.identity import Id
from domain.rerating import Judging, Outcome, Rerating, ReratingEffect
from domain.value import Value
from web.api.pages import Cursor, Page, PageSize, after_text, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.rerating import ReratingBegun

router = stage("rerating")


class Judged(Value):
    """Of which industries the lines are judged; of all where none is named."""

    industries: Annotated[tuple[Industry, ...], Field(max_length=50)] = ()


class Seen(Value):
    """The hash of the preview that was read, and is to be put in force."""

    preview_hash: str = Field(pattern=r"^[0-9a-f]{64}$")


class ReratingRuns(Value):
    items: tuple[Rerating, ...]


@router.post("/runs/rerating", status_code=202, response_model=ReratingBegun)
def preview(write: Writing, body: Judged | None = None) -> Response:
    """Judge every line in force anew, or those of some industries; nothing changes by it."""
    industries = body.industries if body is not None else ()
    return write.once(
        202,
        body,
        lambda: write.asked.reratings.preview(write.caller, write.run_id, industries),
    )


@router.get("/runs/rerating")
def list_runs(asked: Asked, caller: Caller, page_size: PageSize = 20) -> ReratingRuns:
    """The newest runs first."""
    return ReratingRuns(items=tuple(asked.reratings.list_runs(caller, page_size)))


@router.get("/runs/rerating/{run_id}")
def read_run(asked: Asked, caller: Caller, run_id: Id) -> Rerating:
    """How far a run has come, what it counts, and the hash of its preview."""
    return asked.reratings.read(caller, run_id)


@router.get("/runs/rerating/{run_id}/effect")
def read_effect(asked: Asked, caller: Caller, run_id: Id) -> ReratingEffect:
    """The lines that people will be asked about: limits then and now, and what is used of them."""
    return asked.reratings.read_effect(caller, run_id)


@router.get("/runs/rerating/{run_id}/lines")
def list_lines(
    asked: Asked,
    caller: Caller,
    run_id: Id,
    outcome: Outcome | None = None,
    asks_review: bool | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[Judging]:
    """What the preview says of each line, by line: then and now, or why it could not be judged."""
    found = asked.reratings.list_lines(
        caller,
        run_id,
        outcome=outcome,
        asks_review=asks_review,
        after=after_text(cursor),
        page_size=page_size + 1,
    )
    return page_of(found, page_size, lambda each: (each.line_id,))


@router.get("/runs/rerating/{run_id}/preview", response_class=PlainTextResponse)
def read_preview(asked: Asked, caller: Caller, run_id: Id) -> PlainTextResponse:
    """The preview as CSV: every line then and now, or why it could not be judged."""
    text = asked.reratings.read_preview(caller, run_id)
    return PlainTextResponse(text, media_type="text/csv; charset=utf-8")


@router.post("/runs/rerating/{run_id}/apply", status_code=202)
def apply(asked: Asked, caller: Caller, run_id: Id, body: Seen) -> ReratingBegun:
    """Put a preview in force, by somebody other than who made it, by the hash of what was seen."""
    return asked.reratings.apply(caller, run_id, body.preview_hash)
