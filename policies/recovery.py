"""Whether a lapse may be recovered: silence of ours alone, within the edition's days, unchanged since."""

from collections.abc import Sequence
from datetime import date, timedelta

from domain.application import Case, CaseStatus
from domain.approval import Approval, ApprovalOutcome, Task, TaskStatus
from domain.assessment import Assessment
from domain.edition import RecoveryPolicy
from domain.errors import OutOfOrder, RecoveryClosed
from domain.reasons import because
from domain.recovery import APPROVAL_SILENCE


def lapsed_approval(case: Case, approvals: Sequence[Approval]) -> Approval:
    """The approval in whose silence the case ended; refuses `OutOfOrder` where it did not."""
    if case.status is not CaseStatus.LAPSED:
        raise OutOfOrder(**because("case_not_lapsed", status=case.status))
    last = approvals[-1] if approvals else None
    silent = last is not None and last.outcome is ApprovalOutcome.LAPSED
    if last is None or not silent or APPROVAL_SILENCE not in case.reason_codes:
        raise OutOfOrder(reason="the case did not lapse by the silence of its approvers")
    return last


def unanswered(approval: Approval) -> tuple[Task, ...]:
    """The tasks of the step it lapsed in that somebody was asked and nobody answered."""
    return tuple(
        task
        for task in approval.in_step()
        if task.status is TaskStatus.CLOSED and task.decided_by is None
    )


def refuse_late(case: Case, lapsed_on: date, policy: RecoveryPolicy, on: date) -> None:
    """Nothing, or `RecoveryClosed` once the edition's days are over, or where it gives none."""
    if not policy.days_max or on > lapsed_on + timedelta(days=policy.days_max):
        raise RecoveryClosed(case_id=case.case_id, lapsed_on=lapsed_on, days=policy.days_max)


def refuse_changed(case: Case, approval: Approval, receipt: Assessment | None) -> None:
    """Nothing, or `OutOfOrder` where what is on record is not what was put before the approvers."""
    same = receipt is not None and receipt.receipt_hash == approval.request.content_hash
    if receipt is None or not same or receipt.dossier.application != case.application:
        raise OutOfOrder(reason="what is on record is not what was put before the approvers")
