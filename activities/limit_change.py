"""A line's limit changed by a decision that is about more lines than one: its letter, and the news."""

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from activities.line import tell_line
from domain.approval import Approval
from domain.contract import Letter
from domain.edition import PolicyEdition
from domain.line import CreditLine
from domain.money import Money
from domain.notification import Channel, Notice
from storage.approval import Letters
from storage.customer import Customers
from storage.line import Lines
from storage.notification import Outbox


def change_limit(
    session: Session,
    line: CreditLine,
    limit: Money,
    kind: str,
    approval: Approval,
    edition: PolicyEdition,
    *,
    at: datetime,
    on: date,
) -> Letter:
    """A numbered letter that gives the line its limit and keeps its other terms, in force at once.

    The line is read for update; the letter names the one it follows.
    """
    subject = f"{approval.request.subject_id}/{line.line_id}"
    letter = letter_of(
        session,
        approval,
        edition,
        on,
        terms=line.terms.model_copy(update={"limit": limit}),
        replaces=line.letter_no,
    )
    Letters(session).record(letter, subject, line.customer_id)
    Lines(session).change(line, letter, kind, case_id=subject, at=at, business_on=on)
    tell_line(session, line.line_id, f"{letter.letter_no}/line_changed")
    owner = Customers(session).read(line.customer_id).manager_id
    for recipient in (f"person:{owner}", f"customer:{line.customer_id}"):
        Outbox(session).post(
            Channel.MAIL,
            f"{letter.letter_no}/{recipient}",
            recipient=recipient,
            kind=Notice.LINE_CHANGED,
            facts={"line_id": line.line_id, "letter_no": letter.letter_no},
            case_id=line.case_id,
        )
    return letter


def declined(session: Session, approval: Approval, edition: PolicyEdition, on: date) -> Letter:
    """The numbered letter of a list or a move that was declined; no line changes."""
    letter = letter_of(session, approval, edition, on)
    request = approval.request
    Letters(session).record(letter, request.subject_id, request.customer_id)
    return letter


def letter_of(
    session: Session, approval: Approval, edition: PolicyEdition, on: date, **fields: object
) -> Letter:
    approved = fields.get("terms") is not None
    return Letter.model_validate(
        {
            "letter_no": Letters(session).next_no(on.year),
            "case_id": approval.request.case_id,
            "approved": approved,
            "terms": None,
            "reason_codes": () if approved else ("approver_declined",),
            "content_hash": approval.request.content_hash,
            "decided_on": on,
            "valid_until": on + timedelta(days=edition.approval.letter_valid_days),
            "decided_by": approval.deciders,
            **fields,
        }
    )
