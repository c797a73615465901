"""Warnings raised on customers: a rule warns once while it fires, and is seen again after that."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.assessment import PaymentRecord
from domain.errors import NotFound
from domain.event import WarningOpened
from domain.warning import RaisedWarning, WarningLevel, WarningSignal, WarningStatus
from storage.base import Row
from storage.customer import of_customer, owned_by
from storage.event import Events


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


class Warnings:
    """Signals on record, open and closed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, warning: RaisedWarning) -> tuple[RaisedWarning, bool]:
        """Write a new warning unless one of its rule is open; that one, and whether it is new."""
        rule = WarningRow.rule == warning.signal.rule
        standing = [
            each
            for each in self._of(warning.customer_id, rule)
            if each.status is WarningStatus.OPEN
        ]
        if standing:
            return standing[0], False
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
        if written is not None:
            event = WarningOpened(
                customer_id=warning.customer_id,
                warning_id=written,
                rule=warning.signal.rule,
                level=warning.signal.level,
                freezes=warning.signal.freeze,
                raised_on=warning.raised_on,
            )
            Events(self._session).post(event, written)
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
            query = query.where(of_customer(WarningRow.customer_id, customer_id))
        if manager_id is not None:
            query = query.where(owned_by(WarningRow.customer_id, manager_id))
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
            .where(of_customer(WarningRow.customer_id, customer_id), *conditions)
            .order_by(WarningRow.warning_id)
        )
        return tuple(_warning(row) for row in rows)


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
