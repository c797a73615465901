"""A line that is in force is raised, cut, lent more for a time, and renewed: each by its own case."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.application import ApplicationChange, ApplicationType, CaseStatus
from domain.approval import Verdict
from domain.errors import ChangeUnfit, CreditError, OutOfOrder
from domain.excess import Excess, ExcessCause, ExcessStatus
from domain.hold import HoldStatus
from domain.line import LineStatus
from domain.money import Money
from storage.exposure import Exposure
from tests.journey.test_road import an_active_line
from tests.makers_contract import text_of
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


async def test_a_cut_below_use_is_on_a_plan_until_it_is_repaid(road: Road, granted: Any) -> None:
    line_id, on = granted.line.line_id, road.services.clock.business_on()
    exposure = Exposure(road.records)
    held = exposure.reserve(line_id, Money.of(1_500_000, "CNY"), "r", business_on=on)
    assert held.reservation_id is not None
    exposure.commit(line_id, held.reservation_id, "c", business_on=on)
    exposure.close()

    await changed(road, granted, ApplicationType.DECREASE, 1_000_000)

    plan = await planned(road, line_id, ExcessStatus.OPEN)
    assert (plan.cause, plan.over) == (ExcessCause.LETTER_CUT, Money.of(500_000, "CNY"))
    owed = Money.of(500_000, "CNY")
    await road.call(road.services.exposure.repay, road.people["orders"], line_id, owed, "p")
    settled = await planned(road, line_id, ExcessStatus.SETTLED)
    auditor, hold_id = road.people["auditor"], settled.hold_ids[0]
    view = await road.call(road.services.holds.read, auditor, hold_id)
    assert view.hold.status is HoldStatus.CURED


async def planned(road: Road, line_id: str, status: ExcessStatus) -> Excess:
    """The plan of what stands above a line's limit, once it stands so."""
    auditor, found = road.people["auditor"], []
    for _ in range(400):
        found = await road.call(
            road.services.excesses.list_excesses, auditor, settled=True, line_id=line_id
        )
        if found and found[0].status is status:
            return found[0]
        await asyncio.sleep(0.05)
    raise AssertionError(f"the plans are {found}")


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


async def by_letter(road: Road, granted: Any, kind: ApplicationType, form: Any, **more: Any) -> Any:
    """The case after a change that needs a letter and no agreement has gone all the way."""
    asked = an_application(
        granted.customer,
        2_000_000,
        application_type=kind,
        line_id=granted.line.line_id,
        form={"kind": kind, **form},
        attachments={"change_request": road.evidence()},
        **more,
    )
    submitted = await road.submit(asked, f"k-{kind}")
    task = await road.open_task(submitted.case_id)
    await road.decide("approver1", task.task_id, Verdict.APPROVE, note="sound")
    return await road.comes_to(submitted.case_id, CaseStatus.ACTIVE)


async def test_an_extension_moves_the_last_days_of_the_line_and_nothing_else(
    road: Road, granted: Any
) -> None:
    until = granted.line.ends_on + timedelta(days=60)
    after = await by_letter(road, granted, ApplicationType.EXTENSION, {"until": until})

    line, before = after.line, granted.line
    assert (line.ends_on, line.last_draw_on) == (until, until)
    assert after.contract is None
    contracts, auditor = road.services.contracts, road.people["auditor"]
    letters = [after.letter.letter_no, granted.letter.letter_no]
    alone, promised = [text_of(contracts.letter_document(auditor, no).content) for no in letters]
    assert "No agreement follows" in " ".join(alone.split())
    assert "The agreement follows" in " ".join(promised.split())
    assert {each.field: (each.before, each.after) for each in after.letter.changes} == {
        "ends_on": (before.ends_on.isoformat(), until.isoformat()),
        "last_draw_on": (before.ends_on.isoformat(), until.isoformat()),
    }
    kept = ("limit", "grade", "starts_on", "review_due_on", "contract_id", "status")
    assert [getattr(line, name) for name in kept] == [getattr(before, name) for name in kept]
    assert line.terms.model_copy(update={"ends_on": None}) == before.terms

    again = an_application(
        granted.customer,
        2_000_000,
        application_type=ApplicationType.EXTENSION,
        line_id=line.line_id,
        form={"kind": "extension", "until": until + timedelta(days=5)},
    )
    with pytest.raises(ChangeUnfit) as refused:
        await road.submit(again, "k-again")
    assert "extended 1 times" in refused.value.detail()


async def test_a_terminated_line_lets_nothing_out_and_ends_when_nothing_is_taken(
    road: Road, granted: Any
) -> None:
    line_id, on = granted.line.line_id, road.services.clock.business_on()
    taken = Money.of(100_000, "CNY")
    exposure = Exposure(road.records)
    exposure.reserve(line_id, taken, "order-1", business_on=on)

    after = await by_letter(road, granted, ApplicationType.TERMINATION, {})

    assert after.line.status is LineStatus.COLLECT_ONLY
    with pytest.raises(CreditError):
        exposure.reserve(line_id, taken, "order-2", business_on=on)
    exposure.close()


async def test_an_amount_revised_in_force_keeps_the_first_decision_its_day_and_signatures(
    road: Road, granted: Any
) -> None:
    after = await changed(road, granted, ApplicationType.INCREASE, 3_000_000)

    auditor, case_id = road.people["auditor"], granted.case.case_id
    first: Any = await road.call(road.services.applications.read_case, auditor, case_id)
    kept = ("letter", "contract", "approvals", "decisions")
    assert [getattr(first, name) for name in kept] == [getattr(granted, name) for name in kept]
    assert first.letter.terms.limit == Money.of(2_000_000, "CNY")
    assert after.letter.replaces == first.letter.letter_no


async def test_an_approved_amount_does_not_change_under_the_letter_that_waits_for_signatures(
    road: Road,
) -> None:
    submitted = await road.submit(an_application(road.keep_customer(), 2_000_000))
    task = await road.open_task(submitted.case_id)
    await road.decide("approver1", task.task_id, Verdict.APPROVE, note="sound")
    before = await road.comes_to(submitted.case_id, CaseStatus.CONTRACTING)

    change = ApplicationChange(limit_requested=Money.of(1_500_000, "CNY"))
    with pytest.raises(OutOfOrder):
        await road.call(
            road.services.applications.amend, road.people["manager"], submitted.case_id, change
        )

    after: Any = await road.call(
        road.services.applications.read_case, road.people["auditor"], submitted.case_id
    )
    assert (after.letter, after.contract) == (before.letter, before.contract)
