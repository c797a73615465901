"""What a benchmark measures against: servers of its own, and the processor time that they take."""

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from creditflow.stack.launch import free_port, stop
from creditflow.stack.postgres import Passwords, prepare
from creditflow.stack.temporal import FAST, Temporal, find_binary
from storage.migrations import upgrade

_TICKS = os.sysconf("SC_CLK_TCK")


class Servers(NamedTuple):
    """A PostgreSQL with the product's tables and default durability, and a Temporal on a file."""

    database_url: str
    temporal_address: str
    pids: tuple[int, int]
    folder: Path


@contextmanager
def servers() -> Iterator[Servers]:
    """Both, new and empty, for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="creditflow-bench-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        with started(place, new=True) as found:
            upgrade(found.database_url)
            yield found


@contextmanager
def started(place: Path, *, new: bool) -> Iterator[Servers]:
    """Both servers on the files of a folder, started side by side."""
    place.mkdir(exist_ok=True)
    place.chmod(0o755)
    postgres = prepare(place / "postgres", Passwords("bench", "bench")).at(free_port(0))
    database = place / "temporal.db"
    temporal = Temporal(find_binary(), free_port(0), free_port(0), switches=FAST, database=database)
    processes = [postgres.start(place / "postgres.log"), temporal.start(place / "temporal.log")]
    try:
        _wait(postgres.answers, "PostgreSQL")
        _wait(temporal.answers, "Temporal")
        if new:
            postgres.create_owner()
        url = postgres.url().replace("postgresql://", "postgresql+psycopg2://", 1)
        pids = (processes[0].pid, processes[1].pid)
        yield Servers(url, temporal.address, pids, place)
    finally:
        stop(processes[1], signal.SIGTERM, 10)
        stop(processes[0], signal.SIGINT, 10)


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time that these processes and all below them have taken so far."""
    each = {pid for root in pids for pid in (root, *_below(root))}  # a root may be below another
    return sum(map(_ticks, each)) / _TICKS


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    # utime, stime, and those of children that have ended and were waited for
    return sum(map(int, fields[11:15]))


def _below(root: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            try:
                parent = int((each / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents.setdefault(parent, []).append(int(each.name))
    found, left = [], [root]
    while left:
        children = parents.get(left.pop(), [])
        found += children
        left += children
    return found


def _wait(answers: Callable[[], bool], name: str) -> None:
    deadline = time.monotonic() + 60
    while not answers():
        assert time.monotonic() < deadline, f"{name} does not answer"
        time.sleep(0.05)
