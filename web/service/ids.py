"""New ids, by the clock and chance of this program."""

import secrets
import time

from domain.ids import uuid7_in_order


def new_id() -> str:
    """An id that names nobody and sorts after those this program made before."""
    return uuid7_in_order(time.time_ns(), secrets.token_bytes(10))
