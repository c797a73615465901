"""What the stack consists of: each program's command, what it waits for, and when it is ready."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from creditflow.stack import launch
from creditflow.stack.home import PROJECT, Home, write_private
from creditflow.stack.postgres import Postgres
from creditflow.stack.temporal import Temporal

CASES_QUEUE = "cases"

# The stack brings its own database and key, and programs start faster from compiled modules.
_NOT_PASSED = {"CREDITFLOW_DATABASE_URL", "CREDITFLOW_CODEC_KEY", "PYTHONDONTWRITEBYTECODE"}

Process = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Ports:
    """Where each program of the stack listens on 127.0.0.1."""

    web: int
    temporal: int
    temporal_http: int
    temporal_ui: int
    database: int
    mail: int


# Tried first; taken ones are moved.
PORTS_USUAL = {
    "web": 8080,
    "temporal": 7233,
    "temporal_http": 7243,
    "temporal_ui": 8233,
    "database": 54320,
    "mail": 1025,
}


@dataclass(frozen=True)
class Program:
    """One program: how it starts, what must be ready before, and how to tell that it is ready."""

    name: str
    start: Callable[[Path], Process]
    ready: Callable[[datetime], bool]  # given when it was started
    after: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    once: bool = False  # runs to its end, and is ready then
    needed: bool = True  # nobody has to wait for it
    farewell: signal.Signals = signal.SIGTERM
    farewell_seconds: float = 10
    when_done: Callable[[], None] = field(default=lambda: None)  # after a run to the end


@dataclass(frozen=True)
class Stack:
    """The servers and addresses the programs are made from."""

    home: Home
    ports: Ports
    postgres: Postgres
    temporal: Temporal
    business_days_offset: int

    @property
    def web_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.web}"

    @property
    def temporal_ui_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.temporal_ui}"

    def addresses(self) -> dict[str, str]:
        """Where everything answers, as `status --json` tells it."""
        return {
            "web": self.web_url,
            "temporal": self.temporal.address,
            "namespace": self.temporal.namespace,
            "temporal_ui": self.temporal_ui_url,
            "database": self.postgres.url(),
            "mail": f"smtp://127.0.0.1:{self.ports.mail}",
        }

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """What worker and web are told; of what was given, only free choices pass through."""
        passed = {
            name: text
            for name, text in given.items()
            if not name.startswith("TEMPORAL_") and name not in _NOT_PASSED
        }
        free = {"CREDITFLOW_PROFILE": "embedded", "PYTHONUNBUFFERED": "1"}
        if "CREDITFLOW_SMTP_HOST" not in given:
            free["CREDITFLOW_SMTP_HOST"] = "127.0.0.1"
            free["CREDITFLOW_SMTP_PORT"] = str(self.ports.mail)
        fixed = {
            "CREDITFLOW_HOME": str(self.home.root),
            "CREDITFLOW_SECRETS_DIR": str(self.home.secrets),
            "CREDITFLOW_DATA_DIR": str(self.home.data),
            "CREDITFLOW_MAIL_DIR": str(self.home.mail),
            "CREDITFLOW_PUBLIC_URL": self.web_url,
            "CREDITFLOW_WEB_HOST": "127.0.0.1",
            "CREDITFLOW_WEB_PORT": str(self.ports.web),
            "CREDITFLOW_TEMPORAL_UI_URL": self.temporal_ui_url,
            "CREDITFLOW_BUSINESS_DAYS_OFFSET": str(self.business_days_offset),
            "TEMPORAL_ADDRESS": self.temporal.address,
            "TEMPORAL_NAMESPACE": self.temporal.namespace,
            # A profile of the person's own may lead to another cluster.
            "TEMPORAL_CONFIG_FILE": str(self.home.temporal / "profile.toml"),
        }
        return free | passed | fixed

    def write_profile(self) -> None:
        """Let `temporal --config-file .creditflow/temporal/profile.toml` find this server."""
        text = (
            "[profile.default]\n"
            f'address = "{self.temporal.address}"\n'
            f'namespace = "{self.temporal.namespace}"\n'
        )
        write_private(self.home.temporal / "profile.toml", text)

    def programs(self) -> list[Program]:
        """Everything, in an order in which each comes after what it waits for."""
        return [
            Program(
                "postgres",
                self.postgres.start,
                lambda _: self.postgres.serves(),
                ports=(self.ports.database,),
                farewell=signal.SIGINT,
                farewell_seconds=30,
            ),
            Program(
                "temporal",
                self.temporal.start,
                lambda _: self.temporal.serves(),
                ports=(self.ports.temporal, self.ports.temporal_http, self.ports.temporal_ui),
            ),
            Program(
                "mail",
                self._start_mail,
                lambda _: launch.listening(self.ports.mail),
                ports=(self.ports.mail,),
            ),
            *([self._records()] if self._records_due() else []),
            Program(
                "worker",
                self._python("worker.py"),
                self._worker_polls,
                self._before_work(),
                farewell_seconds=15,
            ),
            Program(
                "web",
                self._python("-m", "web.app"),
                self._web_answers,
                self._before_work(),
                ports=(self.ports.web,),
            ),
            Program(
                "workflows",
                self._python("-m", "creditflow.stack.provision", "workflows"),
                lambda _: False,
                ("worker", "web"),
                once=True,
                needed=False,
            ),
        ]

    def _before_work(self) -> tuple[str, ...]:
        return ("postgres", "temporal", *(("records",) if self._records_due() else ()))

    def _records(self) -> Program:
        return Program(
            "records",
            self._python("-m", "creditflow.stack.provision", "records"),
            lambda _: False,
            ("postgres",),
            once=True,
            when_done=lambda: write_private(self._stamp, self._fingerprint()),
        )

    @property
    def _stamp(self) -> Path:
        # Beside the database's own files: it goes when they go.
        return self.postgres.folder / "provisioned"

    def _records_due(self) -> bool:
        """Whether tables, users or editions may differ from what this release ships."""
        stamped = self._stamp.read_text() if self._stamp.exists() else ""
        return stamped != self._fingerprint() or not self.home.users_file.exists()

    def _fingerprint(self) -> str:
        shipped = [
            *(PROJECT / "storage" / "migrations").rglob("*.py"),
            *(PROJECT / "policies" / "editions").glob("*.toml"),
            PROJECT / "creditflow" / "stack" / "provision.py",
        ]
        digest = hashlib.sha256()
        for file in sorted(shipped):
            digest.update(str(file.relative_to(PROJECT)).encode() + b"\0" + file.read_bytes())
        return digest.hexdigest()

    def _python(self, *arguments: str) -> Callable[[Path], Process]:
        def start(log: Path) -> Process:
            return launch.start(
                [sys.executable, *arguments],
                log=log,
                environment=self.environment(os.environ),
                directory=PROJECT,
            )

        return start

    def _start_mail(self, log: Path) -> Process:
        command = ("-m", "creditflow.stack.mailsink", "--port", str(self.ports.mail))
        return self._python(*command, "--folder", str(self.home.mail))(log)

    def _worker_polls(self, started_at: datetime) -> bool:
        return self.temporal.polled(CASES_QUEUE, started_at)

    def _web_answers(self, started_at: datetime) -> bool:
        return healthy(self.ports.web)


def healthy(port: int) -> bool:
    """Whether the web process says that it is well."""
    server = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        server.request("GET", "/healthz")
        return server.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        server.close()


def now() -> datetime:
    return datetime.now(UTC)
