"""A draft put in force by the word that approves it, in the transaction of that word."""

from datetime import date

from sqlalchemy.orm import Session

from domain.approval import (
    Approval,
    ApprovalOutcome,
    AuthorityGrant,
    DecisionRequest,
    Subject,
    Task,
)
from domain.draft import RISK_OFFICER
from domain.errors import StaleContent
from domain.identity import Role
from policies.edition import refuse_unsound
from storage.draft import Drafts
from storage.edition import Editions
from storage.identity import Persons


def grant_by_role(
    session: Session, person_id: str, task: Task, approval: Approval, on: date
) -> AuthorityGrant | None:
    """A risk officer's authority over editions and overrides; it comes with the role and is no
    numbered grant."""
    by_role = approval.request.subject in (Subject.POLICY_EDITION, Subject.OVERRIDE)
    if not by_role or task.position != RISK_OFFICER:
        return None
    person = Persons(session).find_active(person_id)
    if person is None or not person.has(Role.RISK_OFFICER):
        return None
    return AuthorityGrant(
        grant_no=f"role:{Role.RISK_OFFICER}",
        person_id=person_id,
        position=RISK_OFFICER,
        limit=approval.request.aggregate,
        valid_from=on,
        valid_until=on,
        granted_by="policy",
    )


def publish_decided(session: Session, approval: Approval, decision: DecisionRequest) -> None:
    """Publish what was approved; a declined draft stays a draft.

    Refuses `StaleContent` where the draft has been edited since, and `SameHands`.
    """
    if approval.outcome is not ApprovalOutcome.APPROVED:
        return
    draft = Drafts(session).read(approval.request.subject_id)
    if draft.edition_hash != approval.request.content_hash:
        raise StaleContent(id=draft.draft_id)
    draft.refuse_author(decision.person_id)
    edition, source = Drafts(session).read_content(draft)
    refuse_unsound(edition)
    Editions(session).publish(edition, source, decision.person_id)


def holders_by_role(session: Session, position: str) -> list[str]:
    """Who may decide by role alone: every active risk officer, for that position."""
    if position != RISK_OFFICER:
        return []
    return [
        person.person_id
        for person in Persons(session).list_persons()
        if person.has(Role.RISK_OFFICER)
    ]
