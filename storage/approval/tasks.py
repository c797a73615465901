"""What people are asked: the inbox is a query over these rows."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    false,
    func,
    or_,
    select,
    true,
    tuple_,
    union,
)
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

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
        return task_view(row) if row else None

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
            # As one comparison, which an index answers from there on.
            conditions.append(tuple_(TaskRow.due_at, TaskRow.task_id) > tuple_(*after))
        if case_id is not None:
            conditions.append(TaskRow.case_id == case_id)
        if customer_id is not None:
            conditions.append(of_customer(TaskRow.customer_id, customer_id))
        if status is not None:
            conditions.append(TaskRow.status == status)
        if manager_id is not None:
            conditions.append(owned_by(TaskRow.customer_id, manager_id))
        parts: list[ColumnElement[bool]] = [true()]
        if positions is not None:
            parts = [*_parts(positions, person_id)]
            parts += [TaskRow.case_id.in_(or_cases)] if or_cases else []
        if not parts:
            return []
        rows = self._session.scalars(_first_of(parts, conditions, page_size))
        return [task_view(row) for row in rows]

    def count_open(
        self, positions: Sequence[str] | None = None, person_id: str | None = None
    ) -> int:
        query = select(func.count()).select_from(TaskRow).where(TaskRow.status == TaskStatus.OPEN)
        if positions is not None:
            query = query.where(or_(false(), *_parts(positions, person_id)))
        return self._session.scalar(query) or 0


def _first_of(
    parts: Sequence[ColumnElement[bool]], conditions: Sequence[ColumnElement[bool]], page_size: int
) -> Select[TaskRow]:
    """The first tasks by due time that any of the parts holds for.

    Each part is walked by an index of its own, in order, as far as the page goes: how many tasks
    others have does not matter.
    """
    order = (TaskRow.due_at, TaskRow.task_id)
    walks = [
        select(TaskRow).where(*conditions, part).order_by(*order).limit(page_size) for part in parts
    ]
    if len(walks) == 1:
        return walks[0]
    task = aliased(TaskRow, union(*walks).subquery())
    return select(task).order_by(task.due_at, task.task_id).limit(page_size)


def _parts(positions: Sequence[str], person_id: str | None) -> Iterator[ColumnElement[bool]]:
    """What is one person's: by position where nobody else is named, by name, or by a question."""
    unnamed = true() if person_id is None else TaskRow.person_id.is_(None)
    for position in positions:
        yield (TaskRow.position == position) & unnamed
        yield (TaskRow.escalated_to == position) & unnamed
    if person_id is not None:
        yield TaskRow.person_id == person_id
        yield TaskRow.asked_of == person_id


def task_view(row: TaskRow | Any) -> TaskView:
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
