"""How far each run over the book has come; a page that is on record is not added again."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.classification import (
    ClassificationFailure,
    ClassificationRun,
    ClassificationTally,
)
from domain.errors import NotFound
from storage.base import Row, recorded_at

_TALLY = tuple(ClassificationTally.model_fields)


class ClassificationRunRow(Row):
    __tablename__ = "classification_run"

    run_id: Mapped[str] = mapped_column(primary_key=True)
    as_of: Mapped[date]
    started_by: Mapped[str]
    seen: Mapped[int]
    changed: Mapped[int]
    unchanged: Mapped[int]
    failed: Mapped[int]
    entries: Mapped[int]
    pages: Mapped[int]
    after: Mapped[str | None]
    finished: Mapped[bool]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class ClassificationFailureRow(Row):
    __tablename__ = "classification_failure"

    run_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str]


class ClassificationRuns:
    """Runs over the book; whoever takes the next page of one holds its row."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(self, run_id: str, as_of: date, started_by: str) -> ClassificationRun:
        """The run, written unless it is there, and held."""
        self._session.execute(
            insert(ClassificationRunRow)
            .values(
                run_id=run_id,
                as_of=as_of,
                started_by=started_by,
                **dict.fromkeys((*_TALLY, "pages"), 0),
                finished=False,
                started_at=recorded_at(),
            )
            .on_conflict_do_nothing()
        )
        return self.read(run_id, for_update=True)

    def read(self, run_id: str, *, for_update: bool = False) -> ClassificationRun:
        """The run of an id; refuses `NotFound`."""
        query = select(ClassificationRunRow).where(ClassificationRunRow.run_id == run_id)
        if for_update:
            query = query.with_for_update()
        row = self._session.scalar(query.execution_options(populate_existing=True))
        if row is None:
            raise NotFound(kind="classification run", id=run_id)
        return _run(row)

    def find_newest(self, page_size: int = 20) -> list[ClassificationRun]:
        rows = self._session.scalars(
            select(ClassificationRunRow)
            .order_by(ClassificationRunRow.started_at.desc(), ClassificationRunRow.run_id)
            .limit(page_size)
        )
        return [_run(row) for row in rows]

    def find_days_after(self, as_of: date) -> list[date]:
        """The later days that were run already, the earliest first."""
        rows = self._session.scalars(
            select(ClassificationRunRow.as_of)
            .where(ClassificationRunRow.as_of > as_of)
            .distinct()
            .order_by(ClassificationRunRow.as_of)
        )
        return list(rows)

    def record_page(
        self,
        run: ClassificationRun,
        tally: ClassificationTally,
        failures: Sequence[ClassificationFailure],
        up_to: str | None,
    ) -> ClassificationRun:
        """Add a page to a run that is held; without `up_to` it is finished."""
        if failures:
            self._session.execute(
                insert(ClassificationFailureRow).values(
                    [{"run_id": run.run_id, **each.model_dump()} for each in failures]
                )
            )
        self._session.execute(
            update(ClassificationRunRow)
            .where(ClassificationRunRow.run_id == run.run_id)
            .values(
                **(run.tally + tally).model_dump(),
                pages=run.pages + 1,
                after=up_to,
                finished=up_to is None,
                finished_at=recorded_at() if up_to is None else None,
            )
        )
        return self.read(run.run_id)

    def failures(
        self, run_id: str, *, after: str | None = None, page_size: int = 50
    ) -> list[ClassificationFailure]:
        """Whom a run could not judge, by id, and why."""
        rows = self._session.scalars(
            select(ClassificationFailureRow)
            .where(
                ClassificationFailureRow.run_id == run_id,
                ClassificationFailureRow.customer_id > (after or ""),
            )
            .order_by(ClassificationFailureRow.customer_id)
            .limit(page_size)
        )
        return [ClassificationFailure(customer_id=row.customer_id, code=row.code) for row in rows]


def _run(row: ClassificationRunRow) -> ClassificationRun:
    return ClassificationRun(
        run_id=row.run_id,
        as_of=row.as_of,
        started_by=row.started_by,
        tally=ClassificationTally(**{name: getattr(row, name) for name in _TALLY}),
        pages=row.pages,
        after=row.after,
        finished=row.finished,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
