"""Cases as they were routed, read in sets for whoever looks for what single cases do not show."""

from datetime import date
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.money import Money


class RoutedCase(NamedTuple):
    """A case by its newest receipt: what it asked for, and the sum it was routed by; the customer is
    the record that answers for the one that asked."""

    case_id: str
    customer_id: str
    manager_id: str
    submitted_on: date
    edition_hash: str
    grade: str
    requested: Money
    aggregate: Money


class RoutedCases:
    """Cases judged, whatever has become of them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list_since(self, since: date, until: date) -> list[RoutedCase]:
        """The cases of these days that ask for more credit, by id."""
        rows = self._session.execute(_ROUTED, {"since": since, "until": until})
        return [
            RoutedCase(
                case_id=row.case_id,
                customer_id=row.customer_id,
                manager_id=row.manager_id,
                submitted_on=row.business_on,
                edition_hash=row.edition_hash,
                grade=row.grade,
                requested=Money.model_validate(row.requested),
                aggregate=Money.model_validate(row.aggregate),
            )
            for row in rows
        ]


_ROUTED = text(
    """
    SELECT p.case_id, c.customer_id, c.manager_id, p.business_on, a.edition_hash, a.grade,
        a.receipt -> 'dossier' -> 'limit_requested_reporting' AS requested,
        a.receipt -> 'route' -> 'aggregate' AS aggregate
    FROM application p
    LEFT JOIN customer_alias x ON x.alias_id = p.customer_id
    JOIN customer c ON c.customer_id = coalesce(x.customer_id, p.customer_id)
    JOIN LATERAL (
        SELECT edition_hash, grade, receipt FROM assessment
        WHERE subject_id = p.case_id ORDER BY n DESC LIMIT 1
    ) a ON true
    WHERE p.business_on BETWEEN :since AND :until AND p.application_type <> 'decrease'
    ORDER BY p.case_id
    """
)
