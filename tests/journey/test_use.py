"""A bank acceptance all the way: asked for, approved, its release reviewed, and the line used."""

import asyncio
from typing import Any

import pytest

from domain.approval import ApprovalOutcome, TaskStatus, Verdict
from domain.errors import AlreadyDecided, ReleaseOpen
from domain.money import Money
from domain.use import ReleaseCheck, ReleaseItem, Use, UseContent, UseStatus
from tests.journey.test_road import an_active_line
from tests.road import Road
from workflows.names import approval_id


def cny(amount: int) -> Money:
    return Money.of(amount, "CNY")


async def asks(road: Road, line_id: str, amount: int, key: str) -> Use:
    content = UseContent(
        product="bank_acceptance",
        amount=cny(amount),
        deposit=cny(amount * 3 // 10),
        purpose="raw materials for the yearly orders",
        payee="Example Steel Co., Ltd.",
    )
    service = road.services.uses
    asked: Use = await road.call(service.ask, road.people["manager"], line_id, content, key)
    return asked


async def view(road: Road, use: Use) -> Any:
    return await road.call(road.services.uses.read, road.people["auditor"], use.request.use_id)


async def task_of(road: Road, use: Use) -> str:
    """The task that waits, once the approval has begun."""
    for _ in range(400):
        for each in (await view(road, use)).tasks:
            if each.status is TaskStatus.OPEN:
                return str(each.task_id)
        await asyncio.sleep(0.05)
    raise AssertionError("nobody was asked")


async def stands(road: Road, line_id: str) -> tuple[Money, Money]:
    book: Any = await road.call(road.services.exposure.read_book, road.people["auditor"], line_id)
    return book.balances[0].reserved, book.balances[0].used


async def test_an_acceptance_goes_from_asking_to_its_release(road: Road) -> None:
    line = (await an_active_line(road, product="bank_acceptance")).line
    use = await asks(road, line.line_id, 1_000_000, "u-1")
    task = await task_of(road, use)
    assert await stands(road, line.line_id) == (cny(700_000), cny(0))

    done = await road.decide("approver1", task, Verdict.APPROVE, note="sound")
    assert done.outcome is ApprovalOutcome.APPROVED
    handle = road.client.get_workflow_handle(approval_id(use.request.use_id, 1))
    assert (await handle.result())["outcome"] == "approved"
    release, service = road.people["release"], road.services.uses
    with pytest.raises(ReleaseOpen):
        await road.call(service.release, release, use.request.use_id, ())
    checks = [
        ReleaseCheck(item=item, held=True, evidence="seen", evidence_hash=road.evidence())
        for item in ReleaseItem
    ]
    released = await road.call(service.release, release, use.request.use_id, checks)

    assert released.status is UseStatus.RELEASED
    assert await stands(road, line.line_id) == (cny(0), cny(700_000))
    with pytest.raises(AlreadyDecided):
        await road.decide("approver1", task, Verdict.DECLINE, note="too late")


async def test_a_decline_and_a_withdrawal_give_back_what_was_held(road: Road) -> None:
    line = (await an_active_line(road, product="bank_acceptance")).line
    declined = await asks(road, line.line_id, 1_000_000, "u-1")
    withdrawn = await asks(road, line.line_id, 2_000_000, "u-2")
    task = await task_of(road, declined)
    await task_of(road, withdrawn)
    assert await stands(road, line.line_id) == (cny(2_100_000), cny(0))

    await road.decide("approver1", task, Verdict.DECLINE, note="no")
    await road.call(
        road.services.uses.withdraw, road.people["manager"], withdrawn.request.use_id, "sold"
    )

    assert await stands(road, line.line_id) == (cny(0), cny(0))
    assert (await view(road, declined)).use.status is UseStatus.DECLINED
    handle = road.client.get_workflow_handle(approval_id(withdrawn.request.use_id, 1))
    assert (await handle.result())["outcome"] == "withdrawn"
