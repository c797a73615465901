"""The register of cover: each in versions, each raise with its second person; never changed."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.cover import CoverContent, CoverKind, CoverVersion, RegisteredCover, raises
from domain.errors import (
    AlreadyDecided,
    AlreadyExists,
    CoverOverused,
    NotFound,
    OutOfOrder,
    SameHands,
    StaleContent,
)
from domain.reasons import because
from storage.base import Row, table_of
from storage.customer import Customers, of_customer


class CoverRow(Row):
    __tablename__ = "cover"

    cover_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    owner: Mapped[str]
    currency: Mapped[str]
    recorded_at: Mapped[datetime]


class CoverVersionRow(Row):
    __tablename__ = "cover_version"

    cover_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[dict[str, Any]]
    needs_check: Mapped[bool]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]


class CoverCheckRow(Row):
    __tablename__ = "cover_check"

    cover_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    recorded_by: Mapped[str]
    checked_by: Mapped[str]
    confirmed: Mapped[bool]
    note: Mapped[str]
    recorded_at: Mapped[datetime]


_COVER = insert(table_of(CoverRow)).on_conflict_do_nothing()
_VERSION = insert(table_of(CoverVersionRow))
_CHECK = insert(table_of(CoverCheckRow))


class Covers:
    """What stands behind our customers' credit."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, cover_id: str, content: CoverContent, recorded_by: str) -> RegisteredCover:
        """Put a cover on record, or what is known of it now as its next version.

        What the newest version says already is not said again. Refuses `AlreadyExists` where the id
        is of another kind, owner or currency, and `CoverOverused` where more is to be secured than
        it is free for.
        """
        self._session.execute(
            _COVER,
            {
                "cover_id": cover_id,
                "kind": content.kind,
                "owner": content.owner,
                "currency": content.value.currency,
            },
        )
        row = self._locked(cover_id)
        fixed = (content.kind, content.owner, content.value.currency)
        if (row.kind, row.owner, row.currency) != fixed:
            raise AlreadyExists(kind="cover", id=cover_id)
        before = self.find(cover_id)
        if before is not None and before.newest.content == content:
            return before
        stands = before.standing if before is not None else None
        _refuse_overused(cover_id, stands, content)
        self._session.execute(
            _VERSION,
            {
                "cover_id": cover_id,
                "version": 1 + (before.newest.version if before is not None else 0),
                "content": content.model_dump(mode="json"),
                "needs_check": raises(stands, content),
                "recorded_by": recorded_by,
            },
        )
        return self.read(cover_id)

    def check(
        self, cover_id: str, version: int, checked_by: str, *, confirmed: bool, note: str
    ) -> RegisteredCover:
        """A second person's word on the newest version; the same word again changes nothing.

        Refuses `SameHands`, `StaleContent` where a newer version is on record, `OutOfOrder` where
        none is asked for, and `AlreadyDecided`.
        """
        self._locked(cover_id)
        newest = self.read(cover_id).newest
        if newest.version != version:
            raise StaleContent(id=cover_id)
        if not newest.needs_check:
            raise OutOfOrder(**because("no_second_person", version=version, cover_id=cover_id))
        if newest.recorded_by == checked_by:
            raise SameHands(first="recording a cover", second="confirming it")
        if newest.pending:
            self._session.execute(
                _CHECK,
                {
                    "cover_id": cover_id,
                    "version": version,
                    "recorded_by": newest.recorded_by,
                    "checked_by": checked_by,
                    "confirmed": confirmed,
                    "note": note,
                },
            )
        elif (newest.checked_by, newest.confirmed) != (checked_by, confirmed):
            raise AlreadyDecided(
                verdict="confirmed" if newest.confirmed else "not confirmed",
                decided_by=newest.checked_by,
                decided_at=f"version {version}",
            )
        return self.read(cover_id)

    def hold(self, cover_ids: Iterable[str]) -> None:
        """Nobody else records or checks these until the transaction ends."""
        self._session.execute(
            select(CoverRow.cover_id)
            .where(CoverRow.cover_id.in_([*cover_ids]))
            .order_by(CoverRow.cover_id)
            .with_for_update()
        )

    def find(self, cover_id: str) -> RegisteredCover | None:
        found = self._find(CoverVersionRow.cover_id == cover_id)
        return found[0] if found else None

    def read(self, cover_id: str) -> RegisteredCover:
        found = self.find(cover_id)
        if found is None:
            raise NotFound(kind="cover", id=cover_id)
        return found

    def of_customer(self, customer_id: str) -> Sequence[RegisteredCover]:
        """Every cover that secures a customer by any of its versions, in the order of record."""
        ids = sorted(Customers(self._session).ids(customer_id))
        mentions = or_(
            *(CoverVersionRow.content["uses"].contains([{"customer_id": each}]) for each in ids)
        )
        return self._find(
            CoverVersionRow.cover_id.in_(select(CoverVersionRow.cover_id).where(mentions))
        )

    def guarantees_of(self, owners: Iterable[str]) -> Sequence[RegisteredCover]:
        """Every guarantee that these have given, in the order of record."""
        given = select(CoverRow.cover_id).where(
            of_customer(CoverRow.owner, owners), CoverRow.kind == CoverKind.GUARANTEE
        )
        return self._find(CoverVersionRow.cover_id.in_(given))

    def pending(self, most: int = 100) -> Sequence[RegisteredCover]:
        """Covers whose newest version waits for a second person, oldest first."""
        checked = select(CoverCheckRow.version).where(
            CoverCheckRow.cover_id == CoverVersionRow.cover_id,
            CoverCheckRow.version == CoverVersionRow.version,
        )
        waiting = (
            select(CoverVersionRow.cover_id)
            .where(CoverVersionRow.needs_check, ~checked.exists())
            .order_by(CoverVersionRow.recorded_at)
            .limit(most)
        )
        found = self._find(CoverVersionRow.cover_id.in_(waiting))
        return [each for each in found if each.newest.pending]

    def _locked(self, cover_id: str) -> CoverRow:
        row = self._session.scalar(
            select(CoverRow).where(CoverRow.cover_id == cover_id).with_for_update()
        )
        if row is None:
            raise NotFound(kind="cover", id=cover_id)
        return row

    def _find(self, condition: ColumnElement[bool]) -> Sequence[RegisteredCover]:
        rows = self._session.execute(
            select(CoverVersionRow, CoverCheckRow)
            .outerjoin(
                CoverCheckRow,
                (CoverCheckRow.cover_id == CoverVersionRow.cover_id)
                & (CoverCheckRow.version == CoverVersionRow.version),
            )
            .where(condition)
            .order_by(CoverVersionRow.cover_id, CoverVersionRow.version)
        )
        versions = [_version_of(version, check) for version, check in rows]
        return [
            RegisteredCover.of(list(each))
            for _, each in groupby(versions, lambda version: version.cover_id)
        ]


def _refuse_overused(cover_id: str, stands: CoverContent | None, content: CoverContent) -> None:
    """More than there is may stand behind credit only where a fall in value has left it so."""
    if content.uses_total <= content.free_value:
        return
    before = {use.secured: use.amount for use in stands.uses} if stands is not None else {}
    grown = [
        use for use in content.uses if use.secured not in before or use.amount > before[use.secured]
    ]
    if grown:
        raise CoverOverused(cover_id=cover_id, asked=content.uses_total, free=content.free_value)


def _version_of(row: CoverVersionRow, check: CoverCheckRow | None) -> CoverVersion:
    return CoverVersion(
        cover_id=row.cover_id,
        version=row.version,
        content=CoverContent.model_validate(row.content),
        needs_check=row.needs_check,
        recorded_by=row.recorded_by,
        checked_by=check.checked_by if check is not None else None,
        confirmed=check.confirmed if check is not None else None,
        note=check.note if check is not None else "",
    )
