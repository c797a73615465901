"""Warning signals (预警信号): what a rule saw, how grave it is, and whether it freezes the line.

A signal is raised once and stays open while its rule fires. What fires is `policies/warning.py`.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from pydantic import Field

from domain.assessment import PaymentRecord
from domain.identity import Id
from domain.value import Value

RATES_MOVED = "rates_moved"  # the rule, before a colon and the cap, of what rates alone moved
FIVE_TIER = "five_tier"  # the figure of a warning that a class of the customer has raised


class WarningLevel(StrEnum):
    """Grave to graver."""

    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"

    @property
    def gravity(self) -> int:
        return list(WarningLevel).index(self)


class WarningSignal(Value):
    """One rule that fired: the figure's value against its threshold, under which edition."""

    rule: str
    level: WarningLevel
    figure: str
    value: Decimal
    threshold: Decimal
    freeze: bool = False
    edition_hash: str = ""
    facts: dict[str, str] = {}  # what the figure was made of, where the record does not say


class WarningStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class RaisedWarning(Value):
    """A signal on a customer, with the record it was seen in and who has to look after it."""

    warning_id: Id
    customer_id: Id
    signal: WarningSignal
    evidence: PaymentRecord
    owner: Id
    status: WarningStatus = WarningStatus.OPEN
    raised_on: date
    seen_on: date  # the last business day on which the rule fired
    closed_on: date | None = None
    close_code: str = ""
    lifted_on: date | None = None  # when the freeze it caused was lifted by payment


class MonitoringTally(Value):
    """What a look came to; the counts of its pages added up."""

    customers: int = 0
    unjudged: int = 0  # no exchange rate to judge them by
    raised: int = 0
    closed: int = 0
    freezes: int = 0
    lifts: int = 0
    collections: int = 0

    def __add__(self, other: "MonitoringTally") -> "MonitoringTally":
        mine, others = self.model_dump(), other.model_dump()
        return MonitoringTally(**{name: mine[name] + others[name] for name in mine})


class MonitoringStart(Value):
    """A look at the book, or at the customers named; `run_id` keeps its tally apart."""

    run_id: Id | None = None  # None: named after the workflow's own run
    offset_days: int = 0
    customer_ids: tuple[Id, ...] = ()
    watched_only: bool = False  # only customers of whom something is open already
    page_size: int = Field(default=100, ge=1, le=1000)
    at: datetime | None = None  # carried over: the instant the look is as of
    after: Id | None = None  # carried over: the last customer looked at


class MonitoringPage(Value):
    """One page of a look at the book, as of the instant it is taken."""

    run_id: Id
    after: Id | None
    page_size: int
    customer_ids: tuple[Id, ...] = ()
    watched_only: bool = False
    at: datetime
    offset_days: int = 0


class MonitoringRun(Value):
    """How far a look at the book has come."""

    run_id: Id
    business_on: date
    partial: bool  # of customers named or watched, not of the whole book
    tally: MonitoringTally
    pages: int
    after: Id | None
    finished: bool
    started_at: datetime
    finished_at: datetime | None = None


class MonitoringPageDone(Value):
    """How far the look has come; `after` is None when the book ends here."""

    after: Id | None
    tally: MonitoringTally  # of the whole look so far
