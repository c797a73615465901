"""System reconciliation: an extract brought in and compared, what it came to, findings closed."""

from datetime import date
from typing import Annotated

from fastapi import Form, Response, UploadFile

from domain.identity import Id
from domain.reconciliation import FindingClosed, Reconciliation, ReconciliationFinding
from domain.value import Value
from web.api.pages import Cursor, Page, PageSize, after_text, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.imports import BYTES_MAX
from web.service.reconciliation import Reconciled

router = stage("reconciliation")


class Findings(Value):
    items: tuple[ReconciliationFinding, ...]


@router.post("/reconciliations", response_model=Reconciled)
def reconcile(
    write: Writing,
    file: UploadFile,
    as_of: Annotated[date | None, Form()] = None,
    profile: Annotated[str, Form(max_length=40)] = "standard",
    dry_run: Annotated[bool, Form()] = False,
) -> Response:
    """Bring in another system's open items as of a day, and compare them with our documents."""
    content = file.file.read(BYTES_MAX + 1)
    return write.once(
        200,
        [content, None if as_of is None else as_of.isoformat(), profile, dry_run],
        lambda: write.asked.reconciliations.reconcile(
            write.caller, content, as_of=as_of, profile=profile, dry_run=dry_run
        ),
    )


@router.post("/runs/reconciliation")
def reconcile_newest(asked: Asked, caller: Caller) -> Reconciliation:
    """Compare the newest extract with the books as they are now."""
    return asked.reconciliations.run(caller)


@router.get("/reconciliations")
def list_reconciliations(
    asked: Asked, caller: Caller, cursor: Cursor = None, page_size: PageSize = 50
) -> Page[Reconciliation]:
    """What comparisons came to, newest first."""
    found = asked.reconciliations.list_reconciliations(
        caller, before=after_text(cursor), page_size=page_size + 1
    )
    return page_of(found, page_size, lambda each: (each.reconciliation_id,))


@router.get("/reconciliations/{reconciliation_id}")
def read_reconciliation(asked: Asked, caller: Caller, reconciliation_id: Id) -> Reconciliation:
    """One comparison with its sums and the first thousand documents that are not alike."""
    return asked.reconciliations.read_reconciliation(caller, reconciliation_id)


@router.get("/reconciliation-findings")
def list_reconciliation_findings(asked: Asked, caller: Caller) -> Findings:
    """Drift that is still to be cleared up, earliest due first."""
    return Findings(items=tuple(asked.reconciliations.list_findings(caller)))


@router.post("/reconciliation-findings/{finding_id}/end")
def close_reconciliation_finding(
    asked: Asked, caller: Caller, finding_id: Id, body: FindingClosed
) -> ReconciliationFinding:
    """Say why a drift is none, or is no more."""
    return asked.reconciliations.close_finding(caller, finding_id, body.reason)
