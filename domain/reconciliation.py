"""System reconciliation (系统对账): the extract of another system, against our documents and the book.

Each document is matched, missing (in our books alone), extra (in the extract alone) or differing; the
sums of a customer are set beside what its lines have used. Drift above what the edition lets pass is
a finding with an owner and a day, until somebody closes it with a reason.
"""

from datetime import date
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from domain.errors import AmountNotPositive, CurrencyMismatch, MoreThanInvoiced
from domain.identity import Id
from domain.money import Money
from domain.receivable import DocumentNo
from domain.value import Value


class ExtractedDocument(Value):
    """One open item as the other system has it; `open` may be nothing, and is never above `amount`."""

    customer_id: Id
    invoice_no: str = DocumentNo
    amount: Money
    open: Money
    due_on: date

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        if self.amount.minor <= 0:
            raise AmountNotPositive(amount=self.amount)
        if self.open.currency != self.amount.currency:
            raise CurrencyMismatch(first=self.open.currency, second=self.amount.currency)
        if self.open > self.amount:
            raise MoreThanInvoiced(amount=self.open, open=self.amount, invoice_no=self.invoice_no)
        return self


class MatchKind(StrEnum):
    MATCHED = "matched"
    MISSING = "missing"  # ours alone
    EXTRA = "extra"  # the extract's alone
    DIFFERING = "differing"  # of both, and not alike


class MatchedDocument(Value):
    """A document that is not the same on both sides, and in what."""

    customer_id: Id
    invoice_no: str
    kind: MatchKind
    ours: Money | None = None  # open by our books
    theirs: Money | None = None  # open by the extract
    fields: tuple[str, ...] = ()  # of a differing one: amount, open, due_on, currency


class CustomerSums(Value):
    """One customer in one currency: documents by kind, both sums, and what its lines have used."""

    customer_id: Id
    currency: str
    matched: int
    missing: int
    extra: int
    differing: int
    ours: Money
    theirs: Money
    drift: Money  # the sum of what differs, document by document: never hidden by its opposite
    used: Money  # of the customer's lines in the currency, by the book of entries

    @property
    def used_apart(self) -> Money:
        """What the book has beyond the extract; below zero where it has less."""
        return self.used - self.theirs


class Reconciliation(Value):
    """What a comparison came to; `rows` of the extract are `taken` or `refused`."""

    reconciliation_id: Id
    extract_id: Id
    as_of: date
    run_on: date
    documents: int  # of the extract
    matched: int
    missing: int
    extra: int
    differing: int
    customers: tuple[CustomerSums, ...] = ()  # that are not alike on both sides
    items: tuple[MatchedDocument, ...] = ()  # the first ones


class ReconciliationFinding(Value):
    """A customer's drift above what policy lets pass, and what became of it."""

    finding_id: Id
    reconciliation_id: Id
    customer_id: Id
    drift: Money
    owner: Id
    due_on: date
    reason: str = ""
    closed_on: date | None = None
    closed_by: Id | None = None


class FindingClosed(Value):
    """Why a finding is closed."""

    reason: str = Field(min_length=1, max_length=2000)
