"""Every look at the lists, and what was done about its hits."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.screening import Screening
from storage.base import Row, recorded_at, table_of
from storage.customer import of_customer


class ScreeningRow(Row):
    __tablename__ = "screening"

    screening_no: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    case_id: Mapped[str | None]
    business_on: Mapped[date]
    outcome: Mapped[str]  # clear, stop, suspend; cleared, confirmed after a disposition
    body: Mapped[dict[str, Any]]
    disposed_by: Mapped[str | None]
    reason: Mapped[str]
    recorded_at: Mapped[datetime]


_RECORD = insert(table_of(ScreeningRow))


class Screenings:
    """Every look at the lists, and what was done about its hits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, screening: Screening, case_id: str | None) -> None:
        self._session.execute(
            _RECORD,
            {
                "customer_id": screening.customer_id,
                "case_id": case_id,
                "business_on": screening.business_on,
                "outcome": screening.effect or "clear",
                "body": screening.model_dump(mode="json"),
                "reason": "",
                "recorded_at": recorded_at(),
            },
        )

    def dispose(self, case_id: str, *, cleared: bool, person_id: str, reason: str) -> None:
        """Clear or confirm the hits that suspend a case; the hits themselves stay on record."""
        self._session.execute(
            update(ScreeningRow)
            .where(ScreeningRow.case_id == case_id, ScreeningRow.outcome == "suspend")
            .values(
                outcome="cleared" if cleared else "confirmed",
                disposed_by=person_id,
                reason=reason,
            )
        )

    def find_newest(self, customer_id: str) -> tuple[Screening, str] | None:
        """The newest screening of a customer and its outcome."""
        row = self._session.scalar(
            select(ScreeningRow)
            .where(of_customer(ScreeningRow.customer_id, customer_id))
            .order_by(ScreeningRow.screening_no.desc())
            .limit(1)
        )
        return (Screening.model_validate(row.body), row.outcome) if row else None

    def list_of_case(self, case_id: str) -> list[tuple[Screening, str, str | None, str]]:
        rows = self._session.scalars(
            select(ScreeningRow)
            .where(ScreeningRow.case_id == case_id)
            .order_by(ScreeningRow.screening_no)
        )
        return [
            (Screening.model_validate(row.body), row.outcome, row.disposed_by, row.reason)
            for row in rows
        ]
