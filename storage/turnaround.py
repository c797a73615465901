"""What was recorded of cases and tasks as it happened: the only source of how long things took."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from domain.event_log import LoggedEvent
from domain.turnaround import CaseEvent, CaseHistory, TaskSpan

_PAGE_ROWS = 5_000


class Histories:
    """Cases and tasks by their events; a past day reads the same on every later one."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, case_id: str) -> CaseHistory | None:
        """An application by everything that happened to it."""
        rows = self._session.execute(_OF_CASE, {"case_id": case_id}).mappings()
        return next(_histories(rows), None)

    def before(self, before: datetime) -> Iterator[CaseHistory]:
        """Every application that had begun before an instant, by what had happened to it."""
        rows = self._session.execute(
            _BEFORE, {"before": before}, execution_options={"yield_per": _PAGE_ROWS}
        )
        return _histories(rows.mappings())

    def decided_tasks(self, since: datetime | None, before: datetime) -> Sequence[TaskSpan]:
        """The tasks on which a word was said in a period, oldest word first."""
        rows = self._session.execute(_DECIDED, {"since": since, "before": before})
        return [TaskSpan.model_validate(dict(row)) for row in rows.mappings()]

    def usual_tasks(
        self, positions: Sequence[str], since: datetime, before: datetime, most: int
    ) -> Sequence[TaskSpan]:
        """The newest decided tasks of each of these positions, at most so many of one."""
        rows = self._session.execute(
            _USUAL,
            {"positions": list(positions), "since": since, "before": before, "most": most},
        )
        return [TaskSpan.model_validate(dict(row)) for row in rows.mappings()]

    def open_tasks(self, before: datetime, case_id: str | None = None) -> Sequence[TaskSpan]:
        """The tasks that waited at an instant, of one case or of all, the first due first."""
        rows = self._session.execute(_OPEN, {"before": before, "case_id": case_id})
        return [TaskSpan.model_validate(dict(row)) for row in rows.mappings()]

    def newest_event(self) -> int:
        return int(self._session.scalar(_NEWEST) or 0)

    def events_page(
        self,
        after: tuple[str, int] | None,
        *,
        newest: int,
        since: datetime | None,
        before: datetime | None,
        page_size: int = _PAGE_ROWS,
    ) -> Sequence[LoggedEvent]:
        """Events by case, in order, up to the `newest`; `after` is the last one seen."""
        case_id, event_no = after or ("", 0)
        rows = self._session.execute(
            _EVENTS,
            {
                "case_id": case_id,
                "event_no": event_no,
                "newest": newest,
                "since": since,
                "before": before,
                "page_size": page_size,
            },
        )
        return [LoggedEvent.model_validate(dict(row)) for row in rows.mappings()]


def _histories(rows: Iterator[RowMapping] | Any) -> Iterator[CaseHistory]:
    for _, of_case in groupby(rows, key=lambda row: row["case_id"]):
        events = list(of_case)
        first = events[0]
        yield CaseHistory(
            case_id=first["case_id"],
            customer_id=first["customer_id"],
            application_type=first["application_type"],
            edition_hash=first["edition_hash"],
            unit=first["unit"],
            events=tuple(
                CaseEvent(
                    event_no=row["event_no"],
                    kind=row["kind"],
                    at=row["at"],
                    person_id=row["person_id"],
                    facts=row["facts"],
                )
                for row in events
            ),
        )


_UNIT = """
    LEFT JOIN customer_alias x ON x.alias_id = a.customer_id
    LEFT JOIN customer c ON c.customer_id = coalesce(x.customer_id, a.customer_id)
    LEFT JOIN person p ON p.person_id = c.manager_id
"""
_HISTORY = f"""
    SELECT e.case_id, e.event_no, e.kind, e.person_id, e.facts, e.occurred_at AS at,
        a.customer_id, a.application_type, a.edition_hash, coalesce(p.branch, '') AS unit
    FROM case_event e JOIN application a ON a.case_id = e.case_id {_UNIT}
"""
_OF_CASE = text(f"{_HISTORY} WHERE e.case_id = :case_id ORDER BY e.event_no")
_BEFORE = text(f"{_HISTORY} WHERE e.occurred_at < :before ORDER BY e.case_id, e.event_no")
_TASK = """
    a.task_id, a.case_id, a.customer_id, a.opened_at, a.due_at,
    coalesce(n.edition_hash, '') AS edition_hash, coalesce(p.branch, '') AS unit
"""
_TASK_UNIT = f"LEFT JOIN application n ON n.case_id = a.case_id {_UNIT}"
_DECIDED = text(
    f"""
    SELECT {_TASK}, d.position, d.person_id, d.decided_at
    FROM decision d JOIN task a ON a.task_id = d.task_id
    {_TASK_UNIT}
    WHERE d.decided_at < :before
        AND (CAST(:since AS timestamptz) IS NULL OR d.decided_at >= :since)
    ORDER BY d.decided_at, d.decision_id
    """
)
_USUAL = text(
    f"""
    SELECT {_TASK}, d.position, d.person_id, d.decided_at
    FROM unnest(CAST(:positions AS text[])) AS asked (position)
    CROSS JOIN LATERAL (
        SELECT * FROM decision w
        WHERE w.position = asked.position AND w.decided_at >= :since AND w.decided_at < :before
        ORDER BY w.decided_at DESC LIMIT :most
    ) AS d
    JOIN task a ON a.task_id = d.task_id
    {_TASK_UNIT}
    ORDER BY d.position, d.decided_at DESC
    """
)
_OPEN = text(
    f"""
    SELECT {_TASK}, a.position, NULL AS person_id, NULL AS decided_at
    FROM task a
    {_TASK_UNIT}
    WHERE a.opened_at < :before AND (a.closed_at IS NULL OR a.closed_at >= :before)
        AND (CAST(:case_id AS text) IS NULL OR a.case_id = :case_id)
    ORDER BY a.due_at, a.task_id
    """
)
_NEWEST = text("SELECT max(event_no) FROM case_event")
_EVENTS = text(
    """
    SELECT e.case_id, e.event_no, e.kind, e.person_id AS person, e.facts, e.occurred_at AS at,
        coalesce(a.application_type, '') AS case_type, coalesce(a.customer_id, '') AS customer_id
    FROM case_event e LEFT JOIN application a ON a.case_id = e.case_id
    WHERE (e.case_id, e.event_no) > (:case_id, :event_no) AND e.event_no <= :newest
        AND (CAST(:since AS timestamptz) IS NULL OR e.occurred_at >= :since)
        AND (CAST(:before AS timestamptz) IS NULL OR e.occurred_at < :before)
    ORDER BY e.case_id, e.event_no LIMIT :page_size
    """
)
