"""How records are opened: one engine a program, one session a transaction.

Stores (`Applications`, `Lines`, …) take the session and never commit; `Records.begin` does, once,
when its block ends without an error.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

import psycopg2
from sqlalchemy import DateTime, Engine, MetaData, Table, create_engine, event, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry

_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


_LAST = "at_the_end"


class Row(DeclarativeBase):
    """What every table row is; rows never leave `storage`, values do."""

    metadata = MetaData(naming_convention=_CONVENTION)
    type_annotation_map = {
        # Nothing is NULL, which queries ask for, and no JSON `null`.
        dict[str, Any]: JSONB(none_as_null=True),
        list[str]: JSONB(none_as_null=True),
        datetime: DateTime(timezone=True),
    }


def table_of(row: type[Row]) -> Table:
    """The table of rows of a kind; writing by one statement made of it takes a fifth of the time
    that one made anew for each row takes."""
    return cast(Table, row.__table__)


class Records:
    """The memory of one program. Refuses to guess a driver: write `postgresql+psycopg2://`.

    `policy` names the family of policy editions that is in force here (`storage.edition`).
    """

    rested_seconds: ClassVar[float] = 1.0  # after this long a connection is tried before it is used

    def __init__(
        self, database_url: str, *, connections_max: int = 20, policy: str = "standard"
    ) -> None:
        self._info = {"policy": policy}
        self.engine: Engine = create_engine(
            database_url,
            pool_size=connections_max,
            max_overflow=0,
            hide_parameters=True,
            connect_args={"application_name": "creditflow"},
        )
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        event.listen(self.engine, "checkin", _rests)
        event.listen(self.engine, "checkout", self._look_after_rest)

    def _look_after_rest(self, connection: Any, record: ConnectionPoolEntry, _: object) -> None:
        """Try a connection that has rested; one that is gone is replaced before it is used.

        Trying each time costs a round trip a transaction. A server that dies between two
        transactions of a busy program fails the next one, which its caller repeats.
        """
        since = record.info.get("rests_since")
        if since is None or time.monotonic() - since < self.rested_seconds:
            return
        try:
            self.engine.dialect.do_ping(connection)
        except psycopg2.Error as gone:
            raise DisconnectionError from gone

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One transaction: all of it is kept, or nothing."""
        session = Session(self.engine, expire_on_commit=False, info=self._info)
        with session, session.begin():
            yield session
            for last in session.info.pop(_LAST, ()) if session.in_transaction() else ():
                last(session)

    @contextmanager
    def autocommit(self) -> Iterator[Session]:
        """Each statement a transaction by itself: one round trip for what asks one question."""
        with Session(self._autocommit, expire_on_commit=False, info=self._info) as session:
            yield session

    def answers(self) -> bool:
        """True, or the driver's error where the memory cannot be reached."""
        with self.engine.connect() as connection:
            return bool(connection.scalar(select(1)))

    def close(self) -> None:
        self.engine.dispose()


def _rests(_: Any, record: ConnectionPoolEntry) -> None:
    record.info["rests_since"] = time.monotonic()


def at_the_end(session: Session, last: Callable[[Session], None]) -> None:
    """Have something written as the transaction ends, after all else."""
    session.info.setdefault(_LAST, []).append(last)


def recorded_at() -> datetime:
    """The instant a record is written; never an input of a judgement."""
    return datetime.now(UTC)
