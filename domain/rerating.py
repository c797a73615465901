"""Re-rating (批量重评): a run over the live book, previewed, then applied as previewed or not at all."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from pydantic import Field

from domain.errors import OutOfOrder, SameHands, StaleContent
from domain.identity import Id
from domain.money import Money
from domain.value import Value


class Standing(Value):
    """What a line stands at before it is judged again; the limit in the reporting currency."""

    line_id: Id
    customer_id: Id
    grade: str
    limit: Money


class Outcome(StrEnum):
    MOVED = "moved"
    UNMOVED = "unmoved"
    FAILED = "failed"  # could not be judged, or was changed by others before it was applied


class RunStatus(StrEnum):
    PREVIEWING = "previewing"
    PREVIEWED = "previewed"
    APPLYING = "applying"
    APPLIED = "applied"


class RunCounts(Value):
    """How many lines a run looked at; moved, unmoved and failed add up to all of them."""

    moved: int = 0
    unmoved: int = 0
    failed: int = 0

    @property
    def lines(self) -> int:
        return self.moved + self.unmoved + self.failed


class Rerating(Value):
    """One run: the edition it judges under, how far it is, and the hash of exactly its preview."""

    run_id: Id
    edition_hash: str
    business_on: date
    status: RunStatus
    counts: RunCounts
    after: str | None = None  # the last line done, in the phase it is in
    preview_hash: str | None = None
    previewed_by: Id
    applied_by: Id | None = None
    started_at: datetime
    finished_at: datetime | None = None
    industries: tuple[str, ...] = ()  # of whose customers alone; of everybody where none is named

    def refuse_maker(self, person_id: str) -> None:
        """Refuses `OutOfOrder` before the preview is complete, `SameHands` to whoever made it."""
        if self.status is RunStatus.PREVIEWING:
            raise OutOfOrder(reason="the preview is not complete yet")
        if self.previewed_by == person_id:
            raise SameHands(first="preview", second="apply")

    def refuse_unseen(self, preview_hash: str | None, person_id: str) -> None:
        """A preview is applied by its hash, by somebody other than who made it; refuses
        `StaleContent` for another hash, and as `refuse_maker` does."""
        self.refuse_maker(person_id)
        if self.preview_hash is None or self.preview_hash != preview_hash:
            raise StaleContent(id=self.run_id)


class Judging(Value):
    """One line of a run as its preview says it; `failure` where it could not be judged."""

    line_id: Id
    customer_id: Id
    outcome: Outcome
    grade_before: str
    grade: str = ""
    score: Decimal | None = None
    limit_before: Money
    limit_supported: Money | None = None
    binding: str = ""
    knock_outs: tuple[str, ...] = ()
    failure: str = ""
    asks_review: bool = False  # once it is in force, people look at the line


class ReratingEffect(Value):
    """The lines of a preview that people will be asked about, as no run moves a limit by itself.

    Limits are in the reporting currency, what is used today in that of the lines.
    """

    run_id: Id
    lines: int
    limits_before: tuple[Money, ...] = ()
    limits_supported: tuple[Money, ...] = ()
    exposure: tuple[Money, ...] = ()


class ReratingStart(Value):
    """What a phase of a run is started with; with `preview_hash` it applies exactly that."""

    run_id: Id
    person_id: Id
    preview_hash: str | None = None
    offset_days: int = 0
    page_size: int = Field(default=500, ge=1, le=5000)
    at: datetime | None = None  # carried over: the instant the run is as of
    industries: tuple[str, ...] = ()  # of whose customers alone; of everybody where none is named


class ReratingPage(Value):
    """The next page of a run; where the run is, its own row says."""

    run_id: Id
    person_id: Id
    preview_hash: str | None = None
    page_size: int
    at: datetime
    offset_days: int = 0
    industries: tuple[str, ...] = ()


class ReratingProgress(Value):
    """How far the phase has come."""

    status: RunStatus
    counts: RunCounts
    done: bool
