"""What `up`, `down` and `status` do: start the supervisor, ask it to stop, read what it says."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from creditflow.stack import state
from creditflow.stack.home import PROJECT, Home
from creditflow.stack.launch import birth

ADDRESSES = ("web", "temporal", "namespace", "temporal_ui", "database", "mail")
_FAILURES_MAX = 5

Tell = Callable[[str], None]


class StackFailed(RuntimeError):
    """The stack did not come up; the message carries the last lines of the log that says why."""


class OtherDate(RuntimeError):
    """The stack runs with another business date than the one asked for."""


@dataclass(frozen=True)
class Condition:
    """How the stack is: its addresses, and each program."""

    running: bool
    content: dict[str, Any]

    @property
    def ready(self) -> bool:
        return self.running and self.content.get("condition") == "ready"

    @property
    def addresses(self) -> dict[str, str]:
        return {name: str(self.content[name]) for name in ADDRESSES if name in self.content}


def status(home: Home) -> Condition:
    """How the stack of this folder is now."""
    running, content = state.running(home), state.read(home)
    writer = content.get("supervisor", {})
    if running and not (writer and birth(writer["pid"]) == writer["birth"]):
        # What one supervisor left in the file says nothing about the next.
        content = {"business_days_offset": content.get("business_days_offset", 0)}
    return Condition(running, content)


def up(home: Home, *, offset: int | None = None, tell: Tell, seconds_max: float = 180) -> bool:
    """Make everything answer; whether it was this call that started it.

    `offset` is the days from the calendar to the business date; None keeps that of last time.
    Where a program keeps failing this raises `StackFailed`, and the supervisor keeps trying.
    """
    found = status(home)
    kept = int(found.content.get("business_days_offset", 0))
    if found.running:
        if offset is not None and offset != kept:
            raise OtherDate(f"it runs {kept} days from the calendar, not {offset}; stop it first")
        if not found.ready:
            _await_ready(home, None, tell, seconds_max)
        return False
    home.make()
    supervisor = _start(home, kept if offset is None else offset)
    try:
        _await_ready(home, supervisor, tell, seconds_max)
    except StackFailed:
        raise
    except BaseException:
        # Whoever interrupts the start does not want it finished behind their back.
        supervisor.terminate()
        supervisor.wait()
        raise
    return True


def _start(home: Home, offset: int) -> "subprocess.Popen[bytes]":
    """Start the supervisor in a session of its own: it outlives the command and the terminal."""
    log = home.log / "supervisor.log"
    options = ("--home", str(home.root), "--offset", str(offset))
    with log.open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "creditflow.stack.supervisor", *options],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            cwd=PROJECT,
            start_new_session=True,
        )


def _await_ready(
    home: Home, supervisor: "subprocess.Popen[bytes] | None", tell: Tell, seconds_max: float
) -> None:
    deadline = time.monotonic() + seconds_max
    told: set[str] = set()
    while not (found := status(home)).ready:
        if not found.running and (supervisor is None or supervisor.poll() is not None):
            raise StackFailed(_last_words(home.log / "supervisor.log"))
        if found.running:
            _tell_progress(found, told, tell)
        if time.monotonic() > deadline:
            raise StackFailed(f"not ready after {seconds_max:.0f} s; see {home.log}")
        time.sleep(0.02)
    _tell_progress(found, told, tell)


def _tell_progress(found: Condition, told: set[str], tell: Tell) -> None:
    for name, program in found.content.get("programs", {}).items():
        if program["ready"] and program["needed"] and name not in told:
            told.add(name)
            tell(f"{name} is ready")
        if program["failures"] >= _FAILURES_MAX and program["needed"]:
            raise StackFailed(_last_words(Path(program["log"])))


def _last_words(log: Path, rows: int = 15) -> str:
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return "\n".join([*text.splitlines()[-rows:], f"(from {log})"])


def down(home: Home, *, seconds_max: float = 60) -> bool:
    """Stop everything and wait until it has; whether anything ran."""
    found = status(home)
    supervisor = found.content.get("supervisor", {})
    if not found.running or not supervisor:
        return False
    if birth(supervisor["pid"]) == supervisor["birth"]:
        os.kill(supervisor["pid"], signal.SIGTERM)
    deadline = time.monotonic() + seconds_max
    while state.running(home):
        if time.monotonic() > deadline:
            raise StackFailed(f"still stopping after {seconds_max:.0f} s; see {home.log}")
        time.sleep(0.02)
    return True


def days_from(today: date, business_on: date) -> int:
    """The offset that makes this business date today's."""
    return (business_on - today).days
