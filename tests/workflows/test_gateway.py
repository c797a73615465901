"""A workflow that was started under an id is not started again, whether it still runs or has ended;
who waits no longer for an answer leaves nothing behind."""

import asyncio
import gc
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError

from tests.servers import SkippingEnvironment
from web.service.gateway import StillPending, TemporalGateway


class Ended:
    """A Temporal in which every workflow has run already."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def start_workflow(self, workflow: str, payload: dict[str, Any], **said: Any) -> None:
        self.asked.append(said["id"])
        raise WorkflowAlreadyStartedError(said["id"], workflow)


def test_a_run_that_has_ended_is_left_alone() -> None:
    ended = Ended()

    async def connect() -> Any:
        return ended

    gateway = TemporalGateway(connect)
    try:
        gateway.start("ReratingWorkflow", "runs/rerating/r/preview", {}, queue="portfolio")
    except WorkflowAlreadyStartedError:
        pytest.fail("a repeat of a start is no fault")
    finally:
        gateway.close()

    assert ended.asked == ["runs/rerating/r/preview"]


async def test_an_answer_that_is_not_waited_for_is_not_reported_as_forgotten(
    temporal_env: SkippingEnvironment,
) -> None:
    forgotten: list[dict[str, Any]] = []
    address = temporal_env.client.service_client.config.target_host
    namespace = temporal_env.client.namespace

    async def connect() -> Client:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: forgotten.append(told))
        return await Client.connect(address, namespace=namespace)

    def ask() -> str:
        try:
            gateway.update_with_start("Any", "w", {}, "submit", queue="nobody", seconds_max=0.5)
        except StillPending:
            return "pending"
        return "answered"

    gateway = TemporalGateway(connect)
    try:
        assert await asyncio.to_thread(ask) == "pending"
        gc.collect()
    finally:
        await asyncio.to_thread(gateway.close)
    await temporal_env.client.get_workflow_handle("w").terminate()

    assert forgotten == []
