"""The investigation of a case: who looks, what they find, what they propose, and who has signed."""

from typing import Annotated

from fastapi import Query, Response

from domain.application import Case
from domain.contract import Sha256
from domain.identity import Id
from domain.investigation import (
    Answer,
    AssignmentContent,
    LookContent,
    SchemeProposal,
    VisitContent,
)
from domain.value import Value
from web.api.pages import Cursor, Page, PageSize, after_instant, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.investigation import InvestigationView

router = stage("investigation")


class Name(Value):
    """A name under a report, by the hash of what was read."""

    report_hash: Sha256


@router.get("/investigations")
def list_investigations(
    asked: Asked, caller: Caller, cursor: Cursor = None, page_size: PageSize = 50
) -> Page[Case]:
    """Cases that wait for a report, newest first: one's customers', and those one is named for."""
    found = asked.investigations.list_waiting(
        caller, after=after_instant(cursor), page_size=page_size + 1
    )
    return page_of(found, page_size, lambda case: (case.submitted_at, case.case_id))


@router.get("/applications/{case_id}/investigation")
def read_investigation(asked: Asked, caller: Caller, case_id: Id) -> InvestigationView:
    """Everything found, proposed and signed so far, and what is still open."""
    return asked.investigations.read(caller, case_id)


@router.post("/applications/{case_id}/investigation/assignment", response_model=InvestigationView)
def assign(write: Writing, case_id: Id, body: AssignmentContent) -> Response:
    """Name the lead and the second; a change of hands needs its reason."""
    return write.once(
        200, body, lambda: write.asked.investigations.assign(write.caller, case_id, body)
    )


@router.post("/applications/{case_id}/investigation/answers", response_model=InvestigationView)
def answer(write: Writing, case_id: Id, body: Answer) -> Response:
    """What was found about an item of the checklist; the answer before stays on record."""
    return write.once(
        200, body, lambda: write.asked.investigations.answer(write.caller, case_id, body)
    )


@router.post("/applications/{case_id}/investigation/visits", response_model=InvestigationView)
def visit(
    write: Writing,
    case_id: Id,
    body: VisitContent,
    visit_no: Annotated[int | None, Query(ge=1, le=10_000)] = None,
) -> Response:
    """A visit to the customer; with `visit_no`, what is known better of one."""
    return write.once(
        200, body, lambda: write.asked.investigations.visit(write.caller, case_id, body, visit_no)
    )


@router.post("/applications/{case_id}/investigation/statements", response_model=InvestigationView)
def examine(write: Writing, case_id: Id, body: LookContent) -> Response:
    """What was found in a statement on record."""
    return write.once(
        200, body, lambda: write.asked.investigations.examine(write.caller, case_id, body)
    )


@router.post("/applications/{case_id}/investigation/proposal", response_model=InvestigationView)
def propose(write: Writing, case_id: Id, body: SchemeProposal) -> Response:
    """The facility scheme that is proposed, and the conclusion."""
    return write.once(
        200, body, lambda: write.asked.investigations.propose(write.caller, case_id, body)
    )


@router.post("/applications/{case_id}/investigation/signature", response_model=InvestigationView)
def sign_report(write: Writing, case_id: Id, body: Name) -> Response:
    """Sign the report that was read; with the second name the case goes on by itself."""
    return write.once(
        200,
        body,
        lambda: write.asked.investigations.sign(write.caller, case_id, body.report_hash),
    )
