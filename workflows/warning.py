"""A look at the book: page after page, each one activity and one transaction."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.signatures import WarningSteps
    from domain.warning import (
        MonitoringPage,
        MonitoringPageDone,
        MonitoringStart,
        MonitoringTally,
    )
    from workflows.messages import STEP_RETRY

_PAGE_TIMEOUT = timedelta(seconds=60)


@workflow.defn
class MonitoringWorkflow:
    """`runs/monitoring…`: started every day, on demand, and when payments come in."""

    @workflow.init
    def __init__(self, start: MonitoringStart) -> None:
        info = workflow.info()
        # What is carried over to a further run belongs to the same look, as of the same instant.
        self._run_id = start.run_id or info.first_execution_run_id
        self._at = start.at or workflow.now()

    @workflow.run
    async def run(self, start: MonitoringStart) -> MonitoringTally:
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

    async def _page(self, start: MonitoringStart, after: str | None) -> MonitoringPageDone:
        return await workflow.execute_activity_method(
            WarningSteps.monitor_customers,
            MonitoringPage(
                run_id=self._run_id,
                after=after,
                page_size=start.page_size,
                customer_ids=start.customer_ids,
                watched_only=start.watched_only,
                at=self._at,
                offset_days=start.offset_days,
            ),
            start_to_close_timeout=_PAGE_TIMEOUT,
            retry_policy=STEP_RETRY,
            summary=f"customers after {after or 'the beginning'}",
        )

    def _tell(self, done: MonitoringPageDone) -> None:
        tally = done.tally
        workflow.set_current_details(
            f"Looked at {tally.customers} customers: {tally.raised} warnings raised,"
            f" {tally.closed} closed, {tally.freezes} freezes, {tally.lifts} lifted,"
            f" {tally.collections} collection cases."
        )
