"""A cap through its approval: asked for, decided by two at head office, and left to silence."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.approval import ApprovalOutcome, TaskStatus, Verdict
from domain.cap import Cap, CapContent, CapOwner, CapStatus
from domain.errors import AlreadyDecided, OwnCase
from domain.exposure import Limit
from domain.money import Money
from tests.road import Road
from workflows.names import approval_id


async def asks(road: Road, amount: int, person: str = "manager") -> Cap:
    customer = road.keep_customer()
    content = CapContent(
        currency="CNY", limit=Limit.of(Money.of(amount, "CNY")), reason="one plant behind it all"
    )
    service = road.services.caps
    asked = await road.call(
        service.ask, road.people[person], CapOwner.CUSTOMER, customer.customer_id, content
    )
    assert isinstance(asked, Cap)
    return asked


async def open_tasks(road: Road, cap: Cap) -> list[str]:
    """The tasks that wait, once the approval has begun."""
    for _ in range(400):
        view: Any = await road.call(
            road.services.caps.read, road.people["auditor"], cap.request.cap_id
        )
        found = [each.task_id for each in view.tasks if each.status is TaskStatus.OPEN]
        if found:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("nobody was asked")


async def test_a_cap_is_set_by_the_last_of_the_words_it_needs(road: Road) -> None:
    cap = await asks(road, 200_000_000)
    first, second = await open_tasks(road, cap)

    one = await road.decide("approver3", first, Verdict.APPROVE)
    assert (one.outcome, one.letter_no) == (ApprovalOutcome.OPEN, None)
    done = await road.decide("approver4", second, Verdict.APPROVE)

    handle = road.client.get_workflow_handle(approval_id(cap.request.cap_id, 1))
    result = await handle.result()
    assert (result["outcome"], result["letter_no"]) == ("approved", done.letter_no)
    caps: Any = await road.call(
        road.services.caps.read_of,
        road.people["auditor"],
        CapOwner.CUSTOMER,
        cap.request.owner_id,
    )
    assert [each.status for each in caps.asked] == [CapStatus.SET]
    assert caps.in_force[0].letter_no == done.letter_no
    with pytest.raises(AlreadyDecided):
        await road.decide("approver3", second, Verdict.DECLINE, note="too late")


async def test_whoever_asked_is_refused_and_silence_sets_nothing(road: Road) -> None:
    cap = await asks(road, 5_000_000, "risk")
    task, *_ = await open_tasks(road, cap)  # nothing of the customer has a grade yet
    with pytest.raises(OwnCase):
        await road.decide("risk", task, Verdict.APPROVE)
    handle = road.client.get_workflow_handle(approval_id(cap.request.cap_id, 1))

    await road.environment.fast_forward(handle, timedelta(days=60))

    assert (await handle.result())["outcome"] == "lapsed"
    caps: Any = await road.call(
        road.services.caps.read_of,
        road.people["auditor"],
        CapOwner.CUSTOMER,
        cap.request.owner_id,
    )
    assert [each.status for each in caps.asked] == [CapStatus.LAPSED]
    assert caps.in_force == ()
