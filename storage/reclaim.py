"""Idle limits on record: what lines used at most, lists of cuts, and what became of each line."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import KeyReused, NotFound
from domain.money import Money
from domain.reclaim import (
    LineOutcome,
    LineUse,
    Reclaim,
    ReclaimedLine,
    ReclaimRequest,
    ReclaimStatus,
)
from storage.base import Row, table_of

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('reclaim', 0))")


class ReclaimRow(Row):
    __tablename__ = "reclaim"

    reclaim_id: Mapped[str] = mapped_column(primary_key=True)
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    asked_on: Mapped[date]
    request: Mapped[dict[str, Any]]


class ReclaimSettlementRow(Row):
    __tablename__ = "reclaim_settlement"

    reclaim_id: Mapped[str] = mapped_column(primary_key=True)
    asked_by: Mapped[str]
    outcome: Mapped[str]
    settled_by: Mapped[str | None]
    settled_on: Mapped[date]
    settled_at: Mapped[datetime]
    letter_no: Mapped[str | None]


class ReclaimLineRow(Row):
    __tablename__ = "reclaim_line"

    reclaim_id: Mapped[str] = mapped_column(primary_key=True)
    line_id: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str]
    reason: Mapped[str]
    said_by: Mapped[str]
    currency: Mapped[str]
    before_minor: Mapped[int] = mapped_column(BigInteger)
    after_minor: Mapped[int] = mapped_column(BigInteger)
    letter_no: Mapped[str | None]
    said_at: Mapped[datetime]


class Reclaims:
    """Lists of cuts, only added to; a line waits on one of them at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def uses(self, since: date, line_ids: Sequence[str] | None = None) -> list[LineUse]:
        """What every line in force, or those named, was granted and used at most from a day on."""
        rows = self._session.execute(_USES, {"since": since, "line_ids": line_ids})
        return [
            LineUse(
                **{name: value for name, value in row._mapping.items() if name in _PLAIN},
                limit=Money(minor=row.limit_minor, currency=row.currency),
                taken=Money(minor=row.taken, currency=row.currency),
                highest=Money(minor=max(row.highest, row.taken), currency=row.currency),
            )
            for row in rows
        ]

    def hold(self) -> None:
        """Nobody else proposes, leaves out or settles until the transaction ends."""
        self._session.execute(_LOCK)

    def ask(self, request: ReclaimRequest) -> Reclaim:
        """Put a list on record; the same again is that one, other content `KeyReused`."""
        self._session.execute(
            insert(ReclaimRow)
            .values(
                **request.model_dump(include={"reclaim_id", "asked_by", "asked_at", "asked_on"}),
                request=request.model_dump(mode="json"),
            )
            .on_conflict_do_nothing()
        )
        on_record = self.read(request.reclaim_id)
        asked = {(each.line_id) for each in request.lines}
        known = on_record.request
        if (known.reason, {each.line_id for each in known.lines}) != (request.reason, asked):
            raise KeyReused(key=request.reclaim_id)
        return on_record

    def settle(
        self,
        request: ReclaimRequest,
        outcome: ReclaimStatus,
        *,
        at: datetime,
        on: date,
        settled_by: str | None = None,
        letter_no: str | None = None,
    ) -> Reclaim:
        """Say how it ended, once."""
        self._session.execute(
            insert(table_of(ReclaimSettlementRow))
            .values(
                reclaim_id=request.reclaim_id,
                asked_by=request.asked_by,
                outcome=outcome.value,
                settled_by=settled_by,
                settled_on=on,
                settled_at=at,
                letter_no=letter_no,
            )
            .on_conflict_do_nothing(index_elements=["reclaim_id"])
        )
        return self.read(request.reclaim_id)

    def record_lines(self, reclaim_id: str, lines: Iterable[ReclaimedLine], at: datetime) -> None:
        """Say what became of lines, while the lists are held; the first word on a line stands."""
        known = {each.line_id for each in self._said([reclaim_id]).get(reclaim_id, ())}
        for line in lines:
            if line.line_id in known:
                continue
            self._session.execute(
                insert(ReclaimLineRow).values(
                    reclaim_id=reclaim_id,
                    **line.model_dump(include={"line_id", "reason", "said_by", "letter_no"}),
                    outcome=line.outcome.value,
                    currency=line.before.currency,
                    before_minor=line.before.minor,
                    after_minor=line.after.minor,
                    said_at=at,
                )
            )

    def read(self, reclaim_id: str) -> Reclaim:
        found = self.find(reclaim_id)
        if found is None:
            raise NotFound(kind="reclaim", id=reclaim_id)
        return found

    def find(self, reclaim_id: str) -> Reclaim | None:
        return next(iter(self._found(ReclaimRow.reclaim_id == reclaim_id)), None)

    def list_page(
        self, *, before: tuple[datetime, str] | None = None, page_size: int = 50
    ) -> list[Reclaim]:
        """Newest first; `before` is the `(asked_at, reclaim_id)` of the last row seen."""
        conditions = []
        if before is not None:
            conditions.append(tuple_(ReclaimRow.asked_at, ReclaimRow.reclaim_id) < before)
        return self._found(*conditions, page_size=page_size)

    def waiting(self) -> dict[str, str]:
        """The lines on lists that nobody has settled, each with its list."""
        pending = self._found(ReclaimSettlementRow.reclaim_id.is_(None), page_size=None)
        return {
            line.line_id: each.request.reclaim_id for each in pending for line in each.request.lines
        }

    def cut_between(self, since: date, until: date) -> list[Reclaim]:
        """The lists approved within these days."""
        return self._found(
            ReclaimSettlementRow.outcome == ReclaimStatus.APPROVED,
            ReclaimSettlementRow.settled_on.between(since, until),
            page_size=None,
        )

    def _found(self, *conditions: Any, page_size: int | None = 50) -> list[Reclaim]:
        rows = self._session.execute(
            select(ReclaimRow, ReclaimSettlementRow)
            .outerjoin(
                ReclaimSettlementRow, ReclaimSettlementRow.reclaim_id == ReclaimRow.reclaim_id
            )
            .where(*conditions)
            .order_by(ReclaimRow.asked_at.desc(), ReclaimRow.reclaim_id.desc())
            .limit(page_size)
            .execution_options(populate_existing=True)
        ).all()
        said = self._said([row.reclaim_id for row, _ in rows])
        return [_reclaim(row, end, said.get(row.reclaim_id, ())) for row, end in rows]

    def _said(self, reclaim_ids: Sequence[str]) -> dict[str, tuple[ReclaimedLine, ...]]:
        found: dict[str, tuple[ReclaimedLine, ...]] = {}
        for row in self._session.scalars(
            select(ReclaimLineRow)
            .where(ReclaimLineRow.reclaim_id.in_(reclaim_ids))
            .order_by(ReclaimLineRow.line_id)
            .execution_options(populate_existing=True)
        ):
            line = ReclaimedLine(
                line_id=row.line_id,
                outcome=LineOutcome(row.outcome),
                reason=row.reason,
                said_by=row.said_by,
                before=Money(minor=row.before_minor, currency=row.currency),
                after=Money(minor=row.after_minor, currency=row.currency),
                letter_no=row.letter_no,
            )
            found[row.reclaim_id] = (*found.get(row.reclaim_id, ()), line)
        return found


def _reclaim(
    row: ReclaimRow, end: ReclaimSettlementRow | None, lines: tuple[ReclaimedLine, ...]
) -> Reclaim:
    request = ReclaimRequest.model_validate(row.request)
    if end is None:
        return Reclaim(request=request, lines=lines)
    return Reclaim(
        request=request,
        status=ReclaimStatus(end.outcome),
        settled_by=end.settled_by,
        settled_on=end.settled_on,
        letter_no=end.letter_no,
        lines=lines,
    )


_PLAIN = ("line_id", "customer_id", "letter_no", "grade", "term_months", "starts_on", "temporary")
# What stood on the day before the window was standing when it began.
_USES = text(
    """
    SELECT line.line_id, line.customer_id, line.letter_no, line.grade, line.starts_on,
        (line.terms ->> 'term_months')::integer AS term_months, account.currency,
        account.limit_minor,
        account.reserved_minor + account.used_minor + account.spent_minor AS taken,
        greatest(
            coalesce((SELECT max(e.reserved_after + e.used_after) FROM exposure_entry e
                WHERE e.account_no = account.account_no AND e.business_on >= :since), 0),
            coalesce((SELECT e.reserved_after + e.used_after FROM exposure_entry e
                WHERE e.account_no = account.account_no AND e.business_on < :since
                ORDER BY e.seq DESC LIMIT 1), 0)) AS highest,
        EXISTS (SELECT FROM line_limit WHERE line_limit.line_id = line.line_id
            AND temporary_until IS NOT NULL AND ended_on IS NULL) AS temporary
    FROM credit_line line
    JOIN exposure_account account ON account.kind = 'line' AND account.owner_id = line.line_id
    WHERE CASE WHEN CAST(:line_ids AS text[]) IS NULL
        THEN line.status NOT IN ('expired', 'terminated')
        ELSE line.line_id = ANY (CAST(:line_ids AS text[])) END
    ORDER BY line.line_id
    """
)
