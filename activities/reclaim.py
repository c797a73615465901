"""Idle limits cut by the word that approves their list, line by line, in that word's transaction."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from activities.limit_change import change_limit, declined
from domain.approval import Approval, ApprovalOutcome, DecisionRequest
from domain.calendar import business_on
from domain.edition import PolicyEdition
from domain.identity import SYSTEM
from domain.reclaim import LineOutcome, Reclaim, ReclaimedLine, ReclaimStatus
from policies.idle import why_not_cut
from storage.exposure import Accounts
from storage.line import Lines
from storage.reclaim import Reclaims


def settle_reclaim(
    session: Session,
    approval: Approval,
    decision: DecisionRequest,
    edition: PolicyEdition,
    on: date,
) -> Reclaim:
    """The last word on a list: each line that nobody left out is cut by a letter of its own, or
    skipped with the reason why it is not as it was."""
    reclaims = Reclaims(session)
    reclaims.hold()
    reclaim = reclaims.read(approval.request.subject_id)
    approved = approval.outcome is ApprovalOutcome.APPROVED
    letter_no = None
    if approved:
        lines = _carried_out(session, reclaim, approval, decision, edition, on)
        reclaims.record_lines(reclaim.request.reclaim_id, lines, decision.at)
    else:
        letter_no = declined(session, approval, edition, on).letter_no
    return reclaims.settle(
        reclaim.request,
        ReclaimStatus.APPROVED if approved else ReclaimStatus.DECLINED,
        at=decision.at,
        on=on,
        settled_by=decision.person_id,
        letter_no=letter_no,
    )


def lapse_reclaim(session: Session, approval: Approval, at: datetime) -> Reclaim:
    """Nobody answered; every line keeps its limit, and may be proposed again."""
    reclaims = Reclaims(session)
    request = reclaims.read(approval.request.subject_id).request
    on = business_on(at, approval.request.offset_days)
    return reclaims.settle(request, ReclaimStatus.LAPSED, at=at, on=on)


def _carried_out(
    session: Session,
    reclaim: Reclaim,
    approval: Approval,
    decision: DecisionRequest,
    edition: PolicyEdition,
    on: date,
) -> list[ReclaimedLine]:
    said = {each.line_id for each in reclaim.lines}
    proposed = [each for each in reclaim.request.lines if each.line_id not in said]
    ids = sorted(each.line_id for each in proposed)
    lines = {line_id: Lines(session).read(line_id, for_update=True) for line_id in ids}
    # No order moves one of them between the look and the cut.
    Accounts(session).hold_lines(ids)
    now = {each.line_id: each for each in Reclaims(session).uses(reclaim.request.since, ids)}
    found = []
    for each in sorted(proposed, key=lambda line: line.line_id):
        line = lines[each.line_id]
        reason = why_not_cut(each, line, now[each.line_id])
        if reason is not None:
            found.append(
                ReclaimedLine(
                    line_id=each.line_id,
                    outcome=LineOutcome.SKIPPED,
                    reason=reason,
                    said_by=SYSTEM.person_id,
                    before=line.limit,
                    after=line.limit,
                )
            )
            continue
        letter = change_limit(
            session, line, each.limit_after, "reclaim", approval, edition, at=decision.at, on=on
        )
        found.append(
            ReclaimedLine(
                line_id=each.line_id,
                outcome=LineOutcome.CUT,
                said_by=decision.person_id,
                before=each.limit,
                after=each.limit_after,
                letter_no=letter.letter_no,
            )
        )
    return found
