"""External ratings (外部评级): what an agency gave a customer, until when, and what withdrew it.

A rating is an external report of its own kind. It counts from its day to the end of its validity,
unless the agency has rated again or withdrawn it; what it is on our own scale is policy.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import StringConstraints, model_validator

from domain.errors import PeriodReversed
from domain.identity import Id
from domain.report import ExternalReport
from domain.value import Value

AGENCY_RATING = "agency_rating"  # the kind of report
EXTERNAL_RATING = "external_rating"  # as a checklist asks for one, and as a case lacks one

AgencyCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
RatingSymbol = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+-][A-Za-z0-9+ -]{0,15}$")]
EvidenceHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class RatingOutlook(StrEnum):
    """Where the agency sees the rating go (评级展望)."""

    POSITIVE = "positive"
    STABLE = "stable"
    NEGATIVE = "negative"
    DEVELOPING = "developing"
    UNSTATED = "unstated"


class AgencyRatingContent(Value):
    """An agency's rating as it is entered, with the document that shows it."""

    agency: AgencyCode
    rating: RatingSymbol
    outlook: RatingOutlook = RatingOutlook.UNSTATED
    rated_on: date
    valid_until: date  # the last day on which it counts
    evidence_hash: EvidenceHash

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_until < self.rated_on:
            raise PeriodReversed(since=self.rated_on, until=self.valid_until)
        return self


class WithdrawalContent(Value):
    """That an agency rates the customer no longer, from a day on, with the document that shows it."""

    agency: AgencyCode
    withdrawn_on: date  # the first day on which nothing of the agency counts
    evidence_hash: EvidenceHash


class AgencyRating(AgencyRatingContent):
    """A rating on record, and the day from which it counts no longer, where there is one."""

    report_id: Id
    customer_id: Id
    followed_on: date | None = None  # by a later rating of the agency, or its withdrawal
    withdrawn: bool = False
    recorded_by: Id = "system"

    def counts(self, on: date) -> bool:
        """Whether it is the agency's word on a day; the last day of its validity counts."""
        followed = self.followed_on is not None and self.followed_on <= on
        return self.rated_on <= on <= self.valid_until and not followed


class ExternalRating(AgencyRatingContent):
    """A rating that counted on the day of a judgement, as its dossier holds it."""

    report_id: Id


class ExternalGrade(Value):
    """What an external rating was on our own scale, and by which row of the mapping."""

    agency: str
    rating: str
    outlook: RatingOutlook
    rated_on: date
    valid_until: date
    report_id: Id
    grade: str
    effective_from: date | None = None  # of the row
    effective_until: date | None = None
    used: bool = False  # the one of several that is judged by


class RatingGap(Value):
    """A rating that a file lacks: of an agency whose last one counts no longer, and since when."""

    agency: str
    since: date

    @property
    def code(self) -> str:
        """As a case lacks it: `external_rating:moodys/2026-06-30`."""
        return f"{EXTERNAL_RATING}:{self.agency}/{self.since}"


def is_rating_gap(code: str) -> bool:
    """Whether a code of what is lacking is an external rating, of whatever agency."""
    return code.partition(":")[0] == EXTERNAL_RATING


def report_content(content: AgencyRatingContent | WithdrawalContent) -> dict[str, object]:
    """What a report of an agency keeps: kind, provider, day, figures and document."""
    if isinstance(content, WithdrawalContent):
        return {
            "kind": AGENCY_RATING,
            "provider": content.agency,
            "reported_on": content.withdrawn_on,
            "figures": {"withdrawn": "yes"},
            "evidence_hash": content.evidence_hash,
        }
    return {
        "kind": AGENCY_RATING,
        "provider": content.agency,
        "reported_on": content.rated_on,
        "figures": {
            "rating": content.rating,
            "outlook": content.outlook.value,
            "valid_until": content.valid_until.isoformat(),
        },
        "evidence_hash": content.evidence_hash,
    }


def agency_ratings(reports: Iterable[ExternalReport]) -> tuple[AgencyRating, ...]:
    """The ratings among the reports on a customer, the newest first, each with what followed it.

    Of two that an agency dates to one day the one recorded later counts.
    """
    newest_first = sorted(
        (report for report in reports if report.kind == AGENCY_RATING),
        key=lambda report: (report.reported_on, report.report_id),
        reverse=True,
    )
    followed: dict[str, ExternalReport] = {}
    found = []
    for report in newest_first:
        after = followed.get(report.provider)
        followed[report.provider] = report
        if "withdrawn" in report.figures:
            continue
        found.append(
            AgencyRating.model_validate(
                {
                    "agency": report.provider,
                    "rated_on": report.reported_on,
                    **report.figures,
                    "evidence_hash": report.evidence_hash,
                    "report_id": report.report_id,
                    "customer_id": report.customer_id,
                    "followed_on": after.reported_on if after else None,
                    "withdrawn": after is not None and "withdrawn" in after.figures,
                    "recorded_by": report.recorded_by,
                }
            )
        )
    return tuple(found)
