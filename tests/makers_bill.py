"""Ordinary bills."""

from datetime import date, timedelta

from domain.bill import Bill, BillEvent, BillEventKind, BillKind, BillPart
from domain.money import Money

DAY = date(2025, 6, 30)


def cny(minor: int) -> Money:
    return Money(minor=minor, currency="CNY")


def a_bill(
    bill_no: str = "B-1",
    parts: tuple[tuple[str, int], ...] = (("A-1", 100),),
    *,
    received: int = 0,
    evidence_hash: str = "a" * 64,
    customer_id: str = "c-1",
) -> Bill:
    """A bank acceptance received on the day and due in half a year; days count from `DAY`."""
    return Bill(
        bill_id=f"bill-{bill_no}",
        customer_id=customer_id,
        recorded_by="release",
        bill_no=bill_no,
        kind=BillKind.BANK_ACCEPTANCE,
        acceptor="acceptor-1",
        acceptor_class="state_bank",
        drawer="Quiet Harbour Foods",
        amount=cny(sum(minor for _, minor in parts)),
        received_on=DAY + timedelta(days=received),
        due_on=DAY + timedelta(days=received + 180),
        invoices=tuple(BillPart(invoice_no=no, amount=cny(minor)) for no, minor in parts),
        evidence_hash=evidence_hash,
    )


def an_event(
    kind: BillEventKind, *, days: int = 0, recourse: bool = True, no: str = "e-1"
) -> BillEvent:
    return BillEvent(
        event_no=no,
        kind=kind,
        happened_on=DAY + timedelta(days=days),
        recourse=recourse,
        recorded_by="release",
    )
