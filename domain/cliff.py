"""The cliff calendar (断崖日历): what lowers a limit by itself in the days ahead, and what is left open.

What is known today alone: nothing is repaid, drawn or decided until then.
"""

from datetime import date
from enum import StrEnum

from domain.exposure import Limit, LimitPart
from domain.identity import Id
from domain.money import Money
from domain.value import Value

DAYS_AHEAD = (30, 60, 90)
DAYS_MAX = 3650


class CliffKind(StrEnum):
    """What is over from a day on."""

    TEMPORARY = "temporary"
    COVER = "cover"  # the limit follows cover that no longer counts
    GUARANTEE = "guarantee"
    ASSET = "asset"  # any other cover of the register
    INSURANCE = "insurance"
    DRAWS = "draws"
    LINE = "line"
    RATING = "rating"
    STATEMENT = "statement"
    CONDITION = "condition"
    REVIEW = "review"


class Day(Value):
    """A day from which something is over, and what it is of: a letter, a cover, a condition."""

    on: date
    kind: CliffKind
    of: str = ""


class LineAhead(Value):
    """What is known of a line today: its limit as granted, its dated parts, and other days."""

    line_id: Id
    customer_id: Id
    limit: Limit
    parts: tuple[LimitPart, ...]
    exposure: Money
    ends_on: date
    days: tuple[Day, ...] = ()


class Cliff(Value):
    """A day with what is over from it on; `change` is what the limit moves by on that day."""

    on: date
    kind: CliffKind
    of: str = ""
    change: Money
    limit: Money


class LimitStep(Value):
    """The limit from a day on."""

    on: date
    limit: Money


class Uncovered(Value):
    """Of what is taken today, what stands above the limit after so many days."""

    days: int
    on: date
    limit: Money
    exposure: Money
    uncovered: Money


class LineCliffs(Value):
    """One line ahead, from `as_of` up to and with `until`."""

    line_id: Id
    customer_id: Id
    as_of: date
    until: date
    exposure: Money
    steps: tuple[LimitStep, ...]
    cliffs: tuple[Cliff, ...]
    uncovered: tuple[Uncovered, ...]
