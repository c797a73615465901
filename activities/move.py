"""Limit moved between two lines by the word that approves it: both change in that transaction."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from activities.limit_change import change_limit, declined
from domain.approval import Approval, ApprovalOutcome, DecisionRequest
from domain.calendar import business_on
from domain.edition import PolicyEdition
from domain.errors import LineNotActive, OutOfOrder
from domain.line import CreditLine
from domain.move import Move, MoveRequest, MoveStatus
from policies.move import refuse_above_cap, refuse_unfree
from storage.exposure import Accounts
from storage.line import Lines
from storage.move import Moves


def settle_move(
    session: Session,
    approval: Approval,
    decision: DecisionRequest,
    edition: PolicyEdition,
    on: date,
) -> Move:
    """The last word on a move: a letter for each line, and both limits at once.

    An approval is refused where what was free is no more (`OverLimit`), a cap is in the way, or
    either line is not as it was: the task stays open, to be declined or approved later.
    """
    moves = Moves(session)
    request = moves.read(approval.request.subject_id).request
    if approval.outcome is not ApprovalOutcome.APPROVED:
        letter = declined(session, approval, edition, on)
        return moves.settle(
            request,
            MoveStatus.DECLINED,
            at=decision.at,
            on=on,
            settled_by=decision.person_id,
            letters=(letter.letter_no,),
        )
    ids = sorted((request.source_id, request.target_id))
    lines = {line_id: Lines(session).read(line_id, for_update=True) for line_id in ids}
    Accounts(session).hold_lines(ids)
    source, target = lines[request.source_id], lines[request.target_id]
    _refuse_changed(request, source, target)
    refuse_unmovable(session, request, source, target, on)
    letters = [
        change_limit(session, line, limit, "move", approval, edition, at=decision.at, on=on)
        for line, limit in ((source, request.source_after), (target, request.target_after))
    ]
    return moves.settle(
        request,
        MoveStatus.MOVED,
        at=decision.at,
        on=on,
        settled_by=decision.person_id,
        letters=[letter.letter_no for letter in letters],
    )


def lapse_move(session: Session, approval: Approval, at: datetime) -> Move:
    """Nobody answered; both lines stay as they are, and the move may be asked for again."""
    request = Moves(session).read(approval.request.subject_id).request
    on = business_on(at, approval.request.offset_days)
    return Moves(session).settle(request, MoveStatus.LAPSED, at=at, on=on)


def refuse_unmovable(
    session: Session, request: MoveRequest, source: CreditLine, target: CreditLine, on: date
) -> None:
    """Nothing, or why the amount cannot move now: a line that has ended or has a temporary limit,
    what is reserved or used of it (`OverLimit`), or the cap of the customer that gains."""
    for line in (source, target):
        if line.status.ended or line.closing:
            raise LineNotActive(line_id=line.line_id, status=line.status)
        if line.temporary_until is not None:
            raise OutOfOrder(reason="a temporary limit stands on one of the lines")
    accounts = Accounts(session)
    balance = accounts.find_balance("line", source.line_id, source.limit.currency, on)
    assert balance is not None, "a line in force has an account"
    refuse_unfree(request.amount, balance)
    caps = accounts.caps("customer", target.customer_id)
    refuse_above_cap(request.target_after, [each for each, _ in caps])


def _refuse_changed(request: MoveRequest, source: CreditLine, target: CreditLine) -> None:
    known = (request.source_letter_no, request.source_limit)
    gaining = (request.target_letter_no, request.target_limit)
    if (source.letter_no, source.limit) != known or (target.letter_no, target.limit) != gaining:
        raise OutOfOrder(reason="the line was changed by something else meanwhile")
