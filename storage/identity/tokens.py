"""One-time tokens: what a message that did not come through the service must carry."""

from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.base import Row, recorded_at, table_of
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


_TOKEN = table_of(ActionTokenRow)
_ISSUED = (
    _TOKEN.c.token_hash == bindparam("digest"),
    _TOKEN.c.person_id == bindparam("person"),
    _TOKEN.c.subject == bindparam("about"),
)
_ISSUE = insert(_TOKEN)
_REDEEM = (
    update(_TOKEN)
    .where(*_ISSUED, _TOKEN.c.used_at.is_(None), _TOKEN.c.expires_at > bindparam("at"))
    .values(used_at=bindparam("used_at"), message_id=bindparam("message_id"))
    .returning(_TOKEN.c.message_id)
)
_USED_FOR = select(_TOKEN.c.message_id).where(*_ISSUED)


class ActionTokens:
    """Tokens issued to one person for one subject (a task or a case), each good for one message."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def issue_action_token(self, person_id: str, subject: str, expires_at: datetime) -> str:
        """A new token; only its hash is kept."""
        token = make_token()
        self._session.execute(
            _ISSUE,
            {
                "token_hash": hash_of(token),
                "person_id": person_id,
                "subject": subject,
                "expires_at": expires_at,
                "recorded_at": recorded_at(),
            },
        )
        return token

    def redeem(
        self, token: str, person_id: str, subject: str, message_id: str, at: datetime
    ) -> bool:
        """Use the token up for a message; the same message again gets the same answer.

        False where it was never issued to this person for this subject, has expired, or was used
        by another message.
        """
        issued = {"digest": hash_of(token), "person": person_id, "about": subject}
        used = {"at": at, "used_at": at, "message_id": message_id}
        if self._session.execute(_REDEEM, issued | used).first() is not None:
            return True
        return self._session.scalar(_USED_FOR, issued) == message_id
