"""A case whose approval lapsed in silence, recovered: a further run of its workflow, for real."""

from datetime import timedelta

from domain.application import CaseStatus
from domain.approval import ApprovalOutcome, Verdict
from tests.road import Road, an_application
from workflows.names import application_id, approval_id


async def test_a_recovered_case_goes_on_to_its_agreement_by_fresh_words_alone(road: Road) -> None:
    submitted = await road.submit(an_application(road.keep_customer(), 5_000_000))
    case_id = submitted.case_id
    await road.open_task(case_id)
    first = road.client.get_workflow_handle(application_id(case_id))
    before = (await first.describe()).run_id
    silent = road.client.get_workflow_handle(approval_id(case_id, 1))
    await road.environment.fast_forward(silent, timedelta(days=60))
    await road.comes_to(case_id, CaseStatus.LAPSED)

    recovered = await road.call(
        road.services.applications.recover,
        road.people["risk"],
        case_id,
        "Everybody was at the fair.",
        "r-1",
    )
    task = await road.approval_open(case_id, 2)

    assert recovered.pending
    assert (await first.describe()).run_id != before
    view = await road.case(case_id)
    assert [each.outcome for each in view.approvals] == [
        ApprovalOutcome.LAPSED,
        ApprovalOutcome.OPEN,
    ]
    assert view.decisions == ()
    await road.decide("approver1", task.task_id, Verdict.APPROVE, note="sound")
    view = await road.comes_to(case_id, CaseStatus.CONTRACTING)
    assert view.letter.decided_by == ("approver1",)
