"""One-time links, found by the hash of their token; the token itself is never stored."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.contract import SigningLink
from domain.errors import LinkUnknown
from storage.base import Row, table_of
from storage.identity import hash_of


class SigningLinkRow(Row):
    __tablename__ = "signing_link"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    contract_id: Mapped[str]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


_RECORD = insert(table_of(SigningLinkRow))


class SigningLinks:
    """The links customers act through; each stands for one agreement."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, contract_id: str, token: str, expires_at: datetime) -> None:
        """Let the token stand for the agreement; an agreement has one link."""
        self._session.execute(
            _RECORD,
            {"token_hash": hash_of(token), "contract_id": contract_id, "expires_at": expires_at},
        )

    def read(self, token: str) -> SigningLink:
        """What the token stands for, used or not; `LinkUnknown` where it stands for nothing."""
        row = self._session.scalar(
            select(SigningLinkRow)
            .where(SigningLinkRow.token_hash == hash_of(token))
            .execution_options(populate_existing=True)
        )
        if row is None:
            raise LinkUnknown()
        return SigningLink(
            contract_id=row.contract_id, expires_at=row.expires_at, used_at=row.used_at
        )

    def use_up(self, contract_id: str, at: datetime) -> None:
        """The link has had its effect; a repeat keeps the first instant."""
        self._session.execute(
            update(SigningLinkRow)
            .where(SigningLinkRow.contract_id == contract_id, SigningLinkRow.used_at.is_(None))
            .values(used_at=at)
            .execution_options(synchronize_session=False)
        )
