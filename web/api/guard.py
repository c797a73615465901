"""What single cases do not show: requests kept under a bound, and grants above the eligible limit."""

from datetime import date

from domain.guard import AboveEligibleGrant, AgainstOpinion, SplittingReport
from web.api.pages import Cursor, Page, PageSize, after_day, page_of
from web.api.stage import stage
from web.callers import Asked, Caller

router = stage("guard")


@router.get("/reports/splitting")
def read_splitting(asked: Asked, caller: Caller, as_of: date | None = None) -> SplittingReport:
    """Clusters of requests a little under a bound, by relationship manager and by ring."""
    return asked.guards.splitting(caller, as_of)


@router.get("/reports/above-eligible")
def list_above_eligible(
    asked: Asked,
    caller: Caller,
    since: date | None = None,
    until: date | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[AboveEligibleGrant]:
    """Limits granted above the eligible one, newest first: letter, exception, who approved."""
    found = asked.guards.list_above_eligible(
        caller, since=since, until=until, after=after_day(cursor), page_size=page_size + 1
    )
    return page_of(found, page_size, lambda each: (f"{each.decided_on} {each.letter_no}",))


@router.get("/reports/against-opinion")
def list_against_opinion(
    asked: Asked,
    caller: Caller,
    since: date | None = None,
    until: date | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[AgainstOpinion]:
    """Approvals against a review opinion, newest first: letter, opinion, who approved."""
    found = asked.guards.list_against_opinion(
        caller, since=since, until=until, after=after_day(cursor), page_size=page_size + 1
    )
    return page_of(found, page_size, lambda each: (f"{each.decided_on} {each.letter_no}",))
