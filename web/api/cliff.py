"""The cliff calendar: of one line, of a customer, and of the whole book."""

from typing import Annotated

from fastapi import Query

from domain.cliff import DAYS_MAX, LineCliffs
from domain.identity import Id
from web.api.stage import stage
from web.callers import Asked, Caller
from web.service.cliff import CliffBook

router = stage("cliff")

Days = Annotated[int, Query(ge=1, le=DAYS_MAX)]


@router.get("/lines/{line_id}/cliffs")
def read_line_cliffs(asked: Asked, caller: Caller, line_id: Id, days: Days = 90) -> LineCliffs:
    """A line's limit by day as far as it is known today, and what is left open."""
    return asked.cliffs.read_line(caller, line_id, days)


@router.get("/cliffs")
def read_cliffs(
    asked: Asked, caller: Caller, days: Days = 90, customer_id: Id | None = None
) -> CliffBook:
    """The lines whose limit, last draw or end changes by itself, the nearest first."""
    return asked.cliffs.read_book(caller, days, customer_id)
