"""Parties and the links between them: added and superseded, never changed."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import AlreadyExists, NotFound
from domain.party import Link, Party, PartyKind
from storage.base import Row, table_of


class PartyRow(Row):
    __tablename__ = "party"

    party_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]


class PartyLinkRow(Row):
    __tablename__ = "party_link"

    link_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    holder: Mapped[str]
    subject: Mapped[str]
    content: Mapped[dict[str, Any]]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]


_RECORD = insert(table_of(PartyRow)).on_conflict_do_nothing()
_LINK = insert(table_of(PartyLinkRow)).on_conflict_do_nothing()
# Whom links lead to, in either direction and round any circle, and the newest of each link; who was
# merged into another is the other.
_AROUND = text(
    "WITH RECURSIVE reached(party) AS ("
    "  SELECT customer_survivor(:party_id)"
    "  UNION"
    "  SELECT customer_survivor("
    "    CASE WHEN link.holder = ANY (ids) THEN link.subject ELSE link.holder END)"
    "  FROM reached, LATERAL (SELECT customer_ids(reached.party) AS ids) one"
    "  JOIN party_link link ON link.holder = ANY (ids) OR link.subject = ANY (ids))"
    " SELECT DISTINCT ON (link_id) content || jsonb_build_object("
    "   'holder', customer_survivor(holder), 'subject', customer_survivor(subject)) AS content"
    " FROM party_link"
    " WHERE holder = ANY (SELECT unnest(customer_ids(party)) FROM reached)"
    " ORDER BY link_id, version DESC"
)


class Parties:
    """Who is linked to our customers, and how."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, party: Party, recorded_by: str) -> Party:
        """Put a party on record; the same again is that party, another refuses `AlreadyExists`."""
        self._session.execute(_RECORD, party.model_dump() | {"recorded_by": recorded_by})
        known = self.find_many([party.party_id])[party.party_id]
        if known != party:
            raise AlreadyExists(kind="party", id=party.party_id)
        return known

    def find_many(self, party_ids: Iterable[str]) -> dict[str, Party]:
        rows = self._session.scalars(
            select(PartyRow).where(PartyRow.party_id.in_(sorted(set(party_ids))))
        )
        return {
            row.party_id: Party(party_id=row.party_id, name=row.name, kind=PartyKind(row.kind))
            for row in rows
        }

    def record_link(self, link: Link, recorded_by: str) -> Link:
        """Put a link on record, or what is known better of one as its next version.

        The same content again is the version on record. Whom a link joins, and how, never changes:
        refuses `AlreadyExists` where it joins others.
        """
        known = self._find_link(link.link_id)
        version = known.version if known is not None else 0
        if known is not None:
            if (known.kind, known.holder, known.subject) != (link.kind, link.holder, link.subject):
                raise AlreadyExists(kind="link", id=link.link_id)
            if known == link.model_copy(update={"version": version}):
                return known
        newer = link.model_copy(update={"version": version + 1})
        self._session.execute(
            _LINK,
            {
                "link_id": newer.link_id,
                "version": newer.version,
                "kind": newer.kind,
                "holder": newer.holder,
                "subject": newer.subject,
                "content": newer.model_dump(mode="json"),
                "recorded_by": recorded_by,
            },
        )
        return self.read_link(link.link_id)

    def read_link(self, link_id: str) -> Link:
        link = self._find_link(link_id)
        if link is None:
            raise NotFound(kind="link", id=link_id)
        return link

    def links_around(self, party_id: str) -> Sequence[Link]:
        """The newest version of every link that joins anybody who can be reached from a party.

        Ends that are one customer are told by one id; a link between two of them joins nobody.
        """
        rows = self._session.scalars(_AROUND, {"party_id": party_id})
        return [
            Link.model_validate(content)
            for content in rows
            if content["holder"] != content["subject"]
        ]

    def _find_link(self, link_id: str) -> Link | None:
        content = self._session.scalar(
            select(PartyLinkRow.content)
            .where(PartyLinkRow.link_id == link_id)
            .order_by(PartyLinkRow.version.desc())
            .limit(1)
        )
        return None if content is None else Link.model_validate(content)
