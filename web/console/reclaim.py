"""Idle limits as pages: the list with its boxes, a list of cuts that was proposed, and the report."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse

from web.api.pages import after_instant
from web.console.lists import PAGE_SIZE, next_path
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem
from web.service.ids import new_id
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)
_Lines = Annotated[list[str], Form(max_length=200, default_factory=list)]
_Text = Annotated[str, Form(max_length=2000)]


@router.get("/idle")
def show_idle(visit: Visiting, after: str | None = None) -> HTMLResponse:
    """The lines that use little of their limit, the lists before, and what was taken back."""
    return _idle_page(visit, after=after)


@router.post("/idle")
def propose(
    visit: Writing,
    line_ids: _Lines,
    reason: _Text = "",
    key: _Text = "",
) -> Response:
    """Put cuts of the ticked lines before their approvers as one list."""
    visit.when_refused(lambda refusal: _idle_page(visit, line_ids, reason, refusal))
    asked = visit.services.reclaims.propose(visit.person, line_ids, reason, key or None)
    return visit.go(f"/idle/{asked.request.reclaim_id}", "reclaim_proposed")


@router.get("/idle/{reclaim_id}")
def show_reclaim(visit: Visiting, reclaim_id: str) -> HTMLResponse:
    """A list: what became of each line, and who decides."""
    return _reclaim_page(visit, reclaim_id)


@router.post("/idle/{reclaim_id}/left-out")
def leave_out(
    visit: Writing,
    reclaim_id: str,
    line_ids: _Lines,
    reason: _Text = "",
) -> Response:
    """Keep the ticked lines as they are."""
    visit.when_refused(lambda refusal: _reclaim_page(visit, reclaim_id, refusal))
    visit.services.reclaims.leave_out(visit.person, reclaim_id, line_ids, reason)
    return visit.go(f"/idle/{reclaim_id}", "reclaim_left_out")


def _idle_page(
    visit: Visit,
    ticked: list[str] | None = None,
    reason: str = "",
    refusal: Problem | None = None,
    after: str | None = None,
) -> HTMLResponse:
    reclaims = visit.services.reclaims
    found = reclaims.list_idle(visit.person)
    lists = reclaims.list_reclaims(
        visit.person, before=after_instant(after), page_size=PAGE_SIZE + 1
    )
    return visit.show(
        "reclaim/idle.html",
        refusal=refusal,
        idle=found,
        names=visit.customer_names(each.customer_id for each in found.lines),
        lists=lists[:PAGE_SIZE],
        next_path=next_path(
            lists, "/idle", lambda each: (each.request.asked_at, each.request.reclaim_id)
        ),
        report=reclaims.report(visit.person),
        may_propose=permitted(visit.person, Action.IDLE_PROPOSE),
        ticked=ticked,
        reason=reason,
        key=new_id(),
    )


def _reclaim_page(visit: Visit, reclaim_id: str, refusal: Problem | None = None) -> HTMLResponse:
    view = visit.services.reclaims.read(visit.person, reclaim_id)
    return visit.show(
        "reclaim/reclaim.html",
        refusal=refusal,
        tasks=view.tasks,
        **reclaim_shown(visit, reclaim_id),
    )


def reclaim_shown(visit: Visit, reclaim_id: str) -> dict[str, Any]:
    """What pages of a list and of a task about it show of its lines."""
    reclaim = visit.services.reclaims.read(visit.person, reclaim_id).reclaim
    return {
        "reclaim": reclaim,
        "became": {each.line_id: each for each in reclaim.lines},
        "names": visit.customer_names(each.customer_id for each in reclaim.request.lines),
        "may_leave_out": reclaim.status.value == "pending"
        and permitted(visit.person, Action.TASK_DECIDE),
    }
