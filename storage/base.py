"""How records are opened: one engine a program, one session a transaction.

Stores (`Applications`, `Lines`, …) take the session and never commit; `Records.begin` does, once,
when its block ends without an error.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Engine, MetaData, create_engine, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session

_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(DeclarativeBase):
    """What every table row is; rows never leave `storage`, values do."""

    metadata = MetaData(naming_convention=_CONVENTION)
    type_annotation_map = {
        dict[str, Any]: JSONB,
        list[str]: JSONB,
        datetime: DateTime(timezone=True),
    }


class Records:
    """The memory of one program. Refuses to guess a driver: write `postgresql+psycopg2://`.

    `policy` names the family of policy editions that is in force here (`storage.edition`).
    """

    def __init__(
        self, database_url: str, *, connections_max: int = 20, policy: str = "standard"
    ) -> None:
        self._info = {"policy": policy}
        self.engine: Engine = create_engine(
            database_url,
            pool_size=connections_max,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"application_name": "creditflow"},
        )

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One transaction: all of it is kept, or nothing."""
        session = Session(self.engine, expire_on_commit=False, info=self._info)
        with session, session.begin():
            yield session

    def answers(self) -> bool:
        """True, or the driver's error where the memory cannot be reached."""
        with self.engine.connect() as connection:
            return bool(connection.scalar(select(1)))

    def close(self) -> None:
        self.engine.dispose()


def recorded_at() -> datetime:
    """The instant a record is written; never an input of a judgement."""
    return datetime.now(UTC)
