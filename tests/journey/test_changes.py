"""A line that is in force is raised, cut, lent more for a time, and renewed: each by its own case."""

from datetime import timedelta
from typing import Any

import pytest

from domain.application import ApplicationType, CaseStatus
from domain.approval import Verdict
from domain.line import LineStatus
from domain.money import Money
from tests.journey.test_road import an_active_line
from tests.road import Road, an_application


@pytest.fixture
async def granted(road: Road) -> Any:
    """The case that opened a line of two million."""
    return await an_active_line(road, 2_000_000)


async def changed(road: Road, granted: Any, kind: ApplicationType, amount: int, **more: Any) -> Any:
    """The line after a case about it has gone all the way, and that case."""
    customer = granted.customer
    asked = an_application(
        customer, amount, application_type=kind, line_id=granted.line.line_id, **more
    )
    submitted = await road.submit(asked, f"k-{kind}")
    view = await road.comes_to(
        submitted.case_id, CaseStatus.IN_APPROVAL, CaseStatus.APPROVED, CaseStatus.CONTRACTING
    )
    if view.case.status is CaseStatus.IN_APPROVAL:
        task = await road.open_task(submitted.case_id)
        await road.decide("approver1", task.task_id, Verdict.APPROVE, note="sound")
    await road.signed(submitted.case_id)
    await road.conditions_met(submitted.case_id)
    return await road.comes_to(submitted.case_id, CaseStatus.ACTIVE)


async def test_a_raise_is_on_the_line_with_its_own_letter_and_agreement(
    road: Road, granted: Any
) -> None:
    after = await changed(road, granted, ApplicationType.INCREASE, 3_000_000)

    assert after.line.line_id == granted.line.line_id
    assert after.line.limit == Money.of(3_000_000, "CNY")
    assert after.line.letter_no == after.letter.letter_no != granted.letter.letter_no
    assert (after.letter.replaces, granted.letter.replaces) == (granted.letter.letter_no, None)


async def test_a_cut_asks_nobody(road: Road, granted: Any) -> None:
    after = await changed(road, granted, ApplicationType.DECREASE, 1_000_000)

    assert after.tasks == ()
    assert after.line.limit == Money.of(1_000_000, "CNY")


async def test_a_renewal_gives_the_line_another_term(road: Road, granted: Any) -> None:
    after = await changed(road, granted, ApplicationType.RENEWAL, 2_000_000, term_months=24)

    assert after.line.ends_on > granted.line.ends_on
    assert after.line.status is LineStatus.ACTIVE
    assert after.line.limit == granted.line.limit


async def test_a_temporary_limit_stands_on_top_until_its_day(road: Road, granted: Any) -> None:
    until = road.services.clock.business_on() + timedelta(days=30)
    after = await changed(
        road,
        granted,
        ApplicationType.TEMPORARY_INCREASE,
        2_500_000,
        temporary_until=until,
        attachments={"purchase_contract": road.evidence()},
    )

    assert after.line.limit == Money.of(2_500_000, "CNY")
    assert after.line.temporary_until == until
