"""Classifying the book: what days past due make of a customer, once, and again when the past changes."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from activities.classification import ClassificationActivities
from activities.warning import WarningActivities
from domain.classification import (
    ClassificationPage,
    ClassificationPageDone,
    CustomerClass,
    FiveTier,
    Portfolio,
    Stage,
)
from domain.customer import CreditEvent, CreditEventType, Identifier, IdentifierScheme
from domain.errors import RateMissing
from domain.money import Money
from domain.receivable import Invoice, Payment
from domain.warning import MonitoringPage, WarningLevel, WarningStatus
from policies.impairment import cumulative_pd, hazard_of
from storage.base import Records
from storage.classification import Classes, ClassificationRuns, Losses
from storage.customer import Customers
from storage.exposure import Exposure
from storage.receivable import Receivables
from storage.warning import Warnings
from tests.makers_monitoring import LINE_ID, a_book, invoice, noon, pay
from tests.makers_policy import a_customer, an_edition, cny

DUE = date(2026, 3, 2)


def run(
    records: Records,
    as_of: date,
    run_id: str = "",
    *,
    after: str | None = None,
    page_size: int = 100,
    today: date | None = None,
) -> ClassificationPageDone:
    """One page of a run, at noon of its day or of a later one."""
    return ClassificationActivities(records).classify_customers(
        ClassificationPage(
            run_id=run_id or f"run-{as_of}",
            as_of=as_of,
            person_id="risk1",
            after=after,
            page_size=page_size,
            at=noon(today or as_of),
        )
    )


def held(records: Records, on: date, customer_id: str = "c-1") -> CustomerClass:
    with records.begin() as session:
        found = Classes(session).find(customer_id, on)
    assert found is not None
    return found


def history(records: Records, customer_id: str = "c-1") -> tuple[CustomerClass, ...]:
    with records.begin() as session:
        return Classes(session).history(customer_id)


def allowance(records: Records, portfolio: Portfolio, on: date, customer_id: str = "c-1") -> Money:
    with records.begin() as session:
        return Losses(session).allowance(customer_id, portfolio, on, "CNY")


@pytest.mark.parametrize(
    ("days", "tier", "stage"),
    [
        (0, FiveTier.NORMAL, Stage.PERFORMING),
        (7, FiveTier.NORMAL, Stage.PERFORMING),
        (8, FiveTier.SPECIAL_MENTION, Stage.PERFORMING),
        (31, FiveTier.SPECIAL_MENTION, Stage.INCREASED),
        (90, FiveTier.SPECIAL_MENTION, Stage.INCREASED),
        (91, FiveTier.SUBSTANDARD, Stage.IMPAIRED),
        (271, FiveTier.DOUBTFUL, Stage.IMPAIRED),
        (361, FiveTier.LOSS, Stage.IMPAIRED),
    ],
)
def test_days_past_due_set_tier_and_stage(
    records: Records, days: int, tier: FiveTier, stage: Stage
) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)

    done = run(records, DUE + timedelta(days=days))

    found = held(records, DUE + timedelta(days=days))
    assert (found.tier, found.stage, found.days_past_due_on(found.as_of)) == (tier, stage, days)
    assert found.owed == cny(50_000)
    assert (done.tally.seen, done.tally.changed) == (1, 1)
