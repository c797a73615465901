"""The words of a line: conditions in two hands, freezes, and when time has something to do."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import business_on, day_begins_at
from domain.contract import Terms
from domain.errors import OutOfOrder, SameHands
from domain.identity import SYSTEM
from domain.line import (
    ConditionPrecedent,
    ConditionStatus,
    CreditLine,
    Freeze,
    LineStatus,
    next_due_at,
    status_under,
)
from domain.money import Money

NOW = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
HASH = "e" * 64
DAYS = st.dates(date(2020, 1, 1), date(2035, 1, 1))


def a_condition(**fields: Any) -> ConditionPrecedent:
    return ConditionPrecedent.model_validate(
        {"case_id": "case-1", "code": "insurance", "owner": "manager", **fields}
    )


def a_freeze(**fields: Any) -> Freeze:
    return Freeze.model_validate(
        {
            "freeze_id": "m-1",
            "line_id": "line-1",
            "reason": "covenant",
            "frozen_by": "risk",
            "frozen_at": NOW,
            **fields,
        }
    )


def a_line(**fields: Any) -> CreditLine:
    terms = Terms(
        customer_id="c-1",
        limit=Money.of(1000, "CNY"),
        product="open_account",
        term_months=12,
        rate_annual=Decimal("0.05"),
    )
    return CreditLine.model_validate(
        {
            "line_id": "line-1",
            "customer_id": "c-1",
            "case_id": "case-1",
            "letter_no": "PF-1",
            "contract_id": "case-1",
            "terms": terms,
            "limit": terms.limit,
            "status": LineStatus.ACTIVE,
            "grade": "BBB",
            "starts_on": date(2026, 3, 2),
            "ends_on": date(2027, 3, 1),
            "review_due_on": date(2026, 9, 2),
            "activated_at": NOW,
            **fields,
        }
    )


# ── conditions ───────────────────────────────────────────────────────────────────────────────────


def test_a_condition_is_met_when_one_brings_the_evidence_and_another_verifies_it() -> None:
    met = a_condition().evidenced(HASH, "legal").verified("release")

    assert (met.status, met.evidenced_by, met.verified_by) == (
        ConditionStatus.MET,
        "legal",
        "release",
    )
    assert met.settled


@pytest.mark.parametrize("person_id", ["manager", "legal"])
def test_neither_its_owner_nor_whoever_brought_the_evidence_verifies_it(person_id: str) -> None:
    with pytest.raises(SameHands):
        a_condition().evidenced(HASH, "legal").verified(person_id)


def test_an_owner_may_bring_the_evidence_and_not_waive_it() -> None:
    assert a_condition().evidenced(HASH, "manager").verified("release").settled
    with pytest.raises(SameHands):
        a_condition().waived("manager", "PF-2", "no need")


def test_what_has_no_evidence_is_not_verified_and_what_is_settled_stays_so() -> None:
    with pytest.raises(OutOfOrder):
        a_condition().verified("release")
    met = a_condition().evidenced(HASH, "legal").verified("release")
    for again in (
        lambda: met.evidenced(HASH, "legal"),
        lambda: met.verified("risk"),
        lambda: met.rejected("no"),
        lambda: met.waived("approver1", "PF-2", "no"),
    ):
        with pytest.raises(OutOfOrder):
            again()


def test_evidence_that_does_not_show_it_opens_the_condition_again() -> None:
    reopened = a_condition().evidenced(HASH, "legal").rejected("the seal is missing")

    assert (reopened.status, reopened.evidence_hash) == (ConditionStatus.OPEN, None)
    assert reopened.note == "the seal is missing"
    assert reopened.evidenced(HASH, "manager").verified("legal").settled


# ── freezes ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        ([], LineStatus.ACTIVE),
        ([False], LineStatus.FROZEN),
        ([False, True], LineStatus.COLLECT_ONLY),
        ([True], LineStatus.COLLECT_ONLY),
    ],
)
def test_the_strictest_freeze_says_how_a_line_stands(kinds: list[bool], status: LineStatus) -> None:
    assert status_under([a_freeze(collect_only=kind) for kind in kinds]) is status


def test_people_do_not_lift_their_own_freeze_and_rules_lift_the_rules() -> None:
    with pytest.raises(SameHands):
        a_freeze().refuse_own_hands("risk")
    a_freeze().refuse_own_hands("approver1")
    a_freeze().refuse_own_hands(SYSTEM.person_id)
    a_freeze(frozen_by=SYSTEM.person_id).refuse_own_hands(SYSTEM.person_id)


# ── time ─────────────────────────────────────────────────────────────────────────────────────────


@given(day=DAYS, offset=st.integers(-5000, 5000))
def test_a_business_day_begins_at_its_first_instant(day: date, offset: int) -> None:
    begins = day_begins_at(day, offset)

    assert business_on(begins, offset) == day
    assert business_on(begins - timedelta(microseconds=1), offset) == day - timedelta(days=1)


@given(
    ends_on=DAYS, review_due_on=DAYS, temporary_until=st.none() | DAYS, review_open=st.booleans()
)
def test_the_first_day_on_which_time_does_something_is_never_missed(
    ends_on: date, review_due_on: date, temporary_until: date | None, review_open: bool
) -> None:
    line = a_line(ends_on=ends_on, review_due_on=review_due_on, temporary_until=temporary_until)

    due_at = next_due_at(line, review_open=review_open, offset_days=0)

    assert due_at is not None
    on = business_on(due_at)
    happens = [on > ends_on, not review_open and on >= review_due_on]
    happens.append(temporary_until is not None and on > temporary_until)
    assert any(happens)
    before = on - timedelta(days=1)
    assert before <= ends_on
    assert review_open or before < review_due_on
    assert temporary_until is None or before <= temporary_until


@pytest.mark.parametrize("status", [LineStatus.EXPIRED, LineStatus.TERMINATED])
def test_time_does_nothing_more_to_a_line_that_has_ended(status: LineStatus) -> None:
    assert next_due_at(a_line(status=status), review_open=False, offset_days=0) is None
