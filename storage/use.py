"""Uses with approval: asked for, what became of each, and what the ledger did. Only added to."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, func, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import KeyReused, NotFound, UseSettled
from domain.use import ReleaseCheck, Use, UseMove, UseMovement, UseRequest, UseStatus, UseStep
from storage.base import Row, table_of
from storage.customer import of_customer, owned_by

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('use/' || :use_id, 0))")


class UseRow(Row):
    __tablename__ = "use_request"

    use_id: Mapped[str] = mapped_column(primary_key=True)
    line_id: Mapped[str]
    customer_id: Mapped[str]
    product: Mapped[str]
    currency: Mapped[str]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    wait_until: Mapped[datetime]
    request: Mapped[dict[str, Any]]


class StepRow(Row):
    __tablename__ = "use_step"

    use_id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    asked_by: Mapped[str]
    status: Mapped[str]
    person_id: Mapped[str]
    said_at: Mapped[datetime]
    business_on: Mapped[date]
    note: Mapped[str]
    checks: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


class MovementRow(Row):
    __tablename__ = "use_movement"

    use_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    entry_id: Mapped[str]
    posted_at: Mapped[datetime]


_AGAIN = ("asked_at", "asked_on", "wait_until", "edition_hash", "row", "review", "exposure")
_ENDED = select(MovementRow).where(
    MovementRow.use_id == UseRow.use_id, MovementRow.kind != UseMove.RESERVE
)
_RESERVED = select(MovementRow).where(
    MovementRow.use_id == UseRow.use_id, MovementRow.kind == UseMove.RESERVE
)
_LAST = (
    select(StepRow.status)
    .where(StepRow.use_id == UseRow.use_id)
    .order_by(StepRow.seq.desc())
    .limit(1)
    .scalar_subquery()
)


class Uses:
    """Uses by what was asked; each is decided, released or given back once."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def ask(self, request: UseRequest) -> Use:
        """Put a request on record; the same again, whenever, is that one. Refuses `KeyReused`."""
        self._session.execute(
            insert(table_of(UseRow))
            .values(
                **request.model_dump(
                    include={"use_id", "line_id", "customer_id", "product", "asked_by"}
                ),
                asked_at=request.asked_at,
                wait_until=request.wait_until,
                currency=request.amount.currency,
                amount_minor=request.amount.minor,
                request=request.model_dump(mode="json"),
            )
            .on_conflict_do_nothing()
        )
        on_record = self.read(request.use_id)
        found = on_record.request
        if found.model_copy(update={name: getattr(request, name) for name in _AGAIN}) != request:
            raise KeyReused(key=request.use_id)
        return on_record

    def take(
        self,
        use_id: str,
        status: UseStatus,
        *,
        person_id: str,
        at: datetime,
        on: date,
        note: str = "",
        checks: Sequence[ReleaseCheck] = (),
    ) -> Use:
        """Say what became of it, once: the same again is that. Refuses `UseSettled`."""
        use = self.read(use_id, for_update=True)
        if use.status is status and use.steps[-1].person_id == person_id:
            return use
        if not use.may_become(status):
            raise UseSettled(use_id=use_id, status=use.status)
        self._session.execute(
            insert(table_of(StepRow)).values(
                use_id=use_id,
                seq=len(use.steps) + 1,
                asked_by=use.request.asked_by,
                status=status.value,
                person_id=person_id,
                said_at=at,
                business_on=on,
                note=note,
                checks=[each.model_dump(mode="json") for each in checks],
            )
        )
        return self.read(use_id)

    def record_movement(self, use_id: str, kind: UseMove, entry_id: str, at: datetime) -> bool:
        """What the ledger did for it; whether that was not on record yet."""
        done = self._session.execute(
            insert(table_of(MovementRow))
            .values(use_id=use_id, kind=kind.value, entry_id=entry_id, posted_at=at)
            .on_conflict_do_nothing(index_elements=["use_id", "kind"])
            .returning(MovementRow.use_id)
        )
        return done.scalar() is not None

    def find(self, use_id: str) -> Use | None:
        return next(iter(self._found(UseRow.use_id == use_id)), None)

    def read(self, use_id: str, *, for_update: bool = False) -> Use:
        if for_update:
            self._session.execute(_LOCK, {"use_id": use_id})
        found = self.find(use_id)
        if found is None:
            raise NotFound(kind="use", id=use_id)
        return found

    def list_page(
        self,
        *,
        page_size: int = 50,
        before: tuple[datetime, str] | None = None,
        line_id: str | None = None,
        customer_id: str | None = None,
        status: UseStatus | None = None,
        manager_id: str | None = None,
    ) -> list[Use]:
        """Newest first; `before` is the `(asked_at, use_id)` of the last row seen."""
        conditions: list[ColumnElement[bool]] = []
        if line_id is not None:
            conditions.append(UseRow.line_id == line_id)
        if customer_id is not None:
            conditions.append(of_customer(UseRow.customer_id, customer_id))
        if status is not None:
            conditions.append(func.coalesce(_LAST, UseStatus.ASKED.value) == status.value)
        if before is not None:
            conditions.append(tuple_(UseRow.asked_at, UseRow.use_id) < before)
        if manager_id is not None:
            conditions.append(owned_by(UseRow.customer_id, manager_id))
        return self._found(*conditions, page_size=page_size)

    def unfinished(self, at: datetime, most: int = 500) -> list[str]:
        """Uses that the book owes something, or that have waited past their time; oldest first."""
        last = func.coalesce(_LAST, UseStatus.ASKED.value)
        waiting = last.in_([UseStatus.ASKED.value, UseStatus.APPROVED.value])
        query = (
            select(UseRow.use_id)
            .where(
                ~_ENDED.exists(),
                last != UseStatus.REFUSED.value,
                or_(~_RESERVED.exists(), ~waiting, UseRow.wait_until < at),
            )
            .order_by(UseRow.asked_at)
            .limit(most)
        )
        return list(self._session.scalars(query))

    def _found(self, *conditions: ColumnElement[bool], page_size: int = 50) -> list[Use]:
        rows = self._session.scalars(
            select(UseRow)
            .where(*conditions)
            .order_by(UseRow.asked_at.desc(), UseRow.use_id.desc())
            .limit(page_size)
            .execution_options(populate_existing=True)
        ).all()
        ids = [row.use_id for row in rows]
        steps: dict[str, list[UseStep]] = {}
        movements: dict[str, list[UseMovement]] = {}
        for step in self._session.scalars(
            select(StepRow).where(StepRow.use_id.in_(ids)).order_by(StepRow.use_id, StepRow.seq)
        ):
            steps.setdefault(step.use_id, []).append(_step(step))
        for moved in self._session.scalars(
            select(MovementRow)
            .where(MovementRow.use_id.in_(ids))
            .order_by(MovementRow.use_id, MovementRow.posted_at, MovementRow.kind.desc())
        ):
            movements.setdefault(moved.use_id, []).append(_movement(moved))
        return [
            Use(
                request=UseRequest.model_validate(row.request),
                steps=tuple(steps.get(row.use_id, ())),
                movements=tuple(movements.get(row.use_id, ())),
            )
            for row in rows
        ]


def _step(row: StepRow) -> UseStep:
    return UseStep(
        use_id=row.use_id,
        seq=row.seq,
        status=UseStatus(row.status),
        person_id=row.person_id,
        at=row.said_at,
        on=row.business_on,
        note=row.note,
        checks=tuple(ReleaseCheck.model_validate(each) for each in row.checks),
    )


def _movement(row: MovementRow) -> UseMovement:
    return UseMovement(kind=UseMove(row.kind), entry_id=row.entry_id, posted_at=row.posted_at)
