"""The part of the book that belongs to an industry: its lines in force, one by one and added up.

A line is of the industry of whichever record answers for its customer today.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.money import Money
from domain.outlook import AffectedBook, AffectedLine

IN_FORCE = "l.status IN ('active', 'frozen', 'collect_only')"
# Joined by the industry of the customer as it is known now.
OF_INDUSTRIES = """
    JOIN customer c ON c.customer_id = customer_survivor(l.customer_id)
        AND c.content ->> 'industry' = ANY (CAST(:industries AS text[]))
"""


class IndustryLines:
    """The lines in force of industries."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find_page(
        self, industries: Sequence[str], after: str | None = None, page_size: int = 50
    ) -> tuple[AffectedLine, ...]:
        """Lines by id, from above `after`."""
        rows = self._session.execute(
            _PAGE,
            {"industries": list(industries), "after": after or "", "page_size": page_size},
        ).mappings()
        return tuple(
            AffectedLine(
                line_id=row["line_id"],
                customer_id=row["customer_id"],
                industry=row["industry"],
                grade=row["grade"],
                limit=Money(minor=row["limit_minor"], currency=row["currency"]),
                exposure=Money(minor=row["used_minor"], currency=row["currency"]),
            )
            for row in rows
        )

    def sums(self, industries: Sequence[str]) -> dict[str, AffectedBook]:
        """What each industry's lines come to; nothing of one that has none."""
        rows = self._session.execute(_SUMS, {"industries": list(industries)}).mappings()
        found: dict[str, AffectedBook] = {}
        for row in rows:
            book = found.get(row["industry"], AffectedBook(industry=row["industry"]))
            limit = Money(minor=int(row["limit_minor"]), currency=row["currency"])
            used = Money(minor=int(row["used_minor"]), currency=row["currency"])
            found[row["industry"]] = book.model_copy(
                update={
                    "customers": row["customers"],
                    "lines": book.lines + row["lines"],
                    "limits": (*book.limits, limit),
                    "exposure": (*book.exposure, used),
                }
            )
        return found


_LINES = f"""
    SELECT l.line_id, l.grade, c.customer_id, c.content ->> 'industry' AS industry,
        a.currency, a.limit_minor, a.used_minor
    FROM credit_line l
    JOIN exposure_account a ON a.owner_id = l.line_id AND a.kind = 'line'
    {OF_INDUSTRIES}
    WHERE {IN_FORCE}
"""
_PAGE = text(
    f"""
    SELECT * FROM ({_LINES}) f WHERE f.line_id COLLATE "C" > :after
    ORDER BY f.line_id COLLATE "C" LIMIT :page_size
    """
)
# A customer with lines of two currencies is one customer: counted by industry, summed by currency.
_SUMS = text(
    f"""
    WITH f AS ({_LINES})
    SELECT s.*, k.customers FROM (
        SELECT industry, currency, count(*) AS lines, sum(limit_minor) AS limit_minor,
            sum(used_minor) AS used_minor
        FROM f GROUP BY industry, currency
    ) s
    JOIN (SELECT industry, count(DISTINCT customer_id) AS customers FROM f GROUP BY industry) k
        USING (industry)
    ORDER BY s.industry, s.currency
    """
)
