"""Two records of one customer: how alike they are, and the word of two people that makes them one.

The record that gives way becomes another id of the one that stays. Nothing is rewritten, so a
mistaken merge is taken back by a further word.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from domain.identity import Id
from domain.value import Value

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class LikenessReason(StrEnum):
    """Why two records may be of one customer; none of them is a certainty."""

    NAME_SAME = "name_same"  # but for the legal form, the script and the way of writing it
    NAME_ALIKE = "name_alike"  # a few letters or sounds apart
    IDENTIFIER = "identifier"  # a code of the one, written under another scheme
    MAIL_DOMAIN = "mail_domain"  # beside a name that is alike
    INVOICE = "invoice"  # an invoice of one number and amount is on both


class Likeness(Value):
    """How likely two records are one customer, from nothing to one, and why."""

    first_id: Id
    second_id: Id
    reasons: tuple[LikenessReason, ...]
    score: Decimal


class MergeStatus(StrEnum):
    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    TAKEN_BACK = "taken_back"


class MergeVerdict(StrEnum):
    """The second person's word."""

    CONFIRM = "confirm"
    DECLINE = "decline"


class MergeContent(Value):
    """Which record gives way, and why the two are one customer."""

    losing_id: Id
    reason: Reason


class MergeDecision(Value):
    verdict: MergeVerdict
    reason: Reason


class MergeReversal(Value):
    reason: Reason


class MergeAct(Value):
    """What was said of a proposed merge: confirmed, declined, later taken back."""

    act: MergeStatus
    reason: str
    acted_by: Id
    acted_on: date


class Merge(Value):
    """A merge as it stands, with every word that was said of it."""

    merge_id: Id
    losing_id: Id
    surviving_id: Id
    reason: Reason
    likeness: Likeness | None = None  # as it was when the merge was proposed; None: not alike
    proposed_by: Id
    proposed_on: date
    status: MergeStatus = MergeStatus.PROPOSED
    acts: tuple[MergeAct, ...] = Field(default=(), max_length=2)
