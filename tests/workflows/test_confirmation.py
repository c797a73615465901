"""Asking for accounts goes page after page, as of one instant, to the end of the book."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from temporalio import activity
from temporalio.client import ScheduleActionStartWorkflow
from temporalio.worker import Worker

from activities.signatures import ConfirmationSteps
from domain.confirmation import (
    ConfirmationPage,
    ConfirmationPageDone,
    ConfirmationStart,
    ConfirmationTally,
)
from tests.sandbox import RUNNER
from tests.servers import SkippingEnvironment
from workflows.confirmation import ConfirmationWorkflow
from workflows.names import CONFIRMATION_SCHEDULE
from workflows.schedules import ensure_schedules


class FakeConfirmation(ConfirmationSteps):
    """A book of three pages."""

    def __init__(self) -> None:
        self.pages: list[ConfirmationPage] = []

    @activity.defn
    def ask_accounts(self, page: ConfirmationPage) -> ConfirmationPageDone:
        self.pages.append(page)
        following = {None: "c-2", "c-2": "c-4", "c-4": None}[page.after]
        return ConfirmationPageDone(after=following, sent=2)


async def test_every_page_is_asked_once_and_all_as_of_the_same_instant(
    temporal_env: SkippingEnvironment,
) -> None:
    steps = FakeConfirmation()
    as_of = date(2026, 3, 31)
    async with Worker(
        temporal_env.client,
        task_queue="confirmation-test",
        workflows=[ConfirmationWorkflow],
        activities=[steps.ask_accounts],
        activity_executor=ThreadPoolExecutor(2),
        workflow_runner=RUNNER,
    ):
        sent = await temporal_env.client.execute_workflow(
            ConfirmationWorkflow.run,
            ConfirmationStart(offset_days=-30, page_size=2, as_of=as_of),
            id=f"runs/confirmation/{uuid.uuid4()}",
            task_queue="confirmation-test",
        )

    assert sent == ConfirmationTally(sent=6)
    assert [page.after for page in steps.pages] == [None, "c-2", "c-4"]
    assert {(page.as_of, page.offset_days) for page in steps.pages} == {(as_of, -30)}
    assert len({page.at for page in steps.pages}) == 1


async def test_the_daily_run_is_put_in_place(temporal_env: SkippingEnvironment) -> None:
    client = temporal_env.client
    await ensure_schedules(client, -30)

    described = await client.get_schedule_handle(CONFIRMATION_SCHEDULE).describe()
    action = described.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    assert action.workflow == "ConfirmationWorkflow"
