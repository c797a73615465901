"""Events told to other programs: written with the fact they tell, in one order per subject.

`post` belongs in the transaction of the fact. What is posted is written in one statement as that
transaction ends, so the lock of a subject's order is held for a moment, and always in one order.
"""

import json
import secrets
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import NotFound
from domain.event import Event, KeptEvent, Subject, SubjectKind
from domain.ids import uuid7_in_order
from domain.value import canonical
from storage.base import Row, at_the_end, recorded_at

_POSTED = "events_posted"


class StreamRow(Row):
    __tablename__ = "event_stream"

    event_no: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[str]
    key: Mapped[str]
    kind: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    sequence: Mapped[int] = mapped_column(BigInteger)
    data: Mapped[str]
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]


class SubjectRow(Row):
    __tablename__ = "event_subject"

    subject_kind: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)


class Events:
    """The stream of events, only ever added to."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def post(self, event: Event, key: str) -> None:
        """Tell whoever asked for it what this transaction records.

        The key is unique among the events of the kind: one under it already is the same event.
        """
        posted = self._session.info.get(_POSTED)
        if posted is None:
            posted = self._session.info[_POSTED] = []
            at_the_end(self._session, _write)
        posted.append(
            {
                "event_id": uuid7_in_order(time.time_ns(), secrets.token_bytes(10)),
                "key": f"{event.kind}/{key}",
                "kind": event.kind,
                "subject_kind": event.subject.kind,
                "subject_id": event.subject.id,
                "data": canonical(event.model_dump(mode="json")),
                "occurred_at": recorded_at().isoformat(),
            }
        )
        if self._session.in_nested_transaction():  # what a savepoint takes back was never told
            _write(self._session)

    def read(self, event_id: str) -> KeptEvent:
        row = self._session.scalar(select(StreamRow).where(StreamRow.event_id == event_id))
        if row is None:
            raise NotFound(kind="event", id=event_id)
        return kept_event(row)

    def list_of(self, subject: Subject) -> Sequence[KeptEvent]:
        """What happened to a subject, in its order."""
        rows = self._session.scalars(
            select(StreamRow)
            .where(StreamRow.subject_kind == subject.kind, StreamRow.subject_id == subject.id)
            .order_by(StreamRow.sequence)
        )
        return [kept_event(row) for row in rows]


def kept_event(row: StreamRow) -> KeptEvent:
    return KeptEvent(
        event_no=row.event_no,
        event_id=row.event_id,
        kind=row.kind,
        subject=Subject(kind=SubjectKind(row.subject_kind), id=row.subject_id),
        sequence=row.sequence,
        occurred_at=row.occurred_at,
        data=row.data,
    )


def _write(session: Session) -> None:
    posted: list[dict[str, Any]] = session.info.pop(_POSTED, [])
    if not posted:
        return
    # One order for everybody who locks several subjects; events of one keep theirs.
    posted.sort(key=lambda each: (each["subject_kind"], each["subject_id"]))
    session.execute(
        text("SELECT event_post(CAST(:events AS json))"), {"events": json.dumps(posted)}
    )
