"""Conditions precedent on record: one row a code, and two pairs of hands on each."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.contract import SchemeCondition
from domain.errors import NotFound
from domain.line import ConditionPrecedent, ConditionStatus
from storage.base import Row, recorded_at


class ConditionRow(Row):
    __tablename__ = "condition_precedent"

    case_id: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    status: Mapped[str]
    evidence_hash: Mapped[str | None]
    evidenced_by: Mapped[str | None]
    verified_by: Mapped[str | None]
    decision_id: Mapped[str | None]
    note: Mapped[str]
    text: Mapped[str]
    due_on: Mapped[date | None]
    after_activation: Mapped[bool]
    changed_at: Mapped[datetime | None]


class Conditions:
    """The conditions of cases; a letter's codes are opened once and never dropped."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(
        self,
        case_id: str,
        codes: Iterable[str],
        *,
        owner: str,
        scheme: Iterable[SchemeCondition] = (),
    ) -> Sequence[ConditionPrecedent]:
        """Open those that are not there yet; all conditions of the case.

        Those in words, of the investigators' scheme or of who approved, bring their owner and day.
        """
        named: list[dict[str, Any]] = [
            {"code": code, "owner": owner, "text": "", "due_on": None, "after_activation": False}
            for code in codes
        ]
        for each in (*named, *(condition.model_dump() for condition in scheme)):
            self._session.execute(
                insert(ConditionRow)
                .values(case_id=case_id, status=ConditionStatus.OPEN, note="", **each)
                .on_conflict_do_nothing()
            )
        return self.list_of_case(case_id)

    def list_of_case(self, case_id: str) -> Sequence[ConditionPrecedent]:
        rows = self._session.scalars(
            select(ConditionRow)
            .where(ConditionRow.case_id == case_id)
            .order_by(ConditionRow.code)
            .execution_options(populate_existing=True)
        )
        return [_condition_of(row) for row in rows]

    def read(self, case_id: str, code: str, *, for_update: bool = False) -> ConditionPrecedent:
        condition = self.find(case_id, code, for_update=for_update)
        if condition is None:
            raise NotFound(kind="condition", id=f"{case_id}/{code}")
        return condition

    def find(
        self, case_id: str, code: str, *, for_update: bool = False
    ) -> ConditionPrecedent | None:
        query = select(ConditionRow).where(
            ConditionRow.case_id == case_id, ConditionRow.code == code
        )
        if for_update:
            query = query.with_for_update()
        row = self._session.scalar(query.execution_options(populate_existing=True))
        return None if row is None else _condition_of(row)

    def write(self, condition: ConditionPrecedent) -> ConditionPrecedent:
        """Replace a condition that was read for update."""
        self._session.execute(
            update(ConditionRow)
            .where(ConditionRow.case_id == condition.case_id, ConditionRow.code == condition.code)
            .values(
                status=condition.status,
                evidence_hash=condition.evidence_hash,
                evidenced_by=condition.evidenced_by,
                verified_by=condition.verified_by,
                decision_id=condition.decision_id,
                note=condition.note,
                changed_at=recorded_at(),
            )
            .execution_options(synchronize_session=False)
        )
        return condition


def _condition_of(row: ConditionRow) -> ConditionPrecedent:
    return ConditionPrecedent(
        case_id=row.case_id,
        code=row.code,
        owner=row.owner,
        status=ConditionStatus(row.status),
        evidence_hash=row.evidence_hash,
        evidenced_by=row.evidenced_by,
        verified_by=row.verified_by,
        decision_id=row.decision_id,
        note=row.note,
        text=row.text,
        due_on=row.due_on,
        after_activation=row.after_activation,
    )
