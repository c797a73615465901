"""What a scenario is given: an installation at work, and a way to keep the histories it makes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from domain.calendar import business_on
from tests import servers
from tests.replay.files import save
from tests.road import Road, a_road
from tests.servers import SkippingEnvironment
from workflows.codec import data_converter

# The day on which the small book of the monitoring tests is looked at.
BOOK_ON = date(2026, 4, 2)
# Histories are carried over from this many events on, on a server of its own.
SHORT = "limit.historyCount.suggestContinueAsNew=16"


class Tape:
    """One installation, recorded; `kept` are the histories it has made."""

    def __init__(self, road: Road) -> None:
        self.road = road
        self.kept: list[Path] = []

    @property
    def offset_days(self) -> int:
        """From today to the day of the book."""
        return (BOOK_ON - business_on(datetime.now(UTC))).days

    def workflow(self, workflow_id: str, run_id: str | None = None) -> WorkflowHandle[Any, Any]:
        return self.road.client.get_workflow_handle(workflow_id, run_id=run_id)

    async def keep(self, name: str, workflow_id: str, run_id: str | None = None) -> None:
        """Keep a history as it is now, of a workflow that has ended or that has not."""
        handle = self.workflow(workflow_id, run_id)
        self.kept.append(save(name, await handle.fetch_history()))

    async def keep_ended(self, name: str, workflow_id: str) -> None:
        """Keep a history once its workflow has ended."""
        await self.started(workflow_id)
        await self.workflow(workflow_id).result()
        await self.keep(name, workflow_id)

    async def started(self, workflow_id: str) -> None:
        """Until the workflow is there."""

        async def there() -> bool:
            try:
                await self.workflow(workflow_id).describe()
            except RPCError:
                return False
            return True

        await self.until(there, f"{workflow_id} is started")

    async def pass_time(self, workflow_id: str, duration: timedelta) -> None:
        """Move one workflow's clock on."""
        await self.road.environment.fast_forward(self.workflow(workflow_id), duration)

    async def until(self, holds: Callable[[], Awaitable[bool]], what: str) -> None:
        for _ in range(400):
            if await holds():
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"it never came to: {what}")

    async def until_true(self, holds: Callable[[], bool], what: str) -> None:
        """The same of our own records, which are read in a thread."""

        async def looked() -> bool:
            return await asyncio.to_thread(holds)

        await self.until(looked, what)


@asynccontextmanager
async def studio(folder: Path) -> AsyncIterator[Callable[..., Any]]:
    """Where a recording is made; yields what opens a fresh installation.

    Each has a Temporal of its own: they call their lines and reviews by the same ids.
    """
    with servers.postgres(folder / "postgres") as server:
        databases = servers.Databases(server)

        @asynccontextmanager
        async def installation(name: str, *, short_histories: bool) -> AsyncIterator[Tape]:
            home = folder / name
            home.mkdir()
            switches = (SHORT,) if short_histories else ()
            database = databases.url(databases.copy())
            async with (
                servers.skipping(home, *switches) as environment,
                a_road(database, _in_clear(environment), home) as road,
            ):
                yield Tape(road)

        yield installation


def _in_clear(environment: SkippingEnvironment) -> SkippingEnvironment:
    """With a client that writes what the product writes, but not encrypted."""
    config = environment.client.config()
    config["data_converter"] = data_converter(None)
    config["interceptors"] = []
    return SkippingEnvironment(Client(**config))
