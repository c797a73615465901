"""Uses with approval: the steps between asking and the book, each finished by whoever comes next.

The records say what is to become of a use, the book follows under a key of the use, and then the
records say that it has. A crash between any two leaves something owed, which the same request, the
approval or the run that sweeps makes up.
"""

from datetime import date, datetime

from sqlalchemy.orm import Session

from activities.exchange import Exchange
from domain.approval import Approval, ApprovalOutcome, ApprovalRequest, DecisionRequest, Subject
from domain.calendar import business_on
from domain.edition import PolicyEdition, UseRow
from domain.errors import CreditError, StaleContent
from domain.exposure import Movement
from domain.exposure import Use as UseOfLine
from domain.identity import SYSTEM
from domain.money import Money
from domain.notification import Channel
from domain.use import Use, UseMove, UseRequest, UseStatus
from domain.value import lasting_hash
from policies.use import marked, route_of_use, rows_for
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions
from storage.exposure import Accounts, Exposure
from storage.line import Lines
from storage.notification import Outbox
from storage.use import Uses


def finish_use(records: Records, exposure: Exposure, use_id: str, at: datetime) -> Use:
    """The use, once the book has done what it is owed; raises what a reservation is refused with."""
    use = _read(records, use_id)
    while (owed := use.owed) is not None:
        use = _STEPS[owed](records, exposure, use, at)
    return use


def find_marked(
    session: Session,
    line_id: str,
    product: str | None,
    amount: Money,
    edition: PolicyEdition,
    on: date,
) -> UseRow | None:
    """The row by which a use of a line is approved before it is had, or none; a use that names no
    product is of the line's own."""
    accounts = Accounts(session)
    if product is None:
        _, product = accounts.product_asked(line_id, None, amount.currency, on)
    rows = rows_for(product, edition)
    if not rows:
        return None
    first = any(row.first_use for row in rows) and not accounts.has_used(line_id)
    return marked(rows, Exchange(session, edition, on).reporting(amount), first=first)


def reserve_for(exposure: Exposure, asked: UseRequest) -> Movement:
    """The reservation of a use, or what it is refused with; the same however often it is asked."""
    return exposure.reserve(
        asked.line_id,
        asked.exposure,
        f"{asked.use_id}/reserve",
        business_on=asked.asked_on,
        posted_by=asked.asked_by,
        use=UseOfLine(
            product=asked.product,
            purpose=asked.purpose,
            nominal=asked.amount if asked.exposure != asked.amount else None,
            due_on=asked.due_on,
            deposit=asked.deposit,
        ),
    )


def sweep_uses(records: Records, exposure: Exposure, at: datetime, most: int) -> int:
    """Finish what was left half done, and let go of what waited too long; how many ended now."""
    with records.begin() as session:
        found = Uses(session).unfinished(at, most)
    return sum(_swept(records, exposure, use_id, at) for use_id in found)


def settle_use(session: Session, approval: Approval, decision: DecisionRequest, on: date) -> None:
    """The last word on a use: it goes to whoever releases, or gives back what it holds."""
    approved = approval.outcome is ApprovalOutcome.APPROVED
    Uses(session).take(
        approval.request.subject_id,
        UseStatus.APPROVED if approved else UseStatus.DECLINED,
        person_id=decision.person_id,
        at=decision.at,
        on=on,
        note=decision.note,
    )


def lapse_use(session: Session, approval: Approval, at: datetime) -> None:
    """Nobody answered; it may be asked for again."""
    use = Uses(session).read(approval.request.subject_id, for_update=True)
    if use.may_become(UseStatus.LAPSED):
        _lapse(session, use, at)


def refuse_settled(session: Session, approval: Approval) -> None:
    """Nothing, or `StaleContent` where the use waits for its approvers no more."""
    use_id = approval.request.subject_id
    if Uses(session).read(use_id, for_update=True).status is not UseStatus.ASKED:
        raise StaleContent(id=use_id)


def stop_approval(session: Session, use_id: str) -> None:
    """Owe its approvers the news that nobody needs to decide any more."""
    Outbox(session).post(
        Channel.TEMPORAL,
        f"{use_id}/stop",
        recipient=use_id,
        kind="signal_approval_stop",
        facts={"subject_id": use_id, "n": "1"},
    )


def _swept(records: Records, exposure: Exposure, use_id: str, at: datetime) -> bool:
    try:
        use = finish_use(records, exposure, use_id, at)
    except CreditError:
        return _read(records, use_id).status.ended
    if use.status.ended:
        return True
    if at <= use.request.wait_until:
        return False
    with records.begin() as session:
        now = Uses(session).read(use_id, for_update=True)
        if now.may_become(UseStatus.LAPSED):
            _lapse(session, now, at)
    return finish_use(records, exposure, use_id, at).status.ended


def _lapse(session: Session, use: Use, at: datetime) -> None:
    Uses(session).take(
        use.request.use_id,
        UseStatus.LAPSED,
        person_id=SYSTEM.person_id,
        at=at,
        on=business_on(at, use.request.offset_days),
    )
    if use.status is UseStatus.ASKED:
        stop_approval(session, use.request.use_id)


def _read(records: Records, use_id: str) -> Use:
    with records.begin() as session:
        return Uses(session).read(use_id)


# ── what the book does ───────────────────────────────────────────────────────────────────────────


def _reserve(records: Records, exposure: Exposure, use: Use, at: datetime) -> Use:
    """Without an end of its own: it holds until the use is decided, released or given back."""
    asked = use.request
    try:
        moved = reserve_for(exposure, asked)
    except CreditError as refused:
        with records.begin() as session:
            Uses(session).take(
                asked.use_id,
                UseStatus.REFUSED,
                person_id=SYSTEM.person_id,
                at=at,
                on=business_on(at, asked.offset_days),
                note=refused.code,
            )
        raise
    with records.begin() as session:
        uses = Uses(session)
        if uses.record_movement(asked.use_id, UseMove.RESERVE, moved.entry_id or "", at):
            _put_before(session, asked)
        return uses.read(asked.use_id)


def _commit(records: Records, exposure: Exposure, use: Use, at: datetime) -> Use:
    asked, released = use.request, use.steps[-1]
    moved = exposure.commit(
        asked.line_id,
        use.reservation_id or "",
        f"{asked.use_id}/commit",
        business_on=released.on,
        posted_by=released.person_id,
    )
    return _moved(records, use, UseMove.COMMIT, moved.entry_id or "", at)


def _give_back(records: Records, exposure: Exposure, use: Use, at: datetime) -> Use:
    asked, ended = use.request, use.steps[-1]
    moved = exposure.release(
        asked.line_id,
        use.reservation_id or "",
        f"{asked.use_id}/release",
        business_on=ended.on,
        posted_by=ended.person_id,
    )
    return _moved(records, use, UseMove.RELEASE, moved.entry_id or "", at)


def _moved(records: Records, use: Use, move: UseMove, entry_id: str, at: datetime) -> Use:
    with records.begin() as session:
        Uses(session).record_movement(use.request.use_id, move, entry_id, at)
        return Uses(session).read(use.request.use_id)


_STEPS = {UseMove.RESERVE: _reserve, UseMove.COMMIT: _commit, UseMove.RELEASE: _give_back}


def _put_before(session: Session, use: UseRequest) -> None:
    """Owe the approval that decides on it, with the reservation itself."""
    edition = Editions(session).read(use.edition_hash)
    line = Lines(session).read(use.line_id)
    row = next(each for each in edition.uses.rows if each.code == use.row)
    reporting = Exchange(session, edition, use.asked_on).reporting(use.amount)
    route = route_of_use(use, row, reporting, line.grade, edition)
    manager = Customers(session).read(use.customer_id).manager_id
    request = ApprovalRequest(
        subject=Subject.USE,
        subject_id=use.use_id,
        case_id=use.use_id,
        customer_id=use.customer_id,
        makers=tuple(dict.fromkeys((use.asked_by, manager))),
        steps=route.steps,
        aggregate=route.aggregate,
        grade=line.grade,
        content_hash=lasting_hash(use),
        edition_hash=edition.edition_hash,
        route_row=route.row,
        reasons=route.reasons,
        offset_days=use.offset_days,
    )
    Outbox(session).post(
        Channel.TEMPORAL,
        f"{use.use_id}/approval",
        recipient=use.use_id,
        kind="start_approval",
        facts={"request": request.model_dump_json()},
    )
