"""The minutes of a closed meeting, set and sealed by whoever holds the seal; nobody waits for it."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.signatures import MeetingSteps
    from domain.approval import MinutesOrder, SealedMinutes
    from workflows.messages import STEP_RETRY, STEP_TIMEOUT


@workflow.defn
class MinutesWorkflow:
    """`minutes/<meeting>`: one document, once."""

    @workflow.run
    async def run(self, order: MinutesOrder) -> SealedMinutes:
        """Seal it; what cannot be set is tried again until it is repaired."""
        return await workflow.execute_activity_method(
            MeetingSteps.seal_minutes,
            order,
            start_to_close_timeout=STEP_TIMEOUT,
            retry_policy=STEP_RETRY,
            summary=f"set and seal the minutes of {order.meeting_no}",
        )
