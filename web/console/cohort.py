"""Cohorts: what became of the lines approved in a month; each cell opens the letters it counts."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, PlainTextResponse

from domain.cohort import CohortBy
from web.api.cohort import csv_response
from web.console.lists import typed_day
from web.console.page import Visit, Visiting
from web.service.cohort import letters_csv, table_csv
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)

AsOf = Annotated[str, Query(max_length=10)]


@router.get("/cohorts")
def show_cohorts(visit: Visiting, view: str = "edition", as_of: AsOf = "") -> HTMLResponse:
    """Cohorts by month and edition, approver or grade, as of a day."""
    by = _by(view)
    table = visit.services.cohorts.read_table(visit.person, by, typed_day(as_of, "as_of"))
    views = visit.tabs("/cohorts", "cohorts.view", CohortBy, by)
    for each in views:
        each["path"] += f"&as_of={table.as_of}"
    return visit.show(
        "cohort/cohorts.html",
        table=table,
        by=by,
        views=views,
        names=_names(visit, by),
        rows=[
            (each, _path("/cohorts/letters", table.as_of, by, month=each.month, key=each.key))
            for each in table.cohorts
        ],
        total_path=_path("/cohorts/letters", table.as_of, by),
        csv_path=_path("/cohorts.csv", table.as_of, by),
    )


@router.get("/cohorts/letters")
def show_letters(
    visit: Visiting, view: str = "edition", as_of: AsOf = "", month: str = "", key: str = ""
) -> HTMLResponse:
    """The letters that a cohort counts."""
    by, on = _by(view), typed_day(as_of, "as_of") or visit.services.clock.business_on()
    letters = visit.services.cohorts.list_letters(
        visit.person, by, on, month=month or None, key=key if month else None
    )
    chosen = {"month": month, "key": key} if month else {}
    return visit.show(
        "cohort/letters.html",
        as_of=on,
        month=month,
        key=_names(visit, by).get(key, key),
        letters=letters,
        names=visit.customer_names(each.customer_id for each in letters),
        back_path=_path("/cohorts", on, by),
        csv_path=_path("/cohorts/letters.csv", on, by, **chosen),
    )


@router.get("/cohorts.csv")
def download_cohorts(visit: Visiting, view: str = "edition", as_of: AsOf = "") -> PlainTextResponse:
    day = typed_day(as_of, "as_of")
    return csv_response(table_csv(visit.services.cohorts.read_table(visit.person, _by(view), day)))


@router.get("/cohorts/letters.csv")
def download_letters(
    visit: Visiting, view: str = "edition", as_of: AsOf = "", month: str = "", key: str = ""
) -> PlainTextResponse:
    letters = visit.services.cohorts.list_letters(
        visit.person,
        _by(view),
        typed_day(as_of, "as_of"),
        month=month or None,
        key=key if month else None,
    )
    return csv_response(letters_csv(letters))


def _by(view: str) -> CohortBy:
    return CohortBy(view) if view in set(CohortBy) else CohortBy.EDITION


def _path(path: str, as_of: Any, by: CohortBy, **chosen: str) -> str:
    return f"{path}?{urlencode({'view': by.value, 'as_of': str(as_of), **chosen})}"


def _names(visit: Visit, by: CohortBy) -> dict[str, str]:
    """What the keys of cohorts are called, where they are not words themselves."""
    if by is not CohortBy.EDITION or not permitted(visit.person, Action.POLICY_READ):
        return {}
    return {
        each.edition_hash: f"{each.name} {each.effective_on} ({each.edition_hash[:8]})"
        for each in visit.services.editions.list_editions(visit.person)
    }
