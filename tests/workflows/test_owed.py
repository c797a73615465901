"""Every entry of the temporal channel has one meaning, and a repeat of it changes nothing."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.notification import TemporalDelivery, Undeliverable, Undelivered
from activities.refusals import refusal
from domain.errors import CreditError, Draining, OutOfOrder
from domain.notification import Channel, MessageKind, OutboxEntry, WorkflowMessage
from tests.servers import SkippingEnvironment
from worker import CASE_WORKFLOWS, PORTFOLIO_WORKFLOWS
from workflows.owed import owed_message

NOW = datetime(2026, 1, 5, tzinfo=UTC)
QUEUE = "owed-test"


def an_entry(kind: str, facts: dict[str, str], attempts: int = 1) -> OutboxEntry:
    return OutboxEntry(
        entry_no=1,
        channel=Channel.TEMPORAL,
        key="freeze-1",
        recipient="x",
        kind=kind,
        facts=facts,
        attempts=attempts,
        next_attempt_at=NOW,
        recorded_at=NOW,
    )


@pytest.mark.parametrize(
    ("kind", "facts", "workflow_id", "name"),
    [
        ("start_application", {"case_id": "c"}, "application/c", "CreditApplicationWorkflow"),
        ("restart_application", {"case_id": "c"}, "application/c", "CreditApplicationWorkflow"),
        ("start_line", {"line_id": "l"}, "line/l", "CreditLineWorkflow"),
        ("start_review", {"line_id": "l", "n": "2"}, "review/l/2", "ReviewWorkflow"),
        ("start_collection", {"collection_id": "k"}, "collection/k", "CollectionWorkflow"),
        (
            "start_monitoring",
            {"run_id": "r", "customer_ids": "a,b"},
            "runs/monitoring/r",
            "MonitoringWorkflow",
        ),
        (
            "start_rerating",
            {"run_id": "r", "person_id": "system", "industries": "C,K"},
            "runs/rerating/r/preview",
            "ReratingWorkflow",
        ),
        (
            "start_classification",
            {"run_id": "r", "person_id": "risk", "as_of": "2026-03-02", "customer_ids": "c"},
            "runs/classification/r",
            "ClassificationWorkflow",
        ),
        ("signal_collection_recheck", {"collection_id": "k"}, "collection/k", "recheck"),
        ("signal_line_changed", {"line_id": "l"}, "line/l", "changed"),
        ("signal_review_stop", {"line_id": "l", "n": "2"}, "review/l/2", "stop"),
        ("update_line_freeze", {"line_id": "l", "reason": "warning:x"}, "line/l", "freeze"),
        ("update_line_unfreeze", {"line_id": "l", "reason": "warning:x"}, "line/l", "unfreeze"),
        ("signal", {"workflow_id": "w", "name": "n", "payload": "{}"}, "w", "n"),
    ],
)
def test_each_kind_says_whom_it_is_for_and_what(
    kind: str, facts: dict[str, str], workflow_id: str, name: str
) -> None:
    message = owed_message(an_entry(kind, facts))

    assert (message.workflow_id, message.name) == (workflow_id, name)
    assert kind.startswith(message.kind)


def test_every_start_is_of_a_workflow_that_the_worker_knows() -> None:
    known = {each.__name__ for each in (*CASE_WORKFLOWS, *PORTFOLIO_WORKFLOWS)}
    starts = {
        owed_message(an_entry(kind, facts)).name
        for kind, facts in (
            ("start_application", {"case_id": "c"}),
            ("start_review", {"line_id": "l", "n": "2"}),
            ("start_collection", {"collection_id": "k"}),
            ("start_monitoring", {"run_id": "r", "customer_ids": ""}),
        )
    }

    assert starts <= known


def test_a_rules_word_to_a_line_names_the_key_it_is_owed_under() -> None:
    message = owed_message(an_entry("update_line_freeze", {"line_id": "l", "reason": "warning:x"}))

    assert message.payload is not None
    assert message.payload["message_id"] == "freeze-1"
    assert message.payload["person_id"] == "system"


@workflow.defn
class Listener:
    """Hears what it is told, and refuses what the test wants refused."""

    @workflow.init
    def __init__(self, start: dict[str, Any]) -> None:
        self._heard: list[str] = []

    @workflow.run
    async def run(self, start: dict[str, Any]) -> list[str]:
        await workflow.wait_condition(lambda: "end" in self._heard)
        return self._heard

    @workflow.signal
    def heard(self) -> None:
        self._heard.append("heard")

    @workflow.signal
    def end(self) -> None:
        self._heard.append("end")

    @workflow.update
    def told(self, message: dict[str, Any]) -> dict[str, Any]:
        match message.get("refuse"):
            case "draining":
                raise refusal(Draining(id="line-1"))
            case "refused":
                raise refusal(OutOfOrder(reason="not now"))
        self._heard.append(message["message_id"])
        return {}


@pytest.fixture
async def listener(temporal_env: SkippingEnvironment) -> AsyncIterator[str]:
    """The id under which tests start the listener; its worker is at work."""
    async with Worker(
        temporal_env.client,
        task_queue=QUEUE,
        workflows=[Listener],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield f"listener/{uuid.uuid4()}"


async def deliver(env: SkippingEnvironment, message: WorkflowMessage, *, attempts: int = 1) -> None:
    """As the outbox does: from a thread, through the client of this loop."""
    delivery = TemporalDelivery(env.client, asyncio.get_running_loop(), lambda _: message)
    await asyncio.to_thread(delivery.deliver, an_entry("x", {}, attempts))


def a_message(kind: MessageKind, workflow_id: str, name: str, **payload: Any) -> WorkflowMessage:
    return WorkflowMessage(
        kind=kind, workflow_id=workflow_id, name=name, payload=payload or None, queue=QUEUE
    )


async def test_a_start_is_made_once_and_messages_reach_it(
    temporal_env: SkippingEnvironment, listener: str
) -> None:
    start = WorkflowMessage(
        kind=MessageKind.START, workflow_id=listener, name="Listener", payload={}, queue=QUEUE
    )
    await deliver(temporal_env, start)
    await deliver(temporal_env, start)
    await deliver(temporal_env, a_message(MessageKind.SIGNAL, listener, "heard"))
    for _ in range(2):  # the same message id twice is one message
        await deliver(
            temporal_env, a_message(MessageKind.UPDATE, listener, "told", message_id="m-1")
        )
    await deliver(temporal_env, a_message(MessageKind.SIGNAL, listener, "end"))
    handle = temporal_env.client.get_workflow_handle(listener)

    assert await handle.result() == ["heard", "m-1", "end"]
    # What comes too late for one that has ended is owed to nobody any more.
    await deliver(temporal_env, start)
    await deliver(temporal_env, a_message(MessageKind.SIGNAL, listener, "heard"))
    assert (await handle.describe()).close_time is not None


async def test_a_further_run_begins_once_when_the_one_before_has_ended(
    temporal_env: SkippingEnvironment, listener: str
) -> None:
    start = WorkflowMessage(
        kind=MessageKind.START, workflow_id=listener, name="Listener", payload={}, queue=QUEUE
    )
    again = start.model_copy(update={"kind": MessageKind.RESTART, "key": "recovered/1"})
    await deliver(temporal_env, start)
    with pytest.raises(Undelivered, match="has not ended"):
        await deliver(temporal_env, again)
    handle = temporal_env.client.get_workflow_handle(listener)
    await deliver(temporal_env, a_message(MessageKind.SIGNAL, listener, "end"))
    await handle.result()

    await deliver(temporal_env, again)
    further = (await handle.describe()).run_id
    await deliver(temporal_env, again)

    assert (await handle.describe()).run_id == further
    with pytest.raises(Undelivered, match="has not ended"):
        await deliver(temporal_env, again.model_copy(update={"key": "recovered/2"}))
    await handle.terminate()


async def test_a_refused_update_is_a_refusal_and_a_draining_one_comes_again(
    temporal_env: SkippingEnvironment, listener: str
) -> None:
    await deliver(
        temporal_env,
        WorkflowMessage(
            kind=MessageKind.START, workflow_id=listener, name="Listener", payload={}, queue=QUEUE
        ),
    )
    with pytest.raises(CreditError, match="not now"):
        await deliver(
            temporal_env, a_message(MessageKind.UPDATE, listener, "told", refuse="refused")
        )
    with pytest.raises(Undelivered):
        await deliver(
            temporal_env, a_message(MessageKind.UPDATE, listener, "told", refuse="draining")
        )
    await temporal_env.client.get_workflow_handle(listener).terminate()


async def test_a_message_to_nobody_waits_for_its_receiver_and_is_given_up_in_the_end(
    temporal_env: SkippingEnvironment,
) -> None:
    lost = a_message(MessageKind.SIGNAL, f"nobody/{uuid.uuid4()}", "heard")

    with pytest.raises(Undelivered, match="NOT_FOUND"):
        await deliver(temporal_env, lost)
    with pytest.raises(Undeliverable, match="NOT_FOUND"):
        await deliver(temporal_env, lost, attempts=8)
