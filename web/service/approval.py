"""What may be asked of approvals: the inbox, a task with its reasons, a word, letters."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pydantic import Field
from sqlalchemy.orm import Session

from activities.act import OF_HOLDERS
from activities.authority import Asking
from domain.application import CaseStatus
from domain.approval import (
    ActKind,
    ActRequest,
    Approval,
    ApprovalOutcome,
    ApprovalProgress,
    AuthorityGrant,
    CitedRisk,
    DecisionRequest,
    Minutes,
    Placement,
    Resume,
    Spoken,
    TaskStatus,
    TierMove,
    Verdict,
    minutes_of,
)
from domain.assessment import PolicyException
from domain.audit import RefusedMessage
from domain.contract import ConditionAsked, Letter
from domain.draft import RISK_OFFICER
from domain.edition import AuthorityPolicy
from domain.errors import AlreadyDecided, CreditError, NoteMissing, NotFound, Withdrawn
from domain.identity import Id, Person, Role
from domain.money import Money
from domain.value import Value
from policies.authority import open_cases, open_positions, tier_moves
from storage.application import Applications
from storage.approval import (
    Acts,
    ActView,
    Approvals,
    AuthorityRegister,
    AutomaticLane,
    Decisions,
    DecisionView,
    Letters,
    Tasks,
)
from storage.approval import (
    TaskView as TaskView,
)
from storage.base import Records
from storage.cap import Caps
from storage.customer import Customers
from storage.edition import Editions
from storage.identity import ActionTokens, Refusals, make_token
from web.service.application import message_id_of
from web.service.clock import Clock
from web.service.gateway import Gateway, StillPending
from web.service.ids import new_id
from web.service.permissions import Action, permit, permitted, visible_to
from workflows.names import approval_id

TOKEN_LASTS = timedelta(minutes=10)


class Decided(Value):
    """What followed from a word."""

    task_id: Id
    decision_id: str
    verdict: Verdict
    outcome: ApprovalOutcome
    waiting_for: tuple[str, ...] = ()
    letter_no: str | None = None
    replayed: bool = False


class TaskWord(Value):
    """One word of many, on one task; its reason is asked for whatever the word is."""

    task_id: Id
    verdict: Verdict
    note: str = Field(default="", max_length=4000)
    fields_wanted: tuple[str, ...] = Field(default=(), max_length=50)
    limit: Money | None = None
    conditions: tuple[ConditionAsked, ...] = Field(default=(), max_length=20)
    risks: tuple[CitedRisk, ...] = Field(default=(), max_length=20)
    content_hash: str = Field(default="", max_length=64)
    # Of this word alone; else made from the request's and the task.
    key: str | None = Field(default=None, min_length=1, max_length=200)


class TaskAnswer(Value):
    """What became of one word of many: done, refused with a code, or still under way."""

    task_id: Id
    done: Decided | None = None
    refusal: str | None = None
    detail: str = ""
    pending: bool = False


class Answers(Value):
    """One answer for each word, in their order."""

    items: tuple[TaskAnswer, ...]


class Done(Value):
    """What followed from an act."""

    task_id: Id
    act_id: str
    action: ActKind
    outcome: ApprovalOutcome
    waiting_for: tuple[str, ...] = ()
    replayed: bool = False


class WhyYou(Value):
    """Why a task is this person's, or why it is not: by which grant, for whom and under which
    certificate, for what sum and which exceptions, and what would put it before others."""

    grant: AuthorityGrant | None
    on_behalf_of: Id | None = None  # whose authority a delegate uses
    delegations: tuple[Id, ...] = ()
    certificate_no: Id | None = None
    stands_in_for: str | None = None  # the position whose holders cannot act
    refusal: str | None  # the code that a decision would be refused with, now
    detail: str = ""
    aggregate: Money
    grade: str = ""
    route_row: str
    facts: dict[str, str] = {}  # what the row went by, beside aggregate and grade
    reasons: tuple[str, ...]
    exceptions: tuple[PolicyException, ...] = ()
    moves: tuple[TierMove, ...] = ()


class TaskPage(Value):
    """One task with all it is about."""

    task: TaskView
    approval: Approval
    why: WhyYou
    decisions: tuple[DecisionView, ...]
    acts: tuple[ActView, ...] = ()
    words: tuple[Verdict, ...] = ()  # that the reader may say now
    may: tuple[ActKind, ...] = ()  # what the reader may do besides
    return_targets: tuple[int, ...] = ()  # earlier steps that a return may name, from 0


class ApprovalService:
    """Approvals, over one memory and one way to Temporal."""

    def __init__(self, records: Records, gateway: Gateway, clock: Clock) -> None:
        self._records = records
        self._gateway = gateway
        self._clock = clock

    def list_tasks(
        self,
        person: Person,
        *,
        mine: bool = True,
        case_id: str | None = None,
        status: TaskStatus | None = TaskStatus.OPEN,
        after: tuple[datetime, str] | None = None,
        page_size: int = 50,
    ) -> Sequence[TaskView]:
        """Tasks by due time; `mine` keeps those that a grant of the person's may decide today."""
        permit(person, Action.TASK_READ)
        with self._records.begin() as session:
            positions, cases = self._opened(session, person) if mine else (None, ())
            return Tasks(session).list_page(
                page_size=page_size,
                after=after,
                positions=positions,
                person_id=person.person_id if mine else None,
                or_cases=cases,
                case_id=case_id,
                status=status,
                manager_id=visible_to(person).manager_id,
            )

    def read_task(self, person: Person, task_id: str) -> TaskPage:
        """A task, decided or not, with the reason it is whose it is."""
        permit(person, Action.TASK_READ)
        with self._records.begin() as session:
            task, approval = self._found(session, person, task_id)
            why = self._why(session, person, task, approval)
            holds = why.grant is not None and permitted(person, Action.TASK_DECIDE)
            acts = approval.acts_for(task_id, person.person_id)
            return TaskPage(
                task=task,
                approval=approval,
                why=why,
                decisions=tuple(Decisions(session).list_of_case(task.case_id)),
                acts=tuple(Acts(session).list_of_case(task.case_id)),
                words=approval.words_for(task_id, person.person_id) if holds else (),
                may=tuple(act for act in acts if holds or act not in OF_HOLDERS),
                return_targets=approval.return_targets(),
            )

    def decide(
        self,
        person: Person,
        task_id: str,
        verdict: Verdict,
        *,
        note: str = "",
        fields_wanted: tuple[str, ...] = (),
        limit: Money | None = None,
        content_hash: str = "",
        to_step: int | None = None,
        resume: Resume = Resume.AGAIN,
        term_months: int | None = None,
        conditions: tuple[ConditionAsked, ...] = (),
        risks: tuple[CitedRisk, ...] = (),
        key: str | None = None,
        channel: str = "api",
    ) -> Decided:
        """One word; authority is checked by the approval itself, at this moment.

        A return goes to the applicant, or to the earlier step `to_step` (from 0), after which it
        goes on as `resume` says. Refuses `AlreadyDecided`, `NoAuthority`, `OwnCase`, `SameHands`,
        `NotYourTask`, `OpinionAwaited`, `Withdrawn`, `WordIllegal`, `TargetIllegal`,
        `StaleContent` (what was read is no longer what is decided on), `NoteMissing`, and
        `LimitAboveProposal` or `TermAboveRequest` for more than was put to the vote.
        """
        permit(person, Action.TASK_DECIDE)
        word = DecisionRequest(
            approval_id="",
            task_id=task_id,
            person_id=person.person_id,
            verdict=verdict,
            note=note,
            fields_wanted=fields_wanted,
            limit=limit,
            content_hash=content_hash,
            to_step=to_step,
            resume=resume,
            term_months=term_months,
            conditions=conditions,
            risks=risks,
            message_id=message_id_of(person, f"decide/{task_id}", key),
            token=make_token(),
            channel=channel,
            at=self._clock.now(),
        )
        with self._records.begin() as session:
            task, approval, taken = Approvals(session).read_of_word(word)
            asked = approval.request
            self._refuse_unseen(session, person, asked.case_id, asked.customer_id, "task", task_id)
            if taken is not None:
                return _decided(word, taken, replayed=True)
            token = ActionTokens(session).issue_action_token(
                person.person_id, task_id, self._clock.now() + TOKEN_LASTS
            )
        # The workflow knows its approval and the time; what it is told is the word and its proof.
        message = word.model_dump(mode="json", exclude={"approval_id", "at", "offset_days"})
        try:
            answer = self._gateway.update(
                approval_id(asked.subject_id, asked.n), "decide", message | {"token": token}
            )
        except NotFound:
            return self._answer_closed(task, word)
        return _decided(word, ApprovalProgress.model_validate(answer))

    def decide_many(
        self,
        person: Person,
        words: Sequence[TaskWord],
        *,
        key: str | None = None,
        channel: str = "api",
    ) -> Answers:
        """Word after word, each asked and answered as if it came alone; one refused keeps no other
        from being taken. Sent again under its key, each answers as it did."""
        permit(person, Action.TASK_DECIDE)
        return Answers(items=tuple(self._answer_one(person, word, key, channel) for word in words))

    def _answer_one(
        self, person: Person, word: TaskWord, key: str | None, channel: str
    ) -> TaskAnswer:
        own = word.key or (f"{key}/{word.task_id}" if key else None)
        said = {name: getattr(word, name) for name in TaskWord.model_fields if name != "key"}
        try:
            if not word.note.strip():
                raise NoteMissing(verdict=word.verdict)
            done = self.decide(person, **said, key=own, channel=channel)
        except StillPending:
            return TaskAnswer(task_id=word.task_id, pending=True)
        except CreditError as refused:
            self._keep_refused(person, word, refused, channel)
            return TaskAnswer(
                task_id=word.task_id, refusal=refused.code, detail=refused.detail(person.language)
            )
        return TaskAnswer(task_id=word.task_id, done=done)

    def _keep_refused(
        self, person: Person, word: TaskWord, refused: CreditError, channel: str
    ) -> None:
        """What was refused of many is kept as what was refused alone is."""
        with self._records.begin() as session:
            Refusals(session).record_refusal(
                RefusedMessage(
                    message_key=new_id(),
                    channel=channel,
                    subject=f"task/{word.task_id}",
                    action="POST /api/v1/tasks/decisions",
                    person_id=person.person_id,
                    code=refused.code,
                    detail=refused.detail()[:1000],
                    case_id=word.task_id.partition(".")[0],
                )
            )

    def act(
        self,
        person: Person,
        task_id: str,
        action: ActKind,
        *,
        to: str | None = None,
        placement: Placement | None = None,
        note: str = "",
        key: str | None = None,
        channel: str = "api",
    ) -> Done:
        """Anything but a decision: transfer, add a signer, take back, urge and their kind.

        Whoever sees the task may urge and let read along, and answer what they were asked; the rest
        is for who may decide it. Refuses `ActIllegal`, `NotYourTask`, `OwnCase`,
        `OwnInvestigation`, `SameHands`, `RecusedOneself`, `UrgedAlready`, `NoteMissing`, and
        whatever a decision by the person, or by whom it names, would be refused with.
        """
        permit(person, Action.TASK_DECIDE if action in OF_HOLDERS else Action.TASK_READ)
        said = ActRequest(
            approval_id="",
            task_id=task_id,
            person_id=person.person_id,
            action=action,
            to=to,
            placement=placement,
            note=note,
            message_id=message_id_of(person, f"act/{task_id}", key),
            token=make_token(),
            channel=channel,
            at=self._clock.now(),
        )
        with self._records.begin() as session:
            _, approval = self._found(session, person, task_id)
            taken = Acts(session).find_progress(said.message_id, said.said)
            if taken is not None:
                return _done(said, taken, replayed=True)
            approval.refuse_act(said.act)
            token = ActionTokens(session).issue_action_token(
                person.person_id, task_id, self._clock.now() + TOKEN_LASTS
            )
        message = said.model_dump(mode="json", exclude={"approval_id", "at", "offset_days"})
        request = approval.request
        answer = self._gateway.update(
            approval_id(request.subject_id, request.n), "act", message | {"token": token}
        )
        return _done(said, ApprovalProgress.model_validate(answer))

    def read_minutes(self, person: Person, approval_no: str) -> Minutes:
        """What was said on every step of an approval, as one document made from its words."""
        permit(person, Action.TASK_READ)
        with self._records.begin() as session:
            approval = Approvals(session).find(approval_no)
            if approval is None:
                raise NotFound(kind="approval", id=approval_no)
            case_id, customer_id = approval.request.case_id, approval.request.customer_id
            self._refuse_unseen(session, person, case_id, customer_id, "approval", approval_no)
            words = Decisions(session).list_of_case(case_id)
            return minutes_of(approval, spoken_by_task(words))

    def issue_token(self, person: Person, task_id: str) -> str:
        """A one-time token for one word on this task, for tools that can only signal."""
        permit(person, Action.TASK_DECIDE)
        with self._records.begin() as session:
            self._found(session, person, task_id)
            return ActionTokens(session).issue_action_token(
                person.person_id, task_id, self._clock.now() + TOKEN_LASTS
            )

    def read_letter(self, person: Person, letter_no: str) -> Letter:
        permit(person, Action.LETTER_READ)
        with self._records.begin() as session:
            letter = Letters(session).read(letter_no)
            customer_id = letter.terms.customer_id if letter.terms is not None else None
            if customer_id is None and (case := Applications(session).find(letter.case_id)):
                customer_id = case.application.customer_id
            self._refuse_unseen(session, person, letter.case_id, customer_id, "letter", letter_no)
            return letter

    def switch_automatic_lane(self, person: Person, *, on: bool, reason: str) -> None:
        """Open or stop the automatic lane for every case not yet assessed."""
        permit(person, Action.LANE_SWITCH)
        with self._records.begin() as session:
            AutomaticLane(session).switch(on=on, person_id=person.person_id, reason=reason)

    def _opened(
        self, session: Session, person: Person
    ) -> tuple[Sequence[str] | None, Sequence[str]]:
        """The positions whose tasks may be this person's today: held, spoken for, or stood in for;
        and the cases that grants for one case open to them."""
        on = self._clock.business_on()
        edition = Editions(session).find_current(on)
        policy = AuthorityPolicy() if edition is None else edition.approval.authority
        register = AuthorityRegister(session).on_day(on)
        by_role = {RISK_OFFICER} if person.has(Role.RISK_OFFICER) else set()
        positions = {*open_positions(register, person.person_id, policy), *by_role}
        return sorted(positions), open_cases(register, person.person_id, policy)

    def _found(self, session: Session, person: Person, task_id: str) -> tuple[TaskView, Approval]:
        task, approval = Approvals(session).read_of_task(task_id)
        asked = approval.request
        self._refuse_unseen(session, person, asked.case_id, asked.customer_id, "task", task_id)
        return task, approval

    def _refuse_unseen(
        self,
        session: Session,
        person: Person,
        case_id: str,
        customer_id: str | None,
        kind: str,
        id_: str,
    ) -> None:
        """Nothing, or `NotFound` to a manager of other customers who has no part in the case."""
        manager_id = visible_to(person).manager_id
        if manager_id is None:
            return
        customer = Customers(session).find(customer_id) if customer_id is not None else None
        owned = customer is not None and customer.manager_id == manager_id
        asked = Caps(session).list_page(cap_id=case_id, manager_id=manager_id)
        if not owned and not asked and not Approvals(session).reads_along(case_id, manager_id):
            raise NotFound(kind=kind, id=id_)

    def _why(self, session: Session, person: Person, task: TaskView, approval: Approval) -> WhyYou:
        request = approval.request
        asking = Asking(session, approval, self._clock.business_on())
        known = approval.task(task.task_id)
        voice, refusal, detail = None, None, ""
        try:
            approval.legality(task.task_id, person.person_id)
            assert known is not None, "legality refuses a task that is not there"
            voice = asking.voice_of(person.person_id, known)
        except CreditError as error:
            refusal, detail = error.code, error.detail(person.language)
        assessment = asking.assessment
        by_tiers = any(row.code == request.route_row for row in asking.edition.approval.rows)
        return WhyYou(
            grant=voice.grant if voice else None,
            on_behalf_of=voice.on_behalf_of if voice else None,
            delegations=voice.delegations if voice else (),
            certificate_no=voice.certificate_no if voice else None,
            stands_in_for=known.position
            if voice and known and voice.grant.position not in known.may_be_decided_by
            else None,
            refusal=refusal,
            detail=detail,
            aggregate=request.aggregate,
            grade=request.grade,
            route_row=request.route_row,
            facts=request.facts,
            reasons=request.reasons,
            exceptions=assessment.route.exceptions if assessment else (),
            moves=tier_moves(request.aggregate, request.grade, asking.edition, request.facts)
            if by_tiers
            else (),
        )

    def _answer_closed(self, task: TaskView, word: DecisionRequest) -> Decided:
        """The approval has ended; our records know how, and whether this very word was taken."""
        with self._records.begin() as session:
            taken = Decisions(session).find_progress(word.message_id, word.said)
            task = Tasks(session).read(task.task_id)
            approval = Approvals(session).find(task.approval_id)
            case = Applications(session).find(task.case_id)
            words = [
                said
                for said in Decisions(session).list_of_case(task.case_id)
                if said.approval_id == task.approval_id  # and not on an override of the case
            ]
        if taken is not None:
            return _decided(word, taken, replayed=True)
        if case is not None and case.status is CaseStatus.WITHDRAWN:
            raise Withdrawn(case_id=case.case_id)
        assert approval is not None, "a task belongs to an approval"
        on_task = [said for said in words if said.task_id == task.task_id]
        last = next(reversed(on_task or [*words]), None)
        raise AlreadyDecided(
            verdict=last.verdict if last else approval.outcome,
            decided_by=last.person_id if last else "system",
            decided_at=last.decided_at.isoformat(timespec="seconds") if last else "-",
        )


def spoken_by_task(words: Iterable[DecisionView]) -> dict[str, Spoken]:
    """What was said on each task, as minutes tell it."""
    return {
        word.task_id: Spoken(
            note=word.note, conditions=word.conditions, risks=word.risks, void=word.void
        )
        for word in words
    }


def _done(said: ActRequest, progress: ApprovalProgress, *, replayed: bool = False) -> Done:
    return Done(
        task_id=said.task_id,
        act_id=said.message_id,
        action=said.action,
        outcome=progress.outcome,
        waiting_for=progress.waiting_for,
        replayed=replayed or progress.replayed,
    )


def _decided(
    word: DecisionRequest, progress: ApprovalProgress, *, replayed: bool = False
) -> Decided:
    return Decided(
        task_id=word.task_id,
        decision_id=word.message_id,
        verdict=word.verdict,
        outcome=progress.outcome,
        waiting_for=progress.waiting_for,
        letter_no=progress.letter_no,
        replayed=replayed or progress.replayed,
    )
