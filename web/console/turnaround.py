"""Turn-round: how long things take, what will be late, and the event log to take away."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, PlainTextResponse, StreamingResponse

from domain.event_log import LogFormat
from domain.turnaround import TurnaroundBy
from web.api.cohort import csv_response
from web.api.turnaround import log_response
from web.console.lists import typed_day
from web.console.page import Visit, Visiting
from web.service.permissions import Action, permitted
from web.service.turnaround import turnaround_csv

router = APIRouter(include_in_schema=False)

Day = Annotated[str, Query(max_length=10)]


@router.get("/turnaround")
def show_turnaround(
    visit: Visiting, view: str = "stage", as_of: Day = "", since: Day = ""
) -> HTMLResponse:
    """The report by stage, position, person or type, and the tasks that are late or will be."""
    by = _by(view)
    table = visit.services.turnaround.read_table(
        visit.person, by, typed_day(as_of, "as_of"), typed_day(since, "since")
    )
    days = {"as_of": str(table.as_of), **({"since": str(table.since)} if table.since else {})}
    offered = [each for each in TurnaroundBy if _offered(visit, each)]
    views = visit.tabs("/turnaround", "turnaround.view", offered, by)
    for each in views:
        each["path"] += f"&{urlencode(days)}"
    late = visit.services.turnaround.list_late(visit.person)
    return visit.show(
        "turnaround/turnaround.html",
        table=table,
        by=by,
        views=views,
        late=late,
        names=visit.customer_names(each.customer_id for each in late),
        csv_path=f"/turnaround.csv?{urlencode({'view': by.value, **days})}",
        formats=list(LogFormat) if permitted(visit.person, Action.EVENTS_READ) else (),
    )


@router.get("/turnaround.csv")
def download_turnaround(
    visit: Visiting, view: str = "stage", as_of: Day = "", since: Day = ""
) -> PlainTextResponse:
    table = visit.services.turnaround.read_table(
        visit.person, _by(view), typed_day(as_of, "as_of"), typed_day(since, "since")
    )
    return csv_response(turnaround_csv(table))


@router.get("/turnaround/events")
def download_events(
    visit: Visiting, form: str = "xes", since: Day = "", until: Day = ""
) -> StreamingResponse:
    """The event log of a period as a file."""
    chosen = LogFormat(form) if form in set(LogFormat) else LogFormat.XES
    parts = visit.services.event_log.export(
        visit.person, chosen, typed_day(since, "from"), typed_day(until, "until")
    )
    return log_response(parts, chosen)


def _by(view: str) -> TurnaroundBy:
    return TurnaroundBy(view) if view in set(TurnaroundBy) else TurnaroundBy.STAGE


def _offered(visit: Visit, by: TurnaroundBy) -> bool:
    return by is not TurnaroundBy.PERSON or permitted(visit.person, Action.PERSON_TIMES_READ)
