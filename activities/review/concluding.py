"""How a review ends: by its letter the line changes, in the transaction that says so."""

from datetime import date, timedelta

from sqlalchemy.orm import Session

from activities.letter import issue_letter
from activities.line import tell_line
from domain.approval import ApprovalOutcome
from domain.assessment import Assessment
from domain.calendar import business_on
from domain.contract import Letter
from domain.line import CreditLine
from domain.review import (
    Proposal,
    Review,
    ReviewConclusion,
    ReviewProposal,
    ReviewStatus,
)
from policies.line import months_later, review_due_on
from storage.application import Assessments
from storage.approval import Letters
from storage.edition import Editions
from storage.line import Lines
from storage.review import Reviews

EXIT_REASON = "review:exit"
_STATUS = {
    None: ReviewStatus.CONCLUDED,
    ApprovalOutcome.APPROVED: ReviewStatus.CONCLUDED,
    ApprovalOutcome.DECLINED: ReviewStatus.OVERRULED,
    ApprovalOutcome.LAPSED: ReviewStatus.LAPSED,
    ApprovalOutcome.RETURNED: ReviewStatus.LAPSED,
    ApprovalOutcome.WITHDRAWN: ReviewStatus.STOPPED,
}


def conclude(
    session: Session, review: Review, line: CreditLine, conclusion: ReviewConclusion
) -> Review:
    on = business_on(conclusion.at, conclusion.offset_days)
    status = _STATUS[conclusion.outcome]
    over = line.status.ended or line.closing
    if review.proposal is None or status is ReviewStatus.STOPPED or over:
        status, letter = ReviewStatus.STOPPED, None
        judged = Assessments(session).find(review.review_id)
    else:
        judged = Assessments(session).read(review.review_id)
        letter = _letter(session, review.proposal, judged, conclusion, on)
    in_force = letter if letter is not None and status is ReviewStatus.CONCLUDED else None
    closed = review.model_copy(
        update={
            "status": status,
            "closed_on": on,
            "letter_no": letter.letter_no if letter else None,
            "limit_decided": in_force.terms.limit if in_force and in_force.terms else None,
            "next_due_on": _next_due_on(session, status, judged, line, on),
        }
    )
    Reviews(session).write(review, closed)
    if not line.status.ended:
        _apply(session, closed, line, in_force, judged, conclusion)
    return closed


def _letter(
    session: Session,
    proposal: ReviewProposal,
    judged: Assessment,
    conclusion: ReviewConclusion,
    on: date,
) -> Letter | None:
    """The letter that people's decision ended in; policy's own, where nobody was asked and the
    line changes; none where it stays as it is."""
    if conclusion.letter_no is not None:
        return Letters(session).read(conclusion.letter_no)
    if conclusion.outcome is not None or proposal.proposal is Proposal.KEEP:
        return None
    return issue_letter(
        session,
        judged,
        Editions(session).read(judged.edition_hash),
        approved=True,
        on=on,
        decided_by=("system",),
        reason_codes=proposal.reasons,
    )


def _next_due_on(
    session: Session,
    status: ReviewStatus,
    judged: Assessment | None,
    line: CreditLine,
    on: date,
) -> date:
    """A cycle from now, after a review that nobody decided the shortest there is; never today."""
    edition = Editions(session).read(judged.edition_hash if judged else line.edition_hash)
    if status is ReviewStatus.LAPSED:
        due = months_later(on, min(edition.review.cycle_months.values()))
    else:
        due = review_due_on(on, judged.rating.grade if judged else line.grade, edition)
    return max(min(due, line.ends_on), on + timedelta(days=1))


def _apply(
    session: Session,
    review: Review,
    line: CreditLine,
    letter: Letter | None,
    judged: Assessment | None,
    conclusion: ReviewConclusion,
) -> None:
    """The line as the review leaves it: its grade and next date, and by a letter its limit.

    An exit lends nothing more and lets nothing out; what is owed is still taken back.
    """
    lines = Lines(session)
    on = business_on(conclusion.at, conclusion.offset_days)
    decided = judged is not None and review.status is not ReviewStatus.STOPPED
    line = line.model_copy(
        update={
            "review_due_on": review.next_due_on,
            "grade": judged.rating.grade if judged and decided else line.grade,
        }
    )
    if letter is None:
        lines.write(line)
    else:
        lines.change(
            line,
            letter,
            "review",
            case_id=review.review_id,
            at=conclusion.at,
            business_on=on,
        )
    if letter is not None and review.proposal and review.proposal.proposal is Proposal.EXIT:
        lines.freeze(
            line.line_id,
            reason=EXIT_REASON,
            message_id=f"{review.review_id}/exit",
            at=conclusion.at,
            collect_only=True,
        )
    tell_line(session, line.line_id, f"{review.review_id}/line_changed")
