"""Review (复审): what the second look at a line proposes, and what changed since the last."""

from datetime import date, datetime
from enum import StrEnum

from domain.approval import ApprovalOutcome, ApprovalRequest
from domain.identity import Id
from domain.money import Money
from domain.value import Value


class Proposal(StrEnum):
    KEEP = "keep"
    RAISE = "raise"
    CUT = "cut"
    EXIT = "exit"


class Delta(Value):
    """One figure then and now, as the review pack shows it; empty where there was none."""

    code: str
    before: str
    now: str


class ReviewProposal(Value):
    """Keep, raise, cut or exit, the limit that follows, and whether people must approve it."""

    proposal: Proposal
    limit_proposed: Money  # in the line's currency
    needs_approval: bool
    reasons: tuple[str, ...] = ()
    deltas: tuple[Delta, ...] = ()


class ReviewCause(StrEnum):
    """Why a line is looked at; several causes while a review is open join it."""

    CYCLE = "cycle"
    WARNING = "warning"
    REQUEST = "request"  # a risk officer asked


class ReviewStatus(StrEnum):
    OPEN = "open"  # not yet judged
    IN_APPROVAL = "in_approval"
    CONCLUDED = "concluded"  # what was proposed and, where asked, approved, is in force
    OVERRULED = "overruled"  # people declined the proposal; the line stays as it was
    LAPSED = "lapsed"  # nobody decided in time; the line stays as it was, and is due again soon
    STOPPED = "stopped"  # the line ended meanwhile


class ReviewPack(Value):
    """What the reviewer is given: then and now, and what happened in between."""

    previous_subject: Id  # the case or review that decided last
    decided_on: date
    deltas: tuple[Delta, ...] = ()
    used: Money | None = None
    used_max: Money | None = None  # the highest use since the last decision
    events: tuple[str, ...] = ()  # types of credit events since, with their dates
    warnings: tuple[str, ...] = ()  # rules that fired since


class Review(Value):
    """One look at one line: why, what it proposed, and how it ended."""

    review_id: Id
    line_id: Id
    customer_id: Id
    n: int
    causes: tuple[ReviewCause, ...]
    due_on: date
    status: ReviewStatus = ReviewStatus.OPEN
    proposal: ReviewProposal | None = None
    pack: ReviewPack | None = None
    letter_no: str | None = None
    limit_decided: Money | None = None
    next_due_on: date | None = None
    opened_on: date
    closed_on: date | None = None


class ReviewStart(Value):
    """What a review's workflow is started with."""

    line_id: Id
    n: int
    offset_days: int = 0


class ReviewTurn(Value):
    """Judge the line now, for the `attempt`th time within its review."""

    line_id: Id
    n: int
    attempt: int = 1
    at: datetime
    offset_days: int = 0


class Reassessed(Value):
    """What the workflow branches on; pack and receipt stay in the store."""

    review_id: Id
    proposal: Proposal
    grade: str = ""
    approval: ApprovalRequest | None = None
    stopped: bool = False  # the line has ended; there is nothing to review


class ReviewConclusion(Value):
    """How the question was answered: by policy where `outcome` is None, else by people."""

    review_id: Id
    outcome: ApprovalOutcome | None = None
    letter_no: str | None = None
    at: datetime
    offset_days: int = 0


class ReviewResult(Value):
    """How a review ended; the result of its workflow."""

    review_id: Id
    status: ReviewStatus
    proposal: Proposal
    limit_decided: Money | None = None
    letter_no: str | None = None
    next_due_on: date | None = None


def review_id_of(line_id: str, n: int) -> str:
    """The id of a line's `n`th review, under which its receipt, tasks and letter are kept."""
    return f"review-{line_id}-{n}"
