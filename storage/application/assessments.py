"""Receipts of judgements, numbered per subject; never changed."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.assessment import Assessment
from domain.errors import NotFound
from storage.base import Row, recorded_at, table_of
from storage.customer import of_customer
from storage.tolerance import ToleranceUses


class AssessmentRow(Row):
    __tablename__ = "assessment"

    subject_id: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    edition_hash: Mapped[str]
    grade: Mapped[str]
    receipt: Mapped[dict[str, Any]]
    receipt_hash: Mapped[str]
    recorded_at: Mapped[datetime]


_RECORD = insert(table_of(AssessmentRow))


class Assessments:
    """Receipts of judgements, numbered per subject; never changed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, assessment: Assessment) -> int:
        """Write the receipt as the subject's newest; the same content again is not written twice."""
        newest = self._newest_row(assessment.case_id)
        receipt_hash = assessment.receipt_hash
        if newest is not None and newest.receipt_hash == receipt_hash:
            return newest.n
        n = newest.n + 1 if newest else 1
        self._session.execute(
            _RECORD,
            {
                "subject_id": assessment.case_id,
                "n": n,
                "customer_id": assessment.dossier.customer.customer_id,
                "edition_hash": assessment.edition_hash,
                "grade": assessment.rating.grade,
                "receipt": assessment.model_dump(mode="json"),
                "receipt_hash": receipt_hash,
                "recorded_at": recorded_at(),
            },
        )
        ToleranceUses(self._session).record(
            f"{assessment.case_id}/{n}",
            assessment.tolerances,
            edition_hash=assessment.edition_hash,
            on=assessment.dossier.business_on,
        )
        return n

    def find(self, subject_id: str) -> Assessment | None:
        """The newest receipt of a case or review."""
        row = self._newest_row(subject_id)
        return Assessment.model_validate(row.receipt) if row else None

    def read(self, subject_id: str) -> Assessment:
        assessment = self.find(subject_id)
        if assessment is None:
            raise NotFound(kind="assessment", id=subject_id)
        return assessment

    def find_by_hash(self, subject_id: str, receipt_hash: str) -> Assessment | None:
        """The receipt of a subject that has this hash on record."""
        row = self._session.scalar(
            select(AssessmentRow)
            .where(
                AssessmentRow.subject_id == subject_id, AssessmentRow.receipt_hash == receipt_hash
            )
            .limit(1)
        )
        return Assessment.model_validate(row.receipt) if row else None

    def find_hash(self, subject_id: str) -> str | None:
        """The hash on record of the newest receipt, as it was when it was written."""
        row = self._newest_row(subject_id)
        return row.receipt_hash if row else None

    def list_newest_page(self, after: str, page_size: int) -> list[tuple[Assessment, str]]:
        """The newest receipt of each subject above `after`, by subject, with its hash on record."""
        rows = self._session.execute(
            select(AssessmentRow.receipt, AssessmentRow.receipt_hash)
            .where(AssessmentRow.subject_id > after)
            .ext(distinct_on(AssessmentRow.subject_id))
            .order_by(AssessmentRow.subject_id, AssessmentRow.n.desc())
            .limit(page_size)
        )
        return [(Assessment.model_validate(receipt), digest) for receipt, digest in rows]

    def find_newest_of_customer(self, customer_id: str) -> Assessment | None:
        row = self._session.scalar(
            select(AssessmentRow)
            .where(of_customer(AssessmentRow.customer_id, customer_id))
            .order_by(AssessmentRow.recorded_at.desc())
            .limit(1)
        )
        return Assessment.model_validate(row.receipt) if row else None

    def find_of_day(self, customer_id: str, on: date) -> tuple[Assessment, str, datetime] | None:
        """The newest receipt about a customer that was judged up to a day, its hash on record, and
        when it was written."""
        judged_on = AssessmentRow.receipt["dossier"]["business_on"].as_string()
        row = self._session.scalar(
            select(AssessmentRow)
            .where(of_customer(AssessmentRow.customer_id, customer_id), judged_on <= on.isoformat())
            .order_by(judged_on.desc(), AssessmentRow.recorded_at.desc())
            .limit(1)
        )
        if row is None:
            return None
        return Assessment.model_validate(row.receipt), row.receipt_hash, row.recorded_at

    def _newest_row(self, subject_id: str) -> AssessmentRow | None:
        return self._session.scalar(
            select(AssessmentRow)
            .where(AssessmentRow.subject_id == subject_id)
            .order_by(AssessmentRow.n.desc())
            .limit(1)
        )
