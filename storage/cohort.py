"""What became of every approved new line as of a day: read from letters, lines, warnings, cases of
collection, classes and postings; nothing of it is kept."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from domain.classification import FiveTier
from domain.cohort import AUTOMATIC, CohortLetter
from domain.money import Money
from storage.classification.classes import CUSTOMERS, STANDING


class Cohorts:
    """Approved new lines; amounts as they were granted, each in its own currency."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def letters(
        self, as_of: date, currency: str, *, offset_days: int = 0, manager_id: str | None = None
    ) -> Sequence[CohortLetter]:
        """The letters decided by a day, the oldest first.

        `currency` is the one classes are kept in; `offset_days` brings the instant of a line's end
        to its business day.
        """
        rows = self._session.execute(
            _LETTERS,
            {
                "as_of": as_of,
                "offset_days": offset_days,
                "manager_id": manager_id,
                "non_performing": [tier.value for tier in FiveTier if tier.non_performing],
            },
        ).mappings()
        return [_letter(row, currency) for row in rows]


_LETTERS = text(
    f"""
    SELECT l.letter_no, l.case_id, c.customer_id, x.line_id, l.decided_on, a.edition_hash,
           l.body -> 'decided_by' ->> -1 AS approver, coalesce(judged.grade, '') AS grade,
           l.limit_minor, l.currency, held.non_performing,
           x.line_id IS NOT NULL AND x.ends_on >= :as_of AND NOT EXISTS (
               SELECT 1 FROM line_event e
               WHERE e.line_id = x.line_id AND e.kind IN ('terminated', 'expired')
                   AND (e.occurred_at AT TIME ZONE 'Asia/Shanghai')::date + :offset_days <= :as_of
           ) AS active,
           EXISTS (SELECT 1 FROM warning w WHERE w.customer_id = ANY (one.ids)
               AND w.raised_on BETWEEN l.decided_on AND :as_of) AS warned,
           EXISTS (SELECT 1 FROM collection_case k WHERE k.customer_id = ANY (one.ids)
               AND k.opened_on BETWEEN l.decided_on AND :as_of
               AND (k.closed_on IS NULL OR k.closed_on > :as_of)) AS in_collection,
           CASE WHEN l.newest THEN coalesce(held.loss_minor, 0) ELSE 0 END
               AS loss_minor,
           CASE WHEN l.newest THEN (
               SELECT coalesce(sum(e.delta_minor), 0) FROM loss_entry e
               WHERE e.customer_id = ANY (one.ids) AND e.period_on <= :as_of) ELSE 0 END
               AS allowance_minor
    FROM (
        SELECT letter.*, coalesce(x.customer_id, letter.customer_id) AS survivor_id,
            row_number() OVER (
                PARTITION BY coalesce(x.customer_id, letter.customer_id)
                ORDER BY letter.decided_on DESC, letter.letter_no DESC) = 1 AS newest
        FROM letter JOIN application USING (case_id)
        LEFT JOIN customer_alias x ON x.alias_id = letter.customer_id
        WHERE letter.approved AND letter.decided_on <= :as_of
            AND application.application_type = 'new_line'
    ) AS l
    JOIN application a ON a.case_id = l.case_id
    JOIN ({CUSTOMERS}) ON c.customer_id = l.survivor_id
    LEFT JOIN LATERAL (
        SELECT s.grade FROM assessment s WHERE s.subject_id = l.case_id ORDER BY s.n DESC LIMIT 1
    ) AS judged ON true
    LEFT JOIN LATERAL (
        SELECT g.line_id, g.ends_on FROM credit_line g
        WHERE g.case_id = l.case_id AND g.starts_on <= :as_of
    ) AS x ON true
    LEFT JOIN LATERAL (
        SELECT bool_or(k.tier = ANY (:non_performing)) AS non_performing,
            sum((k.amounts ->> 'loss')::bigint) AS loss_minor
        FROM ({STANDING}) AS k
    ) AS held ON true
    WHERE CAST(:manager_id AS text) IS NULL OR c.manager_id = :manager_id
    ORDER BY l.decided_on, l.letter_no
    """
)


def _letter(row: RowMapping, currency: str) -> CohortLetter:
    return CohortLetter(
        letter_no=row["letter_no"],
        case_id=row["case_id"],
        customer_id=row["customer_id"],
        line_id=row["line_id"],
        decided_on=row["decided_on"],
        edition_hash=row["edition_hash"],
        approver=row["approver"] or AUTOMATIC,
        grade=row["grade"],
        amount=Money(minor=row["limit_minor"], currency=row["currency"]),
        active=row["active"],
        warned=row["warned"],
        in_collection=row["in_collection"],
        non_performing=bool(row["non_performing"]),
        allowance=Money(minor=int(row["allowance_minor"]), currency=currency),
        loss=Money(minor=int(row["loss_minor"]), currency=currency),
    )
