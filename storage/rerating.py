"""Re-rating runs: what a run would do to each line, written by COPY, and applied in sets.

A run's row says how far it has come and is locked by whoever takes the next page, so that a page
that is taken twice lands once. A preview is never changed; its file is made of its rows, in the
order of their lines, and is what the hash names.
"""

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, RowMapping, Text, select, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import NotFound
from domain.money import Money
from domain.rerating import (
    Judging,
    Outcome,
    Rerating,
    ReratingEffect,
    RunCounts,
    RunStatus,
)
from storage.base import Row, recorded_at
from storage.outlook import IN_FORCE, OF_INDUSTRIES

PREVIEW_COLUMNS = (
    "line_id",
    "customer_id",
    "outcome",
    "grade_before",
    "grade",
    "score",
    "currency",
    "limit_before_minor",
    "limit_minor",
    "binding",
    "knock_outs",
    "failure",
)


class RunRow(Row):
    __tablename__ = "rerating_run"

    run_id: Mapped[str] = mapped_column(primary_key=True)
    edition_hash: Mapped[str]
    business_on: Mapped[date]
    status: Mapped[str]
    moved: Mapped[int]
    unmoved: Mapped[int]
    failed: Mapped[int]
    after: Mapped[str | None]
    preview_hash: Mapped[str | None]
    previewed_by: Mapped[str]
    applied_by: Mapped[str | None]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    industries: Mapped[list[str]] = mapped_column(ARRAY(Text))


class RunLineRow(Row):
    __tablename__ = "rerating_line"

    run_id: Mapped[str] = mapped_column(primary_key=True)
    line_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    outcome: Mapped[str]
    grade_before: Mapped[str]
    grade: Mapped[str]
    score: Mapped[Decimal | None]
    currency: Mapped[str]
    limit_before_minor: Mapped[int] = mapped_column(BigInteger)
    limit_minor: Mapped[int | None] = mapped_column(BigInteger)
    binding: Mapped[str]
    knock_outs: Mapped[str]
    failure: Mapped[str]
    asks_review: Mapped[bool]


class RatingRow(Row):
    __tablename__ = "line_rating"

    line_id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(primary_key=True)
    grade: Mapped[str]
    score: Mapped[Decimal]
    rated_on: Mapped[date]
    valid_until: Mapped[date]
    recorded_at: Mapped[datetime]


class LineRating(NamedTuple):
    """What a batch rating left on a line."""

    run_id: str
    grade: str
    score: Decimal
    rated_on: date
    valid_until: date
    recorded_at: datetime


class Reratings:
    """Runs, their previews, and what applying one leaves on the lines."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(
        self,
        run_id: str,
        edition_hash: str,
        on: date,
        person_id: str,
        industries: Sequence[str] = (),
    ) -> Rerating:
        """The run, written unless it is there, and locked."""
        self._session.execute(
            insert(RunRow)
            .values(
                run_id=run_id,
                edition_hash=edition_hash,
                business_on=on,
                status=RunStatus.PREVIEWING,
                moved=0,
                unmoved=0,
                failed=0,
                previewed_by=person_id,
                started_at=recorded_at(),
                industries=list(industries),
            )
            .on_conflict_do_nothing()
        )
        return self.read(run_id, for_update=True)

    def read(self, run_id: str, *, for_update: bool = False) -> Rerating:
        """The run of an id; refuses `NotFound`."""
        query = select(RunRow).where(RunRow.run_id == run_id)
        if for_update:
            query = query.with_for_update()
        row = self._session.scalars(query.execution_options(populate_existing=True)).first()
        if row is None:
            raise NotFound(kind="re-rating run", id=run_id)
        return _run_of(row)

    def find_newest(self, page_size: int = 20) -> list[Rerating]:
        rows = self._session.scalars(
            select(RunRow).order_by(RunRow.started_at.desc(), RunRow.run_id).limit(page_size)
        )
        return [_run_of(row) for row in rows]

    def find_lines(
        self, after: str | None, page_size: int, industries: Sequence[str] = ()
    ) -> list[str]:
        """The lines in force by id, from above `after`; of customers of some industries, if named."""
        asked = {"after": after or "", "page_size": page_size}
        if industries:
            rows = self._session.execute(_LINES_OF, {**asked, "industries": list(industries)})
        else:
            rows = self._session.execute(_LINES, asked)
        return [line_id for (line_id,) in rows]

    def record_preview(
        self, run: Rerating, judged: Sequence[Judging], up_to: str | None
    ) -> Rerating:
        """Add a page to a preview by COPY; without `up_to` it is complete and has its hash."""
        self._copy(run.run_id, judged)
        if up_to is None:
            self._session.flush()
        self._session.execute(
            _ADVANCE,
            {
                "run_id": run.run_id,
                "after": up_to,
                "status": RunStatus.PREVIEWING if up_to else RunStatus.PREVIEWED,
                "preview_hash": None if up_to else self.preview_hash(run.run_id),
                **{each.value: _count(judged, each) for each in Outcome},
            },
        )
        return self.read(run.run_id)

    def preview_rows(self, run_id: str) -> Iterator[str]:
        """The preview file, row by row: CSV with a header, in the order of lines."""
        yield ",".join(PREVIEW_COLUMNS) + "\n"
        columns = [getattr(RunLineRow, name) for name in PREVIEW_COLUMNS]
        rows = self._session.execute(
            select(*columns)
            .where(RunLineRow.run_id == run_id)
            .order_by(RunLineRow.line_id.collate("C"))
            .execution_options(yield_per=5_000)
        )
        for row in rows:
            yield _csv(["" if cell is None else str(cell) for cell in row])

    def preview_hash(self, run_id: str) -> str:
        """SHA-256, in hex, of the preview file."""
        digest = hashlib.sha256()
        for row in self.preview_rows(run_id):
            digest.update(row.encode())
        return digest.hexdigest()

    def begin_applying(self, run: Rerating, person_id: str) -> Rerating:
        self._session.execute(
            text(
                "UPDATE rerating_run SET status = 'applying', applied_by = :person_id, after = NULL"
                " WHERE run_id = :run_id AND status = 'previewed'"
            ),
            {"run_id": run.run_id, "person_id": person_id},
        )
        return self.read(run.run_id)

    def apply_page(
        self, run: Rerating, page_size: int, valid_until: date
    ) -> tuple[tuple[Judging, ...], tuple[str, ...], Rerating]:
        """Put the next page of the preview in force: the page, the lines it could not be put on as
        others changed them meanwhile, and the run as it stands."""
        page = self._page(run, page_size)
        tried = [each for each in page if each.outcome is not Outcome.FAILED]
        facts = {
            "run_id": run.run_id,
            "line_ids": [each.line_id for each in tried],
            "rated_on": run.business_on,
            "valid_until": valid_until,
        }
        landed = {line_id for (line_id,) in self._session.execute(_LAND, facts)}
        lost = [each for each in tried if each.line_id not in landed]
        last = page[-1].line_id if len(page) == page_size else None
        self._session.execute(
            _ADVANCE,
            {
                "run_id": run.run_id,
                "after": last,
                "status": RunStatus.APPLYING if last else RunStatus.APPLIED,
                "preview_hash": run.preview_hash,
                "moved": -_count(lost, Outcome.MOVED),
                "unmoved": -_count(lost, Outcome.UNMOVED),
                "failed": len(lost),
            },
        )
        return page, tuple(each.line_id for each in lost), self.read(run.run_id)

    def find_of_day(self, line_ids: Sequence[str], on: date) -> LineRating | None:
        """The newest batch rating of any of these lines up to a day."""
        row = self._session.scalar(
            select(RatingRow)
            .where(RatingRow.line_id.in_(line_ids), RatingRow.rated_on <= on)
            .order_by(RatingRow.rated_on.desc(), RatingRow.recorded_at.desc())
            .limit(1)
        )
        if row is None:
            return None
        return LineRating(
            row.run_id, row.grade, row.score, row.rated_on, row.valid_until, row.recorded_at
        )

    def find_rating_end(self, line_id: str) -> date | None:
        """Until when the newest batch rating of a line counts."""
        return self._session.scalar(
            select(RatingRow.valid_until)
            .where(RatingRow.line_id == line_id)
            .order_by(RatingRow.rated_on.desc())
            .limit(1)
        )

    def find_judged(
        self,
        run_id: str,
        outcome: Outcome | None = None,
        after: str | None = None,
        page_size: int = 50,
        *,
        asks_review: bool | None = None,
    ) -> tuple[Judging, ...]:
        """What a run's preview says of its lines, by line, from above `after`."""
        line_id = RunLineRow.line_id.collate("C")
        query = (
            select(RunLineRow)
            .where(RunLineRow.run_id == run_id, line_id > (after or ""))
            .order_by(line_id)
            .limit(page_size)
        )
        if outcome is not None:
            query = query.where(RunLineRow.outcome == outcome)
        if asks_review is not None:
            query = query.where(RunLineRow.asks_review.is_(asks_review))
        return tuple(_judging_of(row) for row in self._session.scalars(query))

    def effect(self, run_id: str) -> ReratingEffect:
        """What the lines come to that people will be asked about."""
        asked = {"run_id": run_id}
        limits = self._session.execute(_LIMITS, asked).mappings().all()
        used = self._session.execute(_EXPOSURE, asked).mappings()
        return ReratingEffect(
            run_id=run_id,
            lines=sum(row["lines"] for row in limits),
            limits_before=tuple(_sum_of(row, "before_minor") for row in limits),
            limits_supported=tuple(_sum_of(row, "supported_minor") for row in limits),
            exposure=tuple(_sum_of(row, "used_minor") for row in used),
        )

    def _page(self, run: Rerating, page_size: int) -> tuple[Judging, ...]:
        return self.find_judged(run.run_id, after=run.after, page_size=page_size)

    def _copy(self, run_id: str, judged: Sequence[Judging]) -> None:
        buffer = io.StringIO()
        for each in judged:
            buffer.write(_csv([run_id, *_cells(each), str(each.asks_review)]))
        buffer.seek(0)
        cursor: Any = self._session.connection().connection.cursor()
        cursor.copy_expert(
            f"COPY rerating_line (run_id, {', '.join(PREVIEW_COLUMNS)}, asks_review)"
            " FROM STDIN (FORMAT csv, FORCE_NOT_NULL (grade, binding, knock_outs, failure))",
            buffer,
        )
        cursor.close()


_PAGE_OF_LINES = f"""
    WHERE l.line_id COLLATE "C" > :after AND {IN_FORCE}
    ORDER BY l.line_id COLLATE "C" LIMIT :page_size
"""
_LINES = text(f"SELECT l.line_id FROM credit_line l {_PAGE_OF_LINES}")
_LINES_OF = text(f"SELECT l.line_id FROM credit_line l {OF_INDUSTRIES} {_PAGE_OF_LINES}")
_LIMITS = text(
    """
    SELECT currency, count(*) AS lines, sum(limit_before_minor) AS before_minor,
        sum(limit_minor) AS supported_minor
    FROM rerating_line WHERE run_id = :run_id AND asks_review
    GROUP BY currency ORDER BY currency
    """
)
_EXPOSURE = text(
    """
    SELECT a.currency, sum(a.used_minor) AS used_minor
    FROM rerating_line r JOIN exposure_account a ON a.owner_id = r.line_id AND a.kind = 'line'
    WHERE r.run_id = :run_id AND r.asks_review
    GROUP BY a.currency ORDER BY a.currency
    """
)
_ADVANCE = text(
    "UPDATE rerating_run SET after = :after, status = :status, preview_hash = :preview_hash,"
    " moved = moved + :moved, unmoved = unmoved + :unmoved, failed = failed + :failed,"
    " finished_at = CASE WHEN :after IS NULL THEN now() END"
    " WHERE run_id = :run_id"
)
# A line takes its new grade only where it still has the one it was judged from; the rating is
# written for exactly the lines that took it.
_LAND = text(
    """
    WITH landed AS (
        UPDATE credit_line l SET grade = r.grade, version = l.version + 1
        FROM rerating_line r
        WHERE r.run_id = :run_id AND r.line_id = ANY(:line_ids) AND l.line_id = r.line_id
            AND l.grade = r.grade_before AND l.status IN ('active', 'frozen', 'collect_only')
        RETURNING r.line_id, r.grade, r.score
    )
    INSERT INTO line_rating (line_id, run_id, grade, score, rated_on, valid_until)
    SELECT line_id, :run_id, grade, score, CAST(:rated_on AS date), CAST(:valid_until AS date)
    FROM landed
    RETURNING line_id
    """
)


def _csv(cells: Sequence[str]) -> str:
    row = io.StringIO()
    csv.writer(row, lineterminator="\n").writerow(cells)
    return row.getvalue()


def _cells(each: Judging) -> list[str]:
    supported = each.limit_supported
    return [
        each.line_id,
        each.customer_id,
        each.outcome,
        each.grade_before,
        each.grade,
        "" if each.score is None else f"{each.score:f}",
        each.limit_before.currency,
        str(each.limit_before.minor),
        "" if supported is None else str(supported.minor),
        each.binding,
        " ".join(each.knock_outs),
        each.failure,
    ]


def _sum_of(row: RowMapping, name: str) -> Money:
    return Money(minor=int(row[name]), currency=row["currency"])


def _count(judged: Sequence[Judging], outcome: Outcome) -> int:
    return sum(each.outcome is outcome for each in judged)


def _run_of(row: RunRow) -> Rerating:
    return Rerating(
        run_id=row.run_id,
        edition_hash=row.edition_hash,
        business_on=row.business_on,
        status=RunStatus(row.status),
        counts=RunCounts(moved=row.moved, unmoved=row.unmoved, failed=row.failed),
        after=row.after,
        preview_hash=row.preview_hash,
        previewed_by=row.previewed_by,
        applied_by=row.applied_by,
        started_at=row.started_at,
        finished_at=row.finished_at,
        industries=tuple(row.industries),
    )


def _judging_of(row: RunLineRow) -> Judging:
    supported = row.limit_minor
    return Judging(
        line_id=row.line_id,
        customer_id=row.customer_id,
        outcome=Outcome(row.outcome),
        grade_before=row.grade_before,
        grade=row.grade,
        score=row.score,
        limit_before=Money(minor=row.limit_before_minor, currency=row.currency),
        limit_supported=None
        if supported is None
        else Money(minor=supported, currency=row.currency),
        binding=row.binding,
        knock_outs=tuple(row.knock_outs.split()),
        failure=row.failure,
        asks_review=row.asks_review,
    )
