"""System reconciliation (系统对账): an extract to compare, what comparisons came to, findings to close."""

from typing import Annotated

from fastapi import APIRouter, Form, Response, UploadFile
from fastapi.responses import HTMLResponse

from web.api.pages import after_text
from web.console.lists import PAGE_SIZE, next_path, typed_day
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem
from web.service.imports import BYTES_MAX
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)


@router.get("/reconciliations")
def list_reconciliations(visit: Visiting, after: str | None = None) -> HTMLResponse:
    """What comparisons came to, newest first."""
    return _page(visit, after)


@router.post("/reconciliations")
def reconcile(
    visit: Writing, file: UploadFile | None = None, as_of: Annotated[str, Form()] = ""
) -> Response:
    """Bring in an extract and compare it."""
    visit.when_refused(lambda refusal: _page(visit, refusal=refusal))
    if file is None or not file.filename:
        raise visit.unreadable("file", "a_file")
    found = visit.services.reconciliations.reconcile(
        visit.person, file.file.read(BYTES_MAX + 1), as_of=typed_day(as_of, "as_of")
    )
    assert found.reconciliation is not None, "nothing was asked for as a dry run"
    return visit.go(f"/reconciliations/{found.reconciliation.reconciliation_id}", "reconciled")


@router.get("/reconciliations/{reconciliation_id}")
def show_reconciliation(visit: Visiting, reconciliation_id: str) -> HTMLResponse:
    """One comparison: sums by customer, and the documents that are not alike."""
    found = visit.services.reconciliations.read_reconciliation(visit.person, reconciliation_id)
    named = {each.customer_id for each in found.customers}
    named |= {each.customer_id for each in found.items}
    return visit.show(
        "reconciliation/reconciliation.html", found=found, names=visit.customer_names(named)
    )


@router.post("/reconciliation-findings/{finding_id}/end")
def close_finding(
    visit: Writing, finding_id: str, reason: Annotated[str, Form(max_length=2000)] = ""
) -> Response:
    """Say why a drift is none, or is no more."""
    visit.services.reconciliations.close_finding(visit.person, finding_id, reason)
    return visit.go("/reconciliations", "finding_closed")


def _page(visit: Visit, after: str | None = None, refusal: Problem | None = None) -> HTMLResponse:
    found = (
        visit.services.reconciliations.list_reconciliations(
            visit.person, before=after_text(after), page_size=PAGE_SIZE + 1
        )
        if permitted(visit.person, Action.RECONCILIATION_READ)
        else ()
    )
    findings = visit.services.reconciliations.list_findings(visit.person)
    return visit.show(
        "reconciliation/reconciliations.html",
        refusal=refusal,
        listed=found[:PAGE_SIZE],
        findings=findings,
        names=visit.customer_names({each.customer_id for each in findings}),
        may_run=permitted(visit.person, Action.RECONCILIATION_RUN),
        may_close=permitted(visit.person, Action.RECONCILIATION_CLOSE),
        next_path=next_path(found, "/reconciliations", lambda each: (each.reconciliation_id,)),
    )
