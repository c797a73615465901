"""Webhooks both ways: signatures after the Standard Webhooks specification, endpoints, deliveries.

What is told is `domain/event.py`. A secret is `whsec_` and base64; whoever has it can sign, so it
is shown once and kept sealed. The specification: https://www.standardwebhooks.com.
"""

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from domain.errors import (
    AddressRefused,
    EventKindUnknown,
    HookFromFuture,
    HookSignatureWrong,
    HookTooOld,
    HookUnsigned,
    PeriodReversed,
)
from domain.event import EVENTS, Subject
from domain.identity import Id
from domain.value import Value

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
# How far the clocks of sender and receiver may be apart, and how long a message is worth replaying.
TOLERANCE = timedelta(seconds=300)

_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
# The specification's: after the last of these every further attempt waits as long.
BACK_OFF = (5 * _SECOND, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR)
# An endpoint that took nothing for so long is paused; a message that it alone refused for so long is
# given up, and its subject goes on.
PATIENCE = timedelta(days=3)

SIGNATURE = "webhook-signature"
TIMESTAMP = "webhook-timestamp"
MESSAGE_ID = "webhook-id"


# ── signing ──────────────────────────────────────────────────────────────────────────────────────


def secret_of(chance: bytes) -> str:
    """The secret that these random bytes make."""
    return SECRET_PREFIX + base64.b64encode(chance).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over id, time and the bytes of the body."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def signed_headers(
    secrets: Iterable[str], message_id: str, at: datetime, body: bytes
) -> dict[str, str]:
    """The three headers of one attempt, signed with every secret that is valid."""
    timestamp = int(at.timestamp())
    found = (signature(secret, message_id, timestamp, body) for secret in secrets)
    return {MESSAGE_ID: message_id, TIMESTAMP: str(timestamp), SIGNATURE: " ".join(found)}


def refuse_unsigned(
    headers: Mapping[str, str], body: bytes, secrets: Iterable[str], now: datetime, source: str
) -> str:
    """The id of a message that is genuine and of now; header names are in lower case.

    Refuses `HookUnsigned` where a header is missing or unreadable, `HookTooOld`, `HookFromFuture`,
    and `HookSignatureWrong` where no valid secret signed exactly these bytes.
    """
    message_id, stamp = headers.get(MESSAGE_ID, ""), headers.get(TIMESTAMP, "")
    given = headers.get(SIGNATURE, "").split()
    for name, present in (
        (MESSAGE_ID, 0 < len(message_id) <= 200 and message_id.isascii()),
        (TIMESTAMP, stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12),
        (SIGNATURE, given),
    ):
        if not present:
            raise HookUnsigned(header=name)
    # Every pair is compared, so that how long it takes tells nothing.
    genuine = [
        hmac.compare_digest(signature(secret, message_id, int(stamp), body).encode(), one.encode())
        for secret in secrets
        for one in given[:20]
    ]
    if not any(genuine):
        raise HookSignatureWrong(source=source)
    seconds = int(now.timestamp()) - int(stamp)
    if seconds > TOLERANCE.total_seconds():
        raise HookTooOld(seconds=seconds, most=int(TOLERANCE.total_seconds()))
    if -seconds > TOLERANCE.total_seconds():
        raise HookFromFuture(seconds=-seconds, most=int(TOLERANCE.total_seconds()))
    return message_id


# ── where it may go ──────────────────────────────────────────────────────────────────────────────

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def reachable(address: Address, *, private: bool) -> bool:
    """Whether a delivery may connect to an address: a public one, or any that names one machine
    where private ones are allowed. An IPv4 address in the clothes of IPv6 counts as itself."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return reachable(inner, private=private)
        if address in _NAT64 or address.teredo is not None:
            return False
    if address.is_loopback:
        return private
    if address.is_multicast or address.is_unspecified or address.is_reserved:
        return False
    return address.is_global or (private and not address.is_link_local)


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _receivable(url: str) -> str:
    """An address of https, or of http on this machine; refuses `AddressRefused`."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if not host or parts.username is not None or parts.fragment or not url.isascii():
        raise AddressRefused(url=url, reason="it is no plain address")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise AddressRefused(url=url, reason="it is not https")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def refuse_private(url: str, *, private: bool) -> None:
    """Nothing, or `AddressRefused` where the host is written as an address that is not reached."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # What a name stands for is looked at when it is connected to, every time.
        if host == "localhost" and not private:
            raise AddressRefused(url=url, reason="it is a private address") from None
        return
    if not reachable(address, private=private):
        raise AddressRefused(url=url, reason="it is a private address")


# ── endpoints ────────────────────────────────────────────────────────────────────────────────────


def _known(kinds: tuple[str, ...]) -> tuple[str, ...]:
    for kind in kinds:
        if kind not in EVENTS:
            raise EventKindUnknown(kind=kind)
    return tuple(dict.fromkeys(kinds))


Url = Annotated[
    str,
    StringConstraints(min_length=8, max_length=500, pattern=r"^[\x21-\x7e]+$"),
    AfterValidator(_receivable),
]
Kinds = Annotated[tuple[str, ...], Field(max_length=50), AfterValidator(_known)]
Described = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class EndpointStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"  # what happens meanwhile is owed and waits
    DISABLED = "disabled"  # nothing is owed to it


class EndpointContent(Value):
    """Where events go, and which; all kinds where none is named."""

    url: Url
    description: Described = ""
    kinds: Kinds = ()


class Endpoint(EndpointContent):
    """A receiver of events as the register has it."""

    endpoint_id: Id
    status: EndpointStatus = EndpointStatus.ACTIVE
    status_reason: str = ""  # a code: `by_hand`, `gone`, `unanswered`
    failing_since: datetime | None = None  # the first failure since it last took anything
    secrets: int = 1  # how many sign at present
    version: int = 1
    recorded_by: Id
    recorded_at: datetime


class SecretShown(Value):
    """A secret just made, told once, and until when the one before it signs too."""

    owner_id: Id
    secret: str
    before_until: datetime | None = None


class EndpointMade(Value):
    endpoint: Endpoint
    secret: str


class EndpointChange(Value):
    """What an endpoint is put to: `active` after a repair, `paused`, `disabled`."""

    status: EndpointStatus


class RegisterChange(Value):
    """What somebody, or the system, did to an endpoint or a source; secrets are not in it."""

    change_no: int
    owner_kind: str
    owner_id: Id
    act: str
    content: dict[str, Any]
    person_id: Id
    recorded_at: datetime


class Rotation(Value):
    """A new secret; the one before it stays valid for so many hours."""

    hours: Annotated[int, Field(ge=0, le=24 * 14)] = 24


# ── deliveries ───────────────────────────────────────────────────────────────────────────────────


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Delivery(Value):
    """One event owed to one endpoint, and how far it has come."""

    delivery_no: int
    endpoint_id: Id
    event_id: Id
    kind: str
    subject: Subject
    sequence: int
    occurred_at: datetime
    status: DeliveryStatus
    attempts: int
    next_attempt_at: datetime
    first_failed_at: datetime | None = None
    answer_status: int | None = None  # of the last attempt that was answered
    last_error: str = ""
    delivered_at: datetime | None = None


class Attempt(Value):
    """One attempt: what was answered, by how much of it, and after how long."""

    attempt_no: int
    delivery_no: int
    attempted_at: datetime
    answer_status: int | None
    duration_ms: int
    error: str
    answer: str  # the first bytes


class DeliveryLog(Value):
    delivery: Delivery
    attempts: tuple[Attempt, ...]


class Redelivery(Value):
    """Owe again to an endpoint what happened in a range of time."""

    since: AwareDatetime
    until: AwareDatetime
    undelivered_only: bool = False  # leave out what it has taken

    @model_validator(mode="after")
    def _in_order(self) -> "Redelivery":
        if self.until < self.since:
            raise PeriodReversed(since=self.since.date(), until=self.until.date())
        return self


class Redelivered(Value):
    """How many events of the range are owed again."""

    endpoint_id: Id
    events: int


def wait_after(attempts: int) -> timedelta:
    """How long after so many failed attempts the next one comes."""
    return BACK_OFF[min(max(attempts, 1), len(BACK_OFF)) - 1]


# ── what comes in ────────────────────────────────────────────────────────────────────────────────


class SourceStatus(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


class SourceContent(Value):
    """A program that sends us hooks, and the service account it acts as."""

    source_id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
    person_id: Id
    description: Described = ""


class Source(SourceContent):
    status: SourceStatus = SourceStatus.ACTIVE
    secrets: int = 1
    recorded_by: Id
    recorded_at: datetime


class SourceMade(Value):
    source: Source
    secret: str


class SourceChange(Value):
    status: SourceStatus
