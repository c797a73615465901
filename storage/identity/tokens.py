"""One-time tokens: what a message that did not come through the service must carry."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.base import Row, recorded_at
from storage.identity.proofs import hash_of, make_token


class ActionTokenRow(Row):
    __tablename__ = "action_token"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str]
    subject: Mapped[str]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    message_id: Mapped[str | None]
    recorded_at: Mapped[datetime]


class ActionTokens:
    """Tokens issued to one person for one subject (a task or a case), each good for one message."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def issue_action_token(self, person_id: str, subject: str, expires_at: datetime) -> str:
        """A new token; only its hash is kept."""
        token = make_token()
        self._session.execute(
            insert(ActionTokenRow).values(
                token_hash=hash_of(token),
                person_id=person_id,
                subject=subject,
                expires_at=expires_at,
                recorded_at=recorded_at(),
            )
        )
        return token

    def redeem(
        self, token: str, person_id: str, subject: str, message_id: str, at: datetime
    ) -> bool:
        """Use the token up for a message; the same message again gets the same answer.

        False where it was never issued to this person for this subject, has expired, or was used
        by another message.
        """
        digest = hash_of(token)
        issued = (
            ActionTokenRow.token_hash == digest,
            ActionTokenRow.person_id == person_id,
            ActionTokenRow.subject == subject,
        )
        redeemed = self._session.scalar(
            update(ActionTokenRow)
            .where(*issued, ActionTokenRow.used_at.is_(None), ActionTokenRow.expires_at > at)
            .values(used_at=at, message_id=message_id)
            .returning(ActionTokenRow.message_id)
            .execution_options(synchronize_session=False)
        )
        if redeemed is not None:
            return True
        used_for = self._session.scalar(select(ActionTokenRow.message_id).where(*issued))
        return used_for == message_id
