"""Committee meetings: a list, one with its agenda and votes, and its minutes as a page and a PDF."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Response, UploadFile
from fastapi.responses import HTMLResponse

from domain.approval import ItemContent, MeetingContent
from domain.calendar import ZONE
from domain.errors import FieldUnreadable
from web.api.pages import after_instant
from web.console.contract import pdf
from web.console.documents import filed
from web.console.lists import PAGE_SIZE, next_path
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)


@router.get("/meetings")
def list_meetings(visit: Visiting, after: str | None = None) -> HTMLResponse:
    """Meetings, the latest first, and one to convene."""
    return _list_page(visit, after)


@router.post("/meetings")
def convene(
    visit: Writing,
    body: Annotated[str, Form(max_length=60)] = "",
    held_at: Annotated[str, Form(max_length=30)] = "",
    place: Annotated[str, Form(max_length=200)] = "",
    chair: Annotated[str, Form(max_length=64)] = "",
    members: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Call a body together; refused, the form comes back as it was typed."""
    typed = {"body": body, "held_at": held_at, "place": place, "chair": chair, "members": members}
    visit.when_refused(lambda refusal: _list_page(visit, None, typed, refusal))
    content = {
        "body": body.strip(),
        "held_at": _instant(held_at),
        "place": place.strip(),
        "chair": chair.strip(),
        "members": members.replace(",", " ").split(),
    }
    meeting = visit.services.meetings.convene(visit.person, visit.valid(MeetingContent, content))
    return visit.go(f"/meetings/{meeting.meeting_no}", "meeting_convened")


@router.get("/meetings/{meeting_no}")
def show_meeting(visit: Visiting, meeting_no: str) -> HTMLResponse:
    """A meeting; once it is over, its minutes."""
    return _meeting_page(visit, meeting_no)


@router.post("/meetings/{meeting_no}/items")
def put_on(
    visit: Writing,
    meeting_no: str,
    approval_id: Annotated[str, Form(max_length=100)] = "",
    presenter: Annotated[str, Form(max_length=64)] = "",
    attendants: Annotated[str, Form(max_length=2000)] = "",
    papers: list[UploadFile] | None = None,
) -> Response:
    """Put a case on the agenda, with its papers as files."""
    typed = {"approval_id": approval_id, "presenter": presenter, "attendants": attendants}
    visit.when_refused(lambda refusal: _meeting_page(visit, meeting_no, typed, refusal))
    content = {
        "approval_id": approval_id.strip(),
        "presenter": presenter.strip(),
        "attendants": attendants.replace(",", " ").split(),
        "papers": list(dict.fromkeys(filed(visit, papers))),
    }
    visit.services.meetings.put_on(visit.person, meeting_no, visit.valid(ItemContent, content))
    return visit.go(f"/meetings/{meeting_no}", "meeting_item_added")


@router.post("/meetings/{meeting_no}/close")
def close(visit: Writing, meeting_no: str) -> Response:
    """Freeze the minutes."""
    visit.when_refused(lambda refusal: _meeting_page(visit, meeting_no, None, refusal))
    visit.services.meetings.close(visit.person, meeting_no)
    return visit.go(f"/meetings/{meeting_no}", "meeting_closed")


@router.get("/meetings/{meeting_no}/minutes.pdf")
def read_document(visit: Visiting, meeting_no: str) -> Response:
    """The sealed minutes."""
    return pdf(visit.services.meetings.document(visit.person, meeting_no))


def _list_page(
    visit: Visit,
    after: str | None,
    typed: dict[str, str] | None = None,
    refusal: Problem | None = None,
) -> HTMLResponse:
    found = visit.services.meetings.list_meetings(
        visit.person, after=after_instant(after), page_size=PAGE_SIZE + 1
    )
    fields = ("body", "held_at", "place", "chair", "members")
    return visit.show(
        "meeting/meetings.html",
        refusal=refusal,
        meetings=found[:PAGE_SIZE],
        next_path=next_path(
            found, "/meetings", lambda each: (each.meeting.held_at, each.meeting.meeting_no)
        ),
        may_convene=permitted(visit.person, Action.MEETING_CONVENE),
        typed=typed or dict.fromkeys(fields, ""),
        zone=ZONE,
    )


def _meeting_page(
    visit: Visit,
    meeting_no: str,
    typed: dict[str, str] | None = None,
    refusal: Problem | None = None,
) -> HTMLResponse:
    view = visit.services.meetings.read(visit.person, meeting_no)
    chairs = view.meeting.chair == visit.person.person_id
    return visit.show(
        "meeting/meeting.html",
        refusal=refusal,
        view=view,
        meeting=view.meeting,
        names=visit.customer_names(section.item.customer_id for section in view.sections),
        may_add=not view.over and permitted(visit.person, Action.MEETING_CONVENE),
        may_close=not view.over and chairs and permitted(visit.person, Action.MEETING_CLOSE),
        typed=typed or dict.fromkeys(("approval_id", "presenter", "attendants"), ""),
    )


def _instant(typed: str) -> datetime:
    """What was typed, by the clock of the legal entity; refuses `FieldUnreadable`."""
    try:
        local = datetime.fromisoformat(typed)
    except ValueError:
        raise FieldUnreadable(
            column="held_at", expected="YYYY-MM-DDTHH:MM", expected_zh="YYYY-MM-DDTHH:MM 格式的时间"
        ) from None
    return local.replace(tzinfo=local.tzinfo or ZoneInfo(ZONE))
