"""Orders that wait, looked at again: after a payment, a change of limit, group or rate, and every few
minutes."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.signatures import OrderSteps
    from domain.order import RecheckDone, RecheckPage, RecheckStart
    from workflows.messages import STEP_RETRY

_PAGE_TIMEOUT = timedelta(seconds=60)


@workflow.defn
class RecheckWorkflow:
    """`runs/recheck…`: the oldest order first, a page at a time, as of the instant it was begun."""

    @workflow.run
    async def run(self, start: RecheckStart) -> RecheckDone:
        """To the last of the orders that wait."""
        at, after, looked_at, cured = start.at or workflow.now(), None, 0, 0
        while True:
            page: RecheckDone = await workflow.execute_activity_method(
                OrderSteps.recheck_orders,
                RecheckPage(**start.model_dump(exclude={"at"}), at=at, after=after),
                start_to_close_timeout=_PAGE_TIMEOUT,
                retry_policy=STEP_RETRY,
                summary=f"orders after {after or 'the first'}, for {start.cause}",
            )
            looked_at, cured, after = looked_at + page.looked_at, cured + page.cured, page.after
            workflow.set_current_details(f"Looked at {looked_at} orders, {cured} holds cured.")
            # What a longer book leaves is found by the next look.
            if after is None or workflow.info().is_continue_as_new_suggested():
                return RecheckDone(looked_at=looked_at, cured=cured)
