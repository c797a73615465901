"""Warnings (预警): what fired, on whom, by how much, and the looks that found it."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from domain.warning import WarningLevel, WarningStatus
from web.api.pages import after_text
from web.console.lists import PAGE_SIZE, next_path
from web.console.page import Visiting, Writing
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)


@router.get("/warnings")
def list_warnings(
    visit: Visiting,
    view: str = "open",
    level: str = "",
    customer: Annotated[str, Query(max_length=64)] = "",
    after: str | None = None,
) -> HTMLResponse:
    """Warnings, newest first."""
    status = None if view == "all" else WarningStatus.OPEN
    chosen = level if level in set(WarningLevel) else ""
    found = visit.services.warnings.list_warnings(
        visit.person,
        status=status,
        level=WarningLevel(chosen) if chosen else None,
        customer_id=customer or None,
        before=after_text(after),
        page_size=PAGE_SIZE + 1,
    )
    warnings = found[:PAGE_SIZE]
    shown = "open" if status else "all"
    path = f"/warnings?view={shown}&level={chosen}&customer={customer}"
    return visit.show(
        "warning/warnings.html",
        warnings=warnings,
        names=visit.customer_names(warning.customer_id for warning in warnings),
        views=visit.tabs("/warnings", "warnings.view", ("open", "all"), shown),
        view=shown,
        level=chosen,
        levels=list(WarningLevel),
        filtered=bool(chosen or customer),
        runs=visit.services.warnings.list_runs(visit.person, page_size=5),
        may_run=permitted(visit.person, Action.WARNING_RUN),
        next_path=next_path(found, path, lambda each: (each.warning_id,)),
    )


@router.post("/warnings/run")
def run(visit: Writing) -> Response:
    """Look at the whole book now."""
    visit.services.warnings.run(visit.person)
    return visit.go("/warnings", "monitoring_started")
