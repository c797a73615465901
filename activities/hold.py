"""A release of a hold, by the word that grants or declines it and in the transaction of that word.

The order then goes on within the scope of the letter: what it takes is owed to the next look at
waiting orders, which moves the book.
"""

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from activities.order import Asked, wound_up
from domain.approval import Approval, ApprovalOutcome, DecisionRequest
from domain.calendar import business_on
from domain.check import Stage
from domain.contract import HoldReleaseTerms, Letter
from domain.edition import PolicyEdition
from domain.hold import (
    Hold,
    HoldRelease,
    HoldReleaseRequest,
    HoldReleaseStatus,
)
from domain.order import Order, OrderAct, OrderStatus
from policies.check import enters_on
from policies.scheme import exposure_of
from storage.approval import Letters
from storage.edition import Editions
from storage.hold import Holds
from storage.order import Orders
from storage.recheck import owe_recheck


def settle_hold_release(
    session: Session,
    approval: Approval,
    decision: DecisionRequest,
    edition: PolicyEdition,
    on: date,
) -> Letter:
    """The last word on a release: its letter, and the order goes on or ends with it.

    A hold that has gone meanwhile leaves the letter alone.
    """
    holds = Holds(session)
    request = holds.read_release(approval.request.subject_id).request
    approved = approval.outcome is ApprovalOutcome.APPROVED
    letter = _letter(session, request, approval, edition, on, approved=approved)
    order = Orders(session).read(request.order_id, for_update=True)
    hold = holds.read(request.hold_id, for_update=True)
    asked = Asked(decision.person_id, decision.at, on, decision.offset_days, cause=letter.letter_no)
    outcome = HoldReleaseStatus.OVERTAKEN
    if hold.open:
        outcome = HoldReleaseStatus.GRANTED if approved else HoldReleaseStatus.DECLINED
        end = _release if approved else _reject
        end(session, order, hold, request, asked)
        owe_recheck(session, f"release/{request.release_id}", "release", request.customer_id)
    holds.settle_release(
        request,
        outcome,
        at=decision.at,
        on=on,
        settled_by=decision.person_id,
        letter_no=letter.letter_no,
    )
    return letter


def lapse_hold_release(session: Session, approval: Approval, at: datetime) -> HoldRelease:
    """Nobody answered; the hold stands, and may be asked for again."""
    request = Holds(session).read_release(approval.request.subject_id).request
    on = business_on(at, approval.request.offset_days)
    return Holds(session).settle_release(request, HoldReleaseStatus.LAPSED, at=at, on=on)


def _release(
    session: Session, order: Order, hold: Hold, request: HoldReleaseRequest, asked: Asked
) -> None:
    released = hold.released(
        asked.by,
        request.reason_code,
        asked.at,
        asked.on,
        scope=request.scope,
        letter_no=asked.cause,
    )
    Holds(session).write(released, asked.by, asked.at)
    content, edition = order.content, Editions(session).read_current(asked.on)
    far = _enters_later(content.deliver_on, hold, edition, asked.on)
    said = {"hold_id": None, "released": request.scope, "enters_on": far}
    goes_on = order.model_copy(update=said)
    if far is not None:
        moves = goes_on.giving_back()
    else:
        exposure = exposure_of(content.amount, content.deposit, content.product, edition)
        moves = goes_on.covering(hold.line_id, exposure)
    if order.asked is not None:
        goes_on = goes_on.next()
    elif moves:
        goes_on = goes_on.asks(asked.asking(OrderAct.RELEASE, moves, stage=hold.stage))
    else:
        goes_on = goes_on.stands()
    _write(session, goes_on, asked)


def _enters_later(
    deliver_on: date | None, hold: Hold, edition: PolicyEdition, on: date
) -> date | None:
    """The day from which on the order counts, where that is a later one: it takes nothing until then."""
    if hold.stage in (Stage.DELIVERY, Stage.INVOICE):
        return None
    enters = enters_on(deliver_on, edition)
    return enters if enters is not None and enters > on else None


def _reject(
    session: Session, order: Order, hold: Hold, request: HoldReleaseRequest, asked: Asked
) -> None:
    rejected = hold.rejected(asked.by, request.reason_code, asked.at, asked.on, asked.cause)
    Holds(session).write(rejected, asked.by, asked.at)
    status = OrderStatus.CLOSED if order.delivered else OrderStatus.CANCELLED
    ends = order.without_hold().next() if order.asked is not None else None
    act = OrderAct.CLOSE if order.delivered else OrderAct.CANCEL
    _write(session, ends or wound_up(order, act, asked, status), asked, act)


def _write(session: Session, order: Order, asked: Asked, act: OrderAct = OrderAct.RELEASE) -> None:
    Orders(session).write(order, act, asked.by, asked.on, asked.at, note=asked.cause)


def _letter(
    session: Session,
    request: HoldReleaseRequest,
    approval: Approval,
    edition: PolicyEdition,
    on: date,
    *,
    approved: bool,
) -> Letter:
    letters = Letters(session)
    letter = Letter(
        letter_no=letters.next_no(on.year),
        case_id=request.release_id,
        approved=approved,
        terms=None,
        reason_codes=() if approved else ("approver_declined",),
        content_hash=approval.request.content_hash,
        decided_on=on,
        valid_until=min(
            request.scope.until, on + timedelta(days=edition.approval.letter_valid_days)
        )
        if approved
        else on,
        decided_by=approval.deciders,
        hold_release=HoldReleaseTerms(
            hold_id=request.hold_id,
            order_id=request.order_id,
            reason_code=request.reason_code,
            **request.scope.model_dump(),
        ),
    )
    letters.record(letter, request.release_id, request.customer_id)
    return letter
