"""The credit profile of a customer (客户信用档案): what held on a business day, each with who says so.

Every figure is read from records that keep their past (versions, receipts, letters, entries), never
from today's figures under an older date.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from domain.cap import CapOwner
from domain.customer import Alias, CustomerProfile, Sourced
from domain.identity import Id
from domain.money import Money
from domain.value import Value


class RatingFacts(Value):
    """The grade of the day, and until when it counted."""

    grade: Sourced
    score: Sourced
    valid_until: date | None
    counts: bool  # on the day that was asked about


class ClassFacts(Value):
    """The tier of the five (五级分类) by the policy in force on the day, and why.

    `on_record` is the tier that the newest run up to the day left, where it is another one or by a
    class set by hand: its day and run stand in its source.
    """

    tier: Sourced
    reasons: tuple[str, ...]
    on_record: Sourced | None = None
    reasons_on_record: tuple[str, ...] = ()


class HoldKind(StrEnum):
    RESERVATION = "reservation"
    FREEZE = "freeze"


class Hold(Value):
    """What keeps a line, or a part of it, from being used."""

    hold_id: str
    kind: HoldKind
    held: Sourced  # an amount, or the reason of a freeze
    expires_at: datetime | None = None


class LineFacts(Value):
    """A line as it was on the day: its limit by which letter, its use by which entry."""

    line_id: Id
    customer_id: Id  # the record it was granted to
    product: str
    status: Sourced
    limit: Sourced
    starts_on: date
    ends_on: Sourced
    used: Sourced
    reserved: Sourced
    headroom: Sourced
    holds: tuple[Hold, ...] = ()


class CapFacts(Value):
    """A cap of the customer or of its group on the day, by which letter."""

    scope: CapOwner
    owner_id: Id
    currency: str
    cap: Sourced  # an amount, or that nothing is granted, or nothing limits


class OpenCaseKind(StrEnum):
    APPLICATION = "application"
    REVIEW = "review"
    COLLECTION = "collection"


class OpenCase(Value):
    """A case that had begun by the day and had not ended."""

    case_id: Id
    kind: OpenCaseKind
    about: Sourced  # what kind of application, a review of which line


class WarningFacts(Value):
    warning_id: Id
    level: Sourced


class CreditProfile(CustomerProfile):
    """Everything about a customer's credit as it stood on a day.

    `owed` is what its invoices came to, `aliases` the records that gave way to this one, whenever.
    """

    merged_into: Id | None = None
    aliases: tuple[Alias, ...] = ()
    rating: RatingFacts | None = None
    classification: ClassFacts | None = None
    owed: dict[str, Sourced] = {}
    lines: tuple[LineFacts, ...] = ()
    limit_total: dict[str, Money] = {}  # by currency, of the lines that had not ended
    used_total: dict[str, Money] = {}
    caps: tuple[CapFacts, ...] = ()
    open_cases: tuple[OpenCase, ...] = ()
    warnings: tuple[WarningFacts, ...] = ()


def sourced(value: Any, source: str, as_of: date) -> Sourced:
    return Sourced(value=value, source=source, as_of=as_of)
