"""Idle limits: which there are, lists of cuts put before approvers, and what was taken back."""

from datetime import date
from typing import Annotated

from fastapi import Response
from pydantic import Field

from domain.identity import Id
from domain.reclaim import Reclaim
from domain.value import Value
from web.api.pages import Cursor, Page, PageSize, after_instant, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.reclaim import IdleLines, ReclaimReport, ReclaimView

router = stage("reclaim")


class LinesNamed(Value):
    """Lines, and why they are proposed for a cut, or left out of one."""

    line_ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=200)]
    reason: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]


@router.get("/idle")
def list_idle(asked: Asked, caller: Caller) -> IdleLines:
    """The lines that are idle today, what each ties up, and the cut it would get."""
    return asked.reclaims.list_idle(caller)


@router.get("/idle/report")
def report_reclaimed(
    asked: Asked, caller: Caller, since: date | None = None, until: date | None = None
) -> ReclaimReport:
    """What was taken back in all within some days, by unit."""
    return asked.reclaims.report(caller, since=since, until=until)


@router.get("/reclaims")
def list_reclaims(
    asked: Asked, caller: Caller, cursor: Cursor = None, page_size: PageSize = 50
) -> Page[Reclaim]:
    """Lists of cuts, newest first."""
    found = asked.reclaims.list_reclaims(
        caller, before=after_instant(cursor), page_size=page_size + 1
    )
    return page_of(found, page_size, lambda each: (each.request.asked_at, each.request.reclaim_id))


@router.post("/reclaims", status_code=201, response_model=Reclaim)
def propose_reclaim(write: Writing, body: LinesNamed) -> Response:
    """Put cuts of idle lines before their approvers as one list."""
    return write.once(
        201, body, lambda: write.asked.reclaims.propose(write.caller, body.line_ids, body.reason)
    )


@router.get("/reclaims/{reclaim_id}")
def read_reclaim(asked: Asked, caller: Caller, reclaim_id: Id) -> ReclaimView:
    """A list: what became of each line, who is asked, and what they said."""
    return asked.reclaims.read(caller, reclaim_id)


@router.post("/reclaims/{reclaim_id}/left-out", response_model=Reclaim)
def leave_out(write: Writing, reclaim_id: Id, body: LinesNamed) -> Response:
    """Keep lines of a list that waits as they are; by whoever may decide on it now."""
    return write.once(
        200,
        body,
        lambda: write.asked.reclaims.leave_out(
            write.caller, reclaim_id, body.line_ids, body.reason
        ),
    )
