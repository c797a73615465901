"""What an installation needs running before anybody asks: the outboxes, and the daily schedules.

Called by `up` and by the deploy step, as often as they like.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from domain.benchmark import RepricingStart
from domain.calendar import ZONE
from domain.classification import ClassificationStart
from domain.confirmation import ConfirmationStart
from domain.insurance import InsuranceStart
from domain.line import ExpirySweep
from domain.notification import Channel, OutboxTurn
from domain.order import RecheckStart
from domain.warning import MonitoringStart
from workflows.classification import ClassificationWorkflow
from workflows.confirmation import ConfirmationWorkflow
from workflows.insurance import InsuranceWorkflow
from workflows.line import ReservationExpiryWorkflow
from workflows.names import (
    CASES_QUEUE,
    CLASSIFICATION_SCHEDULE,
    CONFIRMATION_SCHEDULE,
    INSURANCE_SCHEDULE,
    MONITORING_SCHEDULE,
    PORTFOLIO_QUEUE,
    RECHECK_SCHEDULE,
    REPRICING_SCHEDULE,
    RESERVATION_EXPIRY_SCHEDULE,
    classification_id,
    confirmation_id,
    insurance_id,
    monitoring_id,
    outbox_id,
    recheck_id,
    repricing_id,
    reservation_expiry_id,
)
from workflows.order import RecheckWorkflow
from workflows.outbox import OutboxWorkflow
from workflows.repricing import RepricingWorkflow
from workflows.warning import MonitoringWorkflow

CHANNELS = (Channel.MAIL, Channel.TEMPORAL, Channel.WEBHOOK)
REPRICING_HOUR = 5  # before the book is looked at, with the fixings up to the day before
INSURANCE_HOUR = 6  # as the book is looked at
MONITORING_HOUR = 6  # before people come to work
CONFIRMATION_HOUR = 7  # when the day's mails are read
CLASSIFICATION_HOUR = 23  # when the day's invoices and payments are in
EXPIRY_EVERY = timedelta(minutes=5)
RECHECK_EVERY = timedelta(minutes=5)
# A sweep is as of the instant its workflow begins; a schedule's input is the same every time.
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


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
    wanted = {
        CLASSIFICATION_SCHEDULE: _classification(offset_days),
        INSURANCE_SCHEDULE: _insurance(offset_days),
        CONFIRMATION_SCHEDULE: _confirmation(offset_days),
        MONITORING_SCHEDULE: _monitoring(offset_days),
        RECHECK_SCHEDULE: _recheck(offset_days),
        REPRICING_SCHEDULE: _repricing(offset_days),
        RESERVATION_EXPIRY_SCHEDULE: _reservation_expiry(offset_days),
    }
    for name, schedule in wanted.items():
        try:
            await client.create_schedule(name, schedule)
        except ScheduleAlreadyRunningError:
            await client.get_schedule_handle(name).update(partial(_changed, schedule))


def _classification(offset_days: int) -> Schedule:
    """Every evening, as of the day that ends. A run that was missed is made up before midnight; after it, the
    next run or one on demand takes its place."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            ClassificationWorkflow.run,
            ClassificationStart(offset_days=offset_days),
            id=classification_id(),
            task_queue=PORTFOLIO_QUEUE,
            static_summary="the daily classification of the book",
        ),
        spec=_daily(CLASSIFICATION_HOUR),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(minutes=30)
        ),
    )


def _insurance(offset_days: int) -> Schedule:
    """Every day before office hours; a look that was missed is made up within the day."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            InsuranceWorkflow.run,
            InsuranceStart(offset_days=offset_days),
            id=insurance_id(),
            task_queue=PORTFOLIO_QUEUE,
            static_summary="the daily look at what insurers have to be told",
        ),
        spec=_daily(INSURANCE_HOUR),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(hours=24)
        ),
    )


def _confirmation(offset_days: int) -> Schedule:
    """Every day: the first run after a period's end asks for its accounts, a later one for the rest."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            ConfirmationWorkflow.run,
            ConfirmationStart(offset_days=offset_days),
            id=confirmation_id(),
            task_queue=PORTFOLIO_QUEUE,
            static_summary="ask customers to confirm their accounts",
        ),
        spec=_daily(CONFIRMATION_HOUR),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(hours=24)
        ),
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
        spec=_daily(MONITORING_HOUR),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(hours=24)
        ),
    )


def _repricing(offset_days: int) -> Schedule:
    """Every day; a run that was missed is made up within the day, and the next one finds the rest."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            RepricingWorkflow.run,
            RepricingStart(offset_days=offset_days),
            id=repricing_id(),
            task_queue=PORTFOLIO_QUEUE,
            static_summary="set the floating rates whose dates have come",
        ),
        spec=_daily(REPRICING_HOUR),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(hours=24)
        ),
    )


def _daily(hour: int) -> ScheduleSpec:
    """Once a day in the legal entity's zone, a few minutes after the hour at most."""
    return ScheduleSpec(
        calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(hour)])],
        time_zone_name=ZONE,
        jitter=timedelta(minutes=5),
    )


def _reservation_expiry(offset_days: int) -> Schedule:
    """Every few minutes: an expired reservation takes headroom until it is ended."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            ReservationExpiryWorkflow.run,
            ExpirySweep(at=_ANY_TIME, offset_days=offset_days),
            id=reservation_expiry_id(),
            task_queue=PORTFOLIO_QUEUE,
            static_summary="end the reservations whose time is over",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=EXPIRY_EVERY)]),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(minutes=10)
        ),
    )


def _recheck(offset_days: int) -> Schedule:
    """Every few minutes: what was asked and not answered, what has come near, and the net below the
    looks that have a cause."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            RecheckWorkflow.run,
            RecheckStart(offset_days=offset_days),
            id=recheck_id(),
            task_queue=CASES_QUEUE,
            static_summary="look again at the orders that wait",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=RECHECK_EVERY)]),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(minutes=10)
        ),
    )


def _changed(wanted: Schedule, known: ScheduleUpdateInput) -> ScheduleUpdate:
    """What is wanted, in the state that operators left the schedule in."""
    return ScheduleUpdate(schedule=replace(wanted, state=known.description.schedule.state))
