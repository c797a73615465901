"""What the book comes to: sums of limits and of what is used, as of the last look, and the largest.

Adding up a book for every case would read all of it; the sums are made by whoever walks the book
anyway (monitoring, re-rating) and replaced as a whole. Limits are those of lines in force; what is
used is owed on ended lines too.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, and_, not_, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.money import Money
from storage.base import Row
from storage.customer import of_customer

TOTAL = "total"
# How many of the largest are kept by each measure: more than any cap looks at, as the rates of a
# later day may move one past another.
LARGEST = 120


class BookShareRow(Row):
    __tablename__ = "book_share"

    scope: Mapped[str] = mapped_column(primary_key=True)  # total, industry, region, grade, unit ...
    name: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    product: Mapped[str] = mapped_column(primary_key=True)
    limit_minor: Mapped[int] = mapped_column(BigInteger)
    used_minor: Mapped[int] = mapped_column(BigInteger)
    as_of: Mapped[date]


class BookLargestRow(Row):
    __tablename__ = "book_largest"

    customer_id: Mapped[str] = mapped_column(primary_key=True)
    product: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    limit_minor: Mapped[int] = mapped_column(BigInteger)
    used_minor: Mapped[int] = mapped_column(BigInteger)
    place: Mapped[int]  # the best among the largest by any measure, 1 the largest
    as_of: Mapped[date]


class BookPart(NamedTuple):
    """What lines of one product and currency come to: of a scope and a name, or of a customer."""

    of: tuple[str, str]
    product: str
    limits: Money
    used: Money


class ProductWeight(NamedTuple):
    """What a use of a product counts as, where the largest are chosen."""

    funded: bool
    conversion_factor: Decimal


class BookShares:
    """Sums of lines by what caps are set on."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def currencies(self) -> list[str]:
        """The currencies that lines are kept in."""
        rows = self._session.scalars(
            text("SELECT DISTINCT currency FROM exposure_account WHERE kind = 'line' ORDER BY 1")
        )
        return list(rows)

    def refresh(
        self,
        as_of: date,
        rates: Mapping[str, Decimal],
        products: Mapping[str, ProductWeight],
    ) -> None:
        """Add up the book anew; two at once take their turns, and the last one stands.

        `rates` turn a minor unit of each currency into minor units of one, and with `products` say
        who is among the largest; a currency without a rate makes nobody large.
        """
        self._session.execute(text("LOCK TABLE book_share IN SHARE ROW EXCLUSIVE MODE"))
        self._session.execute(text("DELETE FROM book_share"))
        self._session.execute(text("DELETE FROM book_largest"))
        self._session.execute(_SUMS, {"as_of": as_of})
        self._session.execute(
            _LARGEST,
            {
                "as_of": as_of,
                "most": LARGEST,
                "rates": json.dumps(
                    [{"currency": code, "rate": f"{rate:f}"} for code, rate in rates.items()]
                ),
                "products": json.dumps(
                    [
                        {"product": code, "funded": funded, "factor": f"{factor:f}"}
                        for code, (funded, factor) in products.items()
                    ]
                ),
            },
        )

    def find(self, industry: str, region: str, unit: str) -> tuple[list[BookPart], date | None]:
        """The sums that a case of an industry, a region and a unit is measured on, and their day."""
        wanted: Any = or_(
            BookShareRow.scope.in_([TOTAL, "grade"]),
            and_(BookShareRow.scope == "industry", BookShareRow.name == industry),
            and_(BookShareRow.scope == "region", BookShareRow.name == region),
            and_(BookShareRow.scope == "unit", BookShareRow.name == unit),
            and_(
                BookShareRow.scope == "unit_grade",
                BookShareRow.name.startswith(f"{unit}/", autoescape=True),
            ),
        )
        rows = self._session.scalars(
            select(BookShareRow)
            .where(wanted)
            .order_by(
                BookShareRow.scope, BookShareRow.name, BookShareRow.currency, BookShareRow.product
            )
        ).all()
        parts = [_part((row.scope, row.name), row) for row in rows]
        return parts, next((row.as_of for row in rows), None)

    def find_largest(self, most: int, without: str) -> list[BookPart]:
        """The parts of so many of the largest customers by each measure, but for one."""
        rows = self._session.scalars(
            select(BookLargestRow)
            .where(
                not_(of_customer(BookLargestRow.customer_id, without)), BookLargestRow.place <= most
            )
            .order_by(BookLargestRow.customer_id, BookLargestRow.currency, BookLargestRow.product)
        )
        return [_part(("customer", row.customer_id), row) for row in rows]

    def find_held(self, customer_ids: Iterable[str]) -> list[tuple[str, BookPart]]:
        """What each of these customers' lines comes to now: the line, and its part."""
        rows = self._session.execute(_HELD, {"customers": sorted(set(customer_ids))})
        return [(row.line_id, _part(("customer", row.customer_id), row)) for row in rows]


def _part(of: tuple[str, str], row: Any) -> BookPart:
    return BookPart(
        of=of,
        product=row.product,
        limits=Money(minor=int(row.limit_minor), currency=row.currency),
        used=Money(minor=int(row.used_minor), currency=row.currency),
    )


_IN_FORCE = "l.status IN ('active', 'frozen', 'collect_only')"
_LINES = f"""
    SELECT l.line_id, coalesce(x.customer_id, l.customer_id) AS customer_id, l.grade,
        coalesce(l.terms ->> 'product', '') AS product,
        a.currency, a.used_minor,
        CASE WHEN {_IN_FORCE} THEN a.limit_minor ELSE 0 END AS limit_minor
    FROM credit_line l
    JOIN exposure_account a ON a.owner_id = l.line_id AND a.kind = 'line'
    LEFT JOIN customer_alias x ON x.alias_id = l.customer_id
    WHERE ({_IN_FORCE} OR a.used_minor > 0)
"""
_HELD = text(
    f"{_LINES} AND l.customer_id = ANY(customer_ids(VARIADIC CAST(:customers AS text[])))"
    " ORDER BY l.line_id"
)
_SUMS = text(
    f"""
    INSERT INTO book_share (scope, name, currency, product, limit_minor, used_minor, as_of)
    SELECT s.scope, s.name, l.currency, l.product, sum(l.limit_minor), sum(l.used_minor), :as_of
    FROM ({_LINES}) l
    JOIN customer c ON c.customer_id = l.customer_id
    LEFT JOIN person p ON p.person_id = c.manager_id
    CROSS JOIN LATERAL (VALUES
        ('total', ''),
        ('industry', coalesce(c.content ->> 'industry', '')),
        ('region', coalesce(c.content ->> 'region', '')),
        ('grade', l.grade),
        ('unit', coalesce(p.branch, '')),
        ('unit_grade', coalesce(p.branch, '') || '/' || l.grade)
    ) AS s (scope, name)
    GROUP BY s.scope, s.name, l.currency, l.product
    """
)
_LARGEST = text(
    f"""
    WITH held AS (
        SELECT customer_id, product, currency,
            sum(limit_minor) AS limit_minor, sum(used_minor) AS used_minor
        FROM ({_LINES}) l GROUP BY customer_id, product, currency
    ), weighed AS (
        SELECT held.customer_id,
            sum(held.limit_minor * r.rate) AS limits,
            sum(CASE WHEN p.funded IS FALSE THEN 0 ELSE held.used_minor * r.rate END) AS loans,
            sum(held.used_minor * r.rate * coalesce(p.factor, 1)) AS exposure
        FROM held
        JOIN jsonb_to_recordset(CAST(:rates AS jsonb)) AS r (currency text, rate numeric)
            ON r.currency = held.currency
        LEFT JOIN jsonb_to_recordset(CAST(:products AS jsonb))
            AS p (product text, funded boolean, factor numeric) ON p.product = held.product
        GROUP BY held.customer_id
    ), placed AS (
        SELECT customer_id, least(
            row_number() OVER (ORDER BY limits DESC, customer_id),
            row_number() OVER (ORDER BY loans DESC, customer_id),
            row_number() OVER (ORDER BY exposure DESC, customer_id)) AS place
        FROM weighed
    )
    INSERT INTO book_largest
        (customer_id, product, currency, limit_minor, used_minor, place, as_of)
    SELECT held.customer_id, held.product, held.currency, held.limit_minor, held.used_minor,
        placed.place, :as_of
    FROM held JOIN placed ON placed.customer_id = held.customer_id
    WHERE placed.place <= :most
    """
)
