"""Warnings: read them, look at the book now, and how far a look has come."""

from typing import Annotated

from fastapi import Response
from pydantic import Field

from domain.identity import Id
from domain.value import Value
from domain.warning import MonitoringRun, RaisedWarning, WarningLevel, WarningStatus
from web.api.pages import Cursor, Page, PageSize, after_text, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.warning import RunStarted

router = stage("warning")


class Watched(Value):
    """The customers to look at; none named means the whole book."""

    customer_ids: Annotated[tuple[Id, ...], Field(max_length=1000)] = ()


class Runs(Value):
    items: tuple[MonitoringRun, ...]


@router.get("/warnings")
def list_warnings(
    asked: Asked,
    caller: Caller,
    status: WarningStatus | None = None,
    level: WarningLevel | None = None,
    customer_id: Id | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[RaisedWarning]:
    """Warnings on the customers one sees, newest first."""
    found = asked.warnings.list_warnings(
        caller,
        status=status,
        level=level,
        customer_id=customer_id,
        before=after_text(cursor),
        page_size=page_size + 1,
    )
    return page_of(found, page_size, lambda warning: (warning.warning_id,))


@router.post("/runs/monitoring", status_code=202, response_model=RunStarted)
def look(write: Writing, body: Watched) -> Response:
    """Look at the whole book now, or at the customers named."""
    return write.once(
        202,
        body,
        lambda: write.asked.warnings.run(write.caller, body.customer_ids, write.run_id),
    )


@router.get("/runs/monitoring")
def list_runs(asked: Asked, caller: Caller, page_size: PageSize = 20) -> Runs:
    """The newest looks at the book first."""
    return Runs(items=tuple(asked.warnings.list_runs(caller, page_size)))


@router.get("/runs/monitoring/{run_id}")
def read_run(asked: Asked, caller: Caller, run_id: Id) -> MonitoringRun:
    """How far a look has come."""
    return asked.warnings.read_run(caller, run_id)
