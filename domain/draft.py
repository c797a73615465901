"""Drafts of policy editions (政策草案): who wrote them, and what trying them on the book showed.

A draft is tried, put before a second person and published; how it is tried is
`policies/simulation.py`.
"""

from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property

from domain.assessment import Lane
from domain.errors import SameHands, SimulationStale
from domain.identity import Id
from domain.money import Money
from domain.value import Value, lasting_hash

# The book moves on: a report older than this says little about what publishing would do today.
REPORT_DAYS_MAX = 7
# A report that looks at fewer past cases is no ground to publish on, unless there are no more.
REPORT_CASES_MIN = 500
# The position under which any risk officer who did not write a draft may publish it.
RISK_OFFICER = "risk_officer"


class DraftStatus(StrEnum):
    DRAFT = "draft"
    IN_APPROVAL = "in_approval"
    PUBLISHED = "published"
    DECLINED = "declined"


class DraftEdition(Value):
    """A draft on record as its newest revision has it; `authors` wrote any of its revisions."""

    draft_id: Id
    edition_hash: str
    name: str
    effective_on: date
    authors: tuple[Id, ...]
    drafted_at: datetime

    def refuse_author(self, person_id: Id) -> None:
        """Refuses `SameHands`: nobody puts in force what they wrote themselves."""
        if person_id in self.authors:
            raise SameHands(first="drafting an edition", second="publishing it")


class Outcome(Value):
    """What a judgement came to, as far as people would notice."""

    grade: str
    limit: Money  # nothing, where the lane declines
    lane: Lane
    row: str
    positions: tuple[str, ...] = ()
    tiers: tuple[int, ...] = ()


class Tried(Value):
    """One case under the draft, beside what it came to."""

    case_id: Id
    customer_id: Id
    line_id: Id | None = None
    before: Outcome
    after: Outcome | None  # None where the draft refuses to judge it, with the code
    refusal: str = ""
    went_bad: tuple[str, ...] = ()  # warnings and collections on the customer since

    @property
    def changed(self) -> bool:
        return self.before != self.after

    @property
    def lowered(self) -> bool:
        """Whether the draft would have granted less, or nothing."""
        return self.after is None or self.after.limit < self.before.limit


class Moved(Value):
    """By how much the limits of one currency would be higher, and lower."""

    currency: str
    before: Money
    raised: Money
    lowered: Money


class Section(Value):
    """A set of cases under the draft: what flips, what moves, and who would have to decide."""

    cases: int
    unchanged: int
    refused: int
    flips: dict[str, int]  # `automatic>people`: how many
    grades: dict[str, int]  # `BBB>BB`: how many
    moved: tuple[Moved, ...]
    lanes_before: dict[str, int]
    lanes_after: dict[str, int]
    positions_before: dict[str, int]
    positions_after: dict[str, int]
    tiers_before: dict[str, int]
    tiers_after: dict[str, int]
    changed: tuple[Tried, ...]


class SimulationReport(Value):
    """A draft tried on past cases and on the lines in force, as of a business day."""

    edition_hash: str
    in_force_hash: str
    book_hash: str  # of the receipts and lines it was tried on
    business_on: date
    past: Section
    live: Section
    spared: tuple[Tried, ...]  # would have got less, and went bad afterwards
    most: int  # how many past cases were asked for
    lines_left_out: int = 0  # lines in force beyond what one report looks at

    @cached_property
    def report_hash(self) -> str:
        return lasting_hash(self)

    def fresh(self, edition_hash: str, on: date) -> bool:
        """Whether it is of exactly this content, not too old, and looked at enough."""
        oldest = on - timedelta(days=REPORT_DAYS_MAX)
        of_this = self.edition_hash == edition_hash and self.most >= REPORT_CASES_MIN
        return of_this and oldest <= self.business_on <= on

    def refuse_stale(self, edition_hash: str, on: date) -> None:
        """Refuses `SimulationStale` where the report is no ground to publish on."""
        if not self.fresh(edition_hash, on):
            raise no_report(edition_hash)


class RecordedReport(Value):
    """A report with who ran it."""

    report: SimulationReport
    report_hash: str
    run_by: Id
    run_at: datetime


def no_report(edition_hash: str) -> SimulationStale:
    """The refusal of a draft that has no report to publish on."""
    return SimulationStale(edition=edition_hash[:12], days=REPORT_DAYS_MAX, cases=REPORT_CASES_MIN)
