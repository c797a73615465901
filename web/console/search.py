"""One field for everything: a case, a line, a letter or a customer, by id, number, name or code."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response

from domain.errors import NotFound
from web.console.page import Visit, Visiting
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)


@router.get("/search")
def search(visit: Visiting, q: Annotated[str, Query(max_length=100)] = "") -> Response:
    """To the one thing that goes by these words, else to the customers whose name has them."""
    wanted = q.strip()
    return visit.go(_place_of(visit, wanted) if wanted else "/")


def _place_of(visit: Visit, wanted: str) -> str:
    if permitted(visit.person, Action.APPLICATION_READ):
        cases = visit.services.applications.list_cases(visit.person, text=wanted, page_size=2)
        if len(cases) == 1:
            return f"/cases/{cases[0].case_id}"
    if permitted(visit.person, Action.LINE_READ):
        try:
            return f"/lines/{visit.services.lines.read_line(visit.person, wanted).line.line_id}"
        except NotFound:
            pass
    if permitted(visit.person, Action.CUSTOMER_READ):
        return f"/customers?{urlencode({'q': wanted})}"
    return "/"
