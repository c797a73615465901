"""The real servers tests run against: one PostgreSQL and one Temporal a test process.

Both are started on the product's own footing, so that neither outlives its test process.
"""

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import text
from sqlalchemy.orm import Session
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper, TimeSkippingConfig, WorkflowEnvironment

from creditflow.stack.launch import free_port, stop
from creditflow.stack.postgres import OWNER, SUPERUSER, Passwords, Postgres, prepare
from creditflow.stack.temporal import FAST, SKIPPING, Temporal, find_binary
from storage.migrations import upgrade

TEMPLATE = "template_creditflow"


class Databases:
    """A server with a migrated template, of which each test gets a copy.

    Making one takes ten times as long as emptying it, so that one whose tables are as the template's
    is emptied and given out again, under another name: whoever still holds the old one writes into
    no other test.
    """

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._count = 0
        self._uses: dict[str, int] = {}
        self._empty: list[tuple[str, int]] = []  # with how often each was used
        self._order(f"CREATE ROLE {OWNER} LOGIN PASSWORD '{server.passwords.owner}'")
        self._order(f"CREATE DATABASE {TEMPLATE} OWNER {OWNER}")
        upgrade(driver_named(server.url(TEMPLATE)))
        self._form = self._order(_FORM, TEMPLATE)

    def copy(self) -> str:
        """The name of a database like the template."""
        self._count += 1
        name, used = f"test_{self._count}", 0
        if self._empty:
            before, used = self._empty.pop()
            self._order(f"ALTER DATABASE {before} RENAME TO {name}")
        else:
            self._order(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER {OWNER}")
        self._uses[name] = used + 1
        return name

    def drop(self, name: str) -> None:
        """Take a database back: emptied, or gone where its tables were changed or have grown, or it
        has been used for long."""
        used = self._uses.pop(name)
        if used < USES_MAX:
            self._order(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
            self._order(f"SELECT pg_terminate_backend(pid, 5000) {_OF_OTHERS.format(name)}")
            self._order(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
            if self._order(_FORM, name) == self._form:
                self._order(_EMPTY, name)
                self._empty.append((name, used))
                return
        self._order(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, name: str) -> str:
        """The address of a database for SQLAlchemy, as the owner of the tables."""
        return driver_named(self._server.url(name))

    def _order(self, statement: str, name: str = "postgres") -> Any:
        connection = psycopg2.connect(self._server.url(name, SUPERUSER))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            rows = cursor.fetchall() if cursor.description else None
        connection.close()
        return rows


USES_MAX = 25
_OF_OTHERS = "FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()"
# What a test may have changed beside rows: each object of the catalogue as it was last written.
_FORM = """
    SELECT md5(string_agg(said, '|' ORDER BY said)) FROM (
        SELECT concat('p', oid, xmin) FROM pg_proc WHERE oid >= 16384
        UNION ALL SELECT concat('t', oid, xmin) FROM pg_trigger
        UNION ALL SELECT concat('c', oid, xmin) FROM pg_constraint WHERE oid >= 16384
        UNION ALL SELECT concat('a', a.attrelid, a.attnum, a.xmin) FROM pg_attribute a
            JOIN pg_class r ON r.oid = a.attrelid WHERE a.attrelid >= 16384 AND r.relkind <> 't'
        UNION ALL SELECT concat('d', oid, xmin) FROM pg_attrdef
        UNION ALL SELECT concat('r', oid, xmin) FROM pg_rewrite WHERE oid >= 16384
        UNION ALL SELECT concat('o', oid, relname, relacl, reloptions, relrowsecurity)
            FROM pg_class WHERE oid >= 16384 AND relkind <> 't'
        UNION ALL SELECT concat('l', oid) FROM pg_class WHERE pg_relation_size(oid) > 1000000
        UNION ALL SELECT concat('s', setconfig) FROM pg_db_role_setting
        UNION ALL SELECT concat('v', version_num) FROM alembic_version
    ) forms (said)
"""
_EMPTY = """
    SET session_replication_role = replica;
    DO $$
    DECLARE
        place record;
    BEGIN
        FOR place IN SELECT oid::regclass AS name FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
                AND relname <> 'alembic_version' AND pg_relation_size(oid) > 0
        LOOP
            EXECUTE format('DELETE FROM %s', place.name);
        END LOOP;
        FOR place IN SELECT format('%I.%I', schemaname, sequencename)::regclass AS name, start_value
            FROM pg_sequences WHERE last_value IS NOT NULL
        LOOP
            PERFORM setval(place.name, place.start_value, false);
        END LOOP;
    END
    $$
"""


def driver_named(url: str) -> str:
    """SQLAlchemy takes the plain form for another driver."""
    return url.replace("postgresql://", "postgresql+psycopg2://", 1)


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """A running server that trusts the disk, and is killed when its test process is."""
    server = prepare(folder, Passwords("test", "test")).at(free_port(0))
    process = server.start(folder / "log", durable=False)
    try:
        wait_until(server.answers, "PostgreSQL answers", folder / "log")
        yield server
    finally:
        stop(process, signal.SIGQUIT, 10)


class SkippingEnvironment(WorkflowEnvironment):
    """Time stands still for a workflow until a test moves it on with `fast_forward`.

    The SDK's own environment would leave its server behind when a test process is killed.
    """

    def __init__(self, client: Client) -> None:
        self._skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
        super().__init__(self._skipper.client)

    @property
    def supports_time_skipping_v2(self) -> bool:
        return True

    async def fast_forward(
        self, handle: WorkflowHandle[Any, Any], duration: timedelta | float | None = None, /
    ) -> bool:
        """Move one workflow's clock on, or to its end; False when it ended before the time was up."""
        return await self._skipper.fast_forward(handle, duration)

    async def get_current_time(self, handle: WorkflowHandle[Any, Any] | None = None) -> datetime:
        """What time it is for this workflow."""
        assert handle is not None, "each workflow has its own clock"
        return await self._skipper.get_current_time(handle)


@asynccontextmanager
async def skipping(folder: Path, *switches: str) -> AsyncIterator[SkippingEnvironment]:
    """A running Temporal server, in memory, that can skip time; `switches` are its own."""
    every = (*FAST, *SKIPPING, *switches)
    server = Temporal(find_binary(), free_port(0), free_port(0), switches=every)
    process = server.start(folder / "temporal.log")
    try:
        wait_until(server.answers, "Temporal answers", folder / "temporal.log")
        client = await Client.connect(
            server.address, namespace=server.namespace, data_converter=pydantic_data_converter
        )
        yield SkippingEnvironment(client)
    finally:
        stop(process, signal.SIGKILL, 10)
        # The SDK's runtime may crash a process that ends on the heels of its last server.
        await asyncio.sleep(0.3)


def wait_until(holds: Callable[[], bool], what: str, log: Path, seconds: float = 30) -> None:
    """Look every few milliseconds until it holds; fail with the log's last lines if it never does."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s until {what}:\n{log.read_text()[-2000:]}")
        time.sleep(0.02)


def until_waiting(session: Session, count: int) -> None:
    """Until so many others wait for a lock, as for one that the session holds."""
    waiting = text("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
    for _ in range(600):
        if session.execute(waiting).scalar_one() == count:
            return
        threading.Event().wait(0.05)
    raise AssertionError(f"{count} do not wait")
