"""A changed policy on its way into force: drafted, tried, refused to its author, published."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from stdnum.cn import uscc

from domain.application import CaseStatus
from domain.approval import Verdict
from domain.assessment import Bearing
from domain.customer import Customer, Identifier, IdentifierScheme
from domain.draft import DraftStatus
from domain.errors import NoAuthority, NotPermitted, SameHands, SimulationStale
from storage.edition import Editions
from tests.makers_policy import a_customer
from tests.road import UNSAMPLED, Road, an_application
from web.service.draft import Drafting

# The automatic lane closes at two hundred thousand, where the standard edition says a million.
STRICTER = "[approval.automatic]\naggregate_max = 200000\n"


async def drafted(road: Road, toml: str = STRICTER, person: str = "risk", **more: Any) -> Any:
    drafting = Drafting(toml=toml, base_hash=UNSAMPLED.edition_hash, **more)
    return await road.call(road.services.drafts.record, road.people[person], drafting)


async def published(road: Road, draft_id: str, person: str = "risk2") -> Any:
    return await road.call(road.services.drafts.publish, road.people[person], draft_id)


async def simulated(road: Road, draft_id: str) -> Any:
    recorded = await road.call(road.services.drafts.simulate, road.people["risk"], draft_id)
    return recorded.report


async def test_a_changed_threshold_is_tried_refused_to_its_author_and_published_by_another(
    road: Road,
) -> None:
    first = await road.submit(an_application(road.keep_customer(), 300_000))
    old = await road.comes_to(first.case_id, CaseStatus.CONTRACTING)
    running = await road.submit(an_application(road.keep_customer(a_customer_like("2"))), "k-2")
    task = await road.open_task(running.case_id)
    draft = (await drafted(road)).draft

    with pytest.raises(SimulationStale):
        await published(road, draft.draft_id)
    report = await simulated(road, draft.draft_id)
    with pytest.raises(SameHands):
        await published(road, draft.draft_id, "risk")
    word = await published(road, draft.draft_id)
    again = await published(road, draft.draft_id)

    assert report.past.flips == {"automatic>people": 1}
    assert word.published_by == "risk2"
    assert again.replayed
    # What runs keeps its edition, what is new has the new one, what was decided is as it was.
    await road.decide("approver1", task.task_id, Verdict.APPROVE)
    running_view = await road.comes_to(running.case_id, CaseStatus.CONTRACTING)
    new = await road.submit(an_application(road.keep_customer(a_customer_like("3")), 300_000), "k3")
    new_task = await road.open_task(new.case_id)
    new_view = await road.case(new.case_id)
    assert running_view.assessment.edition_hash == UNSAMPLED.edition_hash
    assert new_view.case.edition_hash == draft.edition_hash
    assert new_task.position == "branch_head", (
        "the draft asks people where the old one asked nobody"
    )
    replay = road.services.applications.replay
    for case_id in (old.case.case_id, running.case_id, new.case_id):
        assert (await road.call(replay, road.people["auditor"], case_id)).identical


async def test_an_edition_of_a_later_day_waits_for_its_day(road: Road) -> None:
    tomorrow = road.services.clock.business_on() + timedelta(days=1)
    draft = (await drafted(road, f"effective_on = {tomorrow}\n{STRICTER}")).draft
    await simulated(road, draft.draft_id)

    await published(road, draft.draft_id)

    with road.records.begin() as session:
        today = Editions(session).find_current(road.services.clock.business_on())
        later = Editions(session).find_current(tomorrow)
    assert today == UNSAMPLED
    assert later is not None
    assert later.edition_hash == draft.edition_hash


async def test_the_body_for_exceptions_may_publish_from_its_inbox(road: Road) -> None:
    draft = (await drafted(road)).draft
    await simulated(road, draft.draft_id)
    await road.call(road.services.drafts.propose, road.people["risk"], draft.draft_id)

    task = await task_of(road, "approver4", draft.draft_id)
    await road.decide("approver4", task.task_id, Verdict.APPROVE, note="as the report shows")

    view = await road.call(road.services.drafts.read_draft, road.people["risk"], draft.draft_id)
    assert view.status is DraftStatus.PUBLISHED


async def test_who_decides_no_exceptions_and_who_is_no_officer_publishes_nothing(
    road: Road,
) -> None:
    draft = (await drafted(road)).draft
    await simulated(road, draft.draft_id)

    with pytest.raises(NoAuthority):
        await published(road, draft.draft_id, "approver1")
    with pytest.raises(NotPermitted):
        await published(road, draft.draft_id, "manager")


async def test_an_editor_is_an_author_and_an_edited_draft_needs_a_report_of_its_own(
    road: Road,
) -> None:
    draft = (await drafted(road)).draft
    await simulated(road, draft.draft_id)
    other = STRICTER.replace("200000", "100000")
    edited = (await drafted(road, other, "risk2", draft_id=draft.draft_id)).draft

    with pytest.raises(SameHands):
        await published(road, draft.draft_id)
    with pytest.raises(SimulationStale):
        await published(road, draft.draft_id, "approver4")

    assert edited.authors == ("risk", "risk2")
    assert edited.draft_id == draft.draft_id


async def test_a_declined_draft_stays_a_draft(road: Road) -> None:
    draft = (await drafted(road)).draft
    await simulated(road, draft.draft_id)
    await road.call(road.services.drafts.propose, road.people["risk"], draft.draft_id)

    task = await task_of(road, "risk2", draft.draft_id)
    await road.decide("risk2", task.task_id, Verdict.DECLINE, note="too strict")

    view = await road.call(road.services.drafts.read_draft, road.people["risk"], draft.draft_id)
    assert view.status is DraftStatus.DECLINED
    with road.records.begin() as session:
        assert len(Editions(session).list_all()) == 1


def a_customer_like(number: str) -> Customer:
    body = f"9199100000000000{number}"
    code = Identifier(scheme=IdentifierScheme.USCC, value=body + uscc.calc_check_digit(body))
    return a_customer(customer_id=f"c-{number}", identifiers=(code,))


async def task_of(road: Road, person: str, draft_id: str) -> Any:
    """The task that this person sees in their inbox, once it is there."""
    service = road.services.approvals
    for _ in range(400):
        found = await road.call(service.list_tasks, road.people[person], case_id=draft_id)
        if found:
            return found[0]
        await asyncio.sleep(0.05)
    raise AssertionError("no task was opened")


async def test_a_case_that_waits_for_its_applicant_is_told_what_is_worth_asking(
    road: Road,
) -> None:
    submitted = await road.submit(an_application(road.keep_customer(years=1), purpose=""))
    await road.comes_to(submitted.case_id, CaseStatus.INCOMPLETE)

    found = await road.call(
        road.services.applications.open_questions, road.people["manager"], submitted.case_id
    )

    bearings = {question.code: question.bears_on for question in found.questions}
    assert Bearing.GRADE in bearings["payment_record"]
    assert Bearing.GRADE in bearings["statements_years:2"]
    assert bearings["purpose"] == (Bearing.ROUTE,), "it counts for completeness alone"
