"""Related parties (关联方): who owns, controls or guarantees whom, from when to when, and who says so.

A customer is a party under its own id; others, such as owners and guarantors without a line, are
kept for the links alone. Shares are parts of one.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.customer import NameOrNone
from domain.errors import LinkUnfit, PeriodReversed
from domain.identity import Id
from domain.money import Money
from domain.value import Value

Share = Annotated[Decimal, Field(gt=0, le=1)]


PartyName = Annotated[NameOrNone, Field(min_length=1)]


class PartyKind(StrEnum):
    COMPANY = "company"
    PERSON = "person"
    ARRANGEMENT = "arrangement"  # a trust, a nominee arrangement, a state body


class Party(Value):
    """Somebody who is no customer of ours, and is linked to one."""

    party_id: Id
    name: PartyName
    kind: PartyKind = PartyKind.COMPANY


class LinkKind(StrEnum):
    OWNS = "owns"
    CONTROLS = "controls"  # by votes, by appointing the board, in fact
    GUARANTEES = "guarantees"


class LinkContent(Value):
    """`holder` owns, controls or guarantees `subject`; a share or an amount not known is none."""

    kind: LinkKind
    holder: Id
    subject: Id
    share: Share | None = None  # of what is owned
    amount: Money | None = None  # the most that is guaranteed
    valid_from: date | None = None
    valid_until: date | None = None  # the last day
    source: str = Field(min_length=1, max_length=200)
    evidence_hash: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.holder == self.subject:
            raise self._unfit("a party is not linked to itself", "主体不能与自身关联")
        if self.share is not None and self.kind is not LinkKind.OWNS:
            raise self._unfit("only what is owned has a share", "只有持股才有比例")
        if self.amount is not None and self.kind is not LinkKind.GUARANTEES:
            raise self._unfit("only what is guaranteed has an amount", "只有担保才有金额")
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise PeriodReversed(since=self.valid_from, until=self.valid_until)
        return self

    def _unfit(self, reason: str, reason_zh: str) -> LinkUnfit:
        return LinkUnfit(
            holder=self.holder, subject=self.subject, reason=reason, reason_zh=reason_zh
        )


class Link(LinkContent):
    """A link on record; what is known better later is its next version."""

    link_id: Id
    version: int = Field(default=1, ge=1)

    def holds_on(self, day: date) -> bool:
        """Whether the link is in force on a day."""
        begun = self.valid_from is None or self.valid_from <= day
        return begun and (self.valid_until is None or day <= self.valid_until)


class PathStep(Value):
    """One link on the way from the party that was asked about."""

    link_id: Id
    kind: LinkKind
    holder: Id
    subject: Id
    share: Share | None = None

    @classmethod
    def of(cls, link: Link) -> Self:
        return cls(
            link_id=link.link_id,
            kind=link.kind,
            holder=link.holder,
            subject=link.subject,
            share=link.share,
        )


class RingMember(Value):
    """A party of a ring, and the shortest way there; `counts` where its risk is the same risk."""

    party_id: Id
    path: tuple[PathStep, ...]
    counts: bool
