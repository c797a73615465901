"""Terms other than those asked for: taken, left, or met with silence."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.application import CaseStatus
from domain.approval import Verdict
from domain.contract import ConditionAsked, ConditionKind
from domain.errors import NotPermitted, OfferEnded, OutOfOrder, StaleContent
from domain.identity import Role
from domain.money import Money
from domain.offer import OfferStatus
from domain.turnaround import Court
from storage.identity import Refusals
from storage.notification import Outbox
from tests.makers_policy import a_changed_edition
from tests.road import UNDRAWN, Road, a_road, an_application
from tests.servers import SkippingEnvironment
from workflows.names import application_id

NO_REPORTS = "[investigation]\nrows = []\nchecklists = []\n"
OFFERING = a_changed_edition(
    f"{UNDRAWN}{NO_REPORTS}[offer]\nvalid_days = 10\npolicy_cuts = false\n"
)
LESS = Money.of(3_000_000, "CNY")
LATER = date(2099, 1, 31)
UNDER = (
    ConditionAsked(text="The owner stands surety.", kind=ConditionKind.COVER),
    ConditionAsked(text="Audited accounts.", owner=Role.LEGAL, due_on=LATER),
)


@pytest.fixture
async def road(
    database_url: str, temporal_env: SkippingEnvironment, tmp_path: Path
) -> AsyncIterator[Road]:
    async with a_road(database_url, temporal_env, tmp_path, OFFERING) as opened:
        yield opened


async def offered(road: Road, **conceded: Any) -> Any:
    """A case approved for less than it asks, once the customer has been asked."""
    case_id = (await road.submit(an_application(road.keep_customer(), 5_000_000))).case_id
    task = await road.open_task(case_id)
    terms = {"limit": LESS, "term_months": 6, "conditions": UNDER} | conceded
    await road.decide("approver1", task.task_id, Verdict.APPROVE, **terms)
    await road.comes_to(case_id, CaseStatus.APPROVED)
    await road._link_token(case_id)
    return await road.case(case_id)


async def answered_by_link(road: Road, view: Any, accepts: bool) -> Any:
    offers = road.services.offers
    return await road.call(
        lambda: offers.answer_by_link(
            _token(road, view.case.case_id), accepts=accepts, offer_hash=view.offer.offer_hash
        )
    )


def _token(road: Road, case_id: str) -> str:
    with road.records.begin() as session:
        notices = Outbox(session).list_of_case(case_id)
    [link] = [
        each.facts["link"]
        for each in notices
        if each.kind == "offer_made" and each.recipient.startswith("customer:")
    ]
    return link.rsplit("/", 1)[1]


async def test_the_agreement_is_made_from_the_version_that_the_customer_took(road: Road) -> None:
    view = await offered(road)
    assert [each.field for each in view.offer.differences] == [
        "limit",
        "term_months",
        "cover:1",
        "other:1",
    ]
    assert view.contract is None
    clock = await road.call(
        road.services.turnaround.read_clock, road.people["auditor"], view.case.case_id
    )
    assert clock.clock.court is Court.CUSTOMER

    page = await answered_by_link(road, view, True)
    again = await answered_by_link(road, view, True)
    await road.signed(view.case.case_id)

    assert page == again
    assert page.status is OfferStatus.ACCEPTED
    conditions = await waits_for_conditions(road, view.case.case_id)
    assert {each.code: each.owner for each in conditions}["other:1"] == "role.legal"
    await show(road, view.case.case_id, [each for each in conditions if not each.after_activation])
    active = await road.comes_to(view.case.case_id, CaseStatus.ACTIVE)
    assert active.line.limit == LESS
    assert active.contract.terms == view.letter.terms
    assert active.contract.terms.term_months == 6
    await shown_afterwards(road, view.case.case_id)


async def waits_for_conditions(road: Road, case_id: str) -> Any:
    await road.comes_to(case_id, CaseStatus.CONDITIONS)
    for _ in range(400):
        view = await road.case(case_id)
        if view.conditions:
            return view.conditions
        await asyncio.sleep(0.05)
    raise AssertionError("no conditions were opened")


async def show(road: Road, case_id: str, conditions: Any, person: str = "manager") -> None:
    lines = road.services.lines
    for each in conditions:
        await road.call(lines.evidence, road.people[person], case_id, each.code, road.evidence())
        await road.call(lines.verify, road.people["release"], case_id, each.code, met=True)


async def shown_afterwards(road: Road, case_id: str) -> None:
    """What is due after activation is evidenced by its desk alone, and verified by another."""
    [left] = [each for each in (await road.case(case_id)).conditions if not each.settled]
    assert (left.code, left.due_on) == ("other:1", LATER)
    with pytest.raises(NotPermitted):
        await show(road, case_id, [left])
    await show(road, case_id, [left], "legal")
    assert all(each.settled for each in (await road.case(case_id)).conditions)


async def test_silence_lets_an_offer_lapse_and_never_takes_it(road: Road) -> None:
    view = await offered(road)
    handle = road.client.get_workflow_handle(application_id(view.case.case_id))
    await road.environment.fast_forward(handle, timedelta(days=11))

    ended = await road.comes_to(view.case.case_id, CaseStatus.LAPSED)
    assert ended.case.reason_codes == ("offer_lapsed",)
    assert (ended.offer.status, ended.contract) == (OfferStatus.LAPSED, None)
    with pytest.raises(OfferEnded):
        await answered_by_link(road, view, True)


async def test_an_offer_that_is_left_ends_the_case_without_an_agreement(road: Road) -> None:
    view = await offered(road)
    await answered_by_link(road, view, False)

    ended = await road.comes_to(view.case.case_id, CaseStatus.LAPSED)
    assert ended.case.reason_codes == ("offer_declined",)
    assert ended.contract is None
    with pytest.raises(OfferEnded):
        await answered_by_link(road, view, True)


async def test_a_case_withdrawn_takes_its_offer_with_it(road: Road) -> None:
    view = await offered(road)
    applications = road.services.applications
    await road.call(applications.withdraw, road.people["manager"], view.case.case_id, "no need")

    ended = await road.comes_to(view.case.case_id, CaseStatus.WITHDRAWN)
    assert ended.offer.status is OfferStatus.WITHDRAWN
    with pytest.raises(OfferEnded):
        await answered_by_link(road, view, True)


async def test_another_version_is_refused_and_a_made_up_act_has_no_effect(road: Road) -> None:
    view = await offered(road)
    with pytest.raises(StaleContent):
        await road.call(
            lambda: road.services.offers.answer_by_link(
                _token(road, view.case.case_id), accepts=True, offer_hash="0" * 64
            )
        )
    handle = road.client.get_workflow_handle(application_id(view.case.case_id))
    await handle.signal("answer_offer", {"act_id": "made-up"})
    await handle.signal("answer_offer", {"accepts": True})
    for _ in range(400):
        with road.records.begin() as session:
            codes = [each.code for each in Refusals(session).list_refusals(page_size=9)]
        if len(codes) == 2:
            break
        await asyncio.sleep(0.05)
    assert sorted(codes) == ["malformed", "unauthenticated"]
    assert (await road.case(view.case.case_id)).offer.status is OfferStatus.OPEN


async def test_what_was_asked_for_is_granted_without_an_offer(road: Road) -> None:
    view = await road.submit(an_application(road.keep_customer(), 5_000_000))
    task = await road.open_task(view.case_id)
    await road.decide("approver1", task.task_id, Verdict.APPROVE)

    granted = await road.comes_to(view.case_id, CaseStatus.CONTRACTING)
    assert granted.offer is None
    handle = road.client.get_workflow_handle(application_id(view.case_id))
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("answer_offer", {"act_id": "made-up"})
    assert isinstance(refused.value.__cause__, ApplicationError)
    assert refused.value.__cause__.type == OutOfOrder.code_name()
