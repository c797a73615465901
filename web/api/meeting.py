"""Committee meetings: convene one, put cases on it, read it and its minutes, close it."""

from typing import Annotated

from fastapi import Path, Response

from domain.approval import AgendaItem, FrozenMinutes, ItemContent, Meeting, MeetingContent
from domain.identity import Id
from web.api.contract import PDF, sent
from web.api.pages import Cursor, Page, PageSize, after_instant, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.meeting import MeetingStanding, MeetingView

router = stage("meeting")

MeetingNo = Annotated[str, Path(min_length=1, max_length=40)]


@router.get("/meetings")
def list_meetings(
    asked: Asked,
    caller: Caller,
    body: Id | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[MeetingStanding]:
    """Meetings, the latest first."""
    found = asked.meetings.list_meetings(
        caller, body=body, after=after_instant(cursor), page_size=page_size + 1
    )
    return page_of(found, page_size, lambda each: (each.meeting.held_at, each.meeting.meeting_no))


@router.post("/meetings", status_code=201, response_model=Meeting)
def convene_meeting(write: Writing, body: MeetingContent) -> Response:
    """Call a body together; what its meetings before put off is on the agenda."""
    return write.once(201, body, lambda: write.asked.meetings.convene(write.caller, body))


@router.get("/meetings/{meeting_no}")
def read_meeting(asked: Asked, caller: Caller, meeting_no: MeetingNo) -> MeetingView:
    """A meeting: its cases with their papers, and the votes on each."""
    return asked.meetings.read(caller, meeting_no)


@router.post("/meetings/{meeting_no}/items", status_code=201, response_model=AgendaItem)
def put_on_agenda(write: Writing, meeting_no: MeetingNo, body: ItemContent) -> Response:
    """Put a case on the agenda with its papers, by the day the meeting says."""
    return write.once(
        201, body, lambda: write.asked.meetings.put_on(write.caller, meeting_no, body)
    )


@router.post("/meetings/{meeting_no}/close", response_model=FrozenMinutes)
def close_meeting(write: Writing, meeting_no: MeetingNo) -> Response:
    """Freeze the minutes; what is not settled is put off to the next meeting of the body."""
    return write.once(200, None, lambda: write.asked.meetings.close(write.caller, meeting_no))


@router.get("/meetings/{meeting_no}/minutes")
def read_meeting_minutes(asked: Asked, caller: Caller, meeting_no: MeetingNo) -> FrozenMinutes:
    """The minutes as the chair closed them, under their hash."""
    return asked.meetings.read_minutes(caller, meeting_no)


@router.get("/meetings/{meeting_no}/document", response_class=Response, responses=PDF)
def read_meeting_document(asked: Asked, caller: Caller, meeting_no: MeetingNo) -> Response:
    """The minutes as a sealed PDF."""
    return sent(asked.meetings.document(caller, meeting_no))
