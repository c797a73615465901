"""External reports on record, the authority they were asked under, and the log of every query."""

from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.report import Authorisation, ExternalReport, QueryOutcome, ReportQuery
from storage.base import Row
from storage.customer import of_customer


class AuthorisationRow(Row):
    __tablename__ = "report_authorisation"

    authorisation_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    evidence_hash: Mapped[str]
    signed_on: Mapped[date]
    valid_until: Mapped[date]
    recorded_by: Mapped[str]


class ExternalReportRow(Row):
    __tablename__ = "external_report"

    report_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    kind: Mapped[str]
    provider: Mapped[str]
    reported_on: Mapped[date]
    pulled_on: Mapped[date]
    figures: Mapped[dict[str, Any]]
    evidence_hash: Mapped[str]
    authorisation_id: Mapped[str | None]
    recorded_by: Mapped[str]


class ReportQueryRow(Row):
    __tablename__ = "report_query"

    query_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    kind: Mapped[str]
    provider: Mapped[str]
    outcome: Mapped[str]
    purpose: Mapped[str]
    authorisation_id: Mapped[str | None]
    business_on: Mapped[date]
    asked_by: Mapped[str]


class Reports:
    """Reports of all customers, and what was asked for them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record_authorisation(self, authorisation: Authorisation) -> Authorisation:
        self._session.execute(insert(AuthorisationRow).values(**authorisation.model_dump()))
        return authorisation

    def authorisations(self, customer_id: str) -> tuple[Authorisation, ...]:
        """Every authorisation of a customer, the one that holds longest first."""
        query = select(AuthorisationRow).where(
            of_customer(AuthorisationRow.customer_id, customer_id)
        )
        query = query.order_by(
            AuthorisationRow.valid_until.desc(), AuthorisationRow.authorisation_id.desc()
        )
        return tuple(
            Authorisation.model_validate({name: getattr(row, name) for name in _AUTHORISATION})
            for row in self._session.scalars(query)
        )

    def record(self, report: ExternalReport) -> ExternalReport:
        self._session.execute(insert(ExternalReportRow).values(**report.model_dump()))
        return report

    def find_newest(self, customer_id: str, kind: str, until: date) -> ExternalReport | None:
        """The report of a kind with the latest day that the provider states, up to a day."""
        query = (
            select(ExternalReportRow)
            .where(
                of_customer(ExternalReportRow.customer_id, customer_id),
                ExternalReportRow.kind == kind,
                ExternalReportRow.reported_on <= until,
            )
            .order_by(ExternalReportRow.reported_on.desc(), ExternalReportRow.report_id.desc())
            .limit(1)
        )
        row = self._session.scalar(query)
        return None if row is None else _report(row)

    def list_of(self, customer_id: str, kind: str | None = None) -> tuple[ExternalReport, ...]:
        """Every report on a customer, of one kind if named, the newest on record first."""
        query = select(ExternalReportRow).where(
            of_customer(ExternalReportRow.customer_id, customer_id)
        )
        if kind is not None:
            query = query.where(ExternalReportRow.kind == kind)
        query = query.order_by(ExternalReportRow.report_id.desc())
        return tuple(map(_report, self._session.scalars(query)))

    def post_query(self, query: ReportQuery) -> None:
        """Add one line to the log of queries."""
        content = query.model_dump() | {"outcome": query.outcome.value}
        self._session.execute(insert(ReportQueryRow).values(**content))

    def queries(self, customer_id: str) -> tuple[ReportQuery, ...]:
        """Every query about a customer, oldest first."""
        query = select(ReportQueryRow).where(of_customer(ReportQueryRow.customer_id, customer_id))
        return tuple(
            ReportQuery.model_validate(
                {name: getattr(row, name) for name in ReportQuery.model_fields}
                | {"outcome": QueryOutcome(row.outcome)}
            )
            for row in self._session.scalars(query.order_by(ReportQueryRow.query_id))
        )


_AUTHORISATION = tuple(Authorisation.model_fields)


def _report(row: ExternalReportRow) -> ExternalReport:
    return ExternalReport.model_validate(
        {name: getattr(row, name) for name in ExternalReport.model_fields}
    )
