"""One case goes all the way: application, assessment, approval, contract, line, and into use."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from domain.application import CaseResult, CaseStatus
from domain.approval import Verdict
from domain.contract import ContractStatus
from domain.errors import CaseClosed, CreditError, OverLimit
from domain.line import LineStatus
from domain.money import Money
from tests.road import Road, an_application
from workflows.names import application_id


async def an_active_line(road: Road, amount: int = 5_000_000, **said: Any) -> Any:
    submitted = await road.submit(an_application(road.keep_customer(), amount, **said))
    task = await road.open_task(submitted.case_id)
    await road.decide("approver1", task.task_id, Verdict.APPROVE, note="sound")
    await road.signed(submitted.case_id)
    await road.conditions_met(submitted.case_id)
    return await road.comes_to(submitted.case_id, CaseStatus.ACTIVE)


async def test_a_case_goes_all_the_way_and_its_line_is_used(road: Road) -> None:
    view = await an_active_line(road)
    line, contract, letter = view.line, view.contract, view.letter

    assert contract.status is ContractStatus.SIGNED
    assert contract.terms == letter.terms == line.terms
    assert line.letter_no == contract.letter_no == letter.letter_no
    assert line.limit == letter.terms.limit
    assert line.status is LineStatus.ACTIVE

    orders = road.people["orders"]
    exposure = road.services.exposure
    half = line.limit.floor_to(Money.of(2, "CNY")).share(Decimal("0.5"))
    taken = await road.call(exposure.reserve, orders, line.line_id, half, "o-1")
    again = await road.call(exposure.reserve, orders, line.line_id, half, "o-1")
    with pytest.raises(OverLimit):
        await road.call(exposure.reserve, orders, line.line_id, line.limit, "o-2")
    await road.call(exposure.commit, orders, line.line_id, taken.reservation_id, "o-3")

    assert again.reservation_id == taken.reservation_id

    handle = road.client.get_workflow_handle(application_id(view.case.case_id))
    result = CaseResult.model_validate(await handle.result())
    assert result.line_id == line.line_id
    assert result.letter_no == letter.letter_no


async def test_a_line_that_is_frozen_refuses_use_until_somebody_else_unfreezes_it(
    road: Road,
) -> None:
    line_id = (await an_active_line(road)).line.line_id
    lines, exposure = road.services.lines, road.services.exposure
    risk, orders = road.people["risk"], road.people["orders"]

    await road.call(lines.freeze, risk, line_id, note="Negative news")
    with pytest.raises(CreditError) as refused:
        await road.call(exposure.reserve, orders, line_id, Money.of(1, "CNY"), "o-1")
    with pytest.raises(CreditError) as same_hands:
        await road.call(lines.unfreeze, risk, line_id, note="It was nothing")

    assert refused.value.code == "line_not_active"
    assert same_hands.value.code == "same_hands"


async def test_a_customer_who_declines_to_sign_ends_the_case(road: Road) -> None:
    submitted = await road.submit(an_application(road.keep_customer(), 300_000))
    await road.comes_to(submitted.case_id, CaseStatus.CONTRACTING)
    token = await road._link_token(submitted.case_id)

    await road.call(road.services.contracts.decline, token, "Found a better offer")
    view = await road.comes_to(submitted.case_id, CaseStatus.LAPSED)

    assert view.contract.status is ContractStatus.DECLINED
    with pytest.raises(CaseClosed):
        await road.call(
            road.services.applications.withdraw, road.people["manager"], submitted.case_id
        )


async def test_a_case_withdrawn_before_the_signature_leaves_nothing_to_sign(road: Road) -> None:
    submitted = await road.submit(an_application(road.keep_customer(), 300_000))
    await road.comes_to(submitted.case_id, CaseStatus.CONTRACTING)
    token = await road._link_token(submitted.case_id)

    await road.call(road.services.applications.withdraw, road.people["manager"], submitted.case_id)
    with pytest.raises(CreditError):
        await road.call(road.services.contracts.sign, token, "Somebody", "legal_representative")

    assert (await road.case(submitted.case_id)).contract.status is ContractStatus.WITHDRAWN


async def test_the_line_has_a_workflow_of_its_own_once_it_is_active(road: Road) -> None:
    line_id = (await an_active_line(road)).line.line_id

    for _ in range(200):
        found = [
            each async for each in road.client.list_workflows(f"WorkflowId = 'line/{line_id}'")
        ]
        if found:
            break
        await asyncio.sleep(0.05)

    assert [each.workflow_type for each in found] == ["CreditLineWorkflow"]
