"""Disputes (争议): what a customer contests of an invoice, from when until when, and who looks after it."""

from datetime import date
from typing import Self

from pydantic import Field, model_validator

from domain.errors import AmountNotPositive
from domain.identity import Id
from domain.money import Money
from domain.receivable import DocumentNo
from domain.value import Value

Reason = Field(min_length=1, max_length=2000)


class DisputeContent(Value):
    """What is contested, as whoever enters it says; without an amount the whole invoice."""

    invoice_no: str = DocumentNo
    opened_on: date
    reason: str = Reason
    owner: Id
    amount: Money | None = None

    @model_validator(mode="after")
    def _contests(self) -> Self:
        if self.amount is not None and self.amount.minor <= 0:
            raise AmountNotPositive(amount=self.amount)
        return self


class DisputeEnd(Value):
    settled_on: date
    reason: str = Reason


class Dispute(Value):
    """A dispute on record; it counts from its first day to the day before it was settled."""

    dispute_id: Id
    customer_id: Id
    invoice_no: str
    opened_on: date
    reason: str
    owner: Id
    amount: Money
    opened_by: Id
    settled_on: date | None = None
    settled_reason: str = ""
    settled_by: str = ""

    @property
    def content(self) -> DisputeContent:
        """What was said when it was opened."""
        fields = {name: getattr(self, name) for name in DisputeContent.model_fields}
        return DisputeContent(**fields)

    def open(self, on: date) -> bool:
        return self.opened_on <= on and (self.settled_on is None or on < self.settled_on)
