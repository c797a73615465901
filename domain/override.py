"""Overrides of a grade (评级推翻): moved by notches, with a reason, and by two where policy asks.

A confirmed override belongs to the dossier of its case, so that the receipt says what it rests on.
How far a grade may be moved is `policies/override.py`.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from domain.identity import Id
from domain.value import Value


class OverrideStatus(StrEnum):
    PROPOSED = "proposed"  # waits for a second person
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    LAPSED = "lapsed"  # nobody answered
    VOIDED = "voided"  # what it was made on has changed


class VoidedBy(StrEnum):
    """Why an override counts no more."""

    MODEL_GRADE = "model_grade"  # the model gives another grade now
    RECEIPT = "receipt"  # the case was judged anew before anybody confirmed it
    FOLLOWED = "followed"  # another override took its place
    CASE = "case"  # the case was decided or ended before anybody confirmed it
    TAKEN_BACK = "taken_back"  # an officer took it back


def _some(notches: int) -> int:
    if notches == 0:
        raise ValueError("an override by no notch is none")
    return notches


Notches = Annotated[int, Field(ge=-20, le=20, strict=True), AfterValidator(_some)]


class OverrideProposal(Value):
    """What an officer asks for; `notches` above zero make the grade better, none takes back the
    override that counts."""

    notches: Annotated[int, Field(ge=-20, le=20, strict=True)]
    reason: Annotated[str, Field(min_length=1, max_length=60)]  # a code of the edition's list
    note: Annotated[str, Field(max_length=2000)] = ""


class RatingOverride(Value):
    """A confirmed override, as a dossier and a rating hold it."""

    override_id: Id
    notches: Notches
    reason: str
    note: str
    grade_model: str  # of the receipt it was made on
    receipt_hash: str
    proposed_by: Id
    confirmed_by: Id | None = None  # None where policy asks for no second person


class Override(Value):
    """An override on record, from proposal to end."""

    override_id: Id
    case_id: Id
    n: int
    customer_id: Id
    notches: Notches
    reason: str
    note: str
    grade_model: str
    grade_asked: str
    receipt_hash: str
    second_needed: bool
    proposed_by: Id
    proposed_at: datetime
    proposed_on: date
    status: OverrideStatus
    settled_by: Id | None = None  # who confirmed or declined it
    settled_at: datetime | None = None
    voided_by: VoidedBy | None = None
    taken_back_by: Id | None = None  # another than proposed it

    @property
    def in_dossier(self) -> RatingOverride:
        """What a judgement of the case looks at."""
        return RatingOverride(
            override_id=self.override_id,
            notches=self.notches,
            reason=self.reason,
            note=self.note,
            grade_model=self.grade_model,
            receipt_hash=self.receipt_hash,
            proposed_by=self.proposed_by,
            confirmed_by=self.settled_by,
        )


class OverrideTrace(Value):
    """What became of a case whose grade was overridden, since the day it was asked for."""

    analyst: Id
    case_id: Id
    notches: Notches
    took_effect: bool  # confirmed, whatever came after
    declined: bool = False
    warned: bool = False
    collected: bool = False

    @property
    def hit(self) -> bool:
        return self.declined or self.warned or self.collected


class OverridesOneWay(Value):
    """The overrides of one direction; what became of them is counted of those that took effect."""

    overrides: int = 0
    took_effect: int = 0
    notches_mean: Decimal | None = None  # to two decimals, without sign; None where there are none
    declined: int = 0
    warned: int = 0
    collected: int = 0
    hit_rate: Decimal | None = None  # declined, warned or collected; to four decimals


class AnalystOverrides(Value):
    """One analyst's overrides in a period, over the assessed cases they touched in it."""

    analyst: Id
    cases_touched: int
    cases_overridden: int
    rate: Decimal | None  # of the cases touched, to four decimals; None where none was
    up: OverridesOneWay
    down: OverridesOneWay


class OverrideReport(Value):
    """Overrides by analyst, the first by name first, in business days from and until, both in it.

    A case is touched by whoever did something to it in the period that is on its timeline, a word
    on its approval or an override as well, once it has been assessed.
    """

    since: date
    until: date
    analysts: tuple[AnalystOverrides, ...]
