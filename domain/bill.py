"""Bills (票据): what customers pay with before they pay, and what became of each.

A bill takes its invoices out of what is open while it runs; it has paid them when it is honoured, and
has never paid them once it is refused. Whether it frees a line before is `policies/bill.py`.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from domain.errors import (
    AmountNotPositive,
    CurrencyMismatch,
    DateInFuture,
    FieldUnreadable,
    OutOfOrder,
)
from domain.identity import Id
from domain.money import Money, money_sum
from domain.receivable import DocumentNo, Payment
from domain.value import Value

BILL_REFUSED = "bill_refused"  # the rule of the warning


class BillKind(StrEnum):
    BANK_ACCEPTANCE = "bank_acceptance"  # 银行承兑汇票
    COMMERCIAL_ACCEPTANCE = "commercial_acceptance"  # 商业承兑汇票


class BillPart(Value):
    """What the bill pays of one invoice."""

    invoice_no: str = DocumentNo
    amount: Money

    @model_validator(mode="after")
    def _pays(self) -> Self:
        if self.amount.minor <= 0:
            raise AmountNotPositive(amount=self.amount)
        return self


class BillContent(Value):
    """What a bill says, and which invoices of the customer it was given for, all of it."""

    bill_no: str = DocumentNo
    kind: BillKind
    acceptor: Id
    acceptor_class: str = Field(default="", max_length=64)
    drawer: str = Field(min_length=1, max_length=200)
    amount: Money
    received_on: date
    due_on: date
    invoices: tuple[BillPart, ...] = Field(min_length=1, max_length=1000)
    evidence_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    line_id: Id | None = None  # whose use it repays

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.due_on < self.received_on:
            raise FieldUnreadable(
                column="due_on", expected="received_on or later", expected_zh="收票日或之后的日期"
            )
        for part in self.invoices:
            if part.amount.currency != self.amount.currency:
                raise CurrencyMismatch(first=part.amount.currency, second=self.amount.currency)
        numbers = {part.invoice_no for part in self.invoices}
        total = money_sum((part.amount for part in self.invoices), self.amount.currency)
        if total != self.amount or len(numbers) != len(self.invoices):
            raise FieldUnreadable(
                column="invoices",
                expected="each invoice once, together the amount of the bill",
                expected_zh="每张发票一次，合计等于票面金额",
            )
        return self


class BillEventKind(StrEnum):
    ENDORSED = "endorsed"  # 背书
    DISCOUNTED = "discounted"  # 贴现
    HONOURED = "honoured"  # 承兑付款
    REFUSED = "refused"  # 拒付


class BillEventContent(Value):
    """What became of a bill; `recourse` is whether its holder may come back to us."""

    event_no: str = DocumentNo
    kind: BillEventKind
    happened_on: date
    recourse: bool = True
    note: str = Field(default="", max_length=2000)


class BillEvent(BillEventContent):
    recorded_by: Id


class BillState(StrEnum):
    HELD = "held"
    CONTINGENT = "contingent"  # passed on, with recourse
    PASSED_ON = "passed_on"  # without
    HONOURED = "honoured"
    REFUSED = "refused"

    @property
    def runs(self) -> bool:
        """Whether it may still be refused to our loss."""
        return self in (BillState.HELD, BillState.CONTINGENT)


_FINAL = {
    BillEventKind.HONOURED: BillState.HONOURED,
    BillEventKind.REFUSED: BillState.REFUSED,
}


class Bill(BillContent):
    """A bill of one customer with all that happened to it, in order."""

    bill_id: Id
    customer_id: Id
    recorded_by: Id
    events: tuple[BillEvent, ...] = ()

    def state(self, on: date = date.max) -> BillState:
        """How it stands at the end of a day; as told today, whenever that was learnt."""
        state = BillState.HELD
        for event in self.events:
            if event.happened_on <= on:
                state = _after(event)
        return state

    @property
    def refused_on(self) -> date | None:
        return next(
            (each.happened_on for each in self.events if each.kind is BillEventKind.REFUSED), None
        )

    def with_event(self, event: BillEvent, business_on: date) -> "Bill":
        """With one thing more that happened to it; refuses what cannot follow what did."""
        if event.happened_on > business_on:
            raise DateInFuture(field="happened_on", date=event.happened_on, business_on=business_on)
        state = self.state()
        if not state.runs:
            raise OutOfOrder(reason="the bill is at its end")
        if state is BillState.CONTINGENT and event.kind not in _FINAL:
            raise OutOfOrder(reason="the bill was passed on already")
        if event.happened_on < max(
            (each.happened_on for each in self.events), default=self.received_on
        ):
            raise OutOfOrder(reason="something later is on record of the bill")
        return self.model_copy(update={"events": (*self.events, event)})

    def payments(self, on: date) -> tuple[Payment, ...]:
        """What it has paid as things stand at the end of a day: all from the day it was received,
        or nothing from the day it was refused."""
        if self.received_on > on or self.state(on) is BillState.REFUSED:
            return ()
        return tuple(
            Payment(
                customer_id=self.customer_id,
                payment_no=self.bill_no,
                invoice_no=part.invoice_no,
                paid_on=self.received_on,
                amount=part.amount,
            )
            for part in self.invoices
        )


def _after(event: BillEvent) -> BillState:
    if event.kind in _FINAL:
        return _FINAL[event.kind]
    return BillState.CONTINGENT if event.recourse else BillState.PASSED_ON


def paid_by_bills(bills: Iterable[Bill], on: date) -> tuple[Payment, ...]:
    """What bills have paid as things stand on a day."""
    return tuple(payment for bill in bills for payment in bill.payments(on))


def running(bills: Iterable[Bill], on: date, currency: str) -> Money:
    """What is owed by bills on a day (应收票据), held or contingent, in one currency."""
    return money_sum(
        (
            bill.amount
            for bill in bills
            if bill.amount.currency == currency and bill.received_on <= on and bill.state(on).runs
        ),
        currency,
    )
