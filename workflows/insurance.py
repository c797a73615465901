"""A look at what insurers have to be told: page after page, each one activity and one transaction."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.signatures import InsuranceSteps
    from domain.insurance import (
        InsurancePage,
        InsurancePageDone,
        InsuranceStart,
        InsuranceTally,
    )
    from workflows.messages import STEP_RETRY

_PAGE_TIMEOUT = timedelta(seconds=120)


@workflow.defn
class InsuranceWorkflow:
    """`runs/insurance…`: started every day and on demand.

    A notice has its key and a finding its deadline, so a page that is taken twice tells nothing
    twice.
    """

    @workflow.init
    def __init__(self, start: InsuranceStart) -> None:
        # What is carried over to a further run is as of the same instant.
        self._at = start.at or workflow.now()

    @workflow.run
    async def run(self, start: InsuranceStart) -> InsuranceTally:
        """To the end of the book."""
        after, tally = start.after, start.tally
        while True:
            done = await self._page(start, after)
            tally += done.tally
            workflow.set_current_details(
                f"Seen {tally.buyers} insured buyers: {tally.alarms} deadlines told,"
                f" {tally.findings} found missed."
            )
            if done.after is None:
                return tally
            after = done.after
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(
                    start.model_copy(update={"at": self._at, "after": after, "tally": tally})
                )

    async def _page(self, start: InsuranceStart, after: str | None) -> InsurancePageDone:
        return await workflow.execute_activity_method(
            InsuranceSteps.watch_insurance,
            InsurancePage(
                after=after,
                page_size=start.page_size,
                at=self._at,
                offset_days=start.offset_days,
            ),
            start_to_close_timeout=_PAGE_TIMEOUT,
            retry_policy=STEP_RETRY,
            summary=f"insured buyers after {after or 'the beginning'}",
        )
