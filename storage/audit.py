"""Whether what is on record is still what was written: hashes against content, and events in order.

Receipts, files and editions were stored under the hash of what they say. Whoever changes one past
the programs has to change its hash too, and the cases that cite it by that hash no longer agree.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from domain.assessment import Assessment
from domain.audit import Altered, AuditEvent
from domain.edition import PolicyEdition
from domain.errors import CreditError, EditionInvalid
from storage.application.assessments import AssessmentRow
from storage.application.events import CaseEventRow
from storage.attachment import AttachmentRow
from storage.edition import EditionRow

_ALTERED_FILES = text(
    "SELECT sha256 FROM attachment WHERE encode(sha256(content), 'hex') <> sha256 ORDER BY sha256"
)
_PAGE_ROWS = 500


class Seals:
    """The hashes under which things were stored, tried against what is there now."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def count_files(self) -> int:
        return self._session.scalar(select(func.count()).select_from(AttachmentRow)) or 0

    def altered_files(self) -> Iterator[Altered]:
        """Files whose bytes are not those they are named by."""
        for sha256 in self._session.scalars(_ALTERED_FILES):
            yield Altered(kind="file", id=sha256)

    def count_receipts(self) -> int:
        return self._session.scalar(select(func.count()).select_from(AssessmentRow)) or 0

    def altered_receipts(self) -> Iterator[Altered]:
        """Receipts that no longer say what their hash was made of."""
        rows = self._session.execute(
            select(
                AssessmentRow.subject_id,
                AssessmentRow.n,
                AssessmentRow.receipt,
                AssessmentRow.receipt_hash,
            ).order_by(AssessmentRow.subject_id, AssessmentRow.n),
            execution_options={"yield_per": _PAGE_ROWS},
        )
        for subject_id, n, receipt, receipt_hash in rows:
            if not _says(receipt, receipt_hash):
                yield Altered(kind="receipt", id=f"{subject_id}/{n}")

    def count_editions(self) -> int:
        return self._session.scalar(select(func.count()).select_from(EditionRow)) or 0

    def altered_editions(self) -> Iterator[Altered]:
        """Policy editions that read otherwise than they did when they were published."""
        query = select(EditionRow.edition_hash, EditionRow.toml).order_by(EditionRow.publication_no)
        for edition_hash, toml in self._session.execute(query):
            try:
                same = PolicyEdition.of_toml(toml).edition_hash == edition_hash
            except EditionInvalid:
                same = False
            if not same:
                yield Altered(kind="edition", id=edition_hash)

    def list_events(
        self, *, case_id: str | None = None, after_no: int = 0, page_size: int = 200
    ) -> Sequence[AuditEvent]:
        """What happened to cases, oldest first, from above a number."""
        query = select(CaseEventRow).where(CaseEventRow.event_no > after_no)
        if case_id is not None:
            query = query.where(CaseEventRow.case_id == case_id)
        rows = self._session.scalars(query.order_by(CaseEventRow.event_no).limit(page_size))
        return [
            AuditEvent(
                event_no=row.event_no,
                case_id=row.case_id,
                kind=row.kind,
                person_id=row.person_id,
                facts=row.facts,
                occurred_at=row.occurred_at,
            )
            for row in rows
        ]


def _says(receipt: dict[str, Any], receipt_hash: str) -> bool:
    """Whether a receipt reads as what its hash was made of; one that cannot be read does not."""
    try:
        return Assessment.model_validate(receipt).receipt_hash == receipt_hash
    except (ValidationError, CreditError):
        return False
