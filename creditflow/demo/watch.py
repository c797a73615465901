"""Where cases stand: one look for everybody who waits, however many wait."""

import asyncio
import time
from collections.abc import AsyncIterator

from creditflow.client import CreditflowError
from creditflow.client import values as v
from creditflow.client.calls import reading
from creditflow.demo.office import Person

PAUSE_SECONDS = 0.2
_PAGE_SIZE = 200


class Watch:
    """Cases as the list of one person shows them, newest first."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._waiting: dict[asyncio.Future[v.Case], tuple[str, int]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._seen: dict[str, v.Case] = {}

    async def found(self, case_id: str, seconds_max: float) -> v.Case:
        """The case, once it is on record; `TimeoutError` where it is not in time."""
        known = self._seen.get(case_id)
        if known is None or known.open:
            await self._look([case_id])
        return self._seen.get(case_id) or await self._next(case_id, 0, seconds_max)

    async def moved(self, case: v.Case, seconds_max: float) -> v.Case:
        """The case once something was written of it; as it is, where nothing is in time."""
        try:
            return await self._next(case.case_id, case.version, seconds_max)
        except TimeoutError:
            return case

    async def _next(self, case_id: str, version: int, seconds_max: float) -> v.Case:
        future: asyncio.Future[v.Case] = asyncio.get_running_loop().create_future()
        self._waiting[future] = (case_id, version)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._watch())
        try:
            return await asyncio.wait_for(future, seconds_max)
        finally:
            self._waiting.pop(future, None)

    async def _watch(self) -> None:
        while self._waiting:
            began = time.monotonic()
            try:
                await self._look([case_id for case_id, _ in self._waiting.values()])
            except CreditflowError as error:
                for future in self._waiting:
                    future.set_exception(error)
                return
            # A slow look is followed by a longer pause: whoever is looked at has work to do.
            await asyncio.sleep(PAUSE_SECONDS + time.monotonic() - began)

    async def _look(self, wanted: list[str]) -> None:
        missing = set(wanted)
        async for case in self._cases():
            missing.discard(case.case_id)
            self._seen[case.case_id] = case
            for future, (case_id, version) in list(self._waiting.items()):
                if case_id == case.case_id and case.version != version and not future.done():
                    future.set_result(case)
            if not missing:
                return

    async def _cases(self) -> AsyncIterator[v.Case]:
        cursor: str | None = None
        while True:
            page = await self._person.run(
                reading("/applications", v.Page[v.Case], page_size=_PAGE_SIZE, cursor=cursor)
            )
            for case in page.items:
                yield case
            cursor = page.next_cursor
            if cursor is None:
                return
