"""The register beside the grants: seats, delegations, certificates, conflicts, ends, and alarms."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.approval import (
    Alarm,
    Certificate,
    Delegation,
    Register,
    RegisterEntry,
    RegisterEvent,
    Seat,
)
from domain.errors import AlreadyExists, NotFound
from domain.identity import Role
from storage.approval.authority import GRANTS_IN_FORCE, grant_of
from storage.base import Row, recorded_at, table_of

_Entry = TypeVar("_Entry", bound=RegisterEntry)
_BESIDE = ("entry_id", "recorded_by", "valid_from", "valid_until", "ended_on", "ended_by")


class AuthorityEntryRow(Row):
    __tablename__ = "authority_entry"

    entry_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    person_id: Mapped[str]
    about: Mapped[str]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    content: Mapped[dict[str, Any]]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]


class AuthorityEndRow(Row):
    __tablename__ = "authority_end"

    entry_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    of_person: Mapped[str | None]
    ended_on: Mapped[date]
    ended_by: Mapped[str]
    reason: Mapped[str]
    recorded_at: Mapped[datetime]


class AuthorityAlarmRow(Row):
    __tablename__ = "authority_alarm"

    task_id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str]
    position: Mapped[str]
    queue: Mapped[str]
    raised_on: Mapped[date]
    recorded_at: Mapped[datetime]


_RECORD = insert(table_of(AuthorityEntryRow)).on_conflict_do_nothing()
_END = insert(table_of(AuthorityEndRow)).on_conflict_do_nothing()
_RAISE = (
    insert(table_of(AuthorityAlarmRow))
    .on_conflict_do_nothing()
    .returning(AuthorityAlarmRow.task_id)
)
_SELECT = (
    "SELECT e.*, n.ended_on, n.ended_by FROM authority_entry e"
    " LEFT JOIN authority_end n USING (entry_id) WHERE e.kind = :kind"
)
_IN_FORCE = text(
    f"{_SELECT.replace('= :kind', '= ANY (:kinds)')} AND e.valid_from <= :on AND (e.valid_until IS NULL OR e.valid_until >= :on)"
    " AND (n.ended_on IS NULL OR n.ended_on > :on) ORDER BY e.entry_id"
)
TIES = (
    "SELECT e.person_id, e.entry_id FROM authority_entry e LEFT JOIN authority_end n"
    " USING (entry_id) WHERE e.kind = 'conflict' AND e.about = ANY (customer_ids(:customer_id))"
    " AND e.valid_from <= :on AND (n.ended_on IS NULL OR n.ended_on > :on) ORDER BY e.entry_id"
)
_PAGE = text(
    f"{_SELECT} AND e.entry_id > :after"
    " AND (CAST(:person AS text) IS NULL OR e.person_id = :person OR e.about = :person)"
    " ORDER BY e.entry_id LIMIT :page_size"
)
_ONE = text(f"{_SELECT} AND e.entry_id = :entry_id")
# All of a day in one round trip, as a decision asks it while somebody waits.
ON_DAY = f"""
        (SELECT jsonb_agg(person_id) FROM person
            WHERE disabled_at IS NULL AND :role = ANY (roles)) AS active,
        (SELECT jsonb_agg(to_jsonb(entry)) FROM ({_IN_FORCE.text}) entry) AS entries,
        (SELECT jsonb_agg(to_jsonb(g)) FROM ({GRANTS_IN_FORCE}) g) AS grants
"""
_ON_DAY = text(f"SELECT {ON_DAY}")
_KINDS: dict[str, type[RegisterEntry]] = {
    each.kind: each for each in (Seat, Delegation, Certificate)
}
_EVENTS = text(
    """
    SELECT * FROM (
        SELECT entry_id, kind, 'recorded' AS what, person_id, about, valid_from AS day,
            recorded_by AS by, '' AS reason, recorded_at FROM authority_entry
        UNION ALL
        SELECT grant_no, 'grant', 'recorded', coalesce(person_id, post, body), position,
            valid_from, recorded_by, '', recorded_at FROM authority_grant
        UNION ALL
        SELECT n.entry_id, n.kind, 'ended', n.of_person, coalesce(e.about, g.position, ''),
            n.ended_on, n.ended_by, n.reason, n.recorded_at
        FROM authority_end n LEFT JOIN authority_entry e USING (entry_id)
        LEFT JOIN authority_grant g ON g.grant_no = n.entry_id
    ) happened WHERE :conflicts OR kind <> 'conflict' ORDER BY recorded_at DESC, entry_id, what DESC LIMIT :page_size
    """
)
_ALARMS = text(
    "SELECT a.*, t.status = 'open' AS stands FROM authority_alarm a JOIN task t USING (task_id)"
    " WHERE t.status = 'open' OR NOT :standing ORDER BY a.recorded_at DESC LIMIT :page_size"
)


class AuthorityRegister:
    """What bears on authority beside the grants; entries are added, and end by entries."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, entry: _Entry) -> _Entry:
        """Enter it once; an id that stands for another entry refuses `AlreadyExists`."""
        self._session.execute(
            _RECORD,
            {
                "entry_id": entry.entry_id,
                "kind": entry.kind,
                "person_id": entry.of_person,
                "about": entry.about,
                "valid_from": entry.valid_from,
                "valid_until": entry.valid_until,
                "content": entry.model_dump(mode="json", exclude=set(_BESIDE)),
                "recorded_by": entry.recorded_by,
                "recorded_at": recorded_at(),
            },
        )
        held = self.find(type(entry), entry.entry_id)
        never = {"ended_on": None, "ended_by": None, "recorded_by": ""}
        if held is None or held.model_copy(update=never) != entry.model_copy(update=never):
            raise AlreadyExists(kind=entry.kind, id=entry.entry_id)
        return held

    def end(
        self, kind: str, entry_id: str, of_person: str | None, on: date, by: str, reason: str
    ) -> None:
        """Put its end on record; the first that was said stands."""
        self._session.execute(
            _END,
            {
                "entry_id": entry_id,
                "kind": kind,
                "of_person": of_person,
                "ended_on": on,
                "ended_by": by,
                "reason": reason,
                "recorded_at": recorded_at(),
            },
        )
        assert self._session.get(AuthorityEndRow, entry_id) is not None

    def find(self, kind: type[_Entry], entry_id: str) -> _Entry | None:
        row = self._session.execute(_ONE, {"kind": kind.kind, "entry_id": entry_id}).first()
        return None if row is None else _entry_of(kind, row._mapping)

    def read(self, kind: type[_Entry], entry_id: str) -> _Entry:
        found = self.find(kind, entry_id)
        if found is None:
            raise NotFound(kind=kind.kind, id=entry_id)
        return found

    def list_page(
        self, kind: type[_Entry], *, person: str | None = None, after: str = "", page_size: int = 50
    ) -> list[_Entry]:
        """The entries of a kind above an id, by id; of one person, or of whom they are about."""
        rows = self._session.execute(
            _PAGE,
            {"kind": kind.kind, "after": after, "person": person, "page_size": page_size},
        )
        return [_entry_of(kind, row._mapping) for row in rows]

    def list_in_force(self, kind: type[_Entry], on: date) -> list[_Entry]:
        rows = self._session.execute(_IN_FORCE, {"kinds": [kind.kind], "on": on})
        return [_entry_of(kind, row._mapping) for row in rows]

    def on_day(self, on: date) -> Register:
        """Everything in force on a day."""
        return register_of(on, self._session.execute(_ON_DAY, asked_on(on)).one())

    def conflicts(self, customer_id: str, on: date) -> dict[str, str]:
        """Who has declared a tie with a customer, by any of its ids, that stands on a day."""
        rows = self._session.execute(text(TIES), {"customer_id": customer_id, "on": on})
        return {row.person_id: row.entry_id for row in rows}

    def events(self, page_size: int, *, conflicts: bool) -> list[RegisterEvent]:
        """What was written into the register and what ended, the newest first; ties on demand."""
        rows = self._session.execute(_EVENTS, {"page_size": page_size, "conflicts": conflicts})
        return [
            RegisterEvent(
                entry_id=row.entry_id,
                kind=row.kind,
                what=row.what,
                person_id=row.person_id,
                about=row.about,
                on=row.day,
                by=row.by,
                reason=row.reason,
            )
            for row in rows
        ]

    # ── tasks that nobody could decide ───────────────────────────────────────────────────────────

    def raise_alarm(self, task_id: str, case_id: str, position: str, queue: str, on: date) -> bool:
        """Put a task into the queue; False where it is there already."""
        raised = self._session.scalar(
            _RAISE,
            {
                "task_id": task_id,
                "case_id": case_id,
                "position": position,
                "queue": queue,
                "raised_on": on,
                "recorded_at": recorded_at(),
            },
        )
        return raised is not None

    def alarms(self, *, standing: bool, page_size: int) -> list[Alarm]:
        """The newest alarms; those whose task is open still, or all."""
        rows = self._session.execute(_ALARMS, {"standing": standing, "page_size": page_size})
        return [Alarm(**{name: row._mapping[name] for name in Alarm.model_fields}) for row in rows]


def asked_on(on: date) -> dict[str, Any]:
    """What `ON_DAY` is asked with."""
    return {"role": Role.APPROVER, "kinds": [*_KINDS], "on": on}


def register_of(on: date, found: Any) -> Register:
    """The register of a day as `ON_DAY` found it."""
    entries: dict[str, list[RegisterEntry]] = {kind: [] for kind in _KINDS}
    for row in found.entries or ():
        entries[row["kind"]].append(_entry_of(_KINDS[row["kind"]], row))
    return Register.model_validate(
        {
            "on": on,
            "grants": [grant_of(row) for row in found.grants or ()],
            "seats": entries[Seat.kind],
            "delegations": entries[Delegation.kind],
            "certificates": entries[Certificate.kind],
            "active": frozenset(found.active or ()),
        }
    )


def _entry_of(kind: type[_Entry], row: Mapping[Any, Any]) -> _Entry:
    return kind.model_validate({**row["content"], **{name: row[name] for name in _BESIDE}})
