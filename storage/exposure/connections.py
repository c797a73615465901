"""The connections that movements run on: each commits by itself, none is asked whether it is alive.

A pool of its own, because the engine's would spend a second round trip on that question, and on its
bookkeeping as much time as the driver takes for the whole call.
"""

from collections import deque
from queue import Empty, SimpleQueue
from typing import Any

import psycopg2
from sqlalchemy import URL

WAIT_SECONDS_MAX = 30
STATEMENT_SECONDS_MAX = 20  # behind a lock, too; asked again, its key tells what became of it


class Connections:
    """At most so many connections, the one used last first, each with its cursor."""

    def __init__(
        self, url: URL, connections_max: int, statement_seconds_max: float = STATEMENT_SECONDS_MAX
    ) -> None:
        self._options = f"-c statement_timeout={round(statement_seconds_max * 1000)}"
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._places: SimpleQueue[None] = SimpleQueue()
        for _ in range(connections_max):
            self._places.put(None)
        self._idle: deque[Any] = deque()

    def call(self, statement: str, values: tuple[Any, ...]) -> Any:
        """Execute one statement and fetch its one row.

        Raises the driver's `OperationalError` where no connection can be had or the server goes
        away; then every idle connection is as dead, and is forgotten. `QueryCanceled` where it takes
        longer than a caller waits.
        """
        try:
            self._places.get(timeout=WAIT_SECONDS_MAX)
        except Empty:
            raise psycopg2.OperationalError("no connection became free in time") from None
        try:
            cursor = self._take()
            try:
                cursor.execute(statement, values)
                return cursor.fetchone()
            finally:
                if cursor.connection.closed:
                    self.close()
                else:
                    self._idle.append(cursor)
        finally:
            self._places.put(None)

    def close(self) -> None:
        """Close what is idle; what is in use is closed by whoever finds it broken."""
        while True:
            try:
                self._idle.pop().connection.close()
            except IndexError:
                return

    def _take(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            connection = psycopg2.connect(
                self._address,
                application_name="creditflow exposure",
                connect_timeout=10,
                options=self._options,
            )
            connection.autocommit = True
            return connection.cursor()
