"""Cohorts (批次): what became of the lines that were approved in one month, by edition, approver or
grade.

A cohort is nothing but its letters: every figure is their number or their sum.
"""

from datetime import date
from enum import StrEnum

from domain.identity import Id
from domain.money import Money
from domain.value import Value


class CohortBy(StrEnum):
    """What tells cohorts of one month apart."""

    EDITION = "edition"  # of the policy, by its hash
    APPROVER = "approver"  # who said the last word; `automatic` where nobody was asked
    GRADE = "grade"  # at approval


AUTOMATIC = "automatic"


class CohortLetter(Value):
    """One approved new line as of a day, amounts in the reporting currency.

    Allowance and loss are the customer's, and stand with the newest of its letters alone.
    """

    letter_no: str
    case_id: Id
    customer_id: Id
    line_id: Id | None
    decided_on: date
    edition_hash: str
    approver: str
    grade: str
    amount: Money
    active: bool  # the line is in force: begun, not ended
    warned: bool  # of the customer, since the approval
    in_collection: bool  # a case on the customer, begun since the approval, is open
    non_performing: bool  # the customer's tier is substandard or worse
    allowance: Money
    loss: Money  # claims in the tier loss

    @property
    def month(self) -> str:
        return f"{self.decided_on:%Y-%m}"

    def key(self, by: CohortBy) -> str:
        return {
            CohortBy.EDITION: self.edition_hash,
            CohortBy.APPROVER: self.approver,
            CohortBy.GRADE: self.grade,
        }[by]


class Cohort(Value):
    """The letters of a month and a key: how many there are, and of how many a thing is so."""

    month: str  # YYYY-MM, or empty in the row of all
    key: str
    approved: int
    amount: Money
    active: int
    amount_active: Money
    warned: int
    in_collection: int
    non_performing: int
    allowance: Money
    loss: Money


class CohortTable(Value):
    """Every cohort as of a day, the oldest first, and what they add up to."""

    as_of: date
    by: CohortBy
    cohorts: tuple[Cohort, ...]
    total: Cohort
