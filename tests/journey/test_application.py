"""Cases on the road, for real: what is asked, what comes of it, and what is refused."""

from datetime import timedelta

import pytest

from domain.application import ApplicationChange, ApplicationType, CaseResult, CaseStatus
from domain.approval import Verdict
from domain.errors import AlreadyDecided, KeyReused, StaleContent, Withdrawn
from domain.money import Money
from domain.screening import ListEffect, ListEntry
from tests.road import Road, an_application
from workflows.names import application_id


async def test_a_middling_request_is_approved_by_the_people_its_amount_asks(road: Road) -> None:
    customer = road.keep_customer()
    submitted = await road.submit(an_application(customer, 5_000_000))

    task = await road.open_task(submitted.case_id)
    decided = await road.decide("approver1", task.task_id, Verdict.APPROVE, note="sound")
    view = await road.comes_to(submitted.case_id, CaseStatus.CONTRACTING, CaseStatus.APPROVED)

    assert submitted.status is CaseStatus.RECEIVED
    assert decided.letter_no == view.letter.letter_no
    assert view.letter.terms.limit <= view.case.application.limit_requested


async def test_the_same_key_and_body_start_one_case_and_another_body_is_refused(
    road: Road,
) -> None:
    customer = road.keep_customer()
    application = an_application(customer)
    first = await road.submit(application, "k-1")

    again = await road.submit(application, "k-1")
    with pytest.raises(KeyReused):
        await road.submit(an_application(customer, 1), "k-1")
    other_key = await road.submit(an_application(customer, 7_000_000), "k-2")

    assert again.case_id == first.case_id == other_key.case_id
    assert other_key.existing
    assert (await road.case(first.case_id)).case.application == application


async def test_a_small_good_request_is_approved_without_asking_anybody(road: Road) -> None:
    customer = road.keep_customer()

    submitted = await road.submit(an_application(customer, 300_000))
    view = await road.comes_to(submitted.case_id, CaseStatus.CONTRACTING)

    assert view.letter.decided_by == ("system",)
    assert view.tasks == ()


async def test_what_is_missing_is_named_and_its_supplement_lets_the_case_go_on(
    road: Road,
) -> None:
    customer = road.keep_customer()
    submitted = await road.submit(an_application(customer, purpose=""))
    assert submitted.status is CaseStatus.INCOMPLETE
    assert submitted.missing == ("purpose",)

    change = ApplicationChange(purpose="Raw materials")
    service = road.services.applications
    acted = await road.call(
        service.supplement, road.people["manager"], submitted.case_id, change, "s-1"
    )
    again = await road.call(
        service.supplement, road.people["manager"], submitted.case_id, change, "s-1"
    )

    assert acted.status is CaseStatus.RECEIVED
    assert again.replayed
    await road.open_task(submitted.case_id)


async def test_silence_lapses_an_incomplete_case(road: Road) -> None:
    customer = road.keep_customer()
    submitted = await road.submit(an_application(customer, purpose=""))

    handle = road.client.get_workflow_handle(application_id(submitted.case_id))
    await road.environment.fast_forward(handle, timedelta(days=90))

    view = await road.comes_to(submitted.case_id, CaseStatus.LAPSED)
    assert view.case.reason_codes == ("silence",)


async def test_a_hit_that_nobody_clears_lapses_the_case(road: Road) -> None:
    customer = road.keep_customer()
    entry = ListEntry(
        list_code="internal_negative",
        list_version="1",
        identifier=customer.identifiers[0],
        effect=ListEffect.SUSPEND,
        rule="defaulted before",
    )
    await road.call(road.services.screenings.add, road.people["risk"], entry)
    submitted = await road.submit(an_application(customer))
    await road.comes_to(submitted.case_id, CaseStatus.SUSPENDED)

    handle = road.client.get_workflow_handle(application_id(submitted.case_id))
    await road.environment.fast_forward(handle, timedelta(days=90))

    view = await road.comes_to(submitted.case_id, CaseStatus.LAPSED)
    assert view.case.reason_codes == ("silence",)


async def test_a_return_asks_for_fields_and_the_next_round_is_judged_anew(road: Road) -> None:
    customer = road.keep_customer()
    submitted = await road.submit(an_application(customer))
    first = await road.open_task(submitted.case_id)
    await road.decide(
        "approver1",
        first.task_id,
        Verdict.RETURN,
        note="Say what for",
        fields_wanted=("purpose",),
    )
    await road.comes_to(submitted.case_id, CaseStatus.RETURNED)

    await road.call(
        road.services.applications.supplement,
        road.people["manager"],
        submitted.case_id,
        ApplicationChange(purpose="Steel for the autumn orders"),
    )
    second = await road.open_task(submitted.case_id)
    await road.decide("approver1", second.task_id, Verdict.DECLINE, note="Too much")
    view = await road.comes_to(submitted.case_id, CaseStatus.DECLINED)

    assert second.task_id != first.task_id
    assert not view.letter.approved
    assert [decision.verdict for decision in view.decisions] == ["return", "decline"]


async def test_an_amended_request_is_decided_as_amended_and_never_as_it_was(road: Road) -> None:
    customer = road.keep_customer()
    submitted = await road.submit(an_application(customer, 5_000_000))
    stale = await road.open_task(submitted.case_id)

    await road.call(
        road.services.applications.amend,
        road.people["manager"],
        submitted.case_id,
        ApplicationChange(limit_requested=Money.of(4_000_000, "CNY")),
    )
    with pytest.raises((StaleContent, AlreadyDecided)):
        await road.decide("approver1", stale.task_id, Verdict.APPROVE)
    await road.comes_to(submitted.case_id, CaseStatus.IN_APPROVAL)
    fresh = await road.open_task(submitted.case_id)
    await road.decide("approver1", fresh.task_id, Verdict.APPROVE)
    view = await road.comes_to(submitted.case_id, CaseStatus.CONTRACTING)

    assert view.letter.terms.limit <= Money.of(4_000_000, "CNY")


async def test_a_withdrawn_case_closes_its_tasks_and_refuses_later_words(road: Road) -> None:
    customer = road.keep_customer()
    submitted = await road.submit(an_application(customer))
    task = await road.open_task(submitted.case_id)

    service = road.services.applications
    await road.call(service.withdraw, road.people["manager"], submitted.case_id, "changed plans")
    with pytest.raises(Withdrawn):
        await road.decide("approver1", task.task_id, Verdict.APPROVE)
    with pytest.raises(Withdrawn):
        await road.call(service.withdraw, road.people["manager"], submitted.case_id)
    handle = road.client.get_workflow_handle(application_id(submitted.case_id))
    result = CaseResult.model_validate(await handle.result())

    assert result.status is CaseStatus.WITHDRAWN
    assert all(task.status != "open" for task in (await road.case(submitted.case_id)).tasks)


async def test_another_case_may_be_opened_once_the_first_has_ended(road: Road) -> None:
    customer = road.keep_customer()
    first = await road.submit(an_application(customer), "k-1")
    await road.call(road.services.applications.withdraw, road.people["manager"], first.case_id)

    second = await road.submit(an_application(customer), "k-2")

    assert second.case_id != first.case_id


async def test_a_decision_replays_identically(road: Road) -> None:
    customer = road.keep_customer()
    submitted = await road.submit(an_application(customer, 300_000))
    await road.comes_to(submitted.case_id, CaseStatus.CONTRACTING)

    replayed = await road.call(
        road.services.applications.replay, road.people["auditor"], submitted.case_id
    )

    assert replayed.identical
    assert replayed.differing == ()


async def test_a_pre_approval_ends_in_its_letter_and_leaves_room_for_the_line(
    road: Road,
) -> None:
    customer = road.keep_customer()
    asked = an_application(customer, 300_000, application_type=ApplicationType.PRE_APPROVAL)
    submitted = await road.submit(asked)

    handle = road.client.get_workflow_handle(application_id(submitted.case_id))
    result = CaseResult.model_validate(await handle.result())
    view = await road.case(submitted.case_id)
    history = await handle.fetch_history()

    assert result.status is CaseStatus.APPROVED
    assert view.letter.approved
    assert view.contract is None
    assert not (await road.submit(an_application(customer, 300_000), "k-2")).existing
    # What a straight-through case costs is counted in events: each is written and read again.
    assert len(history.events) <= 16
