"""A look at what is insured goes page after page, as of one instant, to the end of the book."""

import uuid
from concurrent.futures import ThreadPoolExecutor

from temporalio import activity
from temporalio.client import ScheduleActionStartWorkflow
from temporalio.worker import Worker

from activities.signatures import InsuranceSteps
from domain.insurance import InsurancePage, InsurancePageDone, InsuranceStart, InsuranceTally
from tests.sandbox import RUNNER
from tests.servers import SkippingEnvironment
from workflows.insurance import InsuranceWorkflow
from workflows.names import INSURANCE_SCHEDULE
from workflows.schedules import ensure_schedules


class FakeInsurance(InsuranceSteps):
    """A book of three pages."""

    def __init__(self) -> None:
        self.pages: list[InsurancePage] = []

    @activity.defn
    def watch_insurance(self, page: InsurancePage) -> InsurancePageDone:
        self.pages.append(page)
        following = {None: "b-2", "b-2": "b-4", "b-4": None}[page.after]
        return InsurancePageDone(after=following, tally=InsuranceTally(buyers=2, findings=1))


async def test_every_page_is_taken_once_and_all_as_of_the_same_instant(
    temporal_env: SkippingEnvironment,
) -> None:
    steps = FakeInsurance()
    async with Worker(
        temporal_env.client,
        task_queue="insurance-test",
        workflows=[InsuranceWorkflow],
        activities=[steps.watch_insurance],
        activity_executor=ThreadPoolExecutor(2),
        workflow_runner=RUNNER,
    ):
        tally = await temporal_env.client.execute_workflow(
            InsuranceWorkflow.run,
            InsuranceStart(offset_days=-30, page_size=2),
            id=f"runs/insurance/{uuid.uuid4()}",
            task_queue="insurance-test",
        )

    assert tally == InsuranceTally(buyers=6, findings=3)
    assert [page.after for page in steps.pages] == [None, "b-2", "b-4"]
    assert len({(page.at, page.offset_days) for page in steps.pages}) == 1


async def test_the_daily_run_is_put_in_place(temporal_env: SkippingEnvironment) -> None:
    client = temporal_env.client
    await ensure_schedules(client, -30)

    described = await client.get_schedule_handle(INSURANCE_SCHEDULE).describe()
    action = described.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    [start] = await client.data_converter.decode(action.args, [InsuranceStart])
    assert start == InsuranceStart(offset_days=-30)
