"""Meetings with their agendas, and the minutes that each was closed with; only ever added to."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, literal_column, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.approval import AgendaItem, FrozenMinutes, ItemResult, Meeting, MeetingMinutes
from domain.errors import AlreadyExists, NotFound
from storage.base import Row


class MeetingRow(Row):
    __tablename__ = "meeting"

    meeting_no: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[str]
    held_at: Mapped[datetime]
    held_on: Mapped[date]
    agenda_until: Mapped[date]
    place: Mapped[str]
    chair: Mapped[str]
    members: Mapped[list[str]]
    convened_by: Mapped[str]


class MeetingItemRow(Row):
    __tablename__ = "meeting_item"

    meeting_no: Mapped[str] = mapped_column(primary_key=True)
    item_no: Mapped[int] = mapped_column(primary_key=True)
    approval_id: Mapped[str]
    case_id: Mapped[str]
    customer_id: Mapped[str]
    presenter: Mapped[str]
    attendants: Mapped[list[str]]
    papers: Mapped[list[str]]
    content_hash: Mapped[str]
    step_index: Mapped[int]
    round: Mapped[int]
    deferred_from: Mapped[str | None]
    put_on_by: Mapped[str]
    put_on_on: Mapped[date]


class MeetingMinutesRow(Row):
    __tablename__ = "meeting_minutes"

    meeting_no: Mapped[str] = mapped_column(primary_key=True)
    minutes_hash: Mapped[str]
    body: Mapped[dict[str, Any]]
    closed_by: Mapped[str]
    closed_at: Mapped[datetime]


class MeetingDocumentRow(Row):
    __tablename__ = "meeting_document"

    meeting_no: Mapped[str] = mapped_column(primary_key=True)
    document_hash: Mapped[str]


# Whoever presents an approval to a meeting, or attends it there.
PRESENTING = (
    "SELECT presenter FROM meeting_item WHERE approval_id = :approval_id"
    " UNION SELECT jsonb_array_elements_text(attendants) FROM meeting_item"
    " WHERE approval_id = :approval_id"
)


_HOLD = text("SELECT pg_advisory_xact_lock(hashtextextended('agenda/' || :approval_id, 0))")


class Meetings:
    """Meetings by their numbers."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def next_no(self, year: int) -> str:
        """A number (会议号) never given before. A rolled-back meeting leaves a gap, never a double."""
        serial = self._session.scalar(select(func.nextval(literal_column("'meeting_serial'"))))
        return f"HY{year}-{serial:06d}"

    def record(self, meeting: Meeting) -> None:
        values = meeting.model_dump() | {"members": list(meeting.members)}
        self._session.execute(insert(MeetingRow).values(**values))

    def find(self, meeting_no: str, *, for_update: bool = False) -> Meeting | None:
        query = select(MeetingRow).where(MeetingRow.meeting_no == meeting_no)
        row = self._session.scalar(query.with_for_update() if for_update else query)
        return _meeting_of(row) if row else None

    def read(self, meeting_no: str, *, for_update: bool = False) -> Meeting:
        """The meeting; for update, no case is put on it and nobody closes it until the commit."""
        meeting = self.find(meeting_no, for_update=for_update)
        if meeting is None:
            raise NotFound(kind="meeting", id=meeting_no)
        return meeting

    def list_page(
        self,
        *,
        body: str | None = None,
        after: tuple[datetime, str] | None = None,
        page_size: int = 50,
    ) -> list[Meeting]:
        """The latest first; `after` is the `(held_at, meeting_no)` of the last row seen."""
        query = select(MeetingRow).order_by(MeetingRow.held_at.desc(), MeetingRow.meeting_no.desc())
        if body is not None:
            query = query.where(MeetingRow.body == body)
        if after is not None:
            query = query.where(tuple_(MeetingRow.held_at, MeetingRow.meeting_no) < after)
        return [_meeting_of(row) for row in self._session.scalars(query.limit(page_size))]

    def next_open(self, body: str, after: datetime) -> Meeting | None:
        """The body's next meeting after an instant that is not over; none is put on it meanwhile."""
        row = self._session.scalar(
            select(MeetingRow)
            .where(
                MeetingRow.body == body,
                MeetingRow.held_at > after,
                MeetingRow.meeting_no.not_in(select(MeetingMinutesRow.meeting_no)),
            )
            .order_by(MeetingRow.held_at, MeetingRow.meeting_no)
            .limit(1)
            .with_for_update()
        )
        return _meeting_of(row) if row else None

    def over(self, meeting_nos: Sequence[str]) -> set[str]:
        """Which of these are closed."""
        rows = select(MeetingMinutesRow.meeting_no).where(
            MeetingMinutesRow.meeting_no.in_(meeting_nos)
        )
        return set(self._session.scalars(rows))

    # ── the agenda ───────────────────────────────────────────────────────────────────────────────

    def agenda(self, meeting_no: str) -> list[AgendaItem]:
        rows = self._session.scalars(
            select(MeetingItemRow)
            .where(MeetingItemRow.meeting_no == meeting_no)
            .order_by(MeetingItemRow.item_no)
        )
        return [_item_of(row) for row in rows]

    def put_on(self, item: AgendaItem) -> AgendaItem:
        """Put a case on the agenda once; `AlreadyExists` where it is there with other papers."""
        values = item.model_dump() | {
            "attendants": list(item.attendants),
            "papers": list(item.papers),
        }
        self._session.execute(insert(MeetingItemRow).values(**values).on_conflict_do_nothing())
        on = self._read_item(item.meeting_no, item.approval_id)
        said = ("presenter", "attendants", "papers")
        if any(getattr(on, name) != getattr(item, name) for name in said):
            raise AlreadyExists(kind="agenda item", id=f"{item.meeting_no}/{item.approval_id}")
        return on

    def _read_item(self, meeting_no: str, approval_id: str) -> AgendaItem:
        return next(each for each in self.agenda(meeting_no) if each.approval_id == approval_id)

    def standing(self, approval_id: str) -> str | None:
        """The meeting that is not over and has the approval on its agenda, if one has; nobody else
        puts it on another until the transaction ends."""
        self._session.execute(_HOLD, {"approval_id": approval_id})
        return self._session.scalar(
            select(MeetingItemRow.meeting_no)
            .where(
                MeetingItemRow.approval_id == approval_id,
                MeetingItemRow.meeting_no.not_in(select(MeetingMinutesRow.meeting_no)),
            )
            .limit(1)
        )

    def put_off(self, body: str) -> list[AgendaItem]:
        """Cases that closed meetings of a body put off and that no later one has taken up."""
        later = select(MeetingItemRow.deferred_from, MeetingItemRow.approval_id).where(
            MeetingItemRow.deferred_from.is_not(None)
        )
        rows = self._session.scalars(
            select(MeetingItemRow)
            .join(MeetingRow, MeetingRow.meeting_no == MeetingItemRow.meeting_no)
            .join(MeetingMinutesRow, MeetingMinutesRow.meeting_no == MeetingItemRow.meeting_no)
            .where(
                MeetingRow.body == body,
                tuple_(MeetingItemRow.meeting_no, MeetingItemRow.approval_id).not_in(later),
                MeetingMinutesRow.body["sections"].contains(
                    func.jsonb_build_array(
                        func.jsonb_build_object(
                            "item",
                            func.jsonb_build_object("approval_id", MeetingItemRow.approval_id),
                            "result",
                            ItemResult.DEFERRED.value,
                        )
                    )
                ),
            )
            .order_by(MeetingItemRow.meeting_no, MeetingItemRow.item_no)
        )
        return [_item_of(row) for row in rows]

    # ── the minutes ──────────────────────────────────────────────────────────────────────────────

    def close(self, minutes: MeetingMinutes) -> FrozenMinutes:
        """Freeze the minutes; the first that were stand."""
        self._session.execute(
            insert(MeetingMinutesRow)
            .values(
                meeting_no=minutes.meeting.meeting_no,
                minutes_hash=minutes.minutes_hash,
                body=minutes.model_dump(mode="json"),
                closed_by=minutes.closed_by,
                closed_at=minutes.closed_at,
            )
            .on_conflict_do_nothing()
        )
        return self.read_minutes(minutes.meeting.meeting_no)

    def find_minutes(self, meeting_no: str) -> FrozenMinutes | None:
        row = self._session.execute(
            select(MeetingMinutesRow, MeetingDocumentRow.document_hash)
            .outerjoin(
                MeetingDocumentRow, MeetingDocumentRow.meeting_no == MeetingMinutesRow.meeting_no
            )
            .where(MeetingMinutesRow.meeting_no == meeting_no)
        ).first()
        if row is None:
            return None
        frozen, document_hash = row
        return FrozenMinutes(
            minutes=MeetingMinutes.model_validate(frozen.body),
            minutes_hash=frozen.minutes_hash,
            document_hash=document_hash,
        )

    def read_minutes(self, meeting_no: str) -> FrozenMinutes:
        frozen = self.find_minutes(meeting_no)
        if frozen is None:
            raise NotFound(kind="minutes", id=meeting_no)
        return frozen

    def record_document(self, meeting_no: str, document_hash: str) -> str:
        """The hash of the sealed document; the first that was recorded."""
        self._session.execute(
            insert(MeetingDocumentRow)
            .values(meeting_no=meeting_no, document_hash=document_hash)
            .on_conflict_do_nothing()
        )
        kept = self.read_minutes(meeting_no).document_hash
        assert kept is not None, "it was written a line above"
        return kept


def _meeting_of(row: MeetingRow) -> Meeting:
    names = Meeting.model_fields
    return Meeting(**{name: getattr(row, name) for name in names} | {"members": tuple(row.members)})


def _item_of(row: MeetingItemRow) -> AgendaItem:
    plain = {name: getattr(row, name) for name in AgendaItem.model_fields}
    return AgendaItem(**plain | {"attendants": tuple(row.attendants), "papers": tuple(row.papers)})
