"""Keeps the stack running: starts its programs in order, restarts those that end, stops them all.

    python -m creditflow.stack.supervisor --home .creditflow [--offset DAYS]

One thread, so that the kernel ends every child when this process ends, however it ends. It sleeps
until a child ends or somebody asks it to stop.
"""

import argparse
import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from creditflow.stack import state
from creditflow.stack.home import Home
from creditflow.stack.keys import database_passwords, write_secrets
from creditflow.stack.launch import birth, free_port, listening, stop
from creditflow.stack.postgres import PostgresMissing, prepare
from creditflow.stack.programs import PORTS_USUAL, Ports, Process, Program, Stack, now
from creditflow.stack.temporal import Temporal, TemporalMissing, find_binary

_LOOK_EVERY_SECONDS = 0.03
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


@dataclass
class Supervisor:
    """The programs of one stack, from its first start to its stop."""

    stack: Stack
    children: list[Child]
    stopping: bool = False
    moving: bool = False
    _waker: int = -1

    def run(self) -> None:
        """Until asked to stop, or until the stack has to move to other ports (`moving`)."""
        self._listen_for_signals()
        self._write("starting")
        while not self.stopping:
            changed = [self._care_for(child) for child in self.children]
            if any(changed):
                self._write(self._condition())
                self.moving = any(child.shut_out for child in self.children)
                self.stopping = self.stopping or self.moving
            if not self.stopping:
                self._sleep()
        self._stop_all()

    def _care_for(self, child: Child) -> bool:
        changed = child.look()
        idle = child.process is None and not child.done and not self.stopping
        if idle and child.due <= time.monotonic() and self._may_start(child):
            child.start()
            changed = True
        return changed

    def _may_start(self, child: Child) -> bool:
        ready = {other.program.name for other in self.children if other.was_ready}
        return ready.issuperset(child.program.after)

    def _condition(self) -> str:
        needed = (child for child in self.children if child.program.needed)
        return "ready" if all(child.ready or child.done for child in needed) else "starting"

    def _sleep(self) -> None:
        """Until a child ends, a restart falls due, or a starting one is worth another look."""
        until = [child.due for child in self.children if child.process is None and not child.done]
        seconds: float | None = None
        if any(child.process and not child.ready for child in self.children):
            seconds = _LOOK_EVERY_SECONDS
        elif until:
            seconds = max(_LOOK_EVERY_SECONDS, min(until) - time.monotonic())
        if select.select([self._waker], [], [], seconds)[0]:
            os.read(self._waker, 4096)

    def _listen_for_signals(self) -> None:
        self._waker, writer = os.pipe()
        for end in (self._waker, writer):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)

    def _asked_to_stop(self, *_: object) -> None:
        self.stopping = True

    def _stop_all(self) -> None:
        """Those that serve people first, together; then what they stood on."""
        say("stopping")
        self._write("stopping")
        for child in self.children:
            if child.process is not None and child.program.after:
                child.process.send_signal(child.program.farewell)
        for child in reversed(self.children):
            child.stop()
        self._write("stopped")
        say("stopped")

    def _write(self, condition: str) -> None:
        programs = {child.program.name: child.state() for child in self.children}
        with suppress(OSError):
            state.write(
                self.stack.home,
                {
                    **self.stack.addresses(),
                    "condition": condition,
                    "business_days_offset": self.stack.business_days_offset,
                    "ports": asdict(self.stack.ports),
                    "supervisor": {"pid": os.getpid(), "birth": birth(os.getpid())},
                    "pids": {name: one["pid"] for name, one in programs.items() if one["pid"]},
                    "programs": programs,
                },
            )


def say(text: str) -> None:
    """One line in the supervisor's own log."""
    with suppress(OSError):
        print(f"{now():%Y-%m-%d %H:%M:%S.%f}Z {text}", flush=True)


def _manner(how: int) -> str:
    return f"killed by {signal.Signals(-how).name}" if how < 0 else f"status {how}"


def _turn_over(log: Path, bytes_max: int = 20 * 1024 * 1024) -> None:
    if log.exists() and log.stat().st_size > bytes_max:
        log.replace(log.with_suffix(".log.1"))


def end_leftovers(before: Mapping[str, Any]) -> None:
    """Wait for, then end, what a supervisor that was killed has left behind."""
    programs = before.get("programs", {})
    for name, one in programs.items():
        pid, born = one.get("pid"), one.get("birth")
        deadline = time.monotonic() + 5
        while pid and born and birth(pid) == born:
            if time.monotonic() > deadline or name not in ("postgres",):
                say(f"ending {name} (pid {pid}), left by an earlier run")
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)


def assemble(home: Home, offset: int) -> Stack:
    """The stack of this folder, on the ports it had before where they are free."""
    before = state.read(home)
    end_leftovers(before)
    ports = _ports(before.get("ports", {}))
    postgres = prepare(home.postgres, database_passwords(home)).at(ports.database)
    temporal = Temporal(
        find_binary(),
        ports.temporal,
        ports.temporal_http,
        database=home.temporal / "temporal.db",
        ui_port=ports.temporal_ui,
        codec_url=f"http://127.0.0.1:{ports.web}/api/v1/codec",
    )
    stack = Stack(home, ports, postgres, temporal, offset)
    stack.write_profile()
    write_secrets(home, postgres)
    return stack


def _ports(before: Mapping[str, int]) -> Ports:
    chosen = os.environ.get("CREDITFLOW_WEB_PORT", "")
    taken: set[int] = set()

    def port(name: str, usual: int) -> int:
        wanted = int(chosen) if name == "web" and chosen.isdigit() else before.get(name, usual)
        found = free_port(wanted)
        while found in taken:
            found = free_port(0)
        if found != wanted:
            say(f"port {wanted} of {name} is in use; {found} instead")
        taken.add(found)
        return found

    return Ports(**{name: port(name, usual) for name, usual in PORTS_USUAL.items()})


def _lock(home: Home) -> None:
    """Be the only supervisor of this folder, or end quietly: the other one does the work."""
    handle = os.open(home.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    for _ in range(20):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            # Somebody may only be looking whether we run.
            time.sleep(0.05)
    say("another supervisor runs here")
    sys.exit(0)


def main() -> NoReturn:
    arguments = argparse.ArgumentParser(prog="creditflow.stack.supervisor")
    arguments.add_argument("--home", type=Path, required=True)
    arguments.add_argument("--offset", type=int, default=0)
    given = arguments.parse_args()
    home = Home(given.home.resolve())
    home.make()
    _lock(home)
    say(f"supervisor {os.getpid()} starts")
    try:
        stack = assemble(home, given.offset)
    except (PostgresMissing, TemporalMissing) as missing:
        say(str(missing))
        sys.exit(1)
    children = [Child(one, home.log / f"{one.name}.log") for one in stack.programs()]
    supervisor = Supervisor(stack, children)
    supervisor.run()
    if supervisor.moving:
        say("moving to other ports")
        os.execv(
            sys.executable, [sys.executable, "-m", "creditflow.stack.supervisor", *sys.argv[1:]]
        )
    sys.exit(0)


if __name__ == "__main__":
    main()
