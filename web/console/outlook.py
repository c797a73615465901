"""The market environment (市场环境): what an edition changes in the book, and the lines affected."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from domain.customer import Industry
from web.api.pages import after_text
from web.console.lists import PAGE_SIZE, next_path
from web.console.page import Visiting
from web.service.ids import new_id
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)


@router.get("/outlooks")
def show_outlooks(
    visit: Visiting, edition: Annotated[str, Query(max_length=64)] = ""
) -> HTMLResponse:
    """The changes of an edition by day, each with its part of the book, and re-rating that part."""
    return visit.show(
        "outlook/outlooks.html",
        view=visit.services.outlooks.read(visit.person, edition or None),
        may_run=permitted(visit.person, Action.RERATING_RUN),
        form_key=new_id(),
    )


@router.get("/outlooks/lines")
def list_lines(visit: Visiting, industry: Industry, after: str | None = None) -> HTMLResponse:
    """The lines in force of an industry."""
    found = visit.services.outlooks.list_lines(
        visit.person, industry, after=after_text(after), page_size=PAGE_SIZE + 1
    )
    lines = found[:PAGE_SIZE]
    return visit.show(
        "outlook/lines.html",
        industry=industry,
        lines=lines,
        names=visit.customer_names(each.customer_id for each in lines),
        next_path=next_path(
            found, f"/outlooks/lines?industry={industry}", lambda each: (each.line_id,)
        ),
    )
