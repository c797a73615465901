"""Limit moves while orders run: the sum of both lines is the same at every instant anybody reads it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from sqlalchemy import text

from domain.errors import OverLimit
from domain.move import MoveStatus
from tests.web.test_moves import A, B, Moving, cny, house, moving, seals

__all__ = ["house", "moving", "seals"]

MOVES = 5
SUMS = """
    SELECT (SELECT sum(limit_minor) FROM exposure_account WHERE kind = 'line'),
        (SELECT sum(limit_minor) FROM (SELECT DISTINCT ON (account_no) limit_minor
            FROM exposure_entry WHERE limit_minor IS NOT NULL AND account_no IN
                (SELECT account_no FROM exposure_account WHERE kind = 'line')
            ORDER BY account_no, seq DESC) newest),
        (SELECT count(*) FROM exposure_account WHERE kind = 'line'
            AND reserved_minor + used_minor > limit_minor)
"""


class Running:
    """Something done again and again beside the test, until it is left; what it raises is raised."""

    def __init__(self, turn: Callable[[int], None]) -> None:
        self._turn, self._over = turn, threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self.turns = 0

    def _run(self) -> None:
        while not self._over.is_set():
            self._turn(self.turns)
            self.turns += 1

    def __enter__(self) -> "Running":
        self._done = self._pool.submit(self._run)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._done.result()
        self._pool.shutdown()


def test_the_sum_of_both_limits_stays_at_every_instant_while_orders_run(
    moving: Moving,
) -> None:
    seen: set[tuple[int, int, int]] = set()
    release, exposure = moving.people["release"], moving.services.exposure

    def order(turn: int) -> None:
        line = (A, B)[turn % 2]
        with suppress(OverLimit):
            taken = exposure.reserve(release, line, cny(1_900_000), f"order-{turn}")
            exposure.release(release, line, taken.reservation_id or "", f"back-{turn}")

    def look(_: int) -> None:
        with moving.services.records.begin() as session:
            accounts, entries, over = session.execute(text(SUMS)).one()
        seen.add((int(accounts), int(entries), int(over)))

    asked = 0
    with Running(order) as orders, Running(look) as looks:
        while asked < MOVES or not (orders.turns and looks.turns):
            with suppress(OverLimit):  # what an order holds just then does not move
                move = moving.asks(cny(100_001))
                asked += 1
                while moving.view(move).move.status is MoveStatus.PENDING:
                    with suppress(OverLimit):
                        moving.decides(move)

    assert seen == {(600_000_000, 600_000_000, 0)}
    assert sum(limit.minor for limit in moving.limits()) == 600_000_000
    assert moving.limits()[0] == cny(3_000_000 - 100_001 * asked)
    assert exposure.verify(moving.people["auditor"]).holds
