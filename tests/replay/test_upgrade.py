"""Does another release of the worker take up what is under way, and is a careless one caught?

On a Temporal of its own: which release is current holds for every worker of the server.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from creditflow.stack.temporal import WATCHED
from domain.application import CaseStatus
from domain.approval import Verdict
from domain.operations import Cause, Turn
from settings import Profile, Settings
from tests import servers
from tests.replay.files import names, recorded
from tests.replay.releases import GuardedChange, UnguardedChange
from tests.road import KEY, Road, a_road, an_application
from tests.sandbox import RUNNER
from worker import CASE_WORKFLOWS, working
from workflows.application import CreditApplicationWorkflow
from workflows.codec import data_converter
from workflows.names import application_id
from workflows.releases import make_current

NEXT_WORKFLOWS = (
    GuardedChange,
    *(each for each in CASE_WORKFLOWS if each is not CreditApplicationWorkflow),
)


def of_applications(workflow_class: type, converter: Any = None) -> Replayer:
    return Replayer(
        workflows=[workflow_class],
        workflow_runner=RUNNER,
        data_converter=converter or data_converter(None),
    )


@pytest.mark.parametrize("name", [each for each in names() if each.startswith("application_")])
async def test_cases_of_this_release_run_under_a_guarded_change(name: str) -> None:
    await of_applications(GuardedChange).replay_workflow(recorded(name).history)


async def test_the_gate_catches_the_same_change_without_its_guard() -> None:
    caught = []
    for name in names():
        if name.startswith("application_"):
            result = await of_applications(UnguardedChange).replay_workflow(
                recorded(name).history, raise_on_replay_failure=False
            )
            caught += [name] if isinstance(result.replay_failure, NondeterminismError) else []
    assert "application_active" in caught


@pytest.fixture
async def road(database_url: str, tmp_path: Path) -> AsyncIterator[Road]:
    """An installation whose worker calls its release `n`, which is the current one."""
    async with (
        servers.skipping(tmp_path, *WATCHED) as environment,
        a_road(database_url, environment, tmp_path, release="n") as opened,
    ):
        yield opened


def settings_of(database_url: str, folder: Path, release: str) -> Settings:
    """Of a worker of another release beside the one that runs."""
    return Settings(
        profile=Profile.EMBEDDED,
        database_url=database_url,
        codec_key=KEY,
        public_url="http://127.0.0.1:8080",
        data_dir=folder,
        release=release,
    )


async def submitted(road: Road, key: str) -> str:
    customer = await road.call(road.keep_customer)
    asked = an_application(customer)
    return str((await road.submit(asked, key)).case_id)


async def approved(road: Road, case_id: str) -> None:
    task = await road.open_task(case_id)
    await road.decide("approver1", task.task_id, Verdict.APPROVE, note="as the minutes say")
    await road.comes_to(case_id, CaseStatus.CONTRACTING)


async def history_of(road: Road, case_id: str) -> WorkflowHistory:
    return await road.client.get_workflow_handle(application_id(case_id)).fetch_history()


def releases_in(history: WorkflowHistory) -> list[str]:
    """Which release did each task of a workflow, in order and without repeats."""
    found = [
        event.workflow_task_completed_event_attributes.deployment_version.build_id
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ]
    return list(dict.fromkeys(found))


def steps_in(history: WorkflowHistory) -> list[str]:
    return [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]


async def test_cases_under_way_go_on_under_the_next_release(
    road: Road, database_url: str, tmp_path: Path
) -> None:
    waiting = await submitted(road, "k-1")
    await road.comes_to(waiting, CaseStatus.IN_APPROVAL)
    assert releases_in(await history_of(road, waiting)) == ["n"]

    # The gate, on what runs here and now.
    live = await history_of(road, waiting)
    converter = road.client.data_converter
    await of_applications(GuardedChange, converter).replay_workflow(live)
    with pytest.raises(NondeterminismError):
        await of_applications(UnguardedChange, converter).replay_workflow(live)

    settings = settings_of(database_url, tmp_path, "n.1")
    async with working(settings, road.records, road.client, RUNNER, NEXT_WORKFLOWS):
        await make_current(road.client, settings.release)
        await approved(road, waiting)
        await road.signed(waiting)
        await road.conditions_met(waiting)
        view = await road.comes_to(waiting, CaseStatus.ACTIVE)
        assert view.line is not None
        begun_before = await history_of(road, waiting)
        assert releases_in(begun_before) == ["n", "n.1"]
        assert "look_at_case" not in steps_in(begun_before)

        later = await submitted(road, "k-2")
        await road.comes_to(later, CaseStatus.IN_APPROVAL)
        begun_after = await history_of(road, later)
        assert releases_in(begun_after) == ["n.1"]
        assert "look_at_case" in steps_in(begun_after)
        # What the next release has begun has to be survived by the one after it as well.
        await of_applications(GuardedChange, converter).replay_workflow(begun_after)
        await approved(road, later)


CARELESS = (UnguardedChange, *NEXT_WORKFLOWS[1:])


async def test_a_release_that_slipped_through_is_found_and_taken_back(
    road: Road, database_url: str, tmp_path: Path
) -> None:
    case_id = await submitted(road, "k-1")
    await road.comes_to(case_id, CaseStatus.IN_APPROVAL)
    settings = settings_of(database_url, tmp_path, "careless")
    workflow = application_id(case_id)
    operator = road.people["operator"]
    async with working(settings, road.records, road.client, RUNNER, CARELESS):
        await make_current(road.client, settings.release)

        async def found() -> bool:
            # A task of the case, which its new code cannot do; which release is the current one
            # takes a moment to reach the queue.
            await road.client.get_workflow_handle(workflow).signal("rates_recorded")
            listed = await road.call(road.services.stuck.list_stuck, operator)
            return (workflow, Cause.TASK_FAILING) in {(e.subject, e.cause) for e in listed.items}

        await until(found)
        told = await road.call(road.services.timelines.read, operator, case_id)
        assert (told.explanation.code, told.explanation.turn) == ("task_failing", Turn.ENGINEERS)
        assert "TMPRL1100" in told.explanation.facts["error"]
        await make_current(road.client, "n")
        await approved(road, case_id)
    listed = await road.call(road.services.stuck.list_stuck, operator)
    assert workflow not in {each.subject for each in listed.items}


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    for _ in range(int(seconds)):
        if await holds():
            return
        await asyncio.sleep(1)
    raise AssertionError("it never came to be")
