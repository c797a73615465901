"""Overrides of grades and how each ended; only ever added to.

An override is a row and its end further rows, so that what was asked for stays as it was asked.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.assessment import Assessment
from domain.errors import NotFound
from domain.override import Override, OverrideStatus, OverrideTrace, VoidedBy
from storage.base import Row


class OverrideRow(Row):
    __tablename__ = "rating_override"

    override_id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str]
    n: Mapped[int]
    customer_id: Mapped[str]
    message_id: Mapped[str]
    receipt_hash: Mapped[str]
    grade_model: Mapped[str]
    grade_asked: Mapped[str]
    notches: Mapped[int]
    reason: Mapped[str]
    note: Mapped[str]
    second_needed: Mapped[bool]
    proposed_by: Mapped[str]
    proposed_at: Mapped[datetime]
    proposed_on: Mapped[date]


class OverrideEventRow(Row):
    __tablename__ = "rating_override_event"

    override_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    proposed_by: Mapped[str]
    second_needed: Mapped[bool]
    person_id: Mapped[str | None]
    why: Mapped[str]
    occurred_at: Mapped[datetime]


# What further rows say of an override.
_ENDS = {"status", "settled_by", "settled_at", "voided_by", "taken_back_by"}


class Overrides:
    """Overrides by case; under the lock of the case one waits for confirmation at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, override: Override, message_id: str) -> Override:
        """Write a proposal; `settle` says what came of it. A message makes one."""
        columns = override.model_dump(exclude=_ENDS)
        self._session.execute(
            insert(OverrideRow).values(**columns, message_id=message_id).on_conflict_do_nothing()
        )
        return self.read_of_message(message_id)

    def settle(
        self,
        override: Override,
        status: OverrideStatus,
        at: datetime,
        *,
        person_id: str | None = None,
        voided_by: VoidedBy | None = None,
    ) -> Override:
        """Add how it went on: confirmed, declined, lapsed or void; each is written once."""
        self._session.execute(
            insert(OverrideEventRow)
            .values(
                override_id=override.override_id,
                kind=status,
                proposed_by=override.proposed_by,
                second_needed=override.second_needed,
                person_id=person_id,
                why=voided_by or "",
                occurred_at=at,
            )
            .on_conflict_do_nothing(index_elements=["override_id", "kind"])
        )
        return self.read(override.override_id)

    def read(self, override_id: str) -> Override:
        return self._one(OverrideRow.override_id == override_id, override_id)

    def read_of_message(self, message_id: str) -> Override:
        return self._one(OverrideRow.message_id == message_id, message_id)

    def list_of_case(self, case_id: str) -> list[Override]:
        """Every override of a case, the first first."""
        rows = self._session.scalars(
            select(OverrideRow).where(OverrideRow.case_id == case_id).order_by(OverrideRow.n)
        )
        return self._with_ends(rows.all())

    def hands_on(self, case_id: str) -> tuple[str, ...]:
        """Who proposed or confirmed an override of the case, whatever became of it."""
        return tuple(sorted(hands_of(self.list_of_case(case_id))))

    def list_page(
        self,
        *,
        page_size: int = 50,
        before: tuple[datetime, str] | None = None,
        analyst: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> list[Override]:
        """Newest first; `before` is the `(proposed_at, override_id)` of the last row seen."""
        conditions: list[ColumnElement[bool]] = []
        if before is not None:
            conditions.append(tuple_(OverrideRow.proposed_at, OverrideRow.override_id) < before)
        if analyst is not None:
            conditions.append(OverrideRow.proposed_by == analyst)
        if since is not None:
            conditions.append(OverrideRow.proposed_on >= since)
        if until is not None:
            conditions.append(OverrideRow.proposed_on <= until)
        rows = self._session.scalars(
            select(OverrideRow)
            .where(*conditions)
            .order_by(OverrideRow.proposed_at.desc(), OverrideRow.override_id.desc())
            .limit(page_size)
        )
        return self._with_ends(rows.all())

    def traces(self, since: date, until: date, analyst: str | None = None) -> list[OverrideTrace]:
        """What became of each override proposed in these days."""
        rows = self._session.execute(
            _TRACES, {"since": since, "until": until, "analyst": analyst}
        ).mappings()
        return [OverrideTrace.model_validate(dict(row)) for row in rows]

    def touched(
        self, analysts: Iterable[str], since_at: datetime, until_at: datetime
    ) -> dict[str, int]:
        """How many assessed cases each of them did something to, from one instant to another."""
        facts = {"analysts": sorted(analysts), "since_at": since_at, "until_at": until_at}
        rows = self._session.execute(_TOUCHED, facts)
        return {row.person_id: row.cases for row in rows}

    def receipts_of_lines(self, line_ids: Sequence[str]) -> dict[str, Assessment]:
        """The receipt that a line's letter rests on, of lines whose case was overridden."""
        rows = self._session.execute(_RECEIPTS, {"line_ids": list(line_ids)})
        return {line_id: Assessment.model_validate(receipt) for line_id, receipt in rows}

    def _one(self, condition: ColumnElement[bool], named: str) -> Override:
        row = self._session.scalar(select(OverrideRow).where(condition))
        if row is None:
            raise NotFound(kind="override", id=named)
        return self._with_ends([row])[0]

    def _with_ends(self, rows: Sequence[OverrideRow]) -> list[Override]:
        if not rows:
            return []
        events: dict[str, list[OverrideEventRow]] = {row.override_id: [] for row in rows}
        found = self._session.scalars(
            select(OverrideEventRow).where(OverrideEventRow.override_id.in_(events))
        )
        for event in found:
            events[event.override_id].append(event)
        return [_override(row, events[row.override_id]) for row in rows]


def hands_of(overrides: Iterable[Override]) -> set[str]:
    """Who proposed, confirmed or took back any of these."""
    confirmed = {
        each.settled_by
        for each in overrides
        if each.settled_by is not None and each.status is not OverrideStatus.DECLINED
    }
    taken_back = {each.taken_back_by for each in overrides if each.taken_back_by is not None}
    return {each.proposed_by for each in overrides} | confirmed | taken_back


def _override(row: OverrideRow, events: Iterable[OverrideEventRow]) -> Override:
    by_kind = {event.kind: event for event in events}
    voided = by_kind.get(OverrideStatus.VOIDED)
    settled = next((event for kind, event in by_kind.items() if event is not voided), None)
    newest = voided or settled
    return Override(
        override_id=row.override_id,
        case_id=row.case_id,
        n=row.n,
        customer_id=row.customer_id,
        notches=row.notches,
        reason=row.reason,
        note=row.note,
        grade_model=row.grade_model,
        grade_asked=row.grade_asked,
        receipt_hash=row.receipt_hash,
        second_needed=row.second_needed,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        proposed_on=row.proposed_on,
        status=OverrideStatus(newest.kind) if newest else OverrideStatus.PROPOSED,
        settled_by=settled.person_id if settled else None,
        settled_at=settled.occurred_at if settled else None,
        voided_by=VoidedBy(voided.why) if voided else None,
        taken_back_by=voided.person_id if voided else None,
    )


_TRACES = text(
    """
    SELECT o.proposed_by AS analyst, o.case_id, o.notches,
           EXISTS (SELECT 1 FROM rating_override_event e
                   WHERE e.override_id = o.override_id AND e.kind = 'confirmed') AS took_effect,
           coalesce(p.status = 'declined', false) AS declined,
           EXISTS (SELECT 1 FROM warning w
                   WHERE w.customer_id = ANY (customer_ids(o.customer_id))
                       AND w.raised_on >= o.proposed_on) AS warned,
           EXISTS (SELECT 1 FROM collection_case c
                   WHERE c.customer_id = ANY (customer_ids(o.customer_id))
                       AND c.opened_on >= o.proposed_on)
               AS collected
    FROM rating_override o
    LEFT JOIN application p ON p.case_id = o.case_id
    WHERE o.proposed_on BETWEEN :since AND :until
      AND (CAST(:analyst AS text) IS NULL OR o.proposed_by = :analyst)
    ORDER BY o.proposed_at, o.override_id
    """
)
_TOUCHED = text(
    """
    SELECT e.person_id, count(DISTINCT e.case_id) AS cases FROM case_event e
    WHERE e.person_id = ANY(:analysts)
      AND e.occurred_at >= :since_at AND e.occurred_at < :until_at
      AND EXISTS (SELECT 1 FROM assessment a WHERE a.subject_id = e.case_id)
    GROUP BY e.person_id
    """
)
_RECEIPTS = text(
    """
    SELECT DISTINCT ON (l.line_id) l.line_id, a.receipt
    FROM credit_line l
    JOIN letter t ON t.letter_no = l.letter_no
    JOIN assessment a ON a.subject_id = t.subject_id
    WHERE l.line_id = ANY(:line_ids)
      AND EXISTS (SELECT 1 FROM rating_override o WHERE o.case_id = t.subject_id)
    ORDER BY l.line_id, a.n DESC
    """
)
