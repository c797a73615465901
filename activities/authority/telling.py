"""Who is told: whoever could decide an open task, the queue where nobody could, and whose
certificate ends soon."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date

from sqlalchemy.orm import Session

from activities.authority.asking import Asking
from domain.approval import Approval, Certificate, Register, Task
from domain.edition import PolicyEdition
from domain.identity import Role
from domain.notification import Channel, Notice
from policies.authority import held
from storage.approval import Approvals, AuthorityRegister, Tasks, TaskView
from storage.identity import Persons
from storage.notification import Outbox

_TOLD_MAX = 500  # open tasks looked at when the register changes


def tell_askable(
    session: Session,
    approval: Approval,
    notice: Notice,
    due_at: str,
    on: date,
    *,
    superior: str | None = None,
    level: int | None = None,
    only: Collection[str] | None = None,
    again: str = "",
) -> None:
    """Owe a notice to everybody who could decide an open task; where nobody could, it goes to the
    queue that policy names, and an alarm is raised. It never passes.

    Where a `superior` position is named, its holders are told that the task's own are silent.
    `only` are the tasks to tell of, once for each `again`; one that asks again, with another time
    to answer, is told of again.
    """
    asking = Asking(session, approval, on)
    asked: list[tuple[Task, str]] = []
    for task in approval.open_tasks:
        if only is not None and task.task_id not in only:
            continue
        told = task
        if superior is not None:
            told = task.model_copy(
                update={"position": superior, "escalated_to": None, "person_id": None}
            )
        people = asking.people(told) or _raise_alarm(session, asking, approval, task)
        asked += [(task, person_id) for person_id in people]
    suffix = f"/{again or level}" if again or level is not None else ""
    keys = {(task.task_id, who): _key(task, notice, who) + suffix for task, who in asked}
    owed = Outbox(session).owed(Channel.MAIL, keys.values())
    for task, who in asked:
        key = keys[task.task_id, who]
        if key in owed:
            key += f"/{due_at}"
        _tell(session, approval, task, notice, due_at, who, key)


def ask_anew(session: Session, tasks: Sequence[TaskView], on: date) -> None:
    """After the registers have changed, or a day has passed: tell whoever could decide open tasks
    now and was not told, and raise alarms."""
    due = {task.task_id: task.due_at.isoformat() for task in tasks}
    for approval_id in dict.fromkeys(task.approval_id for task in tasks):
        approval = Approvals(session).find(approval_id)
        if approval is None:
            continue
        asking = Asking(session, approval, on)
        for task in approval.open_tasks:
            people = asking.people(task) or _raise_alarm(session, asking, approval, task)
            for person_id in people:
                key = _key(task, Notice.TASK_OPENED, person_id)
                if task.task_id in due and not Outbox(session).is_owed(Channel.MAIL, key):
                    due_at = due[task.task_id]
                    _tell(session, approval, task, Notice.TASK_OPENED, due_at, person_id, key)


def _tell(
    session: Session,
    approval: Approval,
    task: Task,
    notice: Notice,
    due_at: str,
    person_id: str,
    key: str,
) -> None:
    case_id = approval.request.case_id
    facts = {"task_id": task.task_id, "case_id": case_id, "due_at": due_at}
    if notice is Notice.TASK_UNANSWERED:
        facts["position"] = task.position
    Outbox(session).post(
        Channel.MAIL,
        key,
        recipient=f"person:{person_id}",
        kind=notice,
        facts=facts,
        case_id=case_id,
    )


def _key(task: Task, notice: Notice, person_id: str) -> str:
    return f"{task.task_id}/{notice}/{person_id}"


def ask_holders_anew(session: Session, positions: Iterable[str], on: date) -> None:
    """The same for the open tasks of some positions."""
    named = sorted(set(positions))
    if named:
        ask_anew(session, Tasks(session).list_page(page_size=_TOLD_MAX, positions=named), on)


def warn_of_certificates(session: Session, edition: PolicyEdition, on: date) -> int:
    """Tell holders whose certificates end soon, once for each of the edition's days ahead; how many.

    One that is followed by another of its kind is not told of. A day that no run looked at is told
    of on the next.
    """
    store, told = AuthorityRegister(session), 0
    ahead = sorted(edition.approval.authority.certificate_warning_days)
    for each in store.list_in_force(Certificate, on):
        left = (each.valid_until - on).days
        step = next((days for days in ahead if left <= days), None)
        followed = any(
            (other.person_id, other.code) == (each.person_id, each.code)
            and other.valid_until > each.valid_until
            for other in store.list_page(Certificate, person=each.person_id, page_size=_TOLD_MAX)
            if other.ended_on is None and (other.valid_from - each.valid_until).days <= 1
        )
        key = f"certificate/{each.certificate_no}/{each.valid_until}/{step}"
        if step is None or followed or Outbox(session).is_owed(Channel.MAIL, key):
            continue
        told += 1
        Outbox(session).post(
            Channel.MAIL,
            key,
            recipient=f"person:{each.person_id}",
            kind=Notice.CERTIFICATE_LAPSING,
            facts={
                "certificate_no": each.certificate_no,
                "code": each.code,
                "valid_until": each.valid_until.isoformat(),
                "days": str(left),
            },
        )
    return told


def look_for_unasked(session: Session, on: date) -> None:
    """Every open task that nobody could decide today raises its alarm, as time too ends authority."""
    after = None
    while tasks := Tasks(session).list_page(page_size=_TOLD_MAX, after=after):
        ask_anew(session, tasks, on)
        after = (tasks[-1].due_at, tasks[-1].task_id)


def positions_of(register: Register, person_id: str) -> set[str]:
    """The positions that a person's being there bears on: their own, and those of whoever has
    them, or others through them, speak."""
    people, before = {person_id}, set[str]()
    while people != before:
        before = set(people)
        people |= {each.delegator for each in register.delegations if each.delegate in people}
    positions = {grant.position for grant in register.grants}
    return {each for each in positions if people & set(held(register, (each,)))}


def _raise_alarm(
    session: Session, asking: Asking, approval: Approval, task: Task
) -> tuple[str, ...]:
    """Put a task that nobody could decide into the queue; who is in it is told."""
    queue = asking.edition.approval.fallback_queue
    case_id = approval.request.case_id
    raised = AuthorityRegister(session).raise_alarm(
        task.task_id, case_id, task.position, queue, asking.on
    )
    people = tuple(
        each.person_id for each in Persons(session).list_persons() if each.has(queue)
    ) or (Role.OPERATOR.value,)
    for person_id in people if raised else ():
        Outbox(session).post(
            Channel.MAIL,
            _key(task, Notice.AUTHORITY_MISSING, person_id),
            recipient=f"person:{person_id}",
            kind=Notice.AUTHORITY_MISSING,
            facts={"task_id": task.task_id, "case_id": case_id, "position": task.position},
            case_id=case_id,
        )
    return people
