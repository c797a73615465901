"""New ids, by the clock and chance of this program."""

import secrets
import time

from domain.ids import uuid7


def new_id() -> str:
    """An id that sorts by time and names nobody."""
    return uuid7(time.time_ns() // 1_000_000, secrets.token_bytes(10))
