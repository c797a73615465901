"""Collection's order of events: look, wait, look again; payments ring, people act, it ends once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from activities.refusals import Refusals
from activities.signatures import AuditSteps, CollectionSteps
from domain.audit import RefusedMessage
from domain.collection import (
    CollectionAction,
    CollectionLook,
    CollectionProgress,
    CollectionResult,
    CollectionStart,
    CollectionStatus,
)
from domain.errors import NotPermitted
from domain.money import Money
from tests.sandbox import RUNNER
from tests.servers import SkippingEnvironment
from workflows.collection import CollectionWorkflow

DAY = timedelta(days=1)


class FakeCollection(CollectionSteps):
    """A customer who owes until the test lets it pay; it is looked at once a day."""

    def __init__(self) -> None:
        self.owes = True
        self.looks: list[CollectionLook] = []
        self.actions: list[CollectionAction] = []

    @activity.defn
    def look_at_arrears(self, look: CollectionLook) -> CollectionProgress:
        self.looks.append(look)
        status = CollectionStatus.OPEN if self.owes else CollectionStatus.PAID
        return self._progress(status).model_copy(update={"look_again_at": look.at + DAY})

    @activity.defn
    def act_on_collection(self, action: CollectionAction) -> CollectionProgress:
        if action.person_id != "collector":
            raise NotPermitted(action=action.action)
        self.actions.append(action)
        closes = action.action == "close"
        return self._progress(CollectionStatus.CLOSED if closes else CollectionStatus.OPEN)

    def _progress(self, status: CollectionStatus) -> CollectionProgress:
        return CollectionProgress(
            collection_id="col-1",
            status=status,
            overdue=Money.of(500, "CNY"),
            days_past_due=9,
        )


class FakeAudit(AuditSteps):
    def __init__(self) -> None:
        self.refused: list[RefusedMessage] = []

    @activity.defn
    def record_refused_message(self, refused: RefusedMessage) -> None:
        self.refused.append(refused)


class Desk:
    """One collection under way, and what its fakes saw."""

    def __init__(self, handle: WorkflowHandle[Any, Any]) -> None:
        self.handle = handle
        self.steps = FakeCollection()
        self.audit = FakeAudit()

    async def result(self) -> CollectionResult:
        return CollectionResult.model_validate(await self.handle.result())


@asynccontextmanager
async def a_desk(env: SkippingEnvironment) -> AsyncIterator[Desk]:
    queue = f"collection-{id(env)}-{len(_made)}"
    _made.append(queue)
    desk = Desk(env.client.get_workflow_handle(f"collection/{queue}"))
    async with Worker(
        env.client,
        task_queue=queue,
        workflows=[CollectionWorkflow],
        activities=[
            desk.steps.look_at_arrears,
            desk.steps.act_on_collection,
            desk.audit.record_refused_message,
        ],
        activity_executor=ThreadPoolExecutor(4),
        workflow_runner=RUNNER,
        interceptors=[Refusals()],
    ):
        desk.handle = await env.client.start_workflow(
            CollectionWorkflow.run,
            CollectionStart(collection_id="col-1"),
            id=f"collection/{queue}",
            task_queue=queue,
        )
        await until(lambda: len(desk.steps.looks) == 1)
        yield desk
        if (await desk.handle.describe()).status is WorkflowExecutionStatus.RUNNING:
            await desk.handle.terminate()


_made: list[str] = []


async def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    for _ in range(int(seconds / 0.01)):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never held")


def a_message(**content: Any) -> dict[str, Any]:
    return {
        "person_id": "collector",
        "message_id": "m-1",
        "token": "t",
        "promised_on": date(2026, 4, 1).isoformat(),
        "reason": "by telephone",
        **content,
    }


async def test_it_is_looked_at_again_day_after_day_until_it_is_paid(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        await temporal_env.fast_forward(desk.handle, 3 * DAY + timedelta(hours=1))
        assert len(desk.steps.looks) == 4
        desk.steps.owes = False
        await temporal_env.fast_forward(desk.handle, DAY)
        result = await desk.result()

    assert result.status is CollectionStatus.PAID


async def test_a_payment_rings_and_it_is_looked_at_at_once(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        desk.steps.owes = False
        await desk.handle.signal(CollectionWorkflow.recheck)
        result = await desk.result()

    assert result.status is CollectionStatus.PAID
    assert len(desk.steps.looks) == 2


@pytest.mark.parametrize("by_signal", [False, True])
async def test_a_collector_closes_it_by_update_or_signal(
    temporal_env: SkippingEnvironment, by_signal: bool
) -> None:
    async with a_desk(temporal_env) as desk:
        if by_signal:
            await desk.handle.signal("close", a_message())
        else:
            answer = await desk.handle.execute_update("close", a_message())
            assert answer["status"] == "closed"
        result = await desk.result()

    assert result.status is CollectionStatus.CLOSED
    assert [action.action for action in desk.steps.actions] == ["close"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (None, "malformed"),
        ({"promised_on": "soon"}, "malformed"),
        (a_message(person_id="manager"), "not_permitted"),
    ],
)
async def test_what_is_refused_has_a_code_by_update_and_by_signal(
    temporal_env: SkippingEnvironment, message: Any, code: str
) -> None:
    async with a_desk(temporal_env) as desk:
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await desk.handle.execute_update("promise", message)
        await desk.handle.signal("promise", message)
        await until(lambda: bool(desk.audit.refused))

        cause = refused.value.cause
        assert isinstance(cause, ApplicationError)
        assert cause.type == code == desk.audit.refused[0].code
        assert desk.steps.actions == []


async def test_its_details_say_what_is_overdue(temporal_env: SkippingEnvironment) -> None:
    async with a_desk(temporal_env) as desk:
        # What the look found reaches the workflow a moment after the step has run.
        for _ in range(500):
            found = str(await desk.handle.query("__temporal_workflow_metadata"))
            if "overdue" in found:
                break
            await asyncio.sleep(0.01)

    assert "CNY 500.00 overdue, 9 days" in found
