"""What was changed about endpoints and sources, by whom; only ever added to."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.webhook import RegisterChange
from storage.base import Row, recorded_at
from storage.webhook.endpoints import SecretOwner


class ChangeRow(Row):
    __tablename__ = "webhook_change"

    change_no: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    owner_kind: Mapped[str]
    owner_id: Mapped[str]
    act: Mapped[str]
    content: Mapped[dict[str, Any]]
    person_id: Mapped[str]
    recorded_at: Mapped[datetime]


class Changes:
    """The register's own history."""

    def __init__(self, session: Session, owner: SecretOwner = SecretOwner.ENDPOINT) -> None:
        self._session = session
        self._owner = owner

    def post(
        self, owner_id: str, act: str, person_id: str, content: Mapping[str, Any] | None = None
    ) -> None:
        self._session.execute(
            insert(ChangeRow).values(
                owner_kind=self._owner,
                owner_id=owner_id,
                act=act,
                content=dict(content or {}),
                person_id=person_id,
                recorded_at=recorded_at(),
            )
        )

    def find_page(
        self, *, owner_id: str | None = None, before: int | None = None, page_size: int = 50
    ) -> Sequence[RegisterChange]:
        """Newest first, of endpoints and sources alike, from below `before`."""
        query = select(ChangeRow).order_by(ChangeRow.change_no.desc()).limit(page_size)
        if owner_id is not None:
            query = query.where(ChangeRow.owner_id == owner_id)
        if before is not None:
            query = query.where(ChangeRow.change_no < before)
        return [
            RegisterChange.model_validate(
                {name: getattr(row, name) for name in RegisterChange.model_fields}
            )
            for row in self._session.scalars(query)
        ]
