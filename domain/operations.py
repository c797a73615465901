"""What keeps a case from going on, and what may be done about it: the words of whoever runs us.

A cause is found in our records or told by Temporal. A repair is put on record before it is made;
what makes something run again or answers for a step needs a second person.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, model_validator

from domain.application import CaseStatus
from domain.errors import Malformed
from domain.identity import Id
from domain.value import Value, content_hash

WorkflowId = Annotated[
    str, Field(max_length=200, pattern=r"^[a-z]+(/[A-Za-z0-9][A-Za-z0-9._:-]{0,99}){1,3}$")
]
Text = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


class Cause(StrEnum):
    """Why something does not go on, the gravest first."""

    WORKFLOW_MISSING = "workflow_missing"  # open on record, unknown to Temporal
    WORKFLOW_ENDED = "workflow_ended"  # open on record, ended in Temporal
    RECORD_ENDED = "record_ended"  # runs in Temporal, ended on record or not there
    TASK_FAILING = "task_failing"  # our own code fails; it waits for another release
    NO_WORKER = "no_worker"  # nobody asks the queue for work
    STEP_FAILING = "step_failing"  # a step is tried again and again
    STEP_PAUSED = "step_paused"  # somebody paused it
    DELIVERY_FAILING = "delivery_failing"  # what is owed does not arrive
    OVERDUE = "overdue"  # a person has not answered in time


class Stuck(Value):
    """One thing that does not go on. `subject` is a workflow id, a task, a queue or `outbox#<no>`."""

    subject: str
    cause: Cause
    since: datetime | None = None
    case_id: Id | None = None
    step: str = ""
    step_id: str = ""  # what a repair names the step by
    attempts: int = 0
    error: str = ""
    next_at: datetime | None = None
    waiting_for: str = ""  # a position, for what waits for a person


class StepFailure(Value):
    """A step that has failed several times and has not ended since, as its worker put it on record."""

    workflow_id: str
    run_id: str
    step_id: str
    step: str
    attempts: int
    error: str
    first_failed_at: datetime
    last_failed_at: datetime


class PendingStep(Value):
    """A step that Temporal waits for."""

    step_id: str
    step: str
    attempts: int
    error: str = ""
    paused: bool = False
    scheduled_at: datetime
    last_failed_at: datetime | None = None
    next_at: datetime | None = None


class WorkflowLook(Value):
    """A workflow as Temporal has it now."""

    workflow_id: str
    run_id: str
    workflow: str
    status: str  # running, completed, failed, terminated, …
    parent_id: str | None = None
    queue: str = ""
    started_at: datetime
    ended_at: datetime | None = None
    steps: tuple[PendingStep, ...] = ()
    task_attempts: int = 0  # of the workflow's own code, 2 and more where it fails
    task_error: str = ""

    @property
    def runs(self) -> bool:
        return self.status == "running"


# Fewer attempts are the world's ordinary unrest.
ATTEMPTS_TOLERATED = 3


def causes_of(look: WorkflowLook, case_id: str | None = None) -> tuple[Stuck, ...]:
    """What keeps a running workflow from going on, as far as Temporal knows."""
    found = []
    if look.task_attempts > 1:
        found.append(
            Stuck(
                subject=look.workflow_id,
                cause=Cause.TASK_FAILING,
                case_id=case_id,
                attempts=look.task_attempts,
                error=look.task_error,
            )
        )
    for step in look.steps:
        if step.paused or step.attempts >= ATTEMPTS_TOLERATED:
            found.append(
                Stuck(
                    subject=look.workflow_id,
                    cause=Cause.STEP_PAUSED if step.paused else Cause.STEP_FAILING,
                    since=step.scheduled_at,
                    case_id=case_id,
                    step=step.step,
                    step_id=step.step_id,
                    attempts=step.attempts,
                    error=step.error,
                    next_at=step.next_at,
                )
            )
    return tuple(found)


# ── going back ───────────────────────────────────────────────────────────────────────────────────


class Repeat(StrEnum):
    """What happens when something of a history is done again."""

    ANSWERS = "answers"  # the record under its key answers; nothing is written
    DUE = "due"  # does what the records of now make due, and nothing twice
    JUDGES = "judges"  # judges anew on the records of now: a further receipt, maybe another word
    ACTS = "acts"  # writes again
    WAITS = "waits"  # a wait begins again, as long as it was
    GIVEN = "given"  # a message that came after the point is given to the workflow again


class Again(Value):
    """One thing that would be done again."""

    event_id: int
    at: datetime
    name: str  # of the step, the message, or what is waited for
    repeat: Repeat


class ResetPlan(Value):
    """What going back to a point would do: everything after the event, in order.

    `children` are workflows that were begun after the point. Beginning them again would ask people
    a second time, so that such a plan is not carried out.
    """

    workflow_id: str
    run_id: str
    event_id: int
    events: int  # of the history it was made from
    point_at: datetime
    again: tuple[Again, ...]
    children: tuple[str, ...] = ()
    parent_id: str | None = None

    @property
    def effects(self) -> tuple[Again, ...]:
        """What would change something, or might."""
        return tuple(each for each in self.again if each.repeat in (Repeat.JUDGES, Repeat.ACTS))

    @property
    def plan_hash(self) -> str:
        """What a second person confirms: the same workflow, the same point, the same consequences."""
        return content_hash(self)


# ── repairs ──────────────────────────────────────────────────────────────────────────────────────


class RepairAct(StrEnum):
    RETRY = "retry"  # at once, without waiting for the next attempt
    PAUSE = "pause"
    RESUME = "resume"
    COMPLETE = "complete"  # answer for a step by hand
    FAIL = "fail"  # end a step as failed, by hand
    RESET = "reset"  # let the workflow go back to an earlier point

    @property
    def second_person(self) -> bool:
        return self in (RepairAct.COMPLETE, RepairAct.FAIL, RepairAct.RESET)


class RepairContent(Value):
    """What somebody asks to be done to a workflow, and why.

    A step is named by its number in the history; a reset by its event and the hash of its dry run.
    """

    workflow_id: WorkflowId
    act: RepairAct
    reason: Text
    step_id: Annotated[str, Field(max_length=20)] = ""
    result: dict[str, Any] | None = None
    event_id: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    plan_hash: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""

    @model_validator(mode="after")
    def _whole(self) -> "RepairContent":
        reset = self.act is RepairAct.RESET
        if reset != (self.event_id is not None) or reset != bool(self.plan_hash):
            raise Malformed(reason="a reset names its event and the hash of its dry run, no other")
        if reset == bool(self.step_id):
            raise Malformed(reason="a step is named by its number, and a reset names none")
        if (self.result is not None) != (self.act is RepairAct.COMPLETE):
            raise Malformed(reason="an answer by hand has a result, and nothing else has")
        return self


class RepairVerdict(StrEnum):
    CONFIRM = "confirm"
    DECLINE = "decline"


class RepairDecision(Value):
    verdict: RepairVerdict
    reason: Text


class RepairStatus(StrEnum):
    ASKED = "asked"  # waits for a second person
    CONFIRMED = "confirmed"  # and not carried out yet: a worker or Temporal has not answered
    DECLINED = "declined"
    DONE = "done"
    FOUND_WANTING = "found_wanting"  # what it was for was no longer so


class Repair(Value):
    """A repair on record: who asked, who confirmed, and what came of it."""

    repair_id: Id
    content: RepairContent
    run_id: str
    step: str = ""
    case_id: Id | None = None
    status: RepairStatus
    asked_by: str
    asked_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision_reason: str = ""
    outcome: str = ""
    ended_at: datetime | None = None


# ── why a case waits ─────────────────────────────────────────────────────────────────────────────


class Turn(StrEnum):
    """Whose turn it is."""

    OPERATORS = "operators"
    ENGINEERS = "engineers"  # the cause is in our code
    APPROVERS = "approvers"
    APPLICANT = "applicant"
    CUSTOMER = "customer"
    RISK_OFFICERS = "risk_officers"
    INVESTIGATORS = "investigators"
    ANALYSTS = "analysts"
    CONDITIONS = "conditions"  # whoever brings and verifies evidence
    PROGRAMS = "programs"
    NOBODY = "nobody"


class Explanation(Value):
    """One sentence on why a case waits: its code, whose turn it is, and the facts that fill it."""

    code: str
    turn: Turn
    facts: dict[str, str] = {}


class WaitingTask(Value):
    """An open task, and by when it should be answered."""

    position: str
    opened_at: datetime
    due_at: datetime


class CaseWaits(Value):
    """What is on record of a case, and what was found to be stuck, for saying why it waits."""

    status: CaseStatus
    since: datetime  # what happened last
    missing: tuple[str, ...] = ()
    tasks: tuple[WaitingTask, ...] = ()
    offer_until: datetime | None = None
    sign_until: datetime | None = None
    conditions: tuple[str, ...] = ()  # open ones
    stuck: tuple[Stuck, ...] = ()
