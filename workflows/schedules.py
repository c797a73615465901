"""What an installation needs running before anybody asks: the outboxes, and the daily schedules.

Called by `up` and by the deploy step, as often as they like.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from domain.calendar import ZONE
from domain.notification import Channel, OutboxTurn
from domain.warning import MonitoringStart
from workflows.names import (
    CASES_QUEUE,
    MONITORING_SCHEDULE,
    PORTFOLIO_QUEUE,
    monitoring_id,
    outbox_id,
)
from workflows.outbox import OutboxWorkflow
from workflows.warning import MonitoringWorkflow

# The webhook channel has no deliverer yet.
CHANNELS = (Channel.MAIL, Channel.TEMPORAL)
MONITORING_HOUR = 6  # before people come to work


async def ensure_outboxes(client: Client, channels: Iterable[Channel] = CHANNELS) -> None:
    """Start the outbox of each channel unless it runs."""
    for channel in channels:
        await client.start_workflow(
            OutboxWorkflow.run,
            OutboxTurn(channel=channel),
            id=outbox_id(channel),
            task_queue=CASES_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary=f"the {channel} outbox",
        )


async def ensure_schedules(client: Client, offset_days: int = 0) -> None:
    """Put every schedule in place; one that is there takes over what has changed, paused or not."""
    wanted = _monitoring(offset_days)
    try:
        await client.create_schedule(MONITORING_SCHEDULE, wanted)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(MONITORING_SCHEDULE).update(
            lambda known: _changed(known, wanted)
        )


def _monitoring(offset_days: int) -> Schedule:
    """Every day before office hours; a look that was missed is made up within the day."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            MonitoringWorkflow.run,
            MonitoringStart(offset_days=offset_days),
            id=monitoring_id(),
            task_queue=PORTFOLIO_QUEUE,
            static_summary="the daily look at the book",
        ),
        spec=ScheduleSpec(
            calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(MONITORING_HOUR)])],
            time_zone_name=ZONE,
            jitter=timedelta(minutes=5),
        ),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(hours=24)
        ),
    )


def _changed(known: ScheduleUpdateInput, wanted: Schedule) -> ScheduleUpdate:
    """What is wanted, in the state that operators left the schedule in."""
    return ScheduleUpdate(schedule=replace(wanted, state=known.description.schedule.state))
