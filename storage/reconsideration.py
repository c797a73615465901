"""Reconsiderations on record: one a decision, never changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.approval import RouteStep
from domain.errors import AlreadyReconsidered
from domain.reconsideration import Reconsideration
from storage.base import Row


class ReconsiderationRow(Row):
    __tablename__ = "reconsideration"

    letter_no: Mapped[str] = mapped_column(primary_key=True)
    declined_case_id: Mapped[str]
    case_id: Mapped[str]
    steps: Mapped[list[Any]] = mapped_column(JSONB)
    evidence: Mapped[dict[str, Any]]
    grounds: Mapped[str]
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]


class Reconsiderations:
    """Which case decides anew on which decision."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, asked: Reconsideration) -> Reconsideration:
        """Write it; asked again by the same case, it is the one on record. Refuses
        `AlreadyReconsidered` to another case."""
        self._session.execute(
            insert(ReconsiderationRow)
            .values(
                letter_no=asked.letter_no,
                declined_case_id=asked.declined_case_id,
                case_id=asked.case_id,
                steps=[step.model_dump(mode="json") for step in asked.steps],
                evidence=asked.evidence,
                grounds=asked.grounds,
                asked_by=asked.asked_by,
                asked_at=asked.asked_at,
            )
            .on_conflict_do_nothing()
        )
        recorded = self.find_of_declined(asked.declined_case_id)
        if recorded is None or recorded.case_id != asked.case_id:
            other = recorded.case_id if recorded else asked.case_id
            raise AlreadyReconsidered(letter_no=asked.letter_no, case_id=other)
        return recorded

    def find_of_declined(self, case_id: str) -> Reconsideration | None:
        """The one that decides anew on a declined case."""
        return self._find(ReconsiderationRow.declined_case_id == case_id)

    def find(self, case_id: str) -> Reconsideration | None:
        """The one that a case is."""
        return self._find(ReconsiderationRow.case_id == case_id)

    def _find(self, condition: ColumnElement[bool]) -> Reconsideration | None:
        row = self._session.scalar(select(ReconsiderationRow).where(condition))
        if row is None:
            return None
        return Reconsideration(
            case_id=row.case_id,
            declined_case_id=row.declined_case_id,
            letter_no=row.letter_no,
            steps=tuple(map(RouteStep.model_validate, row.steps)),
            evidence=row.evidence,
            grounds=row.grounds,
            asked_by=row.asked_by,
            asked_at=row.asked_at,
        )
