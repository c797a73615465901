"""The grantor's own related parties (关联方名录): who they are, from when to when, and who says so.

An entry counts once a second person has accepted it. What is known better later, such as its end,
is its next version, which counts once it is accepted; until then the version before it does.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from domain.identity import Id
from domain.money import Money
from domain.value import Value


class RelatedBy(StrEnum):
    """What makes a party related to the grantor."""

    SHAREHOLDER = "shareholder"  # 主要股东
    CONTROLLED = "controlled"  # 控股子公司
    INSIDER = "insider"  # 董事、监事、高级管理人员, and whoever decides on credit
    RELATIVE = "relative"  # 近亲属 of an insider
    INFLUENCED = "influenced"  # a company that one of these controls or sways
    OTHER = "other"


class RelatedContent(Value):
    """What is said of a related party: a customer, or a party that customers are linked to."""

    subject: Id
    relation: RelatedBy
    members: tuple[Id, ...] = Field(default=(), max_length=50)  # our people related by it
    source: str = Field(min_length=1, max_length=200)
    valid_from: date
    valid_until: date | None = None  # the last day

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError("it ends before it begins")
        return self

    def holds_on(self, day: date) -> bool:
        """Whether the entry is in force on a day."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


class RelatedEntry(RelatedContent):
    """A version of an entry on record, and who wrote it."""

    entry_id: Id
    version: int = Field(ge=1)
    recorded_by: Id


class RelatedCheck(Value):
    """A second person's word on one version."""

    accepted: bool
    checked_by: Id
    note: str = Field(default="", max_length=2000)


class RelatedStanding(Value):
    """The newest version of an entry, the word on it, and the version that counts, if any."""

    newest: RelatedEntry
    check: RelatedCheck | None = None
    counted: RelatedEntry | None = None


class DisclosedLine(Value):
    """A line of a related party as of a day: limit, use, terms, letters, and who decided."""

    line_id: Id
    limit: Money
    used: Money
    product: str
    term_months: int
    rate_annual: Decimal
    payment_days: int
    ends_on: date
    letters: tuple[str, ...]
    body: str  # the row of the route that its first letter was decided by
    decided_by: tuple[Id, ...]


class Disclosed(Value):
    """A related customer, by which entries, and what it holds; by the record's own mark if none."""

    customer_id: Id
    name: str
    entries: tuple[RelatedEntry, ...]
    lines: tuple[DisclosedLine, ...]


class Disclosure(Value):
    """Every related party with credit as of a day (关联交易披露), in the reporting currency in sum."""

    as_of: date
    customers: tuple[Disclosed, ...]
    limits: Money
    used: Money
