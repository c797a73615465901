"""Programs that send hooks to us, each with the service account it acts as."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import AlreadyExists, NotFound
from domain.webhook import Source, SourceContent, SourceStatus
from storage.base import Row, recorded_at
from storage.webhook.endpoints import SecretOwner, Secrets


class SourceRow(Row):
    __tablename__ = "hook_source"

    source_id: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str]
    description: Mapped[str]
    status: Mapped[str]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]


class Sources:
    """The register of senders."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.secrets = Secrets(session, SecretOwner.SOURCE)

    def record(self, content: SourceContent, person_id: str) -> Source:
        """Refuses `AlreadyExists`: what comes under a name once comes from one program."""
        written = self._session.scalar(
            insert(SourceRow)
            .values(
                **content.model_dump(),
                status=SourceStatus.ACTIVE,
                recorded_by=person_id,
                recorded_at=recorded_at(),
            )
            .on_conflict_do_nothing()
            .returning(SourceRow.source_id)
        )
        if written is None:
            raise AlreadyExists(kind="hook source", id=content.source_id)
        return self.read(content.source_id)

    def set_status(self, source_id: str, status: SourceStatus) -> Source:
        self._session.execute(
            update(SourceRow).where(SourceRow.source_id == source_id).values(status=status)
        )
        return self.read(source_id)

    def read(self, source_id: str) -> Source:
        found = self.find(source_id)
        if found is None:
            raise NotFound(kind="hook source", id=source_id)
        return found

    def find(self, source_id: str) -> Source | None:
        row = self._session.scalar(
            select(SourceRow)
            .where(SourceRow.source_id == source_id)
            .execution_options(populate_existing=True)
        )
        if row is None:
            return None
        return _source(row, len(self.secrets.valid(source_id, recorded_at())))

    def list_all(self) -> Sequence[Source]:
        valid = self.secrets.counts(recorded_at())
        rows = self._session.scalars(select(SourceRow).order_by(SourceRow.source_id))
        return [_source(row, valid.get(row.source_id, 0)) for row in rows]


def _source(row: SourceRow, secrets: int) -> Source:
    return Source(
        source_id=row.source_id,
        person_id=row.person_id,
        description=row.description,
        status=SourceStatus(row.status),
        secrets=secrets,
        recorded_by=row.recorded_by,
        recorded_at=row.recorded_at,
    )
