"""Where the embedded stack keeps its files: `.creditflow/`, and what lies in it.

log/         one file a program
secrets/     passwords and keys, 0700
mail/        what the mail sink received, one .eml each
temporal/    Temporal's database
postgres/    PostgreSQL's files, or a pointer to them (see `postgres`)
stack.json   where everything answers; users.json: who may sign in; both 0600
"""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Home:
    """One installation's folder."""

    root: Path

    def __post_init__(self) -> None:
        assert self.root.is_absolute()

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def mail(self) -> Path:
        return self.root / "mail"

    @property
    def temporal(self) -> Path:
        return self.root / "temporal"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def data(self) -> Path:
        """What web and worker keep outside the database."""
        return self.root / "data"

    @property
    def stack_file(self) -> Path:
        return self.root / "stack.json"

    @property
    def users_file(self) -> Path:
        return self.root / "users.json"

    @property
    def lock_file(self) -> Path:
        return self.root / "supervisor.lock"

    def make(self) -> None:
        """Make the folders that are missing; secrets, logs and mails are the owner's alone.

        The root itself stays passable: a PostgreSQL server that runs as nobody has to reach
        its own files through it.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        for folder in (self.secrets, self.log, self.mail, self.temporal, self.data):
            folder.mkdir(mode=0o700, exist_ok=True)

    def secret(self, name: str, make: str | None = None) -> str:
        """A secret that is made once and stays; `make` is its first value if not a random one."""
        file = self.secrets / name
        if not file.exists():
            write_private(file, make or secrets.token_urlsafe(24))
        return file.read_text().strip()


def home() -> Home:
    """The folder the commands use: `CREDITFLOW_HOME`, else `.creditflow/` of the project.

    Installed as a wheel there is no project folder, and the current one takes its place.
    """
    named = os.environ.get("CREDITFLOW_HOME")
    if named:
        return Home(Path(named).resolve())
    base = PROJECT if (PROJECT / "pyproject.toml").exists() else Path.cwd()
    return Home(base / ".creditflow")


def write_private(file: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner alone from its first byte."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)


def read_json(file: Path) -> dict[str, Any]:
    """The JSON object in a file; empty where there is no such file."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    assert isinstance(content, dict)
    return content
