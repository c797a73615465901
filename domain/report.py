"""External reports (外部报告): what others say of a customer, under whose word they were asked.

Who is asked first and how old a report may be is policy. No report that needs it is asked for
without the customer's written authorisation on file, and every query is on record.
"""

from datetime import date, timedelta
from enum import StrEnum
from typing import Protocol, Self

from pydantic import Field, model_validator

from domain.customer import Customer
from domain.errors import PeriodReversed
from domain.identity import Id
from domain.value import Value


class AuthorisationContent(Value):
    """A customer's written agreement that reports on it are asked for (征信授权书)."""

    evidence_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    signed_on: date
    valid_until: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_until < self.signed_on:
            raise PeriodReversed(since=self.signed_on, until=self.valid_until)
        return self


class Authorisation(AuthorisationContent):
    """The agreement on record."""

    authorisation_id: Id
    customer_id: Id
    recorded_by: Id = "system"

    def holds(self, on: date) -> bool:
        return self.signed_on <= on <= self.valid_until


class ReportContent(Value):
    """What a provider says of a customer as of a day."""

    reported_on: date
    figures: dict[str, str] = Field(default={}, max_length=500)
    text: str = Field(default="", max_length=1_000_000)  # as it was given, kept as evidence


class ExternalReport(Value):
    """A report on record, with its source; never edited, only followed by another."""

    report_id: Id
    customer_id: Id
    kind: str
    provider: str
    reported_on: date
    pulled_on: date
    figures: dict[str, str] = {}
    evidence_hash: str
    authorisation_id: Id | None = None
    recorded_by: Id = "system"

    def fresh(self, on: date, age_days_max: int) -> bool:
        """Whether it may still be relied on; the last day of its age counts."""
        return self.reported_on >= on - timedelta(days=age_days_max)


class QueryOutcome(StrEnum):
    """What came of asking; `on_file` asked nobody, `asked` is noted before the answer is there."""

    ON_FILE = "on_file"
    ASKED = "asked"
    FOUND = "found"
    NONE = "none"
    STALE = "stale"
    OUTAGE = "outage"


class ReportQuery(Value):
    """One line of the log: who asked whom about whom, why, under which authorisation."""

    query_id: Id
    customer_id: Id
    kind: str
    provider: str
    outcome: QueryOutcome
    purpose: str
    authorisation_id: Id | None = None
    business_on: date
    asked_by: Id


class ProviderUnavailable(Exception):
    """A provider did not answer, or not so that it can be understood; the next one is asked."""


class ReportProvider(Protocol):
    """Somebody who gives reports of a kind on companies."""

    def fetch_report(self, customer: Customer, kind: str) -> ReportContent | None:
        """The provider's newest report, None where it has none; raises `ProviderUnavailable`."""
        ...
