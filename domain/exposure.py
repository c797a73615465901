"""Exposure (用信余额): what a line's limit is taken by, as a fold of append-only entries.

A line has an account, its customer where a cap was set on it, and the group it belongs to. Every
entry moves all of them, so an account's balance is the sum of its entries and nothing else. How the entries are kept is `storage/exposure.py`.
"""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Self

from pydantic import model_validator

from domain.errors import AmountNotPositive, MalformedAmount
from domain.identity import Id
from domain.money import Money
from domain.value import Value

# A quadrillion yuan. Sums of amounts up to here stay far inside a 64-bit column.
AMOUNT_MINOR_MAX = 10**17


class LimitKind(StrEnum):
    """Zero is an amount somebody decided; `none` is that nobody granted anything."""

    AMOUNT = "amount"
    NONE = "none"
    UNLIMITED = "unlimited"


class Limit(Value):
    """A tagged value: there is no number that means unlimited, and zero is not `none`."""

    kind: LimitKind
    amount: Money | None = None

    @model_validator(mode="after")
    def _amount_where_said(self) -> Self:
        if (self.amount is not None) != (self.kind is LimitKind.AMOUNT):
            raise MalformedAmount(amount=f"{self.kind} {self.amount}")
        if self.amount is not None and not 0 <= self.amount.minor <= AMOUNT_MINOR_MAX:
            raise MalformedAmount(amount=self.amount)
        return self

    @classmethod
    def of(cls, amount: Money) -> Self:
        return cls(kind=LimitKind.AMOUNT, amount=amount)

    @classmethod
    def none(cls) -> Self:
        return cls(kind=LimitKind.NONE)

    @classmethod
    def unlimited(cls) -> Self:
        return cls(kind=LimitKind.UNLIMITED)


class EntryKind(StrEnum):
    OPENING = "opening"  # the account begins, with the limit of its first letter
    LIMIT = "limit"  # a later decision changed the limit
    RESERVE = "reserve"  # 预占
    REFUSE = "refuse"  # a reservation was asked for and refused; moves nothing
    COMMIT = "commit"  # 占用: a reservation became use, wholly or in part
    RELEASE = "release"  # 释放
    EXPIRE = "expire"  # 预占失效
    REPAY = "repay"
    JOIN = "join"  # a line came under the account of its customer or group, with what it held
    LEAVE = "leave"  # and went from it


# Any of these ends a reservation, and a reservation ends once.
ENDINGS = frozenset({EntryKind.COMMIT, EntryKind.RELEASE, EntryKind.EXPIRE})


class Entry(Value):
    """One line of the book: what it moved, and where the line's account stood after it.

    `reserved` and `used` are signed effects; `amount` is what was asked for, always positive.
    """

    entry_id: Id
    line_id: Id
    seq: int  # the account's own count, from 1 without a gap
    kind: EntryKind
    amount: Money | None = None  # None where only a limit changed
    reserved: Money
    used: Money
    reserved_after: Money
    used_after: Money
    reservation_id: Id | None = None  # which reservation this ends
    expires_at: datetime | None = None
    limit: Limit | None = None
    decision_id: str | None = None
    reason: str | None = None  # why it was refused
    terms: str | None = None  # of the order, where it said any
    business_on: date
    posted_by: Id
    recorded_at: datetime


class Balance(Value):
    """Where an account stands. `account` is `line/<id>`, `customer/<id>` or `group/<id>`."""

    account: str
    limit: Limit
    reserved: Money
    used: Money

    @property
    def taken(self) -> Money:
        return self.reserved + self.used

    @property
    def headroom(self) -> Money | None:
        """What may still be taken (可用额度): never negative; None where nothing limits it."""
        if self.limit.kind is LimitKind.UNLIMITED:
            return None
        granted = self.limit.amount or Money.zero(self.used.currency)
        return max(granted - self.taken, Money.zero(granted.currency))

    @property
    def excess(self) -> Money:
        """By how much the account stands above its limit, as after a reduction."""
        granted = self.limit.amount
        if granted is None:
            return Money.zero(self.used.currency)
        return max(self.taken - granted, Money.zero(granted.currency))


def binding(balances: Iterable[Balance]) -> Balance | None:
    """The account with the least headroom, the first of equals; None where nothing limits."""
    limited = [balance for balance in balances if balance.headroom is not None]
    return min(limited, key=lambda b: b.headroom or Money.zero(b.used.currency), default=None)


class Movement(Value):
    """The answer to one request: what was done, and what may still be taken after it.

    `replayed`: the key was answered before, and this is that answer. `entry_id` is None where
    nothing was posted because nothing was to be: a check without a key.
    """

    kind: EntryKind
    entry_id: Id | None
    line_id: Id
    amount: Money
    reservation_id: Id | None = None  # the reservation made or ended
    reserved: Money  # of the line, after it
    used: Money
    headroom: Money | None = None  # along the chain; None where nothing limits
    binding: str | None = None  # the account the headroom is that of
    expires_at: datetime | None = None
    replayed: bool = False


class OpenReservation(Value):
    """A reservation that nothing has ended yet."""

    reservation_id: Id
    line_id: Id
    amount: Money
    business_on: date
    expires_at: datetime | None
    recorded_at: datetime


class Discrepancy(Value):
    """One place where the book and its balances disagree."""

    account: str
    rule: str
    seq: int | None = None
    detail: str = ""


class Proof(Value):
    """What reading the whole book again showed; `discrepancies` empty means it holds."""

    accounts: int
    entries: int
    reservations: int
    reservations_open: int
    discrepancies: tuple[Discrepancy, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.discrepancies


def takeable(amount: Money) -> Money:
    """The amount, if it is one that can be taken: above zero and not absurd."""
    if amount.minor <= 0:
        raise AmountNotPositive(amount=amount)
    if amount.minor > AMOUNT_MINOR_MAX:
        raise MalformedAmount(amount=amount)
    return amount
