"""A cap put on its account by the word that approves it, in the transaction of that word."""

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from activities.excess import CUSTOMER, GROUP, Looked, look_at_caps
from domain.approval import Approval, ApprovalOutcome, DecisionRequest
from domain.calendar import business_on
from domain.cap import Cap, CapOwner, CapRequest, CapStatus, CapTerms
from domain.contract import Letter
from domain.edition import PolicyEdition
from storage.approval import Letters
from storage.cap import Caps
from storage.exposure import Accounts
from storage.recheck import owe_recheck


def settle_cap(
    session: Session,
    approval: Approval,
    decision: DecisionRequest,
    edition: PolicyEdition,
    on: date,
) -> Letter:
    """The last word on a cap: its letter, and where it was approved the account has it at once.

    What stands above it is put on a plan and on hold; new draws are refused, and name the account.
    """
    cap = Caps(session).read(approval.request.subject_id)
    approved = approval.outcome is ApprovalOutcome.APPROVED
    letter = _letter(session, cap.request, approval, edition, on, approved=approved)
    if approved:
        _put_in_force(session, cap.request, letter, on)
        kind = CUSTOMER if cap.request.scope is CapOwner.CUSTOMER else GROUP
        looked = Looked(decision.at, on, decision.offset_days)
        look_at_caps(session, kind, cap.request.owner_id, looked)
    Caps(session).settle(
        cap.request,
        CapStatus.SET if approved else CapStatus.DECLINED,
        at=decision.at,
        on=on,
        settled_by=decision.person_id,
        letter_no=letter.letter_no,
    )
    return letter


def lapse_cap(session: Session, approval: Approval, at: datetime) -> Cap:
    """Nobody answered; the account stays as it is, and the cap may be asked for again."""
    request = Caps(session).read(approval.request.subject_id).request
    on = business_on(at, approval.request.offset_days)
    return Caps(session).settle(request, CapStatus.LAPSED, at=at, on=on)


def _letter(
    session: Session,
    cap: CapRequest,
    approval: Approval,
    edition: PolicyEdition,
    on: date,
    *,
    approved: bool,
) -> Letter:
    letters = Letters(session)
    letter = Letter(
        letter_no=letters.next_no(on.year),
        case_id=cap.cap_id,
        approved=approved,
        terms=None,
        reason_codes=() if approved else ("approver_declined",),
        content_hash=approval.request.content_hash,
        decided_on=on,
        valid_until=on + timedelta(days=edition.approval.letter_valid_days),
        decided_by=approval.deciders,
        cap=CapTerms(
            scope=cap.scope,
            owner_id=cap.owner_id,
            currency=cap.currency,
            limit=cap.limit,
            review_due_on=cap.review_due_on,
        ),
    )
    letters.record(letter, cap.cap_id, cap.owner_id)
    return letter


def _put_in_force(session: Session, cap: CapRequest, letter: Letter, on: date) -> None:
    accounts = Accounts(session)
    put = accounts.set_customer_cap if cap.scope is CapOwner.CUSTOMER else accounts.set_group_cap
    put(
        cap.owner_id,
        cap.currency,
        cap.limit,
        decision_id=letter.letter_no,
        business_on=on,
    )
    owe_recheck(session, f"cap/{letter.letter_no}", "limit")
