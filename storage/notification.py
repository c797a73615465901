"""The outbox: what is owed to people, programs and workflows, until it is delivered.

`post` belongs in the transaction that makes the notice due; how an entry is delivered is
`activities/notification.py`. A trigger notifies the listener of the entry's channel.
"""

import select as sockets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Engine, Identity, and_, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import KeyReused, NotFound
from domain.notification import Channel, DeliveryState, OutboxEntry, masked, seconds_to_wait
from domain.value import content_hash
from storage.base import Row, recorded_at, table_of

# What an entry says while it is being delivered, and after a deliverer that never came back.
UNREPORTED = "the last attempt has not reported back"


class OutboxRow(Row):
    __tablename__ = "outbox"

    entry_no: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    channel: Mapped[str]
    key: Mapped[str]
    recipient: Mapped[str]
    kind: Mapped[str]
    facts: Mapped[dict[str, Any]]
    case_id: Mapped[str | None]
    content_hash: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime]
    last_error: Mapped[str]
    sent_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]


_POST = (
    insert(table_of(OutboxRow))
    .on_conflict_do_nothing()
    .returning(table_of(OutboxRow).c.key, table_of(OutboxRow).c.content_hash)
)


class Outbox:
    """Entries owed to others, each written once under its channel and key."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def post(
        self,
        channel: str,
        key: str,
        *,
        recipient: str,
        kind: str,
        facts: dict[str, str],
        case_id: str | None = None,
    ) -> None:
        """Owe one delivery; a repeat changes nothing, other content refuses `KeyReused`."""
        self.post_all(channel, {key: recipient}, kind=kind, facts=facts, case_id=case_id)

    def post_all(
        self,
        channel: str,
        recipients: Mapping[str, str],
        *,
        kind: str,
        facts: dict[str, str],
        case_id: str | None = None,
    ) -> None:
        """Owe the same to several, each under a key of their own, as `post` does; in one round
        trip."""
        now, digests = recorded_at(), dict[str, str]()
        entries = []
        for key, recipient in recipients.items():
            content: dict[str, Any] = {
                "recipient": recipient,
                "kind": kind,
                "facts": facts,
                "case_id": case_id,
            }
            digests[key] = content_hash(content)
            entries.append(
                {
                    "channel": channel,
                    "key": key,
                    "content_hash": digests[key],
                    "state": DeliveryState.PENDING,
                    "attempts": 0,
                    "next_attempt_at": now,
                    "last_error": "",
                    "recorded_at": now,
                    **content,
                }
            )
        recorded: dict[str, str] = dict(self._session.execute(_POST, entries).all())
        before = sorted(set(digests) - set(recorded))  # there was one under these keys
        if before:
            there = select(OutboxRow.key, OutboxRow.content_hash).where(
                OutboxRow.channel == channel, OutboxRow.key.in_(before)
            )
            recorded |= dict(self._session.execute(there).all())
        for key, digest in digests.items():
            if recorded.get(key) != digest:
                raise KeyReused(key=key)

    def is_owed(self, channel: str, key: str) -> bool:
        """Whether there is an entry under this key, delivered or not."""
        found = select(OutboxRow.entry_no).where(OutboxRow.channel == channel, OutboxRow.key == key)
        return self._session.scalar(found) is not None

    def owed(self, channel: str, keys: Iterable[str]) -> set[str]:
        """Those of some keys under which there is an entry, delivered or not."""
        found = select(OutboxRow.key).where(
            OutboxRow.channel == channel, OutboxRow.key.in_(sorted(keys))
        )
        return set(self._session.scalars(found))

    def claim(self, channel: str, *, entries_max: int, lease_seconds: int) -> list[OutboxEntry]:
        """Take the entries that are due, oldest first, for as long as a delivery may last.

        The attempt counts from here, so an entry that kills its deliverer backs off like any
        other; nobody else claims it before the lease ends.
        """
        lease = text(
            "now() + make_interval(secs => greatest(:lease, least(2 ^ least(attempts, 9), 300)))"
        ).bindparams(lease=lease_seconds)
        due = (
            select(OutboxRow.entry_no)
            .where(
                OutboxRow.channel == channel,
                OutboxRow.state == DeliveryState.PENDING,
                OutboxRow.next_attempt_at <= func.now(),
            )
            .order_by(OutboxRow.entry_no)
            .limit(entries_max)
            .with_for_update(skip_locked=True)
        )
        rows = self._session.scalars(
            update(OutboxRow)
            .where(OutboxRow.entry_no.in_(due.scalar_subquery()))
            .values(attempts=OutboxRow.attempts + 1, next_attempt_at=lease, last_error=UNREPORTED)
            .returning(OutboxRow)
        )
        return sorted(map(_entry, rows), key=lambda entry: entry.entry_no)

    def record_sent(self, entry: OutboxEntry) -> None:
        """It was delivered; what let its reader act is forgotten here."""
        self._session.execute(
            update(OutboxRow)
            .where(
                OutboxRow.entry_no == entry.entry_no,
                OutboxRow.state != DeliveryState.SENT,
            )
            .values(
                state=DeliveryState.SENT,
                sent_at=recorded_at(),
                last_error="",
                facts=masked(entry.facts),
            )
        )

    def record_failure(self, entry: OutboxEntry, error: str, *, for_good: bool = False) -> None:
        """It was not delivered; a later attempt by somebody else is left as it is."""
        wait = timedelta(seconds=seconds_to_wait(entry.attempts))
        self._session.execute(
            update(OutboxRow)
            .where(
                OutboxRow.entry_no == entry.entry_no,
                OutboxRow.attempts == entry.attempts,
                OutboxRow.state == DeliveryState.PENDING,
            )
            .values(
                state=DeliveryState.FAILED if for_good else DeliveryState.PENDING,
                next_attempt_at=recorded_at() + wait,
                last_error=error[:500],
            )
        )

    def resume(self, entry_no: int) -> OutboxEntry:
        """Owe a given-up entry again, from now; one that is not given up stays as it is."""
        self._session.execute(
            update(OutboxRow)
            .where(OutboxRow.entry_no == entry_no, OutboxRow.state == DeliveryState.FAILED)
            .values(state=DeliveryState.PENDING, attempts=0, next_attempt_at=recorded_at())
        )
        return self.read(entry_no)

    def read(self, entry_no: int) -> OutboxEntry:
        row = self._session.scalar(select(OutboxRow).where(OutboxRow.entry_no == entry_no))
        if row is None:
            raise NotFound(kind="outbox entry", id=entry_no)
        self._session.refresh(row)
        return _entry(row)

    def find(self, channel: str, key: str) -> OutboxEntry | None:
        """The entry owed under a key."""
        row = self._session.scalar(
            select(OutboxRow).where(OutboxRow.channel == channel, OutboxRow.key == key)
        )
        return _entry(row) if row is not None else None

    def list_of_case(self, case_id: str) -> Sequence[OutboxEntry]:
        """What a case owed to people, oldest first; mask the facts before showing them."""
        rows = self._session.scalars(
            select(OutboxRow)
            .where(OutboxRow.case_id == case_id, OutboxRow.channel == Channel.MAIL)
            .order_by(OutboxRow.entry_no)
        )
        return [_entry(row) for row in rows]

    def list_failing(self, attempts: int, most: int) -> Sequence[OutboxEntry]:
        """What was given up, and what has failed this often; oldest first, facts masked."""
        rows = self._session.scalars(
            select(OutboxRow)
            .where(
                or_(
                    OutboxRow.state == DeliveryState.FAILED,
                    and_(OutboxRow.state == DeliveryState.PENDING, OutboxRow.attempts >= attempts),
                )
            )
            .order_by(OutboxRow.entry_no)
            .limit(most)
        )
        return [_entry(row).masked for row in rows]

    def find_page(
        self,
        *,
        before: int | None = None,
        page_size: int = 50,
        channel: str | None = None,
        state: str | None = None,
        case_id: str | None = None,
    ) -> Sequence[OutboxEntry]:
        """Newest first, from below `before`; facts are whole, so mask them before showing."""
        query = select(OutboxRow).order_by(OutboxRow.entry_no.desc()).limit(page_size)
        if before is not None:
            query = query.where(OutboxRow.entry_no < before)
        for column, wanted in (
            (OutboxRow.channel, channel),
            (OutboxRow.state, state),
            (OutboxRow.case_id, case_id),
        ):
            if wanted is not None:
                query = query.where(column == wanted)
        return [_entry(row) for row in self._session.scalars(query)]


def _entry(row: OutboxRow) -> OutboxEntry:
    return OutboxEntry.model_validate(
        {name: getattr(row, name) for name in OutboxEntry.model_fields}
    )


class Bell:
    """Rings when an entry of the channel is committed; a connection of its own listens."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def wait(self, seconds: float) -> bool:
        """Whether it rang within that time."""
        rang = bool(sockets.select([self._connection], [], [], seconds)[0])
        self._connection.poll()
        self._connection.notifies.clear()
        return rang


@contextmanager
def listening(engine: Engine, channel: str) -> Iterator[Bell]:
    """Listen for new entries of a channel until the block ends."""
    lent = engine.raw_connection()
    connection = lent.driver_connection
    assert connection is not None
    lent.detach()  # a listener is not one of the connections that transactions share
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'LISTEN "outbox_{channel}"')
        yield Bell(connection)
    finally:
        connection.close()
