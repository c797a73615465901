"""Expected losses on record: entries that only ever add up; the allowance of a day is their sum.

What was posted under any id of a customer is its allowance; further entries are of the id that stayed.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.classification import Loss, LossEntry, Portfolio
from domain.money import Money
from storage.base import Row
from storage.customer import of_customer


class LossEntryRow(Row):
    __tablename__ = "loss_entry"

    customer_id: Mapped[str] = mapped_column(primary_key=True)
    portfolio: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    period_on: Mapped[date]
    currency: Mapped[str]
    delta_minor: Mapped[int] = mapped_column(BigInteger)
    allowance_minor: Mapped[int] = mapped_column(BigInteger)
    loss: Mapped[dict[str, Any]]
    edition_hash: Mapped[str]
    run_id: Mapped[str]
    recorded_at: Mapped[datetime]


class Losses:
    """Postings of all customers; whoever adds one holds the customer."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def allowance(
        self, customer_id: str, portfolio: Portfolio, as_of: date, currency: str
    ) -> Money:
        """The sum of what was posted for the days up to one."""
        minor = self._session.scalar(
            select(func.coalesce(func.sum(LossEntryRow.delta_minor), 0)).where(
                of_customer(LossEntryRow.customer_id, customer_id),
                LossEntryRow.portfolio == portfolio,
                LossEntryRow.currency == currency,
                LossEntryRow.period_on <= as_of,
            )
        )
        return Money(minor=int(minor or 0), currency=currency)

    def post(
        self, customer_id: str, period_on: date, loss: Loss, *, edition_hash: str, run_id: str
    ) -> bool:
        """Post what the allowance of a day lacks or has too much; whether there was any."""
        currency = loss.allowance.currency
        before = self.allowance(customer_id, loss.portfolio, period_on, currency)
        delta = loss.allowance - before
        if not delta:
            return False
        newest = self._session.scalar(
            select(func.max(LossEntryRow.n)).where(
                LossEntryRow.customer_id == customer_id, LossEntryRow.portfolio == loss.portfolio
            )
        )
        self._session.execute(
            insert(LossEntryRow).values(
                customer_id=customer_id,
                portfolio=loss.portfolio,
                n=(newest or 0) + 1,
                period_on=period_on,
                currency=currency,
                delta_minor=delta.minor,
                allowance_minor=loss.allowance.minor,
                loss=loss.model_dump(mode="json"),
                edition_hash=edition_hash,
                run_id=run_id,
            )
        )
        return True

    def list_of(self, customer_id: str, until: date | None = None) -> tuple[LossEntry, ...]:
        """The postings of a customer, the newest first."""
        query = select(LossEntryRow).where(of_customer(LossEntryRow.customer_id, customer_id))
        if until is not None:
            query = query.where(LossEntryRow.period_on <= until)
        rows = self._session.scalars(
            query.order_by(
                LossEntryRow.recorded_at.desc(), LossEntryRow.portfolio, LossEntryRow.n.desc()
            )
        )
        return tuple(_entry(row) for row in rows)


def _entry(row: LossEntryRow) -> LossEntry:
    return LossEntry(
        customer_id=row.customer_id,
        n=row.n,
        period_on=row.period_on,
        delta=Money(minor=row.delta_minor, currency=row.currency),
        loss=Loss.model_validate(row.loss),
        edition_hash=row.edition_hash,
        run_id=row.run_id,
        recorded_at=row.recorded_at,
    )
