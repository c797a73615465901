"""Whom a look at the book has to look at: everybody of whom anything may have to be decided."""

from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session


class Book:
    """Whom a look at the book has to look at."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find_page(
        self, as_of: date, *, after: str | None, page_size: int, watched_only: bool = False
    ) -> list[str]:
        """Customers by id, from above `after`, of whom anything may have to be decided.

        They are watched (an open warning, collection case or plan of what stands above a limit, a
        hold for what stands above a group's, or a freeze that a warning left), or they have a line in
        force or an invoice unpaid past its due date.
        """
        page: dict[str, Any] = {"after": after or "", "page_size": page_size}
        if watched_only:
            rows = self._session.execute(_WATCHED, page)
        else:
            rows = self._session.execute(_BOOK, page | {"as_of": as_of})
        return [customer_id for (customer_id,) in rows]

    def is_watched(self, customer_id: str | None = None) -> bool:
        """Whether a payment of the customer, or of anybody, may close, lift or end anything."""
        found = self._session.scalar(_ANY_WATCHED, {"customer_id": customer_id})
        return found is not None

    def lock(self, customer_id: str) -> bool:
        """Hold a customer until the transaction ends; False where there is none."""
        found = self._session.scalar(
            text(
                "SELECT 1 FROM customer WHERE customer_id = customer_survivor(:customer_id)"
                " FOR NO KEY UPDATE"
            ),
            {"customer_id": customer_id},
        )
        return found is not None


_OPEN = """
    EXISTS (SELECT 1 FROM warning w WHERE w.customer_id = c.customer_id
            AND (w.status = 'open' OR (w.freezes AND w.lifted_on IS NULL)))
    OR EXISTS (SELECT 1 FROM collection_case k WHERE k.customer_id = c.customer_id
            AND k.status = 'open')
    OR EXISTS (SELECT 1 FROM excess e WHERE e.customer_id = c.customer_id
            AND e.status <> 'settled')
    OR EXISTS (SELECT 1 FROM order_hold h WHERE h.customer_id = c.customer_id
            AND h.status = 'open' AND h.holds = 'customer' AND NOT h.manual)
"""
# A record that gave way is looked at as the one that stayed, which is always looked at: what is
# watched may stand under either id.
_PAGE = (
    "SELECT c.customer_id FROM customer c WHERE c.customer_id > :after"
    " AND NOT EXISTS (SELECT FROM customer_alias a WHERE a.alias_id = c.customer_id)"
    " AND (EXISTS (SELECT FROM customer_alias a WHERE a.customer_id = c.customer_id) OR {})"
)
_IN_ORDER = " ORDER BY c.customer_id LIMIT :page_size"
_WATCHED = text(_PAGE.format(_OPEN) + _IN_ORDER)
_ANY_WATCHED = text(
    "SELECT 1 FROM customer c"
    " WHERE (CAST(:customer_id AS text) IS NULL OR c.customer_id = ANY (customer_ids(:customer_id)))"
    f" AND ({_OPEN}) LIMIT 1"
)
_BOOK = text(
    _PAGE.format(
        _OPEN
        + """
    OR EXISTS (SELECT 1 FROM credit_line l WHERE l.customer_id = c.customer_id
            AND l.status IN ('active', 'frozen', 'collect_only'))
    OR EXISTS (SELECT 1 FROM invoice i WHERE i.customer_id = c.customer_id
            AND i.due_on < :as_of AND i.issued_on <= :as_of
            AND i.amount_minor > (SELECT coalesce(sum(p.amount_minor), 0) FROM invoice_reduction p
                WHERE p.customer_id = i.customer_id AND p.invoice_no = i.invoice_no
                AND p.counts_on <= :as_of))
    OR EXISTS (SELECT 1 FROM account_confirmation k WHERE k.customer_id = c.customer_id
            AND k.answer_by < :as_of
            AND k.documents > (SELECT count(*) FROM confirmation_document d
                WHERE d.confirmation_id = k.confirmation_id))
    """
    )
    + _IN_ORDER
)
