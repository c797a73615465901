"""Holds and their events, and the requests to release them. A hold's row is its newest event's."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import HoldReleasePending, KeyReused, NotFound, OutOfOrder
from domain.event import Event, HoldEnded, HoldOpened
from domain.hold import (
    Hold,
    HoldEvent,
    HoldOn,
    HoldRelease,
    HoldReleaseRequest,
    HoldReleaseStatus,
    HoldStatus,
)
from storage.base import Row, table_of
from storage.customer import of_customer, owned_by
from storage.event import Events


class HoldRow(Row):
    __tablename__ = "order_hold"

    hold_id: Mapped[str] = mapped_column(primary_key=True)
    holds: Mapped[str]
    subject_id: Mapped[str]
    customer_id: Mapped[str]
    line_id: Mapped[str | None]
    manual: Mapped[bool]
    set_by: Mapped[str]
    status: Mapped[str]
    ended_by: Mapped[str | None]
    owner: Mapped[str]
    due_at: Mapped[datetime]
    review_on: Mapped[date]
    opened_at: Mapped[datetime]
    rules: Mapped[list[str]]
    offset_days: Mapped[int]
    version: Mapped[int]
    body: Mapped[dict[str, Any]]


class HoldEventRow(Row):
    __tablename__ = "hold_event"

    hold_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    acted_by: Mapped[str]
    acted_at: Mapped[datetime]
    body: Mapped[dict[str, Any]]


class HoldReleaseRow(Row):
    __tablename__ = "hold_release"

    release_id: Mapped[str] = mapped_column(primary_key=True)
    hold_id: Mapped[str]
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    asked_on: Mapped[date]
    request: Mapped[dict[str, Any]]


class HoldSettlementRow(Row):
    __tablename__ = "hold_release_settlement"

    release_id: Mapped[str] = mapped_column(primary_key=True)
    asked_by: Mapped[str]
    outcome: Mapped[str]
    settled_by: Mapped[str | None]
    letter_no: Mapped[str | None]
    settled_on: Mapped[date]
    settled_at: Mapped[datetime]


class Holds:
    """Holds, as they are and as they came to be."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(self, hold_id: str, *, for_update: bool = False) -> Hold:
        query = select(HoldRow.body).where(HoldRow.hold_id == hold_id)
        body = self._session.scalar(query.with_for_update() if for_update else query)
        if body is None:
            raise NotFound(kind="hold", id=hold_id)
        return Hold.model_validate(body)

    def find(self, hold_id: str) -> Hold | None:
        body = self._session.scalar(select(HoldRow.body).where(HoldRow.hold_id == hold_id))
        return None if body is None else Hold.model_validate(body)

    def standing(self, customer_id: str, line_ids: Iterable[str] = ()) -> Sequence[Hold]:
        """The holds that stand on a customer itself and on its lines, oldest first."""
        rows = self._session.scalars(
            select(HoldRow.body)
            .where(
                of_customer(HoldRow.customer_id, customer_id),
                HoldRow.status == HoldStatus.OPEN,
                HoldRow.holds != HoldOn.ORDER,
            )
            .order_by(HoldRow.opened_at)
        )
        return [Hold.model_validate(body) for body in rows]

    def list_page(
        self,
        *,
        page_size: int = 50,
        after: tuple[datetime, str] | None = None,
        status: HoldStatus | None = HoldStatus.OPEN,
        rule: str | None = None,
        owner: str | None = None,
        due_before: datetime | None = None,
        customer_id: str | None = None,
        line_id: str | None = None,
        subject_id: str | None = None,
        manager_id: str | None = None,
    ) -> Sequence[Hold]:
        """The one due first at the head; `after` is the `(due_at, hold_id)` of the last one seen."""
        conditions = self._conditions(
            status, rule, owner, due_before, customer_id, line_id, subject_id, manager_id
        )
        if after is not None:
            conditions.append(tuple_(HoldRow.due_at, HoldRow.hold_id) > after)
        rows = self._session.scalars(
            select(HoldRow.body)
            .where(*conditions)
            .order_by(HoldRow.due_at, HoldRow.hold_id)
            .limit(page_size)
        )
        return [Hold.model_validate(body) for body in rows]

    def count_open(
        self,
        *,
        customer_id: str | None = None,
        line_id: str | None = None,
        manager_id: str | None = None,
    ) -> int:
        conditions = self._conditions(
            HoldStatus.OPEN, None, None, None, customer_id, line_id, None, manager_id
        )
        return self._session.scalar(select(func.count()).where(*conditions)) or 0

    def owners(self, manager_id: str | None = None) -> Sequence[str]:
        """Who has open holds in hand."""
        conditions = self._conditions(
            HoldStatus.OPEN, None, None, None, None, None, None, manager_id
        )
        query = select(HoldRow.owner).where(*conditions).distinct().order_by(HoldRow.owner)
        return list(self._session.scalars(query))

    def rules(self, manager_id: str | None = None) -> Sequence[str]:
        """Which rules open holds are for."""
        conditions = self._conditions(
            HoldStatus.OPEN, None, None, None, None, None, None, manager_id
        )
        rule = func.jsonb_array_elements_text(HoldRow.rules).label("rule")
        return list(
            self._session.scalars(select(rule).where(*conditions).distinct().order_by(rule))
        )

    def events(self, hold_id: str) -> Sequence[HoldEvent]:
        """Every version of a hold, oldest first."""
        rows = self._session.scalars(
            select(HoldEventRow)
            .where(HoldEventRow.hold_id == hold_id)
            .order_by(HoldEventRow.version)
        )
        return [
            HoldEvent(
                hold_id=row.hold_id,
                version=row.version,
                by=row.acted_by,
                at=row.acted_at,
                hold=Hold.model_validate(row.body),
            )
            for row in rows
        ]

    def write(self, hold: Hold, by: str, at: datetime) -> Hold:
        """The next version of a hold that was read for update, or its first, with its event.

        A hold of the same id that says the same is that hold; `KeyReused` where it says other.
        """
        columns = _columns(hold)
        if hold.version == 1:
            written = self._session.scalar(
                insert(table_of(HoldRow))
                .values(**columns)
                .on_conflict_do_nothing(index_elements=["hold_id"])
                .returning(HoldRow.hold_id)
            )
            if written is None:
                return self._repeated(hold)
        else:
            written = self._session.scalar(
                update(HoldRow)
                .where(HoldRow.hold_id == hold.hold_id, HoldRow.version == hold.version - 1)
                .values(**columns)
                .returning(HoldRow.hold_id)
                .execution_options(synchronize_session=False)
            )
            if written is None:
                raise OutOfOrder(reason="the hold was changed by something else meanwhile")
        self._session.execute(
            insert(table_of(HoldEventRow)).values(
                hold_id=hold.hold_id,
                version=hold.version,
                acted_by=by,
                acted_at=at,
                body=hold.model_dump(mode="json"),
            )
        )
        told = _told(hold)
        if told is not None:
            Events(self._session).post(told, f"{hold.hold_id}/{hold.version}")
        return hold

    def _repeated(self, hold: Hold) -> Hold:
        first = self._session.get_one(HoldEventRow, (hold.hold_id, 1))
        said = Hold.model_validate(first.body)
        if (said.subject_id, said.reason_code, said.note, said.set_by) != (
            hold.subject_id,
            hold.reason_code,
            hold.note,
            hold.set_by,
        ):
            raise KeyReused(key=hold.hold_id)
        return self.read(hold.hold_id)

    def _conditions(
        self,
        status: HoldStatus | None,
        rule: str | None,
        owner: str | None,
        due_before: datetime | None,
        customer_id: str | None,
        line_id: str | None,
        subject_id: str | None,
        manager_id: str | None,
    ) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        for column, wanted in (
            (HoldRow.status, status),
            (HoldRow.owner, owner),
            (HoldRow.subject_id, subject_id),
        ):
            if wanted is not None:
                conditions.append(column == wanted)
        if rule is not None:
            conditions.append(HoldRow.rules.contains([rule]))
        if due_before is not None:
            conditions.append(HoldRow.due_at < due_before)
        if customer_id is not None:
            conditions.append(of_customer(HoldRow.customer_id, customer_id))
        if line_id is not None:
            on_line = and_(HoldRow.holds == HoldOn.LINE, HoldRow.subject_id == line_id)
            conditions.append(or_(HoldRow.line_id == line_id, on_line))
        if manager_id is not None:
            conditions.append(owned_by(HoldRow.customer_id, manager_id))
        return conditions

    # ── releases asked for ───────────────────────────────────────────────────────────────────────

    def ask_release(self, request: HoldReleaseRequest) -> HoldRelease:
        """Put a request on record; the same again, whenever, is that one. Of a hold one waits at a
        time: refuses `HoldReleasePending`, and `KeyReused`."""
        for each in self.releases(request.hold_id):
            pending = each.status is HoldReleaseStatus.PENDING
            if pending and each.request.release_id != request.release_id:
                raise HoldReleasePending(
                    release_id=each.request.release_id, hold_id=request.hold_id
                )
        self._session.execute(
            insert(table_of(HoldReleaseRow))
            .values(
                release_id=request.release_id,
                hold_id=request.hold_id,
                asked_by=request.asked_by,
                asked_at=request.asked_at,
                asked_on=request.asked_on,
                request=request.model_dump(mode="json"),
            )
            .on_conflict_do_nothing()
        )
        on_record = self.read_release(request.release_id)
        when = {"asked_at": request.asked_at, "asked_on": request.asked_on}
        if on_record.request.model_copy(update=when) != request:
            raise KeyReused(key=request.release_id)
        return on_record

    def settle_release(
        self,
        request: HoldReleaseRequest,
        outcome: HoldReleaseStatus,
        *,
        at: datetime,
        on: date,
        settled_by: str | None = None,
        letter_no: str | None = None,
    ) -> HoldRelease:
        """Say how it ended, once."""
        self._session.execute(
            insert(table_of(HoldSettlementRow))
            .values(
                release_id=request.release_id,
                asked_by=request.asked_by,
                outcome=outcome.value,
                settled_by=settled_by,
                letter_no=letter_no,
                settled_on=on,
                settled_at=at,
            )
            .on_conflict_do_nothing(index_elements=["release_id"])
        )
        return self.read_release(request.release_id)

    def read_release(self, release_id: str) -> HoldRelease:
        found = next(iter(self._releases(HoldReleaseRow.release_id == release_id)), None)
        if found is None:
            raise NotFound(kind="hold release", id=release_id)
        return found

    def releases(self, hold_id: str) -> Sequence[HoldRelease]:
        """Every release that was asked for of a hold, newest first."""
        return self._releases(HoldReleaseRow.hold_id == hold_id)

    def _releases(self, condition: ColumnElement[bool]) -> list[HoldRelease]:
        rows = self._session.execute(
            select(HoldReleaseRow, HoldSettlementRow)
            .outerjoin(HoldSettlementRow, HoldSettlementRow.release_id == HoldReleaseRow.release_id)
            .where(condition)
            .order_by(HoldReleaseRow.asked_at.desc())
            .execution_options(populate_existing=True)
        )
        return [_release(row, settlement) for row, settlement in rows]


def _columns(hold: Hold) -> dict[str, Any]:
    rules = sorted({each.rule for each in hold.reasons_now or hold.reasons})
    return {
        "hold_id": hold.hold_id,
        "holds": hold.holds.value,
        "subject_id": hold.subject_id,
        "customer_id": hold.customer_id,
        "line_id": hold.line_id,
        "manual": hold.manual,
        "set_by": hold.set_by,
        "status": hold.status.value,
        "ended_by": hold.ended_by,
        "owner": hold.owner,
        "due_at": hold.due_at,
        "review_on": hold.review_on,
        "opened_at": hold.opened_at,
        "rules": rules or [hold.reason_code],
        "offset_days": hold.offset_days,
        "version": hold.version,
        "body": hold.model_dump(mode="json"),
    }


def _release(row: HoldReleaseRow, settlement: HoldSettlementRow | None) -> HoldRelease:
    request = HoldReleaseRequest.model_validate(row.request)
    if settlement is None:
        return HoldRelease(request=request)
    return HoldRelease(
        request=request,
        status=HoldReleaseStatus(settlement.outcome),
        settled_by=settlement.settled_by,
        settled_on=settlement.settled_on,
        letter_no=settlement.letter_no,
    )


def _told(hold: Hold) -> Event | None:
    """What other programs hear of this version of a hold: that it stands, or that it has ended."""
    on_order = hold.holds is HoldOn.ORDER
    whose = {
        "customer_id": hold.customer_id,
        "hold_id": hold.hold_id,
        "holds": hold.holds,
        "order_id": hold.subject_id if on_order else None,
        "line_id": hold.line_id,
    }
    if hold.version == 1:
        return HoldOpened(
            **whose,
            rules=tuple(dict.fromkeys(each.code for each in hold.reasons)),
            manual=hold.manual,
            reason_code=hold.reason_code,
            review_on=hold.review_on,
        )
    if hold.open:
        return None
    assert hold.ended_on is not None
    return HoldEnded(**whose, status=hold.status, letter_no=hold.letter_no, ended_on=hold.ended_on)
