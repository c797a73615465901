"""What stands above a limit that fell: the open plans, due first, and one with its steps and dates."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import HTMLResponse

from domain.excess import Excess, ExcessDates, ExcessWord
from web.api.excess import excess_place
from web.api.pages import after_day
from web.console.lists import PAGE_SIZE, next_path
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem
from web.service.ids import new_id
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)
_Note = Annotated[str, Form(max_length=2000)]


@router.get("/excesses")
def list_excesses(
    visit: Visiting,
    view: str = "open",
    customer: Annotated[str, Query(max_length=64)] = "",
    after: str | None = None,
) -> HTMLResponse:
    """Open plans, the one due first at the head."""
    view = view if view in ("open", "all") else "open"
    found = visit.services.excesses.list_excesses(
        visit.person,
        settled=view == "all",
        customer_id=customer or None,
        after=after_day(after),
        page_size=PAGE_SIZE + 1,
    )
    listed = found[:PAGE_SIZE]
    path = f"/excesses?view={view}&customer={customer}"
    return visit.show(
        "excess/excesses.html",
        listed=listed,
        names=visit.customer_names(each.customer_id for each in listed if each.customer_id),
        views=visit.tabs("/excesses", "excess.view", ("open", "all"), view),
        next_path=next_path(found, path, excess_place),
    )


@router.get("/excesses/{excess_id}")
def show_excess(visit: Visiting, excess_id: str) -> HTMLResponse:
    """One plan: what stands above, by when it has to come down, and other dates given to it."""
    return _page(visit, excess_id)


@router.post("/excesses/{excess_id}/dates")
def set_dates(
    visit: Writing,
    excess_id: str,
    due_on: Annotated[list[str] | None, Form()] = None,
    reason: _Note = "",
    key: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Give the steps other dates."""
    visit.when_refused(lambda refusal: _page(visit, excess_id, due_on, reason, refusal))
    said = visit.valid(ExcessDates, {"due_on": due_on or [], "reason": reason})
    visit.services.excesses.set_dates(visit.person, excess_id, said, key or None)
    return visit.go(f"/excesses/{excess_id}#dates", "excess_dates_given")


@router.post("/excesses/{excess_id}/dates/{dates_id}/answer")
def answer_dates(
    visit: Writing,
    excess_id: str,
    dates_id: str,
    confirmed: Annotated[str, Form(max_length=3)] = "",
    note: _Note = "",
) -> Response:
    """Confirm other dates that somebody else gave, or not."""
    visit.when_refused(lambda refusal: _page(visit, excess_id, refusal=refusal))
    said = visit.valid(ExcessWord, {"confirmed": confirmed == "yes", "note": note})
    visit.services.excesses.answer_dates(visit.person, excess_id, dates_id, said)
    done = "excess_dates_confirmed" if said.confirmed else "excess_dates_declined"
    return visit.go(f"/excesses/{excess_id}#dates", done)


def excesses_shown(visit: Visit, **of: str) -> tuple[Excess, ...]:
    """The open plans of a line (`line_id`) or of a customer (`customer_id`), for its page."""
    if not permitted(visit.person, Action.EXCESS_READ):
        return ()
    line_id, customer_id = of.get("line_id"), of.get("customer_id")
    found = visit.services.excesses.list_excesses(
        visit.person, line_id=line_id, customer_id=customer_id
    )
    return tuple(found)


def _page(
    visit: Visit,
    excess_id: str,
    due_on: list[str] | None = None,
    reason: str = "",
    refusal: Problem | None = None,
) -> HTMLResponse:
    view = visit.services.excesses.read(visit.person, excess_id)
    excess, person = view.excess, visit.person
    waiting = next((each for each in view.dates if each.confirmed is None), None)
    open_still = not excess.settled
    typed = due_on or [step.due_on.isoformat() for step in excess.steps]
    names = visit.customer_names([excess.customer_id] if excess.customer_id else [])
    return visit.show(
        "excess/excess.html",
        refusal=refusal,
        view=view,
        excess=excess,
        customer_name=names.get(excess.customer_id or "", excess.customer_id or excess.group_id),
        events=tuple(reversed(view.events)),
        waiting=waiting,
        may_give=open_still and waiting is None and permitted(person, Action.EXCESS_DATES),
        may_answer=open_still
        and waiting is not None
        and waiting.asked_by != person.person_id
        and permitted(person, Action.EXCESS_CONFIRM),
        typed=typed,
        reason=reason,
        key=new_id(),
    )
