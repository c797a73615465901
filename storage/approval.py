"""Approvals, their tasks and words, the authority register, and the letters they end in."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, func, literal_column, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.approval import (
    Approval,
    ApprovalProgress,
    AuthorityGrant,
    DecisionRequest,
    TaskStatus,
)
from domain.contract import Letter
from domain.errors import KeyReused, NotFound, OutOfOrder
from domain.money import Money
from domain.value import Value
from storage.application import owned_by
from storage.base import Row, recorded_at


class ApprovalRow(Row):
    __tablename__ = "approval"

    approval_id: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str]
    subject_id: Mapped[str]
    n: Mapped[int]
    case_id: Mapped[str]
    outcome: Mapped[str]
    body: Mapped[dict[str, Any]]
    progress: Mapped[dict[str, Any]]
    version: Mapped[int]
    opened_at: Mapped[datetime]


class TaskRow(Row):
    __tablename__ = "task"

    task_id: Mapped[str] = mapped_column(primary_key=True)
    approval_id: Mapped[str]
    case_id: Mapped[str]
    customer_id: Mapped[str]
    position: Mapped[str]
    escalated_to: Mapped[str | None]
    status: Mapped[str]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    verdict: Mapped[str | None]
    closed_at: Mapped[datetime | None]


class DecisionRow(Row):
    __tablename__ = "decision"

    decision_id: Mapped[str] = mapped_column(primary_key=True)
    task_id: Mapped[str]
    approval_id: Mapped[str]
    case_id: Mapped[str]
    person_id: Mapped[str]
    makers: Mapped[list[str]]
    grant_no: Mapped[str]
    position: Mapped[str]
    verdict: Mapped[str]
    note: Mapped[str]
    fields_wanted: Mapped[list[str]]
    limit_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None]
    content_hash: Mapped[str]
    channel: Mapped[str]
    said_hash: Mapped[str]
    progress: Mapped[dict[str, Any]]
    decided_at: Mapped[datetime]


class AuthorityGrantRow(Row):
    __tablename__ = "authority_grant"

    grant_no: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str]
    position: Mapped[str]
    limit_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    granted_by: Mapped[str]
    revoked_on: Mapped[date | None]


class LetterRow(Row):
    __tablename__ = "letter"

    letter_no: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[str]
    case_id: Mapped[str]
    customer_id: Mapped[str]
    approved: Mapped[bool]
    limit_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None]
    content_hash: Mapped[str]
    decided_on: Mapped[date]
    valid_until: Mapped[date]
    body: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime]


class TaskView(Value):
    """A task as an inbox shows it."""

    task_id: str
    approval_id: str
    case_id: str
    customer_id: str
    position: str
    escalated_to: str | None
    status: TaskStatus
    amount: Money
    opened_at: datetime
    due_at: datetime
    decided_by: str | None
    verdict: str | None


class DecisionView(Value):
    """A word on record: who, on what authority, what and why."""

    decision_id: str
    task_id: str
    approval_id: str
    person_id: str
    grant_no: str
    position: str
    verdict: str
    note: str
    fields_wanted: tuple[str, ...]
    content_hash: str
    channel: str
    decided_at: datetime


class Approvals:
    """Approvals as their workflow left them; every change is under the version it read."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, approval: Approval, progress: ApprovalProgress, at: datetime) -> None:
        """Write a new approval and its open tasks; once."""
        request = approval.request
        self._session.execute(
            insert(ApprovalRow)
            .values(
                approval_id=request.approval_id,
                subject=request.subject,
                subject_id=request.subject_id,
                n=request.n,
                case_id=request.case_id,
                outcome=approval.outcome,
                body=approval.model_dump(mode="json"),
                progress=progress.model_dump(mode="json"),
                version=1,
                opened_at=at,
            )
            .on_conflict_do_nothing()
        )
        self._record_tasks(approval, progress, at)

    def find_progress(self, approval_id: str) -> ApprovalProgress | None:
        row = self._session.get(ApprovalRow, approval_id)
        return ApprovalProgress.model_validate(row.progress) if row else None

    def find(self, approval_id: str) -> Approval | None:
        row = self._session.get(ApprovalRow, approval_id)
        return Approval.model_validate(row.body) if row else None

    def list_of_subject(self, subject_id: str) -> list[Approval]:
        rows = self._session.scalars(
            select(ApprovalRow).where(ApprovalRow.subject_id == subject_id).order_by(ApprovalRow.n)
        )
        return [Approval.model_validate(row.body) for row in rows]

    def read_locked(self, approval_id: str) -> tuple[Approval, ApprovalProgress, int]:
        """The approval, its progress and version; no other word is taken until the commit."""
        row = self._session.scalar(
            select(ApprovalRow).where(ApprovalRow.approval_id == approval_id).with_for_update()
        )
        if row is None:
            raise NotFound(kind="approval", id=approval_id)
        approval = Approval.model_validate(row.body)
        return approval, ApprovalProgress.model_validate(row.progress), row.version

    def write(
        self, approval: Approval, progress: ApprovalProgress, version: int, at: datetime
    ) -> None:
        """Replace the approval as of `version`, and its tasks with it."""
        written = self._session.execute(
            update(ApprovalRow)
            .where(
                ApprovalRow.approval_id == approval.request.approval_id,
                ApprovalRow.version == version,
            )
            .values(
                outcome=approval.outcome,
                body=approval.model_dump(mode="json"),
                progress=progress.model_dump(mode="json"),
                version=version + 1,
            )
            .returning(ApprovalRow.approval_id)
        ).first()
        if written is None:
            raise OutOfOrder(reason="the approval was changed by something else meanwhile")
        for task in approval.tasks:
            self._session.execute(
                update(TaskRow)
                .where(TaskRow.task_id == task.task_id, TaskRow.status == TaskStatus.OPEN)
                .values(
                    status=task.status,
                    decided_by=task.decided_by,
                    verdict=task.verdict,
                    escalated_to=task.escalated_to,
                    closed_at=None if task.status is TaskStatus.OPEN else at,
                )
            )
        self._record_tasks(approval, progress, at)

    def _record_tasks(self, approval: Approval, progress: ApprovalProgress, at: datetime) -> None:
        request = approval.request
        for task in approval.open_tasks:
            self._session.execute(
                insert(TaskRow)
                .values(
                    task_id=task.task_id,
                    approval_id=request.approval_id,
                    case_id=request.case_id,
                    customer_id=request.customer_id,
                    position=task.position,
                    escalated_to=task.escalated_to,
                    status=task.status,
                    amount_minor=request.aggregate.minor,
                    currency=request.aggregate.currency,
                    opened_at=at,
                    due_at=progress.escalate_at or progress.lapse_at or at,
                )
                .on_conflict_do_nothing()
            )


class Tasks:
    """What people are asked: the inbox is a query over these rows."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, task_id: str) -> TaskView | None:
        row = self._session.get(TaskRow, task_id)
        return _task_view(row) if row else None

    def read(self, task_id: str) -> TaskView:
        task = self.find(task_id)
        if task is None:
            raise NotFound(kind="task", id=task_id)
        return task

    def list_page(
        self,
        *,
        page_size: int = 50,
        after: tuple[datetime, str] | None = None,
        positions: Sequence[str] | None = None,
        case_id: str | None = None,
        status: TaskStatus | None = TaskStatus.OPEN,
        manager_id: str | None = None,
    ) -> list[TaskView]:
        """By due time; `after` is the `(due_at, task_id)` of the last row seen."""
        conditions: list[ColumnElement[bool]] = []
        if after is not None:
            due_at, task_id = after
            conditions.append(
                or_(
                    TaskRow.due_at > due_at,
                    (TaskRow.due_at == due_at) & (TaskRow.task_id > task_id),
                )
            )
        if positions is not None:
            conditions.append(
                or_(TaskRow.position.in_(positions), TaskRow.escalated_to.in_(positions))
            )
        if case_id is not None:
            conditions.append(TaskRow.case_id == case_id)
        if status is not None:
            conditions.append(TaskRow.status == status)
        if manager_id is not None:
            conditions.append(owned_by(TaskRow.customer_id, manager_id))
        rows = self._session.scalars(
            select(TaskRow)
            .where(*conditions)
            .order_by(TaskRow.due_at, TaskRow.task_id)
            .limit(page_size)
        )
        return [_task_view(row) for row in rows]

    def count_open(self, positions: Sequence[str] | None = None) -> int:
        query = select(func.count()).select_from(TaskRow).where(TaskRow.status == TaskStatus.OPEN)
        if positions is not None:
            query = query.where(
                or_(TaskRow.position.in_(positions), TaskRow.escalated_to.in_(positions))
            )
        return self._session.scalar(query) or 0


class Decisions:
    """Words on record; one a task, never by a maker: the database refuses both."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find_progress(self, decision_id: str, said: str | None = None) -> ApprovalProgress | None:
        """What followed from this message, if it was taken before; `KeyReused` if it said other."""
        row = self._session.get(DecisionRow, decision_id)
        if row is None:
            return None
        if said is not None and row.said_hash != said:
            raise KeyReused(key=decision_id)
        return ApprovalProgress.model_validate(row.progress)

    def record(
        self,
        decision: DecisionRequest,
        approval: Approval,
        grant: AuthorityGrant,
        progress: ApprovalProgress,
    ) -> None:
        self._session.execute(
            insert(DecisionRow).values(
                decision_id=decision.message_id,
                task_id=decision.task_id,
                approval_id=decision.approval_id,
                case_id=approval.request.case_id,
                person_id=decision.person_id,
                makers=list(approval.request.makers),
                grant_no=grant.grant_no,
                position=grant.position,
                verdict=decision.verdict,
                note=decision.note,
                fields_wanted=list(decision.fields_wanted),
                limit_minor=decision.limit.minor if decision.limit else None,
                currency=decision.limit.currency if decision.limit else None,
                content_hash=approval.request.content_hash,
                channel=decision.channel,
                said_hash=decision.said,
                progress=progress.model_dump(mode="json"),
                decided_at=decision.at,
            )
        )

    def lowest_limit(self, approval_id: str, last: Money | None) -> Money | None:
        """The lowest limit that any word of the approval names; None where none does."""
        rows = self._session.execute(
            select(DecisionRow.limit_minor, DecisionRow.currency).where(
                DecisionRow.approval_id == approval_id, DecisionRow.limit_minor.is_not(None)
            )
        )
        named = [Money(minor=minor, currency=currency) for minor, currency in rows]
        return min([*named, *([last] if last is not None else [])], default=None)

    def list_of_case(self, case_id: str) -> list[DecisionView]:
        rows = self._session.scalars(
            select(DecisionRow)
            .where(DecisionRow.case_id == case_id)
            .order_by(DecisionRow.decided_at, DecisionRow.decision_id)
        )
        return [
            DecisionView(
                decision_id=row.decision_id,
                task_id=row.task_id,
                approval_id=row.approval_id,
                person_id=row.person_id,
                grant_no=row.grant_no,
                position=row.position,
                verdict=row.verdict,
                note=row.note,
                fields_wanted=tuple(row.fields_wanted),
                content_hash=row.content_hash,
                channel=row.channel,
                decided_at=row.decided_at,
            )
            for row in rows
        ]


class AuthorityGrants:
    """The register of who may decide how much, as what, and when."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, grant: AuthorityGrant) -> None:
        self._session.execute(
            insert(AuthorityGrantRow)
            .values(
                grant_no=grant.grant_no,
                person_id=grant.person_id,
                position=grant.position,
                limit_minor=grant.limit.minor,
                currency=grant.limit.currency,
                valid_from=grant.valid_from,
                valid_until=grant.valid_until,
                granted_by=grant.granted_by,
            )
            .on_conflict_do_nothing()
        )

    def revoke(self, grant_no: str, on: date) -> None:
        """The grant ends on this day; what was decided under it stands."""
        self._session.execute(
            update(AuthorityGrantRow)
            .where(AuthorityGrantRow.grant_no == grant_no, AuthorityGrantRow.revoked_on.is_(None))
            .values(revoked_on=on)
        )

    def list_of(self, person_id: str) -> list[AuthorityGrant]:
        rows = self._session.scalars(
            select(AuthorityGrantRow)
            .where(AuthorityGrantRow.person_id == person_id)
            .order_by(AuthorityGrantRow.grant_no)
        )
        return [_grant_of(row) for row in rows]

    def holders(self, position: str, on: date) -> list[str]:
        """Who holds a position in force on a day."""
        rows = self._session.scalars(
            select(AuthorityGrantRow).where(AuthorityGrantRow.position == position)
        )
        grants = [_grant_of(row) for row in rows]
        in_force = {
            grant.person_id
            for grant in grants
            if grant.covers(position, Money.zero(grant.limit.currency), on)
        }
        return sorted(in_force)


class Letters:
    """Approval letters by number: one a subject's decision, never changed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def next_no(self, year: int) -> str:
        """A number never given before. A rolled-back decision leaves a gap, never a double."""
        serial = self._session.scalar(select(func.nextval(literal_column("'letter_serial'"))))
        return f"PF{year}-{serial:06d}"

    def record(self, letter: Letter, subject_id: str, customer_id: str) -> None:
        limit = letter.terms.limit if letter.terms else None
        self._session.execute(
            insert(LetterRow).values(
                letter_no=letter.letter_no,
                subject_id=subject_id,
                case_id=letter.case_id,
                customer_id=customer_id,
                limit_minor=limit.minor if limit else None,
                currency=limit.currency if limit else None,
                approved=letter.approved,
                content_hash=letter.content_hash,
                decided_on=letter.decided_on,
                valid_until=letter.valid_until,
                body=letter.model_dump(mode="json"),
                recorded_at=recorded_at(),
            )
        )

    def read(self, letter_no: str) -> Letter:
        row = self._session.get(LetterRow, letter_no)
        if row is None:
            raise NotFound(kind="letter", id=letter_no)
        return Letter.model_validate(row.body)

    def commitments_of(self, customer_ids: Sequence[str]) -> list[tuple[str, Money]]:
        """Limits granted to new lines by letters that are neither activated nor ended yet."""
        rows = self._session.execute(
            text(
                "SELECT letter.customer_id, letter.limit_minor, letter.currency FROM letter"
                " JOIN application USING (case_id)"
                " WHERE letter.customer_id = ANY(:customers) AND letter.approved"
                " AND application.application_type = 'new_line'"
                " AND application.status IN ('approved', 'contracting', 'conditions')"
            ),
            {"customers": list(customer_ids)},
        )
        return [(holder, Money(minor=minor, currency=currency)) for holder, minor, currency in rows]

    def find_of_subject(self, subject_id: str) -> Letter | None:
        row = self._session.scalar(
            select(LetterRow)
            .where(LetterRow.subject_id == subject_id)
            .order_by(LetterRow.recorded_at.desc())
            .limit(1)
        )
        return Letter.model_validate(row.body) if row else None


class AutomaticLane:
    """What the automatic lane has approved today, and whether it is switched on."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def spent_on(self, day: date, currency: str) -> Money:
        """The sum the lane approved on this business day; the lane is locked until the commit."""
        self._session.execute(text("SELECT pg_advisory_xact_lock(hashtext('automatic lane'))"))
        minor = self._session.scalar(
            text(
                "SELECT coalesce(sum(amount_minor), 0) FROM automatic_decision WHERE decided_on = :d"
            ),
            {"d": day},
        )
        return Money(minor=int(minor or 0), currency=currency)

    def record(self, case_id: str, amount: Money, day: date) -> None:
        self._session.execute(
            text(
                "INSERT INTO automatic_decision (case_id, amount_minor, currency, decided_on)"
                " VALUES (:case_id, :minor, :currency, :day) ON CONFLICT DO NOTHING"
            ),
            {"case_id": case_id, "minor": amount.minor, "currency": amount.currency, "day": day},
        )

    def switched_on(self) -> bool:
        """Whether the lane is open; its last switch decides, and without one it is open."""
        on = self._session.scalar(
            text("SELECT switched_on FROM automatic_lane_switch ORDER BY switch_no DESC LIMIT 1")
        )
        return on is not False

    def switch(self, *, on: bool, person_id: str, reason: str) -> None:
        self._session.execute(
            text(
                "INSERT INTO automatic_lane_switch (switched_on, switched_by, reason)"
                " VALUES (:on, :by, :reason)"
            ),
            {"on": on, "by": person_id, "reason": reason},
        )


def _task_view(row: TaskRow) -> TaskView:
    return TaskView(
        task_id=row.task_id,
        approval_id=row.approval_id,
        case_id=row.case_id,
        customer_id=row.customer_id,
        position=row.position,
        escalated_to=row.escalated_to,
        status=TaskStatus(row.status),
        amount=Money(minor=row.amount_minor, currency=row.currency),
        opened_at=row.opened_at,
        due_at=row.due_at,
        decided_by=row.decided_by,
        verdict=row.verdict,
    )


def _grant_of(row: AuthorityGrantRow) -> AuthorityGrant:
    return AuthorityGrant(
        grant_no=row.grant_no,
        person_id=row.person_id,
        position=row.position,
        limit=Money(minor=row.limit_minor, currency=row.currency),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        granted_by=row.granted_by,
        revoked_on=row.revoked_on,
    )
