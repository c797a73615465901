"""Asking the book to confirm its accounts: page after page, each one activity and one transaction."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.signatures import ConfirmationSteps
    from domain.confirmation import (
        ConfirmationPage,
        ConfirmationPageDone,
        ConfirmationStart,
        ConfirmationTally,
    )
    from workflows.messages import STEP_RETRY

_PAGE_TIMEOUT = timedelta(seconds=120)


@workflow.defn
class ConfirmationWorkflow:
    """`runs/confirmation…`: started every day and on demand.

    An account of a customer, currency and day is asked for once, so a page that is taken twice, or
    a run begun again, sends nothing twice.
    """

    @workflow.init
    def __init__(self, start: ConfirmationStart) -> None:
        # What is carried over to a further run is as of the same instant.
        self._at = start.at or workflow.now()

    @workflow.run
    async def run(self, start: ConfirmationStart) -> ConfirmationTally:
        """To the end of the book; how many accounts were sent."""
        after, sent = start.after, start.sent
        while True:
            done = await self._page(start, after)
            sent += done.sent
            workflow.set_current_details(f"Sent {sent} accounts.")
            if done.after is None:
                return ConfirmationTally(sent=sent)
            after = done.after
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(
                    start.model_copy(update={"at": self._at, "after": after, "sent": sent})
                )

    async def _page(self, start: ConfirmationStart, after: str | None) -> ConfirmationPageDone:
        return await workflow.execute_activity_method(
            ConfirmationSteps.ask_accounts,
            ConfirmationPage(
                after=after,
                page_size=start.page_size,
                customer_ids=start.customer_ids,
                as_of=start.as_of,
                at=self._at,
                offset_days=start.offset_days,
            ),
            start_to_close_timeout=_PAGE_TIMEOUT,
            retry_policy=STEP_RETRY,
            summary=f"ask accounts after {after or 'the beginning'}",
        )
