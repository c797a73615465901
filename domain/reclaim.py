"""Idle limits (盘活额度): lines that use little of what they were granted, and what is taken back.

A list of cuts is proposed by one person and decided on as one by others, who may leave lines out;
what is decided is the list as it was proposed, by its hash. Which lines are idle and how far each is
cut is `policies/idle.py`.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from domain.identity import Id
from domain.money import Money
from domain.value import Value

Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class LineUse(Value):
    """What is looked at of one line: what it was granted and the most it has used of it."""

    line_id: Id
    customer_id: Id
    letter_no: str
    grade: str
    term_months: int
    starts_on: date
    limit: Money
    taken: Money  # now: reserved, used and used up
    highest: Money  # the most that was taken at once within the window, now included
    temporary: bool = False  # whether a temporary limit stands beside its own


class IdleLine(Value):
    """A line that is idle, and the cut proposed."""

    line_id: Id
    customer_id: Id
    letter_no: str  # by which it has its limit
    grade: str
    limit: Money
    taken: Money
    highest: Money
    limit_after: Money
    capital: Money  # that what is free of the limit ties up, in the reporting currency
    capital_freed: Money  # of that, by the cut

    @property
    def cut(self) -> Money:
        return self.limit - self.limit_after


class ReclaimStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DECLINED = "declined"
    LAPSED = "lapsed"


class LineOutcome(StrEnum):
    LEFT_OUT = "left_out"  # by an approver
    SKIPPED = "skipped"  # it is not as it was when the list was made
    CUT = "cut"


class ReclaimRequest(Value):
    """The list as it was proposed; the approvers decide on exactly this."""

    reclaim_id: Id
    since: date  # the first day of the window
    lines: tuple[IdleLine, ...] = Field(min_length=1, max_length=200)
    reason: Why
    asked_by: Id
    asked_at: datetime
    asked_on: date


class ReclaimedLine(Value):
    """What became of one line of a list, and why."""

    line_id: Id
    outcome: LineOutcome
    reason: str = ""
    said_by: Id
    before: Money
    after: Money
    letter_no: str | None = None


class Reclaim(Value):
    """A list on record, from asking to end."""

    request: ReclaimRequest
    status: ReclaimStatus = ReclaimStatus.PENDING
    settled_by: Id | None = None
    settled_on: date | None = None
    letter_no: str | None = None  # of a list that was declined; cuts have letters of their own
    lines: tuple[ReclaimedLine, ...] = ()


class ReclaimedSum(Value):
    """What was taken back of a unit's lines in one currency."""

    unit: str
    lines: int
    before: Money
    after: Money
    reclaimed: Money
    capital_freed: Money
