"""Fixings of benchmarks on record, by benchmark, day and version; none is ever changed."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy import Numeric, select, text, tuple_
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.benchmark import Fixing, FixingContent, FixingCorrection, FixingUsed
from domain.errors import AlreadyExists, BenchmarkMissing, CreditError, NotFound, SameHands
from domain.imports import Outcome
from storage.base import Row, table_of


class FixingRow(Row):
    __tablename__ = "benchmark_fixing"

    benchmark: Mapped[str] = mapped_column(primary_key=True)
    fixed_on: Mapped[date] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    rate: Mapped[Decimal] = mapped_column(Numeric(12, 10))
    source: Mapped[str]
    reason: Mapped[str]
    recorded_by: Mapped[str]
    corrects_by: Mapped[str | None]


_RECORD = insert(table_of(FixingRow))
_NEWEST = (FixingRow.benchmark, FixingRow.fixed_on.desc(), FixingRow.version.desc())


class Fixings:
    """The dated table of benchmarks."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, content: FixingContent, *, recorded_by: str) -> Fixing:
        """Write a day's figure once; refuses `AlreadyExists` where the day has another one."""
        outcome = self.record_all([content], recorded_by=recorded_by)[0]
        if isinstance(outcome, CreditError):
            raise outcome
        return self.read(content.benchmark, content.fixed_on)

    def record_all(
        self, contents: Sequence[FixingContent], *, recorded_by: str
    ) -> list[Outcome | CreditError]:
        """Write many, no two for one benchmark and day; say what became of each, or why not."""
        if not contents:
            return []
        written = self._session.execute(
            _RECORD.values(
                [
                    {**each.model_dump(), "version": 1, "reason": "", "recorded_by": recorded_by}
                    for each in contents
                ]
            )
            .on_conflict_do_nothing()
            .returning(FixingRow.benchmark, FixingRow.fixed_on)
        )
        created = {(row[0], row[1]) for row in written}
        held = self._newest([(each.benchmark, each.fixed_on) for each in contents])
        return [_outcome(each, held[_key(each)].rate, _key(each) in created) for each in contents]

    def correct(self, correction: FixingCorrection, *, recorded_by: str) -> Fixing:
        """Follow a day's figure by another, by somebody else; the same again changes nothing.

        Refuses `NotFound`, and `SameHands` to whoever entered what it corrects.
        """
        self._session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 29))"),
            {"key": f"{correction.benchmark}/{correction.fixed_on}"},
        )
        newest = self.read(correction.benchmark, correction.fixed_on)
        if newest.rate == correction.rate:
            return newest
        if newest.recorded_by == recorded_by:
            raise SameHands(first="entering a fixing", second="correcting it")
        self._session.execute(
            _RECORD,
            {
                **correction.model_dump(),
                "version": newest.version + 1,
                "recorded_by": recorded_by,
                "corrects_by": newest.recorded_by,
            },
        )
        return self.read(correction.benchmark, correction.fixed_on)

    def read(self, benchmark: str, fixed_on: date) -> Fixing:
        """The newest version of a day; refuses `NotFound`."""
        found = self._newest([(benchmark, fixed_on)])
        if not found:
            raise NotFound(kind="fixing", id=f"{benchmark}/{fixed_on}")
        return found[benchmark, fixed_on]

    def read_in_force(self, benchmark: str, *, since: date, on: date) -> FixingUsed:
        """The newest fixing up to a day, not before another, or `BenchmarkMissing`."""
        row = self._session.scalars(
            select(FixingRow)
            .where(
                FixingRow.benchmark == benchmark,
                FixingRow.fixed_on <= on,
                FixingRow.fixed_on >= since,
            )
            .order_by(*_NEWEST)
            .limit(1)
        ).one_or_none()
        if row is None:
            raise BenchmarkMissing(benchmark=benchmark, since=since, date=on)
        return FixingUsed.of(_fixing(row))

    def find_newest(self, *, on: date) -> Sequence[Fixing]:
        """The newest fixing of each benchmark on or before a day."""
        rows = self._session.scalars(
            select(FixingRow)
            .ext(distinct_on(FixingRow.benchmark))
            .where(FixingRow.fixed_on <= on)
            .order_by(*_NEWEST)
        )
        return [_fixing(row) for row in rows]

    def find_history(self, benchmark: str, *, page_size: int = 100) -> Sequence[Fixing]:
        """Every version of every day of a benchmark, the newest first."""
        rows = self._session.scalars(
            select(FixingRow)
            .where(FixingRow.benchmark == benchmark)
            .order_by(*_NEWEST)
            .limit(page_size)
        )
        return [_fixing(row) for row in rows]

    def _newest(self, keys: Sequence[tuple[str, date]]) -> dict[tuple[str, date], Fixing]:
        rows = self._session.scalars(
            select(FixingRow)
            .ext(distinct_on(FixingRow.benchmark, FixingRow.fixed_on))
            .where(tuple_(FixingRow.benchmark, FixingRow.fixed_on).in_(keys))
            .order_by(*_NEWEST)
            .execution_options(populate_existing=True)
        )
        return {(row.benchmark, row.fixed_on): _fixing(row) for row in rows}


def _key(content: FixingContent) -> tuple[str, date]:
    return content.benchmark, content.fixed_on


def _outcome(content: FixingContent, rate: Decimal, created: bool) -> Outcome | CreditError:
    if rate != content.rate:
        return AlreadyExists(kind="fixing", id=f"{content.benchmark} {content.fixed_on}")
    return Outcome.CREATED if created else Outcome.UNCHANGED


def _fixing(row: FixingRow) -> Fixing:
    return Fixing(
        benchmark=row.benchmark,
        fixed_on=row.fixed_on,
        version=row.version,
        # The column pads to ten decimals; the figure is what was published.
        rate=row.rate.normalize() + 0,
        source=row.source,
        reason=row.reason,
        recorded_by=row.recorded_by,
        corrects_by=row.corrects_by,
    )
