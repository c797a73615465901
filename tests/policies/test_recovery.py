"""Which lapse may be recovered: one of our own silence, in time, of what is still on record."""

from datetime import date, timedelta

import pytest

from domain.application import Case, CaseStatus
from domain.approval import Approval, ApprovalOutcome, StepMode, Verdict
from domain.edition import RecoveryPolicy
from domain.errors import OutOfOrder, RecoveryClosed
from domain.money import Money
from policies.recovery import lapsed_approval, refuse_changed, refuse_late, unanswered
from tests.domain.test_approval import NOW, a_step, an_approval
from tests.makers_policy import judged

ON = date(2026, 3, 2)


def a_case(**changes: object) -> Case:
    receipt = judged()
    content = {
        "case_id": receipt.case_id,
        "application": receipt.dossier.application,
        "status": CaseStatus.LAPSED,
        "applicant": "manager",
        "last_editor": "manager",
        "reason_codes": ("approval_silence",),
        "edition_hash": receipt.edition_hash,
        "submitted_at": NOW,
        "business_on": ON,
    }
    return Case.model_validate(content | changes)


def lapsed(approval: Approval) -> Approval:
    return approval.stopped(ApprovalOutcome.LAPSED)


@pytest.mark.parametrize("status", [each for each in CaseStatus if each is not CaseStatus.LAPSED])
def test_only_a_lapsed_case_is_recovered(status: CaseStatus) -> None:
    approval = lapsed(an_approval(a_step(StepMode.ONE, "p1")))
    with pytest.raises(OutOfOrder):
        lapsed_approval(a_case(status=status), [approval])


@pytest.mark.parametrize(
    "reason", ["silence", "offer_lapsed", "contract_expired", "screening_stale"]
)
def test_the_silence_of_others_is_not_recovered(reason: str) -> None:
    approval = lapsed(an_approval(a_step(StepMode.ONE, "p1")))
    with pytest.raises(OutOfOrder):
        lapsed_approval(a_case(reason_codes=(reason,)), [approval])
    assert lapsed_approval(a_case(), [approval]) == approval


def test_a_lapse_before_the_newest_approval_is_over() -> None:
    approval = an_approval(a_step(StepMode.ONE, "p1"))
    withdrawn = approval.stopped(ApprovalOutcome.WITHDRAWN)
    for approvals in ([], [withdrawn], [lapsed(approval), withdrawn]):
        with pytest.raises(OutOfOrder):
            lapsed_approval(a_case(), approvals)


@pytest.mark.parametrize(("days", "after", "late"), [(0, 0, True), (5, 5, False), (5, 6, True)])
def test_the_days_are_counted_from_the_day_of_the_lapse(days: int, after: int, late: bool) -> None:
    policy, on = RecoveryPolicy(days_max=days), ON + timedelta(days=after)
    if late:
        with pytest.raises(RecoveryClosed):
            refuse_late(a_case(), ON, policy, on)
    else:
        refuse_late(a_case(), ON, policy, on)


def test_what_was_changed_past_the_programs_is_not_recovered() -> None:
    receipt, case = judged(), a_case()
    approval = an_approval(a_step(StepMode.ONE, "p1"))
    asked = approval.request.model_copy(update={"content_hash": receipt.receipt_hash})
    approval = approval.model_copy(update={"request": asked})
    refuse_changed(case, approval, receipt)

    forged = receipt.model_copy(update={"limit_recommended": Money.of(1, "CNY")})
    other = receipt.dossier.application.model_copy(update={"term_months": 1})
    for changed, found in (
        (case, forged),
        (case, None),
        (case.model_copy(update={"application": other}), receipt),
    ):
        with pytest.raises(OutOfOrder):
            refuse_changed(changed, approval, found)


def test_the_silent_are_those_who_were_asked_last_and_did_not_speak() -> None:
    first, second = a_step(StepMode.ONE, "p1"), a_step(StepMode.ALL, "p2", "p3")
    approval = an_approval(first, second)
    for _ in range(2):
        task = approval.open_tasks[0]
        approval = approval.decided(task.task_id, f"of-{task.position}", Verdict.APPROVE, NOW)

    assert [task.position for task in unanswered(lapsed(approval))] == ["p3"]
