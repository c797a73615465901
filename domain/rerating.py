"""Re-rating (批量重评): a run over the live book, previewed, then applied as previewed or not at all."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from domain.identity import Id
from domain.money import Money
from domain.value import Value


class Standing(Value):
    """What a line stands at before it is judged again; the limit in the reporting currency."""

    line_id: Id
    customer_id: Id
    grade: str
    limit: Money


class Moved(Value):
    """A line then and now. The limit supported is what policy would carry today; it moves no limit:
    that is for a review and its approval."""

    line_id: Id
    customer_id: Id
    grade_before: str
    grade: str
    score: Decimal
    limit_before: Money
    limit_supported: Money
    binding: str
    knock_outs: tuple[str, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether the grade differs; a supported limit differs nearly always, and binds nobody."""
        return self.grade != self.grade_before


class RunStatus(StrEnum):
    PREVIEWED = "previewed"
    APPLIED = "applied"


class RunCounts(Value):
    """How many lines a run looked at; moved, unmoved and failed add up to all."""

    lines: int = 0
    moved: int = 0
    unmoved: int = 0
    failed: int = 0


class Rerating(Value):
    """One run: the edition it judged under, what it would do, and the hash of exactly that."""

    run_id: Id
    edition_hash: str
    business_on: date
    status: RunStatus
    counts: RunCounts
    preview_hash: str
    previewed_by: Id
    previewed_at: datetime
    applied_by: Id | None = None
    applied_at: datetime | None = None
