"""A look at the book goes page after page, as of one instant, to its end."""

import uuid
from concurrent.futures import ThreadPoolExecutor

from temporalio import activity
from temporalio.client import ScheduleActionStartWorkflow
from temporalio.worker import Worker

from activities.signatures import WarningSteps
from domain.classification import ClassificationStart
from domain.warning import (
    MonitoringPage,
    MonitoringPageDone,
    MonitoringStart,
    MonitoringTally,
)
from tests.sandbox import RUNNER
from tests.servers import SkippingEnvironment
from workflows.names import (
    CLASSIFICATION_SCHEDULE,
    MONITORING_SCHEDULE,
    RESERVATION_EXPIRY_SCHEDULE,
    outbox_id,
)
from workflows.schedules import CHANNELS, ensure_outboxes, ensure_schedules
from workflows.warning import MonitoringWorkflow


class FakeWarning(WarningSteps):
    """A book of three pages."""

    def __init__(self) -> None:
        self.pages: list[MonitoringPage] = []

    @activity.defn
    def monitor_customers(self, page: MonitoringPage) -> MonitoringPageDone:
        self.pages.append(page)
        following = {None: "c-2", "c-2": "c-4", "c-4": None}[page.after]
        return MonitoringPageDone(after=following, tally=MonitoringTally(customers=len(self.pages)))


async def test_every_page_is_taken_once_and_all_as_of_the_same_instant(
    temporal_env: SkippingEnvironment,
) -> None:
    steps = FakeWarning()
    async with Worker(
        temporal_env.client,
        task_queue="monitoring-test",
        workflows=[MonitoringWorkflow],
        activities=[steps.monitor_customers],
        activity_executor=ThreadPoolExecutor(2),
        workflow_runner=RUNNER,
    ):
        tally = await temporal_env.client.execute_workflow(
            MonitoringWorkflow.run,
            MonitoringStart(offset_days=-30, page_size=2),
            id=f"runs/monitoring/{uuid.uuid4()}",
            task_queue="monitoring-test",
        )

    assert tally.customers == 3
    assert [page.after for page in steps.pages] == [None, "c-2", "c-4"]
    assert len({(page.run_id, page.at, page.offset_days) for page in steps.pages}) == 1


async def test_what_must_always_run_is_put_in_place_as_often_as_asked(
    temporal_env: SkippingEnvironment,
) -> None:
    client = temporal_env.client
    for offset_days in (0, -30):
        await ensure_outboxes(client)
        await ensure_schedules(client, offset_days)

    handle = client.get_schedule_handle(MONITORING_SCHEDULE)
    described = await handle.describe()
    action = described.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    [start] = await client.data_converter.decode(action.args, [MonitoringStart])
    assert start == MonitoringStart(offset_days=-30)
    for channel in CHANNELS:
        outbox = client.get_workflow_handle(outbox_id(channel))
        assert (await outbox.describe()).status is not None
        await outbox.terminate()
    nightly = await client.get_schedule_handle(CLASSIFICATION_SCHEDULE).describe()
    action = nightly.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    [begun] = await client.data_converter.decode(action.args, [ClassificationStart])
    assert begun == ClassificationStart(offset_days=-30)
    for name in (CLASSIFICATION_SCHEDULE, MONITORING_SCHEDULE, RESERVATION_EXPIRY_SCHEDULE):
        await client.get_schedule_handle(name).delete()
