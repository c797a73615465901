"""Imports that were kept: what file, what became of its rows, by whom."""

from datetime import date
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.imports import ImportKind, ImportReport
from storage.base import Row


class ImportRunRow(Row):
    __tablename__ = "import_run"

    import_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    sha256: Mapped[str]
    report: Mapped[dict[str, Any]]
    business_on: Mapped[date]
    recorded_by: Mapped[str]


class Imports:
    """The runs on record, and the order in which they take their turns."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock(self, kind: ImportKind) -> None:
        """Wait until no other import of the kind is under way; held to the transaction's end.

        Two files with the same rows in different order would wait for each other for ever.
        """
        key = func.hashtextextended(f"import/{kind.value}", text("0"))
        self._session.execute(select(func.pg_advisory_xact_lock(key)))

    def record(
        self, import_id: str, report: ImportReport, *, business_on: date, recorded_by: str
    ) -> None:
        """Write what a run did; errors and tolerances beyond the first hundred stay with the caller."""
        content = report.model_copy(
            update={"errors": report.errors[:100], "tolerated": report.tolerated[:100]}
        )
        self._session.execute(
            insert(ImportRunRow).values(
                import_id=import_id,
                kind=report.kind.value,
                sha256=report.sha256,
                report=content.model_dump(mode="json"),
                business_on=business_on,
                recorded_by=recorded_by,
            )
        )

    def find_page(
        self, *, before: str | None = None, page_size: int = 50
    ) -> list[tuple[str, ImportReport]]:
        """Runs by id, newest first, from below `before`."""
        query = select(ImportRunRow).order_by(ImportRunRow.import_id.desc()).limit(page_size)
        if before is not None:
            query = query.where(ImportRunRow.import_id < before)
        return [
            (row.import_id, ImportReport.model_validate(row.report))
            for row in self._session.scalars(query)
        ]
