"""Exposure (用信余额): what a line's limit is taken by, as a fold of append-only entries.

A line has an account, as have its sub-lines, its customer where a cap was set on it, the guarantors
and insurers it stands on, and the group it belongs to. Every entry moves all of them, so an account's
balance is the sum of its entries and nothing else. How they are kept is `storage/exposure`.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from domain.errors import AmountNotPositive, MalformedAmount
from domain.identity import Id
from domain.money import Money, money_sum
from domain.value import Value

# A quadrillion yuan. Sums of amounts up to here stay far inside a 64-bit column.
AMOUNT_MINOR_MAX = 10**17
# Enough to see what is wrong.
DISCREPANCIES_MAX = 100
DOCUMENTS_MAX = 200
# The codes of a limit's parts.
TEMPORARY, COVER = "temporary", "cover"


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


class LimitPart(Value):
    """What a limit goes up or down by from a day until a day, both counted; None: without an end.

    `code` says why (`temporary`, `cover` ...) and `of` by which letter or cover.
    """

    amount: Money
    from_on: date | None = None
    until_on: date | None = None
    code: str
    of: str = ""

    def counts(self, on: date) -> bool:
        return (self.from_on or date.min) <= on <= (self.until_on or date.max)


def limit_on(limit: Limit, parts: Iterable[LimitPart], on: date) -> Limit:
    """The limit of a day: its amount and the parts that count then, never below zero."""
    if limit.amount is None:
        return limit
    zero = Money.zero(limit.amount.currency)
    counting = (part.amount for part in parts if part.counts(on))
    return Limit.of(max(sum(counting, limit.amount), zero))


class SubLimit(Value):
    """A sub-line's account to be: the most of one product within the line, as exposure."""

    product: str
    limit: Money
    tenor_months: int | None = None
    revolving: bool = True
    purpose: str | None = None
    deposit_share: Decimal = Decimal(0)  # of the nominal amount, at least


class Fitting(Value):
    """What a line's uses have to fit beside its limit; None: nothing.

    `tenor_months` is the longest one use may last, `matures_by` the last day it may be due on.
    """

    product: str | None = None
    purpose: str | None = None
    tenor_months: int | None = None
    matures_by: date | None = None
    nominal_limit: Money | None = None
    revolving: bool = True
    deposit_share: Decimal = Decimal(0)


class Overlap(StrEnum):
    """What counts of temporary limits that are in force on the same day."""

    MAX = "max"  # the highest
    SUM = "sum"  # each on top of the line's own limit
    LATEST = "latest"  # the one decided last


class UseBounds(Value):
    """What the uses of a line are held to, as its letter and the edition say."""

    terms_days: int | None = None  # the longest of the approved terms
    fitting: Fitting = Fitting()
    sub_lines: tuple[SubLimit, ...] = ()
    overlap: Overlap = Overlap.MAX


class TemporaryLimit(Value):
    """A limit that a letter gave until a day, that day counted."""

    limit: Money
    until_on: date
    letter_no: str


def composed(
    base: Money, temporary: Iterable[TemporaryLimit], overlap: Overlap, on: date
) -> tuple[Money, tuple[LimitPart, ...]]:
    """The limit of a day, of a base and what is beside it (in the order decided), and the parts by
    which it changes on the days after, down to the base again."""
    live = [each for each in temporary if each.until_on >= on]
    days = [on, *sorted({each.until_on + timedelta(days=1) for each in live})]
    levels = [_level(base, live, overlap, day) for day in days]
    ended = {each.until_on: each.letter_no for each in live}
    parts = tuple(
        LimitPart(
            amount=level - before,
            from_on=day,
            code=TEMPORARY,
            of=ended[day - timedelta(days=1)],
        )
        for before, level, day in zip(levels, levels[1:], days[1:], strict=False)
        if level != before
    )
    return levels[0], parts


def _level(base: Money, live: list[TemporaryLimit], overlap: Overlap, on: date) -> Money:
    counting = [each.limit for each in live if each.until_on >= on]
    if not counting:
        return base
    match overlap:
        case Overlap.MAX:
            return max(base, *counting)
        case Overlap.SUM:
            zero = Money.zero(base.currency)
            return sum((max(each - base, zero) for each in counting), base)
        case Overlap.LATEST:
            return max(base, counting[-1])


class Use(Value):
    """What an order says of itself beside its amount, where its line asks for it.

    `nominal` is what is lent by name (名义金额) where `amount` is the net exposure (敞口) of it.
    """

    product: str | None = None
    purpose: str | None = None
    nominal: Money | None = None
    due_on: date | None = None
    deposit: Money | None = None  # 保证金


PLAIN = Use()  # an order that says its amount alone


class EntryKind(StrEnum):
    OPENING = "opening"  # the account begins, with the limit of its first letter
    LIMIT = "limit"  # a later decision changed the limit
    RESERVE = "reserve"  # 预占
    REFUSE = "refuse"  # a reservation was asked for and refused; moves nothing
    COMMIT = "commit"  # 占用: a reservation became use, wholly or in part
    RELEASE = "release"  # 释放
    EXPIRE = "expire"  # 预占失效
    KEEP = "keep"  # 续留: what was left of a reservation that ended stays reserved
    REPAY = "repay"
    REVIVE = "revive"  # 恢复占用: what repaid came to nothing, and as much is used again
    DEPOSIT = "deposit"  # 追加保证金: the same lent by name, less of it exposure
    DEPOSIT_BACK = "deposit_back"  # 释放保证金: and more again, as far as there is headroom
    JOIN = "join"  # a line came under the account of its customer or group, with what it held
    LEAVE = "leave"  # and went from it


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
    parts: tuple[LimitPart, ...] = ()
    decision_id: str | None = None
    reason: str | None = None  # why it was refused
    terms: str | None = None  # of the order, where it said any
    product: str | None = None  # of the sub-line it moved
    nominal: Money | None = None  # what it moved by name, where that is another amount
    due_on: date | None = None
    business_on: date
    posted_by: Id
    recorded_at: datetime


class Balance(Value):
    """Where an account stands on a day. `account` is `line/<id>`, `sub_line/<line>/<product>`,
    `customer/<id>`, `guarantor/<id>`, `insurer/<id>` or `group/<id>`.

    `limit` is that of the day, of its parts too. `spent` is what was repaid of a limit that does
    not revolve: it is used up.
    """

    account: str
    limit: Limit
    reserved: Money
    used: Money
    spent: Money | None = None
    parts: tuple[LimitPart, ...] = ()
    nominal: Money | None = None
    nominal_limit: Money | None = None

    @property
    def taken(self) -> Money:
        return self.reserved + self.used

    @property
    def headroom(self) -> Money | None:
        """What may still be taken (可用额度): never negative; None where nothing limits it."""
        if self.limit.kind is LimitKind.UNLIMITED:
            return None
        return max(self.left, Money.zero(self.used.currency))

    @property
    def left(self) -> Money:
        """What a limit leaves, below zero by what stands above it; of no limit, of nothing."""
        return (self.limit.amount or Money.zero(self.used.currency)) - self._counted

    @property
    def excess(self) -> Money:
        """By how much the account stands above its limit, as after a reduction."""
        granted = self.limit.amount
        if granted is None:
            return Money.zero(self.used.currency)
        return max(self._counted - granted, Money.zero(granted.currency))

    @property
    def _counted(self) -> Money:
        return self.taken + self.spent if self.spent is not None else self.taken


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
    kept: tuple[Id, ...] = ()  # the reservations that what was left of this one stays in


class ExposureBucket(StrEnum):
    """What becomes of what a line is taken by; the first two are reserved, the others used."""

    ORDERS = "orders"  # reserved by orders that are not delivered
    RESERVED = "reserved"  # reserved by hand or by another system
    DELIVERIES = "deliveries"  # delivered, on no invoice yet
    RECEIVABLES = "receivables"  # on invoices that are open
    DISPUTED = "disputed"
    BILLS = "bills"  # paid by a bill that is not honoured yet
    SETTLED = "settled"  # paid on its invoices, and not yet repaid in the book
    DIRECT = "direct"  # used past any order, less what was repaid

    @property
    def is_reserved(self) -> bool:
        return self in (ExposureBucket.ORDERS, ExposureBucket.RESERVED)


class ExposureDocument(StrEnum):
    ORDER = "order"
    RESERVATION = "reservation"
    INVOICE = "invoice"
    ENTRY = "entry"


class BucketDocument(Value):
    """What a bucket rests on; of an entry `no` is its kind, and what was repaid is below zero."""

    kind: ExposureDocument
    id: str
    no: str = ""
    on: date
    amount: Money


class BucketSum(Value):
    """A bucket with its documents; of very many the last, and `others` for all before them."""

    bucket: ExposureBucket
    amount: Money
    documents: tuple[BucketDocument, ...]
    others: Money


class LineExposure(Value):
    """What a line is taken by, and what that is the sum of; a bucket that holds nothing is left out."""

    line_id: Id
    reserved: Money
    used: Money
    buckets: tuple[BucketSum, ...]


def buckets_of(
    documents: Iterable[tuple[ExposureBucket, BucketDocument]], currency: str
) -> tuple[BucketSum, ...]:
    """Documents by bucket, and their sums."""
    found: dict[ExposureBucket, list[BucketDocument]] = {}
    for bucket, document in documents:
        found.setdefault(bucket, []).append(document)
    return tuple(
        BucketSum(
            bucket=bucket,
            amount=money_sum((each.amount for each in found[bucket]), currency),
            documents=tuple(found[bucket][-DOCUMENTS_MAX:]),
            others=money_sum((each.amount for each in found[bucket][:-DOCUMENTS_MAX]), currency),
        )
        for bucket in ExposureBucket
        if bucket in found
    )


class OpenReservation(Value):
    """A reservation that nothing has ended yet."""

    reservation_id: Id
    line_id: Id
    amount: Money
    business_on: date
    expires_at: datetime | None
    recorded_at: datetime


class Discrepancy(Value):
    """One place where the book and its balances disagree, and which entry shows it."""

    account: str
    rule: str
    seq: int | None = None
    detail: str = ""
    entry_id: Id | None = None


class ProofPlace(Value):
    """How far a proof has come, and what it found so far; it goes on from here.

    Lines are read up to `after_no` of the account numbers that there were (`of_no`), after them the
    accounts above in `parts`.
    """

    after_no: int = Field(default=0, ge=0)
    of_no: int = Field(default=0, ge=0)
    part: int = Field(default=0, ge=0)
    parts: int | None = Field(default=None, ge=1, le=10_000)
    discrepancies: tuple[Discrepancy, ...] = ()

    @property
    def done(self) -> bool:
        return self.parts is not None and self.part >= self.parts

    @property
    def share(self) -> Decimal:
        """How much of the book is read, of one; lines count for two thirds."""
        lines = Decimal(self.after_no) / self.of_no if self.of_no else Decimal(self.done)
        above = Decimal(self.part) / self.parts if self.parts else Decimal(0)
        return ((2 * min(lines, Decimal(1)) + above) / 3).quantize(Decimal("0.001"))

    def further(self, found: Iterable[Discrepancy], **place: int) -> Self:
        """With a step more, and what it found; a book that is wrong everywhere need not be listed."""
        kept = (*self.discrepancies, *found)[:DISCREPANCIES_MAX]
        return self.model_copy(update={**place, "discrepancies": kept})


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
