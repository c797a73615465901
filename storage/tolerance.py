"""Uses of tolerances on record: one row a use, with the receipt or statement that made it."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Date, Numeric, cast, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.tolerance import ToleranceCount, ToleranceUse
from storage.base import Row, table_of
from storage.edition import EditionRow


class ToleranceUseRow(Row):
    __tablename__ = "tolerance_use"

    source: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    edition_hash: Mapped[str]
    difference: Mapped[Decimal] = mapped_column(Numeric)
    allowed: Mapped[Decimal] = mapped_column(Numeric)
    unit: Mapped[str]
    used_on: Mapped[date]
    recorded_at: Mapped[datetime]


class ToleranceUses:
    """What was let pass; only ever added to."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(
        self, source: str, uses: Iterable[ToleranceUse], *, edition_hash: str, on: date
    ) -> None:
        """Write the uses of one source, which is itself written once: a receipt, a statement."""
        rows = [
            {**use.model_dump(), "source": source, "edition_hash": edition_hash, "used_on": on}
            for use in uses
        ]
        if rows:
            self._session.execute(insert(table_of(ToleranceUseRow)), rows)

    def count(
        self, since: date, until: date, *, edition_hash: str | None = None
    ) -> tuple[ToleranceCount, ...]:
        """Uses by tolerance, edition and month, newest month first."""
        month_on = cast(func.date_trunc("month", ToleranceUseRow.used_on), Date).label("month_on")
        share = func.max(ToleranceUseRow.difference / ToleranceUseRow.allowed)
        names = (
            select(EditionRow.edition_hash, func.max(EditionRow.name).label("name"))
            .group_by(EditionRow.edition_hash)
            .subquery()
        )
        query = (
            select(
                ToleranceUseRow.code,
                func.coalesce(names.c.name, "").label("edition"),
                ToleranceUseRow.edition_hash,
                month_on,
                func.count().label("uses"),
                func.round(share, 4).label("share_max"),
            )
            .outerjoin(names, names.c.edition_hash == ToleranceUseRow.edition_hash)
            .where(ToleranceUseRow.used_on.between(since, until))
            .group_by(ToleranceUseRow.code, names.c.name, ToleranceUseRow.edition_hash, month_on)
            .order_by(month_on.desc(), ToleranceUseRow.code, ToleranceUseRow.edition_hash)
        )
        if edition_hash is not None:
            query = query.where(ToleranceUseRow.edition_hash == edition_hash)
        return tuple(
            ToleranceCount.model_validate(dict(row))
            for row in self._session.execute(query).mappings()
        )
