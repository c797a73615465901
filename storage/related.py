"""The register of the grantor's related parties: entries by version, and the second person's word."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Integer, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.contract import Letter
from domain.errors import AlreadyDecided, AlreadyExists, NotFound, SameHands, StaleContent
from domain.money import Money
from domain.related import (
    DisclosedLine,
    RelatedCheck,
    RelatedContent,
    RelatedEntry,
    RelatedStanding,
)
from storage.base import Row, table_of


class RelatedEntryRow(Row):
    __tablename__ = "related_entry"

    entry_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    subject: Mapped[str]
    content: Mapped[dict[str, Any]]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]


class RelatedCheckRow(Row):
    __tablename__ = "related_check"

    entry_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    recorded_by: Mapped[str]
    accepted: Mapped[bool]
    checked_by: Mapped[str]
    note: Mapped[str]
    recorded_at: Mapped[datetime]


_RECORD = insert(table_of(RelatedEntryRow)).on_conflict_do_nothing()
_CHECK = insert(table_of(RelatedCheckRow)).on_conflict_do_nothing()
# The newest version that was accepted, of each entry.
_COUNTED = (
    "SELECT DISTINCT ON (e.entry_id) e.entry_id, e.version, e.content, e.recorded_by"
    " FROM related_entry e JOIN related_check c USING (entry_id, version)"
    " WHERE c.accepted {where} ORDER BY e.entry_id, e.version DESC"
)
_COUNTED_OF = text(
    _COUNTED.format(where="AND e.subject = ANY(customer_ids(VARIADIC CAST(:subjects AS text[])))")
)
_COUNTED_ALL = text(_COUNTED.format(where=""))
_SAYS_SO = "FROM customer WHERE content @> '{\"related_to_grantor\": true}'"
_MARKED = text(f"SELECT DISTINCT customer_survivor(customer_id) {_SAYS_SO} ORDER BY 1")
_IS_MARKED = text(
    f"SELECT EXISTS (SELECT {_SAYS_SO} AND customer_id = ANY (customer_ids(:customer_id)))"
)

# Balances are those after the last entry of the day, the limit the last one decided by then.
_LINES_AS_OF = text(
    """
    SELECT customer_survivor(l.customer_id) AS customer_id, l.line_id, l.ends_on, a.currency, put.letters, letter.body,
        coalesce(g.route_row, '') AS route_row, limited.limit_minor, used.used_after AS used_minor,
        line_rate_on(l, :as_of) AS rate_annual
    FROM credit_line l
    JOIN exposure_account a ON a.owner_id = l.line_id AND a.kind = 'line'
    JOIN LATERAL (
        SELECT array_agg(letter_no ORDER BY activated_at, letter_no) AS letters,
            (array_agg(letter_no ORDER BY activated_at DESC, letter_no DESC)
                FILTER (WHERE kind <> 'temporary_increase'))[1] AS newest
        FROM line_activation WHERE line_id = l.line_id AND business_on <= :as_of
    ) put ON put.newest IS NOT NULL
    JOIN letter ON letter.letter_no = put.newest
    LEFT JOIN letter_limit g ON g.letter_no = put.newest
    JOIN LATERAL (
        SELECT limit_minor FROM exposure_entry
        WHERE account_no = a.account_no AND kind IN ('opening', 'limit') AND business_on <= :as_of
        ORDER BY seq DESC LIMIT 1
    ) limited ON true
    JOIN LATERAL (
        SELECT used_after FROM exposure_entry
        WHERE account_no = a.account_no AND business_on <= :as_of ORDER BY seq DESC LIMIT 1
    ) used ON true
    WHERE l.customer_id = ANY (customer_ids(VARIADIC CAST(:customers AS text[]))) AND (used.used_after > 0
        OR l.ends_on >= :as_of AND NOT EXISTS (
            SELECT FROM line_event e WHERE e.line_id = l.line_id AND e.kind = 'terminated'
                AND e.occurred_at < :over_at))
    ORDER BY 1, l.line_id
    """
)


class RelatedParties:
    """Who is related to the grantor, by entries that two people stand for."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, content: RelatedContent, entry_id: str, recorded_by: str) -> RelatedStanding:
        """A new entry, or what is known better of one as its next version, to be checked.

        The same content again is the version on record. Refuses `AlreadyExists` where the entry is
        about another party.
        """
        known = self._newest(entry_id)
        if known is not None:
            if known.subject != content.subject:
                raise AlreadyExists(kind="related party entry", id=entry_id)
            if _content_of(known) == content:
                return self.read(entry_id)
        self._session.execute(
            _RECORD,
            {
                "entry_id": entry_id,
                "version": known.version + 1 if known else 1,
                "subject": content.subject,
                "content": content.model_dump(mode="json"),
                "recorded_by": recorded_by,
            },
        )
        standing = self.read(entry_id)
        if _content_of(standing.newest) != content:
            raise StaleContent(id=entry_id)  # somebody else wrote a version in the same moment
        return standing

    def check(
        self, entry_id: str, version: int, person_id: str, *, accepted: bool, note: str
    ) -> RelatedStanding:
        """A second person's word on the newest version; once given it stands.

        Refuses `StaleContent` for any other version, `SameHands` to its maker, `AlreadyDecided`.
        """
        newest = self.read(entry_id).newest
        if newest.version != version:
            raise StaleContent(id=entry_id)
        if newest.recorded_by == person_id:
            raise SameHands(first="an entry of the register", second="its check")
        self._session.execute(
            _CHECK,
            {
                "entry_id": entry_id,
                "version": version,
                "recorded_by": newest.recorded_by,
                "accepted": accepted,
                "checked_by": person_id,
                "note": note,
            },
        )
        row = self._session.get_one(RelatedCheckRow, (entry_id, version), populate_existing=True)
        if (row.checked_by, row.accepted) != (person_id, accepted):
            raise AlreadyDecided(
                verdict="accepted" if row.accepted else "rejected",
                decided_by=row.checked_by,
                decided_at=row.recorded_at.isoformat(timespec="seconds"),
            )
        return self.read(entry_id)

    def read(self, entry_id: str) -> RelatedStanding:
        newest = self._newest(entry_id)
        if newest is None:
            raise NotFound(kind="related party entry", id=entry_id)
        return self._standing(newest)

    def list_page(self, after: str, page_size: int) -> list[RelatedStanding]:
        """The entries above an id, by id."""
        rows = self._session.execute(
            text(
                "SELECT DISTINCT ON (entry_id) entry_id, version, content, recorded_by"
                " FROM related_entry WHERE entry_id > :after"
                " ORDER BY entry_id, version DESC LIMIT :page_size"
            ),
            {"after": after, "page_size": page_size},
        )
        return [self._standing(_entry_of(row)) for row in rows]

    def in_force(self, on: date, subjects: Iterable[str] | None = None) -> list[RelatedEntry]:
        """The entries that count on a day, about these parties or about all."""
        if subjects is None:
            rows = self._session.execute(_COUNTED_ALL)
        else:
            rows = self._session.execute(_COUNTED_OF, {"subjects": sorted(set(subjects))})
        return [entry for entry in map(_entry_of, rows) if entry.holds_on(on)]

    def find_marked(self) -> Sequence[str]:
        """The customers whose own record, or another of theirs, says that they are related, by id."""
        return self._session.scalars(_MARKED).all()

    def is_marked(self, customer_id: str) -> bool:
        """Whether any record of the customer says that it is related."""
        return bool(self._session.scalar(_IS_MARKED, {"customer_id": customer_id}))

    def lines_as_of(
        self, customer_ids: Iterable[str], as_of: date, over_at: datetime
    ) -> dict[str, list[DisclosedLine]]:
        """The lines of these customers as of a day, by customer: those that had not ended when it
        was over, or were still in use. Terms are of the newest letter that was in force then."""
        rows = self._session.execute(
            _LINES_AS_OF,
            {"customers": list(customer_ids), "as_of": as_of, "over_at": over_at},
        )
        lines: dict[str, list[DisclosedLine]] = {}
        for row in rows:
            letter = Letter.model_validate(row.body)
            assert letter.terms is not None, "a letter in force has terms"
            lines.setdefault(row.customer_id, []).append(
                DisclosedLine(
                    line_id=row.line_id,
                    limit=Money(minor=row.limit_minor, currency=row.currency),
                    used=Money(minor=row.used_minor, currency=row.currency),
                    product=letter.terms.product,
                    term_months=letter.terms.term_months,
                    rate_annual=row.rate_annual,
                    payment_days=letter.terms.payment_days,
                    ends_on=row.ends_on,
                    letters=tuple(row.letters),
                    body=row.route_row,
                    decided_by=letter.decided_by,
                )
            )
        return lines

    def _newest(self, entry_id: str) -> RelatedEntry | None:
        row = self._session.scalar(
            select(RelatedEntryRow)
            .where(RelatedEntryRow.entry_id == entry_id)
            .order_by(RelatedEntryRow.version.desc())
            .limit(1)
        )
        return None if row is None else _entry_of(row)

    def _standing(self, newest: RelatedEntry) -> RelatedStanding:
        row = self._session.get(RelatedCheckRow, (newest.entry_id, newest.version))
        counted = next(
            (
                entry
                for entry in map(
                    _entry_of, self._session.execute(_COUNTED_OF, {"subjects": [newest.subject]})
                )
                if entry.entry_id == newest.entry_id
            ),
            None,
        )
        check = (
            None
            if row is None
            else RelatedCheck(accepted=row.accepted, checked_by=row.checked_by, note=row.note)
        )
        return RelatedStanding(newest=newest, check=check, counted=counted)


def _entry_of(row: Any) -> RelatedEntry:
    return RelatedEntry(
        **RelatedContent.model_validate(row.content).model_dump(),
        entry_id=row.entry_id,
        version=row.version,
        recorded_by=row.recorded_by,
    )


def _content_of(entry: RelatedEntry) -> RelatedContent:
    return RelatedContent.model_validate(
        entry.model_dump(exclude={"entry_id", "version", "recorded_by"})
    )
