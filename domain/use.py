"""Uses with approval (用信审批, 放款审核): asked for, decided, reviewed and released, or given back.

Whatever becomes of it, the amount is reserved from the beginning; the ledger follows each step by a
key of the use, so that it moves once. Which uses these are is `policies/use.py`.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, computed_field, model_validator

from domain.errors import AmountNotPositive, CurrencyMismatch
from domain.identity import Id
from domain.money import Money
from domain.value import Value

USES_AT = "POST /api/v1/uses"  # where a use that is approved first is asked for


class UseStatus(StrEnum):
    ASKED = "asked"  # before its approvers
    APPROVED = "approved"  # before whoever releases
    DECLINED = "declined"
    RELEASED = "released"  # the reservation became use
    REJECTED = "rejected"  # the release review did not hold
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    REFUSED = "refused"  # there was no room for it, or the line is for something else

    @property
    def ended(self) -> bool:
        return self not in (UseStatus.ASKED, UseStatus.APPROVED)


_AFTER: dict[UseStatus, frozenset[UseStatus]] = {
    UseStatus.ASKED: frozenset(
        {
            UseStatus.APPROVED,
            UseStatus.DECLINED,
            UseStatus.WITHDRAWN,
            UseStatus.LAPSED,
            UseStatus.REFUSED,
        }
    ),
    UseStatus.APPROVED: frozenset(
        {UseStatus.RELEASED, UseStatus.REJECTED, UseStatus.WITHDRAWN, UseStatus.LAPSED}
    ),
}


class ReleaseItem(StrEnum):
    """What the release review sees, each with its evidence."""

    CONTRACT = "contract"  # signed, and its line in force
    CONDITIONS = "conditions"  # conditions precedent met
    COVER = "cover"  # in force and confirmed
    PURPOSE = "purpose"  # evidenced by a file
    PAYEE = "payee"  # named, and the one that the evidence names
    DEPOSIT = "deposit"  # received


# What our own records show; of the others somebody brings the evidence.
ON_RECORD = frozenset({ReleaseItem.CONTRACT, ReleaseItem.CONDITIONS, ReleaseItem.COVER})

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
UseNote = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]


class UseContent(Value):
    """What is asked for: of which product, how much by name (名义金额), for what and to whom."""

    product: str = Field(min_length=1, max_length=60)
    amount: Money
    purpose: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]
    payee: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    deposit: Money | None = None  # 保证金
    due_on: date | None = None
    evidence_hash: Sha256 | None = None  # of the purpose, where it is on file already

    @model_validator(mode="after")
    def _in_one_currency(self) -> Self:
        if self.deposit is not None and self.deposit.currency != self.amount.currency:
            raise CurrencyMismatch(first=self.amount.currency, second=self.deposit.currency)
        if self.deposit is not None and self.deposit.minor < 0:
            raise AmountNotPositive(amount=self.deposit)
        return self


class UseRequest(UseContent):
    """A use as it was asked for; the approvers decide on exactly this."""

    use_id: Id
    line_id: Id
    customer_id: Id
    exposure: Money  # what it takes of the limit (敞口)
    row: str  # of the edition, which marks it
    review: tuple[ReleaseItem, ...]
    edition_hash: str
    wait_until: datetime
    asked_by: Id
    asked_at: datetime
    asked_on: date
    offset_days: int = 0


class ReleaseCheck(Value):
    """One item of the release review: whether it holds, and by which evidence."""

    item: ReleaseItem
    held: bool
    evidence: Annotated[str, StringConstraints(strip_whitespace=True, max_length=400)] = ""
    evidence_hash: Sha256 | None = None


class UseStep(Value):
    """One thing that became of a use, whose word it was, and what the release review saw."""

    use_id: Id
    seq: int = Field(ge=1)
    status: UseStatus
    person_id: Id
    at: datetime
    on: date
    note: str = ""
    checks: tuple[ReleaseCheck, ...] = ()


class UseMove(StrEnum):
    RESERVE = "reserve"
    COMMIT = "commit"
    RELEASE = "release"


class UseMovement(Value):
    """What the ledger did for a use; the reservation's entry is the reservation."""

    kind: UseMove
    entry_id: Id
    posted_at: datetime


class Use(Value):
    """A use on record, from asking to end."""

    request: UseRequest
    steps: tuple[UseStep, ...] = ()
    movements: tuple[UseMovement, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def status(self) -> UseStatus:
        return self.steps[-1].status if self.steps else UseStatus.ASKED

    @computed_field  # type: ignore[prop-decorator]
    @property
    def reservation_id(self) -> str | None:
        return next((m.entry_id for m in self.movements if m.kind is UseMove.RESERVE), None)

    @property
    def owed(self) -> UseMove | None:
        """What the ledger still has to do for it."""
        if self.status is UseStatus.REFUSED:
            return None
        done = {movement.kind for movement in self.movements}
        if UseMove.RESERVE not in done:
            return UseMove.RESERVE
        if not self.status.ended or done & {UseMove.COMMIT, UseMove.RELEASE}:
            return None
        return UseMove.COMMIT if self.status is UseStatus.RELEASED else UseMove.RELEASE

    def may_become(self, status: UseStatus) -> bool:
        return status in _AFTER.get(self.status, frozenset())
