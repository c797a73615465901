"""A receiver that is away while a case goes all the way is told everything once it is back."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from creditflow.stack.launch import free_port
from domain.event import EVENTS
from domain.notification import Channel, OutboxTurn
from domain.webhook import DeliveryStatus, EndpointContent, EndpointStatus, refuse_unsigned
from storage.webhook import Deliveries
from tests.activities.receiver import Received, receiving
from tests.journey.test_road import an_active_line
from tests.road import Road
from workflows.names import CASES_QUEUE
from workflows.outbox import OutboxWorkflow


async def begin_outbox(road: Road) -> None:
    await road.client.start_workflow(
        OutboxWorkflow.run,
        OutboxTurn(channel=Channel.WEBHOOK),
        id=f"outbox/webhook/{road.records.engine.url.database}",
        task_queue=CASES_QUEUE,
    )


async def until(there: Callable[[], Any], what: str) -> None:
    for _ in range(1200):
        if await asyncio.to_thread(there):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(what)


def owed(road: Road, status: DeliveryStatus) -> Sequence[Any]:
    with road.records.begin() as session:
        return Deliveries(session).find_page(status=status, page_size=200)


def taken_in_order(received: Sequence[Received]) -> dict[str, list[int]]:
    """The numbers of each subject's events as they were first taken."""
    seen, numbers = set[str](), defaultdict(list)
    for each in received:
        body, message_id = json.loads(each.body), each.headers["webhook-id"]
        if message_id not in seen:
            seen.add(message_id)
            numbers[body["subject"]["id"]].append(body["sequence"])
    return numbers


async def test_nothing_is_lost_and_each_subject_keeps_its_order_while_a_receiver_is_away(
    road: Road,
) -> None:
    port = free_port(0)
    operator = road.people["operator"]
    made = await road.call(
        road.services.webhooks.record_endpoint,
        operator,
        EndpointContent(url=f"http://127.0.0.1:{port}/hooks"),
    )
    await begin_outbox(road)
    view = await an_active_line(road)
    line_id, case_id = view.line.line_id, view.case.case_id
    lines = road.services.lines
    await road.call(lines.freeze, road.people["risk"], line_id, note="Negative news")
    await road.call(lines.unfreeze, road.people["approver1"], line_id, note="It was nothing")
    await until(lambda: _tried(road), "somebody tried to deliver")
    with receiving(port) as receiver:
        # Whoever mended the receiver need not wait for what is left of five minutes.
        change = road.services.webhooks.set_status
        for status in (EndpointStatus.PAUSED, EndpointStatus.ACTIVE):
            await road.call(change, operator, made.endpoint.endpoint_id, status)
        await until(lambda: not owed(road, DeliveryStatus.PENDING), "everything is delivered")
        received = list(receiver.received)

    delivered = owed(road, DeliveryStatus.DELIVERED)
    assert {each.event_id for each in delivered} == {
        each.headers["webhook-id"] for each in received
    }
    for subject_id, numbers in taken_in_order(received).items():
        assert numbers == list(range(1, len(numbers) + 1)), subject_id
    for each in received:
        refuse_unsigned(each.headers, each.body, [made.secret], datetime.now(UTC), "creditflow")
        told = json.loads(each.body)
        EVENTS[told["type"]].model_validate(told["data"])
    first = min(
        (each for each in delivered if each.subject.id == case_id), key=lambda each: each.sequence
    )
    log = await road.call(road.services.webhooks.read_delivery, operator, first.delivery_no)
    assert [bool(each.error) for each in log.attempts][-1:] == [False]
    assert log.attempts[0].error == "connection_refused"
    kinds = {json.loads(each.body)["type"] for each in received}
    wanted = {"application.status_changed", "decision.recorded"}
    assert wanted | {"line.activated", "line.frozen", "line.unfrozen"} <= kinds


def _tried(road: Road) -> bool:
    pending = owed(road, DeliveryStatus.PENDING)
    return all(each.last_error != "unreported" for each in pending) and any(
        each.attempts for each in pending
    )
