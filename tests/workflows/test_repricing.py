"""A repricing goes page after page, as of one instant, to the end of the book."""

import uuid
from concurrent.futures import ThreadPoolExecutor

from temporalio import activity
from temporalio.client import ScheduleActionStartWorkflow
from temporalio.worker import Worker

from activities.signatures import RepricingSteps
from domain.benchmark import RepricingPage, RepricingPageDone, RepricingStart, RepricingTally
from tests.sandbox import RUNNER
from tests.servers import SkippingEnvironment
from workflows.names import REPRICING_SCHEDULE
from workflows.repricing import RepricingWorkflow
from workflows.schedules import ensure_schedules


class FakeRepricing(RepricingSteps):
    """A book of three pages."""

    def __init__(self) -> None:
        self.pages: list[RepricingPage] = []

    @activity.defn
    def reprice_lines(self, page: RepricingPage) -> RepricingPageDone:
        self.pages.append(page)
        following = {None: "line-2", "line-2": "line-4", "line-4": None}[page.after]
        return RepricingPageDone(after=following, tally=RepricingTally(seen=2, repriced=1))


async def test_every_page_is_taken_once_and_all_as_of_the_same_instant(
    temporal_env: SkippingEnvironment,
) -> None:
    steps = FakeRepricing()
    async with Worker(
        temporal_env.client,
        task_queue="repricing-test",
        workflows=[RepricingWorkflow],
        activities=[steps.reprice_lines],
        activity_executor=ThreadPoolExecutor(2),
        workflow_runner=RUNNER,
    ):
        tally = await temporal_env.client.execute_workflow(
            RepricingWorkflow.run,
            RepricingStart(offset_days=-30, page_size=2),
            id=f"runs/repricing/{uuid.uuid4()}",
            task_queue="repricing-test",
        )

    assert tally == RepricingTally(seen=6, repriced=3)
    assert [page.after for page in steps.pages] == [None, "line-2", "line-4"]
    assert len({(page.at, page.offset_days) for page in steps.pages}) == 1


async def test_the_daily_run_is_put_in_place(temporal_env: SkippingEnvironment) -> None:
    client = temporal_env.client
    await ensure_schedules(client, -30)

    described = await client.get_schedule_handle(REPRICING_SCHEDULE).describe()
    action = described.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    [start] = await client.data_converter.decode(action.args, [RepricingStart])
    assert start == RepricingStart(offset_days=-30)
