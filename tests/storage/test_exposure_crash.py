"""What was acknowledged is there after a crash: the server killed, whole, while reservations run.

The twin shows that the test can fail: the same procedure without its wait for the disk loses some.
"""

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from creditflow.stack.launch import free_port, stop
from creditflow.stack.postgres import Passwords, Postgres, prepare
from storage.base import Records
from storage.exposure import Exposure
from storage.migrations import upgrade
from tests.makers_line import TODAY, cny, open_line
from tests.servers import driver_named, wait_until

pytestmark = pytest.mark.long

CRASHES = 4
CLIENTS = 8


@pytest.fixture
def server(tmp_path: Path) -> Postgres:
    return prepare(tmp_path / "postgres", Passwords("test", "test")).at(free_port(0))


def test_nothing_acknowledged_is_lost_when_the_server_is_killed(server: Postgres) -> None:
    acknowledged, lost = crash_under_load(server)

    assert len(acknowledged) > 1000
    assert lost == set()


def test_without_the_wait_for_the_disk_the_same_crashes_lose_some(server: Postgres) -> None:
    _, lost = crash_under_load(server, wait_for_disk=False)

    assert lost


def crash_under_load(server: Postgres, *, wait_for_disk: bool = True) -> tuple[set[str], set[str]]:
    """Keys that were answered over several crashes, and those of them that are not on record."""
    with running(server):
        server.create_owner()
        upgrade(url := driver_named(server.url()))
        records = Records(url)
        open_line(records, limit=cny(10**12), group_id="group-1")
        if not wait_for_disk:
            drop_the_wait(url)
        records.close()
    acknowledged: set[str] = set()
    for crash in range(CRASHES):
        acknowledged |= load_until_killed(server, f"crash-{crash}")
    with running(server):
        records = Records(url)
        exposure = Exposure(records)
        proof = exposure.verify()
        assert proof.holds, proof.discrepancies
        with records.begin() as session:
            found = set(session.scalars(text("SELECT key FROM exposure_entry")))
        exposure.close()
        records.close()
    return acknowledged, acknowledged - found


def load_until_killed(server: Postgres, name: str) -> set[str]:
    answered: set[str] = set()
    with running(server) as postmaster:
        records = Records(driver_named(server.url()))
        exposure = Exposure(records, connections_max=CLIENTS)

        def client(number: int) -> None:
            n = 0
            while True:
                key = f"{name}-{number}-{n}"
                try:
                    exposure.reserve("line-1", cny(1), key, business_on=TODAY)
                except OperationalError:
                    return
                answered.add(key)
                n += 1

        threads = [threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        time.sleep(1.5)
        for pid in [postmaster, *children_of(postmaster)]:
            os.kill(pid, signal.SIGKILL)
        for thread in threads:
            thread.join()
        exposure.close()
        records.close()
    return answered


def children_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in children.split()]


def drop_the_wait(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        source = connection.scalar(
            text(
                "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = 'exposure_reserve_plain'"
            )
        )
        changed, count = re.subn(r"PERFORM pg_logical_emit_message\([^;]*;", "", str(source))
        assert count == 1
        connection.exec_driver_sql(changed.replace("%", "%%"))
    engine.dispose()


@contextmanager
def running(server: Postgres) -> Iterator[int]:
    log = server.folder / "log"
    process = server.start(log)
    try:
        wait_until(server.answers, "PostgreSQL answers", log)
        yield process.pid
    finally:
        stop(process, signal.SIGINT, 10)
