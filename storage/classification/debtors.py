"""Whom a run has to look at, and how the lines of a customer stood on a day."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from pydantic import TypeAdapter
from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from domain.classification import LineStanding
from domain.cover import Cover
from domain.money import Money
from storage.customer import Customers

_COVERS: TypeAdapter[tuple[Cover, ...]] = TypeAdapter(tuple[Cover, ...])


class Debtors:
    """Customers of whom anything is owed, may be drawn, or is on record."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find_page(self, first: date, last: date, *, after: str | None, page_size: int) -> list[str]:
        """Customers by id, from above `after`: with a class on record or set by hand, or with a line
        or an open invoice on any day from the first to the last.

        A record that gave way is judged as the one that stayed, which is always looked at.
        """
        rows = self._session.execute(
            _PAGE, {"first": first, "last": last, "after": after or "", "page_size": page_size}
        )
        return [customer_id for (customer_id,) in rows]

    def find_named(
        self, customer_ids: Sequence[str], *, after: str | None, page_size: int
    ) -> list[str]:
        """These customers by id, from above `after`; each as the record that stayed."""
        found = sorted(set(Customers(self._session).survivors(customer_ids).values()))
        return [each for each in found if after is None or each > after][:page_size]

    def lines(self, customer_id: str, as_of: date) -> tuple[LineStanding, ...]:
        """The lines that had begun by the day, amounts in the currency of each.

        What is used and the limit are those of the day, from the book of entries; the grade is the
        one on record now. Covers are those of the receipt that the line rests on, at their worth.
        """
        rows = self._session.execute(
            _LINES, {"customer_id": customer_id, "as_of": as_of}
        ).mappings()
        return tuple(_standing(row) for row in rows)


_PAGE = text(
    """
    SELECT c.customer_id FROM customer c
    WHERE c.customer_id > :after
        AND NOT EXISTS (SELECT FROM customer_alias a WHERE a.alias_id = c.customer_id) AND (
        EXISTS (SELECT FROM customer_alias a WHERE a.customer_id = c.customer_id)
        OR EXISTS (SELECT 1 FROM credit_line l
            WHERE l.customer_id = c.customer_id AND l.starts_on <= :last)
        OR EXISTS (SELECT 1 FROM customer_class k WHERE k.customer_id = c.customer_id)
        OR EXISTS (SELECT 1 FROM manual_class m WHERE m.customer_id = c.customer_id)
        OR EXISTS (SELECT 1 FROM invoice i
            WHERE i.customer_id = c.customer_id AND i.issued_on <= :last
            AND i.amount_minor > (SELECT coalesce(sum(p.amount_minor), 0) FROM invoice_reduction p
                WHERE p.customer_id = i.customer_id AND p.invoice_no = i.invoice_no
                AND p.counts_on <= :first)))
    ORDER BY c.customer_id LIMIT :page_size
    """
)
# Days of entries rise with their numbers, so the last one up to a day has the balance of the day.
_LINES = text(
    """
    SELECT l.line_id, l.grade, l.currency, l.ends_on, line_rate_on(l, :as_of) AS rate_annual,
           coalesce(origin.grade, l.grade) AS grade_origin, origin.covers,
           coalesce(used.used_after, 0) AS used_minor,
           CASE WHEN l.status = 'active' AND l.last_draw_on >= :as_of
                AND granted.limit_kind = 'amount'
               THEN greatest(granted.limit_minor - coalesce(used.used_after, 0), 0) ELSE 0
           END AS unused_minor,
           CASE WHEN l.ends_on < :as_of THEN (
               SELECT max(e.business_on) FROM exposure_entry e
               WHERE e.account_no = a.account_no AND e.used_minor < 0
                   AND e.business_on > l.ends_on AND e.business_on <= :as_of)
           END AS late_until
    FROM credit_line l
    JOIN exposure_account a ON a.owner_id = l.line_id AND a.kind = 'line'
    LEFT JOIN LATERAL (
        SELECT s.grade, s.receipt -> 'dossier' -> 'covers' AS covers FROM assessment s
        WHERE s.subject_id = l.case_id ORDER BY s.n DESC LIMIT 1) AS origin ON true
    LEFT JOIN LATERAL (
        SELECT e.used_after FROM exposure_entry e
        WHERE e.account_no = a.account_no AND e.business_on <= :as_of
        ORDER BY e.seq DESC LIMIT 1) AS used ON true
    LEFT JOIN LATERAL (
        SELECT e.limit_kind, e.limit_minor FROM exposure_entry e
        WHERE e.account_no = a.account_no AND e.business_on <= :as_of
            AND e.kind IN ('opening', 'limit')
        ORDER BY e.seq DESC LIMIT 1) AS granted ON true
    WHERE l.customer_id = ANY (customer_ids(:customer_id)) AND l.starts_on <= :as_of
    ORDER BY l.line_id
    """
)


def _standing(row: RowMapping) -> LineStanding:
    currency = row["currency"]
    return LineStanding(
        line_id=row["line_id"],
        grade=row["grade"],
        grade_origin=row["grade_origin"],
        used=Money(minor=row["used_minor"], currency=currency),
        unused=Money(minor=row["unused_minor"], currency=currency),
        rate_annual=Decimal(row["rate_annual"]),
        ends_on=row["ends_on"],
        late_until=row["late_until"],
        covers=tuple(
            (cover, cover.value) for cover in _COVERS.validate_python(row["covers"] or ())
        ),
    )
