"""Acts beside decisions, once by their message, and the words that stand no longer."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.approval import (
    ActKind,
    ActRequest,
    Approval,
    ApprovalProgress,
    Function,
    Placement,
)
from domain.errors import KeyReused
from domain.value import Value
from storage.approval.decisions import DecisionRow, DecisionVoidRow
from storage.base import Row


class ActRow(Row):
    __tablename__ = "approval_act"

    act_id: Mapped[str] = mapped_column(primary_key=True)
    act_no: Mapped[int]
    approval_id: Mapped[str]
    task_id: Mapped[str]
    case_id: Mapped[str]
    action: Mapped[str]
    person_id: Mapped[str]
    to_person: Mapped[str | None]
    placement: Mapped[str | None]
    note: Mapped[str]
    makers: Mapped[list[str]]
    grant_no: Mapped[str | None]
    channel: Mapped[str]
    said_hash: Mapped[str]
    progress: Mapped[dict[str, Any]]
    acted_at: Mapped[datetime]
    function: Mapped[str | None]


class ActView(Value):
    """An act on record: who did what, to whom, and why."""

    act_id: str
    approval_id: str
    task_id: str
    action: ActKind
    person_id: str
    to: str | None
    placement: Placement | None
    note: str
    grant_no: str | None
    acted_at: datetime


class Acts:
    """Acts on approvals, append-only."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find_progress(self, act_id: str, said: str) -> ApprovalProgress | None:
        """What followed from this message, if it was taken before; `KeyReused` if it said other."""
        row = self._session.get(ActRow, act_id)
        if row is None:
            return None
        if row.said_hash != said:
            raise KeyReused(key=act_id)
        return ApprovalProgress.model_validate(row.progress)

    def record(
        self,
        request: ActRequest,
        approval: Approval,
        grant_no: str | None,
        progress: ApprovalProgress,
        function: Function,
    ) -> None:
        self._session.execute(
            insert(ActRow).values(
                act_id=request.message_id,
                approval_id=request.approval_id,
                task_id=request.task_id,
                case_id=approval.request.case_id,
                action=request.action,
                person_id=request.person_id,
                to_person=request.to,
                placement=request.placement,
                note=request.note,
                makers=list(approval.request.barred),
                grant_no=grant_no,
                channel=request.channel,
                said_hash=request.said,
                progress=progress.model_dump(mode="json"),
                acted_at=request.at,
                function=function,
            )
        )

    def list_of_case(self, case_id: str) -> list[ActView]:
        rows = self._session.scalars(
            select(ActRow).where(ActRow.case_id == case_id).order_by(ActRow.act_no)
        )
        return [
            ActView(
                act_id=row.act_id,
                approval_id=row.approval_id,
                task_id=row.task_id,
                action=ActKind(row.action),
                person_id=row.person_id,
                to=row.to_person,
                placement=Placement(row.placement) if row.placement else None,
                note=row.note,
                grant_no=row.grant_no,
                acted_at=row.acted_at,
            )
            for row in rows
        ]

    def void_words(
        self, task_ids: Iterable[str], *, reason: str, voided_by: str, at: datetime
    ) -> None:
        """The words on these tasks stand no longer; they stay on record."""
        words = self._session.scalars(
            select(DecisionRow.decision_id).where(DecisionRow.task_id.in_(sorted(task_ids)))
        )
        for decision_id in words:
            self._session.execute(
                insert(DecisionVoidRow).values(
                    decision_id=decision_id, reason=reason, voided_by=voided_by, voided_at=at
                )
            )
