"""What was answered under an idempotency key, kept with the effect in one transaction."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import KeyInFlight, KeyReused
from domain.value import Value
from storage.base import Row, recorded_at


class AnswerRow(Row):
    __tablename__ = "answer"

    person_id: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[str]
    status: Mapped[int]
    body: Mapped[str]
    recorded_at: Mapped[datetime]


class Answer(Value):
    """A status and the text that went with it."""

    status: int
    body: str


class Answers:
    """Answers by person, route and key; another person's key is another key."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def claim(self, person_id: str, route: str, key: str, body_hash: str) -> Answer | None:
        """Take the key until the transaction ends; the answer, if one was given under it.

        Refuses `KeyInFlight` while another transaction holds it, `KeyReused` where it was used
        with another body.
        """
        lock = func.hashtextextended(f"{person_id}\n{route}\n{key}", 0)
        if not self._session.scalar(select(func.pg_try_advisory_xact_lock(lock))):
            raise KeyInFlight(key=key)
        row = self._session.get(AnswerRow, (person_id, route, key))
        if row is None:
            return None
        if row.body_hash != body_hash:
            raise KeyReused(key=key)
        return Answer(status=row.status, body=row.body)

    def record_answer(
        self, person_id: str, route: str, key: str, body_hash: str, answer: Answer
    ) -> None:
        """Keep the answer under the key this transaction has claimed."""
        self._session.execute(
            insert(AnswerRow).values(
                person_id=person_id,
                route=route,
                key=key,
                body_hash=body_hash,
                status=answer.status,
                body=answer.body,
                recorded_at=recorded_at(),
            )
        )
