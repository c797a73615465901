"""Recoveries on record: one a lapse, never changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import AlreadyRecovered
from domain.recovery import Recovery
from storage.base import Row


class RecoveryRow(Row):
    __tablename__ = "recovery"

    approval_id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str]
    message_id: Mapped[str]
    reason: Mapped[str]
    silent: Mapped[list[Any]] = mapped_column(JSONB)
    recovered_by: Mapped[str]
    recovered_at: Mapped[datetime]


class Recoveries:
    """Which lapses were recovered, and who did it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, recovery: Recovery, message_id: str) -> None:
        """Write it, or refuse `AlreadyRecovered`."""
        content = recovery.model_dump() | {"silent": list(recovery.silent)}
        written = self._session.execute(
            insert(RecoveryRow)
            .values(message_id=message_id, **content)
            .on_conflict_do_nothing()
            .returning(RecoveryRow.approval_id)
        ).first()
        if written is None:
            raise AlreadyRecovered(approval_id=recovery.approval_id)

    def find(self, approval_id: str) -> Recovery | None:
        """The recovery of a lapse."""
        return next(iter(self._list(RecoveryRow.approval_id == approval_id)), None)

    def find_of_message(self, message_id: str) -> Recovery | None:
        return next(iter(self._list(RecoveryRow.message_id == message_id)), None)

    def find_newest(self, case_id: str) -> Recovery | None:
        return next(reversed(self.list_of_case(case_id)), None)

    def list_of_case(self, case_id: str) -> list[Recovery]:
        """Every recovery of a case, oldest first."""
        return self._list(RecoveryRow.case_id == case_id)

    def hands_on(self, case_id: str) -> tuple[str, ...]:
        """Whoever recovered the case; they decide it no more than its maker."""
        return tuple(each.recovered_by for each in self.list_of_case(case_id))

    def _list(self, condition: ColumnElement[bool]) -> list[Recovery]:
        rows = self._session.scalars(
            select(RecoveryRow).where(condition).order_by(RecoveryRow.recovered_at)
        )
        return [
            Recovery(
                approval_id=row.approval_id,
                case_id=row.case_id,
                reason=row.reason,
                silent=tuple(row.silent),
                recovered_by=row.recovered_by,
                recovered_at=row.recovered_at,
            )
            for row in rows
        ]
