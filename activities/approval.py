"""The approval engine's steps: authority checked now, one word and its consequence in one transaction."""

from datetime import date, datetime

from sqlalchemy.orm import Session
from temporalio import activity

from activities.act import entitled, tell_of, void_words
from activities.application import conclude_case, lapse_case, silence_until
from activities.authority import Asking, tell_askable
from activities.book import unit_for
from activities.cap import lapse_cap, settle_cap
from activities.edition import publish_decided
from activities.hold import lapse_hold_release, settle_hold_release
from activities.letter import issue_letter, order_of
from activities.move import lapse_move, settle_move
from activities.override import (
    lapse_override,
    lock_for_confirmation,
    settle_override,
)
from activities.reclaim import lapse_reclaim, settle_reclaim
from activities.signatures import ApprovalSteps, AuditSteps
from activities.use import finish_use, lapse_use, refuse_settled, settle_use
from domain.application import Case, CaseStatus
from domain.approval import (
    OPINIONS,
    ActKind,
    ActRequest,
    Approval,
    ApprovalOutcome,
    ApprovalProgress,
    ApprovalRequest,
    DecisionRequest,
    LevelDue,
    Silence,
    StepDue,
    Subject,
    Verdict,
)
from domain.audit import RefusedMessage
from domain.calendar import business_on
from domain.contract import Letter
from domain.edition import PolicyEdition, SamePerson
from domain.errors import (
    CreditError,
    LimitAboveProposal,
    Malformed,
    NoteMissing,
    StaleContent,
    TermAboveRequest,
    Unauthenticated,
    Withdrawn,
)
from domain.notification import Channel, Notice
from domain.recovery import APPROVAL_SILENCE
from policies.calendar import calendar_of
from policies.materiality import carried, changes
from policies.same_person import asked_once
from storage.application import Applications, Assessments, CaseEvents
from storage.approval import Acts, Approvals, Decisions, Locked
from storage.base import Records
from storage.edition import Editions
from storage.exposure import Exposure
from storage.identity import ActionTokens, Refusals
from storage.notification import Outbox
from storage.use import Uses


class ApprovalActivities(ApprovalSteps):
    """The steps on PostgreSQL.

    Without a book of exposure what a use gives back is left to the run that sweeps.
    """

    def __init__(self, records: Records, exposure: Exposure | None = None) -> None:
        self._records = records
        self._exposure = exposure

    @activity.defn
    def open_approval(self, request: ApprovalRequest) -> ApprovalProgress:
        now = activity.info().scheduled_time
        with self._records.begin() as session:
            opened = Approvals(session).find_progress(request.approval_id)
            if opened is not None:
                return opened
            edition = Editions(session).read(request.edition_hash)
            on = business_on(now, request.offset_days)
            approval = _taken_over(session, request, edition, on, now)
            taken_over = approval
            approval = _without_recused(session, taken_over, on, now)
            approval = _asked_once(session, approval, edition, on, now)
            if approval.outcome is not ApprovalOutcome.OPEN:
                approval = _asked_anew(session, taken_over, on, now)
            progress = _progress(session, approval, edition, now)
            Approvals(session).record(approval, progress, now)
            _enter_approval(session, request, now)
            _tell_holders(session, approval, Notice.TASK_OPENED, progress, on)
            return progress

    @activity.defn
    def record_decision(self, decision: DecisionRequest) -> ApprovalProgress:
        return self._followed(self._decided(decision), decision.at)

    def _decided(self, decision: DecisionRequest) -> ApprovalProgress:
        with self._records.begin() as session:
            found = Approvals(session).read_for_word(decision)
            if isinstance(found, ApprovalProgress):
                return found.model_copy(update={"replayed": True})
            try:
                return _decide(session, decision, found)
            except CreditError:
                # A twin of the message may have held the approval until now.
                taken = Decisions(session).find_progress(decision.message_id, decision.said)
                if taken is None:
                    raise
                return taken.model_copy(update={"replayed": True})

    @activity.defn
    def record_act(self, request: ActRequest) -> ApprovalProgress:
        with self._records.begin() as session:
            taken = Acts(session).find_progress(request.message_id, request.said)
            if taken is not None:
                progress = taken.model_copy(update={"replayed": True})
            else:
                progress = _act(session, request)
        return self._followed(progress, request.at)

    @activity.defn
    def act_on_silence(self, due: StepDue) -> ApprovalProgress:
        return self._followed(self._silent(due), due.at)

    def _silent(self, due: StepDue) -> ApprovalProgress:
        with self._records.begin() as session:
            approval, progress, version = Approvals(session).read_locked(due.approval_id)
            over = approval.outcome is not ApprovalOutcome.OPEN
            if over or approval.step_index != due.step_index or not _to_come(progress, due):
                return progress  # somebody spoke first, or it is done already
            approval, progress = _after_silence(session, approval, progress, due)
            Approvals(session).write(approval, progress, version, due.at)
            return progress

    def _followed(self, progress: ApprovalProgress, at: datetime) -> ApprovalProgress:
        """The same, once the book has given back what was reserved for a use that is not to be."""
        if self._exposure is None or progress.outcome not in _GIVEN_BACK:
            return progress
        use_id = progress.approval_id.rpartition(".")[0]
        with self._records.begin() as session:
            known = Uses(session).find(use_id)
        if known is not None:
            finish_use(self._records, self._exposure, use_id, at)
        return progress


class AuditActivities(AuditSteps):
    def __init__(self, records: Records) -> None:
        self._records = records

    @activity.defn
    def record_refused_message(self, refused: RefusedMessage) -> None:
        with self._records.begin() as session:
            Refusals(session).record_refusal(refused)


_GIVEN_BACK = (ApprovalOutcome.DECLINED, ApprovalOutcome.LAPSED)
_SAID_ALONE = (Verdict.APPROVE, Verdict.SUPPORT)  # words that need no reason


# ── a word ───────────────────────────────────────────────────────────────────────────────────────


def _decide(session: Session, decision: DecisionRequest, found: Locked) -> ApprovalProgress:
    approval, progress, version = found
    _redeem(session, decision)
    case = _case_under_decision(session, approval)
    approval.legality(decision.task_id, decision.person_id)
    task = approval.task(decision.task_id)
    assert task is not None, "legality refuses a task that is not there"
    on = business_on(decision.at, decision.offset_days)
    asking = Asking(session, approval, on)
    voice = asking.voice_of(decision.person_id, task)
    _well_said(decision, approval, asking)
    after = approval.decided(
        decision.task_id,
        decision.person_id,
        decision.verdict,
        decision.at,
        note=decision.note,
        to_step=decision.to_step,
        resume=decision.resume,
    )
    edition = asking.edition
    after, following, newly = _moved(session, approval, after, progress, edition, decision, on)
    following = following.model_copy(update={"decision_id": decision.message_id})
    if after.outcome is not ApprovalOutcome.OPEN:
        following = _conclude(session, after, following, decision, case, asking)
    Approvals(session).write(after, following, version, decision.at)
    if newly:
        _tell_holders(session, after, Notice.TASK_OPENED, following, on, only=newly)
    function = approval.step.function
    Decisions(session).record(decision, approval, voice, asking.barred, following, function)
    deferred = decision.verdict is not Verdict.RETURN
    void_words(
        session,
        approval,
        after,
        reason="deferred" if deferred else "returned",
        by=decision.message_id,
        at=decision.at,
        last=decision.task_id,
    )
    if approval.request.subject is not Subject.OVERRIDE:  # which tells its own end
        CaseEvents(session).post(
            approval.request.case_id,
            f"decision_{decision.verdict}",
            person_id=decision.person_id,
            at=decision.at,
            task_id=decision.task_id,
            position=voice.grant.position,
            grant_no=voice.grant.grant_no,
            note=decision.note,
            **({"on_behalf_of": voice.on_behalf_of} if voice.on_behalf_of else {}),
        )
    return following


def _moved(
    session: Session,
    before: Approval,
    after: Approval,
    progress: ApprovalProgress,
    edition: PolicyEdition,
    spoken: DecisionRequest | ActRequest,
    on: date,
) -> tuple[Approval, ApprovalProgress, frozenset[str]]:
    """What follows from a word or an act: who is asked now, until when, and on which tasks that
    were not open before: who has one has the whole time of the step, and is told once it is
    written."""
    newly = _newly_open(before, after)
    if newly or after.recused != before.recused:
        after = _without_recused(session, after, on, spoken.at)
        after = _asked_once(session, after, edition, on, spoken.at)
        newly = _newly_open(before, after)
    ended = after.outcome is not ApprovalOutcome.OPEN
    following = _progress(session, after, edition, spoken.at) if newly or ended else progress
    waiting = tuple(task.position for task in after.open_tasks)
    following = following.model_copy(update={"waiting_for": waiting})
    return after, following, frozenset() if ended else newly


def _newly_open(before: Approval, after: Approval) -> frozenset[str]:
    return frozenset({task.task_id for task in after.open_tasks}) - {
        task.task_id for task in before.open_tasks
    }


def _redeem(session: Session, spoken: DecisionRequest | ActRequest) -> None:
    redeemed = ActionTokens(session).redeem(
        spoken.token, spoken.person_id, spoken.task_id, spoken.message_id, spoken.at
    )
    if not redeemed:
        raise Unauthenticated()


# ── an act ───────────────────────────────────────────────────────────────────────────────────────


def _act(session: Session, request: ActRequest) -> ApprovalProgress:
    """Anything but a decision; it may still end the approval, as a vote that its chair closes."""
    approval, progress, version = Approvals(session).read_locked(request.approval_id)
    _redeem(session, request)
    case = _case_under_decision(session, approval)
    on = business_on(request.at, request.offset_days)
    approval.refuse_act(request.act)
    grant_no = entitled(session, approval, request, on)
    edition = Editions(session).read(approval.request.edition_hash)
    acted = approval.acted(request.act)
    after, following, newly = _moved(session, approval, acted, progress, edition, request, on)
    following = following.model_copy(update={"decision_id": request.message_id})
    if after.outcome is not ApprovalOutcome.OPEN:
        asking = Asking(session, approval, on)
        following = _conclude(session, after, following, _closing(request), case, asking)
    Approvals(session).write(after, following, version, request.at)
    if newly:
        _tell_holders(session, after, Notice.TASK_OPENED, following, on, only=newly)
    Acts(session).record(request, approval, grant_no, following, approval.step.function)
    void_words(
        session, approval, after, reason=request.action, by=request.message_id, at=request.at
    )
    tell_of(session, after, request)
    if request.action in (ActKind.URGE, ActKind.TRANSFER):
        urged = request.action is ActKind.URGE
        notice = Notice.TASK_URGED if urged else Notice.TASK_OPENED
        only, again = frozenset({request.task_id}), request.message_id
        _tell_holders(session, after, notice, following, on, only=only, again=again)
    return following


def _closing(request: ActRequest) -> DecisionRequest:
    """The act that lets the words said so far end the approval, as what ends it."""
    return DecisionRequest(
        **request.model_dump(include={"approval_id", "task_id", "person_id", "note", "message_id"}),
        **request.model_dump(include={"token", "channel", "at", "offset_days"}),
        verdict=Verdict.APPROVE,  # how it ends is the approval's to say
    )


# ── a word's form and end ────────────────────────────────────────────────────────────────────────


def _case_under_decision(session: Session, approval: Approval) -> Case | None:
    """The application as it stands, locked; it must still be what was put before the approvers."""
    if approval.request.subject is Subject.OVERRIDE:
        lock_for_confirmation(session, approval)
    if approval.request.subject is Subject.USE and approval.outcome is ApprovalOutcome.OPEN:
        refuse_settled(session, approval)
    if approval.request.subject is not Subject.APPLICATION:
        return None
    case = Applications(session).read(approval.request.case_id, for_update=True)
    if case.status is CaseStatus.WITHDRAWN:
        raise Withdrawn(case_id=case.case_id)
    if approval.outcome is ApprovalOutcome.OPEN and case.status is not CaseStatus.IN_APPROVAL:
        raise StaleContent(id=case.case_id)
    return case


def _well_said(decision: DecisionRequest, approval: Approval, asking: Asking) -> None:
    """A refusal or a return gives its reason; what was read is what is decided on."""
    if decision.content_hash and decision.content_hash != approval.request.content_hash:
        raise StaleContent(id=approval.request.case_id)
    if decision.verdict not in _SAID_ALONE and not decision.note.strip():
        raise NoteMissing(verdict=decision.verdict)
    if decision.risks and decision.verdict not in OPINIONS:
        raise Malformed(reason="risks are cited by an opinion, not by a vote")
    subject = approval.request.subject
    granting = decision.verdict in (Verdict.APPROVE, *OPINIONS)
    if decision.conditions and not (granting and subject is Subject.APPLICATION):
        raise Malformed(reason="conditions are asked for by a word that grants an application")
    otherwise = decision.verdict is Verdict.RETURN or decision.limit is not None
    if subject is Subject.OVERRIDE and otherwise:
        raise Malformed(reason="an override is confirmed or declined, with no other limit")
    if subject is Subject.CAP and otherwise:
        raise Malformed(reason="a cap is approved or declined, at no other amount")
    if subject is Subject.HOLD_RELEASE and otherwise:
        raise Malformed(reason="a release is granted or declined, at no other amount")
    if subject is Subject.USE and otherwise:
        raise Malformed(reason="a use is approved or declined, at no other amount")
    if subject in (Subject.RECLAIM, Subject.MOVE) and otherwise:
        raise Malformed(reason="a change of several lines is approved or declined as it was asked")
    if subject is Subject.POLICY_EDITION and decision.limit is not None:
        raise Malformed(reason="a policy edition is published or not, with no other limit")
    if subject is Subject.APPLICATION and (decision.limit, decision.term_months) != (None, None):
        _refuse_other_terms(asking)
    if decision.term_months is not None or any(each.due_on for each in decision.conditions):
        _within_term(decision, approval, asking)
    if decision.limit is not None:
        proposed = asking.judged.limit_recommended
        if not decision.limit.minor > 0 or decision.limit > proposed:
            raise LimitAboveProposal(limit=decision.limit, proposed=proposed)


def _refuse_other_terms(asking: Asking) -> None:
    """Another limit or term is for what grants one; a change of a line keeps both."""
    if asking.judged.dossier.application.application_type.keeps_terms:
        raise Malformed(reason="this type keeps the line's limit and term")


def _within_term(decision: DecisionRequest, approval: Approval, asking: Asking) -> None:
    """A shorter term than was asked for, of an application; a day that is not over."""
    months = decision.term_months
    if months is not None:
        if approval.request.subject is not Subject.APPLICATION:
            raise Malformed(reason="only an application is approved for another term")
        application = asking.judged.dossier.application
        if months > application.term_months:
            raise TermAboveRequest(months=months, requested=application.term_months)
    on = business_on(decision.at, decision.offset_days)
    if any(each.due_on and each.due_on < on for each in decision.conditions):
        raise Malformed(reason="a condition is due on a day that is over")


def _conclude(
    session: Session,
    approval: Approval,
    progress: ApprovalProgress,
    decision: DecisionRequest,
    case: Case | None,
    asking: Asking,
) -> ApprovalProgress:
    """The last word: a letter, the case's new status, and the notice, all with the word itself."""
    edition, on = asking.edition, asking.on
    if approval.outcome is ApprovalOutcome.RETURNED:
        return _returned(session, progress, decision, case, edition)
    if approval.request.subject is Subject.POLICY_EDITION:
        publish_decided(session, approval, decision)
        return progress
    if approval.request.subject is Subject.OVERRIDE:
        settle_override(session, approval, decision)
        return progress
    if approval.request.subject is Subject.CAP:
        letter = settle_cap(session, approval, decision, edition, on)
        return progress.model_copy(update={"letter_no": letter.letter_no})
    if approval.request.subject is Subject.HOLD_RELEASE:
        letter = settle_hold_release(session, approval, decision, edition, on)
        return progress.model_copy(update={"letter_no": letter.letter_no})
    if approval.request.subject is Subject.USE:
        settle_use(session, approval, decision, on)
        return progress
    if approval.request.subject is Subject.RECLAIM:
        reclaim = settle_reclaim(session, approval, decision, edition, on)
        return progress.model_copy(update={"letter_no": reclaim.letter_no})
    if approval.request.subject is Subject.MOVE:
        move = settle_move(session, approval, decision, edition, on)
        return progress.model_copy(update={"letter_no": move.letters[0]})
    letter = _letter(session, approval, decision, asking)
    progress = progress.model_copy(update={"letter_no": letter.letter_no})
    if case is None:
        return progress
    order = order_of(letter, asking.judged, edition)
    conclude_case(
        session,
        case,
        letter,
        decision.at,
        decision.person_id,
        order=order,
        overridden=asking.bearing.overridden,
    )
    return progress.model_copy(update={"order": order})


def _letter(
    session: Session, approval: Approval, decision: DecisionRequest, asking: Asking
) -> Letter:
    approved = approval.outcome is ApprovalOutcome.APPROVED
    # The last word is not on record yet; where it is the first, there is none to be read.
    words = approval.tasks if asking.spoken else ()
    said_on = [task.carried_from or task.task_id for task in words if task.word]
    said = Decisions(session).conceded(said_on, decision)
    return issue_letter(
        session,
        asking.judged,
        asking.edition,
        approved=approved,
        on=asking.on,
        decided_by=approval.deciders,
        reason_codes=() if approved else ("approver_declined",),
        limit=said.limit,
        term_months=said.term_months,
        asked=said.conditions if approval.request.subject is Subject.APPLICATION else (),
    )


def _returned(
    session: Session,
    progress: ApprovalProgress,
    decision: DecisionRequest,
    case: Case | None,
    edition: PolicyEdition,
) -> ApprovalProgress:
    if case is not None:
        returned = case.model_copy(
            update={"status": CaseStatus.RETURNED, "missing": decision.fields_wanted}
        )
        Applications(session).write(case, returned)
        Outbox(session).post(
            Channel.MAIL,
            f"{decision.approval_id}/returned",
            recipient=f"person:{case.applicant}",
            kind=Notice.APPLICATION_RETURNED,
            facts={"case_id": case.case_id, "note": decision.note},
            case_id=case.case_id,
        )
    return progress.model_copy(
        update={
            "fields_wanted": decision.fields_wanted,
            "silence_until": silence_until(
                CaseStatus.RETURNED,
                edition,
                decision.at,
                decision.offset_days,
                decision.fields_wanted,
                unit_for(session, edition, case.application.customer_id) if case else "",
            ),
        }
    )


# ── silence ──────────────────────────────────────────────────────────────────────────────────────


def _after_silence(
    session: Session, approval: Approval, progress: ApprovalProgress, due: StepDue
) -> tuple[Approval, ApprovalProgress]:
    on = business_on(due.at, due.offset_days)
    request = approval.request
    level = next((each for each in progress.levels if each.level == due.level), None)
    to = (level.to if level else None) or approval.step.escalate_to
    told = {"position": to} if to and due.silence in _TO_OTHERS else {}
    CaseEvents(session).post(
        request.case_id,
        f"silence_{due.silence}",
        at=due.at,
        step=str(due.step_index + 1),
        **told,
        **({"level": str(level.level)} if level else {}),
    )
    after = _without_silence(progress, due)
    match due.silence:
        case Silence.REMIND:
            _tell_holders(session, approval, Notice.TASK_REMINDER, progress, on, level)
            return approval, after
        case Silence.TELL:
            _tell_holders(session, approval, Notice.TASK_UNANSWERED, progress, on, level)
            return approval, after
        case Silence.ESCALATE:
            approval = approval.escalated(to)
            _tell_holders(session, approval, Notice.TASK_ESCALATED, progress, on, level)
            return approval, after
        case Silence.REASSIGN:
            assert to is not None, "an edition that hands over to nobody is refused"
            approval = approval.reassigned(to)
            _tell_holders(session, approval, Notice.TASK_REASSIGNED, progress, on, level)
            waiting = tuple(task.position for task in approval.open_tasks)
            return approval, after.model_copy(update={"waiting_for": waiting})
        case Silence.LAPSE:
            return _stopped(session, approval, progress, ApprovalOutcome.LAPSED, due.at)
        case Silence.WITHDRAW:
            return _stopped(session, approval, progress, ApprovalOutcome.WITHDRAWN, due.at)


def _to_come(progress: ApprovalProgress, due: StepDue) -> bool:
    """Whether silence has not done this yet: what is done is done once, however often it is asked."""
    if due.level is not None:
        return any(each.level == due.level for each in progress.levels)
    match due.silence:
        case Silence.REMIND:
            return progress.remind_at is not None
        case Silence.ESCALATE:
            return progress.escalate_at is not None
        case _:
            return True


def _without_silence(progress: ApprovalProgress, due: StepDue) -> ApprovalProgress:
    """What is still to come once this is done."""
    if due.level is not None:
        left = tuple(each for each in progress.levels if each.level != due.level)
        return progress.model_copy(update={"levels": left})
    done = {"remind_at": None}
    if due.silence is Silence.ESCALATE:
        done["escalate_at"] = None
    return progress.model_copy(update=done)


def _stopped(
    session: Session,
    approval: Approval,
    progress: ApprovalProgress,
    outcome: ApprovalOutcome,
    at: datetime,
) -> tuple[Approval, ApprovalProgress]:
    if outcome is ApprovalOutcome.LAPSED and approval.request.subject is Subject.APPLICATION:
        case = Applications(session).read(approval.request.case_id, for_update=True)
        if case.status is CaseStatus.IN_APPROVAL:
            lapse_case(session, case, at, APPROVAL_SILENCE)
        else:  # it waits to be judged anew, or has ended: nobody was silent about it as it is
            outcome = ApprovalOutcome.WITHDRAWN
    if outcome is ApprovalOutcome.LAPSED and approval.request.subject is Subject.OVERRIDE:
        lapse_override(session, approval, at)
    if outcome is ApprovalOutcome.LAPSED and approval.request.subject is Subject.CAP:
        lapse_cap(session, approval, at)
    if outcome is ApprovalOutcome.LAPSED and approval.request.subject is Subject.HOLD_RELEASE:
        lapse_hold_release(session, approval, at)
    if outcome is ApprovalOutcome.LAPSED and approval.request.subject is Subject.USE:
        lapse_use(session, approval, at)
    if outcome is ApprovalOutcome.LAPSED and approval.request.subject is Subject.RECLAIM:
        lapse_reclaim(session, approval, at)
    if outcome is ApprovalOutcome.LAPSED and approval.request.subject is Subject.MOVE:
        lapse_move(session, approval, at)
    stopped = approval.stopped(outcome)
    return stopped, ApprovalProgress(
        approval_id=progress.approval_id, outcome=outcome, step_index=approval.step_index
    )


# ── what an approval takes over ──────────────────────────────────────────────────────────────────


def _taken_over(
    session: Session, request: ApprovalRequest, edition: PolicyEdition, on: date, at: datetime
) -> Approval:
    """The approval with the words of the one before it that stand for it too.

    What was decided on is compared field by field; the edition says whose words fall. Whoever had
    spoken must have the authority for it as it stands now. A return that has all steps run again
    keeps nothing.
    """
    before = Approvals(session).find_before(request)
    if before is None or request.subject is not Subject.APPLICATION:
        return Approval.opened(request)
    said_on = Assessments(session).find_by_hash(request.subject_id, before.request.content_hash)
    now_on = Assessments(session).find_by_hash(request.subject_id, request.content_hash)
    was_returned = before.outcome is ApprovalOutcome.RETURNED
    to_me = was_returned and Decisions(session).resumes(before.request.approval_id)
    lapsed = before.outcome is ApprovalOutcome.LAPSED
    again = lapsed or (was_returned and not to_me)
    if said_on is None or now_on is None or again:
        return Approval.opened(request, (), before.recused, before.copied)
    taken = carried(before, request, changes(said_on, now_on, edition), edition)
    fell = dict(taken.fell)
    able = []
    plain = Approval.opened(request, (), before.recused)
    asking = Asking(session, plain, on)
    for task in taken.kept:
        try:
            if task.decided_by is not None:
                plain.refuse_hands(task.decided_by)
                asking.voice_of(task.decided_by, task.model_copy(update={"person_id": None}))
        except CreditError as refused:
            fell[task.task_id] = refused.code
        else:
            able.append(task)
    approval = Approval.opened(request, able, before.recused, before.copied)
    stands = {task.carried_from for task in approval.tasks if task.word is not None}
    fell |= {
        task.task_id: "last_step"
        for task in able
        if task.word is not None and task.task_id not in stands
    }
    if stands or fell:
        CaseEvents(session).post(
            request.case_id,
            "words_carried",
            at=at,
            kept=", ".join(sorted(each for each in stands if each)),
            fell=", ".join(f"{task_id}: {cause}" for task_id, cause in sorted(fell.items())),
            changed=", ".join(
                f"{each.field} {each.before} → {each.after}" if each.after else str(each.field)
                for each in taken.changed
            ),
        )
    return approval


def _asked_anew(session: Session, taken_over: Approval, on: date, at: datetime) -> Approval:
    """The approval with no word taken over: with the recused left out those that were would end it,
    and none ends without somebody's word on it."""
    request = taken_over.request
    stood = [each.carried_from for each in taken_over.tasks if each.word and each.carried_from]
    fell = ", ".join(f"{task_id}: last_step" for task_id in sorted(stood))
    CaseEvents(session).post(
        request.case_id, "words_carried", at=at, kept="", fell=fell, changed=""
    )
    anew = Approval.opened(request, (), taken_over.recused, taken_over.copied)
    return _without_recused(session, anew, on, at)


# ── asking ───────────────────────────────────────────────────────────────────────────────────────


def _progress(
    session: Session, approval: Approval, edition: PolicyEdition, since: datetime
) -> ApprovalProgress:
    """Where the approval stands when a step opens: who is asked and what the clock will do."""
    request = approval.request
    if approval.outcome is not ApprovalOutcome.OPEN:
        return ApprovalProgress(
            approval_id=request.approval_id,
            outcome=approval.outcome,
            step_index=approval.step_index,
        )
    step = approval.step
    calendar = calendar_of(edition.approval, unit_for(session, edition, request.customer_id))
    escalate_at = calendar.after(since, step.deadline_hours, request.offset_days)
    return ApprovalProgress(
        approval_id=request.approval_id,
        outcome=approval.outcome,
        step_index=approval.step_index,
        waiting_for=tuple(task.position for task in approval.open_tasks),
        remind_at=calendar.after(since, step.remind_hours, request.offset_days),
        escalate_at=escalate_at,
        lapse_at=calendar.after(escalate_at, step.lapse_hours, request.offset_days),
        levels=tuple(
            LevelDue(
                level=number,
                silence=Silence(each.act.value),
                to=each.to,
                at=calendar.after(since, each.hours, request.offset_days),
            )
            for number, each in enumerate(step.levels, start=1)
        ),
    )


def _enter_approval(session: Session, request: ApprovalRequest, at: datetime) -> None:
    if request.subject is not Subject.APPLICATION:
        return
    case = Applications(session).read(request.case_id, for_update=True)
    if case.status is CaseStatus.ASSESSED:
        Applications(session).write(
            case, case.model_copy(update={"status": CaseStatus.IN_APPROVAL})
        )


def _without_recused(session: Session, approval: Approval, on: date, at: datetime) -> Approval:
    """The approval without the tasks of its step whose every holder is recused, each with why.

    Where nobody would be left they stay, and go to whom they escalate; no recused holder decides.
    """
    asking = Asking(session, approval, on)
    reasons = {
        task.task_id: recusals[0].reason
        for task in approval.open_tasks
        if (recusals := asking.recused_holders(task))
    }
    without = approval.skipping(reasons)
    for task in without.tasks:
        if task.skipped and task not in approval.tasks:
            CaseEvents(session).post(
                approval.request.case_id,
                "task_skipped",
                at=at,
                task_id=task.task_id,
                position=task.position,
                reason=task.skipped,
            )
    return without


def _asked_once(
    session: Session, approval: Approval, edition: PolicyEdition, on: date, at: datetime
) -> Approval:
    """The approval with nobody asked twice, where policy asks a person once: words of other steps
    counted and steps passed over, one after the other, as long as there is one."""
    same = edition.approval.same_person
    while same is not SamePerson.REFUSE and approval.outcome is ApprovalOutcome.OPEN:
        asking = Asking(session, approval, on)
        once = asked_once(approval, same, asking.holds, asking.people)
        if once is None:
            break
        if not once.here:
            counted = once.said is not None
            CaseEvents(session).post(
                approval.request.case_id,
                "word_counted" if counted else "step_passed_over",
                person_id=once.person_id if counted else "system",
                at=at,
                **({"task_id": once.said.task_id} if once.said else {"person": once.person_id}),
                position=once.task.position,
                step=str(approval.step_index + 1),
            )
        approval = once.applied(approval, at)
    return approval


_TO_OTHERS = frozenset({Silence.TELL, Silence.ESCALATE, Silence.REASSIGN})


def _tell_holders(
    session: Session,
    approval: Approval,
    notice: Notice,
    progress: ApprovalProgress,
    on: date,
    level: LevelDue | None = None,
    only: frozenset[str] | None = None,
    again: str = "",
) -> None:
    """Owe a notice to everybody who could decide an open task; one that nobody could raises an
    alarm. That nobody answers is told to the position the level names, not to the silent."""
    due_at = progress.escalate_at or progress.lapse_at
    superior = (level.to if level else None) or approval.step.escalate_to
    tell_askable(
        session,
        approval,
        notice,
        due_at.isoformat() if due_at else "",
        on,
        superior=superior if notice is Notice.TASK_UNANSWERED else None,
        level=level.level if level else None,
        only=only,
        again=again,
    )
