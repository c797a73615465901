"""Holds: why an order stands still, who has it in hand, and how it comes to go on."""

from fastapi import Response
from pydantic import AwareDatetime

from domain.hold import Hold, HoldRelease, HoldStatus, ManualHold, ReleaseWanted
from domain.identity import Id
from domain.value import Value
from web.api.pages import Cursor, Page, PageSize, after_instant, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.hold import CureWanted, HoldLift, HoldView, ReleaseView

router = stage("hold")


class Nothing(Value):
    """A request that says all by its address."""


@router.get("/holds")
def list_holds(
    asked: Asked,
    caller: Caller,
    status: HoldStatus | None = HoldStatus.OPEN,
    rule: str | None = None,
    owner: str | None = None,
    due_before: AwareDatetime | None = None,
    customer_id: Id | None = None,
    line_id: Id | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[Hold]:
    """Holds, the one due first at the head; the open ones, unless a status is named."""
    found = asked.holds.list_holds(
        caller,
        status=status,
        rule=rule,
        owner=owner,
        due_before=due_before,
        customer_id=customer_id,
        line_id=line_id,
        after=after_instant(cursor),
        page_size=page_size + 1,
    )
    return page_of(found, page_size, lambda each: (each.due_at, each.hold_id))


@router.post("/holds", status_code=201)
def set_hold(write: Writing, body: ManualHold) -> Hold:
    """Hold an order, a customer or a line by hand; it goes by another's word alone."""
    return write.asked.holds.set_hold(write.caller, body, write.key)


@router.get("/holds/{hold_id}")
def read_hold(asked: Asked, caller: Caller, hold_id: Id) -> HoldView:
    """A hold: every reason then and now, what would cure it, and what was done about it."""
    return asked.holds.read(caller, hold_id)


@router.post("/holds/{hold_id}/take", status_code=201, response_model=Hold)
def take_hold(write: Writing, hold_id: Id) -> Response:
    """Take a hold in hand."""
    return write.once(201, Nothing(), lambda: write.asked.holds.take(write.caller, hold_id))


@router.post("/holds/{hold_id}/lift", status_code=201)
def lift_hold(write: Writing, hold_id: Id, body: HoldLift) -> Hold:
    """Lift a hold set by hand."""
    return write.asked.holds.lift(write.caller, hold_id, body)


@router.post("/holds/{hold_id}/cure", status_code=201)
def cure_hold(write: Writing, hold_id: Id, body: CureWanted) -> HoldView:
    """Do what a cure names: cut the order, take the approved terms, or record the payment."""
    return write.asked.holds.apply_cure(write.caller, hold_id, body, write.key)


@router.post("/holds/{hold_id}/releases", status_code=201, response_model=HoldRelease)
def ask_release(write: Writing, hold_id: Id, body: ReleaseWanted) -> Response:
    """Ask that an order go on past what holds it; others decide."""
    holds = write.asked.holds
    return write.once(201, body, lambda: holds.ask_release(write.caller, hold_id, body, write.key))


@router.get("/hold-releases/{release_id}")
def read_release(asked: Asked, caller: Caller, release_id: Id) -> ReleaseView:
    """A release that was asked for: who is asked, and what they said."""
    return asked.holds.read_release(caller, release_id)
