"""Overrides of grades: propose one on a case, read those of a case and of all, and the report."""

from datetime import date

from fastapi import Response

from domain.identity import Id
from domain.override import Override, OverrideProposal, OverrideReport
from web.api.pages import Cursor, Page, PageSize, after_instant, page_of
from web.api.stage import stage
from web.api.writes import Writing, marked
from web.callers import Asked, Caller
from web.service.application import Overridden
from web.service.override import CaseOverrides

router = stage("override")


@router.post("/applications/{case_id}/override")
def override(write: Writing, response: Response, case_id: Id, body: OverrideProposal) -> Overridden:
    """Move the grade of a case by notches; with a second person where its edition asks for one."""
    return marked(
        response, write.asked.applications.override(write.caller, case_id, body, write.key)
    )


@router.get("/applications/{case_id}/overrides")
def list_of_case(asked: Asked, caller: Caller, case_id: Id) -> CaseOverrides:
    """The overrides of a case, and what its edition allows."""
    return asked.overrides.list_of_case(caller, case_id)


@router.get("/overrides")
def list_overrides(
    asked: Asked,
    caller: Caller,
    analyst: Id | None = None,
    since: date | None = None,
    until: date | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[Override]:
    """Overrides by who proposed them and on which business days, newest first."""
    found = asked.overrides.list_overrides(
        caller,
        analyst=analyst,
        since=since,
        until=until,
        before=after_instant(cursor),
        page_size=page_size + 1,
    )
    return page_of(found, page_size, lambda each: (each.proposed_at, each.override_id))


@router.get("/overrides/report")
def report(
    asked: Asked,
    caller: Caller,
    analyst: Id | None = None,
    since: date | None = None,
    until: date | None = None,
) -> OverrideReport:
    """By analyst: the rate over the assessed cases they touched, how far, and what became of them."""
    return asked.overrides.report(caller, analyst=analyst, since=since, until=until)
