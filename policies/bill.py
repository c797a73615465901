"""Bills: when one frees the line it repays, and what a refusal leads to."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from domain.bill import BILL_REFUSED, Bill, BillState
from domain.edition import PolicyEdition
from domain.warning import WarningSignal


def frees(bill: Bill, edition: PolicyEdition, on: date = date.max) -> bool:
    """Whether the bill repays its line as of a day: when nobody can come back to us for it, or at once
    where policy lists its acceptor by id or by class."""
    state = bill.state(on)
    if state in (BillState.HONOURED, BillState.PASSED_ON):
        return True
    listed = edition.bills.counts_at_once
    return state.runs and (bill.acceptor in listed or bill.acceptor_class in listed)


def refused_signal(
    unpaid: Sequence[Bill], on: date, edition: PolicyEdition
) -> tuple[WarningSignal, ...]:
    """One signal while an invoice of a refused bill is open."""
    refused = [(bill.refused_on, bill) for bill in unpaid if bill.refused_on is not None]
    if not refused:
        return ()
    since, oldest = min(refused, key=lambda each: (each[0], each[1].bill_id))
    return (
        WarningSignal(
            rule=BILL_REFUSED,
            level=edition.bills.level,
            figure="days_refused",
            value=Decimal((on - since).days),
            threshold=Decimal(0),
            edition_hash=edition.edition_hash,
            facts={
                "bill": oldest.bill_id,
                "acceptor": oldest.acceptor,
                "bills": str(len(refused)),
            },
        ),
    )
