"""A grade moved on a case under way, by update and by signal, alone and with a second person."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.application import CaseStatus
from domain.approval import ApprovalOutcome, Verdict
from domain.errors import AlreadyDecided, OwnCase
from domain.override import OverrideProposal, OverrideStatus
from storage.identity import Refusals
from tests.road import Road, an_application
from workflows.names import application_id, approval_id

LEFT = {"reason": "management_changed", "note": "the founder left in June"}


@pytest.fixture
async def case_id(road: Road) -> str:
    submitted = await road.submit(an_application(road.keep_customer(), 5_000_000))
    await road.approval_open(submitted.case_id, 1)
    return str(submitted.case_id)


async def moves(road: Road, case_id: str, by: int, person: str = "risk") -> Any:
    proposal = OverrideProposal.model_validate({"notches": by, **LEFT})
    return await road.call(
        road.services.applications.override, road.people[person], case_id, proposal
    )


async def test_a_moved_grade_stops_the_approval_and_is_approved_by_somebody_else(
    road: Road, case_id: str
) -> None:
    await moves(road, case_id, -1)

    task = await road.approval_open(case_id, 2)
    with pytest.raises(AlreadyDecided, match="withdrawn by system"):
        await road.decide("approver1", f"{case_id}.1.1.1", Verdict.APPROVE)
    await road.decide("approver1", task.task_id, Verdict.APPROVE)
    view = await road.comes_to(case_id, CaseStatus.CONTRACTING)
    replayed = await road.call(road.services.applications.replay, road.people["auditor"], case_id)
    assert replayed.identical
    assert [each.outcome for each in view.approvals] == [
        ApprovalOutcome.WITHDRAWN,
        ApprovalOutcome.APPROVED,
    ]
    assert view.assessment.rating.override.proposed_by == "risk"
    assert view.letter.content_hash == replayed.receipt_hash
    assert view.assessment.rating.grade != view.overrides[0].grade_model


async def test_a_second_person_confirms_in_an_approval_of_its_own(road: Road, case_id: str) -> None:
    asked = await moves(road, case_id, -3)
    assert asked.override.status is OverrideStatus.PROPOSED
    task = await road.override_task(case_id)
    assert task.approval_id == f"{asked.override.override_id}.1"
    with pytest.raises(OwnCase):
        await road.decide("risk", task.task_id, Verdict.APPROVE)

    await road.decide("risk2", task.task_id, Verdict.APPROVE)

    await road.approval_open(case_id, 2)
    view = await road.case(case_id)
    assert view.assessment.rating.override.confirmed_by == "risk2"
    assert view.approvals[0].outcome is ApprovalOutcome.WITHDRAWN
    handle = road.client.get_workflow_handle(approval_id(asked.override.override_id, 1))
    assert (await handle.result())["outcome"] == "approved"


async def test_silence_lets_the_proposal_lapse_and_the_case_go_on(road: Road, case_id: str) -> None:
    asked = await moves(road, case_id, -3)
    await road.override_task(case_id)
    handle = road.client.get_workflow_handle(approval_id(asked.override.override_id, 1))

    await road.environment.fast_forward(handle, timedelta(days=60))

    assert (await handle.result())["outcome"] == "lapsed"
    view = await road.case(case_id)
    assert view.overrides[0].status is OverrideStatus.LAPSED
    assert view.case.status is CaseStatus.IN_APPROVAL
    assert view.assessment.rating.override is None


async def test_a_signal_counts_with_a_token_and_is_refused_on_record_without(
    road: Road, case_id: str
) -> None:
    workflow = road.client.get_workflow_handle(application_id(case_id))
    said = {"person_id": "risk", "override": {"notches": -1, **LEFT}}
    token = await road.call(road.services.applications.issue_token, road.people["risk"], case_id)
    for message in (
        {**said, "message_id": "m-1", "token": "made up"},
        {**said, "message_id": "m-2", "token": token, "override": {"notches": 21, **LEFT}},
        {**said, "message_id": "m-3", "token": token},
    ):
        await workflow.signal("override", message)

    await road.approval_open(case_id, 2)
    assert (await road.case(case_id)).overrides[0].status is OverrideStatus.CONFIRMED
    with road.records.begin() as session:
        refused = Refusals(session).list_refusals(case_id=case_id)
    assert {each.code for each in refused} == {"unauthenticated", "malformed"}


async def test_nobody_sends_a_case_round_again_by_calling_for_it(road: Road, case_id: str) -> None:
    """What the records do not say moves nothing."""
    workflow = road.client.get_workflow_handle(application_id(case_id))
    await workflow.signal("reassess")
    await asyncio.sleep(0.5)

    view = await road.case(case_id)
    assert len(view.approvals) == 1
    assert view.approvals[0].outcome is ApprovalOutcome.OPEN
