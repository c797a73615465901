"""Acts beside decisions: who acts and whom they name is asked now, one act in one transaction."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from activities.authority import Asking
from domain.approval import ActKind, ActRequest, Approval, Task
from domain.errors import NoAuthority, NotFound
from domain.identity import Person, Role
from domain.notification import Channel, Notice
from storage.application import CaseEvents
from storage.approval import Acts
from storage.identity import Persons
from storage.notification import Outbox

# Who holds the task may do these; the others are known by name, or may be anybody who sees the case.
OF_HOLDERS = (
    ActKind.TRANSFER,
    ActKind.ASK_OPINION,
    ActKind.ADD_SIGNER,
    ActKind.RECUSE,
    ActKind.CLOSE_VOTE,
)


def entitled(session: Session, approval: Approval, request: ActRequest, on: date) -> str | None:
    """By which grant the act is done, if it needs any; whom it names may have a part in the case.

    A task goes only to who could decide it, a signer is an approver, an opinion may be anybody's
    who is active. Refuses as `Asking.voice_of` and `Asking.refuse_named` do.
    """
    asking = Asking(session, approval, on)
    task = approval.task(request.task_id)
    if task is None:
        return None  # the machine says so
    grant_no = None
    if request.action in (ActKind.GIVE_OPINION, ActKind.CLOSE_VOTE):
        asking.refuse_named(request.person_id, task)
    if request.action in OF_HOLDERS and task.decided_by != request.person_id:
        grant_no = asking.voice_of(request.person_id, task).grant.grant_no
    if request.to is None:
        return grant_no
    match request.action:
        case ActKind.TRANSFER:
            _active(session, request.to)
            nobodys = task.model_copy(update={"person_id": None})
            asking.voice_of(request.to, nobodys)
        case ActKind.ADD_SIGNER:
            asking.refuse_named(request.to, task)
            if not _active(session, request.to).has(Role.APPROVER):
                raise NoAuthority(reason="the role of approver is missing or was withdrawn")
        case ActKind.ASK_OPINION:
            asking.refuse_named(request.to, task)
            _active(session, request.to)
        case ActKind.COPY:
            _active(session, request.to)
    return grant_no


def _active(session: Session, person_id: str) -> Person:
    person = Persons(session).find_active(person_id)
    if person is None:
        raise NotFound(kind="person", id=person_id)
    return person


def void_words(
    session: Session,
    before: Approval,
    after: Approval,
    *,
    reason: str,
    by: str,
    at: datetime,
    last: str = "",
) -> None:
    """The words that stood before, and that on the task of the last one, and stand no longer."""
    stood = {task.task_id for task in before.tasks if task.decided_by and not task.void}
    stood.add(last)
    void = [task.task_id for task in after.tasks if task.void and task.task_id in stood]
    if void:
        Acts(session).void_words(void, reason=reason, voided_by=by, at=at)


def tell_of(session: Session, approval: Approval, request: ActRequest) -> None:
    """The act on the case's timeline, and a notice to whom it is about."""
    CaseEvents(session).post(
        approval.request.case_id,
        f"act_{request.action}",
        person_id=request.person_id,
        at=request.at,
        task_id=request.task_id,
        note=request.note,
        **({"to": request.to} if request.to else {}),
        **({"placement": request.placement} if request.placement else {}),
    )
    task = approval.task(request.task_id)
    assert task is not None, "the machine refuses a task that is not there"
    match request.action:
        case ActKind.ASK_OPINION:
            _notice(session, approval, task, Notice.OPINION_ASKED, request.to, request)
        case ActKind.GIVE_OPINION:
            owner = task.help.asked_by if task.help else None
            _notice(session, approval, task, Notice.OPINION_GIVEN, owner, request)
        case ActKind.COPY:
            _notice(session, approval, task, Notice.CASE_COPIED, request.to, request)


def _notice(
    session: Session,
    approval: Approval,
    task: Task,
    notice: Notice,
    to: str | None,
    request: ActRequest,
) -> None:
    if to is None:
        return
    Outbox(session).post(
        Channel.MAIL,
        f"{request.message_id}/{notice}",
        recipient=f"person:{to}",
        kind=notice,
        facts={
            "task_id": task.task_id,
            "case_id": approval.request.case_id,
            "note": request.note,
        },
        case_id=approval.request.case_id,
    )
