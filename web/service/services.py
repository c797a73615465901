"""Every service of one installation, made in one place for API and console alike."""

from dataclasses import dataclass

from web.service.audit import AuditService
from web.service.clock import Clock
from web.service.gateway import Gateway
from web.service.identity import IdentityService
from web.service.once import JoinedRecords


@dataclass(frozen=True)
class Services:
    """What a route may ask."""

    records: JoinedRecords
    gateway: Gateway
    clock: Clock
    identity: IdentityService
    audit: AuditService


def build_services(
    records: JoinedRecords,
    gateway: Gateway,
    clock: Clock,
    *,
    session_hours: int = 12,
) -> Services:
    """The services over one memory, one way to Temporal and one clock."""
    return Services(
        records=records,
        gateway=gateway,
        clock=clock,
        identity=IdentityService(records, clock, session_hours=session_hours),
        audit=AuditService(records),
    )
