"""Tolerances: how much policy lets pass, and how often that was used."""

from datetime import date

from domain.tolerance import TolerancesReport
from web.api.stage import stage
from web.callers import Asked, Caller

router = stage("tolerance")


@router.get("/reports/tolerances")
def read_tolerances(
    asked: Asked, caller: Caller, since: date | None = None, until: date | None = None
) -> TolerancesReport:
    """The tolerances in force, and their uses by tolerance, edition and month."""
    return asked.tolerances.read(caller, since=since, until=until)
