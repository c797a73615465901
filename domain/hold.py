"""Holds (锁单): an order, a customer or a line that stands still, with every reason, until it is cured
or somebody decides.

A hold that checks made goes when its rules pass again; one that somebody set by hand goes by another's
word alone. Who may say it, and by when, is `policies/hold.py`.
"""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from domain.check import Finding, Stage
from domain.errors import OutOfOrder, SameHands
from domain.identity import Id
from domain.money import Money
from domain.reasons import because
from domain.value import Value

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]


class HoldOn(StrEnum):
    ORDER = "order"
    CUSTOMER = "customer"
    LINE = "line"


class HoldStatus(StrEnum):
    OPEN = "open"
    RELEASED = "released"  # by somebody's word
    REJECTED = "rejected"  # and the order goes no further
    CURED = "cured"  # by itself: its rules pass
    CANCELLED = "cancelled"  # what it held is no more


class HoldReleaseStatus(StrEnum):
    """How a request to release a hold stands with its approvers."""

    PENDING = "pending"
    GRANTED = "granted"
    DECLINED = "declined"
    LAPSED = "lapsed"
    OVERTAKEN = "overtaken"  # the hold had gone when the last word came


class ReleaseScope(Value):
    """How far a release goes: up to which amount, until which day, at which stages, past which
    rules. What is beyond is checked and held again."""

    amount_up_to: Money
    until: date
    stages: tuple[Stage, ...] = Field(min_length=1)
    rules: tuple[str, ...] = ()

    def covers(self, finding: Finding, stage: Stage, amount: Money, on: date) -> bool:
        """Whether a failing rule does not hold the order any more."""
        return (
            finding.code in self.rules
            and stage in self.stages
            and amount <= self.amount_up_to
            and on <= self.until
        )


class Hold(Value):
    hold_id: Id
    holds: HoldOn
    subject_id: Id  # the order, customer or line
    customer_id: Id
    line_id: Id | None = None  # of an order, the line it would be taken from
    amount: Money | None = None  # what of an order waits
    stage: Stage | None = None  # at which an order was checked
    manual: bool = False
    set_by: Id
    reason_code: Code = "checks"
    note: Note = ""
    reasons: tuple[Finding, ...] = ()  # at the check
    reasons_now: tuple[Finding, ...] = ()  # when it was last looked at
    looked_at: datetime
    owner: str  # `role:<role>`, or whoever took it
    opened_at: datetime
    opened_on: date
    due_at: datetime
    review_on: date
    status: HoldStatus = HoldStatus.OPEN
    ended_by: Id | None = None
    ended_at: datetime | None = None
    ended_on: date | None = None
    end_code: Code | None = None  # of a release or rejection
    cause: str = ""  # of a cure: what had happened
    scope: ReleaseScope | None = None
    letter_no: str | None = None
    offset_days: int = 0
    version: int = 1

    @property
    def open(self) -> bool:
        return self.status is HoldStatus.OPEN

    def refuse_ended(self) -> None:
        if not self.open:
            raise OutOfOrder(**because("hold_state", hold=self.hold_id, status=self.status))

    def looked(self, reasons: Iterable[Finding], at: datetime) -> "Hold":
        """As a look finds it now; what was found at the check stays beside it."""
        self.refuse_ended()
        return self.next(reasons_now=tuple(reasons), looked_at=at)

    def taken_by(self, person_id: str) -> "Hold":
        self.refuse_ended()
        return self.next(owner=person_id)

    def cured(self, cause: str, at: datetime, on: date) -> "Hold":
        """By itself; what somebody set by hand never is."""
        if self.manual:
            raise OutOfOrder(reason="a hold set by hand is lifted by somebody's word alone")
        return self._ended(HoldStatus.CURED, "system", at, on, cause=cause, reasons_now=())

    def released(
        self,
        by: str,
        code: str,
        at: datetime,
        on: date,
        *,
        scope: ReleaseScope | None = None,
        letter_no: str | None = None,
        note: str = "",
    ) -> "Hold":
        """By another's word than set it."""
        self.refuse_own(by)
        return self._ended(
            HoldStatus.RELEASED, by, at, on, end_code=code, scope=scope, letter_no=letter_no,
            cause=note,
        )  # fmt: skip

    def rejected(
        self, by: str, code: str, at: datetime, on: date, letter_no: str | None = None
    ) -> "Hold":
        return self._ended(HoldStatus.REJECTED, by, at, on, end_code=code, letter_no=letter_no)

    def cancelled(self, by: str, at: datetime, on: date) -> "Hold":
        return self._ended(HoldStatus.CANCELLED, by, at, on)

    def refuse_own(self, person_id: str) -> None:
        if self.manual and person_id == self.set_by:
            raise SameHands(first="setting a hold", second="lifting it")

    def next(self, **changes: object) -> "Hold":
        return self.model_copy(update={**changes, "version": self.version + 1})

    def _ended(
        self, status: HoldStatus, by: str, at: datetime, on: date, **facts: object
    ) -> "Hold":
        self.refuse_ended()
        return self.next(status=status, ended_by=by, ended_at=at, ended_on=on, **facts)


class ManualHold(Value):
    """A hold that somebody sets, whatever the checks say."""

    holds: HoldOn
    subject_id: Id
    reason_code: Code
    note: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class ReleaseWanted(Value):
    """What is asked of the approvers of a release; without bounds, those that policy gives."""

    reason_code: Code
    note: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    amount_up_to: Money | None = None
    until: date | None = None
    stages: tuple[Stage, ...] = ()


class HoldReleaseRequest(Value):
    """A release as it was asked for; the approvers decide on exactly this."""

    release_id: Id
    hold_id: Id
    order_id: Id
    customer_id: Id
    reason_code: Code
    note: Note
    scope: ReleaseScope
    asked_by: Id
    asked_at: datetime
    asked_on: date


class HoldRelease(Value):
    """A request on record, from asking to end."""

    request: HoldReleaseRequest
    status: HoldReleaseStatus = HoldReleaseStatus.PENDING
    settled_by: Id | None = None
    settled_on: date | None = None
    letter_no: str | None = None


class HoldEvent(Value):
    """One version of a hold, as it was then."""

    hold_id: Id
    version: int
    by: Id
    at: datetime
    hold: Hold
