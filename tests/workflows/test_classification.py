"""A classification goes page after page, as of one day, to the end of the book."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from temporalio import activity
from temporalio.worker import Worker

from activities.signatures import ClassificationSteps
from domain.classification import (
    ClassificationPage,
    ClassificationPageDone,
    ClassificationStart,
    ClassificationTally,
)
from tests.sandbox import RUNNER
from tests.servers import SkippingEnvironment
from workflows.classification import ClassificationWorkflow


class FakeClassification(ClassificationSteps):
    """A book of three pages."""

    def __init__(self) -> None:
        self.pages: list[ClassificationPage] = []

    @activity.defn
    def classify_customers(self, page: ClassificationPage) -> ClassificationPageDone:
        self.pages.append(page)
        following = {None: "c-2", "c-2": "c-4", "c-4": None}[page.after]
        tally = ClassificationTally(seen=len(self.pages), changed=len(self.pages))
        return ClassificationPageDone(after=following, tally=tally)


async def test_every_page_is_taken_once_and_all_as_of_the_same_day(
    temporal_env: SkippingEnvironment,
) -> None:
    steps, as_of = FakeClassification(), date(2026, 8, 31)
    async with Worker(
        temporal_env.client,
        task_queue="classification-test",
        workflows=[ClassificationWorkflow],
        activities=[steps.classify_customers],
        activity_executor=ThreadPoolExecutor(2),
        workflow_runner=RUNNER,
    ):
        tally = await temporal_env.client.execute_workflow(
            ClassificationWorkflow.run,
            ClassificationStart(as_of=as_of, person_id="risk", page_size=2),
            id=f"runs/classification/{uuid.uuid4()}",
            task_queue="classification-test",
        )

    assert tally.seen == 3
    assert [page.after for page in steps.pages] == [None, "c-2", "c-4"]
    assert {page.as_of for page in steps.pages} == {as_of}
    assert len({(page.run_id, page.at, page.person_id) for page in steps.pages}) == 1
