"""What people are asked: the inbox is a query over these rows."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.approval import (
    TaskStatus,
)
from domain.errors import NotFound
from domain.money import Money
from domain.value import Value
from storage.base import Row
from storage.customer import of_customer, owned_by


class TaskRow(Row):
    __tablename__ = "task"

    task_id: Mapped[str] = mapped_column(primary_key=True)
    approval_id: Mapped[str]
    case_id: Mapped[str]
    customer_id: Mapped[str]
    position: Mapped[str]
    escalated_to: Mapped[str | None]
    person_id: Mapped[str | None]
    asked_of: Mapped[str | None]
    status: Mapped[str]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    verdict: Mapped[str | None]
    closed_at: Mapped[datetime | None]


class TaskView(Value):
    """A task as an inbox shows it."""

    task_id: str
    approval_id: str
    case_id: str
    customer_id: str
    position: str
    escalated_to: str | None
    person_id: str | None = None  # the one person it is for, where one is named
    asked_of: str | None = None  # whose opinion it waits for
    status: TaskStatus
    amount: Money
    opened_at: datetime
    due_at: datetime
    decided_by: str | None
    verdict: str | None


class Tasks:
    """What people are asked: the inbox is a query over these rows."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, task_id: str) -> TaskView | None:
        row = self._session.get(TaskRow, task_id)
        return _task_view(row) if row else None

    def read(self, task_id: str) -> TaskView:
        task = self.find(task_id)
        if task is None:
            raise NotFound(kind="task", id=task_id)
        return task

    def list_page(
        self,
        *,
        page_size: int = 50,
        after: tuple[datetime, str] | None = None,
        positions: Sequence[str] | None = None,
        person_id: str | None = None,
        or_cases: Sequence[str] = (),
        case_id: str | None = None,
        customer_id: str | None = None,
        status: TaskStatus | None = TaskStatus.OPEN,
        manager_id: str | None = None,
    ) -> list[TaskView]:
        """By due time; `after` is the `(due_at, task_id)` of the last row seen.

        `positions` with `person_id` are those of one person: theirs by name, by a question that was
        put to them, or by position where nobody else is named. `or_cases` are added
        to those of `positions`.
        """
        conditions: list[ColumnElement[bool]] = []
        if after is not None:
            due_at, task_id = after
            conditions.append(
                or_(
                    TaskRow.due_at > due_at,
                    (TaskRow.due_at == due_at) & (TaskRow.task_id > task_id),
                )
            )
        if positions is not None:
            conditions.append(or_(_for(positions, person_id), TaskRow.case_id.in_(or_cases)))
        if case_id is not None:
            conditions.append(TaskRow.case_id == case_id)
        if customer_id is not None:
            conditions.append(of_customer(TaskRow.customer_id, customer_id))
        if status is not None:
            conditions.append(TaskRow.status == status)
        if manager_id is not None:
            conditions.append(owned_by(TaskRow.customer_id, manager_id))
        rows = self._session.scalars(
            select(TaskRow)
            .where(*conditions)
            .order_by(TaskRow.due_at, TaskRow.task_id)
            .limit(page_size)
        )
        return [_task_view(row) for row in rows]

    def count_open(
        self, positions: Sequence[str] | None = None, person_id: str | None = None
    ) -> int:
        query = select(func.count()).select_from(TaskRow).where(TaskRow.status == TaskStatus.OPEN)
        if positions is not None:
            query = query.where(_for(positions, person_id))
        return self._session.scalar(query) or 0


def _for(positions: Sequence[str], person_id: str | None) -> ColumnElement[bool]:
    by_position = or_(TaskRow.position.in_(positions), TaskRow.escalated_to.in_(positions))
    if person_id is None:
        return by_position
    return or_(
        TaskRow.person_id == person_id,
        TaskRow.asked_of == person_id,
        TaskRow.person_id.is_(None) & by_position,
    )


def _task_view(row: TaskRow) -> TaskView:
    return TaskView(
        task_id=row.task_id,
        approval_id=row.approval_id,
        case_id=row.case_id,
        customer_id=row.customer_id,
        position=row.position,
        escalated_to=row.escalated_to,
        person_id=row.person_id,
        asked_of=row.asked_of,
        status=TaskStatus(row.status),
        amount=Money(minor=row.amount_minor, currency=row.currency),
        opened_at=row.opened_at,
        due_at=row.due_at,
        decided_by=row.decided_by,
        verdict=row.verdict,
    )
