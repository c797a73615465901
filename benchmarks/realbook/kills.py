"""Programs of a stack killed (-9) in turn, each again once all of them answer."""

import asyncio
import os
import signal
from collections import Counter
from contextlib import suppress
from random import Random

from creditflow.stack import control
from creditflow.stack.home import Home

VICTIMS = ("worker", "web", "postgres", "temporal")
_PAUSE_SECONDS = (2.0, 15.0)


async def kill_in_turn(home: Home, seed: int, killed: Counter[str]) -> None:
    """Until cancelled: once the stack is whole, let it work a little and kill the next."""
    chance = Random(f"{seed}/kills")
    while True:
        for victim in chance.sample(VICTIMS, len(VICTIMS)):
            await until_ready(home)
            await asyncio.sleep(chance.uniform(*_PAUSE_SECONDS))
            pid = control.status(home).content["pids"].get(victim)
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed[victim] += 1


async def until_ready(home: Home, seconds_max: float = 120) -> None:
    """Until everything answers; a stack that stays away ends the run."""
    for _ in range(int(seconds_max / 0.2)):
        if control.status(home).ready:
            return
        await asyncio.sleep(0.2)
    raise TimeoutError(f"the stack is not whole after {seconds_max:.0f} s; see {home.log}")
