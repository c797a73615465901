"""A line judged again: what the records support, what changed, and whom a proposal is put before.

The receipt of a review is kept under the review's id, as an application's is under its case.
"""

from datetime import date

from sqlalchemy.orm import Session

from activities.assessment import collect_dossier
from domain.application import Application, ApplicationType
from domain.approval import ApprovalRequest, Subject
from domain.assessment import Assessment
from domain.calendar import business_on
from domain.customer import events_standing
from domain.edition import PolicyEdition
from domain.errors import NotFound
from domain.line import CreditLine
from domain.money import Money
from domain.review import (
    Proposal,
    Reassessed,
    Review,
    ReviewPack,
    ReviewProposal,
    ReviewStatus,
    ReviewTurn,
)
from policies.assessment import assess, reviewed
from policies.review import propose
from policies.routing import REQUESTS_SUMMED, aggregate_after, body_for, facts_of
from policies.splitting import requests_summed
from storage.application import Assessments
from storage.customer import Customers
from storage.edition import Editions
from storage.review import Reviews
from storage.warning import Warnings

# As what a proposal is put before the approvers and written into the receipt.
_TYPE = {
    Proposal.KEEP: ApplicationType.RENEWAL,
    Proposal.RAISE: ApplicationType.INCREASE,
    Proposal.CUT: ApplicationType.DECREASE,
    Proposal.EXIT: ApplicationType.DECREASE,
}


def reassess(session: Session, review: Review, line: CreditLine, turn: ReviewTurn) -> Reassessed:
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
            receipt = reviewed(as_it_is, proposal.limit_proposed, edition)
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
    beside = requests_summed(dossier, edition) if proposal.proposal is Proposal.RAISE else None
    if beside is not None:
        after += beside.total
    aggregate = max(after, dossier.holdings.group_limits)
    facts = facts_of(
        dossier,
        judged.price,
        dossier.limit_requested_reporting,
        judged.route.exceptions,
        edition,
    )
    row, steps, _ = body_for(dossier, aggregate, judged.rating.grade, edition, facts)
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
        facts=facts,
        reasons=(
            f"review:{proposal.proposal}",
            *proposal.reasons,
            *((REQUESTS_SUMMED,) if beside is not None else ()),
        ),
        offset_days=turn.offset_days,
    )
