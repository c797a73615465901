"""The classes of customers: a row only where something changed, never edited.

As of a day the newest row up to it holds; a further row of the same day corrects it.

Of a customer with several records each has rows of its own until they are judged as one: then the row
says with which others (`records`) and stands for theirs. Where a merge was taken back, what was judged
of both together holds for neither.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, RowMapping, Text, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.classification import (
    ClassByRule,
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
from storage.customer import of_customer


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
    records: Mapped[list[str]] = mapped_column(ARRAY(Text))
    ruled: Mapped[dict[str, Any] | None]
    tier_least: Mapped[str | None]
    manual_id: Mapped[str | None]
    recorded_at: Mapped[datetime]


class Classes:
    """Customers' classes; whoever adds one holds the customer."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, customer_id: str, as_of: date, *, before: bool = False) -> CustomerClass | None:
        """The class that holds as of a day, or held `before` it; of all records of the customer."""
        until = as_of - timedelta(days=1) if before else as_of
        found = self._session.execute(_FOUND, {"customer_id": customer_id, "as_of": until})
        rows = found.mappings().all()
        if not rows:
            return None
        return CustomerClass.together(rows[0]["survivor"], [_class_of(row) for row in rows])

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
            insert(CustomerClassRow).values(
                n=(newest or 0) + 1,
                run_id=run_id,
                # Under the lock of the customer, and so after all that was written before it.
                recorded_at=func.clock_timestamp(),
                **_columns(found),
            )
        )
        return True

    def history(self, customer_id: str, until: date | None = None) -> tuple[CustomerClass, ...]:
        """Every class of every record of a customer, as of the newest day first; what was corrected
        is left out, and what was judged together with a record that is another customer again.

        Up to a day, if one is named: what is to hold once a class set by hand has ended is on record
        before that day.
        """
        rows = self._session.scalars(
            select(CustomerClassRow)
            .where(
                of_customer(CustomerClassRow.customer_id, customer_id),
                CustomerClassRow.records.contained_by(func.customer_ids(customer_id)),
                CustomerClassRow.as_of <= (until or date.max),
            )
            .order_by(
                CustomerClassRow.as_of.desc(),
                CustomerClassRow.recorded_at.desc(),
                CustomerClassRow.n.desc(),
            )
        )
        standing: dict[tuple[date, str], CustomerClass] = {}
        for row in rows:
            standing.setdefault((row.as_of, row.customer_id), _class(row))
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


# The customers, each with every id of its own: joined with the few aliases, so that the whole book
# may be asked.
CUSTOMERS = """
    customer c
    LEFT JOIN (
        SELECT customer_id, array_agg(alias_id) AS ids FROM customer_alias GROUP BY customer_id
    ) AS gone ON gone.customer_id = c.customer_id
    CROSS JOIN LATERAL (SELECT array_prepend(c.customer_id, gone.ids) AS ids) AS one
"""
STAYED = "NOT EXISTS (SELECT FROM customer_alias a WHERE a.alias_id = c.customer_id)"
# The rows that hold as of a day for the customer whose ids are `one.ids`: the newest of each record,
# but for records that another row was judged with later.
STANDING = """
    WITH newest AS (
        SELECT k.* FROM unnest(one.ids) AS record (id)
        CROSS JOIN LATERAL (
            SELECT * FROM customer_class k
            WHERE k.customer_id = record.id AND k.as_of <= :as_of AND k.records <@ one.ids
            ORDER BY k.as_of DESC, k.n DESC LIMIT 1) AS k
    )
    SELECT k.* FROM newest k WHERE NOT EXISTS (
        SELECT FROM newest w
        WHERE k.customer_id = ANY (w.records) AND w.recorded_at > k.recorded_at)
"""
_FOUND = text(
    f"""
    SELECT one.survivor, held.* FROM (
        SELECT customer_survivor(:customer_id) AS survivor, customer_ids(:customer_id) AS ids OFFSET 0
    ) AS one
    CROSS JOIN LATERAL ({STANDING}) AS held ORDER BY held.customer_id
    """
)
_ORDER = f"ARRAY{[tier.value for tier in FiveTier]}"
_OF_TIER = ", ".join(
    f"coalesce(sum((k.amounts ->> '{tier.value}')::bigint), 0) AS {tier.value}_minor"
    for tier in FiveTier
)


def _held(columns: str, where: str = "true") -> str:
    """One row a customer of what holds of all its records, beside its allowances."""
    return f"""
    FROM {CUSTOMERS}
    JOIN LATERAL (
        SELECT ({_ORDER})[max(array_position({_ORDER}, k.tier))] AS tier, max(k.stage) AS stage,
               {columns}
        FROM ({STANDING}) AS k WHERE {where} HAVING count(*) > 0) AS held ON true
    LEFT JOIN LATERAL (
        SELECT coalesce(sum(e.delta_minor) FILTER (WHERE e.portfolio = 'line'), 0) AS line_minor,
               coalesce(sum(e.delta_minor) FILTER (WHERE e.portfolio = 'receivables'), 0)
                   AS receivables_loss_minor
        FROM loss_entry e WHERE e.customer_id = ANY (one.ids) AND e.period_on <= :as_of) AS loss
        ON true
    WHERE {STAYED} AND (CAST(:manager_id AS text) IS NULL OR c.manager_id = :manager_id)
    """


_STANDINGS = text(
    f"""
    SELECT c.customer_id, held.rows, loss.line_minor, loss.receivables_loss_minor
    {_held("jsonb_agg(to_jsonb(k)) AS rows")}
        AND c.customer_id > :after
        AND (CAST(:tier AS text) IS NULL OR held.tier = :tier)
        AND (CAST(:stage AS integer) IS NULL OR held.stage = :stage)
    ORDER BY c.customer_id LIMIT :page_size
    """
)
_SUMMED = ", ".join(f"sum(held.{tier.value}_minor) AS {tier.value}_minor" for tier in FiveTier)
_SUMS = text(
    f"""
    SELECT held.tier, held.stage, count(*) AS customers, {_SUMMED},
           sum(loss.line_minor) AS line_minor,
           sum(loss.receivables_loss_minor) AS receivables_loss_minor
    {_held(_OF_TIER, "k.currency = :currency")}
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
        "records": list(found.records),
        "ruled": found.ruled.model_dump(mode="json") if found.ruled else None,
        "tier_least": found.tier_least,
        "manual_id": found.manual_id,
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
        records=tuple(row["records"]),
        ruled=ClassByRule.model_validate(row["ruled"]) if row["ruled"] else None,
        tier_least=FiveTier(row["tier_least"]) if row["tier_least"] else None,
        manual_id=row["manual_id"],
    )


def _standing(row: RowMapping, as_of: date) -> ClassStanding:
    rows = sorted(row["rows"], key=lambda each: str(each["customer_id"]))
    held = CustomerClass.together(row["customer_id"], [_class_of(each) for each in rows])
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
