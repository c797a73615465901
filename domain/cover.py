"""Cover (风险缓释): what stands behind a credit, what it is worth, whom it secures, and until when.

The register keeps a cover in versions that are only ever added. What lowers it counts at once; what
raises it counts when a second person has confirmed it, and until then the lesser of both counts.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self, TypeVar

from pydantic import Field, model_validator

from domain.identity import Id
from domain.money import Money, money_sum
from domain.value import Value

_Ordered = TypeVar("_Ordered", Money, date)


class CoverKind(StrEnum):
    GUARANTEE = "guarantee"  # 保证
    MORTGAGE = "mortgage"  # 抵押
    PLEDGE = "pledge"  # 质押
    DEPOSIT = "deposit"  # 保证金
    INSURANCE = "insurance"  # 信用保险, as the register states it
    CREDIT_INSURANCE = "credit_insurance"  # 信用保险, by the insurer's limit on the buyer


# What is put on the register by hand; the rest has a register of its own (`domain/insurance.py`).
REGISTERED = tuple(each for each in CoverKind if each is not CoverKind.CREDIT_INSURANCE)


class CoverClass(StrEnum):
    """What a whole limit rests on, as far as who approves it goes by that; the safest first."""

    LOW_RISK = "low_risk"  # 低风险
    COLLATERAL = "collateral"  # 抵质押
    GUARANTEE = "guarantee"  # 保证
    UNSECURED = "unsecured"  # 信用


Part = Annotated[Decimal, Field(ge=0, le=1)]


class Stop(StrEnum):
    """Why an insurer covers no new shipment."""

    PERIOD = "period"
    NO_LIMIT = "no_limit"
    CUT = "cut"
    OVERDUE = "overdue"
    DISPUTED = "disputed"


class InsuredBy(Value):
    """By which insurance a buyer is covered; while it is stopped, only what was shipped before."""

    limit_id: Id
    policy_no: str
    until_on: date
    stopped: tuple[Stop, ...] = ()
    missed: bool = False  # a notice of loss or a claim was not made in time


class Cover(Value):
    """One cover of a customer's credit.

    `value` is the worth of the asset, the sum guaranteed, or the insurer's limit on the buyer, as
    far as it secures this customer; `share` the part of it that counts by its own terms, as an
    insured share.
    """

    cover_id: Id
    kind: CoverKind
    value: Money
    share: Part = Decimal(1)
    valued_on: date | None = None
    ends_on: date | None = None  # the last day it covers
    free: Money | None = None  # what its guarantor can still answer for; not bounded where none
    circular: bool = False  # whoever guarantees is guaranteed by the customer in turn
    insured: InsuredBy | None = None  # of credit insurance


class CoverVerdict(StrEnum):
    """Whether a cover counts on a day, or why it counts nothing."""

    COUNTS = "counts"
    NO_RULE = "no_rule"
    ENDED = "ended"
    NOT_VALUED = "not_valued"
    VALUATION_OVERDUE = "valuation_overdue"
    CIRCULAR = "circular"
    NOTHING_FREE = "nothing_free"
    STOPPED = "stopped"
    DEADLINE_MISSED = "deadline_missed"


class CoverUse(Value):
    """What of a cover secures a customer, or one line of theirs alone."""

    customer_id: Id
    line_id: Id | None = None
    amount: Money

    @property
    def secured(self) -> tuple[str, str | None]:
        return self.customer_id, self.line_id


class CoverContent(Value):
    """What is on record of one cover; of its uses an earlier one ranks before a later one."""

    kind: CoverKind
    owner: Id  # whose the asset is, or who guarantees or insures: a party or a customer
    value: Money
    share: Part = Decimal(1)
    prior: Money | None = None  # what claims of others take of it before ours
    capacity: Money | None = None  # the most that a guarantor can answer for in all, as judged
    valued_on: date | None = None
    valuer: str = Field(default="", max_length=200)
    source: str = Field(min_length=1, max_length=200)
    ends_on: date | None = None
    evidence_hash: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    uses: tuple[CoverUse, ...] = Field(default=(), max_length=100)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.kind not in REGISTERED:
            raise ValueError("an insurer's limit on a buyer is recorded with its insurance")
        amounts = [self.prior, self.capacity, *(use.amount for use in self.uses)]
        if any(each is not None and each.currency != self.value.currency for each in amounts):
            raise ValueError("a cover is in one currency")
        if any(each is not None and each.minor < 0 for each in (self.value, *amounts)):
            raise ValueError("an amount of a cover is not below zero")
        if any(use.amount.minor == 0 for use in self.uses):
            raise ValueError("what secures nothing is no use of a cover")
        if self.capacity is not None and self.kind is not CoverKind.GUARANTEE:
            raise ValueError("a capacity is a guarantor's")
        if self.valued_on is not None and not self.valuer.strip():
            raise ValueError("a valuation has a valuer")
        if len({use.secured for use in self.uses}) < len(self.uses):
            raise ValueError("a customer or a line is secured once by one cover")
        guarantee = self.kind is CoverKind.GUARANTEE
        if guarantee and any(use.customer_id == self.owner for use in self.uses):
            raise ValueError("nobody guarantees their own debt")
        return self

    @property
    def free_value(self) -> Money:
        """Its worth after the claims of others."""
        return max(Money.zero(self.value.currency), self.value - self.claims_prior)

    @property
    def claims_prior(self) -> Money:
        return self.prior or Money.zero(self.value.currency)

    @property
    def uses_total(self) -> Money:
        return money_sum((use.amount for use in self.uses), self.value.currency)

    def taken(self) -> list[tuple[CoverUse, Money]]:
        """What each use has of the free value, by rank; together never more than there is."""
        left = self.free_value
        found = []
        for use in self.uses:
            part = min(use.amount, left)
            left -= part
            found.append((use, part))
        return found


class CoverVersion(Value):
    """One version of a cover, by whom, and what a second person said of it."""

    cover_id: Id
    version: int = Field(ge=1)
    content: CoverContent
    needs_check: bool
    recorded_by: Id
    checked_by: Id | None = None
    confirmed: bool | None = None
    note: str = ""

    @property
    def pending(self) -> bool:
        return self.needs_check and self.confirmed is None


class RegisteredCover(Value):
    """A cover of the register: its newest version, and what stands of all of them.

    Nothing stands before the first version is confirmed.
    """

    newest: CoverVersion
    standing: CoverContent | None

    @property
    def cover_id(self) -> str:
        return self.newest.cover_id

    @classmethod
    def of(cls, versions: Sequence[CoverVersion]) -> Self:
        """From all versions, oldest first."""
        return cls(newest=versions[-1], standing=standing(versions))


def standing(versions: Sequence[CoverVersion]) -> CoverContent | None:
    """What may be counted on: a version that waits for its check lowers and never raises it, one
    that was not confirmed changes nothing."""
    found: CoverContent | None = None
    for each in versions:
        if each.confirmed or not each.needs_check:
            found = each.content
        elif each.pending and found is not None:
            found = lesser(found, each.content)
    return found


def raises(before: CoverContent | None, after: CoverContent) -> bool:
    """Whether a version asks for a second person: it could count for more than what stands on some
    day, or lets go of what is secured."""
    if before is None:
        return True
    return _lets_go(before, after) or lesser(before, after) != after


def lesser(before: CoverContent, after: CoverContent) -> CoverContent:
    """What both say, so that no day counts more than either: the rest is as said later."""
    return after.model_copy(
        update={
            "value": min(before.value, after.value),
            "share": min(before.share, after.share),
            "prior": before.prior if after.claims_prior < before.claims_prior else after.prior,
            "capacity": _least(before.capacity, after.capacity),
            "valued_on": _least(before.valued_on, after.valued_on),
            "ends_on": min(filter(None, (before.ends_on, after.ends_on)), default=None),
            "uses": tuple(_lesser_uses(before, after)),
        }
    )


def _lesser_uses(before: CoverContent, after: CoverContent) -> Iterator[CoverUse]:
    asked = {use.secured: use.amount for use in after.uses}
    # What is let go of is free for nobody else yet: each keeps the part it has.
    let_go = _lets_go(before, after)
    for use, part in before.taken():
        had = part if let_go else use.amount
        if use.secured in asked and had:
            yield use.model_copy(update={"amount": min(had, asked[use.secured])})


def _lets_go(before: CoverContent, after: CoverContent) -> bool:
    kept = {use.secured: use.amount.minor for use in after.uses}
    return any(kept.get(use.secured, 0) < use.amount.minor for use in before.uses)


def _least(one: _Ordered | None, other: _Ordered | None) -> _Ordered | None:
    """The lesser of two, of which not to be known is the least."""
    return None if one is None or other is None else min(one, other)
