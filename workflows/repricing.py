"""A repricing of the book: page after page, each one activity and one transaction."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.signatures import RepricingSteps
    from domain.benchmark import (
        RepricingPage,
        RepricingPageDone,
        RepricingStart,
        RepricingTally,
    )
    from workflows.messages import STEP_RETRY

_PAGE_TIMEOUT = timedelta(seconds=120)


@workflow.defn
class RepricingWorkflow:
    """`runs/repricing…`: started every day and on demand.

    What a date of a line has set is on record under that date, so a page that is taken twice, or a
    run begun again, sets nothing twice.
    """

    @workflow.init
    def __init__(self, start: RepricingStart) -> None:
        # What is carried over to a further run is as of the same instant.
        self._at = start.at or workflow.now()

    @workflow.run
    async def run(self, start: RepricingStart) -> RepricingTally:
        """To the end of the book."""
        after, tally = start.after, start.tally
        while True:
            done = await self._page(start, after)
            tally += done.tally
            workflow.set_current_details(
                f"Seen {tally.seen} floating lines: {tally.repriced} rates set,"
                f" {tally.missing} benchmarks missing."
            )
            if done.after is None:
                return tally
            after = done.after
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(
                    start.model_copy(update={"at": self._at, "after": after, "tally": tally})
                )

    async def _page(self, start: RepricingStart, after: str | None) -> RepricingPageDone:
        return await workflow.execute_activity_method(
            RepricingSteps.reprice_lines,
            RepricingPage(
                after=after,
                page_size=start.page_size,
                at=self._at,
                offset_days=start.offset_days,
            ),
            start_to_close_timeout=_PAGE_TIMEOUT,
            retry_policy=STEP_RETRY,
            summary=f"reprice lines after {after or 'the beginning'}",
        )
