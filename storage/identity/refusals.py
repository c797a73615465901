"""What was refused to whom: the only trace that a refused request or message leaves."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Identity, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.audit import RefusedMessage, RefusedRecord
from storage.base import Row, recorded_at


class RefusalRow(Row):
    __tablename__ = "refusal"

    refusal_no: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    message_key: Mapped[str]
    channel: Mapped[str]
    subject: Mapped[str]
    action: Mapped[str]
    person_id: Mapped[str | None]
    code: Mapped[str]
    detail: Mapped[str]
    case_id: Mapped[str | None]
    body_hash: Mapped[str]
    recorded_at: Mapped[datetime]


class Refusals:
    """Refusals in the order they happened; only ever added."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record_refusal(self, refused: RefusedMessage) -> None:
        """Keep it, once for each message."""
        # A repeat says the same, so there is nothing to read back.
        self._session.execute(
            insert(RefusalRow)
            .values(**refused.model_dump(), recorded_at=recorded_at())
            .on_conflict_do_nothing()
        )

    def list_refusals(
        self,
        *,
        case_id: str | None = None,
        subject: str | None = None,
        person_id: str | None = None,
        before_no: int | None = None,
        page_size: int = 50,
    ) -> Sequence[RefusedRecord]:
        """The newest first, of a case, a subject or a person; `before_no` turns the page."""
        query = select(RefusalRow).order_by(RefusalRow.refusal_no.desc()).limit(page_size)
        wanted = (
            (RefusalRow.case_id, case_id),
            (RefusalRow.subject, subject),
            (RefusalRow.person_id, person_id),
        )
        for column, value in wanted:
            if value is not None:
                query = query.where(column == value)
        if before_no is not None:
            query = query.where(RefusalRow.refusal_no < before_no)
        return [_record(row) for row in self._session.scalars(query)]


def _record(row: RefusalRow) -> RefusedRecord:
    return RefusedRecord(
        **{name: getattr(row, name) for name in RefusedRecord.model_fields},
    )
