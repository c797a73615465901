"""Re-rating (批量重评): runs over the book, each previewed first, then applied by somebody else."""

from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from domain.customer import Industry
from domain.errors import CreditError, NotFound
from domain.rerating import Outcome, Rerating, RunStatus
from web.api.pages import after_text
from web.console.lists import PAGE_SIZE, next_path
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem, problem_of
from web.service.ids import new_id
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)

_TO_REVIEW = "to_review"
_VIEWS = (Outcome.MOVED, _TO_REVIEW, Outcome.FAILED, Outcome.UNMOVED)
_MOVING = frozenset({RunStatus.PREVIEWING, RunStatus.APPLYING})


@router.get("/rerating")
def list_runs(visit: Visiting) -> HTMLResponse:
    """The newest runs, and beginning another."""
    return visit.show(
        "rerating/runs.html",
        runs=visit.services.reratings.list_runs(visit.person, PAGE_SIZE),
        may_run=permitted(visit.person, Action.RERATING_RUN),
        form_key=new_id(),
    )


@router.post("/rerating")
def preview(
    visit: Writing,
    key: Annotated[str, Form(max_length=64)] = "",
    industries: Annotated[tuple[Industry, ...], Form(max_length=50)] = (),
) -> Response:
    """Judge every line in force anew, or those of some industries; nothing changes by it."""
    begun = visit.services.reratings.preview(visit.person, key or None, industries)
    return visit.go(f"/rerating/{begun.run_id}?pending=yes", "rerating_previewed")


@router.get("/rerating/{run_id}")
def show_run(
    visit: Visiting, run_id: str, view: str = Outcome.MOVED, after: str | None = None
) -> HTMLResponse:
    """One run: how far it has come, what it does to each line, and who may put it in force."""
    return _run_page(visit, run_id, view, after)


@router.get("/rerating/{run_id}/preview.csv")
def show_preview(visit: Visiting, run_id: str) -> PlainTextResponse:
    """The preview as it is hashed: every line then and now."""
    text = visit.services.reratings.read_preview(visit.person, run_id)
    return PlainTextResponse(text, media_type="text/csv; charset=utf-8")


@router.post("/rerating/{run_id}/apply")
def apply(
    visit: Writing, run_id: str, preview_hash: Annotated[str, Form(max_length=64)] = ""
) -> Response:
    """Put in force exactly the preview whose hash the page showed."""
    visit.when_refused(lambda refusal: _run_page(visit, run_id, refusal=refusal))
    visit.services.reratings.apply(visit.person, run_id, preview_hash)
    return visit.go(f"/rerating/{run_id}", "rerating_applied")


def _run_page(
    visit: Visit,
    run_id: str,
    view: str = Outcome.MOVED,
    after: str | None = None,
    refusal: Problem | None = None,
) -> HTMLResponse:
    reratings = visit.services.reratings
    try:
        run = reratings.read(visit.person, run_id)
    except NotFound:
        # A run just begun is on record with its first page; the page looks again by itself.
        if "pending" not in visit.request.query_params:
            raise
        return visit.show("rerating/pending.html", run_id=run_id)
    shown = view if view in _VIEWS else Outcome.MOVED.value
    lines = reratings.list_lines(
        visit.person,
        run_id,
        outcome=None if shown == _TO_REVIEW else Outcome(shown),
        asks_review=True if shown == _TO_REVIEW else None,
        after=after_text(after),
        page_size=PAGE_SIZE + 1,
    )
    place = f"/rerating/{run_id}"
    return visit.show(
        "rerating/run.html",
        refusal=refusal,
        run=run,
        effect=reratings.read_effect(visit.person, run_id),
        lines=lines[:PAGE_SIZE],
        names=visit.customer_names(each.customer_id for each in lines[:PAGE_SIZE]),
        views=visit.tabs(place, "rerating.view", _VIEWS, shown),
        view=shown,
        next_path=next_path(lines, f"{place}?view={shown}", lambda each: (each.line_id,)),
        reload_seconds=2 if run.status in _MOVING else 0,
        may_apply=permitted(visit.person, Action.RERATING_RUN),
        why_not=_why_not(visit, run),
    )


def _why_not(visit: Visit, run: Rerating) -> Problem | None:
    """Why this person cannot put the run in force: it is not complete, or is their own."""
    try:
        run.refuse_maker(visit.person.person_id)
    except CreditError as error:
        return problem_of(error, visit.reader.language.value)
    return None
