"""Two roles of one party: what a customer owes us, and what we owe it where it supplies us too.

What stands on both sides is set off in a view of the exposure alone, and only under an agreement on
file; no ledger is ever netted.
"""

from datetime import date
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from domain.errors import AmountNotPositive, PeriodReversed
from domain.identity import Id
from domain.money import Money
from domain.value import Value

PREPAYMENT = "prepayment"  # the product that is lent to a supplier, ahead of its delivery


class TradeRole(StrEnum):
    CUSTOMER = "customer"
    SUPPLIER = "supplier"


class RoleContent(Value):
    """A role of a party from a day on; without an end it lasts."""

    role: TradeRole
    valid_from: date
    valid_until: date | None = None  # the last day
    source: str = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        _refuse_reversed(self.valid_from, self.valid_until)
        return self


class PartyRole(RoleContent):
    """A role on record; what is known better later, such as its end, is its next version."""

    role_id: Id
    customer_id: Id
    version: int = Field(default=1, ge=1)
    recorded_by: Id

    def holds_on(self, day: date) -> bool:
        return _within(day, self.valid_from, self.valid_until)


class PayableContent(Value):
    """What we owe a supplier by one of its invoices."""

    payable_no: str = Field(min_length=1, max_length=64)
    issued_on: date
    due_on: date
    amount: Money

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        _refuse_reversed(self.issued_on, self.due_on)
        if self.amount.minor <= 0:
            raise AmountNotPositive(amount=self.amount)
        return self


class Payable(PayableContent):
    customer_id: Id
    recorded_by: Id


class SettlementContent(Value):
    """What we paid, or otherwise settled, of a payable."""

    settlement_no: str = Field(min_length=1, max_length=64)
    payable_no: str = Field(min_length=1, max_length=64)
    settled_on: date
    amount: Money

    @model_validator(mode="after")
    def _is_some(self) -> Self:
        if self.amount.minor <= 0:
            raise AmountNotPositive(amount=self.amount)
        return self


class Settlement(SettlementContent):
    customer_id: Id
    recorded_by: Id


class OpenPayable(Value):
    """What was still owed of a payable on a day."""

    payable: Payable
    amount: Money


class SetOffContent(Value):
    """An agreement that both sides may be set off (抵销协议), by the document on file."""

    evidence_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    signed_on: date
    valid_from: date
    valid_until: date | None = None  # the last day
    most: Money | None = None  # the most that may be set off, in its currency alone

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        _refuse_reversed(self.valid_from, self.valid_until)
        return self


class SetOffAgreement(SetOffContent):
    agreement_id: Id
    customer_id: Id
    recorded_by: Id

    def holds_on(self, day: date) -> bool:
        return self.signed_on <= day and _within(day, self.valid_from, self.valid_until)


class SideOfCurrency(Value):
    """Both sides in one currency; `offset` is shown beside them and taken from no ledger."""

    currency: str
    invoiced: Money  # what the party owes by our invoices
    prepaid: Money  # what it was paid ahead of delivery, by its prepayment lines
    owed_to_it: Money  # what we owe by its invoices
    offset: Money
    agreement_id: Id | None = None  # under which the offset counts

    @property
    def gross(self) -> Money:
        return self.invoiced + self.prepaid


class Sides(Value):
    """A party on a day as the two that it is to us."""

    customer_id: Id
    as_of: date
    roles: tuple[PartyRole, ...]  # that held on the day
    agreements: tuple[SetOffAgreement, ...]  # in force on the day
    currencies: tuple[SideOfCurrency, ...]
    exposure: dict[str, Money]  # gross, by currency
    exposure_after_offset: dict[str, Money]
    payables: tuple[OpenPayable, ...]


def _within(day: date, since: date, until: date | None) -> bool:
    return since <= day and (until is None or day <= until)


def _refuse_reversed(since: date, until: date | None) -> None:
    if until is not None and until < since:
        raise PeriodReversed(since=since, until=until)
