"""Events owed to endpoints: claimed in the order of their subject, tried, and logged.

The rows are made with the event, by `event_post`. A delivery whose subject has an earlier one
pending at the same endpoint waits for it; other subjects and endpoints do not.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Identity, Integer, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import NotFound
from domain.event import KeptEvent, Subject, SubjectKind
from domain.webhook import Attempt, Delivery, DeliveryStatus, Redelivery
from storage.base import Row
from storage.event import StreamRow, kept_event

ANSWER_SHOWN = 500  # characters of what an endpoint answered
UNREPORTED = "unreported"  # the last attempt has not reported back


class DeliveryRow(Row):
    __tablename__ = "webhook_delivery"

    delivery_no: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    endpoint_id: Mapped[str]
    event_no: Mapped[int] = mapped_column(BigInteger)
    subject: Mapped[str]
    status: Mapped[str]
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime]
    first_failed_at: Mapped[datetime | None]
    answer_status: Mapped[int | None] = mapped_column(Integer)
    last_error: Mapped[str]
    delivered_at: Mapped[datetime | None]


class AttemptRow(Row):
    __tablename__ = "webhook_attempt"

    attempt_no: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    delivery_no: Mapped[int] = mapped_column(BigInteger)
    attempted_at: Mapped[datetime]
    answer_status: Mapped[int | None] = mapped_column(Integer)
    duration_ms: Mapped[int]
    error: Mapped[str]
    answer: Mapped[str]


class Due(NamedTuple):
    """A delivery that was claimed, with where it goes."""

    delivery_no: int
    endpoint_id: str
    url: str
    attempts: int
    first_failed_at: datetime | None
    event: KeptEvent


class Mark(NamedTuple):
    """What one attempt came to."""

    at: datetime
    status: int | None
    duration_ms: int
    error: str = ""
    answer: str = ""


class Deliveries:
    """What is owed to endpoints, and what became of it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def claim(
        self, now: datetime, *, busy: Iterable[str], lease: timedelta, most: int
    ) -> list[Due]:
        """Take what is due at endpoints that are not busy, one each, until the lease ends."""
        rows = self._session.execute(
            _CLAIM,
            {"now": now, "busy": sorted(busy), "until": now + lease, "most": most},
        ).all()
        if not rows:
            return []
        events = {
            row.event_no: kept_event(row)
            for row in self._session.scalars(
                select(StreamRow).where(StreamRow.event_no.in_([each.event_no for each in rows]))
            )
        }
        return [
            Due(
                delivery_no=row.delivery_no,
                endpoint_id=row.endpoint_id,
                url=row.url,
                attempts=row.attempts,
                first_failed_at=row.first_failed_at,
                event=events[row.event_no],
            )
            for row in rows
        ]

    def record_attempt(self, due: Due, mark: Mark) -> None:
        self._session.execute(
            insert(AttemptRow).values(
                delivery_no=due.delivery_no,
                attempted_at=mark.at,
                answer_status=mark.status,
                duration_ms=mark.duration_ms,
                error=mark.error,
                answer=mark.answer[:ANSWER_SHOWN],
            )
        )

    def record_delivered(self, due: Due, mark: Mark) -> None:
        self._mark(
            due,
            status=DeliveryStatus.DELIVERED,
            answer_status=mark.status,
            last_error="",
            delivered_at=mark.at,
            first_failed_at=None,
        )

    def record_failed(self, due: Due, mark: Mark, wait: timedelta, *, give_up: bool) -> None:
        """It was not taken; another attempt comes, or none by itself."""
        self._mark(
            due,
            status=DeliveryStatus.GIVEN_UP if give_up else DeliveryStatus.PENDING,
            answer_status=mark.status,
            last_error=mark.error,
            next_attempt_at=mark.at + wait,
            first_failed_at=due.first_failed_at or mark.at,
        )

    def hasten(self, endpoint_id: str, now: datetime) -> None:
        """Let everything that waits for an endpoint be tried now: it takes again."""
        self._session.execute(
            update(DeliveryRow)
            .where(
                DeliveryRow.endpoint_id == endpoint_id,
                DeliveryRow.status == DeliveryStatus.PENDING,
                DeliveryRow.last_error != UNREPORTED,
            )
            .values(next_attempt_at=now, first_failed_at=None)
        )

    def redeliver(self, delivery_no: int, now: datetime) -> Delivery:
        """Owe one again, from now, under the id that it has."""
        self._session.execute(
            update(DeliveryRow)
            .where(DeliveryRow.delivery_no == delivery_no)
            .values(
                status=DeliveryStatus.PENDING,
                attempts=0,
                next_attempt_at=now,
                first_failed_at=None,
                last_error="",
            )
        )
        return self.read(delivery_no)

    def redeliver_range(self, endpoint_id: str, wanted: Redelivery, now: datetime) -> int:
        """Owe again what happened in a range, also what was not owed then; how many events."""
        found = self._session.execute(
            _REDELIVER,
            {
                "endpoint": endpoint_id,
                "since": wanted.since,
                "until": wanted.until,
                "now": now,
                "all": not wanted.undelivered_only,
            },
        ).all()
        if found:
            self.ring()
        return len(found)

    def ring(self) -> None:
        """Wake the deliverer once this is committed."""
        self._session.execute(select(func.pg_notify("outbox_webhook", "")))

    def read(self, delivery_no: int) -> Delivery:
        found = self._deliveries(DeliveryRow.delivery_no == delivery_no)
        if not found:
            raise NotFound(kind="delivery", id=delivery_no)
        return found[0]

    def attempts(self, delivery_no: int) -> Sequence[Attempt]:
        """The log of a delivery, oldest first."""
        rows = self._session.scalars(
            select(AttemptRow)
            .where(AttemptRow.delivery_no == delivery_no)
            .order_by(AttemptRow.attempt_no)
        )
        return [
            Attempt.model_validate({name: getattr(row, name) for name in Attempt.model_fields})
            for row in rows
        ]

    def find_page(
        self,
        *,
        before: int | None = None,
        page_size: int = 50,
        endpoint_id: str | None = None,
        status: DeliveryStatus | None = None,
        kind: str | None = None,
        subject_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[Delivery]:
        """Newest first, from below `before`; the range is of when it happened."""
        wanted: list[ColumnElement[bool]] = []
        for column, given in (
            (DeliveryRow.endpoint_id, endpoint_id),
            (DeliveryRow.status, status),
            (StreamRow.kind, kind),
            (StreamRow.subject_id, subject_id),
        ):
            if given is not None:
                wanted.append(column == given)
        if before is not None:
            wanted.append(DeliveryRow.delivery_no < before)
        if since is not None:
            wanted.append(StreamRow.occurred_at >= since)
        if until is not None:
            wanted.append(StreamRow.occurred_at <= until)
        return self._deliveries(*wanted, page_size=page_size)

    def _mark(self, due: Due, **values: Any) -> None:
        # One that was claimed anew since, or redelivered, is somebody else's by now.
        self._session.execute(
            update(DeliveryRow)
            .where(
                DeliveryRow.delivery_no == due.delivery_no,
                DeliveryRow.attempts == due.attempts,
                DeliveryRow.status == DeliveryStatus.PENDING,
            )
            .values(**values)
        )

    def _deliveries(self, *wanted: ColumnElement[bool], page_size: int = 1) -> list[Delivery]:
        rows = self._session.execute(
            select(DeliveryRow, StreamRow)
            .join(StreamRow, StreamRow.event_no == DeliveryRow.event_no)
            .where(*wanted)
            .order_by(DeliveryRow.delivery_no.desc())
            .limit(page_size)
            .execution_options(populate_existing=True)
        )
        return [_delivery(delivery, event) for delivery, event in rows]


def _delivery(row: DeliveryRow, event: StreamRow) -> Delivery:
    return Delivery(
        delivery_no=row.delivery_no,
        endpoint_id=row.endpoint_id,
        event_id=event.event_id,
        kind=event.kind,
        subject=Subject(kind=SubjectKind(event.subject_kind), id=event.subject_id),
        sequence=event.sequence,
        occurred_at=event.occurred_at,
        status=DeliveryStatus(row.status),
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        first_failed_at=row.first_failed_at,
        answer_status=row.answer_status,
        last_error=row.last_error,
        delivered_at=row.delivered_at,
    )


# One a subject: an earlier one that is pending, be it leased or backing off, holds the later ones.
# One an endpoint and claim; how many are under way at one is the deliverer's business (`busy`).
_CLAIM = text(
    """
    WITH due AS (
        SELECT DISTINCT ON (d.endpoint_id) d.delivery_no, p.url
        FROM webhook_delivery d JOIN webhook_endpoint p USING (endpoint_id)
        WHERE d.status = 'pending' AND d.next_attempt_at <= :now AND p.status = 'active'
            AND d.endpoint_id <> ALL (CAST(:busy AS text[]))
            AND NOT EXISTS (
                SELECT FROM webhook_delivery earlier
                WHERE earlier.endpoint_id = d.endpoint_id AND earlier.subject = d.subject
                    AND earlier.status = 'pending' AND earlier.event_no < d.event_no)
        ORDER BY d.endpoint_id, d.event_no
    ), taken AS (
        SELECT d.delivery_no, due.url FROM webhook_delivery d JOIN due USING (delivery_no)
        WHERE d.status = 'pending' AND d.next_attempt_at <= :now
        ORDER BY d.event_no LIMIT :most FOR UPDATE OF d SKIP LOCKED
    )
    UPDATE webhook_delivery d
    SET attempts = d.attempts + 1, next_attempt_at = :until, last_error = 'unreported'
    FROM taken WHERE d.delivery_no = taken.delivery_no
    RETURNING d.delivery_no, d.endpoint_id, d.event_no, d.attempts, d.first_failed_at, taken.url
    """
)

_REDELIVER = text(
    """
    INSERT INTO webhook_delivery AS d (endpoint_id, event_no, subject, next_attempt_at)
    SELECT p.endpoint_id, e.event_no, e.subject_kind || '/' || e.subject_id, :now
    FROM event_stream e JOIN webhook_endpoint p ON p.endpoint_id = :endpoint
    WHERE e.occurred_at BETWEEN :since AND :until AND CASE WHEN e.subject_kind = 'endpoint'
        THEN p.endpoint_id = e.subject_id
        ELSE p.kinds = '[]' OR p.kinds ? e.kind END
    ORDER BY e.event_no
    ON CONFLICT (endpoint_id, event_no) DO UPDATE
    SET status = 'pending', attempts = 0, next_attempt_at = :now, first_failed_at = NULL,
        last_error = ''
    WHERE :all OR d.status <> 'delivered'
    RETURNING d.delivery_no
    """
)
