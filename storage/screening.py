"""Name lists on record: what stands on each now, and what stood on it in every version before.

A further version keeps the entries it shares with the one before; what it leaves out is closed,
not deleted. What a hit does to a case is `policies/screening.py`.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.customer import Identifier, IdentifierScheme
from domain.errors import AlreadyExists
from domain.imports import Outcome
from domain.screening import ListEffect, ListEntry, NameList
from domain.value import content_hash
from storage.base import Row

_Code = tuple[str, str]


class NameListRow(Row):
    __tablename__ = "name_list"

    list_code: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    list_version: Mapped[str]
    content_hash: Mapped[str]
    entries: Mapped[int]
    source: Mapped[str]
    imported_on: Mapped[date]
    recorded_by: Mapped[str]


class NameListEntryRow(Row):
    __tablename__ = "name_list_entry"

    list_code: Mapped[str] = mapped_column(primary_key=True)
    scheme: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    added_in: Mapped[int] = mapped_column(primary_key=True)
    removed_in: Mapped[int | None]
    effect: Mapped[str]
    rule: Mapped[str]
    reason: Mapped[str]
    until: Mapped[date | None]


class Lists:
    """The internal and the imported name lists."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record_version(
        self,
        list_code: str,
        list_version: str,
        entries: Sequence[ListEntry],
        *,
        imported_on: date,
        source: str,
        recorded_by: str,
    ) -> list[Outcome]:
        """Make these entries, no code twice, the whole list from now on; say what each became.

        A version on record again changes nothing, also where a later one has followed it; other
        entries under its name refuse `AlreadyExists`. The list is locked meanwhile.
        """
        self._lock(list_code)
        hashed = _hash(entries)
        known = self._find_version(list_code, list_version)
        if known is not None and known.content_hash != hashed:
            raise AlreadyExists(kind="list version", id=f"{list_code} {list_version}")
        newest = self._newest(list_code)
        standing = self._standing(list_code)
        outcomes = [_outcome(entry, standing.get(_code(entry.identifier))) for entry in entries]
        if known is not None:
            return [Outcome.UNCHANGED] * len(entries)
        revision = newest.revision + 1 if newest is not None else 1
        self._session.execute(
            insert(NameListRow).values(
                list_code=list_code,
                revision=revision,
                list_version=list_version,
                content_hash=hashed,
                entries=len(entries),
                source=source,
                imported_on=imported_on,
                recorded_by=recorded_by,
            )
        )
        wanted = {_code(entry.identifier): entry for entry in entries}
        gone = [code for code, held in standing.items() if not _same(held, wanted.get(code))]
        self._close(list_code, gone, revision)
        fresh = [entry for code, entry in wanted.items() if not _same(standing.get(code), entry)]
        if fresh:
            rows = [_columns(entry, list_code, revision) for entry in fresh]
            self._session.execute(insert(NameListEntryRow), rows)
        return outcomes

    def add(self, entry: ListEntry, *, imported_on: date, source: str, recorded_by: str) -> None:
        """Put one name on a list, as a further version of it named by `entry.list_version`."""
        standing = [
            held
            for held in self.entries(entry.list_code)
            if _code(held.identifier) != _code(entry.identifier)
        ]
        self.record_version(
            entry.list_code,
            entry.list_version,
            [*standing, entry],
            imported_on=imported_on,
            source=source,
            recorded_by=recorded_by,
        )

    def entries(self, list_code: str) -> tuple[ListEntry, ...]:
        """All that stands on a list now, by code."""
        newest = self._newest(list_code)
        if newest is None:
            return ()
        held = self._standing(list_code)
        return tuple(_entry(held[code], newest.list_version) for code in sorted(held))

    def find_hits(self, identifiers: Iterable[Identifier]) -> tuple[ListEntry, ...]:
        """The entries on any list now that have one of these codes; their terms may be over."""
        codes = [_code(identifier) for identifier in identifiers]
        key = tuple_(NameListEntryRow.scheme, NameListEntryRow.value)
        rows = self._session.scalars(
            select(NameListEntryRow)
            .where(key.in_(codes), NameListEntryRow.removed_in.is_(None))
            .order_by(NameListEntryRow.list_code, NameListEntryRow.scheme, NameListEntryRow.value)
        ).all()
        versions = self.versions() if rows else {}
        return tuple(_entry(row, versions[row.list_code]) for row in rows)

    def versions(self) -> dict[str, str]:
        """The newest version of every list, by list code."""
        return {found.list_code: found.list_version for found in self.lists()}

    def lists(self) -> tuple[NameList, ...]:
        """Every list in its newest version, by code."""
        rows = self._session.scalars(
            select(NameListRow)
            .ext(distinct_on(NameListRow.list_code))
            .order_by(NameListRow.list_code, NameListRow.revision.desc())
        )
        return tuple(
            NameList(
                list_code=row.list_code,
                list_version=row.list_version,
                entries=row.entries,
                imported_on=row.imported_on,
                source=row.source,
            )
            for row in rows
        )

    def _lock(self, list_code: str) -> None:
        """One writer a list at a time; a list without a row yet has nothing else to lock."""
        key = func.hashtextextended(f"name_list/{list_code}", text("0"))
        self._session.execute(select(func.pg_advisory_xact_lock(key)))

    def _find_version(self, list_code: str, list_version: str) -> NameListRow | None:
        return self._session.scalar(
            select(NameListRow).where(
                NameListRow.list_code == list_code, NameListRow.list_version == list_version
            )
        )

    def _newest(self, list_code: str) -> NameListRow | None:
        return self._session.scalar(
            select(NameListRow)
            .where(NameListRow.list_code == list_code)
            .order_by(NameListRow.revision.desc())
            .limit(1)
        )

    def _standing(self, list_code: str) -> dict[_Code, NameListEntryRow]:
        rows = self._session.scalars(
            select(NameListEntryRow)
            .where(NameListEntryRow.list_code == list_code, NameListEntryRow.removed_in.is_(None))
            .execution_options(populate_existing=True)
        )
        return {(row.scheme, row.value): row for row in rows}

    def _close(self, list_code: str, codes: Sequence[_Code], revision: int) -> None:
        if not codes:
            return
        key = tuple_(NameListEntryRow.scheme, NameListEntryRow.value)
        self._session.execute(
            update(NameListEntryRow)
            .where(
                NameListEntryRow.list_code == list_code,
                NameListEntryRow.removed_in.is_(None),
                key.in_(codes),
            )
            .values(removed_in=revision)
            .execution_options(synchronize_session=False)
        )


def _outcome(entry: ListEntry, held: NameListEntryRow | None) -> Outcome:
    if held is None:
        return Outcome.CREATED
    return Outcome.UNCHANGED if _same(held, entry) else Outcome.UPDATED


def _same(held: NameListEntryRow | None, entry: ListEntry | None) -> bool:
    if held is None or entry is None:
        return False
    return (held.effect, held.rule, held.reason, held.until) == (
        entry.effect.value,
        entry.rule,
        entry.reason,
        entry.until,
    )


def _code(identifier: Identifier) -> _Code:
    return identifier.scheme.value, identifier.value


def _hash(entries: Sequence[ListEntry]) -> str:
    """Of what the list says, in whatever order and under whatever version it says it."""
    lines = (
        content_hash(entry.model_dump(mode="json", exclude={"list_version"})) for entry in entries
    )
    return sha256("".join(sorted(lines)).encode()).hexdigest()


def _columns(entry: ListEntry, list_code: str, revision: int) -> dict[str, Any]:
    return {
        "list_code": list_code,
        "scheme": entry.identifier.scheme.value,
        "value": entry.identifier.value,
        "added_in": revision,
        "effect": entry.effect.value,
        "rule": entry.rule,
        "reason": entry.reason,
        "until": entry.until,
    }


def _entry(row: NameListEntryRow, list_version: str) -> ListEntry:
    return ListEntry(
        list_code=row.list_code,
        list_version=list_version,
        identifier=Identifier(scheme=IdentifierScheme(row.scheme), value=row.value),
        effect=ListEffect(row.effect),
        rule=row.rule,
        reason=row.reason,
        until=row.until,
    )
