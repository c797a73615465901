"""A re-rating goes page after page, as of one instant, to the end of its phase."""

import uuid
from concurrent.futures import ThreadPoolExecutor

from temporalio import activity
from temporalio.worker import Worker

from activities.signatures import ReratingSteps
from domain.rerating import ReratingPage, ReratingProgress, ReratingStart, RunCounts, RunStatus
from tests.sandbox import RUNNER
from tests.servers import SkippingEnvironment
from workflows.rerating import ReratingWorkflow


class FakeRerating(ReratingSteps):
    """A book of three pages."""

    def __init__(self) -> None:
        self.previewed: list[ReratingPage] = []
        self.applied: list[ReratingPage] = []

    @activity.defn
    def preview_rerating(self, page: ReratingPage) -> ReratingProgress:
        self.previewed.append(page)
        return _progress(len(self.previewed), RunStatus.PREVIEWING, RunStatus.PREVIEWED)

    @activity.defn
    def apply_rerating(self, page: ReratingPage) -> ReratingProgress:
        self.applied.append(page)
        return _progress(len(self.applied), RunStatus.APPLYING, RunStatus.APPLIED)


def _progress(pages: int, during: RunStatus, after: RunStatus) -> ReratingProgress:
    done = pages == 3
    return ReratingProgress(
        status=after if done else during, counts=RunCounts(unmoved=pages), done=done
    )


async def test_a_preview_is_taken_to_its_end_and_only_its_hash_applies_it(
    temporal_env: SkippingEnvironment,
) -> None:
    steps = FakeRerating()
    async with Worker(
        temporal_env.client,
        task_queue="rerating-test",
        workflows=[ReratingWorkflow],
        activities=[steps.preview_rerating, steps.apply_rerating],
        activity_executor=ThreadPoolExecutor(2),
        workflow_runner=RUNNER,
    ):

        async def run(start: ReratingStart) -> ReratingProgress:
            return await temporal_env.client.execute_workflow(
                ReratingWorkflow.run,
                start,
                id=f"runs/rerating/{uuid.uuid4()}",
                task_queue="rerating-test",
            )

        previewed = await run(ReratingStart(run_id="run-1", person_id="risk1", page_size=2))
        assert steps.applied == []
        applied = await run(ReratingStart(run_id="run-1", person_id="risk2", preview_hash="a" * 64))

    assert (previewed.status, applied.status) == (RunStatus.PREVIEWED, RunStatus.APPLIED)
    assert (len(steps.previewed), len(steps.applied)) == (3, 3)
    assert len({page.at for page in steps.previewed}) == 1
    assert {page.preview_hash for page in steps.applied} == {"a" * 64}
