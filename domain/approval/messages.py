"""What is said to an approval, and where it stands after each step."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from domain.approval.acts import Act, ActKind, Resume
from domain.approval.route import ApprovalOutcome, Verdict
from domain.approval.task import Placement
from domain.contract import ConditionAsked, ContractOrder
from domain.identity import Id
from domain.money import Money
from domain.value import Value, content_hash


class CitedRisk(Value):
    """A risk that an opinion names (风险点), and where in the papers it shows."""

    risk: str = Field(min_length=1, max_length=500)
    cites: str = Field(default="", max_length=200)


class DecisionRequest(Value):
    """One approver's word, as the handler parsed it from a message."""

    approval_id: str
    task_id: Id
    person_id: Id
    verdict: Verdict
    note: str = Field(default="", max_length=4000)
    fields_wanted: tuple[str, ...] = ()  # of a return: what the applicant must bring
    limit: Money | None = None  # approve less than recommended
    to_step: int | None = Field(default=None, ge=0, le=50)  # of a return: not to the applicant
    resume: Resume = Resume.AGAIN
    term_months: int | None = Field(default=None, ge=1, le=60)  # approve a shorter term
    # Of an approval, or suggested by an opinion.
    conditions: tuple[ConditionAsked, ...] = Field(default=(), max_length=20)
    risks: tuple[CitedRisk, ...] = Field(default=(), max_length=20)  # of an opinion
    content_hash: str = ""  # what the approver saw; empty: not stated
    message_id: Id
    token: str = Field(min_length=1, max_length=200, repr=False)
    channel: str = Field(default="signal", max_length=20)
    at: datetime
    offset_days: int = 0

    @property
    def said(self) -> str:
        """The hash of what was said, apart from when and with which token."""
        spoken = {"task_id", "verdict", "note", "fields_wanted", "limit"}
        for name in ("to_step", "resume", "term_months", "risks"):
            if getattr(self, name) != type(self).model_fields[name].default:
                spoken.add(name)
        said = self.model_dump(mode="json", include=spoken)
        if self.conditions:
            said["conditions"] = [each.said for each in self.conditions]
        return content_hash(said)


class ActRequest(Value):
    """One person's act on a task, as the handler parsed it from a message."""

    approval_id: str
    task_id: Id
    person_id: Id
    action: ActKind
    to: Id | None = None
    placement: Placement | None = None
    note: str = Field(default="", max_length=4000)
    message_id: Id
    token: str = Field(min_length=1, max_length=200, repr=False)
    channel: str = Field(default="signal", max_length=20)
    at: datetime
    offset_days: int = 0

    @property
    def act(self) -> Act:
        return Act(
            action=self.action,
            task_id=self.task_id,
            person_id=self.person_id,
            at=self.at,
            to=self.to,
            placement=self.placement,
            note=self.note,
        )

    @property
    def said(self) -> str:
        """The hash of what was said, apart from when and with which token."""
        spoken = {"task_id", "action", "to", "placement", "note"}
        return content_hash(self.model_dump(mode="json", include=spoken))


class Silence(StrEnum):
    """What silence does, by its hours; each level once a step, and the lapse last."""

    REMIND = "remind"
    TELL = "tell"
    ESCALATE = "escalate"
    REASSIGN = "reassign"
    LAPSE = "lapse"
    WITHDRAW = "withdraw"  # not silence: the case was withdrawn from outside


class StepDue(Value):
    approval_id: str
    step_index: int
    silence: Silence
    level: int | None = None  # of the step's further levels, from 1; None of the first ones
    at: datetime
    offset_days: int = 0


class LevelDue(Value):
    """A further level of silence that is still to come."""

    level: int
    silence: Silence
    to: str | None = None
    at: datetime


class ApprovalProgress(Value):
    """Where an approval stands after a step; all that its workflow branches on."""

    approval_id: str
    outcome: ApprovalOutcome
    step_index: int = 0
    waiting_for: tuple[str, ...] = ()  # positions
    remind_at: datetime | None = None
    escalate_at: datetime | None = None
    lapse_at: datetime | None = None
    levels: tuple[LevelDue, ...] = ()  # those still to come
    letter_no: str | None = None
    order: ContractOrder | None = (
        None  # of an approved application: what the agreement is made from
    )
    fields_wanted: tuple[str, ...] = ()
    silence_until: datetime | None = None  # of a return: when the applicant's silence ends the case
    decision_id: str | None = None
    replayed: bool = False


class ApprovalResult(Value):
    """How an approval ended; what its parent goes on with."""

    approval_id: str
    outcome: ApprovalOutcome
    letter_no: str | None = None
    order: ContractOrder | None = None
    fields_wanted: tuple[str, ...] = ()
    silence_until: datetime | None = None
