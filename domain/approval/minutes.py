"""Minutes (会议纪要): what was said on every step, made from the words and from nothing else."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.approval.machine import ABSENT, REMOVED, Approval
from domain.approval.messages import CitedRisk
from domain.approval.route import ApprovalOutcome, StepMode, Verdict
from domain.approval.settlement import Tally, seats_of, tally_of
from domain.approval.task import Task
from domain.contract import ConditionAsked
from domain.identity import Id
from domain.value import Value

_NOT_RECUSED = (ABSENT, REMOVED)


class Spoken(Value):
    """What a word on record says beside its verdict, and why it stands no longer, if it does not."""

    note: str = ""
    conditions: tuple[ConditionAsked, ...] = ()
    risks: tuple[CitedRisk, ...] = ()
    void: str = ""


class Said(Value):
    """One seat of a step: who spoke on it and what, or why nobody did."""

    position: str
    person_id: Id | None = None
    verdict: Verdict | None = None
    note: str = ""
    conditions: tuple[ConditionAsked, ...] = ()
    risks: tuple[CitedRisk, ...] = ()  # of an opinion
    at: datetime | None = None
    weight: int = 1
    added_by: Id | None = None
    void: bool = False


class StepMinutes(Value):
    """One step: who was there, who was not, and the count. Words that stand no longer are kept."""

    step: int  # from one
    mode: StepMode
    said: tuple[Said, ...]
    absent: tuple[str, ...] = ()
    recused: tuple[str, ...] = ()
    tally: Tally
    quorum: int | None = None
    final: str | None = None


class Minutes(Value):
    """An approval from its first word to its last."""

    approval_id: str
    case_id: Id
    customer_id: Id
    outcome: ApprovalOutcome
    content_hash: str
    rounds: int
    steps: tuple[StepMinutes, ...]
    recused: tuple[tuple[Id, str], ...] = ()  # who declared a conflict of interest, and why


def minutes_of(approval: Approval, words: Mapping[str, Spoken]) -> Minutes:
    """The minutes of an approval; `words` gives what was said by task."""
    steps = []
    for index in range(len(approval.request.steps)):
        asked = [task for task in approval.tasks if task.step_index == index]
        if asked:
            counted = [task for task in asked if task.counts]
            steps.append(step_minutes(approval, index, asked, counted, words))
    request = approval.request
    return Minutes(
        approval_id=request.approval_id,
        case_id=request.case_id,
        customer_id=request.customer_id,
        outcome=approval.outcome,
        content_hash=request.content_hash,
        rounds=approval.round,
        steps=tuple(steps),
        recused=tuple((each.person_id, each.reason) for each in approval.recused),
    )


def step_minutes(
    approval: Approval,
    index: int,
    asked: Sequence[Task],
    counted: Sequence[Task],
    words: Mapping[str, Spoken],
) -> StepMinutes:
    """The minutes of one step over these of its tasks; the count is of `counted`."""
    step = approval.request.steps[index]
    return StepMinutes(
        step=index + 1,
        mode=step.mode,
        said=tuple(_said(task, words) for task in asked if task.verdict is not None),
        absent=tuple(task.position for task in asked if task.skipped == ABSENT),
        recused=tuple(
            task.position for task in asked if task.skipped and task.skipped not in _NOT_RECUSED
        ),
        tally=tally_of(seats_of(step, counted)),
        quorum=step.quorum if step.mode is StepMode.COMMITTEE else None,
        final=step.final,
    )


def _said(task: Task, words: Mapping[str, Spoken]) -> Said:
    spoken = words.get(task.carried_from or task.task_id, Spoken())
    return Said(
        position=task.position,
        person_id=task.decided_by,
        verdict=task.verdict,
        note=spoken.note,
        conditions=spoken.conditions,
        risks=spoken.risks,
        at=task.decided_at,
        weight=task.weight,
        added_by=task.added_by,
        void=task.void,
    )
