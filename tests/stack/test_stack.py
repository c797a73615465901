"""The embedded stack, for real: what is killed comes back with everything it knew."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest

from creditflow.stack.launch import birth

PROJECT = Path(__file__).resolve().parents[2]
CHILDREN = ("postgres", "temporal", "mail", "worker", "web")


@dataclass(frozen=True)
class Installation:
    """One folder of a stack, and the commands typed for it."""

    home: Path

    def type(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        ours = ("CREDITFLOW_", "TEMPORAL_")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        environment |= {"CREDITFLOW_HOME": str(self.home), **variables}
        return subprocess.run(
            [sys.executable, "-m", "creditflow.cli", *command],
            capture_output=True,
            text=True,
            cwd=PROJECT,
            env=environment,
        )

    def up(self, *options: str, **variables: str) -> dict[str, str]:
        started = self.type("up", "--json", *options, **variables)
        assert started.returncode == 0, started.stderr
        addresses: dict[str, str] = json.loads(started.stdout)
        return addresses

    @property
    def state(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.home / "stack.json").read_text())
        return content

    @property
    def pids(self) -> dict[str, int]:
        pids: dict[str, int] = self.state["pids"]
        return {name: pids[name] for name in CHILDREN if name in pids}

    def order(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database answers."""
        connection = psycopg2.connect(self.state["database"])
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
        connection.close()
        return rows

    def outbox_run(self) -> str:
        """Which run of the mail outbox Temporal knows as running."""
        wanted = "WorkflowId = 'outbox/mail' AND ExecutionStatus = 'Running'"
        server = HTTPConnection("127.0.0.1", self.state["ports"]["temporal_http"], timeout=5)
        server.request("GET", f"/api/v1/namespaces/credit/workflows?query={quote(wanted)}")
        answer = json.loads(server.getresponse().read())
        server.close()
        [found] = answer["executions"]
        run: str = found["execution"]["runId"]
        return run


def eventually(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A running stack with a table of the test's own."""
    made = Installation(tmp_path_factory.mktemp("stack") / "home")
    try:
        made.up()
        made.order("CREATE TABLE kept (word text)")
        made.order("INSERT INTO kept VALUES ('kept')")
        eventually(lambda: made.state["programs"]["workflows"]["ready"])
        yield made
    finally:
        made.type("down")


def test_status_says_where_everything_is(installation: Installation) -> None:
    told = json.loads(installation.type("status", "--json").stdout)

    assert set(told) == {"web", "temporal", "namespace", "temporal_ui", "database", "mail"}
    assert told["namespace"] == "credit"
    assert installation.state["condition"] == "ready"


def test_a_second_up_changes_nothing(installation: Installation) -> None:
    before = installation.pids

    addresses = installation.up()

    assert installation.pids == before
    assert addresses["web"] == installation.state["web"]


def test_another_business_date_is_refused_while_it_runs(installation: Installation) -> None:
    refused = installation.type("up", "--as-of", "2020-06-30", "--json")

    assert refused.returncode == 6
    assert json.loads(refused.stdout)["code"] == "other_date"


def test_a_business_date_is_refused_in_production(installation: Installation) -> None:
    refused = installation.type("up", "--as-of", "2020-06-30", CREDITFLOW_PROFILE="production")

    assert refused.returncode == 1
    assert "production" in refused.stderr


def test_secrets_are_their_owners_alone(installation: Installation) -> None:
    for name in ("users.json", "stack.json"):
        assert (installation.home / name).stat().st_mode & 0o077 == 0
    for folder in ("secrets", "log", "mail", "temporal"):
        assert (installation.home / folder).stat().st_mode & 0o077 == 0
    password = (installation.home / "secrets" / "postgres_owner").read_text()
    for pid in installation.pids.values():
        assert password.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
        assert password.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.parametrize("name", CHILDREN)
def test_a_program_that_is_killed_comes_back_with_what_it_knew(
    installation: Installation, name: str
) -> None:
    before, run = installation.pids, installation.outbox_run()

    os.kill(before[name], signal.SIGKILL)

    eventually(lambda: installation.pids.get(name, before[name]) != before[name])
    eventually(lambda: installation.state["condition"] == "ready")
    assert installation.order("SELECT word FROM kept") == [("kept",)]
    assert installation.outbox_run() == run
    others = {one: pid for one, pid in before.items() if one != name}
    assert others.items() <= installation.pids.items()


def test_nothing_outlives_the_supervisor_and_everything_resumes(
    installation: Installation,
) -> None:
    before, run = installation.state, installation.outbox_run()
    births = {pid: birth(pid) for pid in before["pids"].values()}

    os.kill(before["supervisor"]["pid"], signal.SIGKILL)

    eventually(lambda: all(birth(pid) != born for pid, born in births.items()))
    assert installation.type("status").returncode == 3
    addresses = installation.up()
    assert addresses == {name: before[name] for name in addresses}
    assert installation.order("SELECT word FROM kept") == [("kept",)]
    assert installation.outbox_run() == run


def test_down_leaves_no_process(installation: Installation) -> None:
    state = installation.state
    births = {pid: birth(pid) for pid in [*state["pids"].values(), state["supervisor"]["pid"]]}

    assert installation.type("down").returncode == 0

    assert all(birth(pid) != born for pid, born in births.items())
    assert installation.type("status").returncode == 3
    assert installation.type("down").returncode == 0


def test_a_port_in_use_is_moved_and_the_business_date_kept(installation: Installation) -> None:
    before = installation.state
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # past talks still linger
        taken.bind(("127.0.0.1", before["ports"]["web"]))
        taken.listen()

        moved = installation.up("--as-of", "2020-06-30")

    assert moved["web"] != before["web"]
    assert moved["temporal"] == before["temporal"]
    assert installation.state["business_days_offset"] < 0
    assert installation.order("SELECT word FROM kept") == [("kept",)]
