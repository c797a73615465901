"""Approval letters by number: one a subject's decision, never changed."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, bindparam, func, literal_column, select, text, tuple_
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.approval import Approval, ApprovalOutcome, Verdict
from domain.contract import Letter
from domain.errors import NotFound
from domain.guard import LetterLimit
from domain.money import Money
from storage.approval.approvals import ApprovalRow
from storage.base import Row, recorded_at, table_of


class LetterRow(Row):
    __tablename__ = "letter"

    letter_no: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[str]
    case_id: Mapped[str]
    customer_id: Mapped[str]
    approved: Mapped[bool]
    limit_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None]
    content_hash: Mapped[str]
    decided_on: Mapped[date]
    valid_until: Mapped[date]
    body: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime]


class LetterLimitRow(Row):
    __tablename__ = "letter_limit"

    letter_no: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    unit: Mapped[str]
    decided_on: Mapped[date]
    currency: Mapped[str]
    limit_minor: Mapped[int] = mapped_column(BigInteger)
    eligible_minor: Mapped[int] = mapped_column(BigInteger)
    added_minor: Mapped[int] = mapped_column(BigInteger)
    route_row: Mapped[str]
    recorded_at: Mapped[datetime]


_RECORD = insert(table_of(LetterRow))
_LIMIT_COLUMNS = (
    "letter_no, customer_id, unit, decided_on, currency, limit_minor, eligible_minor, added_minor,"
    " route_row, recorded_at"
)
_COLUMNS = [column.name for column in table_of(LetterRow).c]
# What a letter grants is beside it from the start, and costs no further round trip.
_RECORD_GRANTED = text(
    f"""
    WITH letter AS (
        INSERT INTO letter ({", ".join(_COLUMNS)})
        VALUES ({", ".join(f":{name}" for name in _COLUMNS)})
    )
    INSERT INTO letter_limit ({_LIMIT_COLUMNS})
    SELECT {_LIMIT_COLUMNS} FROM jsonb_populate_record(CAST(NULL AS letter_limit), :granted)
    """
).bindparams(bindparam("body", type_=JSONB), bindparam("granted", type_=JSONB))
_FIND_OR_NUMBER = text(
    "SELECT found.body, CASE WHEN found.body IS NULL THEN nextval('letter_serial') END AS serial"
    " FROM (SELECT) one LEFT JOIN LATERAL (SELECT body FROM letter WHERE subject_id = :subject_id"
    " ORDER BY recorded_at DESC LIMIT 1) found ON true"
)
# What ended before it was granted has granted nothing; a review's letter belongs to no application.
_GRANTED = text(
    "SELECT g.currency, sum(g.added_minor) FROM letter_limit g"
    " JOIN letter USING (letter_no) LEFT JOIN application USING (case_id)"
    " WHERE g.decided_on BETWEEN :since AND :until AND (:unit = '' OR g.unit = :unit)"
    " AND coalesce(application.status, '') NOT IN ('withdrawn', 'lapsed', 'declined', 'refused')"
    " GROUP BY g.currency"
)


class Letters:
    """Approval letters by number: one a subject's decision, never changed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def next_no(self, year: int) -> str:
        """A number never given before. A rolled-back decision leaves a gap, never a double."""
        serial = self._session.scalar(select(func.nextval(literal_column("'letter_serial'"))))
        assert serial is not None
        return _numbered(year, serial)

    def find_or_number(self, subject_id: str, year: int) -> tuple[Letter | None, str]:
        """The letter of a subject, or none and a number for it that was never given before."""
        found = self._session.execute(_FIND_OR_NUMBER, {"subject_id": subject_id}).one()
        if found.body is not None:
            return Letter.model_validate(found.body), ""
        return None, _numbered(year, found.serial)

    def record(
        self,
        letter: Letter,
        subject_id: str,
        customer_id: str,
        granted: LetterLimit | None = None,
    ) -> None:
        """Write a letter, and beside it what it grants, as lasting."""
        limit = letter.terms.limit if letter.terms else None
        if letter.cap is not None and letter.approved:
            limit = letter.cap.limit.amount
        if letter.hold_release is not None and letter.approved:
            limit = letter.hold_release.amount_up_to
        now = recorded_at()
        columns = {
            "letter_no": letter.letter_no,
            "subject_id": subject_id,
            "case_id": letter.case_id,
            "customer_id": customer_id,
            "limit_minor": limit.minor if limit is not None else None,
            "currency": limit.currency if limit is not None else None,
            "approved": letter.approved,
            "content_hash": letter.content_hash,
            "decided_on": letter.decided_on,
            "valid_until": letter.valid_until,
            "body": letter.model_dump(mode="json"),
            "recorded_at": now,
        }
        if granted is None:
            self._session.execute(_RECORD, columns)
        else:
            beside = {**_columns_of(granted), "recorded_at": now.isoformat()}
            self._session.execute(_RECORD_GRANTED, columns | {"granted": beside})

    def granted(self, since: date, until: date, unit: str = "") -> list[Money]:
        """What letters newly granted within these days, by currency: of a unit, or of all."""
        rows = self._session.execute(_GRANTED, {"since": since, "until": until, "unit": unit})
        return [Money(minor=int(minor), currency=currency) for currency, minor in rows]

    def list_above_eligible(
        self, since: date, until: date, *, after: tuple[date, str] | None, page_size: int
    ) -> list[tuple[Letter, LetterLimit, str]]:
        """Letters that grant more than policy supported, newest first, each with its subject."""
        query = (
            select(LetterRow, LetterLimitRow)
            .join(LetterLimitRow, LetterLimitRow.letter_no == LetterRow.letter_no)
            .where(
                LetterLimitRow.limit_minor > LetterLimitRow.eligible_minor,
                LetterLimitRow.decided_on.between(since, until),
            )
            .order_by(LetterLimitRow.decided_on.desc(), LetterLimitRow.letter_no.desc())
            .limit(page_size)
        )
        if after is not None:
            query = query.where(tuple_(LetterLimitRow.decided_on, LetterLimitRow.letter_no) < after)
        return [
            (Letter.model_validate(letter.body), _limit_of(of), letter.subject_id)
            for letter, of in self._session.execute(query)
        ]

    def list_against_opinion(
        self, since: date, until: date, *, after: tuple[date, str] | None, page_size: int
    ) -> list[tuple[Letter, str, Approval]]:
        """Letters that approve what an opinion that stands is against, newest first, each with its
        customer and its approval."""
        query = (
            select(LetterRow, ApprovalRow.body)
            .join(ApprovalRow, ApprovalRow.subject_id == LetterRow.subject_id)
            .where(
                LetterRow.approved,
                LetterRow.decided_on.between(since, until),
                ApprovalRow.outcome == ApprovalOutcome.APPROVED,
                ApprovalRow.body.contains({"tasks": [{"verdict": Verdict.OBJECT, "void": False}]}),
            )
            .order_by(LetterRow.decided_on.desc(), LetterRow.letter_no.desc())
            .limit(page_size)
        )
        if after is not None:
            query = query.where(tuple_(LetterRow.decided_on, LetterRow.letter_no) < after)
        return [
            (Letter.model_validate(row.body), row.customer_id, Approval.model_validate(body))
            for row, body in self._session.execute(query)
        ]

    def find(self, letter_no: str) -> Letter | None:
        row = self._session.get(LetterRow, letter_no)
        return Letter.model_validate(row.body) if row is not None else None

    def read(self, letter_no: str) -> Letter:
        found = self.find(letter_no)
        if found is None:
            raise NotFound(kind="letter", id=letter_no)
        return found

    def commitments_of(self, customer_ids: Sequence[str]) -> list[tuple[str, Money]]:
        """Limits granted to new lines by letters that are neither activated nor ended yet."""
        rows = self._session.execute(
            text(
                "SELECT customer_survivor(letter.customer_id), letter.limit_minor, letter.currency FROM letter"
                " JOIN application USING (case_id)"
                " WHERE letter.customer_id = ANY (customer_ids(VARIADIC :customers)) AND letter.approved"
                " AND application.application_type = 'new_line'"
                " AND application.status IN ('approved', 'contracting', 'conditions')"
            ),
            {"customers": list(customer_ids)},
        )
        return [(holder, Money(minor=minor, currency=currency)) for holder, minor, currency in rows]

    def find_of_subject(self, subject_id: str) -> Letter | None:
        row = self._session.scalar(
            select(LetterRow)
            .where(LetterRow.subject_id == subject_id)
            .order_by(LetterRow.recorded_at.desc())
            .limit(1)
        )
        return Letter.model_validate(row.body) if row else None


def _numbered(year: int, serial: int) -> str:
    return f"PF{year}-{serial:06d}"


def _columns_of(granted: LetterLimit) -> dict[str, Any]:
    """As JSON has them."""
    return {
        "letter_no": granted.letter_no,
        "customer_id": granted.customer_id,
        "unit": granted.unit,
        "decided_on": granted.decided_on.isoformat(),
        "currency": granted.limit.currency,
        "limit_minor": granted.limit.minor,
        "eligible_minor": granted.eligible.minor,
        "added_minor": granted.added.minor,
        "route_row": granted.route_row,
    }


def _limit_of(row: LetterLimitRow) -> LetterLimit:
    def money(minor: int) -> Money:
        return Money(minor=minor, currency=row.currency)

    return LetterLimit(
        letter_no=row.letter_no,
        customer_id=row.customer_id,
        unit=row.unit,
        decided_on=row.decided_on,
        limit=money(row.limit_minor),
        eligible=money(row.eligible_minor),
        added=money(row.added_minor),
        route_row=row.route_row,
    )
