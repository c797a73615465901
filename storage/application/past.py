"""What was decided before, read in sets: receipts of cases and of lines, and what came after."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from domain.assessment import Assessment


class PastCase(NamedTuple):
    """The newest receipt about a case or a line, and the line where there is one."""

    receipt: Assessment
    receipt_hash: str
    line_id: str | None
    line_version: int


class PastCases:
    """Receipts in sets; each case and each line counts once, by its newest."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list_newest(self, most: int) -> list[PastCase]:
        """The applications judged last, the newest first."""
        rows = self._session.execute(_PAST, {"most": most})
        return [_past(row) for row in rows]

    def list_live(self, most: int) -> list[PastCase]:
        """The lines that have not ended, by id, with the newest receipt about each."""
        rows = self._session.execute(_LIVE, {"most": most})
        return [_past(row) for row in rows]

    def count_live(self) -> int:
        """How many lines have not ended."""
        return self._session.scalar(_COUNT_LIVE) or 0

    def went_bad(self, customers: Iterable[str]) -> dict[str, list[tuple[date, str]]]:
        """Of these customers, warnings raised and collections opened, with their days."""
        found: dict[str, list[tuple[date, str]]] = defaultdict(list)
        rows = self._session.execute(_BAD, {"customers": sorted(customers)})
        for customer_id, day, code in rows:
            found[customer_id].append((day, code))
        return found


def _past(row: Row[Any]) -> PastCase:
    return PastCase(
        receipt=Assessment.model_validate(row.receipt),
        receipt_hash=row.receipt_hash,
        line_id=row.line_id,
        line_version=row.version or 0,
    )


_PAST = text(
    """
    SELECT receipt, receipt_hash, line_id, version FROM (
        SELECT DISTINCT ON (a.subject_id) a.subject_id, a.receipt, a.receipt_hash, a.recorded_at,
               l.line_id, l.version
        FROM assessment a
        JOIN application p ON p.case_id = a.subject_id
        LEFT JOIN credit_line l ON l.case_id = a.subject_id
        ORDER BY a.subject_id, a.n DESC
    ) newest
    ORDER BY recorded_at DESC, subject_id LIMIT :most
    """
)
_LIVE = text(
    """
    SELECT receipt, receipt_hash, line_id, version FROM (
        SELECT DISTINCT ON (l.line_id) a.receipt, a.receipt_hash, l.line_id, l.version
        FROM credit_line l
        JOIN assessment a ON a.subject_id = l.case_id
            OR a.subject_id IN (SELECT r.review_id FROM review r WHERE r.line_id = l.line_id)
        WHERE l.status IN ('active', 'frozen', 'collect_only')
        ORDER BY l.line_id, a.recorded_at DESC, a.n DESC
    ) newest
    ORDER BY line_id LIMIT :most
    """
)
_COUNT_LIVE = text(
    "SELECT count(*) FROM credit_line WHERE status IN ('active', 'frozen', 'collect_only')"
)
_BAD = text(
    """
    SELECT asked.id, b.day, b.code
    FROM unnest(CAST(:customers AS text[])) asked (id)
    JOIN LATERAL (
        SELECT customer_id, raised_on AS day, 'warning:' || rule AS code FROM warning
        UNION ALL
        SELECT customer_id, opened_on, 'collection' FROM collection_case
    ) b ON b.customer_id = ANY (customer_ids(asked.id))
    ORDER BY 2, 3
    """
)
