"""The rates of lines, day by day: set by a letter or by a repricing date, and never changed."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Identity, Numeric, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.benchmark import (
    FixingUsed,
    FloatingLine,
    LineRate,
    RateCause,
    RateFinding,
)
from domain.contract import Terms
from domain.errors import NotFound
from domain.terms import FloatingTerms
from storage.base import Row, table_of


class LineRateRow(Row):
    __tablename__ = "line_rate"

    line_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    from_on: Mapped[date]
    rate_annual: Mapped[Decimal] = mapped_column(Numeric)
    cause: Mapped[str]
    letter_no: Mapped[str]
    due_on: Mapped[date | None]
    benchmark: Mapped[str | None]
    fixing: Mapped[Decimal | None] = mapped_column(Numeric)
    fixed_on: Mapped[date | None]
    fixing_version: Mapped[int | None]
    spread_bp: Mapped[Decimal | None] = mapped_column(Numeric)


class RateFindingRow(Row):
    __tablename__ = "line_rate_finding"

    line_id: Mapped[str] = mapped_column(primary_key=True)
    due_on: Mapped[date] = mapped_column(primary_key=True)
    benchmark: Mapped[str]
    found_on: Mapped[date]


_RECORD = insert(table_of(LineRateRow)).on_conflict_do_nothing()
_FIND = insert(table_of(RateFindingRow)).on_conflict_do_nothing()
# A letter of change sets no rate: a line floats by the letter that set the last one.
_FLOATING = text(
    """
    SELECT l.line_id, l.customer_id, rated.letter_no, l.terms -> 'floating' AS floating,
        coalesce((SELECT min(r.from_on) FROM line_rate r
            WHERE r.line_id = l.line_id AND r.letter_no = rated.letter_no AND r.cause = 'letter'),
            l.starts_on) AS since,
        ARRAY(SELECT r.due_on FROM line_rate r
            WHERE r.line_id = l.line_id AND r.letter_no = rated.letter_no AND r.cause = 'repricing'
            ORDER BY 1) AS repriced
    FROM credit_line l
    CROSS JOIN LATERAL (SELECT coalesce((SELECT r.letter_no FROM line_rate r
        WHERE r.line_id = l.line_id AND r.cause = 'letter'
        ORDER BY r.from_on DESC, r.seq DESC LIMIT 1), l.letter_no) AS letter_no) rated
    WHERE l.terms -> 'floating' <> 'null' AND l.status NOT IN ('expired', 'terminated')
        AND l.line_id > :after
    ORDER BY l.line_id LIMIT :page_size
    FOR NO KEY UPDATE OF l
    """
)
# What was missing and is not any more has set its rate since, or the line has ended, or it has a
# letter that no longer asks for that date.
_OPEN = text(
    """
    SELECT f.line_id, l.customer_id, f.benchmark, f.due_on, f.found_on
    FROM line_rate_finding f JOIN credit_line l ON l.line_id = f.line_id
    WHERE l.status NOT IN ('expired', 'terminated') AND l.terms -> 'floating' <> 'null'
        AND f.due_on > CAST(l.terms -> 'floating' ->> 'fixing_on' AS date)
        AND NOT EXISTS (
            SELECT FROM line_rate r WHERE r.line_id = f.line_id AND r.due_on = f.due_on)
    ORDER BY f.due_on, f.line_id
    """
)


class LineRates:
    """The rates of lines, within the transaction of whatever sets them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record_letter(self, line_id: str, letter_no: str, terms: Terms, from_on: date) -> None:
        """The rate of a letter that is put in force, once."""
        floating = terms.floating
        fixing = None
        if floating is not None:
            fixing = FixingUsed(
                benchmark=floating.rule.benchmark,
                rate=floating.fixing,
                fixed_on=floating.fixing_on,
                version=floating.fixing_version,
            )
        self.record(
            LineRate(
                line_id=line_id,
                from_on=from_on,
                rate_annual=terms.rate_annual,
                cause=RateCause.LETTER,
                letter_no=letter_no,
                fixing=fixing,
                spread_bp=None if floating is None else floating.rule.spread_bp,
            )
        )

    def record(self, rate: LineRate) -> LineRate:
        """Write a rate unless its letter or repricing date has set one; the one on record."""
        self._session.execute(_RECORD, _columns(rate))
        row = self._session.get(LineRateRow, (rate.line_id, rate.key))
        assert row is not None
        return _rate(row)

    def list_of_line(self, line_id: str) -> Sequence[LineRate]:
        """Every rate of a line, from the first day on; of one day the last one holds."""
        rows = self._session.scalars(
            select(LineRateRow)
            .where(LineRateRow.line_id == line_id)
            .order_by(LineRateRow.from_on, LineRateRow.seq)
        )
        return [_rate(row) for row in rows]

    def find_floating(self, *, after: str | None, page_size: int) -> Sequence[FloatingLine]:
        """A page of the lines in force whose rate floats, each held."""
        rows = self._session.execute(_FLOATING, {"after": after or "", "page_size": page_size})
        return [
            FloatingLine(
                line_id=row.line_id,
                customer_id=row.customer_id,
                letter_no=row.letter_no,
                since=row.since,
                floating=FloatingTerms.model_validate(row.floating),
                repriced=tuple(row.repriced),
            )
            for row in rows
        ]

    def record_finding(self, finding: RateFinding) -> RateFinding:
        """Note a repricing date without its benchmark, once; the one on record."""
        self._session.execute(
            _FIND, finding.model_dump(include={"line_id", "due_on", "benchmark", "found_on"})
        )
        row = self._session.get(RateFindingRow, (finding.line_id, finding.due_on))
        if row is None:
            raise NotFound(kind="finding", id=f"{finding.line_id}/{finding.due_on}")
        return finding.model_copy(update={"found_on": row.found_on})

    def find_open(self) -> Sequence[RateFinding]:
        """The repricing dates that still wait for a benchmark, oldest first."""
        rows = self._session.execute(_OPEN).mappings()
        return [RateFinding.model_validate(dict(row)) for row in rows]


def _columns(rate: LineRate) -> dict[str, Any]:
    fixing = rate.fixing
    return {
        **rate.model_dump(exclude={"fixing"}),
        "key": rate.key,
        "benchmark": fixing and fixing.benchmark,
        "fixing": fixing and fixing.rate,
        "fixed_on": fixing and fixing.fixed_on,
        "fixing_version": fixing and fixing.version,
    }


def _rate(row: LineRateRow) -> LineRate:
    fixing = None
    if row.benchmark is not None and row.fixing is not None and row.fixed_on is not None:
        fixing = FixingUsed(
            benchmark=row.benchmark,
            rate=row.fixing,
            fixed_on=row.fixed_on,
            version=row.fixing_version or 1,
        )
    return LineRate(
        line_id=row.line_id,
        from_on=row.from_on,
        rate_annual=row.rate_annual,
        cause=RateCause(row.cause),
        letter_no=row.letter_no,
        due_on=row.due_on,
        fixing=fixing,
        spread_bp=row.spread_bp,
    )
