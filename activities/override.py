"""Overrides of grades: proposed on a case, confirmed by a second person, and void when it moves on.

Everything here happens under the lock of the case, in the transaction of the step that calls it.
A confirmed override puts the case back to be judged; who confirms is an approval of its own.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from activities.hands import makers_of
from domain.application import Case, CaseAction, CaseStatus
from domain.approval import Approval, ApprovalOutcome, ApprovalRequest, DecisionRequest, Subject
from domain.assessment import Assessment
from domain.calendar import business_on
from domain.edition import PolicyEdition
from domain.errors import (
    NoteMissing,
    NotPermitted,
    OutOfOrder,
    OverridePending,
    OverrideReasonUnknown,
    OwnCase,
    SameHands,
    StaleContent,
    Withdrawn,
)
from domain.identity import Role
from domain.notification import Channel
from domain.override import Override, OverrideStatus, VoidedBy
from domain.reasons import because
from policies.override import confirmation_step, grade_asked, second_needed
from storage.application import Applications, Assessments, CaseEvents
from storage.approval import Approvals
from storage.edition import Editions
from storage.identity import Persons
from storage.notification import Outbox
from storage.override import Overrides

# Judged, and not decided yet.
OVERRIDABLE = frozenset({CaseStatus.ASSESSED, CaseStatus.IN_APPROVAL})


def override_grade(session: Session, case: Case, action: CaseAction) -> Case:
    """Move the grade of a case, or put that before a second person where policy asks for one; by no
    notch, take back the override that counts.

    Refuses by state, by hands, and as `policies.override.grade_asked` does.
    """
    proposal = action.override
    if proposal is None or case.status not in OVERRIDABLE:
        raise OutOfOrder(**because("case_takes_no", status=case.status, act="override"))
    _refuse_hands(session, case, action.person_id)
    if not proposal.note.strip():
        raise NoteMissing(verdict="override")
    before = Overrides(session).list_of_case(case.case_id)
    _refuse_pending(before)
    edition = Editions(session).read(case.edition_hash)
    if proposal.notches == 0:
        return _take_back(session, case, action, standing(before), edition)
    judged = Assessments(session).read(case.case_id)
    asked = grade_asked(proposal, judged.rating, edition)
    override = Overrides(session).record(
        Override(
            override_id=f"override-{case.case_id}-{len(before) + 1}",
            case_id=case.case_id,
            n=len(before) + 1,
            customer_id=case.application.customer_id,
            notches=proposal.notches,
            reason=proposal.reason,
            note=proposal.note,
            grade_model=judged.rating.grade_model,
            grade_asked=asked,
            receipt_hash=Assessments(session).find_hash(case.case_id) or judged.receipt_hash,
            second_needed=second_needed(proposal.notches, asked, edition),
            proposed_by=action.person_id,
            proposed_at=action.at,
            proposed_on=business_on(action.at, action.offset_days),
            status=OverrideStatus.PROPOSED,
        ),
        action.message_id,
    )
    CaseEvents(session).post(
        case.case_id,
        "override_proposed" if override.second_needed else "overridden",
        person_id=action.person_id,
        at=action.at,
        message_id=action.message_id,
        message_hash=action.said,
        **_told(override),
    )
    if override.second_needed:
        _ask(session, case, override, judged, edition, action.offset_days)
        return case
    return _take_effect(session, case, override, action.at)


def standing(overrides: Sequence[Override]) -> Override | None:
    """The override that counts now: the newest that was confirmed and is not void."""
    counting = [each for each in overrides if each.status is OverrideStatus.CONFIRMED]
    return counting[-1] if counting else None


def void(session: Session, override: Override, by: VoidedBy, at: datetime, **facts: str) -> None:
    """It counts no more, the timeline says why, and nobody is asked about it any longer."""
    Overrides(session).settle(override, OverrideStatus.VOIDED, at, voided_by=by)
    CaseEvents(session).post(
        override.case_id,
        "override_voided",
        at=at,
        override=f"{override.notches:+d}",
        voided_by=by,
        **facts,
    )
    if override.status is OverrideStatus.PROPOSED:
        Outbox(session).post(
            Channel.TEMPORAL,
            f"{override.override_id}/stop",
            recipient=override.override_id,
            kind="signal_approval_stop",
            facts={"subject_id": override.override_id, "n": "1"},
        )


def void_pending(session: Session, case_id: str, by: VoidedBy, at: datetime) -> None:
    """What waits for a second person waits no more; a case that ends or is decided takes none."""
    for each in Overrides(session).list_of_case(case_id):
        if each.status is OverrideStatus.PROPOSED:
            void(session, each, by, at)


# ── the second person ────────────────────────────────────────────────────────────────────────────


def lock_for_confirmation(session: Session, approval: Approval) -> None:
    """The case of an override, locked; it must still be what was put before the second person."""
    request = approval.request
    case = Applications(session).read(request.case_id, for_update=True)
    if case.status is CaseStatus.WITHDRAWN:
        raise Withdrawn(case_id=case.case_id)
    if approval.outcome is not ApprovalOutcome.OPEN:
        return  # the approval itself says who decided
    waits = Overrides(session).read(request.subject_id).status is OverrideStatus.PROPOSED
    same = Assessments(session).find_hash(case.case_id) == request.content_hash
    if not waits or not same or case.status not in OVERRIDABLE:
        raise StaleContent(id=request.subject_id)


def settle_override(session: Session, approval: Approval, decision: DecisionRequest) -> None:
    """The second person's word: the case is to be judged anew, or stays as it was."""
    override = Overrides(session).read(approval.request.subject_id)
    confirmed = approval.outcome is ApprovalOutcome.APPROVED
    status = OverrideStatus.CONFIRMED if confirmed else OverrideStatus.DECLINED
    CaseEvents(session).post(
        override.case_id,
        "overridden" if confirmed else "override_declined",
        person_id=decision.person_id,
        at=decision.at,
        **_told(override),
    )
    if not confirmed:
        Overrides(session).settle(override, status, decision.at, person_id=decision.person_id)
        return
    case = Applications(session).read(override.case_id, for_update=True)
    _take_effect(session, case, override, decision.at, decision.person_id)
    Outbox(session).post(
        Channel.TEMPORAL,
        f"{override.override_id}/reassess",
        recipient=case.case_id,
        kind="signal_application_reassess",
        facts={"case_id": case.case_id},
    )


def lapse_override(session: Session, approval: Approval, at: datetime) -> None:
    """Nobody answered; the case goes on with the grade it has."""
    override = Overrides(session).read(approval.request.subject_id)
    if override.status is OverrideStatus.PROPOSED:
        Overrides(session).settle(override, OverrideStatus.LAPSED, at)
        CaseEvents(session).post(override.case_id, "override_lapsed", at=at, **_told(override))


def refuse_override_hands(session: Session, approval: Approval, person_id: str) -> None:
    """Refuses `SameHands`: whoever moved the grade, or asked to, decides nothing on the case, and
    whoever has decided on the case does not move its grade."""
    request = approval.request
    if request.subject is Subject.APPLICATION:
        taken = person_id in Overrides(session).hands_on(request.case_id)
    elif request.subject is Subject.OVERRIDE:
        taken = person_id in _deciders(session, request.case_id)
    else:
        return
    if taken:
        raise SameHands(first="overriding a grade", second="deciding on the case")


# ── inside ───────────────────────────────────────────────────────────────────────────────────────


def _refuse_hands(session: Session, case: Case, person_id: str) -> None:
    person = Persons(session).read_person(person_id)
    if not person.has(Role.RISK_OFFICER, Role.APPROVER):
        raise NotPermitted(action="override.propose")
    if person_id in (case.applicant, case.last_editor):
        raise OwnCase(case_id=case.case_id)
    if person_id in _deciders(session, case.case_id):
        raise SameHands(first="overriding a grade", second="deciding on the case")


def _deciders(session: Session, case_id: str) -> set[str]:
    approvals = Approvals(session).list_of_subject(case_id)
    return {person_id for approval in approvals for person_id in approval.deciders}


def _refuse_pending(before: Sequence[Override]) -> None:
    for each in before:
        if each.status is OverrideStatus.PROPOSED:
            raise OverridePending(override_id=each.override_id, case_id=each.case_id)


def _ask(
    session: Session,
    case: Case,
    override: Override,
    judged: Assessment,
    edition: PolicyEdition,
    offset_days: int,
) -> None:
    """Owe the approval that asks the second person; the tier is that of exceptions from policy."""
    request = ApprovalRequest(
        subject=Subject.OVERRIDE,
        subject_id=override.override_id,
        case_id=case.case_id,
        customer_id=override.customer_id,
        makers=tuple(dict.fromkeys((override.proposed_by, *makers_of(session, case, judged)))),
        steps=(confirmation_step(edition),),
        aggregate=judged.route.aggregate,
        grade=override.grade_asked,
        content_hash=override.receipt_hash,
        edition_hash=judged.edition_hash,
        route_row="override",
        reasons=(f"override:{override.notches:+d}",),
        offset_days=offset_days,
    )
    Outbox(session).post(
        Channel.TEMPORAL,
        f"{override.override_id}/approval",
        recipient=override.override_id,
        kind="start_approval",
        facts={"request": request.model_dump_json()},
    )


def _take_effect(
    session: Session, case: Case, override: Override, at: datetime, person_id: str | None = None
) -> Case:
    """The override counts, an earlier one does not, and the case is to be judged anew."""
    before = standing(Overrides(session).list_of_case(case.case_id))
    if before is not None:
        void(session, before, VoidedBy.FOLLOWED, at)
    Overrides(session).settle(override, OverrideStatus.CONFIRMED, at, person_id=person_id)
    return Applications(session).write(
        case, case.model_copy(update={"status": CaseStatus.RECEIVED})
    )


def _take_back(
    session: Session,
    case: Case,
    action: CaseAction,
    counting: Override | None,
    edition: PolicyEdition,
) -> Case:
    """The override counts no more and the case is to be judged anew, by the model alone.

    It is a move back by as many notches: where policy lets nobody move so far alone, whoever moved
    the grade does not move it back either, and somebody else's word makes two.
    """
    proposal = action.override
    if counting is None or proposal is None:
        raise OutOfOrder(reason="there is no override to take back")
    if proposal.reason not in edition.override.reasons:
        raise OverrideReasonUnknown(
            reason=proposal.reason, reasons=", ".join(edition.override.reasons) or "-"
        )
    own = counting.proposed_by == action.person_id
    if own and second_needed(-counting.notches, counting.grade_model, edition):
        raise SameHands(first="overriding a grade", second="taking an override back")
    Overrides(session).settle(
        counting,
        OverrideStatus.VOIDED,
        action.at,
        person_id=None if own else action.person_id,
        voided_by=VoidedBy.TAKEN_BACK,
    )
    CaseEvents(session).post(
        case.case_id,
        "override_voided",
        person_id=action.person_id,
        at=action.at,
        message_id=action.message_id,
        message_hash=action.said,
        override=f"{counting.notches:+d}",
        override_reason=proposal.reason,
        voided_by=VoidedBy.TAKEN_BACK,
        note=proposal.note,
    )
    return Applications(session).write(
        case, case.model_copy(update={"status": CaseStatus.RECEIVED})
    )


def _told(override: Override) -> dict[str, str]:
    return {
        "override": f"{override.notches:+d}",
        "grade": f"{override.grade_model} → {override.grade_asked}",
        "override_reason": override.reason,
        "note": override.note,
    }
