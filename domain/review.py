"""Review (复审): what the second look at a line proposes, and what changed since the last."""

from enum import StrEnum

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
