"""One program of the stack as the supervisor sees it: begun, ready, ended, begun again."""

import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from creditflow.stack.launch import birth, listening, stop
from creditflow.stack.programs import Process, Program, now

_BACKOFF_SECONDS = (0.0, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


class Child:
    """One program of the stack, and how it is doing."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self.log = log
        self.process: Process | None = None
        self.ready = False
        self.was_ready = False
        self.failures = 0
        self.due = 0.0
        self.started_at = now()
        self._started = 0.0

    def start(self) -> None:
        self.started_at = now()
        self._started = time.monotonic()
        self._open_log()
        try:
            self.process = self.program.start(self.log)
        except (OSError, subprocess.SubprocessError) as refusal:
            self._failed(f"cannot be started: {refusal}")

    def look(self) -> bool:
        """Notice what became of it; whether anything changed."""
        if self.process is None:
            return False
        if self.process.poll() is not None:
            self._ended(self.process.returncode)
            return True
        if self.ready or self.program.once or not self.program.ready(self.started_at):
            return False
        self._became_ready()
        return True

    def _became_ready(self) -> None:
        self.ready = self.was_ready = True
        # Whoever gets this far is well: if it is killed, again and again, it is back at once.
        self.failures = 0
        say(f"{self.program.name} is ready after {time.monotonic() - self._started:.2f} s")

    def _ended(self, how: int) -> None:
        process, self.process, self.ready = self.process, None, False
        assert process is not None
        if self.program.once and how == 0:
            self.program.when_done()
            self._became_ready()
            return
        self._failed(f"(pid {process.pid}) ended, {_manner(how)}")

    def _failed(self, what: str) -> None:
        wait = _BACKOFF_SECONDS[min(self.failures, len(_BACKOFF_SECONDS) - 1)]
        self.failures += 1
        self.due = time.monotonic() + wait
        say(f"{self.program.name} {what}; again in {wait} s")

    @property
    def done(self) -> bool:
        return self.program.once and self.was_ready

    @property
    def shut_out(self) -> bool:
        """Whether it keeps ending because somebody else has taken its port."""
        failing = self.process is None and self.failures > 1
        return failing and any(map(listening, self.program.ports))

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process, self.program.farewell, self.program.farewell_seconds)
            self.process = None
            self.ready = False

    def _open_log(self) -> None:
        # A full disk must not stop what needs no more of it.
        with suppress(OSError):
            _turn_over(self.log)
            with self.log.open("a", encoding="utf-8") as stream:
                began = f"{self.started_at:%Y-%m-%d %H:%M:%S}Z"
                stream.write(f"── {began} {self.program.name} starts ──\n")

    def state(self) -> dict[str, Any]:
        pid = self.process.pid if self.process is not None else None
        return {
            "pid": pid,
            "birth": birth(pid) if pid is not None else None,
            "ready": self.ready or self.done,
            "failures": self.failures,
            "needed": self.program.needed,
            "log": str(self.log),
        }


def say(text: str) -> None:
    """One line in the supervisor's own log."""
    with suppress(OSError):
        print(f"{now():%Y-%m-%d %H:%M:%S.%f}Z {text}", flush=True)


def _manner(how: int) -> str:
    return f"killed by {signal.Signals(-how).name}" if how < 0 else f"status {how}"


def _turn_over(log: Path, bytes_max: int = 20 * 1024 * 1024) -> None:
    if log.exists() and log.stat().st_size > bytes_max:
        log.replace(log.with_suffix(".log.1"))
