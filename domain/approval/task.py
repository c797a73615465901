"""What one seat of a step is asked, whose hands it went through, and the word that was said on it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import model_validator

from domain.approval.route import Verdict
from domain.identity import Id
from domain.value import Value


class TaskStatus(StrEnum):
    OPEN = "open"
    WAITING = "waiting"  # its turn has not come
    DECIDED = "decided"
    CLOSED = "closed"  # settled by others, withdrawn or lapsed


class Placement(StrEnum):
    """When an added signer is asked (加签), seen from whoever added them."""

    BEFORE = "before"
    BESIDE = "beside"
    AFTER = "after"


class Hand(Value):
    """A task that went from one person to another (转办)."""

    given_by: Id
    given_to: Id
    reason: str
    at: datetime


class Help(Value):
    """An opinion that the owner of a task asked of somebody (委派); the decision stays theirs."""

    asked_by: Id
    of: Id
    question: str
    asked_at: datetime
    answer: str | None = None
    answered_at: datetime | None = None


class Task(Value):
    """What one seat is asked in one step.

    A task is for whoever holds its position, or for `person_id` alone where one is named. A word
    that was taken back, or is asked for again, stays on record as `void`.
    """

    task_id: Id
    step_index: int
    position: str
    status: TaskStatus = TaskStatus.OPEN
    decided_by: Id | None = None
    verdict: Verdict | None = None
    decided_at: datetime | None = None
    escalated_to: str | None = None
    skipped: str = ""  # why nobody is asked: every holder is recused, or was absent
    seat: int = 0  # its place in the step from one; past the positions the final authority; added
    # signers count down from minus one
    weight: int = 1
    round: int = 1
    person_id: Id | None = None
    added_by: Id | None = None
    placement: Placement | None = None
    beside: int = 0  # the seat that an added one was added to
    hands: tuple[Hand, ...] = ()
    help: Help | None = None
    void: bool = False
    later: Id | None = None  # who was passed over here, to be asked at a later step alone
    carried_from: Id | None = None  # the task of an approval before, whose word stands here too

    @model_validator(mode="before")
    @classmethod
    def _seat_by_id(cls, values: Any) -> Any:
        """A task of a release that kept no seats: its id says which one it is."""
        if not isinstance(values, dict) or values.get("seat"):
            return values
        last = str(values.get("task_id", "")).rpartition(".")[2]
        return {**values, "seat": int(last)} if last.isdecimal() else values

    @property
    def may_be_decided_by(self) -> tuple[str, ...]:
        """The positions whose holders may decide it now."""
        return (self.position, *((self.escalated_to,) if self.escalated_to else ()))

    @property
    def unspoken(self) -> bool:
        return self.status in (TaskStatus.OPEN, TaskStatus.WAITING)

    @property
    def counts(self) -> bool:
        """Whether it is one of those that the step still goes by."""
        return not self.skipped and not self.void

    @property
    def word(self) -> Verdict | None:
        """The word that stands on it, if any."""
        return None if self.void else self.verdict

    @property
    def awaits_help(self) -> bool:
        return self.help is not None and self.help.answer is None
