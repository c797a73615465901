"""Collections (催收): the cases, what was done on each, a promise taken, a case closed."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse

from domain.collection import CollectionStatus
from domain.errors import CaseClosed
from web.api.pages import after_text
from web.console.lists import PAGE_SIZE, next_path
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem, problem_of
from web.service.ids import new_id
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Typed:
    """What was typed into a form, kept when it is refused."""

    promised_on: str = ""
    note: str = ""
    reason: str = ""


@router.get("/collections")
def list_collections(visit: Visiting, view: str = "open", after: str | None = None) -> HTMLResponse:
    """Collection cases, newest first."""
    status = None if view == "all" else CollectionStatus.OPEN
    found = visit.services.collections.list_cases(
        visit.person, status=status, before=after_text(after), page_size=PAGE_SIZE + 1
    )
    cases = found[:PAGE_SIZE]
    shown = "open" if status else "all"
    return visit.show(
        "collection/collections.html",
        cases=cases,
        names=visit.customer_names(case.customer_id for case in cases),
        views=visit.tabs("/collections", "collections.view", ("open", "all"), shown),
        view=shown,
        next_path=next_path(
            found, f"/collections?view={shown}", lambda case: (case.collection_id,)
        ),
    )


@router.get("/collections/{collection_id}")
def show_collection(visit: Visiting, collection_id: str) -> HTMLResponse:
    """One case and everything that happened to it."""
    return _collection_page(visit, collection_id)


@router.post("/collections/{collection_id}/promise")
def promise(
    visit: Writing,
    collection_id: str,
    promised_on: Annotated[str, Form()] = "",
    note: Annotated[str, Form(max_length=2000)] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """The customer promised to pay by a day."""
    typed = Typed(promised_on=promised_on, note=note)
    visit.when_refused(
        lambda refusal: _collection_page(visit, collection_id, "promise", typed, refusal)
    )
    visit.services.collections.promise(
        visit.person,
        collection_id,
        visit.day(promised_on, "promised_on"),
        note=note,
        key=key or None,
    )
    return visit.go(f"/collections/{collection_id}", "promise_recorded")


@router.post("/collections/{collection_id}/close")
def close(
    visit: Writing,
    collection_id: str,
    reason: Annotated[str, Form(max_length=2000)] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """End a case while something is overdue."""
    typed = Typed(reason=reason)
    visit.when_refused(
        lambda refusal: _collection_page(visit, collection_id, "close", typed, refusal)
    )
    visit.services.collections.close(visit.person, collection_id, reason, key=key or None)
    return visit.go(f"/collections/{collection_id}", "collection_closed")


def _collection_page(
    visit: Visit,
    collection_id: str,
    opened: str = "",
    typed: Typed | None = None,
    refusal: Problem | None = None,
) -> HTMLResponse:
    view = visit.services.collections.read_case(visit.person, collection_id)
    case = view.case
    over = (
        problem_of(
            CaseClosed(case_id=case.collection_id, status=visit.speech.word(case.status)),
            visit.reader.language.value,
        )
        if case.status is not CollectionStatus.OPEN
        else None
    )
    names = visit.customer_names([case.customer_id])
    return visit.show(
        "collection/collection.html",
        refusal=refusal,
        case=case,
        events=tuple(reversed(view.events)),
        customer_name=names.get(case.customer_id, case.customer_id),
        may_act=permitted(visit.person, Action.COLLECTION_ACT),
        over=over,
        opened=opened,
        typed=typed or Typed(),
        keys={"promise": new_id(), "close": new_id()},
    )
