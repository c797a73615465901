"""When a request is sent again: only where that cannot do a thing twice, and as asked to wait.

Reads, and writes under an idempotency key, may be repeated after a broken connection. An answer is
repeated only where the server says that nothing was done or that a twin is under way.
"""

import random
from dataclasses import dataclass

_BUSY = frozenset({502, 503, 504})
WAIT_SECONDS_MAX = 10.0


@dataclass(frozen=True)
class Retrying:
    """How often, and how long between."""

    attempts_max: int = 4
    seconds_first: float = 0.2

    def wait_after_break(self, attempt: int, *, repeatable: bool) -> float | None:
        """Seconds to wait after a broken connection; None where it must not be tried again."""
        if not repeatable or attempt >= self.attempts_max:
            return None
        return self._pause(attempt)

    def wait_after_answer(
        self, attempt: int, *, status: int, code: str, retry_after: str | None, repeatable: bool
    ) -> float | None:
        """Seconds to wait after an answer; None where the answer stands."""
        passing = status in _BUSY or code == "key_in_flight"
        if not passing or not repeatable or attempt >= self.attempts_max:
            return None
        asked = float(retry_after) if retry_after and retry_after.isdecimal() else 0.0
        if asked > WAIT_SECONDS_MAX:
            return None
        return max(asked, self._pause(attempt))

    def _pause(self, attempt: int) -> float:
        # Half of it by chance, so that those who broke off together do not come back together.
        longest = min(self.seconds_first * 2.0 ** (attempt - 1), WAIT_SECONDS_MAX)
        return longest * (0.5 + random.random() / 2)


RETRYING = Retrying()
