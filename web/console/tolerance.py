"""Tolerances: what policy lets pass, and how often."""

from datetime import date

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from web.console.page import Visiting

router = APIRouter(include_in_schema=False)


@router.get("/tolerances")
def show_tolerances(
    visit: Visiting, since: date | None = None, until: date | None = None
) -> HTMLResponse:
    """Every tolerance of the edition in force, and its uses by month."""
    report = visit.services.tolerances.read(visit.person, since=since, until=until)
    return visit.show("tolerance/tolerances.html", report=report)
