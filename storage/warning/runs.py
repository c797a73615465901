"""How far each look at the book has come; a page that is on record is not added again."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.warning import MonitoringRun, MonitoringTally
from storage.base import Row, recorded_at


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


def _run(row: MonitoringRunRow) -> MonitoringRun:
    return MonitoringRun.model_validate(
        {name: getattr(row, name) for name in MonitoringRun.model_fields}
    )
