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
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from creditflow.stack import state
from creditflow.stack.assembly import assemble
from creditflow.stack.child import Child, say
from creditflow.stack.home import Home
from creditflow.stack.launch import birth
from creditflow.stack.placing import PostgresMissing
from creditflow.stack.programs import Stack
from creditflow.stack.temporal import TemporalMissing

_LOOK_EVERY_SECONDS = 0.03


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
