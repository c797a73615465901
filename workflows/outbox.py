"""Delivery of a channel's outbox: one long activity, begun again when its turn or its worker ends."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.signatures import NotificationSteps
    from domain.notification import OutboxTurn

# A worker that dies or a database that is away costs seconds, and leaves no events.
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10))


@workflow.defn
class OutboxWorkflow:
    """`outbox/<channel>`: runs for as long as there is a channel."""

    @workflow.init
    def __init__(self, turn: OutboxTurn) -> None:
        workflow.set_current_details(f"Delivers the entries of the {turn.channel} outbox.")

    @workflow.run
    async def run(self, turn: OutboxTurn) -> None:
        """Turn after turn; the history is carried over before it grows long."""
        while not workflow.info().is_continue_as_new_suggested():
            await workflow.execute_activity_method(
                NotificationSteps.deliver_outbox,
                turn,
                start_to_close_timeout=timedelta(seconds=turn.seconds_max + 60),
                heartbeat_timeout=timedelta(seconds=5),
                retry_policy=_RETRY,
                summary=f"deliver the {turn.channel} outbox",
            )
        workflow.continue_as_new(turn)
