"""Collection cases and what happened to each; one open a customer, events only ever added."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.collection import (
    Arrears,
    CollectionCase,
    CollectionEvent,
    CollectionEventKind,
    CollectionStatus,
)
from domain.errors import NotFound
from storage.base import Row
from storage.customer import of_customer, owned_by


class CollectionCaseRow(Row):
    __tablename__ = "collection_case"

    collection_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    owner: Mapped[str]
    status: Mapped[str]
    opened_on: Mapped[date]
    arrears: Mapped[dict[str, Any]]
    steps_done: Mapped[list[str]]
    promised_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    close_reason: Mapped[str]


class CollectionEventRow(Row):
    __tablename__ = "collection_event"

    event_no: Mapped[int] = mapped_column(primary_key=True)
    collection_id: Mapped[str]
    kind: Mapped[str]
    key: Mapped[str]
    business_on: Mapped[date]
    facts: Mapped[dict[str, Any]]
    person_id: Mapped[str]
    occurred_at: Mapped[datetime]


class Collections:
    """Collection cases; their workflow's activities are the only writers."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, case: CollectionCase) -> tuple[CollectionCase, bool]:
        """Open a case unless the customer has one open; that one, and whether it is new."""
        standing = self.find_open(case.customer_id)
        if standing is not None:
            return standing, False
        written = self._session.scalar(
            insert(CollectionCaseRow)
            .values(collection_id=case.collection_id, **_columns(case))
            .on_conflict_do_nothing()
            .returning(CollectionCaseRow.collection_id)
        )
        held = self.find_open(case.customer_id)
        assert held is not None, "a case that could not be written is open"
        return held, written is not None

    def find_open(self, customer_id: str) -> CollectionCase | None:
        row = self._session.scalar(
            select(CollectionCaseRow)
            .where(
                of_customer(CollectionCaseRow.customer_id, customer_id),
                CollectionCaseRow.status == CollectionStatus.OPEN,
            )
            .order_by(CollectionCaseRow.collection_id)
            .limit(1)
        )
        return _case(row) if row is not None else None

    def read(self, collection_id: str, *, for_update: bool = False) -> CollectionCase:
        query = select(CollectionCaseRow).where(CollectionCaseRow.collection_id == collection_id)
        if for_update:
            query = query.with_for_update()
        row = self._session.scalar(query.execution_options(populate_existing=True))
        if row is None:
            raise NotFound(kind="collection case", id=collection_id)
        return _case(row)

    def write(self, case: CollectionCase) -> CollectionCase:
        """Replace a case that this transaction holds."""
        self._session.execute(
            update(CollectionCaseRow)
            .where(CollectionCaseRow.collection_id == case.collection_id)
            .values(**_columns(case))
        )
        return case

    def find_page(
        self,
        *,
        before: str | None = None,
        page_size: int = 50,
        status: CollectionStatus | None = None,
        customer_id: str | None = None,
        manager_id: str | None = None,
    ) -> Sequence[CollectionCase]:
        """The newest first; ids sort by time."""
        query = select(CollectionCaseRow).order_by(CollectionCaseRow.collection_id.desc())
        if before is not None:
            query = query.where(CollectionCaseRow.collection_id < before)
        if status is not None:
            query = query.where(CollectionCaseRow.status == status)
        if customer_id is not None:
            query = query.where(of_customer(CollectionCaseRow.customer_id, customer_id))
        if manager_id is not None:
            query = query.where(owned_by(CollectionCaseRow.customer_id, manager_id))
        return [_case(row) for row in self._session.scalars(query.limit(page_size))]


class CollectionEvents:
    """What happened to a collection case, in order."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def post(self, event: CollectionEvent, key: str) -> bool:
        """Add an event under a key of its own; False where it was there before."""
        written = self._session.scalar(
            insert(CollectionEventRow)
            .values(key=key, **event.model_dump())
            .on_conflict_do_nothing()
            .returning(CollectionEventRow.event_no)
        )
        return written is not None

    def find(self, collection_id: str, key: str) -> CollectionEvent | None:
        row = self._session.scalar(
            select(CollectionEventRow).where(
                CollectionEventRow.collection_id == collection_id, CollectionEventRow.key == key
            )
        )
        return _event(row) if row is not None else None

    def list_all(self, collection_id: str) -> tuple[CollectionEvent, ...]:
        rows = self._session.scalars(
            select(CollectionEventRow)
            .where(CollectionEventRow.collection_id == collection_id)
            .order_by(CollectionEventRow.event_no)
        )
        return tuple(_event(row) for row in rows)


def _columns(case: CollectionCase) -> dict[str, Any]:
    return {
        "customer_id": case.customer_id,
        "owner": case.owner,
        "status": case.status,
        "opened_on": case.opened_on,
        "arrears": case.arrears.model_dump(mode="json"),
        "steps_done": list(case.steps_done),
        "promised_on": case.promised_on,
        "closed_on": case.closed_on,
        "close_reason": case.close_reason,
    }


def _case(row: CollectionCaseRow) -> CollectionCase:
    return CollectionCase(
        collection_id=row.collection_id,
        customer_id=row.customer_id,
        owner=row.owner,
        status=CollectionStatus(row.status),
        opened_on=row.opened_on,
        arrears=Arrears.model_validate(row.arrears),
        steps_done=tuple(row.steps_done),
        promised_on=row.promised_on,
        closed_on=row.closed_on,
        close_reason=row.close_reason,
    )


def _event(row: CollectionEventRow) -> CollectionEvent:
    return CollectionEvent(
        collection_id=row.collection_id,
        kind=CollectionEventKind(row.kind),
        business_on=row.business_on,
        facts=row.facts,
        person_id=row.person_id,
        occurred_at=row.occurred_at,
    )
