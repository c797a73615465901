"""Drafts of policy editions, every revision kept, and the reports of trying them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.draft import DraftEdition, RecordedReport, SimulationReport
from domain.edition import PolicyEdition
from domain.errors import NotFound
from storage.base import Row, recorded_at


class DraftRow(Row):
    __tablename__ = "policy_draft"

    revision_no: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    draft_id: Mapped[str]
    edition_hash: Mapped[str]
    name: Mapped[str]
    effective_on: Mapped[date]
    toml: Mapped[str]  # canonical: every field, no comments
    source: Mapped[str]  # as it was written, comments and all
    drafted_by: Mapped[str]
    drafted_at: Mapped[datetime]


class ReportRow(Row):
    __tablename__ = "policy_report"

    report_no: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    edition_hash: Mapped[str]
    report_hash: Mapped[str]
    business_on: Mapped[date]
    body: Mapped[dict[str, Any]]
    run_by: Mapped[str]
    run_at: Mapped[datetime]


class Drafts:
    """Drafts by id; each revision is a row, and whoever wrote one is an author of the draft."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(
        self, draft_id: str, edition: PolicyEdition, source: str, drafted_by: str
    ) -> DraftEdition:
        """Add a revision; the newest content again by one of its authors adds nothing.

        Content that is the newest of another draft joins that draft: who writes the same edition
        a second time is an author of it.
        """
        same = self.find(edition.edition_hash)
        if same is not None and drafted_by in same.authors:
            return same
        self._session.add(
            DraftRow(
                draft_id=same.draft_id if same else draft_id,
                edition_hash=edition.edition_hash,
                name=edition.name,
                effective_on=edition.effective_on,
                toml=edition.as_toml(),
                source=source,
                drafted_by=drafted_by,
                drafted_at=recorded_at(),
            )
        )
        self._session.flush()
        return self.read(same.draft_id if same else draft_id)

    def find(self, reference: str) -> DraftEdition | None:
        """The draft of an id, of its newest content's hash, or of a hash's first twelve digits."""
        rows = self._session.scalars(
            select(DraftRow.draft_id)
            .where(
                or_(
                    DraftRow.draft_id == reference,
                    DraftRow.edition_hash == reference,
                    DraftRow.edition_hash.startswith(reference, autoescape=True)
                    if len(reference) >= 12
                    else DraftRow.edition_hash == reference,
                )
            )
            .order_by(DraftRow.revision_no.desc())
        )
        for draft_id in dict.fromkeys(rows):
            found = _draft(self._revisions(draft_id))
            if reference == draft_id or found.edition_hash.startswith(reference):
                return found
        return None

    def read(self, reference: str) -> DraftEdition:
        draft = self.find(reference)
        if draft is None:
            raise NotFound(kind="policy draft", id=reference)
        return draft

    def read_content(self, draft: DraftEdition) -> tuple[PolicyEdition, str]:
        """The edition a draft would publish, and its text as it was written."""
        row = self._revisions(draft.draft_id)[-1]
        return PolicyEdition.of_toml(row.toml), row.source

    def list_all(self) -> tuple[DraftEdition, ...]:
        """Every draft, the newest revision first."""
        rows = self._session.scalars(select(DraftRow).order_by(DraftRow.revision_no))
        by_draft: dict[str, list[DraftRow]] = {}
        for row in rows:
            by_draft.setdefault(row.draft_id, []).append(row)
        found = sorted(by_draft.values(), key=lambda each: each[-1].revision_no, reverse=True)
        return tuple(_draft(revisions) for revisions in found)

    def record_report(self, report: SimulationReport, run_by: str) -> RecordedReport:
        row = ReportRow(
            edition_hash=report.edition_hash,
            report_hash=report.report_hash,
            business_on=report.business_on,
            body=report.model_dump(mode="json"),
            run_by=run_by,
            run_at=recorded_at(),
        )
        self._session.add(row)
        self._session.flush()
        return _report(row)

    def find_report(self, edition_hash: str) -> RecordedReport | None:
        """The newest report of exactly this content."""
        row = self._session.scalar(
            select(ReportRow)
            .where(ReportRow.edition_hash == edition_hash)
            .order_by(ReportRow.report_no.desc())
            .limit(1)
        )
        return None if row is None else _report(row)

    def _revisions(self, draft_id: str) -> Sequence[DraftRow]:
        query = select(DraftRow).where(DraftRow.draft_id == draft_id)
        return self._session.scalars(query.order_by(DraftRow.revision_no)).all()


def _draft(revisions: Sequence[DraftRow]) -> DraftEdition:
    newest = revisions[-1]
    return DraftEdition(
        draft_id=newest.draft_id,
        edition_hash=newest.edition_hash,
        name=newest.name,
        effective_on=newest.effective_on,
        authors=tuple(dict.fromkeys(row.drafted_by for row in revisions)),
        drafted_at=newest.drafted_at,
    )


def _report(row: ReportRow) -> RecordedReport:
    return RecordedReport(
        report=SimulationReport.model_validate(row.body),
        report_hash=row.report_hash,
        run_by=row.run_by,
        run_at=row.run_at,
    )
