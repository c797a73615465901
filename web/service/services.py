"""Every service of one installation, made in one place for API and console alike."""

from dataclasses import dataclass
from pathlib import Path

from web.service.application import ApplicationService
from web.service.approval import ApprovalService
from web.service.audit import AuditService
from web.service.clock import Clock
from web.service.gateway import Gateway
from web.service.identity import IdentityService
from web.service.notification import NotificationService
from web.service.once import JoinedRecords
from web.service.operations import OperationsService
from workflows.codec import Codec


@dataclass(frozen=True)
class Services:
    """What a route may ask."""

    records: JoinedRecords
    gateway: Gateway
    clock: Clock
    identity: IdentityService
    audit: AuditService
    applications: ApplicationService
    approvals: ApprovalService
    notifications: NotificationService
    operations: OperationsService


def build_services(
    records: JoinedRecords,
    gateway: Gateway,
    clock: Clock,
    codec: Codec,
    *,
    session_hours: int = 12,
    mail_dir: Path | None = None,
) -> Services:
    """The services over one memory, one way to Temporal and one clock."""
    return Services(
        records=records,
        gateway=gateway,
        clock=clock,
        identity=IdentityService(records, clock, session_hours=session_hours),
        audit=AuditService(records),
        applications=ApplicationService(records, gateway, clock),
        approvals=ApprovalService(records, gateway, clock),
        notifications=NotificationService(records, mail_dir=mail_dir),
        operations=OperationsService(codec),
    )
