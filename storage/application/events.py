"""What happened to a case, in order; only ever added to."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.base import Row, table_of


class CaseEventRow(Row):
    __tablename__ = "case_event"

    event_no: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[str]
    kind: Mapped[str]
    person_id: Mapped[str]
    facts: Mapped[dict[str, Any]]
    message_id: Mapped[str | None]
    message_hash: Mapped[str]
    occurred_at: Mapped[datetime]


_POST = insert(table_of(CaseEventRow)).on_conflict_do_nothing().returning(CaseEventRow.event_no)


class CaseEvents:
    """What happened to a case, in order; only ever added to."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def post(
        self,
        case_id: str,
        kind: str,
        *,
        person_id: str = "system",
        at: datetime,
        message_id: str | None = None,
        message_hash: str = "",
        **facts: str,
    ) -> bool:
        """Add one event; one message adds one. False when the message was there before."""
        written = self._session.execute(
            _POST,
            {
                "case_id": case_id,
                "kind": kind,
                "person_id": person_id,
                "facts": facts,
                "message_id": message_id,
                "message_hash": message_hash,
                "occurred_at": at,
            },
        ).first()
        return written is not None

    def find_message(self, message_id: str) -> str | None:
        """The content hash of a message that was taken before; None where it was not."""
        return self._session.scalar(
            select(CaseEventRow.message_hash).where(CaseEventRow.message_id == message_id)
        )

    def list_all(self, case_id: str) -> list[dict[str, Any]]:
        rows = self._session.scalars(
            select(CaseEventRow)
            .where(CaseEventRow.case_id == case_id)
            .order_by(CaseEventRow.event_no)
        )
        return [
            {
                "at": row.occurred_at,
                "kind": row.kind,
                "person_id": row.person_id,
                "facts": row.facts,
            }
            for row in rows
        ]
