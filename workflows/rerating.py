"""A re-rating of the book: one phase, page after page, each one activity and one transaction."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.signatures import ReratingSteps
    from domain.rerating import ReratingPage, ReratingProgress, ReratingStart
    from workflows.messages import STEP_RETRY

_PAGE_TIMEOUT = timedelta(seconds=120)


@workflow.defn
class ReratingWorkflow:
    """`runs/rerating/…`: a preview, or, with its hash, what puts exactly that in force.

    Where a run is, its row says; a page that is taken twice lands once.
    """

    @workflow.run
    async def run(self, start: ReratingStart) -> ReratingProgress:
        """To the end of the book."""
        page = ReratingPage(
            run_id=start.run_id,
            person_id=start.person_id,
            preview_hash=start.preview_hash,
            page_size=start.page_size,
            at=start.at or workflow.now(),
            offset_days=start.offset_days,
            industries=start.industries,
        )
        while True:
            progress = await self._page(page)
            counts = progress.counts
            workflow.set_current_details(
                f"Run {page.run_id} is {progress.status}: {counts.moved} moved,"
                f" {counts.unmoved} unmoved, {counts.failed} failed."
            )
            if progress.done:
                return progress
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(start.model_copy(update={"at": page.at}))

    async def _page(self, page: ReratingPage) -> ReratingProgress:
        applies = page.preview_hash is not None
        return await workflow.execute_activity_method(
            ReratingSteps.apply_rerating if applies else ReratingSteps.preview_rerating,
            page,
            start_to_close_timeout=_PAGE_TIMEOUT,
            retry_policy=STEP_RETRY,
            summary="put a page in force" if applies else "judge a page of lines",
        )
