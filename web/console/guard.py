"""Guards: requests kept a little under a bound, and limits granted above the eligible one."""

from datetime import date

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from domain.guard import SplittingReport
from web.api.pages import after_day
from web.console.lists import PAGE_SIZE, next_path
from web.console.page import Visit, Visiting

router = APIRouter(include_in_schema=False)
_VIEWS = ("splitting", "above_eligible", "against_opinion")


@router.get("/guards")
def show_guards(
    visit: Visiting, view: str = "", as_of: date | None = None, after: str | None = None
) -> HTMLResponse:
    """One of the reports; which one, and of which day, is in the address."""
    if view == "above_eligible":
        return _above_eligible(visit, after)
    if view == "against_opinion":
        return _against_opinion(visit, after)
    report = visit.services.guards.splitting(visit.person, as_of)
    return visit.show(
        "guard/splitting.html",
        views=visit.tabs("/guards", "guards.view", _VIEWS, "splitting"),
        report=report,
        names=visit.customer_names(_customers(report)),
    )


def _above_eligible(visit: Visit, after: str | None) -> HTMLResponse:
    found = visit.services.guards.list_above_eligible(
        visit.person, after=after_day(after), page_size=PAGE_SIZE + 1
    )
    grants = found[:PAGE_SIZE]
    return visit.show(
        "guard/above_eligible.html",
        views=visit.tabs("/guards", "guards.view", _VIEWS, "above_eligible"),
        grants=grants,
        names=visit.customer_names(grant.customer_id for grant in grants),
        next_path=next_path(
            found,
            "/guards?view=above_eligible",
            lambda each: (f"{each.decided_on} {each.letter_no}",),
        ),
    )


def _against_opinion(visit: Visit, after: str | None) -> HTMLResponse:
    found = visit.services.guards.list_against_opinion(
        visit.person, after=after_day(after), page_size=PAGE_SIZE + 1
    )
    grants = found[:PAGE_SIZE]
    return visit.show(
        "guard/against_opinion.html",
        views=visit.tabs("/guards", "guards.view", _VIEWS, "against_opinion"),
        grants=grants,
        names=visit.customer_names(grant.customer_id for grant in grants),
        next_path=next_path(
            found,
            "/guards?view=against_opinion",
            lambda each: (f"{each.decided_on} {each.letter_no}",),
        ),
    )


def _customers(report: SplittingReport) -> set[str]:
    clusters = (*report.by_manager, *report.by_ring)
    return {case.customer_id for cluster in clusters for case in cluster.cases} | {
        member for cluster in report.by_ring for member in cluster.ring
    }
