"""What stands above a limit that fell: the plans by which it comes down, and other dates for them."""

from fastapi import Response

from domain.excess import Excess, ExcessDates, ExcessProposal, ExcessWord
from domain.identity import Id
from web.api.pages import Cursor, Page, PageSize, after_day, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.excess import ExcessView

router = stage("excess")


@router.get("/excesses")
def list_excesses(
    asked: Asked,
    caller: Caller,
    settled: bool = False,
    customer_id: Id | None = None,
    line_id: Id | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[Excess]:
    """Open plans, the one due first at the head; settled ones too, where that is asked for."""
    found = asked.excesses.list_excesses(
        caller,
        settled=settled,
        customer_id=customer_id,
        line_id=line_id,
        after=after_day(cursor),
        page_size=page_size + 1,
    )
    return page_of(found, page_size, excess_place)


@router.get("/excesses/{excess_id}")
def read_excess(asked: Asked, caller: Caller, excess_id: Id) -> ExcessView:
    """A plan: its next step, the dates given to it, and every version of it."""
    return asked.excesses.read(caller, excess_id)


@router.post("/excesses/{excess_id}/dates", status_code=201, response_model=ExcessProposal)
def set_dates(write: Writing, excess_id: Id, body: ExcessDates) -> Response:
    """Other dates for the steps; they count once somebody else has confirmed them."""
    return write.once(
        201,
        body,
        lambda: write.asked.excesses.set_dates(write.caller, excess_id, body, write.key),
    )


@router.post("/excesses/{excess_id}/dates/{dates_id}/answer", response_model=ExcessView)
def answer_dates(write: Writing, excess_id: Id, dates_id: Id, body: ExcessWord) -> Response:
    """Confirm other dates that somebody else gave, or not."""
    return write.once(
        200,
        body,
        lambda: write.asked.excesses.answer_dates(write.caller, excess_id, dates_id, body),
    )


def excess_place(excess: Excess) -> tuple[str]:
    """Where a plan stands in its list."""
    return (f"{excess.binding_step.due_on} {excess.excess_id}",)
