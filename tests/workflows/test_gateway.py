"""A workflow that was started under an id is not started again, whether it still runs or has ended."""

from typing import Any

import pytest
from temporalio.exceptions import WorkflowAlreadyStartedError

from web.service.gateway import TemporalGateway


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
