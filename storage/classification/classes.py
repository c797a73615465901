"""The classes of customers: a row only where something changed, never edited.

As of a day the newest row up to it holds; a further row of the same day corrects it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, RowMapping, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.classification import (
    ClassFigures,
    ClassStanding,
    CustomerClass,
    FiveTier,
    Stage,
    StageFigures,
    TierFigures,
)
from domain.money import Money
from storage.base import Row


class CustomerClassRow(Row):
    __tablename__ = "customer_class"

    customer_id: Mapped[str] = mapped_column(primary_key=True)
    as_of: Mapped[date] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    tier: Mapped[str]
    tier_since: Mapped[date]
    stage: Mapped[int]
    reasons: Mapped[list[str]]
    grade: Mapped[str]
    grade_origin: Mapped[str]
    overdue_since: Mapped[date | None]
    currency: Mapped[str]
    used_minor: Mapped[int] = mapped_column(BigInteger)
    unused_minor: Mapped[int] = mapped_column(BigInteger)
    receivables_minor: Mapped[int] = mapped_column(BigInteger)
    amounts: Mapped[dict[str, Any]]
    edition_hash: Mapped[str]
    run_id: Mapped[str]


class Classes:
    """Customers' classes; whoever adds one holds the customer."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, customer_id: str, as_of: date, *, before: bool = False) -> CustomerClass | None:
        """The class that holds as of a day, or held `before` it."""
        until = CustomerClassRow.as_of < as_of if before else CustomerClassRow.as_of <= as_of
        row = self._session.scalar(
            select(CustomerClassRow)
            .where(CustomerClassRow.customer_id == customer_id, until)
            .order_by(CustomerClassRow.as_of.desc(), CustomerClassRow.n.desc())
            .limit(1)
        )
        return None if row is None else _class(row)

    def record(self, found: CustomerClass, run_id: str) -> bool:
        """Add a class where it differs from the one that holds as of its day; whether it did."""
        if found.same_as(self.find(found.customer_id, found.as_of)):
            return False
        newest = self._session.scalar(
            select(func.max(CustomerClassRow.n)).where(
                CustomerClassRow.customer_id == found.customer_id,
                CustomerClassRow.as_of == found.as_of,
            )
        )
        self._session.execute(
            insert(CustomerClassRow).values(n=(newest or 0) + 1, run_id=run_id, **_columns(found))
        )
        return True

    def history(self, customer_id: str) -> tuple[CustomerClass, ...]:
        """Every class of a customer, as of the newest day first; what was corrected is left out."""
        rows = self._session.scalars(
            select(CustomerClassRow)
            .where(CustomerClassRow.customer_id == customer_id)
            .order_by(CustomerClassRow.as_of.desc(), CustomerClassRow.n.desc())
        )
        standing: dict[date, CustomerClass] = {}
        for row in rows:
            standing.setdefault(row.as_of, _class(row))
        return tuple(standing.values())

    def find_page(
        self,
        as_of: date,
        *,
        after: str | None = None,
        page_size: int = 50,
        tier: FiveTier | None = None,
        stage: Stage | None = None,
        manager_id: str | None = None,
    ) -> list[ClassStanding]:
        """How customers stand as of a day, by id, with their allowances."""
        rows = self._session.execute(
            _STANDINGS,
            {
                "as_of": as_of,
                "after": after or "",
                "page_size": page_size,
                "tier": tier,
                "stage": stage,
                "manager_id": manager_id,
            },
        ).mappings()
        return [_standing(row, as_of) for row in rows]

    def figures(self, as_of: date, currency: str, *, manager_id: str | None = None) -> ClassFigures:
        """The book by tier and by stage as of a day, in the currency classes are kept in."""
        found = self._session.execute(
            _SUMS, {"as_of": as_of, "currency": currency, "manager_id": manager_id}
        )
        return _figures(as_of, currency, found.mappings().all())


_HELD = """
    FROM customer c
    JOIN LATERAL (
        SELECT * FROM customer_class k WHERE k.customer_id = c.customer_id AND k.as_of <= :as_of
        ORDER BY k.as_of DESC, k.n DESC LIMIT 1) AS held ON true
    LEFT JOIN LATERAL (
        SELECT coalesce(sum(e.delta_minor) FILTER (WHERE e.portfolio = 'line'), 0) AS line_minor,
               coalesce(sum(e.delta_minor) FILTER (WHERE e.portfolio = 'receivables'), 0)
                   AS receivables_loss_minor
        FROM loss_entry e WHERE e.customer_id = c.customer_id AND e.period_on <= :as_of) AS loss
        ON true
    WHERE (CAST(:manager_id AS text) IS NULL OR c.manager_id = :manager_id)
"""
_STANDINGS = text(
    f"""
    SELECT held.*, loss.line_minor, loss.receivables_loss_minor {_HELD}
        AND c.customer_id > :after
        AND (CAST(:tier AS text) IS NULL OR held.tier = :tier)
        AND (CAST(:stage AS integer) IS NULL OR held.stage = :stage)
    ORDER BY c.customer_id LIMIT :page_size
    """
)
_OF_TIER = ", ".join(
    f"coalesce(sum((held.amounts ->> '{tier.value}')::bigint), 0) AS {tier.value}_minor"
    for tier in FiveTier
)
_SUMS = text(
    f"""
    SELECT held.tier, held.stage, count(*) AS customers, {_OF_TIER},
           sum(loss.line_minor) AS line_minor,
           sum(loss.receivables_loss_minor) AS receivables_loss_minor
    {_HELD} AND held.currency = :currency
    GROUP BY held.tier, held.stage
    """
)


def _columns(found: CustomerClass) -> dict[str, Any]:
    return {
        "customer_id": found.customer_id,
        "as_of": found.as_of,
        "tier": found.tier,
        "tier_since": found.tier_since,
        "stage": int(found.stage),
        "reasons": list(found.reasons),
        "grade": found.grade,
        "grade_origin": found.grade_origin,
        "overdue_since": found.overdue_since,
        "currency": found.used.currency,
        "used_minor": found.used.minor,
        "unused_minor": found.unused.minor,
        "receivables_minor": found.receivables.minor,
        "amounts": {tier.value: amount.minor for tier, amount in found.amounts.items()},
        "edition_hash": found.edition_hash,
    }


def _class(row: CustomerClassRow) -> CustomerClass:
    return _class_of({column.name: getattr(row, column.name) for column in row.__table__.columns})


def _class_of(row: Mapping[Any, Any]) -> CustomerClass:
    currency = row["currency"]
    return CustomerClass(
        customer_id=row["customer_id"],
        as_of=row["as_of"],
        tier=FiveTier(row["tier"]),
        tier_since=row["tier_since"],
        stage=Stage(row["stage"]),
        reasons=tuple(row["reasons"]),
        grade=row["grade"],
        grade_origin=row["grade_origin"],
        overdue_since=row["overdue_since"],
        used=Money(minor=row["used_minor"], currency=currency),
        unused=Money(minor=row["unused_minor"], currency=currency),
        receivables=Money(minor=row["receivables_minor"], currency=currency),
        amounts={
            FiveTier(tier): Money(minor=minor, currency=currency)
            for tier, minor in row["amounts"].items()
        },
        edition_hash=row["edition_hash"],
    )


def _standing(row: RowMapping, as_of: date) -> ClassStanding:
    held = _class_of(row)
    line, receivables = (
        Money(minor=int(row[name]), currency=held.used.currency)
        for name in ("line_minor", "receivables_loss_minor")
    )
    return held.standing(as_of, line, receivables)


def _figures(as_of: date, currency: str, rows: Sequence[RowMapping]) -> ClassFigures:
    def total(rows: Iterable[RowMapping], *names: str) -> Money:
        minor = sum(int(row[name]) for row in rows for name in names)
        return Money(minor=minor, currency=currency)

    owed = tuple(f"{tier.value}_minor" for tier in FiveTier)
    lost = ("line_minor", "receivables_loss_minor")
    of_tier = {tier: [row for row in rows if row["tier"] == tier] for tier in FiveTier}
    of_stage = {stage: [row for row in rows if row["stage"] == stage] for stage in Stage}
    return ClassFigures(
        as_of=as_of,
        customers=sum(row["customers"] for row in rows),
        owed=total(rows, *owed),
        allowance=total(rows, *lost),
        tiers=tuple(
            TierFigures(
                tier=tier,
                customers=sum(row["customers"] for row in found),
                owed=total(found, *owed),
                claims=total(rows, f"{tier.value}_minor"),
                allowance=total(found, *lost),
            )
            for tier, found in of_tier.items()
        ),
        stages=tuple(
            StageFigures(
                stage=stage,
                customers=sum(row["customers"] for row in found),
                owed=total(found, *owed),
                allowance_line=total(found, "line_minor"),
                allowance_receivables=total(found, "receivables_loss_minor"),
                allowance=total(found, *lost),
            )
            for stage, found in of_stage.items()
        ),
    )
