"""Turn-round: whose time a case took, how long stages and tasks take, what will be late; the event
log as a file."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated

from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from domain.event_log import LogFormat
from domain.identity import Id
from domain.turnaround import TaskForecast, TurnaroundBy, TurnaroundTable
from domain.value import Value
from web.api.cohort import Form, csv_response
from web.api.stage import stage
from web.callers import Asked, Caller
from web.service.turnaround import CaseTime, turnaround_csv

router = stage("turnaround")

From = Annotated[date | None, Query(alias="from", description="the first business day")]
Until = Annotated[date | None, Query(description="the last business day")]

_MEDIA = {LogFormat.XES: "application/xml", LogFormat.OCEL: "application/json"}


class LateTasks(Value):
    items: tuple[TaskForecast, ...]


@router.get("/applications/{case_id}/clock")
def read_clock(asked: Asked, caller: Caller, case_id: Id, as_of: date | None = None) -> CaseTime:
    """Whose time the case took, ours, the customer's and third parties', in working and calendar
    seconds that add up; and when its open tasks are expected to be decided."""
    return asked.turnaround.read_clock(caller, case_id, as_of)


@router.get("/reports/turnaround", response_model=TurnaroundTable)
def read_turnaround(
    asked: Asked,
    caller: Caller,
    by: TurnaroundBy = TurnaroundBy.STAGE,
    as_of: date | None = None,
    since: date | None = None,
    form: Form = Form.JSON,
) -> TurnaroundTable | Response:
    """How long what ended in the period took: median and ninth tenth, in seconds."""
    table = asked.turnaround.read_table(caller, by, as_of, since)
    return csv_response(turnaround_csv(table)) if form is Form.CSV else table


@router.get("/reports/turnaround/late")
def list_late(asked: Asked, caller: Caller) -> LateTasks:
    """Open tasks that are late, or will be if they take as long as usual, the first due first."""
    return LateTasks(items=tuple(asked.turnaround.list_late(caller)))


@router.get("/events", response_class=StreamingResponse)
def export_events(
    asked: Asked,
    caller: Caller,
    form: Annotated[LogFormat, Query(alias="format")] = LogFormat.XES,
    since: From = None,
    until: Until = None,
) -> StreamingResponse:
    """Every recorded event of every case, for process mining; people under pseudonyms."""
    return log_response(asked.event_log.export(caller, form, since, until), form)


def log_response(parts: Iterator[str], form: LogFormat) -> StreamingResponse:
    name = f"creditflow-events.{'xes' if form is LogFormat.XES else 'json'}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(parts, media_type=_MEDIA[form], headers=headers)
