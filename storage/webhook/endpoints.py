"""Endpoints that events are sent to, and the secrets of both directions, sealed."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Identity, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import NotFound
from domain.webhook import Endpoint, EndpointContent, EndpointStatus
from storage.base import Row, recorded_at


class EndpointRow(Row):
    __tablename__ = "webhook_endpoint"

    endpoint_id: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str]
    description: Mapped[str]
    kinds: Mapped[list[str]]
    status: Mapped[str]
    status_reason: Mapped[str]
    failing_since: Mapped[datetime | None]
    version: Mapped[int]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]


class SecretRow(Row):
    __tablename__ = "webhook_secret"

    secret_no: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    owner_kind: Mapped[str]
    owner_id: Mapped[str]
    sealed: Mapped[str]
    ends_at: Mapped[datetime | None]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]


class SecretOwner(StrEnum):
    ENDPOINT = "endpoint"
    SOURCE = "source"


class Secrets:
    """Sealed secrets by owner; what is sealed here is opened elsewhere."""

    def __init__(self, session: Session, owner: SecretOwner) -> None:
        self._session = session
        self._owner = owner

    def add(self, owner_id: str, sealed: str, *, person_id: str, before_until: datetime) -> None:
        """A further secret; those before it end by a time, if not sooner."""
        self._session.execute(
            update(SecretRow)
            .where(
                SecretRow.owner_kind == self._owner,
                SecretRow.owner_id == owner_id,
                or_(SecretRow.ends_at.is_(None), SecretRow.ends_at > before_until),
            )
            .values(ends_at=before_until)
        )
        self._session.execute(
            insert(SecretRow).values(
                owner_kind=self._owner,
                owner_id=owner_id,
                sealed=sealed,
                recorded_by=person_id,
                recorded_at=recorded_at(),
            )
        )

    def valid(self, owner_id: str, now: datetime) -> Sequence[str]:
        """What is sealed and valid, the newest first."""
        return self._session.scalars(
            select(SecretRow.sealed)
            .where(
                SecretRow.owner_kind == self._owner,
                SecretRow.owner_id == owner_id,
                or_(SecretRow.ends_at.is_(None), SecretRow.ends_at > now),
            )
            .order_by(SecretRow.secret_no.desc())
        ).all()

    def counts(self, now: datetime) -> dict[str, int]:
        """How many are valid, by owner."""
        rows = self._session.execute(
            select(SecretRow.owner_id, func.count())
            .where(
                SecretRow.owner_kind == self._owner,
                or_(SecretRow.ends_at.is_(None), SecretRow.ends_at > now),
            )
            .group_by(SecretRow.owner_id)
        )
        return dict(rows.all())


class Endpoints:
    """The register of receivers."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.secrets = Secrets(session, SecretOwner.ENDPOINT)

    def record(self, endpoint_id: str, content: EndpointContent, person_id: str) -> Endpoint:
        self._session.execute(
            insert(EndpointRow).values(
                endpoint_id=endpoint_id,
                url=content.url,
                description=content.description,
                kinds=list(content.kinds),
                status=EndpointStatus.ACTIVE,
                status_reason="",
                version=1,
                recorded_by=person_id,
                recorded_at=recorded_at(),
            )
        )
        return self.read(endpoint_id)

    def change(self, endpoint_id: str, content: EndpointContent) -> Endpoint:
        """Another address, description or other kinds; from the next attempt and event on."""
        return self._write(
            endpoint_id,
            url=content.url,
            description=content.description,
            kinds=list(content.kinds),
        )

    def set_status(self, endpoint_id: str, status: EndpointStatus, reason: str) -> Endpoint:
        return self._write(endpoint_id, status=status, status_reason=reason, failing_since=None)

    def record_failing(self, endpoint_id: str, since: datetime) -> datetime:
        """It did not take what was sent; since when that has been so without a break."""
        found = self._session.scalar(
            update(EndpointRow)
            .where(EndpointRow.endpoint_id == endpoint_id)
            .values(failing_since=func.coalesce(EndpointRow.failing_since, since))
            .returning(EndpointRow.failing_since)
            .execution_options(synchronize_session=False)
        )
        assert found is not None
        return found

    def record_taking(self, endpoint_id: str) -> datetime | None:
        """It took something; since when it had not, where it had not."""
        failing = self._session.scalar(
            select(EndpointRow.failing_since).where(EndpointRow.endpoint_id == endpoint_id)
        )
        if failing is not None:
            self._session.execute(
                update(EndpointRow)
                .where(EndpointRow.endpoint_id == endpoint_id)
                .values(failing_since=None)
            )
        return failing

    def read(self, endpoint_id: str, *, for_update: bool = False) -> Endpoint:
        query = select(EndpointRow).where(EndpointRow.endpoint_id == endpoint_id)
        if for_update:
            query = query.with_for_update()
        row = self._session.scalar(query.execution_options(populate_existing=True))
        if row is None:
            raise NotFound(kind="webhook endpoint", id=endpoint_id)
        valid = self.secrets.counts(recorded_at())
        return _endpoint(row, valid.get(row.endpoint_id, 0))

    def list_all(self) -> Sequence[Endpoint]:
        """All of them, the newest first."""
        valid = self.secrets.counts(recorded_at())
        rows = self._session.scalars(select(EndpointRow).order_by(EndpointRow.endpoint_id.desc()))
        return [_endpoint(row, valid.get(row.endpoint_id, 0)) for row in rows]

    def _write(self, endpoint_id: str, **values: object) -> Endpoint:
        self._session.execute(
            update(EndpointRow)
            .where(EndpointRow.endpoint_id == endpoint_id)
            .values(version=EndpointRow.version + 1, **values)
            .execution_options(synchronize_session=False)
        )
        return self.read(endpoint_id)


def _endpoint(row: EndpointRow, secrets: int) -> Endpoint:
    return Endpoint(
        endpoint_id=row.endpoint_id,
        # What was recorded is shown whatever kinds a later release knows.
        **EndpointContent.model_construct(
            url=row.url, description=row.description, kinds=tuple(row.kinds)
        ).model_dump(),
        status=EndpointStatus(row.status),
        status_reason=row.status_reason,
        failing_since=row.failing_since,
        secrets=secrets,
        version=row.version,
        recorded_by=row.recorded_by,
        recorded_at=row.recorded_at,
    )
