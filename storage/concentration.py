"""What the book comes to by industry, region and grade: sums of limits, as of the last look.

Adding up a book for every case would read all of it; the sums are made by whoever walks the book
anyway (monitoring, re-rating) and replaced as a whole.
"""

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, and_, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.money import Money
from storage.base import Row

TOTAL = "total"


class BookShareRow(Row):
    __tablename__ = "book_share"

    scope: Mapped[str] = mapped_column(primary_key=True)  # total, industry, region or grade
    name: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    limit_minor: Mapped[int] = mapped_column(BigInteger)
    as_of: Mapped[date]


class BookShares:
    """Sums of the limits of lines in force."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def refresh(self, as_of: date) -> None:
        """Add up the book anew; two at once take their turns, and the last one stands."""
        self._session.execute(text("LOCK TABLE book_share IN SHARE ROW EXCLUSIVE MODE"))
        self._session.execute(text("DELETE FROM book_share"))
        self._session.execute(_SUMS, {"as_of": as_of})

    def find(self, industry: str, region: str) -> list[tuple[str, str, Money]]:
        """The sums that a case of an industry and a region is measured on: scope, name, limits."""
        wanted: Any = or_(
            BookShareRow.scope.in_([TOTAL, "grade"]),
            and_(BookShareRow.scope == "industry", BookShareRow.name == industry),
            and_(BookShareRow.scope == "region", BookShareRow.name == region),
        )
        rows = self._session.scalars(
            select(BookShareRow)
            .where(wanted)
            .order_by(BookShareRow.scope, BookShareRow.name, BookShareRow.currency)
        )
        return [
            (row.scope, row.name, Money(minor=row.limit_minor, currency=row.currency))
            for row in rows
        ]


_SUMS = text(
    """
    INSERT INTO book_share (scope, name, currency, limit_minor, as_of)
    SELECT s.scope, s.name, a.currency, sum(a.limit_minor), :as_of
    FROM credit_line l
    JOIN exposure_account a ON a.owner_id = l.line_id AND a.kind = 'line'
    JOIN customer c ON c.customer_id = customer_survivor(l.customer_id)
    CROSS JOIN LATERAL (VALUES
        ('total', ''),
        ('industry', coalesce(c.content ->> 'industry', '')),
        ('region', coalesce(c.content ->> 'region', '')),
        ('grade', l.grade)
    ) AS s (scope, name)
    WHERE l.status IN ('active', 'frozen', 'collect_only')
    GROUP BY s.scope, s.name, a.currency
    """
)
