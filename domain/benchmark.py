"""Benchmark rates (基准利率): what was published for a day, and what became of a line's rate by it.

A fixing is never changed; a figure that was entered wrongly is followed by a further version of the
day, with its reason and by another person. Rates of lines are kept day by day in the same way.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.identity import Id
from domain.terms import BenchmarkCode, FloatingTerms
from domain.value import Value

Rate = Annotated[Decimal, Field(ge=-1, le=1, max_digits=12, decimal_places=10)]


class FixingContent(Value):
    """What a benchmark was published at for a day, as an annual share: 3.1 % is 0.031."""

    benchmark: BenchmarkCode
    fixed_on: date
    rate: Rate
    source: str = Field(default="", max_length=200)


class FixingCorrection(FixingContent):
    """A further figure of a day that was entered wrongly, and why."""

    reason: str = Field(min_length=1, max_length=2000, pattern=r"\S")


class Fixing(FixingContent):
    """A fixing on record; of a day the newest version counts."""

    version: int = 1
    reason: str = ""  # of a correction
    recorded_by: Id
    corrects_by: Id | None = None  # who entered the version that this one follows


class FixingUsed(Value):
    """The fixing that a price or a rate was made with."""

    benchmark: BenchmarkCode
    rate: Decimal
    fixed_on: date
    version: int = 1

    @classmethod
    def of(cls, fixing: Fixing) -> "FixingUsed":
        return cls(**fixing.model_dump(include=set(cls.model_fields)))


class RateCause(StrEnum):
    """What gave a line its rate."""

    LETTER = "letter"
    REPRICING = "repricing"


class LineRate(Value):
    """The rate that a line bears from a day on, and where it comes from."""

    line_id: Id
    from_on: date
    rate_annual: Decimal
    cause: RateCause
    letter_no: str
    due_on: date | None = None  # the repricing date that set it
    fixing: FixingUsed | None = None  # None: a fixed rate
    spread_bp: Decimal | None = None

    @property
    def key(self) -> str:
        """A letter sets a rate once, and a repricing date does."""
        repriced = f"{self.letter_no}/{self.due_on}"
        return self.letter_no if self.cause is RateCause.LETTER else repriced


class RateFinding(Value):
    """A repricing date on which a line's benchmark was missing: its rate was left as it was."""

    line_id: Id
    customer_id: Id
    benchmark: BenchmarkCode
    due_on: date
    found_on: date


class FloatingLine(Value):
    """A line in force whose rate floats, as a repricing looks at it."""

    line_id: Id
    customer_id: Id
    letter_no: str
    since: date  # the day on which its letter took effect
    floating: FloatingTerms
    repriced: tuple[date, ...] = ()  # the repricing dates of its letter that are done


class RepricingTally(Value):
    """What a run came to: lines seen, rates set, and benchmarks that were missing."""

    seen: int = 0
    repriced: int = 0
    missing: int = 0

    def __add__(self, other: "RepricingTally") -> "RepricingTally":
        return RepricingTally(
            seen=self.seen + other.seen,
            repriced=self.repriced + other.repriced,
            missing=self.missing + other.missing,
        )


class RepricingStart(Value):
    """Set the rates whose repricing dates have come, up to the day on which the run begins."""

    page_size: int = Field(default=100, ge=1, le=1000)
    offset_days: int = 0
    at: datetime | None = None  # carried over: the instant the run is as of
    after: Id | None = None  # carried over: the last line seen
    tally: RepricingTally = RepricingTally()  # carried over


class RepricingPage(Value):
    """One page of a run."""

    after: Id | None
    page_size: int
    at: datetime
    offset_days: int = 0


class RepricingPageDone(Value):
    """How far the run has come; `after` is None when the book ends here."""

    after: Id | None
    tally: RepricingTally
