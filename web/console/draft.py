"""A draft of the policy: what it changes, what trying it showed, and who may put it in force."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from domain.draft import DraftStatus, RecordedReport
from domain.errors import CreditError, NotFound
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem, problem_of
from web.service.draft import DraftView
from web.service.edition import faults_of
from web.service.ids import new_id
from web.service.permissions import Action, permitted
from web.service.simulation_report import csv_text, markdown

router = APIRouter(include_in_schema=False)

_ROWS_MAX = 200  # a page; the CSV has them all


@router.get("/policy/drafts/{draft_id}")
def show_draft(visit: Visiting, draft_id: str) -> HTMLResponse:
    """One draft with its changes and its newest report."""
    return _draft_page(visit, draft_id)


@router.get("/policy/drafts/{draft_id}/source")
def show_draft_source(visit: Visiting, draft_id: str) -> PlainTextResponse:
    """The text as it was written, comments and all."""
    return PlainTextResponse(visit.services.drafts.read_content(visit.person, draft_id)[1])


@router.get("/policy/drafts/{draft_id}/report.md")
def show_report(visit: Visiting, draft_id: str) -> PlainTextResponse:
    """The newest report as Markdown."""
    report = visit.services.drafts.read_report(visit.person, draft_id)
    return PlainTextResponse(markdown(report, visit.reader.language.value))


@router.get("/policy/drafts/{draft_id}/report.csv")
def show_report_rows(visit: Visiting, draft_id: str) -> PlainTextResponse:
    """Every case the draft would decide otherwise."""
    report = visit.services.drafts.read_report(visit.person, draft_id)
    return PlainTextResponse(csv_text(report), media_type="text/csv")


@router.post("/policy/drafts/{draft_id}/simulation")
def simulate(visit: Writing, draft_id: str) -> Response:
    visit.when_refused(lambda refusal: _draft_page(visit, draft_id, refusal))
    visit.services.drafts.simulate(visit.person, draft_id)
    return visit.go(f"/policy/drafts/{draft_id}", "draft_simulated")


@router.post("/policy/drafts/{draft_id}/proposal")
def propose(visit: Writing, draft_id: str) -> Response:
    visit.when_refused(lambda refusal: _draft_page(visit, draft_id, refusal))
    visit.services.drafts.propose(visit.person, draft_id)
    return visit.go(f"/policy/drafts/{draft_id}", "draft_proposed")


@router.post("/policy/drafts/{draft_id}/publication")
def publish(
    visit: Writing,
    draft_id: str,
    note: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    visit.when_refused(lambda refusal: _draft_page(visit, draft_id, refusal))
    visit.services.drafts.publish(visit.person, draft_id, note=note.strip(), key=key or None)
    return visit.go(f"/policy/drafts/{draft_id}", "draft_published")


def _draft_page(visit: Visit, draft_id: str, refusal: Problem | None = None) -> HTMLResponse:
    drafts, person = visit.services.drafts, visit.person
    view = drafts.read_draft(person, draft_id)
    edition, _ = drafts.read_content(person, draft_id)
    language = visit.reader.language.value
    compared = visit.services.editions.compared(edition)
    chinese = language.startswith("zh")
    over = view.status is DraftStatus.PUBLISHED
    return visit.show(
        "edition/draft.html",
        refusal=refusal,
        view=view,
        faults=[f.sentence_zh if chinese else f.sentence for f in faults_of(edition)],
        changes=[d.sentence_zh if chinese else d.sentence for d in compared.differences],
        may_simulate=permitted(person, Action.POLICY_SIMULATE) and not over,
        may_propose=permitted(person, Action.POLICY_DRAFT) and view.status is DraftStatus.DRAFT,
        may_publish=permitted(person, Action.POLICY_PUBLISH) and not over,
        why_not=None if over else _why_not(visit, view),
        form_key=new_id(),
        **_report(visit, draft_id),
    )


def _why_not(visit: Visit, view: DraftView) -> Problem | None:
    """Why whoever may publish cannot publish this one: they wrote it."""
    if not permitted(visit.person, Action.POLICY_PUBLISH):
        return None
    try:
        view.draft.refuse_author(visit.person.person_id)
    except CreditError as error:
        return problem_of(error, visit.reader.language.value)
    return None


def _report(visit: Visit, draft_id: str) -> dict[str, Any]:
    try:
        recorded: RecordedReport | None = visit.services.drafts.read_report(visit.person, draft_id)
    except NotFound:
        recorded = None
    if recorded is None:
        return {"report": None}
    report = recorded.report
    past = report.past
    positions = sorted(past.positions_before.keys() | past.positions_after.keys())
    return {
        "report": report,
        "parts": (("past", past), ("live", report.live)),
        "load": [
            (p, past.positions_before.get(p, 0), past.positions_after.get(p, 0)) for p in positions
        ],
        "lists": (
            ("spared", report.spared[:_ROWS_MAX]),
            ("section_past", past.changed[:_ROWS_MAX]),
            ("section_live", report.live.changed[:_ROWS_MAX]),
        ),
    }
