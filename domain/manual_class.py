"""Classes set by hand (人工认定): a tier for a customer from one day to another, with its reason.

A worse class counts at once; a better one only after a second person has confirmed it. How far and how
long is `policies/manual_class.py`; the class by rule is always judged and shown beside it.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.classification import FiveTier
from domain.errors import PeriodReversed
from domain.identity import Id
from domain.value import Value

Note = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]


class ManualStatus(StrEnum):
    PROPOSED = "proposed"  # waits for a second person
    COUNTING = "counting"  # from its first day to its last
    DECLINED = "declined"
    TAKEN_BACK = "taken_back"  # as if it had never been


class ManualClassContent(Value):
    """What an officer says of a customer, and for how long."""

    tier: FiveTier
    reason: Annotated[str, Field(min_length=1, max_length=60)]  # a code of the edition's list
    note: Note
    from_on: date
    until_on: date

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.until_on < self.from_on:
            raise PeriodReversed(since=self.from_on, until=self.until_on)
        return self


class ManualVerdict(StrEnum):
    CONFIRM = "confirm"
    DECLINE = "decline"


class ManualDecision(Value):
    """A second person's word on a class that would be better."""

    verdict: ManualVerdict
    note: Note


class ManualReversal(Value):
    """Why a class set by hand is taken back."""

    note: Note


class ManualClass(Value):
    """A class set by hand, from proposal to end, beside the class it was set against."""

    manual_id: Id
    customer_id: Id
    tier: FiveTier
    tier_before: FiveTier  # that counted when it was set
    tier_by_rule: FiveTier  # that the rules gave then
    reason: str
    note: str
    from_on: date
    until_on: date
    second_needed: bool
    edition_hash: str
    proposed_by: Id
    proposed_on: date
    proposed_at: datetime
    status: ManualStatus
    settled_by: Id | None = None  # who confirmed or declined it
    settled_on: date | None = None
    taken_back_by: Id | None = None
    taken_back_on: date | None = None
    ended_note: str = ""  # of whoever declined it or took it back

    @property
    def since_on(self) -> date:
        """Its first day; a better one counts on no day before it was confirmed."""
        return max(self.from_on, self.settled_on or self.from_on)

    def counts_on(self, on: date) -> bool:
        """Whether it counts on a day; it ends by its date, whatever else happens."""
        return self.status is ManualStatus.COUNTING and self.since_on <= on <= self.until_on
