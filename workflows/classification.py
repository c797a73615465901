"""A classification of the book: page after page, each one activity and one transaction."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.signatures import ClassificationSteps
    from domain.classification import (
        ClassificationPage,
        ClassificationPageDone,
        ClassificationStart,
        ClassificationTally,
    )
    from workflows.messages import STEP_RETRY

_PAGE_TIMEOUT = timedelta(seconds=120)


@workflow.defn
class ClassificationWorkflow:
    """`runs/classification…`: started every day and on demand.

    Where a run is, its row says; a page that is taken twice lands once.
    """

    @workflow.init
    def __init__(self, start: ClassificationStart) -> None:
        # What is carried over to a further run belongs to the same run, as of the same instant.
        self._run_id = start.run_id or workflow.info().first_execution_run_id
        self._at = start.at or workflow.now()

    @workflow.run
    async def run(self, start: ClassificationStart) -> ClassificationTally:
        """To the end of the book."""
        after = start.after
        while True:
            done = await self._page(start, after)
            self._tell(done)
            if done.after is None:
                return done.tally
            after = done.after
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(
                    start.model_copy(
                        update={"run_id": self._run_id, "at": self._at, "after": after}
                    )
                )

    async def _page(self, start: ClassificationStart, after: str | None) -> ClassificationPageDone:
        return await workflow.execute_activity_method(
            ClassificationSteps.classify_customers,
            ClassificationPage(
                run_id=self._run_id,
                as_of=start.as_of,
                person_id=start.person_id,
                after=after,
                page_size=start.page_size,
                at=self._at,
                offset_days=start.offset_days,
                customer_ids=start.customer_ids,
            ),
            start_to_close_timeout=_PAGE_TIMEOUT,
            retry_policy=STEP_RETRY,
            summary=f"classify customers after {after or 'the beginning'}",
        )

    def _tell(self, done: ClassificationPageDone) -> None:
        tally = done.tally
        workflow.set_current_details(
            f"Seen {tally.seen} customers: {tally.changed} changed, {tally.unchanged} unchanged,"
            f" {tally.failed} failed; {tally.entries} postings."
        )
