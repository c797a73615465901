"""The worker process: puts steps and orders together and registers them; no `if` about credit."""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from temporalio import activity
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import (
    PollerBehaviorSimpleMaximum,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerDeploymentConfig,
    WorkflowRunner,
)

from activities.application import ApplicationActivities
from activities.approval import ApprovalActivities, AuditActivities
from activities.classification import ClassificationActivities
from activities.collection import CollectionActivities
from activities.confirmation import ConfirmationActivities
from activities.contract import ContractActivities
from activities.documents.sealing import Sealing
from activities.failing import Failing
from activities.insurance import InsuranceActivities
from activities.line import LineActivities
from activities.meeting import MeetingActivities
from activities.notification import (
    MailDelivery,
    MailTemplates,
    NotificationActivities,
    Smtp,
    TemporalDelivery,
    WebhookDelivery,
)
from activities.offer import OfferActivities
from activities.order import OrderActivities
from activities.refusals import Refusals
from activities.repricing import RepricingActivities
from activities.rerating import ReratingActivities
from activities.review import ReviewActivities
from activities.warning import WarningActivities
from domain.contract import Grantor
from domain.identity import Language
from domain.notification import Channel
from settings import Settings, read_settings
from storage.base import Records
from storage.exposure import Exposure
from workflows.application import CreditApplicationWorkflow
from workflows.approval import ApprovalWorkflow
from workflows.classification import ClassificationWorkflow
from workflows.codec import Codec, data_converter
from workflows.collection import CollectionWorkflow
from workflows.confirmation import ConfirmationWorkflow
from workflows.connection import connect
from workflows.contract import ContractSigningWorkflow
from workflows.insurance import InsuranceWorkflow
from workflows.line import CreditLineWorkflow, ReservationExpiryWorkflow
from workflows.minutes import MinutesWorkflow
from workflows.names import CASES_QUEUE, DEPLOYMENT, PORTFOLIO_QUEUE
from workflows.order import RecheckWorkflow
from workflows.outbox import OutboxWorkflow
from workflows.owed import owed_message
from workflows.repricing import RepricingWorkflow
from workflows.rerating import ReratingWorkflow
from workflows.review import ReviewWorkflow
from workflows.warning import MonitoringWorkflow

_TEMPLATES = Path(__file__).parent / "templates"

CASE_WORKFLOWS: Sequence[type] = (
    CreditApplicationWorkflow,
    ApprovalWorkflow,
    ContractSigningWorkflow,
    MinutesWorkflow,
    CreditLineWorkflow,
    ReviewWorkflow,
    CollectionWorkflow,
    OutboxWorkflow,
    RecheckWorkflow,
)
PORTFOLIO_WORKFLOWS: Sequence[type] = (
    ClassificationWorkflow,
    InsuranceWorkflow,
    ConfirmationWorkflow,
    MonitoringWorkflow,
    RepricingWorkflow,
    ReratingWorkflow,
    ReservationExpiryWorkflow,
)


def steps_of(*implementations: object) -> list[Callable[..., Any]]:
    """The activities that these objects implement."""
    return [
        step
        for implementation in implementations
        for name in dir(implementation)
        if callable(step := getattr(implementation, name))
        and activity._Definition.from_callable(step) is not None
    ]


async def run(settings: Settings) -> None:
    """Work until told to stop; what is under way is finished first."""
    records = Records(
        settings.database_url.get_secret_value(),
        connections_max=settings.worker_threads + 5,
        policy=settings.policy,
    )
    codec = Codec(settings.codec_key_bytes, settings.codec_keys_retired_bytes)
    client = await connect(data_converter(codec), identity="creditflow-worker")
    stopped = asyncio.Event()
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_, stopped.set)
    async with working(settings, records, client):
        await stopped.wait()
    records.close()


@asynccontextmanager
async def working(
    settings: Settings,
    records: Records,
    client: Client,
    runner: WorkflowRunner | None = None,
    case_workflows: Sequence[type] = CASE_WORKFLOWS,
) -> AsyncIterator[None]:
    """Workers on both queues for as long as the block runs.

    Workflows run without the sandbox, which takes a third of a worker's time; every test and
    every replay runs them inside it.
    """
    with ThreadPoolExecutor(settings.worker_threads, "step") as threads:
        sealing, exposure = _sealing(settings), Exposure(records)
        steps = steps_of(
            ApplicationActivities(records),
            ApprovalActivities(records, exposure),
            AuditActivities(records),
            OfferActivities(records, settings.public_url),
            ContractActivities(records, sealing, settings.public_url),
            MeetingActivities(records, sealing),
            LineActivities(records, exposure),
            OrderActivities(records, exposure),
            ClassificationActivities(records),
            CollectionActivities(records),
            ReviewActivities(records),
            InsuranceActivities(records),
            ConfirmationActivities(records, settings.public_url),
            RepricingActivities(records),
            ReratingActivities(records),
            WarningActivities(records),
            _notification(settings, records, client),
        )
        work = _Work(
            client, records, steps, threads, runner or UnsandboxedWorkflowRunner(), settings.release
        )
        cases = work.on(CASES_QUEUE, case_workflows)
        portfolio = work.on(PORTFOLIO_QUEUE, PORTFOLIO_WORKFLOWS)
        async with cases, portfolio:
            yield


class _Work(NamedTuple):
    """What the workers of both queues share."""

    client: Client
    records: Records
    steps: Sequence[Callable[..., Any]]
    threads: ThreadPoolExecutor
    runner: WorkflowRunner
    release: str

    def on(self, queue: str, workflows: Sequence[type]) -> Worker:
        return Worker(
            self.client,
            task_queue=queue,
            workflows=workflows,
            activities=self.steps,
            activity_executor=self.threads,
            workflow_runner=self.runner,
            interceptors=[Refusals(), Failing(self.records)],
            max_concurrent_activities=self.threads._max_workers,
            # Fewer pollers leave fifty cases in flight waiting for seconds now and then.
            workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(20),
            activity_task_poller_behavior=PollerBehaviorSimpleMaximum(20),
            # A worker that died holds its cases for this long.
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
            graceful_shutdown_timeout=timedelta(seconds=10),
            deployment_config=self._deployment(),
        )

    def _deployment(self) -> WorkerDeploymentConfig | None:
        """A named release gets no work until it is made the current one; then every case under way
        goes on under it, on the strength of the histories that were replayed."""
        if not self.release:
            return None
        return WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(deployment_name=DEPLOYMENT, build_id=self.release),
            use_worker_versioning=True,
            default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
        )


def _sealing(settings: Settings) -> Sealing:
    grantor = Grantor(
        name=settings.grantor_name_en,
        name_zh=settings.grantor_name,
        demonstration=settings.seal_dir is None,
    )
    folder = settings.seal_dir or settings.data_dir / "seals"
    return Sealing.open(folder, grantor, datetime.now(UTC))


def _notification(settings: Settings, records: Records, client: Client) -> NotificationActivities:
    templates = MailTemplates(
        _TEMPLATES / "notification",
        public_url=settings.public_url,
        grantors={Language.EN: settings.grantor_name_en, Language.ZH: settings.grantor_name},
    )
    smtp = Smtp(
        host=settings.smtp_host,
        port=settings.smtp_port,
        user=settings.smtp_user,
        password=settings.smtp_password.get_secret_value(),
        security=settings.smtp_security,
        sender=settings.mail_from,
    )
    codec = Codec(settings.codec_key_bytes, settings.codec_keys_retired_bytes)
    return NotificationActivities(
        records,
        {
            Channel.MAIL: MailDelivery(records, templates, smtp),
            Channel.TEMPORAL: TemporalDelivery(client, asyncio.get_running_loop(), owed_message),
        },
        webhooks=WebhookDelivery(records, codec.opened, private=settings.webhook_private_addresses),
    )


def main() -> None:
    settings = read_settings()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    asyncio.run(run(settings))


if __name__ == "__main__":
    main()
