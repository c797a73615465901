"""Approval letters by number: one a subject's decision, never changed."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.contract import Letter
from domain.errors import NotFound
from domain.money import Money
from storage.base import Row, recorded_at, table_of


class LetterRow(Row):
    __tablename__ = "letter"

    letter_no: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[str]
    case_id: Mapped[str]
    customer_id: Mapped[str]
    approved: Mapped[bool]
    limit_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None]
    content_hash: Mapped[str]
    decided_on: Mapped[date]
    valid_until: Mapped[date]
    body: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime]


_RECORD = insert(table_of(LetterRow))


class Letters:
    """Approval letters by number: one a subject's decision, never changed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def next_no(self, year: int) -> str:
        """A number never given before. A rolled-back decision leaves a gap, never a double."""
        serial = self._session.scalar(select(func.nextval(literal_column("'letter_serial'"))))
        return f"PF{year}-{serial:06d}"

    def record(self, letter: Letter, subject_id: str, customer_id: str) -> None:
        limit = letter.terms.limit if letter.terms else None
        self._session.execute(
            _RECORD,
            {
                "letter_no": letter.letter_no,
                "subject_id": subject_id,
                "case_id": letter.case_id,
                "customer_id": customer_id,
                "limit_minor": limit.minor if limit is not None else None,
                "currency": limit.currency if limit is not None else None,
                "approved": letter.approved,
                "content_hash": letter.content_hash,
                "decided_on": letter.decided_on,
                "valid_until": letter.valid_until,
                "body": letter.model_dump(mode="json"),
                "recorded_at": recorded_at(),
            },
        )

    def read(self, letter_no: str) -> Letter:
        row = self._session.get(LetterRow, letter_no)
        if row is None:
            raise NotFound(kind="letter", id=letter_no)
        return Letter.model_validate(row.body)

    def commitments_of(self, customer_ids: Sequence[str]) -> list[tuple[str, Money]]:
        """Limits granted to new lines by letters that are neither activated nor ended yet."""
        rows = self._session.execute(
            text(
                "SELECT customer_survivor(letter.customer_id), letter.limit_minor, letter.currency FROM letter"
                " JOIN application USING (case_id)"
                " WHERE letter.customer_id = ANY (customer_ids(VARIADIC :customers)) AND letter.approved"
                " AND application.application_type = 'new_line'"
                " AND application.status IN ('approved', 'contracting', 'conditions')"
            ),
            {"customers": list(customer_ids)},
        )
        return [(holder, Money(minor=minor, currency=currency)) for holder, minor, currency in rows]

    def find_of_subject(self, subject_id: str) -> Letter | None:
        row = self._session.scalar(
            select(LetterRow)
            .where(LetterRow.subject_id == subject_id)
            .order_by(LetterRow.recorded_at.desc())
            .limit(1)
        )
        return Letter.model_validate(row.body) if row else None
