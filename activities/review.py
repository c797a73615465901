"""Review (复审): a line judged again on the newest records, and what follows from it.

The receipt of a review is kept under the review's id, as an application's is under its case; what
changes a line is a letter, and the line itself takes it over.
"""

from datetime import date, timedelta

from sqlalchemy.orm import Session
from temporalio import activity

from activities.assessment import collect_dossier
from activities.letter import issue_letter
from activities.line import tell_line
from activities.signatures import ReviewSteps
from domain.application import Application, ApplicationType
from domain.approval import ApprovalOutcome, ApprovalRequest, Subject
from domain.assessment import Assessment
from domain.calendar import business_on
from domain.contract import Letter
from domain.customer import events_standing
from domain.edition import PolicyEdition
from domain.errors import NotFound
from domain.line import CreditLine
from domain.money import Money
from domain.review import (
    Proposal,
    Reassessed,
    Review,
    ReviewConclusion,
    ReviewPack,
    ReviewProposal,
    ReviewResult,
    ReviewStatus,
    ReviewTurn,
    review_id_of,
)
from policies.assessment import assess
from policies.line import months_later, review_due_on
from policies.review import propose
from policies.routing import aggregate_after, steps_for
from storage.application import Assessments
from storage.approval import Letters
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions
from storage.line import Lines
from storage.review import Reviews
from storage.warning import Warnings

# As what a proposal is put before the approvers and written into the receipt.
_TYPE = {
    Proposal.KEEP: ApplicationType.RENEWAL,
    Proposal.RAISE: ApplicationType.INCREASE,
    Proposal.CUT: ApplicationType.DECREASE,
    Proposal.EXIT: ApplicationType.DECREASE,
}
EXIT_REASON = "review:exit"
_STATUS = {
    None: ReviewStatus.CONCLUDED,
    ApprovalOutcome.APPROVED: ReviewStatus.CONCLUDED,
    ApprovalOutcome.DECLINED: ReviewStatus.OVERRULED,
    ApprovalOutcome.LAPSED: ReviewStatus.LAPSED,
    ApprovalOutcome.RETURNED: ReviewStatus.LAPSED,
    ApprovalOutcome.WITHDRAWN: ReviewStatus.STOPPED,
}


class ReviewActivities(ReviewSteps):
    """The steps on PostgreSQL."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @activity.defn
    def reassess_line(self, turn: ReviewTurn) -> Reassessed:
        with self._records.begin() as session:
            review = Reviews(session).read(review_id_of(turn.line_id, turn.n), for_update=True)
            line = Lines(session).read(turn.line_id)
            if line.status.ended or not line.terms.limit:
                return Reassessed(review_id=review.review_id, proposal=Proposal.KEEP, stopped=True)
            return _reassess(session, review, line, turn)

    @activity.defn
    def conclude_review(self, conclusion: ReviewConclusion) -> ReviewResult:
        with self._records.begin() as session:
            # The line is held first, as it is where the line's own steps open a review.
            line_id = Reviews(session).read(conclusion.review_id).line_id
            line = Lines(session).read(line_id, for_update=True)
            review = Reviews(session).read(conclusion.review_id, for_update=True)
            if review.closed_on is None:
                review = _conclude(session, review, line, conclusion)
            return ReviewResult(
                review_id=review.review_id,
                status=review.status,
                proposal=review.proposal.proposal if review.proposal else Proposal.KEEP,
                limit_decided=review.limit_decided,
                letter_no=review.letter_no,
                next_due_on=review.next_due_on,
            )


# ── judging ──────────────────────────────────────────────────────────────────────────────────────


def _reassess(session: Session, review: Review, line: CreditLine, turn: ReviewTurn) -> Reassessed:
    on = business_on(turn.at, turn.offset_days)
    edition = Editions(session).find_current(on)
    if edition is None:
        raise NotFound(kind="policy edition in force", id=on.isoformat())
    last = Reviews(session).find_last_decided(line.line_id)
    previous = Assessments(session).read(last.review_id if last else line.case_id)
    proposal, judged = _judge(session, review.review_id, line, previous, edition, on)
    Assessments(session).record(judged)
    Reviews(session).write(
        review,
        review.model_copy(
            update={
                "proposal": proposal,
                "pack": _pack(session, line, previous, proposal),
                "status": ReviewStatus.IN_APPROVAL if proposal.needs_approval else review.status,
            }
        ),
    )
    return Reassessed(
        review_id=review.review_id,
        proposal=proposal.proposal,
        grade=judged.rating.grade,
        approval=_request(session, judged, proposal, edition, turn)
        if proposal.needs_approval
        else None,
    )


def _judge(
    session: Session,
    review_id: str,
    line: CreditLine,
    previous: Assessment,
    edition: PolicyEdition,
    on: date,
) -> tuple[ReviewProposal, Assessment]:
    """What the records support decides what is proposed; the receipt is of the proposal.

    The line's limit is that of its terms: a temporary one beside it is not reviewed.
    """

    def judged(kind: Proposal, limit: Money) -> Assessment:
        before = previous.dossier.application
        application = Application(
            customer_id=line.customer_id,
            application_type=_TYPE[kind],
            limit_requested=limit,
            term_months=line.terms.term_months,
            purpose=before.purpose,
            product=line.terms.product,
            line_id=line.line_id,
            attachments=before.attachments,
        )
        return assess(
            review_id,
            collect_dossier(session, application, edition, on),
            edition,
            automatic_spent=Money.zero(edition.reporting_currency),
            sampled=False,
        )

    as_it_is = judged(Proposal.KEEP, line.terms.limit)
    proposal = propose(previous, as_it_is, line.terms.limit, edition)
    match proposal.proposal:
        case Proposal.KEEP | Proposal.EXIT:
            # Nothing is asked for on an exit, and an application asks for something: the receipt
            # is of the line as it is, with the limit that is recommended for it.
            receipt = as_it_is.model_copy(update={"limit_recommended": proposal.limit_proposed})
        case Proposal.RAISE | Proposal.CUT:
            receipt = judged(proposal.proposal, proposal.limit_proposed)
    return proposal, receipt


def _pack(
    session: Session, line: CreditLine, previous: Assessment, proposal: ReviewProposal
) -> ReviewPack:
    since = previous.dossier.business_on
    used, used_max = Reviews(session).use_of(line.line_id, line.limit.currency, since)
    events = events_standing(Customers(session).events(line.customer_id))
    warnings = Warnings(session).find_since(line.customer_id, since)
    return ReviewPack(
        previous_subject=previous.case_id,
        decided_on=since,
        deltas=proposal.deltas,
        used=used,
        used_max=used_max,
        events=tuple(
            f"{event.event_type} {event.occurred_on}"
            for event in events
            if event.occurred_on >= since
        ),
        warnings=tuple(f"{each.signal.rule} {each.raised_on}" for each in warnings),
    )


def _request(
    session: Session,
    judged: Assessment,
    proposal: ReviewProposal,
    edition: PolicyEdition,
    turn: ReviewTurn,
) -> ApprovalRequest:
    """The proposal as the one approval engine takes it.

    Its tier is that of the group's exposure after it, and for a cut or an exit of what there was
    before: who may not grant a limit does not take it away either.
    """
    dossier = judged.dossier
    after = aggregate_after(
        dossier.application, dossier.holdings, dossier.limit_requested_reporting
    )
    aggregate = max(after, dossier.holdings.group_limits)
    row, steps, _ = steps_for(aggregate, judged.rating.grade, edition)
    return ApprovalRequest(
        subject=Subject.REVIEW,
        subject_id=judged.case_id,
        n=turn.attempt,
        case_id=judged.case_id,
        customer_id=dossier.customer.customer_id,
        makers=("system", dossier.customer.manager_id),
        steps=steps,
        aggregate=aggregate,
        grade=judged.rating.grade,
        content_hash=judged.receipt_hash,
        edition_hash=edition.edition_hash,
        route_row=row,
        reasons=(f"review:{proposal.proposal}", *proposal.reasons),
        offset_days=turn.offset_days,
    )


# ── concluding ───────────────────────────────────────────────────────────────────────────────────


def _conclude(
    session: Session, review: Review, line: CreditLine, conclusion: ReviewConclusion
) -> Review:
    on = business_on(conclusion.at, conclusion.offset_days)
    status = _STATUS[conclusion.outcome]
    if review.proposal is None or status is ReviewStatus.STOPPED or line.status.ended:
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
