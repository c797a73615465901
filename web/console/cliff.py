"""The cliff calendar across the book; a line's own is on its page."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from domain.cliff import DAYS_MAX, LineCliffs
from web.console.page import Visit, Visiting

router = APIRouter(include_in_schema=False)


@router.get("/cliffs")
def show_cliffs(
    visit: Visiting, days: Annotated[int, Query(ge=1, le=DAYS_MAX)] = 90, customer: str = ""
) -> HTMLResponse:
    """The lines with a cliff ahead, the nearest first."""
    book = visit.services.cliffs.read_book(visit.person, days, customer or None)
    return visit.show(
        "cliff/cliffs.html",
        book=book,
        days=days,
        customer_id=customer,
        names=visit.customer_names(each.customer_id for each in book.items),
    )


def steps_option(ahead: LineCliffs, visit: Visit) -> dict[str, Any]:
    """The limit by day as steps, with what is taken today."""
    points = [(each.on, each.limit) for each in ahead.steps]
    points.append((ahead.until, points[-1][1]))
    line = {"type": "line", "step": "end", "symbolSize": 4}
    speech = visit.speech
    return {
        "legend": {"left": 0, "top": 0},
        "xAxis": {"type": "category", "data": [on.isoformat() for on, _ in points]},
        "yAxis": {"type": "value"},
        "series": [
            {
                **line,
                "name": speech.say("line.limit"),
                "data": [limit.text for _, limit in points],
            },
            {
                **line,
                "name": speech.say("cliff.exposure"),
                "data": [ahead.exposure.text for _ in points],
            },
        ],
    }
