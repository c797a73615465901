"""What may be asked of committee meetings: convene one, put cases on it, read it, close it.

A meeting and its agenda are rows; votes are words in the approvals on it. When the chair closes it
its minutes are frozen under their hash, and the worker that holds the seal is owed the document.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from domain.approval import (
    AgendaItem,
    Approval,
    FrozenMinutes,
    ItemContent,
    ItemMinutes,
    ItemResult,
    Meeting,
    MeetingContent,
    MeetingMinutes,
    Seat,
    StepMode,
    agenda_until,
    committee_step,
    section_of,
)
from domain.calendar import business_on
from domain.errors import (
    AgendaClosed,
    AgendaTaken,
    BodyShort,
    Malformed,
    MeetingOver,
    NotChair,
    NotForCommittee,
    NotFound,
    NotMember,
    OutOfOrder,
    SameHands,
)
from domain.identity import Id, Person
from domain.notification import Channel, Notice
from domain.value import Value
from policies.authority import seats_filled
from policies.calendar import calendar_of
from storage.application import CaseEvents
from storage.approval import Approvals, AuthorityRegister, Decisions, Meetings
from storage.attachment import Attachments
from storage.base import Records
from storage.edition import Editions
from storage.identity import Persons
from storage.notification import Outbox
from web.service.approval import spoken_by_task
from web.service.clock import Clock
from web.service.contract import Document
from web.service.permissions import Action, permit


class MeetingStanding(Value):
    """A meeting in a list: whether it is over."""

    meeting: Meeting
    over: bool


class MeetingView(Value):
    """A meeting with its agenda and the votes on it; once over, as its minutes froze them."""

    meeting: Meeting
    sections: tuple[ItemMinutes, ...]
    over: bool
    closed_at: datetime | None = None
    minutes_hash: str | None = None
    document_hash: str | None = None  # of the sealed document, once it is set


class MeetingService:
    """Meetings, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def convene(self, person: Person, content: MeetingContent) -> Meeting:
        """Call a body together under the next number; without members named, all of it.

        What its meetings before put off comes first. Refuses `NotMember` for whoever has no seat
        in the body on the day, and a day that is over.
        """
        permit(person, Action.MEETING_CONVENE)
        on = self._clock.business_on()
        held_on = business_on(content.held_at, self._clock.offset_days)
        if held_on < on:
            raise Malformed(reason="a meeting is convened for a day to come")
        with self._records.begin() as session:
            policy = Editions(session).read_current(on).approval
            seated = _seated(session, content.body, held_on)
            members = content.members or tuple(sorted({content.chair, *seated}))
            for member in members:
                if member not in seated:
                    raise NotMember(person_id=member, body=content.body, on=held_on)
            days = policy.meetings.papers_days
            meeting = Meeting(
                **content.model_dump(exclude={"members"}),
                members=members,
                meeting_no=Meetings(session).next_no(on.year),
                held_on=held_on,
                agenda_until=agenda_until(held_on, days, calendar_of(policy)),
                convened_by=person.person_id,
            )
            Meetings(session).record(meeting)
            self._take_up(session, meeting, Meetings(session).put_off(meeting.body))
            _invite(session, meeting)
            return meeting

    def list_meetings(
        self,
        person: Person,
        *,
        body: str | None = None,
        after: tuple[datetime, str] | None = None,
        page_size: int = 50,
    ) -> Sequence[MeetingStanding]:
        """Meetings, the latest first."""
        permit(person, Action.MEETING_READ)
        with self._records.begin() as session:
            found = Meetings(session).list_page(body=body, after=after, page_size=page_size)
            over = Meetings(session).over([each.meeting_no for each in found])
            return [MeetingStanding(meeting=each, over=each.meeting_no in over) for each in found]

    def read(self, person: Person, meeting_no: str) -> MeetingView:
        """A meeting: its cases and papers, and the votes on each."""
        permit(person, Action.MEETING_READ)
        with self._records.begin() as session:
            meeting = Meetings(session).read(meeting_no)
            frozen = Meetings(session).find_minutes(meeting_no)
            if frozen is None:
                sections = _sections(session, meeting, over=False)
                return MeetingView(meeting=meeting, sections=sections, over=False)
            return MeetingView(
                meeting=meeting,
                sections=frozen.minutes.sections,
                over=True,
                closed_at=frozen.minutes.closed_at,
                minutes_hash=frozen.minutes_hash,
                document_hash=frozen.document_hash,
            )

    def put_on(self, person: Person, meeting_no: str, content: ItemContent) -> AgendaItem:
        """Put a case on the agenda with its papers; the same again is the item on record.

        Refuses `MeetingOver`, `AgendaClosed` (the papers come too late), `NotForCommittee`,
        `AgendaTaken` (it is on another meeting that is not over), `BodyShort` (the members invited
        fill too few seats for a quorum), and `SameHands` for a member who presents or attends.
        """
        permit(person, Action.MEETING_CONVENE)
        with self._records.begin() as session:
            meeting = Meetings(session).read(meeting_no, for_update=True)
            approval = Approvals(session).find(content.approval_id)
            if approval is None:
                raise NotFound(kind="approval", id=content.approval_id)
            item = self._item(session, person, meeting, approval, content)
            on_it = Meetings(session).standing(content.approval_id)
            if on_it == meeting_no:
                return Meetings(session).put_on(item)
            on = self._clock.business_on()
            if on_it is not None:
                raise AgendaTaken(approval_id=content.approval_id, meeting_no=on_it)
            if Meetings(session).over([meeting_no]):
                raise MeetingOver(meeting_no=meeting_no)
            if on > meeting.agenda_until:
                raise AgendaClosed(meeting_no=meeting_no, until=meeting.agenda_until)
            for paper in content.papers:
                Attachments(session).read(paper)
            _refuse_named(session, meeting, approval, item)
            _refuse_short(session, meeting, approval, item)
            written = Meetings(session).put_on(item)
            self._tell(session, meeting, written, "on_agenda")
            return written

    def close(self, person: Person, meeting_no: str) -> FrozenMinutes:
        """Freeze the minutes; what is not settled is put off to the body's next meeting.

        Closed again it answers as before. Refuses `NotChair`, and `OutOfOrder` before its day.
        """
        permit(person, Action.MEETING_CLOSE)
        now = self._clock.now()
        with self._records.begin() as session:
            meeting = Meetings(session).read(meeting_no, for_update=True)
            if person.person_id != meeting.chair:
                raise NotChair(meeting_no=meeting_no)
            closed = Meetings(session).find_minutes(meeting_no)
            if closed is not None:
                return closed
            if self._clock.business_on() < meeting.held_on:
                raise OutOfOrder(reason="a meeting is closed on its day or after it")
            minutes = MeetingMinutes(
                meeting=meeting,
                sections=_sections(session, meeting, over=True),
                closed_by=person.person_id,
                closed_at=now,
            )
            frozen = Meetings(session).close(minutes)
            for section in minutes.sections:
                self._tell(session, meeting, section.item, "met", result=section.result.value)
            following = Meetings(session).next_open(meeting.body, meeting.held_at)
            if following is not None:
                left = (each for each in minutes.sections if each.result is ItemResult.DEFERRED)
                self._take_up(session, following, [section.item for section in left])
            Outbox(session).post(
                Channel.TEMPORAL,
                f"{meeting_no}/minutes",
                recipient=meeting_no,
                kind="start_minutes",
                facts={"meeting_no": meeting_no},
            )
            return frozen

    def read_minutes(self, person: Person, meeting_no: str) -> FrozenMinutes:
        """The minutes as they were frozen; `NotFound` while the meeting is not over."""
        permit(person, Action.MEETING_READ)
        with self._records.begin() as session:
            return Meetings(session).read_minutes(meeting_no)

    def document(self, person: Person, meeting_no: str) -> Document:
        """The minutes as a sealed PDF; `NotFound` until it is set."""
        permit(person, Action.MEETING_READ)
        with self._records.begin() as session:
            sha256 = Meetings(session).read_minutes(meeting_no).document_hash
            if sha256 is None:
                raise NotFound(kind="sealed minutes", id=meeting_no)
            return Document(
                sha256=sha256,
                name=f"{meeting_no}.pdf",
                content=Attachments(session).read_content(sha256),
            )

    def _item(
        self,
        session: Session,
        person: Person,
        meeting: Meeting,
        approval: Approval,
        content: ItemContent,
    ) -> AgendaItem:
        """A case as it stands now, as an item of a meeting."""
        at = committee_step(approval)
        if at is None:
            raise NotForCommittee(approval_id=content.approval_id)
        before = next(
            (
                each.meeting_no
                for each in Meetings(session).put_off(meeting.body)
                if each.approval_id == content.approval_id
            ),
            None,
        )
        return AgendaItem(
            **content.model_dump(),
            meeting_no=meeting.meeting_no,
            item_no=len(Meetings(session).agenda(meeting.meeting_no)) + 1,
            case_id=approval.request.case_id,
            customer_id=approval.request.customer_id,
            content_hash=approval.request.content_hash,
            step_index=at,
            round=approval.round,
            deferred_from=before,
            put_on_by=person.person_id,
            put_on_on=self._clock.business_on(),
        )

    def _take_up(self, session: Session, meeting: Meeting, put_off: Iterable[AgendaItem]) -> None:
        """Cases put off, with their papers, on the agenda of the next meeting: whoever is to vote
        has had them already. One whose presenter is a member now is left to be put on anew."""
        for item in put_off:
            approval = Approvals(session).find(item.approval_id)
            at = None if approval is None else committee_step(approval)
            if approval is None or at is None or Meetings(session).standing(item.approval_id):
                continue
            if {item.presenter, *item.attendants} & set(meeting.members):
                continue
            moved = item.model_copy(
                update={
                    "meeting_no": meeting.meeting_no,
                    "item_no": len(Meetings(session).agenda(meeting.meeting_no)) + 1,
                    "content_hash": approval.request.content_hash,
                    "step_index": at,
                    "round": approval.round,
                    "deferred_from": item.meeting_no,
                    "put_on_on": self._clock.business_on(),
                }
            )
            self._tell(session, meeting, Meetings(session).put_on(moved), "on_agenda")

    def _tell(
        self, session: Session, meeting: Meeting, item: AgendaItem, what: str, **facts: str
    ) -> None:
        CaseEvents(session).post(
            item.case_id,
            f"meeting_{what}",
            person_id=item.put_on_by if what == "on_agenda" else meeting.chair,
            at=self._clock.now(),
            meeting_no=meeting.meeting_no,
            held_on=meeting.held_on.isoformat(),
            **({"deferred_from": item.deferred_from} if item.deferred_from else {}),
            **facts,
        )


def _seated(session: Session, body: str, on: date) -> set[Id]:
    """Everybody with a seat in a body on a day."""
    seats = AuthorityRegister(session).list_in_force(Seat, on)
    return {seat.person_id for seat in seats if seat.body == body}


def _refuse_named(session: Session, meeting: Meeting, approval: Approval, item: AgendaItem) -> None:
    """Whoever presents or attends is known, and neither a member nor a voter of this committee."""
    voted = {task.decided_by for task in approval.tasks if task.step_index == item.step_index}
    for named in (item.presenter, *item.attendants):
        if Persons(session).find_active(named) is None:
            raise NotFound(kind="person", id=named)
        if named in meeting.members or named in voted:
            raise SameHands(first="presenting a case", second="a vote on it")


def _refuse_short(session: Session, meeting: Meeting, approval: Approval, item: AgendaItem) -> None:
    """The members invited can fill as many seats as the committee's quorum."""
    step = approval.request.steps[item.step_index]
    assert step.mode is StepMode.COMMITTEE
    register = AuthorityRegister(session).on_day(meeting.held_on)
    filled = seats_filled(register, step.positions, meeting.members)
    if filled < step.quorum:
        raise BodyShort(meeting_no=meeting.meeting_no, seats=filled, quorum=step.quorum)


def _sections(session: Session, meeting: Meeting, *, over: bool) -> tuple[ItemMinutes, ...]:
    sections = []
    for item in Meetings(session).agenda(meeting.meeting_no):
        approval = Approvals(session).find(item.approval_id)
        assert approval is not None, "an item is of an approval on record"
        words = spoken_by_task(Decisions(session).list_of_case(item.case_id))
        sections.append(section_of(item, approval, words, over=over))
    return tuple(sections)


def _invite(session: Session, meeting: Meeting) -> None:
    for member in meeting.members:
        Outbox(session).post(
            Channel.MAIL,
            f"{meeting.meeting_no}/convened/{member}",
            recipient=f"person:{member}",
            kind=Notice.MEETING_CONVENED,
            facts={
                "meeting_no": meeting.meeting_no,
                "body": meeting.body,
                "held_at": meeting.held_at.isoformat(timespec="minutes"),
                "place": meeting.place,
                "agenda_until": meeting.agenda_until.isoformat(),
            },
        )
