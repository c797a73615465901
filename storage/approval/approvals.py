"""Approvals as their workflow left them, and the tasks that follow from each."""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.approval import (
    ActKind,
    Approval,
    ApprovalProgress,
    ApprovalRequest,
    Task,
    TaskStatus,
)
from domain.errors import NotFound, OutOfOrder
from storage.approval.acts import ActRow
from storage.approval.tasks import TaskRow, TaskView, task_view
from storage.base import Row


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
_WRITE_TASKS = text(
    """
    UPDATE task SET status = n.status, decided_by = n.decided_by, verdict = n.verdict,
        position = n.position, escalated_to = n.escalated_to, person_id = n.person_id,
        asked_of = n.asked_of, closed_at = n.closed_at
    FROM jsonb_to_recordset(:tasks) AS n(task_id text, status text, decided_by text, verdict text,
        position text, escalated_to text, person_id text, asked_of text, closed_at timestamptz)
    WHERE task.task_id = n.task_id AND task.status = ANY (:unspoken)
    """
).bindparams(bindparam("tasks", type_=JSONB))


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
        """A task and the approval it belongs to, in one round trip."""
        row = self._session.execute(
            select(TaskRow, ApprovalRow)
            .join(ApprovalRow, ApprovalRow.approval_id == TaskRow.approval_id)
            .where(TaskRow.task_id == task_id)
        ).one_or_none()
        if row is None:
            raise NotFound(kind="task", id=task_id)
        task, approval = row
        return task_view(task), Approval.model_validate(approval.body)

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
        tasks = [_as_row(task, at) for task in approval.tasks]
        self._session.execute(_WRITE_TASKS, {"tasks": tasks, "unspoken": list(_UNSPOKEN)})
        self._record_tasks(approval, progress, at)

    def _record_tasks(self, approval: Approval, progress: ApprovalProgress, at: datetime) -> None:
        request = approval.request
        opened = [
            {
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
            for task in approval.open_tasks
        ]
        if opened:
            self._session.execute(insert(TaskRow).values(opened).on_conflict_do_nothing())


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
