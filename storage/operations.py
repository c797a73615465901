"""What keeps cases from going on, as the records know it, and what was done about it.

A failing step is put here by its worker; what is under way and should move is found by indexes that
hold nothing that has ended.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Identity, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import AlreadyDecided, NotFound, SameHands
from domain.operations import (
    Repair,
    RepairAct,
    RepairContent,
    RepairDecision,
    RepairStatus,
    RepairVerdict,
    StepFailure,
)
from storage.base import Row, recorded_at, table_of


class StepFailureRow(Row):
    __tablename__ = "step_failure"

    workflow_id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(primary_key=True)
    step_id: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[str]
    attempts: Mapped[int]
    error: Mapped[str]
    first_failed_at: Mapped[datetime]
    last_failed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class RepairRow(Row):
    __tablename__ = "repair"

    repair_id: Mapped[str] = mapped_column(primary_key=True)
    repair_no: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    workflow_id: Mapped[str]
    run_id: Mapped[str]
    step: Mapped[str]
    case_id: Mapped[str | None]
    act: Mapped[str]
    content: Mapped[dict[str, Any]]
    asked_by: Mapped[str]
    recorded_at: Mapped[datetime]


class RepairDecisionRow(Row):
    __tablename__ = "repair_decision"

    repair_id: Mapped[str] = mapped_column(primary_key=True)
    verdict: Mapped[str]
    reason: Mapped[str]
    asked_by: Mapped[str]
    decided_by: Mapped[str]
    recorded_at: Mapped[datetime]


class RepairOutcomeRow(Row):
    __tablename__ = "repair_outcome"

    repair_id: Mapped[str] = mapped_column(primary_key=True)
    done: Mapped[bool]
    detail: Mapped[str]
    recorded_at: Mapped[datetime]


class StepFailures:
    """Steps that fail each time they are tried, until they end."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, failure: StepFailure) -> None:
        """The step has failed again; when it first did stays as it was."""
        table = table_of(StepFailureRow)
        self._session.execute(
            insert(table)
            .values(**failure.model_dump(), ended_at=None)
            .on_conflict_do_update(
                constraint="pk_step_failure",
                set_={
                    "attempts": failure.attempts,
                    "error": failure.error,
                    "last_failed_at": failure.last_failed_at,
                    "ended_at": None,
                },
            )
        )

    def end(self, workflow_id: str, run_id: str, step_id: str | None, at: datetime) -> None:
        """The step has ended, or every step of a run has, where none is named."""
        conditions = [
            StepFailureRow.workflow_id == workflow_id,
            StepFailureRow.run_id == run_id,
            StepFailureRow.ended_at.is_(None),
        ]
        if step_id is not None:
            conditions.append(StepFailureRow.step_id == step_id)
        self._session.execute(update(StepFailureRow).where(*conditions).values(ended_at=at))

    def list_open(self, most: int) -> Sequence[StepFailure]:
        """Those that have not ended, the one that failed last first."""
        rows = self._session.scalars(
            select(StepFailureRow)
            .where(StepFailureRow.ended_at.is_(None))
            .order_by(StepFailureRow.last_failed_at.desc())
            .limit(most)
        )
        return [_failure(row) for row in rows]


class Repairs:
    """Repairs that were asked for, by whom, who confirmed them, and what came of them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def ask(
        self,
        repair_id: str,
        content: RepairContent,
        *,
        run_id: str,
        step: str,
        case_id: str | None,
        asked_by: str,
    ) -> Repair:
        """Put a repair on record before it is made; one under the id already is that one."""
        self._session.execute(
            insert(table_of(RepairRow))
            .values(
                repair_id=repair_id,
                workflow_id=content.workflow_id,
                run_id=run_id,
                step=step,
                case_id=case_id,
                act=content.act,
                content=content.model_dump(mode="json"),
                asked_by=asked_by,
                recorded_at=recorded_at(),
            )
            .on_conflict_do_nothing()
        )
        return self.read(repair_id)

    def decide(self, repair_id: str, decision: RepairDecision, decided_by: str) -> Repair:
        """Confirm or decline what somebody else asked for; the same word again changes nothing.

        Refuses `SameHands`, and `AlreadyDecided` where another word was given.
        """
        repair = self.read(repair_id, for_update=True)
        if repair.decided_by is None and repair.status is RepairStatus.ASKED:
            if repair.asked_by == decided_by:
                raise SameHands(first="repair", second="confirmation of the repair")
            self._session.execute(
                insert(table_of(RepairDecisionRow)).values(
                    repair_id=repair_id,
                    verdict=decision.verdict,
                    reason=decision.reason,
                    asked_by=repair.asked_by,
                    decided_by=decided_by,
                    recorded_at=recorded_at(),
                )
            )
            return self.read(repair_id)
        declined = repair.status is RepairStatus.DECLINED
        if repair.decided_by != decided_by or declined != (
            decision.verdict is RepairVerdict.DECLINE
        ):
            raise AlreadyDecided(
                verdict=RepairVerdict.DECLINE if declined else RepairVerdict.CONFIRM,
                decided_by=repair.decided_by or repair.asked_by,
                decided_at=repair.decided_at or repair.asked_at,
            )
        return repair

    def end(self, repair_id: str, *, done: bool, detail: str = "") -> Repair:
        """What came of it; the first answer stands."""
        self._session.execute(
            insert(table_of(RepairOutcomeRow))
            .values(repair_id=repair_id, done=done, detail=detail[:500], recorded_at=recorded_at())
            .on_conflict_do_nothing()
        )
        return self.read(repair_id)

    def find_end(self, workflow_id: str, run_id: str, step_id: str) -> str | None:
        """The repair by which two people ended a step, if there is one; also once it was carried
        out, as whoever did may have died on the way."""
        return self._session.scalar(
            select(RepairRow.repair_id)
            .join(RepairDecisionRow, RepairDecisionRow.repair_id == RepairRow.repair_id)
            .where(
                RepairRow.workflow_id == workflow_id,
                RepairRow.run_id == run_id,
                RepairRow.act == RepairAct.FAIL,
                RepairRow.content["step_id"].as_string() == step_id,
                RepairDecisionRow.verdict == RepairVerdict.CONFIRM,
            )
            .limit(1)
        )

    def find(self, repair_id: str) -> Repair | None:
        found = self._list(RepairRow.repair_id == repair_id, most=1)
        return found[0] if found else None

    def read(self, repair_id: str, *, for_update: bool = False) -> Repair:
        if for_update:
            self._session.execute(
                select(RepairRow.repair_id)
                .where(RepairRow.repair_id == repair_id)
                .with_for_update()
            )
        repair = self.find(repair_id)
        if repair is None:
            raise NotFound(kind="repair", id=repair_id)
        return repair

    def list_newest(
        self,
        *,
        workflow_id: str | None = None,
        case_id: str | None = None,
        waiting: bool = False,
        most: int = 200,
    ) -> Sequence[Repair]:
        """The newest first; `waiting` are those that a second person has not answered."""
        conditions: list[Any] = []
        if workflow_id is not None:
            conditions.append(RepairRow.workflow_id == workflow_id)
        if case_id is not None:
            conditions.append(RepairRow.case_id == case_id)
        if waiting:
            conditions += [
                RepairRow.act.in_([act for act in RepairAct if act.second_person]),
                RepairDecisionRow.repair_id.is_(None),
            ]
        return self._list(*conditions, most=most)

    def _list(self, *conditions: Any, most: int) -> list[Repair]:
        query = (
            select(RepairRow, RepairDecisionRow, RepairOutcomeRow)
            .outerjoin(RepairDecisionRow, RepairDecisionRow.repair_id == RepairRow.repair_id)
            .outerjoin(RepairOutcomeRow, RepairOutcomeRow.repair_id == RepairRow.repair_id)
            .where(*conditions)
            .order_by(RepairRow.repair_no.desc())
            .limit(most)
        )
        return [_repair(*rows) for rows in self._session.execute(query)]


class Suspect(NamedTuple):
    """Something open that should have moved by itself; `n` counts approvals and reviews."""

    kind: str
    subject_id: str
    n: int
    case_id: str | None
    since: datetime


class OverdueTask(NamedTuple):
    task_id: str
    case_id: str
    position: str
    due_at: datetime


class UnderWay:
    """What is open on record, and what of it should have moved by now."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def suspects(self, before: datetime, on: date, most: int) -> Sequence[Suspect]:
        """What no person is asked for and nothing has happened to since `before`; lines that are in
        force though their last day was before `on`."""
        rows = self._session.execute(_SUSPECTS, {"before": before, "on": on, "most": most})
        return [Suspect(*row) for row in rows]

    def overdue(self, now: datetime, most: int) -> Sequence[OverdueTask]:
        rows = self._session.execute(_OVERDUE, {"now": now, "most": most})
        return [OverdueTask(*row) for row in rows]

    def every_open(self, before: datetime) -> Iterator[Suspect]:
        """All that is open and has been since before an instant; read as a stream."""
        rows = self._session.execute(
            _EVERY_OPEN, {"before": before}, execution_options={"yield_per": 1000}
        )
        return (Suspect(*row) for row in rows)

    def case_of(self, kind: str, subject_id: str) -> str | None:
        """The case that a workflow of this kind and subject belongs to."""
        if kind in ("application", "contract"):
            query = "SELECT case_id FROM application WHERE case_id = :id"
        elif kind == "approval":
            query = "SELECT case_id FROM approval WHERE subject_id = :id LIMIT 1"
        elif kind in ("line", "review"):
            query = "SELECT case_id FROM credit_line WHERE line_id = :id"
        else:
            return None
        found: str | None = self._session.scalar(text(query), {"id": subject_id})
        return found

    def lines_moved(self, line_id: str, since: datetime, most: int) -> Sequence[dict[str, Any]]:
        """The newest entries on a line's account since an instant, oldest first."""
        rows = self._session.execute(_MOVED, {"line_id": line_id, "since": since, "most": most})
        return [dict(row._mapping) for row in rows][::-1]

    def reports_asked(self, customer_id: str, since: date) -> Sequence[dict[str, Any]]:
        """Who was asked for a report on a customer since a day."""
        rows = self._session.execute(_ASKED, {"customer_id": customer_id, "since": since})
        return [dict(row._mapping) for row in rows]


# A case that stands where the programs act, one in approval that asks nobody, one whose agreement
# nobody was sent, requests that nothing took up, and lines past their last day.
_SUSPECTS = text(
    """
    SELECT * FROM (
        SELECT 'application' AS kind, a.case_id AS subject_id, 0 AS n, a.case_id,
            coalesce((SELECT max(occurred_at) FROM case_event e WHERE e.case_id = a.case_id),
                a.submitted_at) AS since
        FROM application a
        WHERE a.ended_at IS NULL AND (a.status IN ('received', 'assessed')
            OR a.status = 'approved' AND NOT EXISTS (SELECT FROM offer o
                WHERE o.case_id = a.case_id AND o.expires_at > now() AND NOT EXISTS (
                    SELECT FROM offer_end e WHERE e.letter_no = o.letter_no))
            OR a.status = 'in_approval' AND NOT EXISTS (SELECT FROM task t
                WHERE t.case_id = a.case_id AND t.status IN ('open', 'waiting'))
            OR a.status = 'contracting' AND NOT EXISTS (SELECT FROM contract c
                WHERE c.case_id = a.case_id AND c.status = 'sent')
            OR a.status = 'conditions' AND NOT EXISTS (SELECT FROM condition_precedent p
                WHERE p.case_id = a.case_id AND p.status NOT IN ('met', 'waived')))
        UNION ALL
        SELECT 'application', i.case_id, 0, i.case_id, i.received_at FROM intake i
        WHERE NOT i.started AND i.closed_at IS NULL
            AND NOT EXISTS (SELECT FROM application a WHERE a.case_id = i.case_id)
        UNION ALL
        SELECT 'line', l.line_id, 0, l.case_id, l.ends_on::timestamptz FROM credit_line l
        WHERE l.status NOT IN ('expired', 'terminated') AND l.ends_on < :on
    ) found WHERE since < :before ORDER BY since LIMIT :most
    """
)
_OVERDUE = text(
    "SELECT task_id, case_id, coalesce(escalated_to, position), due_at FROM task"
    " WHERE status = 'open' AND due_at < :now ORDER BY due_at, task_id LIMIT :most"
)
_EVERY_OPEN = text(
    """
    SELECT 'application' AS kind, case_id AS subject_id, 0 AS n, case_id, submitted_at AS since
    FROM application WHERE ended_at IS NULL AND submitted_at < :before
    UNION ALL
    SELECT 'approval', subject_id, n, case_id, opened_at FROM approval
    WHERE outcome = 'open' AND opened_at < :before
    UNION ALL
    SELECT 'contract', case_id, 0, case_id, sent_at FROM contract
    WHERE status = 'sent' AND sent_at < :before
    UNION ALL
    SELECT 'line', line_id, 0, case_id, activated_at FROM credit_line
    WHERE status NOT IN ('expired', 'terminated') AND recorded_at < :before
    UNION ALL
    SELECT 'review', r.line_id, r.n, l.case_id, r.recorded_at
    FROM review r LEFT JOIN credit_line l USING (line_id)
    WHERE r.closed_on IS NULL AND r.recorded_at < :before
    UNION ALL
    SELECT 'collection', collection_id, 0, NULL, recorded_at FROM collection_case
    WHERE status = 'open' AND recorded_at < :before
    """
)
_MOVED = text(
    """
    SELECT e.kind, e.key, e.amount_minor, a.currency, e.posted_by, e.recorded_at AS at
    FROM exposure_account a JOIN exposure_entry e USING (account_no)
    WHERE a.kind = 'line' AND a.owner_id = :line_id AND e.recorded_at >= :since
    ORDER BY e.seq DESC LIMIT :most
    """
)
_ASKED = text(
    """
    SELECT kind, provider, outcome, asked_by, recorded_at AS at FROM report_query
    WHERE customer_id = ANY (customer_ids(:customer_id)) AND business_on >= :since
    ORDER BY recorded_at
    """
)


def _failure(row: StepFailureRow) -> StepFailure:
    return StepFailure.model_validate(
        {name: getattr(row, name) for name in StepFailure.model_fields}
    )


def _repair(
    row: RepairRow, decision: RepairDecisionRow | None, outcome: RepairOutcomeRow | None
) -> Repair:
    content = RepairContent.model_validate(row.content)
    if outcome is not None:
        status = RepairStatus.DONE if outcome.done else RepairStatus.FOUND_WANTING
    elif decision is not None:
        confirmed = decision.verdict == RepairVerdict.CONFIRM
        status = RepairStatus.CONFIRMED if confirmed else RepairStatus.DECLINED
    else:
        status = RepairStatus.ASKED if content.act.second_person else RepairStatus.CONFIRMED
    return Repair(
        repair_id=row.repair_id,
        content=content,
        run_id=row.run_id,
        step=row.step,
        case_id=row.case_id,
        status=status,
        asked_by=row.asked_by,
        asked_at=row.recorded_at,
        decided_by=decision.decided_by if decision else None,
        decided_at=decision.recorded_at if decision else None,
        decision_reason=decision.reason if decision else "",
        outcome=outcome.detail if outcome else "",
        ended_at=outcome.recorded_at if outcome else None,
    )
