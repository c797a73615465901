"""A word that may not be said has a code, is on record, and has no effect: by service and by signal."""

import asyncio
from datetime import date
from typing import Any

import pytest

from domain.application import CaseStatus
from domain.approval import AuthorityGrant, Verdict
from domain.errors import (
    AlreadyDecided,
    KeyReused,
    LimitAboveProposal,
    NoAuthority,
    NoteMissing,
    NotPermitted,
    OwnCase,
    StaleContent,
)
from domain.identity import Role
from domain.money import Money
from storage.approval import AuthorityGrants
from storage.identity import Persons, Refusals
from tests.road import Road, an_application
from workflows.names import approval_id


@pytest.fixture
async def task(road: Road) -> Any:
    customer = road.keep_customer()
    submitted = await road.submit(an_application(customer, 5_000_000))
    return await road.open_task(submitted.case_id)


async def test_the_wrong_people_are_refused_and_the_task_stays_open(road: Road, task: Any) -> None:
    for person, refusal in (
        ("manager", NotPermitted),
        ("auditor", NotPermitted),
        ("approver2", NoAuthority),  # holds another position
    ):
        with pytest.raises(refusal):
            await road.decide(person, task.task_id, Verdict.APPROVE)

    view = await road.case(task.case_id)
    assert view.decisions == ()
    assert view.tasks[0].status == "open"


async def test_an_applicant_who_is_an_approver_too_is_refused_at_every_door(road: Road) -> None:
    """Roles may be piled on one person; the choke point does not care."""
    manager = road.people["manager"]
    both = manager.model_copy(
        update={"roles": frozenset({Role.RELATIONSHIP_MANAGER, Role.APPROVER})}
    )
    road.people = {**road.people, "manager": both}
    with road.records.begin() as session:
        Persons(session).change_person(both)
        AuthorityGrants(session).record(a_grant("manager"))
    submitted = await road.submit(an_application(road.keep_customer(), 5_000_000))
    task = await road.open_task(submitted.case_id)

    with pytest.raises(OwnCase):
        await road.decide("manager", task.task_id, Verdict.APPROVE)
    await signal(road, task, "manager", await token(road, "manager", task))
    assert await refused_codes(road, task) == ["own_case"]


async def test_authority_is_what_it_is_at_the_moment_of_decision(road: Road, task: Any) -> None:
    with road.records.begin() as session:
        AuthorityGrants(session).revoke("SQ-approver1", road.services.clock.business_on())

    with pytest.raises(NoAuthority):
        await road.decide("approver1", task.task_id, Verdict.APPROVE)


async def test_the_second_word_on_a_task_hears_who_was_first(road: Road, task: Any) -> None:
    await road.decide("approver1", task.task_id, Verdict.APPROVE, key="d-1")

    again = await road.decide("approver1", task.task_id, Verdict.APPROVE, key="d-1")
    with pytest.raises(AlreadyDecided, match="approver1"):
        await road.decide("approver1", task.task_id, Verdict.APPROVE, key="d-2")

    assert again.replayed
    assert len((await road.case(task.case_id)).decisions) == 1


async def test_a_key_does_not_carry_another_word(road: Road) -> None:
    submitted = await road.submit(an_application(road.keep_customer(), 50_000_000))
    task = await road.open_task(submitted.case_id)
    person = {"branch_head": "approver1", "region_head": "approver2"}.get(
        task.position, "approver3"
    )
    await road.decide(person, task.task_id, Verdict.APPROVE, key="d-1")

    with pytest.raises((KeyReused, AlreadyDecided)):
        await road.decide(person, task.task_id, Verdict.DECLINE, key="d-1", note="no")


async def test_a_refusal_needs_its_reason_and_a_lower_limit_is_lower(road: Road, task: Any) -> None:
    with pytest.raises(NoteMissing):
        await road.decide("approver1", task.task_id, Verdict.DECLINE)
    with pytest.raises(LimitAboveProposal):
        await road.decide(
            "approver1", task.task_id, Verdict.APPROVE, limit=Money.of(900_000_000, "CNY")
        )
    with pytest.raises(StaleContent):
        await road.decide("approver1", task.task_id, Verdict.APPROVE, content_hash="0" * 64)

    await road.decide("approver1", task.task_id, Verdict.APPROVE, limit=Money.of(100_000, "CNY"))
    view = await road.offered(task.case_id)
    assert view.letter.terms.limit == Money.of(100_000, "CNY")
    assert [each.offered for each in view.offer.differences] == ["CNY 100,000.00"]


async def test_a_signal_without_a_token_issued_to_that_person_is_refused_on_record(
    road: Road, task: Any
) -> None:
    await signal(road, task, "approver1", "made up")
    await signal(road, task, "approver1", await token(road, "approver2", task))

    assert await refused_codes(road, task, 2) == ["unauthenticated"] * 2
    assert (await road.case(task.case_id)).decisions == ()


async def test_a_signal_raises_no_limit_above_what_was_put_to_the_vote(
    road: Road, task: Any
) -> None:
    more = Money.of(900_000_000, "CNY").model_dump(mode="json")
    await signal(road, task, "approver1", await token(road, "approver1", task), limit=more)

    assert await refused_codes(road, task) == ["limit_above_proposal"]
    assert (await road.case(task.case_id)).decisions == ()


async def test_a_signal_with_its_token_decides_once(road: Road, task: Any) -> None:
    issued = await token(road, "approver1", task)
    await signal(road, task, "approver1", issued, message_id="m-1")
    await signal(road, task, "approver1", issued, message_id="m-1")

    view = await road.comes_to(task.case_id, CaseStatus.CONTRACTING)
    assert [decision.person_id for decision in view.decisions] == ["approver1"]


async def test_a_malformed_signal_is_refused_on_record(road: Road, task: Any) -> None:
    handle = road.client.get_workflow_handle(workflow_of(task))
    for message in (None, "approve", {"verdict": "maybe"}):
        await handle.signal("decide", message)

    assert await refused_codes(road, task, 3) == ["malformed"] * 3


def a_grant(person: str) -> AuthorityGrant:
    return AuthorityGrant(
        grant_no=f"SQ-{person}-branch",
        person_id=person,
        position="branch_head",
        limit=Money.of(10_000_000, "CNY"),
        valid_from=date(2000, 1, 1),
        valid_until=date(2099, 1, 1),
        granted_by="board",
    )


def workflow_of(task: Any) -> str:
    subject, n = task.approval_id.rsplit(".", 1)
    return approval_id(subject, int(n))


async def token(road: Road, person: str, task: Any) -> str:
    service = road.services.approvals
    return await road.call(service.issue_token, road.people[person], task.task_id)


async def signal(
    road: Road, task: Any, person: str, token: str, message_id: str = "m-0", **said: Any
) -> None:
    await road.client.get_workflow_handle(workflow_of(task)).signal(
        "decide",
        {
            "task_id": task.task_id,
            "person_id": person,
            "verdict": "approve",
            "message_id": message_id,
            "token": token,
            **said,
        },
    )


async def refused_codes(road: Road, task: Any, count: int = 1) -> list[str]:
    for _ in range(200):
        with road.records.begin() as session:
            refused = Refusals(session).list_refusals(case_id=task.case_id)
        if len(refused) >= count:
            break
        await asyncio.sleep(0.05)
    return [each.code for each in refused]
