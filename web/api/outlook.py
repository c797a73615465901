"""The market environment: what an edition changes in the book, and the lines of an industry."""

from typing import Annotated

from fastapi import Query

from domain.customer import Industry
from domain.outlook import AffectedLine
from web.api.pages import Cursor, Page, PageSize, after_text, page_of
from web.api.stage import stage
from web.callers import Asked, Caller
from web.service.outlook import OutlookView

router = stage("outlook")


@router.get("/outlooks")
def read_outlooks(
    asked: Asked,
    caller: Caller,
    edition: Annotated[str | None, Query(pattern=r"^[0-9a-f]{64}$")] = None,
) -> OutlookView:
    """What an edition, or the one in force, changes in the outlook of industries, and for whom."""
    return asked.outlooks.read(caller, edition)


@router.get("/outlooks/lines")
def list_lines(
    asked: Asked,
    caller: Caller,
    industry: Industry,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[AffectedLine]:
    """The lines in force of an industry."""
    found = asked.outlooks.list_lines(
        caller, industry, after=after_text(cursor), page_size=page_size + 1
    )
    return page_of(found, page_size, lambda each: (each.line_id,))
