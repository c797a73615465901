"""External reports: the customer's agreement, a report pulled under it, and the log of queries."""

from typing import Annotated

from fastapi import Response
from pydantic import Field

from domain.edition import Code, ReportRow
from domain.identity import Id
from domain.report import Authorisation, AuthorisationContent, ExternalReport, ReportQuery
from domain.value import Value
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.report import Pulled

router = stage("report")


class ReportAsked(Value):
    """Which report is wanted, and what for."""

    kind: Code
    purpose: Annotated[str, Field(min_length=1, max_length=200)]


class ReportKinds(Value):
    items: tuple[ReportRow, ...]


class Authorisations(Value):
    items: tuple[Authorisation, ...]


class ExternalReports(Value):
    items: tuple[ExternalReport, ...]


class ReportQueries(Value):
    items: tuple[ReportQuery, ...]


@router.get("/report-kinds")
def list_kinds(asked: Asked, caller: Caller) -> ReportKinds:
    """Which reports the policy knows: whom they are asked of, and how old they may be."""
    return ReportKinds(items=tuple(asked.reports.list_kinds(caller)))


@router.get("/customers/{customer_id}/authorisations")
def list_authorisations(asked: Asked, caller: Caller, customer_id: Id) -> Authorisations:
    """The customer's written agreements, the one that holds longest first."""
    return Authorisations(items=tuple(asked.reports.list_authorisations(caller, customer_id)))


@router.post(
    "/customers/{customer_id}/authorisations", status_code=201, response_model=Authorisation
)
def record_authorisation(write: Writing, customer_id: Id, body: AuthorisationContent) -> Response:
    """Put a written agreement on file; its document must be there."""
    return write.once(
        201, body, lambda: write.asked.reports.authorise(write.caller, customer_id, body)
    )


@router.get("/customers/{customer_id}/reports")
def list_reports(asked: Asked, caller: Caller, customer_id: Id) -> ExternalReports:
    """Every report on the customer, with its source, newest first."""
    return ExternalReports(items=tuple(asked.reports.list_reports(caller, customer_id)))


@router.post("/customers/{customer_id}/reports", response_model=Pulled)
def pull_report(write: Writing, customer_id: Id, body: ReportAsked) -> Response:
    """A report young enough to rely on: the one on file, or the first that a provider gives."""
    return write.once(
        200,
        body,
        lambda: write.asked.reports.pull(write.caller, customer_id, body.kind, body.purpose),
    )


@router.get("/customers/{customer_id}/report-queries")
def list_queries(asked: Asked, caller: Caller, customer_id: Id) -> ReportQueries:
    """Who asked whom about the customer and what came of it, oldest first."""
    return ReportQueries(items=tuple(asked.reports.list_queries(caller, customer_id)))
