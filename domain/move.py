"""Limit moved between two lines of one customer or of one group: what one gains the other gives.

A move is asked for by one person and decided by others, as a change of the limits of both; the sum
of the two stays to the minor unit, as both change in one transaction. Only what is free moves.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from domain.identity import Id
from domain.money import Money
from domain.value import Value


class MoveStatus(StrEnum):
    PENDING = "pending"
    MOVED = "moved"
    DECLINED = "declined"
    LAPSED = "lapsed"


class MoveContent(Value):
    """How much of which line's limit another is to have."""

    source_id: Id
    target_id: Id
    amount: Money
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]

    @model_validator(mode="after")
    def _moves_something(self) -> Self:
        if self.source_id == self.target_id or not self.amount.minor > 0:
            raise PydanticCustomError("move", "something moves from one line to another")
        return self


class MoveRequest(MoveContent):
    """A move as it was asked for; the approvers decide on exactly this."""

    move_id: Id
    customer_id: Id  # of the line that gives
    source_letter_no: str
    source_limit: Money
    target_letter_no: str
    target_limit: Money
    asked_by: Id
    asked_at: datetime
    asked_on: date

    @property
    def source_after(self) -> Money:
        return self.source_limit - self.amount

    @property
    def target_after(self) -> Money:
        return self.target_limit + self.amount


class Move(Value):
    """A move on record, from asking to end."""

    request: MoveRequest
    status: MoveStatus = MoveStatus.PENDING
    settled_by: Id | None = None
    settled_on: date | None = None
    letters: tuple[str, ...] = Field(default=(), max_length=2)  # of the source, then the target
