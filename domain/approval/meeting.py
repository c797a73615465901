"""Committee meetings (贷审会): an agenda of approvals with their papers, and one document of minutes.

A meeting decides nothing itself: members vote in the approvals on its agenda, and the minutes are
made from those votes. A case that a meeting leaves undecided is put off (续议), which is no
decision, and goes to the body's next meeting.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from domain.approval.authority import SeatCode
from domain.approval.machine import Approval
from domain.approval.minutes import Spoken, StepMinutes, step_minutes
from domain.approval.route import ApprovalOutcome, StepMode
from domain.approval.task import Task
from domain.calendar import WorkCalendar
from domain.identity import Id
from domain.value import Value, content_hash

_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class MeetingContent(Value):
    """What a meeting is convened with."""

    body: SeatCode
    held_at: AwareDatetime
    place: str = Field(min_length=1, max_length=200)
    chair: Id
    members: tuple[Id, ...] = Field(default=(), max_length=50)  # none: everybody of the body

    @model_validator(mode="after")
    def _chaired_by_a_member(self) -> Self:
        if len(set(self.members)) != len(self.members):
            raise ValueError("a member is invited once")
        if self.members and self.chair not in self.members:
            raise ValueError("the chair is a member")
        return self


class Meeting(MeetingContent):
    """A numbered meeting (会议号) of a body, as it was convened."""

    meeting_no: str
    held_on: date
    agenda_until: date  # the last day on which a case may be put on it
    convened_by: Id


class ItemContent(Value):
    """What a case is put on the agenda with; presenter and attendants have no vote on it."""

    approval_id: str = Field(min_length=1, max_length=100)
    presenter: Id
    attendants: tuple[Id, ...] = Field(default=(), max_length=20)
    papers: tuple[_Hash, ...] = Field(default=(), max_length=50)  # documents on file

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        if len({self.presenter, *self.attendants}) != 1 + len(self.attendants):
            raise ValueError("a person presents or attends once")
        return self


class AgendaItem(ItemContent):
    """A case on the agenda of a meeting."""

    meeting_no: str
    item_no: int
    case_id: Id
    customer_id: Id
    content_hash: _Hash  # of the receipt that is decided on
    step_index: int  # the committee's place on the route
    round: int  # of the approval, when it was put on: earlier votes are another meeting's
    deferred_from: str | None = None  # the meeting that put it off
    put_on_by: Id
    put_on_on: date


class ItemResult(StrEnum):
    OPEN = "open"  # of a meeting that is not over: the vote goes on
    PASSED = "passed"
    REFUSED = "refused"
    VETOED = "vetoed"  # passed by the vote, refused by the final authority
    RETURNED = "returned"
    DEFERRED = "deferred"  # no decision
    ENDED = "ended"  # lapsed or withdrawn without one


class ItemMinutes(Value):
    """The section of one case: who presented it, on what papers, what was said, and the count."""

    item: AgendaItem
    result: ItemResult
    vote: StepMinutes
    recused: tuple[tuple[Id, str], ...] = ()


class MeetingMinutes(Value):
    """The minutes of a meeting: one document, a section a case."""

    meeting: Meeting
    sections: tuple[ItemMinutes, ...]
    closed_by: Id
    closed_at: datetime

    @property
    def minutes_hash(self) -> str:
        return content_hash(self)


class FrozenMinutes(Value):
    """Minutes as the chair closed them, under their hash, and the sealed document once it is set."""

    minutes: MeetingMinutes
    minutes_hash: str
    document_hash: str | None = None


def agenda_until(held_on: date, days: int, calendar: WorkCalendar) -> date:
    """The last day on which a case may be put on: so many working days before the meeting's."""
    day, left = held_on, days
    while left > 0:
        day -= timedelta(days=1)
        left -= calendar.works_on(day)
    return day


def committee_step(approval: Approval) -> int | None:
    """The place of the committee that is still to decide an approval; None where there is none."""
    if approval.outcome is not ApprovalOutcome.OPEN:
        return None
    steps = enumerate(approval.request.steps)
    return next(
        (at for at, step in steps if step.mode is StepMode.COMMITTEE and at >= approval.step_index),
        None,
    )


def section_of(
    item: AgendaItem, approval: Approval, words: Mapping[str, Spoken], *, over: bool
) -> ItemMinutes:
    """What a meeting made of a case: the votes of its committee since it was put on.

    Words that were put off count in the meeting that put them off. `words` gives what was said by
    task; of a meeting that is `over` nothing is open any more.
    """
    asked = [
        task
        for task in approval.tasks
        if task.step_index == item.step_index and (task.counts or task.round >= item.round)
    ]
    counted = [task for task in asked if task.counts]
    put_off = [task for task in asked if task.void and _spoken(task, words).void == _PUT_OFF]
    deferred = bool(put_off) and all(task.word is None for task in counted)
    if deferred:
        last = max(task.round for task in put_off)
        again = (task for task in put_off if task.round == last)
        counted = [task.model_copy(update={"void": False}) for task in again]
    result = _result(item, approval, deferred=deferred)
    if over and result is ItemResult.OPEN:
        result = ItemResult.DEFERRED
    return ItemMinutes(
        item=item,
        result=result,
        vote=step_minutes(approval, item.step_index, asked, counted, words),
        recused=tuple((each.person_id, each.reason) for each in approval.recused),
    )


_PUT_OFF = "deferred"  # why words stand no longer that put a case off


def _spoken(task: Task, words: Mapping[str, Spoken]) -> Spoken:
    return words.get(task.task_id, Spoken())


def _result(item: AgendaItem, approval: Approval, *, deferred: bool) -> ItemResult:
    """How a case stands after the vote of its committee, whatever later steps made of it."""
    if approval.step_index > item.step_index:
        return ItemResult.PASSED
    step = approval.request.steps[item.step_index]
    final = next(
        (
            task
            for task in approval.tasks
            if task.step_index == item.step_index
            and task.seat > len(step.positions)
            and not task.void
        ),
        None,
    )
    match approval.outcome:
        case ApprovalOutcome.APPROVED:
            return ItemResult.PASSED
        case ApprovalOutcome.DECLINED:
            return ItemResult.REFUSED if final is None else ItemResult.VETOED
        case ApprovalOutcome.RETURNED:
            return ItemResult.RETURNED
        case ApprovalOutcome.LAPSED | ApprovalOutcome.WITHDRAWN:
            return ItemResult.ENDED
        case ApprovalOutcome.OPEN:
            if final is not None:
                return ItemResult.PASSED
            return ItemResult.DEFERRED if deferred else ItemResult.OPEN


class MinutesOrder(Value):
    """Which meeting's minutes are to be set and sealed."""

    meeting_no: str = Field(pattern=r"^HY[0-9]{4}-[0-9]{6}$")


class SealedMinutes(Value):
    """The sealed document, under its hash."""

    meeting_no: str
    document_hash: str
