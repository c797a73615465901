"""Overrides of grades: those of a period by analyst, and how each came out; and a case's own form."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, Response

from domain.errors import FieldUnreadable
from domain.override import OverrideProposal
from web.api.pages import after_instant
from web.console.application import Typed, case_page
from web.console.lists import PAGE_SIZE, next_path
from web.console.page import Visit, Visiting, Writing

router = APIRouter(include_in_schema=False)


@router.get("/overrides")
def list_overrides(
    visit: Visiting,
    analyst: Annotated[str, Query(max_length=64)] = "",
    since: str = "",
    until: str = "",
    after: str | None = None,
) -> HTMLResponse:
    """Overrides, newest first, under the report over them; the filters are in the address."""
    overrides, who = visit.services.overrides, analyst.strip() or None
    first, last = _day(visit, since, "since"), _day(visit, until, "until")
    report = overrides.report(visit.person, analyst=who, since=first, until=last)
    found = overrides.list_overrides(
        visit.person,
        analyst=who,
        since=report.since,
        until=report.until,
        before=after_instant(after),
        page_size=PAGE_SIZE + 1,
    )
    shown = found[:PAGE_SIZE]
    path = f"/overrides?analyst={who or ''}&since={report.since}&until={report.until}"
    return visit.show(
        "override/overrides.html",
        report=report,
        overrides=shown,
        names=visit.customer_names(each.customer_id for each in shown),
        analyst=who or "",
        next_path=next_path(found, path, lambda each: (each.proposed_at, each.override_id)),
    )


@router.post("/cases/{case_id}/override")
def override(
    visit: Writing,
    case_id: str,
    notches: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """Move the grade of a case, or put that before a second person."""
    typed = Typed(notches=notches, reason=reason, note=note)
    visit.when_refused(lambda refusal: case_page(visit, case_id, "override", typed, refusal))
    proposal = visit.valid(
        OverrideProposal,
        {"notches": _notches(visit, notches), "reason": reason, "note": note.strip()},
    )
    done = visit.services.applications.override(visit.person, case_id, proposal, key or None)
    said = "override_proposed" if done.override.second_needed else "grade_overridden"
    if proposal.notches == 0:
        said = "override_taken_back"
    return visit.go(f"/cases/{case_id}", said)


def _notches(visit: Visit, typed: str) -> int:
    try:
        return int(typed)
    except ValueError:
        whole = visit.speech.say("field.whole_number")
        raise FieldUnreadable(
            column=visit.speech.say("override.notches"), expected=whole, expected_zh=whole
        ) from None


def _day(visit: Visit, typed: str, field: str) -> date | None:
    if not typed.strip():
        return None
    try:
        return date.fromisoformat(typed.strip())
    except ValueError:
        day = visit.speech.say("field.a_day")
        raise FieldUnreadable(
            column=visit.speech.say(f"overrides.{field}"), expected=day, expected_zh=day
        ) from None
