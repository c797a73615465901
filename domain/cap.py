"""Caps (限额): what all lines of a customer, or of a group, may come to together.

A cap is asked for by one person and decided by others, by a numbered letter; the account of the
customer or the group has it from that moment. Lines granted below it may sum to more: what is drawn
on them may not. How its approvers are found is `policies/cap.py`.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from domain.errors import CurrencyMismatch
from domain.exposure import Balance, Limit
from domain.identity import Id
from domain.money import Currency, Money
from domain.value import Value


class CapOwner(StrEnum):
    CUSTOMER = "customer"
    GROUP = "group"


class CapStatus(StrEnum):
    PENDING = "pending"  # before its approvers
    SET = "set"  # approved, and put on the account with that word
    DECLINED = "declined"
    LAPSED = "lapsed"  # nobody answered


class CapContent(Value):
    """What is asked for: an amount, no limit of its own any more, or nothing granted at all.

    `review_due_on` is when it is to be decided anew; until that is done it stands, as silence lifts
    no bound.
    """

    currency: Currency
    limit: Limit
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    evidence_hash: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    review_due_on: date | None = None

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        if self.limit.amount is not None and self.limit.amount.currency != self.currency:
            raise CurrencyMismatch(first=self.currency, second=self.limit.amount.currency)
        return self


class CapRequest(CapContent):
    """A cap as it was asked for, by whom and when; the approvers decide on exactly this."""

    cap_id: Id
    scope: CapOwner
    owner_id: Id  # of the customer, or of the group
    asked_by: Id
    asked_at: datetime
    asked_on: date


class Cap(Value):
    """A request on record, from asking to end."""

    request: CapRequest
    status: CapStatus = CapStatus.PENDING
    settled_by: Id | None = None  # whose word was the last
    settled_on: date | None = None
    letter_no: str | None = None


class CapTerms(Value):
    """What a letter says of a cap, approved or declined."""

    scope: CapOwner
    owner_id: Id
    currency: Currency
    limit: Limit
    review_due_on: date | None = None


class CapInForce(Value):
    """The account of a customer or a group: its cap, by which letter, and what it leaves.

    `letter_no` is that of the line it was opened with, where nobody has decided on a cap yet.
    """

    scope: CapOwner
    owner_id: Id
    balance: Balance
    left: Money | None  # what may still be taken below it; None where it limits nothing
    letter_no: str
    review_due_on: date | None = None
    overdue: bool = False  # to be decided anew before today


class HeldCap(Value):
    """A cap that a new limit would stand under, as a dossier holds it, in the cap's currency."""

    scope: CapOwner
    owner_id: Id
    letter_no: str
    cap: Money
    limits: Money  # of the lines below it, which may come to more
    taken: Money  # of it, by what is reserved and used

    @property
    def left(self) -> Money:
        """What may still be taken, never negative."""
        return max(self.cap - self.taken, Money.zero(self.cap.currency))
