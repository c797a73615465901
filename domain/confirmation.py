"""Reconciliation with the customer (应收账款对账): what we say is owed, and what the customer says of it.

A confirmation is asked for once per customer, currency and day. Each answer is kept with its evidence;
what differs is itemised per document, each with somebody to clear it up, a day and, in the end, an
outcome. When one is asked for, and what silence leads to, is `policies/confirmation.py`.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from domain.contract import Sha256, Signatory
from domain.errors import AmountMissing
from domain.identity import Id
from domain.money import Money, money_sum
from domain.receivable import DocumentNo, OpenItem
from domain.value import Value, content_hash

CONFIRMATION_OVERDUE = "confirmation_overdue"  # the rule of the warning, and the reason of the hold


class ConfirmationItem(Value):
    """One document that is open on the day: its amount, what is off it by then, and the rest."""

    invoice_no: str
    issued_on: date
    due_on: date
    amount: Money
    paid: Money  # or credited
    open: Money
    disputed: bool = False


class DifferenceKind(StrEnum):
    """What the customer says of one document instead of ours."""

    MISSING = "missing"  # the customer has no such document
    EXTRA = "extra"  # the customer has one that we do not list
    AMOUNT = "amount"  # another amount is open
    PAID = "paid"  # it is paid already


class DifferenceOutcome(StrEnum):
    """How a difference was cleared up."""

    UPHELD = "upheld"  # the customer agrees with us after all
    CORRECTED = "corrected"  # our books were put right
    CREDITED = "credited"  # by a credit note
    DISPUTED = "disputed"  # it goes on as a dispute


class DifferenceSaid(Value):
    """What differs on one document; `amount` is what the customer has open on it."""

    invoice_no: str = DocumentNo
    kind: DifferenceKind
    amount: Money | None = None
    note: str = Field(default="", max_length=500)

    @model_validator(mode="after")
    def _told(self) -> Self:
        if self.amount is None and self.kind in (DifferenceKind.EXTRA, DifferenceKind.AMOUNT):
            raise AmountMissing(invoice_no=self.invoice_no)
        return self


class AnswerContent(Value):
    """What a customer says of the documents: all agreed, or by number, and what differs."""

    all_agreed: bool = False
    agreed: tuple[str, ...] = Field(default=(), max_length=5000)
    differences: tuple[DifferenceSaid, ...] = Field(default=(), max_length=5000)
    document_hash: Sha256  # of the version that was read


class StampedAnswer(AnswerContent):
    """An answer that came back stamped; its picture is attached before."""

    evidence_hash: Sha256


class ConfirmationAnswer(Value):
    """An answer on record with its evidence: a stamped copy, or what was signed through the link."""

    answer_id: Id
    confirmation_id: Id
    agreed: tuple[str, ...]  # by document
    signatory: Signatory | None = None  # None: by stamp
    evidence_hash: Sha256
    answered_on: date
    recorded_by: Id


class Difference(Value):
    """One difference, who is to clear it up by when, and what came of it."""

    difference_id: Id
    confirmation_id: Id
    customer_id: Id
    said: DifferenceSaid
    ours: Money | None = None  # what is open on it by our books; None: we do not list it
    owner: Id
    due_on: date
    outcome: DifferenceOutcome | None = None
    reason: str = ""
    closed_on: date | None = None
    closed_by: Id | None = None


class ConfirmationStatus(StrEnum):
    """How a confirmation stands; each follows from its answers."""

    SENT = "sent"
    PARTLY = "partly_answered"
    DIFFERING = "differing"  # answered whole; differences are open
    SETTLED = "settled"  # answered whole; every difference is cleared up
    CONFIRMED = "confirmed"  # every document agreed


class ConfirmationRequest(Value):
    """What is put to the customer: the open documents of one currency as of a day."""

    customer_id: Id
    as_of: date
    currency: str
    items: tuple[ConfirmationItem, ...]

    @property
    def total(self) -> Money:
        return money_sum((item.open for item in self.items), self.currency)

    @property
    def disputed(self) -> Money:
        return money_sum((item.open for item in self.items if item.disputed), self.currency)

    @property
    def document_hash(self) -> str:
        """What an answer is bound to."""
        return content_hash(self)


class Confirmation(Value):
    """A request that was sent, and everything that came back on it."""

    confirmation_id: Id
    request: ConfirmationRequest
    document_hash: Sha256
    total: Money
    disputed: Money
    sent_on: date
    answer_by: date
    holds: bool  # whether silence holds the customer's orders, as policy was when it was sent
    edition_hash: str
    answers: tuple[ConfirmationAnswer, ...] = ()
    differences: tuple[Difference, ...] = ()

    @property
    def unanswered(self) -> tuple[str, ...]:
        """The documents of which nothing was said yet."""
        said = {number for answer in self.answers for number in answer.agreed}
        said |= {each.said.invoice_no for each in self.differences}
        return tuple(i.invoice_no for i in self.request.items if i.invoice_no not in said)

    @property
    def status(self) -> ConfirmationStatus:
        if self.unanswered:
            answered = self.answers or self.differences
            return ConfirmationStatus.PARTLY if answered else ConfirmationStatus.SENT
        if not self.differences:
            return ConfirmationStatus.CONFIRMED
        open_ = any(each.outcome is None for each in self.differences)
        return ConfirmationStatus.DIFFERING if open_ else ConfirmationStatus.SETTLED

    def overdue(self, on: date) -> bool:
        """Whether documents are unanswered after the last day to answer."""
        return on > self.answer_by and bool(self.unanswered)

    def holds_orders(self, on: date) -> bool:
        """Whether silence holds the customer's orders, as `confirmation_overdue`."""
        return self.holds and self.overdue(on)


class ConfirmationStart(Value):
    """A run over the book, or for the customers named, whose accounts are asked for as of a day."""

    offset_days: int = 0
    customer_ids: tuple[Id, ...] = ()
    as_of: date | None = None  # of the customers named; None: the last period's end
    page_size: int = Field(default=100, ge=1, le=1000)
    at: datetime | None = None  # carried over: the instant the run is as of
    after: Id | None = None  # carried over: the last customer looked at
    sent: int = 0  # carried over


class ConfirmationPage(Value):
    """One page of a run, as of the instant it began."""

    after: Id | None
    page_size: int
    customer_ids: tuple[Id, ...] = ()
    as_of: date | None = None
    at: datetime
    offset_days: int = 0


class ConfirmationTally(Value):
    """How many accounts a run sent."""

    sent: int


class ConfirmationPageDone(Value):
    """How far a run has come, and how many accounts the page sent; `after` is None at the end."""

    after: Id | None
    sent: int


def requests_of(
    customer_id: str, items: Iterable[OpenItem], as_of: date
) -> tuple[ConfirmationRequest, ...]:
    """What a customer is asked to confirm: a request a currency, its documents by due date."""
    by_currency: dict[str, list[ConfirmationItem]] = {}
    for item in items:
        invoice = item.invoice
        by_currency.setdefault(item.amount.currency, []).append(
            ConfirmationItem(
                invoice_no=invoice.invoice_no,
                issued_on=invoice.issued_on,
                due_on=invoice.due_on,
                amount=invoice.amount,
                paid=invoice.amount - item.amount,
                open=item.amount,
                disputed=invoice.disputed,
            )
        )
    return tuple(
        ConfirmationRequest(
            customer_id=customer_id, as_of=as_of, currency=currency, items=tuple(listed)
        )
        for currency, listed in sorted(by_currency.items())
    )


def said_twice(numbers: Sequence[str]) -> str | None:
    """The first document that is named more than once."""
    seen: set[str] = set()
    for number in numbers:
        if number in seen:
            return number
        seen.add(number)
    return None
