"""Approvals as their workflow left them, and the tasks that follow from each."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.approval import (
    ActKind,
    Approval,
    ApprovalProgress,
    ApprovalRequest,
    DecisionRequest,
    Task,
    TaskStatus,
)
from domain.errors import KeyReused, NotFound, OutOfOrder
from storage.approval.acts import ActRow
from storage.approval.decisions import DecisionRow
from storage.approval.tasks import TaskRow, TaskView, task_view
from storage.base import Row, table_of


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


_UNSPOKEN = (TaskStatus.OPEN, TaskStatus.WAITING)
# All tasks of an approval in one round trip, as a committee has many.
_WRITE = text(
    """
    WITH written AS (
        UPDATE approval SET outcome = :outcome, body = :body, progress = :progress,
            version = version + 1
        WHERE approval_id = :approval_id AND version = :version RETURNING approval_id
    ), tasks AS (
        UPDATE task SET status = n.status, decided_by = n.decided_by, verdict = n.verdict,
            position = n.position, escalated_to = n.escalated_to, person_id = n.person_id,
            asked_of = n.asked_of, closed_at = n.closed_at
        FROM written, jsonb_to_recordset(:tasks) AS n(task_id text, status text, decided_by text,
            verdict text, position text, escalated_to text, person_id text, asked_of text,
            closed_at timestamptz)
        WHERE task.task_id = n.task_id AND task.status = ANY (:unspoken)
    )
    SELECT approval_id FROM written
    """
).bindparams(*(bindparam(name, type_=JSONB) for name in ("body", "progress", "tasks")))
_APPROVAL, _TASK, _WORD = table_of(ApprovalRow), table_of(TaskRow), table_of(DecisionRow)
_SAID = (_WORD.c.decision_id, _WORD.c.said_hash, _WORD.c.progress.label("taken"))
_BY_MESSAGE = _WORD.c.decision_id == bindparam("message_id")
_LOCKED = (
    select(_APPROVAL.c.body, _APPROVAL.c.progress, _APPROVAL.c.version)
    .where(_APPROVAL.c.approval_id == bindparam("approval_id"))
    .with_for_update(of=_APPROVAL)
)
_FOR_WORD = _LOCKED.add_columns(*_SAID).outerjoin_from(_APPROVAL, _WORD, _BY_MESSAGE)
_OF_WORD = (
    select(_TASK, _APPROVAL.c.body, *_SAID)
    .join_from(_TASK, _APPROVAL, _APPROVAL.c.approval_id == _TASK.c.approval_id)
    .outerjoin(_WORD, _BY_MESSAGE)
    .where(_TASK.c.task_id == bindparam("task_id"))
)


class Locked(NamedTuple):
    """An approval as it stands; no other word is taken until the commit."""

    approval: Approval
    progress: ApprovalProgress
    version: int


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

    def read_of_task(self, task_id: str) -> tuple[TaskView, Approval]:
        """A task and the approval it belongs to, in one round trip; one that waits for its turn is
        found too, though nobody is asked yet."""
        row = self._session.execute(
            select(TaskRow, ApprovalRow)
            .join(ApprovalRow, ApprovalRow.approval_id == TaskRow.approval_id)
            .where(TaskRow.task_id == task_id)
        ).one_or_none()
        if row is None:
            return self._read_waiting(task_id)
        task, approval = row
        return task_view(task), Approval.model_validate(approval.body)

    def _read_waiting(self, task_id: str) -> tuple[TaskView, Approval]:
        parts = task_id.split(".")
        may_be = [".".join(parts[:-n]) for n in (2, 3)]
        rows = self._session.scalars(select(ApprovalRow).where(ApprovalRow.approval_id.in_(may_be)))
        for row in rows:
            approval = Approval.model_validate(row.body)
            task = approval.task(task_id)
            if task is not None and task.status is TaskStatus.WAITING:
                progress = ApprovalProgress.model_validate(row.progress)
                columns = _columns(approval.request, task, progress, row.opened_at)
                return task_view(TaskRow(**columns)), approval
        raise NotFound(kind="task", id=task_id)

    def read_of_word(
        self, said: DecisionRequest
    ) -> tuple[TaskView, Approval, ApprovalProgress | None]:
        """The task of a word, the approval it belongs to, and what followed from the word's message
        if it was taken before; in one round trip. Refuses `KeyReused` if the message said other."""
        asked = {"task_id": said.task_id, "message_id": said.message_id}
        row = self._session.execute(_OF_WORD, asked).one_or_none()
        if row is None:
            raise NotFound(kind="task", id=said.task_id)
        return task_view(row), Approval.model_validate(row.body), _taken(row, said)

    def reads_along(self, case_id: str, person_id: str) -> bool:
        """Whether somebody put them a question about the case, or lets them read along."""
        asked = select(ActRow.act_id).where(
            ActRow.case_id == case_id,
            ActRow.to_person == person_id,
            ActRow.action.in_((ActKind.COPY, ActKind.ASK_OPINION)),
        )
        return self._session.scalar(asked.limit(1)) is not None

    def find_before(self, request: ApprovalRequest) -> Approval | None:
        """The approval of the same subject before this one."""
        row = self._session.scalar(
            select(ApprovalRow).where(
                ApprovalRow.subject_id == request.subject_id, ApprovalRow.n == request.n - 1
            )
        )
        return Approval.model_validate(row.body) if row else None

    def list_of_case(self, case_id: str) -> list[Approval]:
        """Every approval of a case, those of overrides of its grade among them."""
        rows = self._session.scalars(
            select(ApprovalRow)
            .where(ApprovalRow.case_id == case_id)
            .order_by(ApprovalRow.opened_at, ApprovalRow.approval_id)
        )
        return [Approval.model_validate(row.body) for row in rows]

    def list_of_subject(self, subject_id: str) -> list[Approval]:
        rows = self._session.scalars(
            select(ApprovalRow).where(ApprovalRow.subject_id == subject_id).order_by(ApprovalRow.n)
        )
        return [Approval.model_validate(row.body) for row in rows]

    def read_locked(self, approval_id: str) -> Locked:
        row = self._session.execute(_LOCKED, {"approval_id": approval_id}).one_or_none()
        if row is None:
            raise NotFound(kind="approval", id=approval_id)
        return _locked(row)

    def read_for_word(self, said: DecisionRequest) -> Locked | ApprovalProgress:
        """The approval of a word, locked; or what followed from its message, if it was taken before.

        Refuses `KeyReused` if the message said other.
        """
        asked = {"approval_id": said.approval_id, "message_id": said.message_id}
        row = self._session.execute(_FOR_WORD, asked).one_or_none()
        if row is None:
            raise NotFound(kind="approval", id=said.approval_id)
        return _taken(row, said) or _locked(row)

    def write(
        self, approval: Approval, progress: ApprovalProgress, version: int, at: datetime
    ) -> None:
        """Replace the approval as of `version`, and its tasks with it."""
        written = self._session.execute(
            _WRITE,
            {
                "approval_id": approval.request.approval_id,
                "version": version,
                "outcome": approval.outcome,
                "body": approval.model_dump(mode="json"),
                "progress": progress.model_dump(mode="json"),
                "tasks": [_as_row(task, at) for task in approval.tasks],
                "unspoken": list(_UNSPOKEN),
            },
        ).first()
        if written is None:
            raise OutOfOrder(reason="the approval was changed by something else meanwhile")
        self._record_tasks(approval, progress, at)

    def _record_tasks(self, approval: Approval, progress: ApprovalProgress, at: datetime) -> None:
        opened = [_columns(approval.request, task, progress, at) for task in approval.open_tasks]
        if opened:
            self._session.execute(insert(TaskRow).values(opened).on_conflict_do_nothing())


def _columns(
    request: ApprovalRequest, task: Task, progress: ApprovalProgress, at: datetime
) -> dict[str, Any]:
    return {
        "task_id": task.task_id,
        "approval_id": request.approval_id,
        "case_id": request.case_id,
        "customer_id": request.customer_id,
        "position": task.position,
        "escalated_to": task.escalated_to,
        "person_id": task.person_id,
        "status": task.status,
        "amount_minor": request.aggregate.minor,
        "currency": request.aggregate.currency,
        "opened_at": at,
        "due_at": progress.escalate_at or progress.lapse_at or at,
    }


def _taken(row: Any, said: DecisionRequest) -> ApprovalProgress | None:
    if row.decision_id is None:
        return None
    if row.said_hash != said.said:
        raise KeyReused(key=said.message_id)
    return ApprovalProgress.model_validate(row.taken)


def _locked(row: Any) -> Locked:
    approval = Approval.model_validate(row.body)
    return Locked(approval, ApprovalProgress.model_validate(row.progress), row.version)


def _as_row(task: Task, at: datetime) -> dict[str, Any]:
    """What may have changed of a task, as JSON has it."""
    return {
        "task_id": task.task_id,
        "status": task.status,
        "decided_by": task.decided_by,
        "verdict": task.verdict,
        "position": task.position,
        "escalated_to": task.escalated_to,
        "person_id": task.person_id,
        "asked_of": task.help.of if task.help and task.awaits_help else None,
        "closed_at": None if task.unspoken else at.isoformat(),
    }
