"""The machine: tasks, words, acts, and what follows from each; silence never approves.

What may be done by whom is asked of `refuse_word` and `refuse_act`, by every way in. Whether a person has
the authority is for an activity to find in the register before it comes here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Self

from pydantic import model_validator

from domain.approval.acts import Act, ActKind, Copied, Recusal, Resume, Urge
from domain.approval.route import (
    WORDS_OF,
    ApprovalOutcome,
    ApprovalRequest,
    RouteStep,
    StepMode,
    Verdict,
)
from domain.approval.settlement import Settled, own_passed, seats_least, seats_of, settlement
from domain.approval.task import Hand, Help, Placement, Task, TaskStatus
from domain.errors import (
    ActIllegal,
    AlreadyDecided,
    CreditError,
    NoteMissing,
    NotYourTask,
    OpinionAwaited,
    OutOfOrder,
    OwnCase,
    OwnInvestigation,
    RecusedOneself,
    SameHands,
    TargetIllegal,
    UrgedAlready,
    WordIllegal,
)
from domain.identity import Id
from domain.value import Value

ADDED_MAX = 9  # added signers of one approval
HANDS_MAX = 5  # people whom one task may go through
URGE_EVERY = timedelta(hours=24)
ABSENT = "absent"
REMOVED = "removed"
RECUSED = "recused"


class Approval(Value):
    """The whole of one approval: its request, every task, and how it stands."""

    request: ApprovalRequest
    tasks: tuple[Task, ...] = ()
    step_index: int = 0
    outcome: ApprovalOutcome = ApprovalOutcome.OPEN
    round: int = 1  # counts how often a step was opened again
    resume_at: int | None = None  # the step that asked an earlier one again, and goes on after it
    resumed: bool = False  # by the last word
    latest: str = ""  # the task of the last word, while nothing has followed it
    recused: tuple[Recusal, ...] = ()
    copied: tuple[Copied, ...] = ()
    urged: tuple[Urge, ...] = ()

    @model_validator(mode="after")
    def _step_exists(self) -> Self:
        if not 0 <= self.step_index < len(self.request.steps):
            raise ValueError("the step index is outside the route")
        return self

    @classmethod
    def opened(
        cls,
        request: ApprovalRequest,
        kept: Sequence[Task] = (),
        recused: tuple[Recusal, ...] = (),
        copied: tuple[Copied, ...] = (),
    ) -> "Approval":
        """The approval with the tasks of its first step open.

        `kept` are words of an approval before that stand for this one too; steps that they pass
        are behind it. They never end it: of the step they would end it by, nobody's is kept.
        """
        carried = [_carried(request, task) for task in kept]
        approval = Approval(request=request, tasks=tuple(carried), recused=recused, copied=copied)
        approval = approval._entered(0)
        while settlement(approval.step, approval.in_step()) is Settled.PASSED:
            index = approval.step_index
            if index + 1 == len(request.steps) or approval.step.final is not None:
                left = [task for task in kept if task.step_index < index]
                return cls.opened(request, left, recused, copied)
            approval = approval._without_open_tasks()._entered(index + 1)
        return approval._followed()

    # ── how it stands ────────────────────────────────────────────────────────────────────────────

    @property
    def step(self) -> RouteStep:
        return self.request.steps[self.step_index]

    @property
    def open_tasks(self) -> tuple[Task, ...]:
        return tuple(task for task in self.tasks if task.status is TaskStatus.OPEN)

    @property
    def deciders(self) -> tuple[Id, ...]:
        """Whose words stand, in order; each once."""
        spoken = (task.decided_by for task in self.tasks if task.decided_by and not task.void)
        return tuple(dict.fromkeys(spoken))

    @property
    def helpers(self) -> tuple[Id, ...]:
        """Who gave, or is asked for, an opinion in somebody's stead."""
        return tuple(dict.fromkeys(task.help.of for task in self.tasks if task.help))

    @property
    def awaited(self) -> frozenset[Id]:
        """Whoever was passed over and has not spoken since: they are kept for a step where their
        word counts at both."""
        passed = [task for task in self.tasks if task.later and not self.settled(task.step_index)]
        return frozenset(task.later for task in passed if task.later)

    def keeps(self, person_id: Id) -> bool:
        """Whether a person is kept for another step than the one that is open."""
        return not _lends(self.step) and person_id in self.awaited

    @property
    def objected(self) -> bool:
        """Whether an opinion that stands is against it; an approval is then an exception."""
        return any(task.word is Verdict.OBJECT for task in self.tasks)

    def task(self, task_id: str) -> Task | None:
        return next((task for task in self.tasks if task.task_id == task_id), None)

    def in_step(self, step_index: int | None = None) -> list[Task]:
        """The tasks of a step that the step goes by, of whatever round."""
        index = self.step_index if step_index is None else step_index
        return [task for task in self.tasks if task.step_index == index and task.counts]

    def return_targets(self) -> tuple[int, ...]:
        """The earlier steps that a return may name; the applicant may always be named."""
        return tuple(range(self.step_index))

    # ── what is refused ──────────────────────────────────────────────────────────────────────────

    def legality(self, task_id: str, person_id: str) -> None:
        """Whether this person may speak on this task now, authority aside.

        Refuses `AlreadyDecided`, `OutOfOrder`, `OwnCase` (a maker decides), `OwnInvestigation`,
        `RecusedOneself`, `SameHands` (one person at two places of the route), `NotYourTask` (it is
        another's by name) and `OpinionAwaited`.
        """
        task = self._speakable(task_id)
        self.refuse_hands(person_id)
        if task.person_id not in (None, person_id):
            raise NotYourTask(task_id=task_id)
        spoken = person_id in self.deciders or person_id in self.helpers
        if spoken or self.keeps(person_id):
            raise SameHands(first="each task of the route", second="every other")
        if task.awaits_help:
            raise OpinionAwaited(task_id=task_id)

    def refuse_hands(self, person_id: str) -> None:
        """Nothing, or the refusal of whoever may take no part in deciding this case."""
        if person_id in self.request.makers:
            raise OwnCase(case_id=self.request.case_id)
        if person_id in self.request.investigators:
            raise OwnInvestigation(case_id=self.request.case_id)
        if any(recusal.person_id == person_id for recusal in self.recused):
            raise RecusedOneself(case_id=self.request.case_id)

    def _speakable(self, task_id: str) -> Task:
        task = self.task(task_id)
        if task is None:
            raise OutOfOrder(reason="this task does not belong to the approval")
        if task.status is TaskStatus.WAITING and self.outcome is ApprovalOutcome.OPEN:
            raise OutOfOrder(reason="its turn has not come")
        if task.status is not TaskStatus.OPEN or self.outcome is not ApprovalOutcome.OPEN:
            settled = task if task.decided_by else self._settling_task()
            raise AlreadyDecided(
                verdict=settled.verdict if settled else self.outcome,
                decided_by=settled.decided_by if settled else "system",
                decided_at=settled.decided_at.isoformat()
                if settled and settled.decided_at
                else "-",
            )
        return task

    def _refuse_word(
        self, task: Task, verdict: Verdict, note: str, to_step: int | None, resume: Resume
    ) -> None:
        words = (*_VOTES, Verdict.RETURN) if task.added_by else WORDS_OF[self.step.mode]
        final = task.seat > len(self.step.positions)
        if verdict not in (_VOTES if final else words):
            raise WordIllegal(verdict=verdict, mode="final" if final else self.step.mode)
        in_committee = self.step.mode is StepMode.COMMITTEE and not task.added_by
        if verdict is Verdict.RETURN and in_committee and not self._is_chair(task):
            raise WordIllegal(verdict=verdict, mode="member")
        if verdict is not Verdict.RETURN and to_step is not None:
            raise WordIllegal(verdict=verdict, mode="to_step")
        if to_step is not None and to_step not in self.return_targets():
            raise TargetIllegal(target=to_step + 1)
        if verdict is Verdict.APPROVE and self.objected and not note.strip():
            raise NoteMissing(verdict=verdict)

    # ── a word ───────────────────────────────────────────────────────────────────────────────────

    def decided(
        self,
        task_id: str,
        person_id: str,
        verdict: Verdict,
        at: datetime,
        *,
        note: str = "",
        to_step: int | None = None,
        resume: Resume = Resume.AGAIN,
    ) -> "Approval":
        """The approval after one word; refuses as `legality` does, `WordIllegal` where the step
        knows no such word, and `TargetIllegal`.

        A return goes to the applicant, or to the earlier step `to_step`.
        """
        self.legality(task_id, person_id)
        task = self._speakable(task_id)
        self._refuse_word(task, verdict, note, to_step, resume)
        word = {"status": TaskStatus.DECIDED, "decided_by": person_id, "verdict": verdict}
        spoken = self._with_task(task_id, {**word, "decided_at": at}).model_copy(
            update={"latest": task_id, "resumed": False}
        )
        if verdict is Verdict.RETURN:
            if to_step is None:
                return spoken._closed(ApprovalOutcome.RETURNED)
            return spoken._sent_back(task_id, to_step, resume)
        return spoken._followed()

    def _followed(self) -> "Approval":
        """What follows from an approval, an opinion or a vote."""
        here = self._in_order()
        match settlement(here.step, here.in_step()):
            case Settled.PASSED:
                return here._passed()
            case Settled.REFUSED:
                return here._closed(ApprovalOutcome.DECLINED)
            case Settled.DEFERRED:
                words = [task.task_id for task in here.in_step()]
                return here._without_open_tasks()._voided(words)._entered(here.step_index)
            case Settled.NOT_YET if own_passed(here.step, here.in_step()):
                return here._closed_seats("")._in_order()  # only added signers are still asked
            case Settled.NOT_YET:
                return here

    def _passed(self) -> "Approval":
        """The next step, or first the final authority, where the step has one.

        It is asked only of what the votes have passed; its refusal is a veto (一票否决).
        """
        step = self.step
        if step.final is None:
            return self._advanced()
        seat = len(step.positions) + 1
        own = [task.word for task in self.in_step() if task.seat == seat]
        if Verdict.APPROVE in own:
            return self._advanced()
        if Verdict.DECLINE in own:
            return self._closed(ApprovalOutcome.DECLINED)
        if own:
            return self  # it is asked already
        asked = _task(self.request, self.step_index, seat, step.final, self.round)
        return self._closed_seats("")._with_tasks((asked,))

    def _sent_back(self, by: str, to_step: int, resume: Resume) -> "Approval":
        """An earlier step is asked again: that one alone, or all from there."""
        to_me = resume is Resume.TO_ME
        last = to_step if to_me else len(self.request.steps) - 1
        words = [task.task_id for task in self.tasks if to_step <= task.step_index <= last]
        moved = (
            self._without_open_tasks()
            ._voided([*words, by])
            .model_copy(update={"resume_at": self.step_index if to_me else None, "latest": ""})
        )
        return moved._entered(to_step)

    def words_for(self, task_id: str, person_id: str) -> tuple[Verdict, ...]:
        """The words that this person may say on this task now, authority aside."""
        return tuple(
            word
            for word in Verdict
            if _taken(partial(self.decided, task_id, person_id, word, _ANY_TIME, note="-"))
        )

    def acts_for(self, task_id: str, person_id: str) -> tuple[ActKind, ...]:
        """The acts that this person may do on this task now, towards somebody new, authority aside."""
        found = []
        for action in ActKind:
            act = Act(
                action=action,
                task_id=task_id,
                person_id=person_id,
                at=_ANY_TIME,
                to="somebody.new",
                placement=Placement.BESIDE,
                note="-",
            )
            if _taken(partial(self.acted, act)):
                found.append(action)
        return tuple(found)

    # ── an act that is no decision ───────────────────────────────────────────────────────────────

    def refuse_act(self, act: Act) -> None:
        """Nothing, or why this act cannot be done by this person now, authority aside."""
        self.acted(act)

    def acted(self, act: Act) -> "Approval":
        """The approval after an act that decides nothing itself; refuses what is not allowed.

        Refuses `AlreadyDecided` and `OutOfOrder` by state, `OwnCase`, `OwnInvestigation`,
        `RecusedOneself` and `SameHands` by person, and `ActIllegal` with what stands against it.
        """
        done = _ACTS[act.action](self, act)
        keeps = act.action in (ActKind.COPY, ActKind.URGE)
        return done if keeps else done.model_copy(update={"latest": ""})

    def _transferred(self, act: Act) -> "Approval":
        """The task is another's by name (转办); the chain of hands stays on it."""
        self.legality(act.task_id, act.person_id)
        task = self._speakable(act.task_id)
        to = self._somebody_new(act)
        before = {hand.given_by for hand in task.hands} | {hand.given_to for hand in task.hands}
        if to in before or len(task.hands) >= HANDS_MAX:
            raise ActIllegal(action=act.action, reason="it went through these hands already")
        hand = Hand(given_by=act.person_id, given_to=to, reason=act.note, at=act.at)
        return self._with_task(task.task_id, {"person_id": to, "hands": (*task.hands, hand)})

    def _helped(self, act: Act) -> "Approval":
        """The owner asks somebody for an opinion first (委派); the decision stays the owner's."""
        self.legality(act.task_id, act.person_id)
        task = self._speakable(act.task_id)
        of = self._somebody_new(act)
        if task.help is not None:
            raise ActIllegal(action=act.action, reason="an opinion was asked for already")
        asked = Help(asked_by=act.person_id, of=of, question=act.note, asked_at=act.at)
        return self._with_task(task.task_id, {"help": asked, "person_id": act.person_id})

    def _answered(self, act: Act) -> "Approval":
        task = self._speakable(act.task_id)
        if task.help is None or task.help.of != act.person_id:
            raise NotYourTask(task_id=act.task_id)
        self.refuse_hands(act.person_id)
        if task.help.answer is not None:
            raise ActIllegal(action=act.action, reason="the opinion was given already")
        answer = task.help.model_copy(update={"answer": act.note, "answered_at": act.at})
        return self._with_task(task.task_id, {"help": answer})

    def _signer_added(self, act: Act) -> "Approval":
        """One more must approve (加签), on top of all the step demands, and never in its place."""
        self.legality(act.task_id, act.person_id)
        task = self._speakable(act.task_id)
        signer = self._somebody_new(act)
        added = {each.seat for each in self.tasks if each.added_by}
        if len(added) >= ADDED_MAX:
            raise ActIllegal(action=act.action, reason="as many signers as may be were added")
        if self.step.mode is StepMode.OPINION or act.placement is None:
            raise ActIllegal(action=act.action, reason="nobody is added here")
        number = len(added) + 1
        placed = Task(
            task_id=_task_id(self.request, self.step_index, -number, 1),
            step_index=self.step_index,
            position=task.position,
            seat=-number,
            person_id=signer,
            added_by=act.person_id,
            placement=act.placement,
            beside=task.seat,
        )
        owned = self._with_task(task.task_id, {"person_id": act.person_id})
        return owned._with_tasks((placed,))._in_order()

    def _signer_removed(self, act: Act) -> "Approval":
        """Only who was added, only by who added them, only before they spoke (减签)."""
        task = self.task(act.task_id)
        if task is None or not task.added_by:
            raise ActIllegal(action=act.action, reason="only an added signer can be removed")
        self._refuse_ended()
        if not task.unspoken or task.hands or task.help:
            raise ActIllegal(action=act.action, reason="the added signer has acted")
        if task.added_by != act.person_id:
            raise NotYourTask(task_id=act.task_id)
        self.refuse_hands(act.person_id)
        removed = {"status": TaskStatus.CLOSED, "skipped": REMOVED}
        return self._with_task(task.task_id, removed)._followed()

    def _taken_back(self, act: Act) -> "Approval":
        """One's own last word, while nothing has followed it (撤回); both stay on record.

        Of a task that awaits an opinion it is the question that is taken back.
        """
        task = self.task(act.task_id)
        self._refuse_ended()
        if task is not None and task.help and task.awaits_help:
            if task.help.asked_by != act.person_id:
                raise NotYourTask(task_id=act.task_id)
            return self._with_task(task.task_id, {"help": None})
        if task is None or task.decided_by is None or task.void:
            raise ActIllegal(action=act.action, reason="no word stands on this task")
        if task.decided_by != act.person_id:
            raise NotYourTask(task_id=act.task_id)
        self.refuse_hands(act.person_id)
        if self.latest != task.task_id:
            raise ActIllegal(action=act.action, reason="something has followed the word")
        again = self
        if task.step_index != self.step_index:  # the step it opened has heard nothing yet
            unheard = [each.task_id for each in self.in_step() if each.word is None]
            again = self._without_open_tasks()._voided(unheard)
        if self.resumed:
            again = again.model_copy(update={"resume_at": self.step_index, "resumed": False})
        final = len(self.request.steps[task.step_index].positions) + 1
        asked = [
            each.task_id
            for each in again.in_step(task.step_index)
            if each.seat == final and each.word is None
        ]
        left = again._voided([task.task_id, *asked])._entered(task.step_index)
        passed = settlement(left.step, left.in_step()) is Settled.PASSED
        return left._passed() if passed else left

    def _copied_to(self, act: Act) -> "Approval":
        """Somebody may read along (抄送), and do nothing."""
        self._refuse_ended()
        if act.to is None or any(copy.to == act.to for copy in self.copied):
            raise ActIllegal(action=act.action, reason="nobody new is named")
        copy = Copied(to=act.to, by=act.person_id, at=act.at)
        return self.model_copy(update={"copied": (*self.copied, copy)})

    def _urged_on(self, act: Act) -> "Approval":
        """The holders are asked to hurry (催办); once a task and window."""
        self._speakable(act.task_id)
        before = [urge.at for urge in self.urged if urge.task_id == act.task_id]
        if before and act.at - before[-1] < URGE_EVERY:
            raise UrgedAlready(until=(before[-1] + URGE_EVERY).isoformat(timespec="minutes"))
        urge = Urge(task_id=act.task_id, by=act.person_id, at=act.at)
        return self.model_copy(update={"urged": (*self.urged, urge)})

    def _recused_oneself(self, act: Act) -> "Approval":
        """A conflict of interest, declared: others decide (回避)."""
        task = self._speakable(act.task_id)
        if task.person_id not in (None, act.person_id):
            raise NotYourTask(task_id=act.task_id)
        self.refuse_hands(act.person_id)
        if act.person_id in self.deciders:
            raise ActIllegal(action=act.action, reason="a word was said on the case already")
        recusal = Recusal(person_id=act.person_id, reason=act.note, at=act.at)
        moved = self.model_copy(update={"recused": (*self.recused, recusal)})
        for each in self.open_tasks:
            if each.person_id == act.person_id and not each.added_by:
                moved = moved._with_task(each.task_id, {"person_id": None})
            elif each.person_id == act.person_id:
                moved = moved._with_task(
                    each.task_id, {"status": TaskStatus.CLOSED, "skipped": RECUSED}
                )
        return moved._followed()

    def _vote_closed(self, act: Act) -> "Approval":
        """The chair closes the vote: who has not voted is absent; never short of a quorum."""
        self._refuse_ended()
        step = self.step
        task = self.task(act.task_id)
        if step.mode is not StepMode.COMMITTEE or task is None or not self._is_chair(task):
            raise ActIllegal(
                action=act.action, reason="only the chair of a committee closes a vote"
            )
        if task.step_index != self.step_index or task.seat > len(step.positions):
            raise OutOfOrder(reason="this task does not belong to the step")
        self.refuse_hands(act.person_id)
        if task.decided_by not in (None, act.person_id):
            raise NotYourTask(task_id=act.task_id)
        seats = seats_of(step, self.in_step())
        cast = sum(1 for each in seats if each.word is not None)
        if cast < step.quorum or not any(each.word is None for each in seats):
            raise ActIllegal(action=act.action, reason="the vote is short of a quorum, or complete")
        return self._closed_seats(ABSENT)._followed()

    def _is_chair(self, task: Task) -> bool:
        chair = self.step.chair
        return chair is not None and task.seat == self.step.positions.index(chair) + 1

    def _somebody_new(self, act: Act) -> Id:
        """Whom an act names, if they have no part in the case yet; and its reason is given."""
        if act.to is None or act.to == act.person_id:
            raise ActIllegal(action=act.action, reason="nobody new is named")
        if not act.note.strip():
            raise NoteMissing(verdict=act.action)
        self.refuse_hands(act.to)
        named = {task.person_id for task in self.tasks if task.unspoken}
        spoken = {*self.deciders, *self.helpers}
        if act.to in spoken or act.to in named or act.to in self.awaited:
            raise SameHands(first="each task of the route", second="every other")
        return act.to

    def _refuse_ended(self) -> None:
        if self.outcome is not ApprovalOutcome.OPEN:
            last = self._settling_task()
            raise AlreadyDecided(
                verdict=self.outcome,
                decided_by=last.decided_by if last else "system",
                decided_at=last.decided_at.isoformat() if last and last.decided_at else "-",
            )

    # ── silence and what comes from outside ──────────────────────────────────────────────────────

    def escalated(self, to: str | None = None) -> "Approval":
        """The open tasks, now also open to a position, or to the step's own of escalation; nobody's
        by name, and no opinion is waited for any longer."""
        to = to or self.step.escalate_to
        moved = self
        for task in self.open_tasks if to else ():
            freed: dict[str, object] = {"escalated_to": to, "person_id": None}
            if task.awaits_help:
                freed["help"] = None
            moved = moved._with_task(task.task_id, freed)
        return moved

    def reassigned(self, to: str) -> "Approval":
        """The open tasks, now another position's; whoever was silent is asked no more."""
        moved = self
        for task in self.open_tasks:
            handed: dict[str, object] = {"position": to, "escalated_to": None, "person_id": None}
            if task.awaits_help:
                handed["help"] = None
            moved = moved._with_task(task.task_id, handed)
        return moved

    def skipping(self, reasons: Mapping[str, str]) -> "Approval":
        """Without the open tasks named, each with its reason; a step that too few would be left
        to pass keeps all of its own, and the final authority's is never left out."""
        seats = seats_of(self.step, self.in_step())
        left = [task for task in seats if task.task_id not in reasons]
        moved = self
        for task in self.open_tasks if len(left) >= seats_least(self.step) else ():
            if task.task_id in reasons and task.seat <= len(self.step.positions):
                skipped = {"status": TaskStatus.CLOSED, "skipped": reasons[task.task_id]}
                moved = moved._with_task(task.task_id, skipped)
        return moved if moved is self else moved._followed()

    def askable_once(self) -> Task | None:
        """The one open seat of a step of one position, where a word said before may count."""
        seats = seats_of(self.step, self.in_step())
        if not _lends(self.step) or len(seats) != 1:
            return None
        task = seats[0]
        unasked = task.status is TaskStatus.OPEN and task.person_id is None and task.help is None
        return task if unasked else None

    @property
    def untouched(self) -> bool:
        """Whether the open step is asked for the first time, on its way forward."""
        asked = [task for task in self.tasks if task.step_index == self.step_index]
        return len(asked) == 1 and self.resume_at is None

    def seats_to_come(self) -> tuple[Task, ...]:
        """What the later steps are going to ask, of those whose word may count elsewhere too."""
        return tuple(
            _task(self.request, index, 1, step.positions[0], 1)
            for index, step in enumerate(self.request.steps)
            if index > self.step_index and _lends(step) and not self.settled(index)
        )

    def passing_over(self, person_id: str, task_id: str) -> "Approval":
        """The approval with this step left for now: its one seat is settled by what the person
        says at a later step, or asked at the end."""
        passed = {"later": person_id, "status": TaskStatus.CLOSED}
        return self._with_task(task_id, passed).model_copy(update={"latest": ""})._advanced()

    def naming(self, person_id: str, task_id: str) -> "Approval":
        """The approval with a task asked of whoever was passed over for it, by name."""
        return self._with_task(task_id, {"person_id": person_id})

    def approved_elsewhere(self) -> tuple[Task, ...]:
        """The approvals that stand of steps before, by each person their first, and of those after
        where this one was passed over till then; of none that is to be independent."""
        late = self.resume_at is None and self.step_index in self._passed_over
        first: dict[Id, Task] = {}
        for task in self.tasks:
            there = task.step_index < self.step_index or (
                late and task.step_index > self.step_index
            )
            if there and task.word is Verdict.APPROVE:
                assert task.decided_by is not None, "a word is somebody's"
                if not self.request.steps[task.step_index].independent and not task.added_by:
                    first.setdefault(task.decided_by, task)
        return tuple(first.values())

    def counting(self, said: Task, task_id: str, at: datetime) -> "Approval":
        """The approval with a word said before counted on a task too: its speaker is asked once.

        The word can then be taken back no longer.
        """
        counted = {
            "status": TaskStatus.DECIDED,
            "decided_by": said.decided_by,
            "verdict": said.verdict,
            "decided_at": at,
            "carried_from": said.carried_from or said.task_id,
        }
        return self._with_task(task_id, counted).model_copy(update={"latest": ""})._followed()

    def stopped(self, outcome: ApprovalOutcome) -> "Approval":
        """The approval ended from outside: lapsed or withdrawn; a settled one stays as it is."""
        if outcome not in (ApprovalOutcome.LAPSED, ApprovalOutcome.WITHDRAWN):
            raise ValueError("only a lapse or a withdrawal ends an approval from outside")
        return self._closed(outcome) if self.outcome is ApprovalOutcome.OPEN else self

    # ── the tasks ────────────────────────────────────────────────────────────────────────────────

    def _advanced(self) -> "Approval":
        here = self._without_open_tasks()
        if self.resume_at is not None:
            resumed = here.model_copy(update={"resume_at": None, "resumed": True})
            return resumed._entered(self.resume_at)
        following = self._following()
        if following is None:
            return self._closed(ApprovalOutcome.APPROVED)
        moved = here._entered(following)
        return moved if moved.open_tasks else moved._followed()

    def _following(self) -> int | None:
        """The step that is asked next: the next that is not settled, then those passed over, from
        the first; None where all are settled."""
        to_come = range(self.step_index + 1, len(self.request.steps))
        asked = (*to_come, *self._passed_over)
        return next((index for index in asked if not self.settled(index)), None)

    @property
    def _passed_over(self) -> tuple[int, ...]:
        """The steps that were left for a later one, settled since or not."""
        return tuple(sorted({task.step_index for task in self.tasks if task.later}))

    def settled(self, index: int) -> bool:
        """Whether the words that stand pass a step, its final authority's among them."""
        step, tasks = self.request.steps[index], self.in_step(index)
        if settlement(step, tasks) is not Settled.PASSED:
            return False
        blessed = [task.word for task in tasks if task.seat > len(step.positions)]
        return step.final is None or Verdict.APPROVE in blessed

    def _entered(self, step_index: int) -> "Approval":
        """The step with every seat asked on which no word stands, added signers too.

        A seat that was asked before is asked anew, as a task of its own in a further round.
        """
        asked = [task for task in self.tasks if task.step_index == step_index]
        again = any(task.word is None and not (task.added_by and task.skipped) for task in asked)
        number = self.round + 1 if again else self.round
        step = self.request.steps[step_index]
        last = {task.seat: task for task in asked}  # in their order: the newest of each seat
        here, fresh = self, []
        for seat in (*range(1, len(step.positions) + 1), *sorted(s for s in last if s < 0)):
            before = last.get(seat)
            if before is None:
                position = step.positions[seat - 1]
                fresh.append(_task(self.request, step_index, seat, position, number))
            elif before.word is None and before.status is not TaskStatus.OPEN:
                if before.added_by and before.skipped:
                    continue  # removed, or recused
                here = here._voided([before.task_id])
                fresh.append(_anew(self.request, before, number))
        moved = here._with_tasks(fresh).model_copy(
            update={"step_index": step_index, "round": number}
        )
        return moved._in_order()

    def _in_order(self) -> "Approval":
        """The silent tasks of the step, open or waiting: for their turn, for a signer added before
        them, or for the seat that they were added after."""
        tasks = self.in_step()
        silent = {task.seat: task for task in tasks if task.unspoken}
        moved = self
        for seat, task in silent.items():
            turn = self.step.mode is StepMode.TURN and any(0 < s < seat for s in silent)
            before = any(
                each.placement is Placement.BEFORE and each.beside == seat
                for each in silent.values()
            )
            after = task.placement is Placement.AFTER and task.beside in silent
            status = TaskStatus.WAITING if turn or before or after else TaskStatus.OPEN
            if status is not task.status:
                moved = moved._with_task(task.task_id, {"status": status})
        return moved

    def _voided(self, task_ids: Iterable[str]) -> "Approval":
        voided = set(task_ids)
        tasks = tuple(
            task.model_copy(
                update={
                    "void": True,
                    "status": TaskStatus.CLOSED if task.unspoken else task.status,
                }
            )
            if task.task_id in voided
            else task
            for task in self.tasks
        )
        return self.model_copy(update={"tasks": tasks})

    def _closed(self, outcome: ApprovalOutcome) -> "Approval":
        return self._without_open_tasks().model_copy(update={"outcome": outcome})

    def _without_open_tasks(self) -> "Approval":
        closed = tuple(
            task.model_copy(update={"status": TaskStatus.CLOSED}) if task.unspoken else task
            for task in self.tasks
        )
        return self.model_copy(update={"tasks": closed})

    def _closed_seats(self, skipped: str) -> "Approval":
        """The step's own seats that are still silent are asked no longer."""
        moved = self
        for task in seats_of(self.step, self.in_step()):
            if task.unspoken:
                update = {"status": TaskStatus.CLOSED, "skipped": skipped}
                moved = moved._with_task(task.task_id, update)
        return moved

    def _with_task(self, task_id: str, update: Mapping[str, object]) -> "Approval":
        tasks = tuple(
            task.model_copy(update=update) if task.task_id == task_id else task
            for task in self.tasks
        )
        return self.model_copy(update={"tasks": tasks})

    def _with_tasks(self, tasks: Iterable[Task]) -> "Approval":
        return self.model_copy(update={"tasks": (*self.tasks, *tasks)})

    def _settling_task(self) -> Task | None:
        decided = [task for task in self.tasks if task.decided_by]
        return decided[-1] if decided else None


_VOTES = (Verdict.APPROVE, Verdict.DECLINE)
_ANY_TIME = datetime.max.replace(tzinfo=UTC)


def _taken(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except CreditError:
        return False
    return True


_ACTS = {
    ActKind.TRANSFER: Approval._transferred,
    ActKind.ASK_OPINION: Approval._helped,
    ActKind.GIVE_OPINION: Approval._answered,
    ActKind.ADD_SIGNER: Approval._signer_added,
    ActKind.REMOVE_SIGNER: Approval._signer_removed,
    ActKind.TAKE_BACK: Approval._taken_back,
    ActKind.COPY: Approval._copied_to,
    ActKind.URGE: Approval._urged_on,
    ActKind.RECUSE: Approval._recused_oneself,
    ActKind.CLOSE_VOTE: Approval._vote_closed,
}


def _lends(step: RouteStep) -> bool:
    """Whether a step's word may be one that was said, or is to be said, at another step."""
    plain = not step.independent and step.mode is not StepMode.OPINION
    return plain and len(step.positions) == 1


def _task(request: ApprovalRequest, step_index: int, seat: int, position: str, number: int) -> Task:
    step = request.steps[step_index]
    return Task(
        task_id=_task_id(request, step_index, seat, number),
        step_index=step_index,
        position=position,
        seat=seat,
        weight=step.weight(seat - 1) if seat <= len(step.positions) else 1,
        round=number,
    )


def _carried(request: ApprovalRequest, task: Task) -> Task:
    """A task of an approval before as one of this: its word stands, or its signer is asked again."""
    return task.model_copy(
        update={
            "task_id": _task_id(request, task.step_index, task.seat, 1),
            "carried_from": task.carried_from or task.task_id,
            "round": 1,
        }
    )


def _anew(request: ApprovalRequest, task: Task, number: int) -> Task:
    """The same seat asked again, of the same person where one is named."""
    return Task(
        task_id=_task_id(request, task.step_index, task.seat, number),
        step_index=task.step_index,
        position=task.position,
        seat=task.seat,
        weight=task.weight,
        round=number,
        person_id=task.person_id,
        added_by=task.added_by,
        placement=task.placement,
        beside=task.beside,
        hands=task.hands,
    )


def _task_id(request: ApprovalRequest, step_index: int, seat: int, number: int) -> str:
    place = f"a{-seat}" if seat < 0 else str(seat)
    again = "" if number == 1 else f".{number}"
    return f"{request.approval_id}.{step_index + 1}.{place}{again}"
