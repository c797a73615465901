"""Merges of two records of one customer: proposed by one, confirmed by another, taken back by a
further word.

`customer_alias` is what the merges that stand come to, and is the only row that a merge changes.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.customer import Customer
from domain.errors import (
    AlreadyDecided,
    CustomerMerged,
    KeyReused,
    MergeBuiltOn,
    MergeCasesOpen,
    MergeCircular,
    MergeGroupsDiffer,
    MergeIdentifiersDiffer,
    NotFound,
    OutOfOrder,
    SameHands,
)
from domain.merge import Likeness, Merge, MergeAct, MergeStatus
from domain.reasons import because
from storage.base import Row, recorded_at, table_of
from storage.customer import CustomerRow, Customers, of_customer
from storage.exposure import Chains
from storage.recheck import owe_recheck


class MergeRow(Row):
    __tablename__ = "customer_merge"

    merge_id: Mapped[str] = mapped_column(primary_key=True)
    losing_id: Mapped[str]
    surviving_id: Mapped[str]
    reason: Mapped[str]
    likeness: Mapped[dict[str, Any] | None]
    proposed_by: Mapped[str]
    proposed_on: Mapped[date]
    recorded_at: Mapped[datetime]


class MergeActRow(Row):
    __tablename__ = "customer_merge_act"

    merge_id: Mapped[str] = mapped_column(primary_key=True)
    act: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    proposed_by: Mapped[str]
    acted_by: Mapped[str]
    acted_on: Mapped[date]
    recorded_at: Mapped[datetime]


class Merges:
    """Which records were said to be one customer, by whom, and what came of it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def propose(
        self,
        merge_id: str,
        losing_id: str,
        surviving_id: str,
        *,
        reason: str,
        likeness: Likeness | None,
        proposed_by: str,
        proposed_on: date,
    ) -> Merge:
        """Put a proposal on record; one that is open on the same two records is that one.

        Refuses what `refuse_unlike` refuses, and `OutOfOrder` where another merge of the record
        that gives way waits for a decision.
        """
        self._lock(losing_id, surviving_id)
        self.refuse_unlike(losing_id, surviving_id)
        for open_merge in self._of(MergeRow.losing_id == losing_id):
            if open_merge.status is MergeStatus.PROPOSED:
                if open_merge.surviving_id == surviving_id:
                    return open_merge
                raise OutOfOrder(**because("merge_waits", merge_id=open_merge.merge_id))
        self._session.execute(
            insert(MergeRow).values(
                merge_id=merge_id,
                losing_id=losing_id,
                surviving_id=surviving_id,
                reason=reason,
                likeness=None if likeness is None else likeness.model_dump(mode="json"),
                proposed_by=proposed_by,
                proposed_on=proposed_on,
                recorded_at=recorded_at(),
            )
        )
        return self.read(merge_id)

    def decide(
        self, merge_id: str, act: MergeStatus, *, reason: str, acted_by: str, acted_on: date
    ) -> Merge:
        """Confirm or decline a proposal; the same word of the same person again changes nothing.

        Refuses `AlreadyDecided`, `SameHands`, and to confirm what `refuse_unlike` refuses by now.
        """
        merge = self.read(merge_id)
        self._lock(merge.losing_id, merge.surviving_id)
        merge = self.read(merge_id)
        if merge.acts:
            return self._repeated(merge, merge.acts[0], act, reason, acted_by)
        if act is MergeStatus.CONFIRMED:
            if merge.proposed_by == acted_by:
                raise SameHands(first="proposal", second="confirmation")
            self.refuse_unlike(merge.losing_id, merge.surviving_id)
        self._act(merge, act, reason, acted_by, acted_on)
        if act is MergeStatus.CONFIRMED:
            Chains(self._session).lock([merge.losing_id, merge.surviving_id])
            self._session.execute(
                text("UPDATE customer_alias SET customer_id = :to WHERE customer_id = :gone"),
                {"to": merge.surviving_id, "gone": merge.losing_id},
            )
            self._session.execute(
                text(
                    "INSERT INTO customer_alias (alias_id, customer_id, merged_on)"
                    " VALUES (:gone, :to, :on)"
                ),
                {"gone": merge.losing_id, "to": merge.surviving_id, "on": acted_on},
            )
            Chains(self._session).place([merge.surviving_id], acted_on)
            owe_recheck(self._session, f"merge/{merge_id}", "group", merge.surviving_id)
        return self.read(merge_id)

    def take_back(self, merge_id: str, *, reason: str, acted_by: str, acted_on: date) -> Merge:
        """Make two records of one again: each has what was written under its own ids.

        Refuses `OutOfOrder` where the merge does not stand, or another was made on top of it, and
        `MergeBuiltOn` where anything was decided since.
        """
        merge = self.read(merge_id)
        self._lock(merge.losing_id, merge.surviving_id)
        merge = self.read(merge_id)
        if merge.status is MergeStatus.TAKEN_BACK:
            return self._repeated(merge, merge.acts[1], MergeStatus.TAKEN_BACK, reason, acted_by)
        if merge.status is not MergeStatus.CONFIRMED:
            raise OutOfOrder(**because("merge_not_confirmed", merge_id=merge_id))
        if Customers(self._session).survivor(merge.losing_id) != merge.surviving_id:
            raise OutOfOrder(**because("merged_since", customer_id=merge.surviving_id))
        self._refuse_built_on(merge)
        self._act(merge, MergeStatus.TAKEN_BACK, reason, acted_by, acted_on)
        Chains(self._session).lock([merge.surviving_id])
        self._session.execute(
            text("DELETE FROM customer_alias WHERE alias_id = :gone"), {"gone": merge.losing_id}
        )
        self._session.execute(_RETURN, {"gone": merge.losing_id})
        Chains(self._session).place([merge.losing_id, merge.surviving_id], acted_on)
        return self.read(merge_id)

    def read(self, merge_id: str) -> Merge:
        found = self._of(MergeRow.merge_id == merge_id)
        if not found:
            raise NotFound(kind="merge", id=merge_id)
        return found[0]

    def list_of_customer(self, customer_id: str) -> Sequence[Merge]:
        """Every merge that any record of the customer had part in, the newest first."""
        return self._of(
            or_(
                of_customer(MergeRow.losing_id, customer_id),
                of_customer(MergeRow.surviving_id, customer_id),
            )
        )

    def list_newest(self, most: int = 200) -> Sequence[Merge]:
        return self._of(most=most)

    def refuse_unlike(self, losing_id: str, surviving_id: str) -> None:
        """Nothing, where the two may be one customer.

        Refuses `NotFound`, `MergeCircular`, `CustomerMerged`, `MergeIdentifiersDiffer` (two proven
        codes of one scheme), `MergeGroupsDiffer` and `MergeCasesOpen`.
        """
        customers = Customers(self._session)
        losing, surviving = customers.read(losing_id), customers.read(surviving_id)
        if losing.customer_id == surviving.customer_id:
            raise MergeCircular(losing_id=losing_id, surviving_id=surviving_id)
        for asked, found in ((losing_id, losing), (surviving_id, surviving)):
            if found.customer_id != asked:
                raise CustomerMerged(customer_id=asked, merged_into=found.customer_id)
        _refuse_other_codes(losing, surviving)
        if losing.group_id not in (None, surviving.group_id):
            raise MergeGroupsDiffer(group_id=losing.group_id)
        open_cases = [self._open_case(each) for each in (losing_id, surviving_id)]
        if all(open_cases):
            raise MergeCasesOpen(first=open_cases[0], second=open_cases[1])

    def _open_case(self, customer_id: str) -> str | None:
        found: str | None = self._session.scalar(_OPEN_CASE, {"customer_id": customer_id})
        return found

    def _refuse_built_on(self, merge: Merge) -> None:
        since = self._session.execute(
            select(MergeActRow.recorded_at, MergeActRow.acted_on).where(
                MergeActRow.merge_id == merge.merge_id,
                MergeActRow.act == MergeStatus.CONFIRMED,
            )
        ).one()
        what = self._session.scalar(
            _BUILT_ON,
            {"customer_id": merge.surviving_id, "at": since.recorded_at, "on": since.acted_on},
        )
        if what is not None:
            raise MergeBuiltOn(merge_id=merge.merge_id, what=what)

    def _lock(self, *customer_ids: str) -> None:
        """Hold both records, in one order, until the transaction ends."""
        self._session.execute(
            select(CustomerRow.customer_id)
            .where(CustomerRow.customer_id.in_(customer_ids))
            .order_by(CustomerRow.customer_id)
            .with_for_update()
        )

    def _act(
        self, merge: Merge, act: MergeStatus, reason: str, acted_by: str, acted_on: date
    ) -> None:
        self._session.execute(
            insert(table_of(MergeActRow)).values(
                merge_id=merge.merge_id,
                act=act.value,
                reason=reason,
                proposed_by=merge.proposed_by,
                acted_by=acted_by,
                acted_on=acted_on,
            )
        )

    def _repeated(
        self, merge: Merge, known: MergeAct, act: MergeStatus, reason: str, acted_by: str
    ) -> Merge:
        """The merge, where this was said of it before by the same person."""
        if (known.act, known.acted_by) != (act, acted_by):
            raise AlreadyDecided(
                verdict=known.act, decided_by=known.acted_by, decided_at=known.acted_on
            )
        if known.reason != reason:
            raise KeyReused(key=f"{merge.merge_id}/{act}")
        return merge

    def _of(self, *conditions: Any, most: int = 200) -> list[Merge]:
        rows = self._session.scalars(
            select(MergeRow)
            .where(*conditions)
            .order_by(MergeRow.recorded_at.desc(), MergeRow.merge_id.desc())
            .limit(most)
        ).all()
        acts: dict[str, list[MergeAct]] = {row.merge_id: [] for row in rows}
        for act in self._session.scalars(
            select(MergeActRow)
            .where(MergeActRow.merge_id.in_(acts))
            .order_by(MergeActRow.recorded_at)
        ):
            acts[act.merge_id].append(
                MergeAct(
                    act=MergeStatus(act.act),
                    reason=act.reason,
                    acted_by=act.acted_by,
                    acted_on=act.acted_on,
                )
            )
        return [_merge(row, tuple(acts[row.merge_id])) for row in rows]


# An application or a collection case that has not ended, whichever there is.
_OPEN_CASE = text(
    """
    SELECT case_id FROM intake
    WHERE closed_at IS NULL AND split_part(subject_key, '|', 1) = ANY (customer_ids(:customer_id))
    UNION ALL
    SELECT collection_id FROM collection_case
    WHERE status = 'open' AND customer_id = ANY (customer_ids(:customer_id))
    LIMIT 1
    """
)
# What was judged, granted, lent, warned of or opened since; by its day where a row has no instant.
_BUILT_ON = text(
    """
    WITH one AS (SELECT customer_ids(:customer_id) AS ids)
    SELECT 'assessment' FROM one JOIN assessment ON customer_id = ANY (ids)
        WHERE recorded_at >= :at
    UNION ALL
    SELECT 'letter' FROM one JOIN letter ON customer_id = ANY (ids) WHERE recorded_at >= :at
    UNION ALL
    SELECT 'use' FROM one JOIN exposure_account a ON a.kind = 'line' AND a.customer_id = ANY (ids)
        JOIN exposure_entry e USING (account_no) WHERE e.recorded_at >= :at
    UNION ALL
    SELECT 'review' FROM one JOIN review ON customer_id = ANY (ids)
        WHERE opened_on >= :on OR closed_on >= :on
    UNION ALL
    SELECT 'warning' FROM one JOIN warning ON customer_id = ANY (ids)
        WHERE raised_on >= :on OR closed_on >= :on
    UNION ALL
    SELECT 'collection case' FROM one JOIN collection_case ON customer_id = ANY (ids)
        WHERE opened_on >= :on OR closed_on >= :on
    LIMIT 1
    """
)
# The records that had given way to this one before it gave way itself go with it.
_RETURN = text(
    """
    WITH RECURSIVE mine(id) AS (
        SELECT CAST(:gone AS text)
        UNION
        SELECT m.losing_id FROM mine JOIN customer_merge m ON m.surviving_id = mine.id
        WHERE EXISTS (SELECT FROM customer_merge_act a
                WHERE a.merge_id = m.merge_id AND a.act = 'confirmed')
            AND NOT EXISTS (SELECT FROM customer_merge_act a
                WHERE a.merge_id = m.merge_id AND a.act = 'taken_back')
    )
    UPDATE customer_alias SET customer_id = :gone
    WHERE alias_id IN (SELECT id FROM mine WHERE id <> :gone)
    """
)


def _refuse_other_codes(losing: Customer, surviving: Customer) -> None:
    for code in losing.identifiers:
        for other in surviving.identifiers:
            if code.is_proof and code.scheme is other.scheme and code != other:
                raise MergeIdentifiersDiffer(
                    scheme=code.scheme, first=code.value, second=other.value
                )


def _merge(row: MergeRow, acts: tuple[MergeAct, ...]) -> Merge:
    return Merge(
        merge_id=row.merge_id,
        losing_id=row.losing_id,
        surviving_id=row.surviving_id,
        reason=row.reason,
        likeness=None if row.likeness is None else Likeness.model_validate(row.likeness),
        proposed_by=row.proposed_by,
        proposed_on=row.proposed_on,
        status=acts[-1].act if acts else MergeStatus.PROPOSED,
        acts=acts,
    )
