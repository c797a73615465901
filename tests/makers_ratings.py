"""Agencies' ratings, analysts' figures, and editions that ask for them, for tests of both."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.analyst_figure import SuppliedFigure
from domain.assessment import Missing
from domain.edition import AnalystRule, Factor, PolicyEdition
from domain.external_rating import ExternalRating
from tests.makers_policy import ON, a_changed_edition

SUPPLIED = "paid_late_share"  # the factor that `asking_analysts` leaves to an analyst
HASH = "a" * 64


def a_rating(
    rating: str = "BBB", agency: str = "standard_and_poors", **changed: Any
) -> ExternalRating:
    """An agency's rating of half a year ago, valid for a year, as a dossier holds it."""
    ordinary = {
        "agency": agency,
        "rating": rating,
        "rated_on": ON - timedelta(days=180),
        "valid_until": ON + timedelta(days=185),
        "evidence_hash": HASH,
        "report_id": f"report-{agency}",
    }
    return ExternalRating.model_validate(ordinary | changed)


def a_supplied(value: str = "0.05", factor: str = SUPPLIED, **changed: Any) -> SuppliedFigure:
    ordinary = {
        "factor": factor,
        "value": Decimal(value),
        "reason": "as the ledger of the customer shows",
        "evidence_hash": HASH,
        "version": 1,
        "supplied_by": "risk",
        "supplied_at": datetime(ON.year, ON.month, ON.day, 9, tzinfo=UTC),
    }
    return SuppliedFigure.model_validate(ordinary | changed)


def asking_analysts(changes: str = "", *, second_person: bool = False) -> PolicyEdition:
    """The standard edition with one factor that is an analyst's where its figure is missing."""
    rule = AnalystRule(at_least=Decimal(0), at_most=Decimal(1), second_person=second_person)
    return with_factors(
        a_changed_edition(changes),
        lambda factor: (
            {"missing": Missing.ANALYST, "analyst": rule} if factor.code == SUPPLIED else {}
        ),
    )


def with_factors(edition: PolicyEdition, change: Any) -> PolicyEdition:
    """The edition with every factor of the corporate scorecard as `change` has it."""
    card = edition.scorecards["corporate"]
    factors: tuple[Factor, ...] = tuple(
        Factor.model_validate(factor.model_dump() | change(factor)) for factor in card.factors
    )
    changed = card.model_copy(update={"factors": factors})
    return edition.model_copy(update={"scorecards": {**edition.scorecards, "corporate": changed}})
