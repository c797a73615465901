"""A year in which nobody answers: every level once, at its working hour, across restarts and runs."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays
from temporalio.client import WorkflowHandle
from temporalio.worker import Worker

from activities.approval import ApprovalActivities, AuditActivities
from activities.refusals import Refusals
from domain.application import CaseStatus
from domain.approval import ApprovalOutcome, ApprovalResult
from storage.application import CaseEvents
from storage.approval import Approvals
from tests.investigators import Desk, at_desk
from tests.sandbox import RUNNER
from tests.servers import SkippingEnvironment
from workflows.approval import ApprovalWorkflow

ZONE = ZoneInfo("Asia/Shanghai")
# Fifty levels, then the lapse: a year of nine hours a day.
EVERY, LEVELS, LAPSE = 42, 50, 2150
ACTS = ("remind", "tell", "escalate", "remind", "reassign")
WEEKS = timedelta(weeks=9)


def a_year_of_levels() -> str:
    rows = []
    for number in range(1, LEVELS + 1):
        act = ACTS[number % len(ACTS)]
        to = "" if act == "remind" else ', to = "region_head"'
        rows.append(f'    {{ hours = {number * EVERY}, act = "{act}"{to} }},')
    years = range(datetime.now(ZONE).year, datetime.now(ZONE).year + 3)
    ours = "".join(
        f'[[approval.days]]\ncode = "ours_{year}"\nworks = false\n'
        f"effective_from = {year}-03-15\neffective_until = {year}-03-19\n"
        for year in years
    )
    return "\n".join(
        [
            ours,
            "[approval.tiers.branch]",
            f"lapse_hours = {LAPSE}",
            "levels = [",
            *rows,
            "]",
        ]
    )


def is_worked(day: date) -> bool:
    """Told apart by hand from the notices, and from the week that the edition takes off."""
    if (day.month, day.day) in {(3, n) for n in range(15, 20)}:
        return False
    china = holidays.country_holidays("CN", years=day.year)
    return day in china.weekend_workdays or (day.weekday() < 5 and day not in china)


def worked_hours(begin: datetime, end: datetime) -> float:
    """Counted day by day: nine to six on what is worked."""
    hours, day = 0.0, begin.astimezone(ZONE).date()
    while day <= end.astimezone(ZONE).date():
        if is_worked(day):
            opens = datetime(day.year, day.month, day.day, 9, tzinfo=ZONE)
            shared = min(opens + timedelta(hours=9), end) - max(opens, begin)
            hours += max(shared, timedelta(0)).total_seconds() / 3600
        day += timedelta(days=1)
    return hours


@asynccontextmanager
async def a_worker(env: SkippingEnvironment, desk: Desk, queue: str) -> AsyncIterator[None]:
    """A worker with no memory of any before it."""
    steps, audit = ApprovalActivities(desk.services.records), AuditActivities(desk.services.records)
    async with Worker(
        env.client,
        task_queue=queue,
        workflows=[ApprovalWorkflow],
        activities=[
            steps.open_approval,
            steps.record_decision,
            steps.act_on_silence,
            audit.record_refused_message,
        ],
        activity_executor=ThreadPoolExecutor(4),
        workflow_runner=RUNNER,
        interceptors=[Refusals()],
    ):
        yield


async def test_a_year_of_silence_does_each_thing_once_and_lapses(
    database_url: str, temporal_env: SkippingEnvironment, tmp_path: Path
) -> None:
    with at_desk(database_url, tmp_path, a_year_of_levels()) as desk:
        case_id = await asyncio.to_thread(desk.submit, 9_000_000)
        with desk.services.records.begin() as session:
            approval = Approvals(session).find(f"{case_id}.1")
        assert approval is not None
        begun = desk.case(case_id).tasks[0].opened_at
        queue = f"silence-{case_id}"

        async def run(number: int) -> WorkflowHandle[ApprovalWorkflow, ApprovalResult]:
            assert approval is not None
            return await temporal_env.client.start_workflow(
                ApprovalWorkflow.run,
                approval.request,
                id=f"approval/{case_id}/{number}",
                task_queue=queue,
            )

        # Some weeks, a worker that is gone, some more weeks; then another run of the workflow, as
        # continue-as-new or a reset would begin it, takes the approval from the record.
        lengths = []
        handle = await run(1)
        for _ in range(3):
            async with a_worker(temporal_env, desk, queue):
                await temporal_env.fast_forward(handle, WEEKS)
        lengths.append((await handle.describe()).history_length)
        await handle.terminate("another run takes over")
        handle = await run(2)
        for _ in range(2):
            async with a_worker(temporal_env, desk, queue):
                await temporal_env.fast_forward(handle, 2 * WEEKS)
        async with a_worker(temporal_env, desk, queue):
            await temporal_env.fast_forward(handle, 8 * WEEKS)
            result = await handle.result()
        lengths.append((await handle.describe()).history_length)

        assert result.outcome is ApprovalOutcome.LAPSED
        assert desk.case(case_id).case.status is CaseStatus.LAPSED
        assert desk.case(case_id).decisions == ()
        with desk.services.records.begin() as session:
            events = CaseEvents(session).list_all(case_id)
    silences = [each for each in events if each["kind"].startswith("silence_")]
    expected = {("silence_remind", None): 8, ("silence_escalate", None): 16}
    expected |= {
        (f"silence_{ACTS[number % len(ACTS)]}", str(number)): number * EVERY
        for number in range(1, LEVELS + 1)
    }
    expected |= {("silence_lapse", None): 16 + LAPSE}
    found = [(each["kind"], each["facts"].get("level")) for each in silences]
    assert sorted(found, key=str) == sorted(expected, key=str)

    for each in silences:
        hours = expected[(each["kind"], each["facts"].get("level"))]
        local = each["at"].astimezone(ZONE)
        assert is_worked(local.date())
        assert 9 <= local.hour <= 18
        assert abs(worked_hours(begun, each["at"]) - hours) < 0.05
    assert silences[-1]["at"] - begun > timedelta(days=330)
    # Far from the 10,240 events at which a server warns: no run needs to continue as new.
    assert max(lengths) < 1_000
