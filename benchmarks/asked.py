"""How often a process has asked the database, and for how long it waited, for another to read."""

import mmap
import struct
import time
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine, event

_FORM = struct.Struct("qqd")


class Asked(NamedTuple):
    """Queries, commits, and the seconds that both took."""

    queries: int
    commits: int
    seconds: float

    def since(self, before: "Asked") -> "Asked":
        return Asked(*(now - then for now, then in zip(self, before, strict=True)))

    def __add__(self, other: object) -> "Asked":
        assert isinstance(other, Asked)
        return Asked(*(a + b for a, b in zip(self, other, strict=True)))


class Counter:
    """Counts what an engine asks into a file; made anew by whoever counts."""

    def __init__(self, engine: Engine, file: Path) -> None:
        file.write_bytes(bytes(_FORM.size))
        with file.open("r+b") as opened:
            self._kept = mmap.mmap(opened.fileno(), _FORM.size)
        self._asked = Asked(0, 0, 0.0)
        self._commit = engine.dialect.do_commit
        event.listen(engine, "before_cursor_execute", self._begins)
        event.listen(engine, "after_cursor_execute", self._ends)
        engine.dialect.do_commit = self._commits  # type: ignore[method-assign]

    def _begins(self, *told: Any) -> None:
        told[4]._creditflow_began = time.perf_counter()

    def _ends(self, *told: Any) -> None:
        self._count(Asked(1, 0, time.perf_counter() - told[4]._creditflow_began))

    def _commits(self, connection: Any) -> None:
        began = time.perf_counter()
        self._commit(connection)
        self._count(Asked(0, 1, time.perf_counter() - began))

    def _count(self, more: Asked) -> None:
        self._asked += more
        self._kept[:] = _FORM.pack(*self._asked)


def read(file: Path) -> Asked:
    """What was counted so far."""
    return Asked(*_FORM.unpack(file.read_bytes()))
