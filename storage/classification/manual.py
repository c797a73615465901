"""Classes set by hand and how each went on; only ever added to.

A class is a row and its end further rows. Whoever adds one holds the customer.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.classification import FiveTier
from domain.errors import AlreadyDecided, KeyReused, NotFound, OutOfOrder, SameHands
from domain.manual_class import ManualClass, ManualStatus
from storage.base import Row
from storage.customer import of_customer, owned_by

CONFIRMED = "confirmed"
_COLUMNS = (
    "manual_id customer_id tier tier_before tier_by_rule reason note from_on until_on"
    " second_needed edition_hash proposed_by proposed_on proposed_at"
).split()


class ManualClassRow(Row):
    __tablename__ = "manual_class"

    manual_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    tier: Mapped[str]
    tier_before: Mapped[str]
    tier_by_rule: Mapped[str]
    reason: Mapped[str]
    note: Mapped[str]
    from_on: Mapped[date]
    until_on: Mapped[date]
    second_needed: Mapped[bool]
    edition_hash: Mapped[str]
    proposed_by: Mapped[str]
    proposed_on: Mapped[date]
    proposed_at: Mapped[datetime]


class ManualClassEventRow(Row):
    __tablename__ = "manual_class_event"

    manual_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    proposed_by: Mapped[str]
    second_needed: Mapped[bool]
    person_id: Mapped[str]
    note: Mapped[str]
    business_on: Mapped[date]
    recorded_at: Mapped[datetime]


class ManualClasses:
    """Classes set by hand, of all records of a customer."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, manual: ManualClass) -> ManualClass:
        """Write one; the same again changes nothing, other content under its id refuses `KeyReused`."""
        columns = {name: getattr(manual, name) for name in _COLUMNS}
        self._session.execute(insert(ManualClassRow).values(**columns).on_conflict_do_nothing())
        found = self.read(manual.manual_id)
        if found.model_dump(include=set(_SAID)) != manual.model_dump(include=set(_SAID)):
            raise KeyReused(key=manual.manual_id)
        return found

    def decide(
        self, manual_id: str, act: ManualStatus, *, note: str, person_id: str, on: date
    ) -> ManualClass:
        """Confirm or decline what waits for a second person; refuses `OutOfOrder`, `SameHands`, and
        `AlreadyDecided` unless the same person says the same again."""
        manual = self.read(manual_id)
        if manual.settled_by is not None:
            wanted = (
                ManualStatus.DECLINED if act is ManualStatus.DECLINED else ManualStatus.COUNTING
            )
            if (manual.settled_by, manual.status) != (person_id, wanted):
                raise AlreadyDecided(
                    verdict=manual.status,
                    decided_by=manual.settled_by,
                    decided_at=manual.settled_on,
                )
            return manual
        if not manual.second_needed:
            raise OutOfOrder(reason="a worse class counts without a second person")
        if manual.proposed_by == person_id:
            raise SameHands(first="setting a class", second="confirming a class")
        kind = CONFIRMED if act is ManualStatus.COUNTING else act.value
        return self._add(manual, kind, note, person_id, on)

    def take_back(self, manual_id: str, *, note: str, person_id: str, on: date) -> ManualClass:
        """As if it had never been set; refuses `OutOfOrder` where it does not count, and `SameHands`
        where the customer stands better without it and nobody else has seen that."""
        manual = self.read(manual_id)
        if manual.status is ManualStatus.TAKEN_BACK and manual.taken_back_by == person_id:
            return manual
        if manual.status is not ManualStatus.COUNTING:
            raise OutOfOrder(reason="the class does not count")
        if not manual.second_needed and manual.proposed_by == person_id:
            raise SameHands(first="setting a class", second="taking a class back")
        return self._add(manual, ManualStatus.TAKEN_BACK.value, note, person_id, on)

    def read(self, manual_id: str) -> ManualClass:
        row = self._session.scalar(
            select(ManualClassRow).where(ManualClassRow.manual_id == manual_id)
        )
        if row is None:
            raise NotFound(kind="class set by hand", id=manual_id)
        return self._with_ends([row])[0]

    def list_of_customer(self, customer_id: str) -> list[ManualClass]:
        """Every one of any record of the customer, the newest first."""
        return self._with_ends(
            self._session.scalars(
                select(ManualClassRow)
                .where(of_customer(ManualClassRow.customer_id, customer_id))
                .order_by(ManualClassRow.proposed_at.desc(), ManualClassRow.manual_id.desc())
            ).all()
        )

    def list_newest(self, page_size: int = 50, manager_id: str | None = None) -> list[ManualClass]:
        """Of all customers, or of those that a manager owns, the newest first."""
        query = select(ManualClassRow).order_by(
            ManualClassRow.proposed_at.desc(), ManualClassRow.manual_id.desc()
        )
        if manager_id is not None:
            query = query.where(owned_by(ManualClassRow.customer_id, manager_id))
        return self._with_ends(self._session.scalars(query.limit(page_size)).all())

    def _add(
        self, manual: ManualClass, kind: str, note: str, person_id: str, on: date
    ) -> ManualClass:
        self._session.execute(
            insert(ManualClassEventRow).values(
                manual_id=manual.manual_id,
                kind=kind,
                proposed_by=manual.proposed_by,
                second_needed=manual.second_needed,
                person_id=person_id,
                note=note,
                business_on=on,
            )
        )
        return self.read(manual.manual_id)

    def _with_ends(self, rows: Sequence[ManualClassRow]) -> list[ManualClass]:
        if not rows:
            return []
        events: dict[str, list[ManualClassEventRow]] = {row.manual_id: [] for row in rows}
        for event in self._session.scalars(
            select(ManualClassEventRow).where(ManualClassEventRow.manual_id.in_(events))
        ):
            events[event.manual_id].append(event)
        return [_manual(row, events[row.manual_id]) for row in rows]


_SAID = ("customer_id", "tier", "reason", "note", "from_on", "until_on", "proposed_by")


def _manual(row: ManualClassRow, events: Iterable[ManualClassEventRow]) -> ManualClass:
    by_kind = {event.kind: event for event in events}
    back = by_kind.get(ManualStatus.TAKEN_BACK)
    declined = by_kind.get(ManualStatus.DECLINED)
    settled = declined or by_kind.get(CONFIRMED)
    counts = settled is not None or not row.second_needed
    if back is not None:
        status = ManualStatus.TAKEN_BACK
    elif declined is not None:
        status = ManualStatus.DECLINED
    else:
        status = ManualStatus.COUNTING if counts else ManualStatus.PROPOSED
    ended = back or declined
    return ManualClass(
        **{name: getattr(row, name) for name in _COLUMNS if not name.startswith("tier")},
        tier=FiveTier(row.tier),
        tier_before=FiveTier(row.tier_before),
        tier_by_rule=FiveTier(row.tier_by_rule),
        status=status,
        settled_by=settled.person_id if settled else None,
        settled_on=settled.business_on if settled else None,
        taken_back_by=back.person_id if back else None,
        taken_back_on=back.business_on if back else None,
        ended_note=ended.note if ended else "",
    )
