"""What is put before the approvers: the words they may say, the steps, and the request."""

from decimal import Decimal
from enum import StrEnum

from pydantic import Field

from domain.identity import Id
from domain.money import Money
from domain.value import Value


class Verdict(StrEnum):
    APPROVE = "approve"
    DECLINE = "decline"
    RETURN = "return"


class StepMode(StrEnum):
    ONE = "one"  # one position is asked
    ALL = "all"  # 会签: every position must approve; one decline ends it
    ANY = "any"  # 或签: several are asked, the first valid word counts


class SilenceAct(StrEnum):
    """What silence may do besides a first reminder, the escalation and the lapse; none decides."""

    REMIND = "remind"  # the holders, again
    TELL = "tell"  # another position, most often their superior, that they are silent
    ESCALATE = "escalate"  # another position may decide too
    REASSIGN = "reassign"  # another position is asked instead


class SilenceLevel(Value):
    """One further level of silence, so many working hours after the step opened."""

    hours: Decimal
    act: SilenceAct
    to: str | None = None  # a position; the one the step escalates to if none is named


class RouteStep(Value):
    """One step of approval: who is asked, how their words combine, and how long they have.

    Hours are working hours from the opening of the step.
    """

    step_id: str
    tier: int
    mode: StepMode
    positions: tuple[str, ...]  # authority positions asked, e.g. branch_head
    remind_hours: Decimal
    deadline_hours: Decimal  # then the step escalates
    lapse_hours: Decimal = Decimal(0)  # after the escalation; then the case lapses
    escalate_to: str | None = None  # a position that may decide in place of a silent one
    levels: tuple[SilenceLevel, ...] = ()


class Subject(StrEnum):
    """What an approval is about."""

    APPLICATION = "application"
    REVIEW = "review"
    POLICY_EDITION = "policy_edition"
    OVERRIDE = "override"


class ApprovalOutcome(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    RETURNED = "returned"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"


class ApprovalRequest(Value):
    """What is put before the approvers, and by whom; the input of the approval's workflow."""

    subject: Subject
    subject_id: Id
    n: int = 1
    case_id: Id  # the case or review that lists show the tasks under
    customer_id: Id
    makers: tuple[Id, ...]  # applicant and last editor: never deciders
    investigators: tuple[Id, ...] = ()  # nor those who investigated the case
    steps: tuple[RouteStep, ...] = Field(min_length=1)
    aggregate: Money  # group exposure after approval, in the reporting currency
    grade: str
    content_hash: str
    edition_hash: str
    route_row: str = ""
    reasons: tuple[str, ...] = ()
    offset_days: int = 0

    @property
    def barred(self) -> tuple[Id, ...]:
        """Whoever may never decide it, whatever their authority."""
        return (*self.makers, *self.investigators)

    @property
    def approval_id(self) -> str:
        return f"{self.subject_id}.{self.n}"
