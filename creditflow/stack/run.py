"""What `./run` does once everything is installed: start the stack, show the demonstration, wait.

    python -m creditflow.stack.run [--once] [--json] [--companies N]

What ran before stays; what this call started it stops, when asked by Ctrl-C or, with `--once`,
when the demonstration is done.
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from creditflow.commands.output import Exit, tell
from creditflow.stack import control
from creditflow.stack.home import Home, home


class Interrupted(BaseException):
    """Somebody asked us to stop; not an error, so that nothing on the way takes it for one."""


def main() -> int:
    given = _arguments().parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    # What takes hours under the standard edition takes seconds under the demonstration's.
    os.environ.setdefault("CREDITFLOW_POLICY", "demo")
    place = home()
    ours = False
    try:
        ours = _up(place)
        status = _demonstrate(given)
        if not given.once:
            _stay(place)
        return status
    except Interrupted:
        return Exit.DONE if not given.once else 130
    finally:
        if ours:
            _leave(place)


def _arguments() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(prog="./run", description="Start and show Creditflow.")
    arguments.add_argument("--once", action="store_true", help="end when the demonstration is done")
    arguments.add_argument("--json", action="store_true", help="its counts as the last line")
    arguments.add_argument("--companies", type=int, metavar="N", help="size of the sample book")
    return arguments


def _up(place: Home) -> bool:
    try:
        return control.up(place, tell=tell)
    except control.StackFailed as failure:
        tell(f"stack_failed: {failure}")
        control.down(place)
        sys.exit(Exit.UNREACHABLE)


def _demonstrate(given: argparse.Namespace) -> int:
    # Read in after the stack is up: it takes its time, and the servers use theirs.
    from creditflow import demo

    wishes = ["--json"] if given.json else []
    if given.companies is not None:
        wishes += ["--companies", str(given.companies)]
    return demo.main([*wishes, "--began-seconds-ago", f"{_age_seconds():.3f}"])


def _stay(place: Home) -> None:
    found = control.status(place)
    tell(f"\n{found.addresses.get('web')}    people and their passwords: {place.users_file}")
    tell("Ctrl-C stops everything.")
    while control.status(place).running:
        time.sleep(1)


def _leave(place: Home) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    tell("stopping")
    control.down(place)


def _interrupt(*_: object) -> NoReturn:
    raise Interrupted


def _age_seconds() -> float:
    """How long ago the command was typed: `run` becomes this process, so it is our own age."""
    try:
        stat = Path("/proc/self/stat").read_text()
        ticks = int(stat.rpartition(")")[2].split()[19])
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return time.process_time()
    return max(0.0, uptime - ticks / os.sysconf("SC_CLK_TCK"))


if __name__ == "__main__":
    sys.exit(main())
