"""Approval: the inbox, a task with its reasons, a word, and letters."""

from typing import Annotated

from fastapi import Path, Response
from pydantic import Field

from domain.approval import ActKind, CitedRisk, Minutes, Placement, Resume, TaskStatus, Verdict
from domain.contract import ConditionAsked, Letter
from domain.identity import Id
from domain.money import Money
from domain.value import Value
from web.api.application import Token
from web.api.pages import Cursor, Page, PageSize, after_instant, page_of
from web.api.stage import stage
from web.api.writes import Writing, marked
from web.callers import Asked, Caller
from web.service.approval import Answers, Decided, Done, TaskPage, TaskView, TaskWord

router = stage("approval")


class Decision(Value):
    """One word on one task."""

    verdict: Verdict
    note: Annotated[str, Field(max_length=4000)] = ""
    fields_wanted: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    limit: Money | None = None  # approve less than recommended
    # Of a return: the earlier step it goes to, from 0, and how the approval goes on after it; to
    # the applicant where none is named.
    to_step: Annotated[int | None, Field(ge=0, le=50)] = None
    resume: Resume = Resume.AGAIN
    # Of an approval: for a shorter term than asked for, and under what; words alone are the
    # manager's to show before the line is active.
    term_months: Annotated[int | None, Field(ge=1, le=60)] = None
    conditions: Annotated[tuple[ConditionAsked, ...], Field(max_length=20)] = ()
    # Of an opinion: the risks it names, each with where it shows.
    risks: Annotated[tuple[CitedRisk, ...], Field(max_length=20)] = ()
    content_hash: Annotated[str, Field(max_length=64)] = ""  # of what was read


class Decisions(Value):
    """Words on many tasks, each with its reason."""

    items: Annotated[tuple[TaskWord, ...], Field(min_length=1, max_length=200)]


class Acting(Value):
    """What is done with one task beside deciding it."""

    action: ActKind
    to: Id | None = None  # whom a transfer, a question, a copy or an added signer names
    placement: Placement | None = None  # of an added signer
    note: Annotated[str, Field(max_length=4000)] = ""


class Switch(Value):
    """Whether small, good cases are decided without asking anybody."""

    on: bool
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


ApprovalNo = Annotated[str, Path(min_length=1, max_length=100)]
LetterNo = Annotated[str, Path(min_length=1, max_length=40)]


@router.get("/tasks")
def list_tasks(
    asked: Asked,
    caller: Caller,
    case: Id | None = None,
    status: TaskStatus | None = TaskStatus.OPEN,
    mine: bool = False,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[TaskView]:
    """Tasks by due time; `mine` keeps those one may decide today."""
    found = asked.approvals.list_tasks(
        caller,
        mine=mine,
        case_id=case,
        status=status,
        after=after_instant(cursor),
        page_size=page_size + 1,
    )
    return page_of(found, page_size, lambda task: (task.due_at, task.task_id))


@router.get("/tasks/{task_id}")
def read_task(asked: Asked, caller: Caller, task_id: Id) -> TaskPage:
    """A task, decided or not, and why it is whose it is."""
    return asked.approvals.read_task(caller, task_id)


@router.post("/tasks/{task_id}/decision")
def decide(write: Writing, response: Response, task_id: Id, body: Decision) -> Decided:
    """Approve, decline or return; authority is checked at this moment."""
    return marked(
        response,
        write.asked.approvals.decide(
            write.caller,
            task_id,
            body.verdict,
            note=body.note,
            fields_wanted=body.fields_wanted,
            limit=body.limit,
            content_hash=body.content_hash,
            to_step=body.to_step,
            resume=body.resume,
            term_months=body.term_months,
            conditions=body.conditions,
            risks=body.risks,
            key=write.key,
            channel=write.request.state.channel,
        ),
    )


@router.post("/tasks/decisions")
def decide_many(write: Writing, body: Decisions) -> Answers:
    """Many words at once, each with its own authority, key and answer; one refused stops no other."""
    return write.asked.approvals.decide_many(
        write.caller, body.items, key=write.key, channel=write.request.state.channel
    )


@router.post("/tasks/{task_id}/acts")
def act(write: Writing, response: Response, task_id: Id, body: Acting) -> Done:
    """Transfer, ask an opinion or give it, add or remove a signer, take back, copy, urge, recuse
    oneself, close a vote."""
    return marked(
        response,
        write.asked.approvals.act(
            write.caller,
            task_id,
            body.action,
            to=body.to,
            placement=body.placement,
            note=body.note,
            key=write.key,
            channel=write.request.state.channel,
        ),
    )


@router.get("/approvals/{approval_id}/minutes")
def read_minutes(asked: Asked, caller: Caller, approval_id: ApprovalNo) -> Minutes:
    """What was said on every step of an approval, made from its words."""
    return asked.approvals.read_minutes(caller, approval_id)


@router.post("/tasks/{task_id}/token")
def issue_task_token(asked: Asked, caller: Caller, task_id: Id) -> Token:
    """A token for one word on this task by a tool that speaks to Temporal."""
    return Token(token=asked.approvals.issue_token(caller, task_id), subject=task_id)


@router.get("/letters/{letter_no}")
def read_letter(asked: Asked, caller: Caller, letter_no: LetterNo) -> Letter:
    """An approval letter (批复) by its number."""
    return asked.approvals.read_letter(caller, letter_no)


@router.put("/automatic-lane", status_code=204)
def switch_automatic_lane(asked: Asked, caller: Caller, body: Switch) -> None:
    """Open or stop the automatic lane for every case not yet assessed."""
    asked.approvals.switch_automatic_lane(caller, on=body.on, reason=body.reason)
