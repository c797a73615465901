"""What is put before the approvers: the words they may say, the steps, and the request."""

from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, model_validator

from domain.approval.functions import Function
from domain.identity import Id
from domain.money import Money
from domain.value import Value


class Verdict(StrEnum):
    APPROVE = "approve"  # with conditions where the word names any
    DECLINE = "decline"
    RETURN = "return"  # 退回: to the applicant, or to an earlier step
    DEFER = "defer"  # 续议: a vote to speak of it again, which decides nothing
    SUPPORT = "support"  # of an opinion, which is no vote
    OBJECT = "object"


class StepMode(StrEnum):
    ONE = "one"  # one position is asked
    ALL = "all"  # 会签: every position must approve; one decline ends it
    ANY = "any"  # 或签: several are asked, the first valid word counts
    SOME = "some"  # 会签: `needed` of those asked must approve
    RATIO = "ratio"  # 会签: a `share` of those asked, by weight, must approve
    TURN = "turn"  # 依次会签: every position, one after the other
    COMMITTEE = "committee"  # 贷审会: votes by weight, a quorum, a chair, a final authority
    OPINION = "opinion"  # 风险审查意见: all must give theirs; none is a vote


OPINIONS = (Verdict.SUPPORT, Verdict.OBJECT)
_VOTES = (Verdict.APPROVE, Verdict.DECLINE)
WORDS_OF: dict[StepMode, tuple[Verdict, ...]] = {
    mode: (*_VOTES, Verdict.RETURN)
    for mode in StepMode
    if mode not in (StepMode.COMMITTEE, StepMode.OPINION)
} | {
    StepMode.COMMITTEE: (*_VOTES, Verdict.DEFER, Verdict.RETURN),
    StepMode.OPINION: (*OPINIONS, Verdict.RETURN),
}


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


class Voting(Value):
    """Who is asked at one step, and how their words combine.

    A seat is a place in `positions`; its weight is the one at the same place of `weights`, one
    where there are none. What a mode does not read stands as it is by default.
    """

    mode: StepMode
    positions: tuple[str, ...]  # authority positions asked, e.g. branch_head
    needed: int = Field(default=1, ge=1)  # of `some`: how many must approve
    # Of `ratio` what share of all weight must approve, of `committee` of the weight that voted.
    share: Decimal = Field(default=Decimal(1), gt=0, le=1)
    weights: tuple[int, ...] = ()
    quorum: int = Field(default=1, ge=1)  # of a committee: how many members must have voted
    chair: str | None = None  # of a committee: the seat that may close the vote or return
    final: str | None = None  # of a committee: may veto what passed, is never asked what was not

    @model_validator(mode="after")
    def _can_be_settled(self) -> Self:
        seats = len(self.positions)
        if self.weights and (len(self.weights) != seats or min(self.weights) < 1):
            raise ValueError("every seat has one weight of at least one")
        if self.needed > seats or self.quorum > seats:
            raise ValueError("more words are needed than seats are asked")
        if self.chair is not None and self.chair not in self.positions:
            raise ValueError("the chair is a member")
        if self.final is not None and self.final in self.positions:
            raise ValueError("the final authority has no vote")
        return self

    def weight(self, seat: int) -> int:
        """The weight of the seat at a place of `positions`, from zero."""
        return self.weights[seat] if self.weights else 1

    @property
    def voting(self) -> dict[str, Any]:
        """All of this, to make a step of."""
        return {name: getattr(self, name) for name in Voting.model_fields}


VOTING_OF: dict[StepMode, tuple[str, ...]] = {
    StepMode.SOME: ("needed",),
    StepMode.RATIO: ("share", "weights"),
    StepMode.COMMITTEE: ("share", "weights", "quorum", "chair", "final"),
}  # what each mode reads beside who is asked


class RouteStep(Voting):
    """One step of approval: who is asked, how their words combine, and how long they have.

    Hours are working hours from the opening of the step.
    """

    step_id: str
    tier: int
    remind_hours: Decimal
    deadline_hours: Decimal  # then the step escalates
    lapse_hours: Decimal = Decimal(0)  # after the escalation; then the case lapses
    escalate_to: str | None = None  # a position that may decide in place of a silent one
    levels: tuple[SilenceLevel, ...] = ()
    independent: bool = False  # no word of another step counts here

    @property
    def function(self) -> Function:
        """Which of the four functions is had by whoever speaks in it."""
        return Function.REVIEW if self.mode is StepMode.OPINION else Function.APPROVAL


class Subject(StrEnum):
    """What an approval is about."""

    APPLICATION = "application"
    REVIEW = "review"
    POLICY_EDITION = "policy_edition"
    OVERRIDE = "override"
    CAP = "cap"
    HOLD_RELEASE = "hold_release"
    USE = "use"
    RECLAIM = "reclaim"  # of idle limits, a list
    MOVE = "move"  # of limit, between lines


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
    facts: dict[str, str] = {}  # what the row went by, beside aggregate and grade
    reasons: tuple[str, ...] = ()
    offset_days: int = 0

    @property
    def barred(self) -> tuple[Id, ...]:
        """Whoever may never decide it, whatever their authority."""
        return (*self.makers, *self.investigators)

    @property
    def approval_id(self) -> str:
        return f"{self.subject_id}.{self.n}"
