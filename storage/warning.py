"""Warnings raised on customers, and how far each look at the book has come.

A rule warns of a customer once while it fires; a repeat only says that it was seen again.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.assessment import PaymentRecord
from domain.errors import NotFound
from domain.warning import (
    MonitoringRun,
    MonitoringTally,
    RaisedWarning,
    WarningLevel,
    WarningSignal,
    WarningStatus,
)
from storage.base import Row, recorded_at


class WarningRow(Row):
    __tablename__ = "warning"

    warning_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    rule: Mapped[str]
    level: Mapped[str]
    freezes: Mapped[bool]
    signal: Mapped[dict[str, Any]]
    evidence: Mapped[dict[str, Any]]
    owner: Mapped[str]
    status: Mapped[str]
    raised_on: Mapped[date]
    seen_on: Mapped[date]
    closed_on: Mapped[date | None]
    close_code: Mapped[str]
    lifted_on: Mapped[date | None]


class MonitoringRunRow(Row):
    __tablename__ = "monitoring_run"

    run_id: Mapped[str] = mapped_column(primary_key=True)
    business_on: Mapped[date]
    partial: Mapped[bool]
    tally: Mapped[dict[str, Any]]
    pages: Mapped[int]
    after: Mapped[str | None]
    finished: Mapped[bool]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class Warnings:
    """Signals on record, open and closed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, warning: RaisedWarning) -> tuple[RaisedWarning, bool]:
        """Write a new warning unless one of its rule is open; that one, and whether it is new."""
        written = self._session.scalar(
            insert(WarningRow)
            .values(
                warning_id=warning.warning_id,
                customer_id=warning.customer_id,
                rule=warning.signal.rule,
                level=warning.signal.level,
                freezes=warning.signal.freeze,
                signal=warning.signal.model_dump(mode="json"),
                evidence=warning.evidence.model_dump(mode="json"),
                owner=warning.owner,
                status=warning.status,
                raised_on=warning.raised_on,
                seen_on=warning.seen_on,
                close_code="",
            )
            .on_conflict_do_nothing()
            .returning(WarningRow.warning_id)
        )
        held = self._session.scalar(
            select(WarningRow).where(
                WarningRow.customer_id == warning.customer_id,
                WarningRow.rule == warning.signal.rule,
                WarningRow.status == WarningStatus.OPEN,
            )
        )
        assert held is not None, "a warning that could not be written is open"
        return _warning(held), written is not None

    def record_seen(self, warning_ids: Sequence[str], on: date) -> None:
        """The rules fired again."""
        self._session.execute(
            update(WarningRow)
            .where(WarningRow.warning_id.in_(warning_ids), WarningRow.seen_on < on)
            .values(seen_on=on)
        )

    def close(self, warning_id: str, *, on: date, close_code: str) -> None:
        """The rule no longer fires, or a person says that it was for nothing."""
        self._session.execute(
            update(WarningRow)
            .where(WarningRow.warning_id == warning_id, WarningRow.status == WarningStatus.OPEN)
            .values(status=WarningStatus.CLOSED, closed_on=on, close_code=close_code)
        )

    def record_lifted(self, warning_ids: Sequence[str], on: date) -> None:
        """The freezes of these closed warnings are lifted."""
        self._session.execute(
            update(WarningRow)
            .where(
                WarningRow.warning_id.in_(warning_ids),
                WarningRow.status == WarningStatus.CLOSED,
                WarningRow.lifted_on.is_(None),
            )
            .values(lifted_on=on)
        )

    def find_open(self, customer_id: str) -> tuple[RaisedWarning, ...]:
        """What is open on a customer, the oldest first."""
        return self._of(customer_id, WarningRow.status == WarningStatus.OPEN)

    def find_unlifted(self, customer_id: str) -> tuple[RaisedWarning, ...]:
        """Closed warnings whose freeze still holds."""
        return self._of(
            customer_id,
            WarningRow.status == WarningStatus.CLOSED,
            WarningRow.freezes,
            WarningRow.lifted_on.is_(None),
        )

    def find_since(self, customer_id: str, since: date) -> tuple[RaisedWarning, ...]:
        """What was raised on a customer on or after a day."""
        return self._of(customer_id, WarningRow.raised_on >= since)

    def read(self, warning_id: str) -> RaisedWarning:
        row = self._session.get(WarningRow, warning_id)
        if row is None:
            raise NotFound(kind="warning", id=warning_id)
        return _warning(row)

    def find_page(
        self,
        *,
        before: str | None = None,
        page_size: int = 50,
        status: WarningStatus | None = None,
        level: WarningLevel | None = None,
        customer_id: str | None = None,
        manager_id: str | None = None,
    ) -> list[RaisedWarning]:
        """The newest first; ids sort by time."""
        query = select(WarningRow).order_by(WarningRow.warning_id.desc()).limit(page_size)
        if before is not None:
            query = query.where(WarningRow.warning_id < before)
        if status is not None:
            query = query.where(WarningRow.status == status)
        if level is not None:
            query = query.where(WarningRow.level == level)
        if customer_id is not None:
            query = query.where(WarningRow.customer_id == customer_id)
        if manager_id is not None:
            owned = text("SELECT customer_id FROM customer WHERE manager_id = :manager_id")
            query = query.where(
                WarningRow.customer_id.in_(
                    owned.bindparams(manager_id=manager_id).columns(WarningRow.customer_id)
                )
            )
        return [_warning(row) for row in self._session.scalars(query)]

    def counts(self) -> dict[WarningLevel, int]:
        """How many warnings are open at each level."""
        rows = self._session.execute(
            select(WarningRow.level, func.count())
            .where(WarningRow.status == WarningStatus.OPEN)
            .group_by(WarningRow.level)
        )
        found = {WarningLevel(level): count for level, count in rows}
        return {level: found.get(level, 0) for level in WarningLevel}

    def _of(self, customer_id: str, *conditions: Any) -> tuple[RaisedWarning, ...]:
        rows = self._session.scalars(
            select(WarningRow)
            .where(WarningRow.customer_id == customer_id, *conditions)
            .order_by(WarningRow.warning_id)
        )
        return tuple(_warning(row) for row in rows)


class Book:
    """Whom a look at the book has to look at."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find_page(
        self, as_of: date, *, after: str | None, page_size: int, watched_only: bool = False
    ) -> list[str]:
        """Customers by id, from above `after`, of whom anything may have to be decided.

        They are watched (an open warning or collection case, or a freeze that a warning left), or
        they have a line in force or an invoice unpaid past its due date.
        """
        page: dict[str, Any] = {"after": after or "", "page_size": page_size}
        if watched_only:
            rows = self._session.execute(_WATCHED, page)
        else:
            rows = self._session.execute(_BOOK, page | {"as_of": as_of})
        return [customer_id for (customer_id,) in rows]

    def is_watched(self, customer_id: str | None = None) -> bool:
        """Whether a payment of the customer, or of anybody, may close, lift or end anything."""
        found = self._session.scalar(_ANY_WATCHED, {"customer_id": customer_id})
        return found is not None

    def lock(self, customer_id: str) -> bool:
        """Hold a customer until the transaction ends; False where there is none."""
        found = self._session.scalar(
            text("SELECT 1 FROM customer WHERE customer_id = :customer_id FOR NO KEY UPDATE"),
            {"customer_id": customer_id},
        )
        return found is not None


_OPEN = """
    EXISTS (SELECT 1 FROM warning w WHERE w.customer_id = c.customer_id
            AND (w.status = 'open' OR (w.freezes AND w.lifted_on IS NULL)))
    OR EXISTS (SELECT 1 FROM collection_case k WHERE k.customer_id = c.customer_id
            AND k.status = 'open')
"""
_PAGE = "SELECT c.customer_id FROM customer c WHERE c.customer_id > :after AND ({})"
_IN_ORDER = " ORDER BY c.customer_id LIMIT :page_size"
_WATCHED = text(_PAGE.format(_OPEN) + _IN_ORDER)
_ANY_WATCHED = text(
    "SELECT 1 FROM customer c"
    " WHERE (CAST(:customer_id AS text) IS NULL OR c.customer_id = :customer_id)"
    f" AND ({_OPEN}) LIMIT 1"
)
_BOOK = text(
    _PAGE.format(
        _OPEN
        + """
    OR EXISTS (SELECT 1 FROM credit_line l WHERE l.customer_id = c.customer_id
            AND l.status IN ('active', 'frozen', 'collect_only'))
    OR EXISTS (SELECT 1 FROM invoice i WHERE i.customer_id = c.customer_id
            AND i.due_on < :as_of AND i.issued_on <= :as_of
            AND i.amount_minor > (SELECT coalesce(sum(p.amount_minor), 0) FROM payment p
                WHERE p.customer_id = i.customer_id AND p.invoice_no = i.invoice_no
                AND p.paid_on <= :as_of))
    """
    )
    + _IN_ORDER
)


class MonitoringRuns:
    """How far each look has come, and what it came to."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, run_id: str) -> MonitoringRun | None:
        row = self._session.get(MonitoringRunRow, run_id, populate_existing=True)
        return _run(row) if row is not None else None

    def record_page(
        self,
        run_id: str,
        *,
        on: date,
        partial: bool,
        after: str | None,
        up_to: str | None,
        tally: MonitoringTally,
    ) -> MonitoringRun:
        """Add the page that begins `after` a customer; without `up_to` the look is finished.

        A page that was added before is not added again.
        """
        self._session.execute(
            insert(MonitoringRunRow)
            .values(
                run_id=run_id,
                business_on=on,
                partial=partial,
                tally=MonitoringTally().model_dump(mode="json"),
                pages=0,
                finished=False,
                started_at=recorded_at(),
            )
            .on_conflict_do_nothing()
        )
        before = self.find(run_id)
        assert before is not None, "the look was written above"
        if before.after != after or before.finished:
            return before
        total = before.tally + tally
        self._session.execute(
            update(MonitoringRunRow)
            .where(MonitoringRunRow.run_id == run_id, MonitoringRunRow.pages == before.pages)
            .values(
                tally=total.model_dump(mode="json"),
                after=up_to,
                pages=before.pages + 1,
                finished=up_to is None,
                finished_at=recorded_at() if up_to is None else None,
            )
        )
        done = self.find(run_id)
        assert done is not None, "the look was written above"
        return done

    def find_newest(self, page_size: int = 20) -> list[MonitoringRun]:
        rows = self._session.scalars(
            select(MonitoringRunRow).order_by(MonitoringRunRow.started_at.desc()).limit(page_size)
        )
        return [_run(row) for row in rows]


def _warning(row: WarningRow) -> RaisedWarning:
    return RaisedWarning(
        warning_id=row.warning_id,
        customer_id=row.customer_id,
        signal=WarningSignal.model_validate(row.signal),
        evidence=PaymentRecord.model_validate(row.evidence),
        owner=row.owner,
        status=WarningStatus(row.status),
        raised_on=row.raised_on,
        seen_on=row.seen_on,
        closed_on=row.closed_on,
        close_code=row.close_code,
        lifted_on=row.lifted_on,
    )


def _run(row: MonitoringRunRow) -> MonitoringRun:
    return MonitoringRun.model_validate(
        {name: getattr(row, name) for name in MonitoringRun.model_fields}
    )
