"""The machine: tasks, words, and what follows from each; silence never approves."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import model_validator

from domain.approval.route import ApprovalOutcome, ApprovalRequest, RouteStep, StepMode, Verdict
from domain.errors import AlreadyDecided, OutOfOrder, OwnCase, OwnInvestigation, SameHands
from domain.identity import Id
from domain.value import Value


class TaskStatus(StrEnum):
    OPEN = "open"
    DECIDED = "decided"
    CLOSED = "closed"  # settled by others, withdrawn or lapsed


class Task(Value):
    """What one position is asked in one step."""

    task_id: Id
    step_index: int
    position: str
    status: TaskStatus = TaskStatus.OPEN
    decided_by: Id | None = None
    verdict: Verdict | None = None
    decided_at: datetime | None = None
    escalated_to: str | None = None
    skipped: str = ""  # why nobody is asked: every holder is recused

    @property
    def may_be_decided_by(self) -> tuple[str, ...]:
        """The positions whose holders may decide it now."""
        return (self.position, *((self.escalated_to,) if self.escalated_to else ()))


class Approval(Value):
    """The whole of one approval: its request, every task, and how it stands."""

    request: ApprovalRequest
    tasks: tuple[Task, ...] = ()
    step_index: int = 0
    outcome: ApprovalOutcome = ApprovalOutcome.OPEN

    @model_validator(mode="after")
    def _step_exists(self) -> Self:
        if not 0 <= self.step_index < len(self.request.steps):
            raise ValueError("the step index is outside the route")
        return self

    @classmethod
    def opened(cls, request: ApprovalRequest) -> Self:
        """The approval with the tasks of its first step open."""
        return cls(request=request, tasks=_tasks_of(request, 0))

    @property
    def step(self) -> RouteStep:
        return self.request.steps[self.step_index]

    @property
    def open_tasks(self) -> tuple[Task, ...]:
        return tuple(task for task in self.tasks if task.status is TaskStatus.OPEN)

    @property
    def deciders(self) -> tuple[Id, ...]:
        """Who has decided so far, in order; each once."""
        decided = (task.decided_by for task in self.tasks if task.decided_by)
        return tuple(dict.fromkeys(decided))

    def task(self, task_id: str) -> Task | None:
        return next((task for task in self.tasks if task.task_id == task_id), None)

    def legality(self, task_id: str, person_id: str) -> None:
        """Whether this person may speak on this task now, authority aside.

        Refuses `AlreadyDecided`, `OutOfOrder`, `OwnCase` (a maker decides), `OwnInvestigation` and
        `SameHands` (one person at two places of the route).
        """
        task = self.task(task_id)
        if task is None:
            raise OutOfOrder(reason="this task does not belong to the approval")
        if task.status is not TaskStatus.OPEN or self.outcome is not ApprovalOutcome.OPEN:
            settled = task if task.decided_by else self._settling_task()
            raise AlreadyDecided(
                verdict=settled.verdict if settled else self.outcome,
                decided_by=settled.decided_by if settled else "system",
                decided_at=settled.decided_at.isoformat()
                if settled and settled.decided_at
                else "-",
            )
        if person_id in self.request.makers:
            raise OwnCase(case_id=self.request.case_id)
        if person_id in self.request.investigators:
            raise OwnInvestigation(case_id=self.request.case_id)
        if person_id in self.deciders:
            raise SameHands(first="each task of the route", second="every other")

    def decided(self, task_id: str, person_id: str, verdict: Verdict, at: datetime) -> "Approval":
        """The approval after one word; refuses as `legality` does."""
        self.legality(task_id, person_id)
        word = {"status": TaskStatus.DECIDED, "decided_by": person_id, "verdict": verdict}
        spoken = self._with_task(task_id, {**word, "decided_at": at})
        match verdict:
            case Verdict.DECLINE:
                return spoken._closed(ApprovalOutcome.DECLINED)
            case Verdict.RETURN:
                return spoken._closed(ApprovalOutcome.RETURNED)
            case Verdict.APPROVE:
                return spoken._advanced() if spoken._step_settled() else spoken

    def escalated(self, to: str | None = None) -> "Approval":
        """The open tasks, now also open to a position, or to the step's own of escalation."""
        to = to or self.step.escalate_to
        moved = self
        for task in self.open_tasks if to else ():
            moved = moved._with_task(task.task_id, {"escalated_to": to})
        return moved

    def reassigned(self, to: str) -> "Approval":
        """The open tasks, now another position's; whoever was silent is asked no more."""
        moved = self
        for task in self.open_tasks:
            moved = moved._with_task(task.task_id, {"position": to, "escalated_to": None})
        return moved

    def skipping(self, reasons: Mapping[str, str]) -> "Approval":
        """Without the open tasks named, each with its reason; a step that would be left without
        any keeps all of its own."""
        left = [task for task in self.open_tasks if task.task_id not in reasons]
        moved = self
        for task in self.open_tasks if left else ():
            if task.task_id in reasons:
                skipped = {"status": TaskStatus.CLOSED, "skipped": reasons[task.task_id]}
                moved = moved._with_task(task.task_id, skipped)
        return moved

    def stopped(self, outcome: ApprovalOutcome) -> "Approval":
        """The approval ended from outside: lapsed or withdrawn; a settled one stays as it is."""
        if outcome not in (ApprovalOutcome.LAPSED, ApprovalOutcome.WITHDRAWN):
            raise ValueError("only a lapse or a withdrawal ends an approval from outside")
        return self._closed(outcome) if self.outcome is ApprovalOutcome.OPEN else self

    def _step_settled(self) -> bool:
        in_step = [
            task for task in self.tasks if task.step_index == self.step_index and not task.skipped
        ]
        approvals = [task for task in in_step if task.verdict is Verdict.APPROVE]
        return len(approvals) == len(in_step) if self.step.mode is StepMode.ALL else bool(approvals)

    def _advanced(self) -> "Approval":
        if self.step_index + 1 == len(self.request.steps):
            return self._closed(ApprovalOutcome.APPROVED)
        here = self._without_open_tasks()
        following = self.step_index + 1
        return here.model_copy(
            update={
                "tasks": here.tasks + _tasks_of(self.request, following),
                "step_index": following,
            }
        )

    def _closed(self, outcome: ApprovalOutcome) -> "Approval":
        return self._without_open_tasks().model_copy(update={"outcome": outcome})

    def _without_open_tasks(self) -> "Approval":
        closed = tuple(
            task.model_copy(update={"status": TaskStatus.CLOSED})
            if task.status is TaskStatus.OPEN
            else task
            for task in self.tasks
        )
        return self.model_copy(update={"tasks": closed})

    def _with_task(self, task_id: str, update: Mapping[str, object]) -> "Approval":
        tasks = tuple(
            task.model_copy(update=update) if task.task_id == task_id else task
            for task in self.tasks
        )
        return self.model_copy(update={"tasks": tasks})

    def _settling_task(self) -> Task | None:
        decided = [task for task in self.tasks if task.decided_by]
        return decided[-1] if decided else None


def _tasks_of(request: ApprovalRequest, step_index: int) -> tuple[Task, ...]:
    step = request.steps[step_index]
    return tuple(
        Task(
            task_id=f"{request.approval_id}.{step_index + 1}.{place}",
            step_index=step_index,
            position=position,
        )
        for place, position in enumerate(step.positions, start=1)
    )
