"""Late interest: what overdue invoices bear, what is charged of it, and what is waived."""

from datetime import date

from fastapi import Response
from pydantic import Field

from domain.identity import Id
from domain.late import LateEntry, LateWaiver
from domain.money import Money
from domain.value import Value
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.late import LateAccount, LateCharges

router = stage("late interest")


class Charging(Value):
    period_end_on: date  # the last day of a month


class WaiverWanted(Value):
    entry_id: Id  # of the charge
    amount: Money
    reason: str = Field(min_length=1, max_length=2000)


class WaiverAnswer(Value):
    granted: bool
    note: str = Field(default="", max_length=2000)


class Reversing(Value):
    reason: str = Field(min_length=1, max_length=2000)


@router.get("/customers/{customer_id}/late-interest")
def read_late_interest(
    asked: Asked, caller: Caller, customer_id: Id, as_of: date | None = None
) -> LateAccount:
    """What overdue invoices have borne by a day, and what was charged, waived and put back."""
    return asked.late.read(caller, customer_id, as_of)


@router.post("/customers/{customer_id}/late-interest/charges", response_model=LateCharges)
def charge(write: Writing, customer_id: Id, body: Charging) -> Response:
    """Charge what accrued by a month's end and was not charged yet; again, nothing."""
    return write.once(
        200,
        body,
        lambda: write.asked.late.charge(write.caller, customer_id, body.period_end_on),
    )


@router.post(
    "/customers/{customer_id}/late-interest/waivers", status_code=201, response_model=LateWaiver
)
def ask_waiver(write: Writing, customer_id: Id, body: WaiverWanted) -> Response:
    """Ask that a charge, or a part of it, be waived; somebody else grants it."""
    return write.once(
        201,
        body,
        lambda: write.asked.late.ask_waiver(
            write.caller, customer_id, body.entry_id, body.amount, body.reason
        ),
    )


@router.post("/late-interest/waivers/{waiver_id}/answer", response_model=LateAccount)
def answer_waiver(write: Writing, waiver_id: Id, body: WaiverAnswer) -> Response:
    """Grant a waiver that another asked for, or say why not; the charge stays as it is."""
    return write.once(
        200,
        body,
        lambda: write.asked.late.answer_waiver(
            write.caller, waiver_id, granted=body.granted, note=body.note
        ),
    )


@router.post(
    "/late-interest/entries/{entry_id}/reversal", status_code=201, response_model=LateEntry
)
def reverse(write: Writing, entry_id: Id, body: Reversing) -> Response:
    """Put back what was waived, by a further entry."""
    return write.once(
        201, body, lambda: write.asked.late.reverse(write.caller, entry_id, body.reason)
    )
