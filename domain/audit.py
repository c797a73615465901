"""What is kept about attempts: the refusal of a message, and who tried."""

from datetime import datetime

from domain.identity import Id
from domain.value import Value


class RefusedMessage(Value):
    """A message that had no effect but this record."""

    message_key: str  # unique per message, so that a retry records it once
    channel: str  # api, cli, console, signal
    subject: str  # workflow id or task
    action: str
    person_id: Id | None
    code: str
    detail: str
    case_id: Id | None = None
    body_hash: str = ""  # sha256 of what was sent, where it was


class RefusedRecord(RefusedMessage):
    """A refusal on record."""

    refusal_no: int
    recorded_at: datetime


class AuditEvent(Value):
    """One thing that happened to a case, under its number in the order of all of them."""

    event_no: int
    case_id: Id
    kind: str
    person_id: str
    facts: dict[str, str]
    occurred_at: datetime


class Altered(Value):
    """Something on record that is not what was written."""

    kind: str  # file, receipt, edition or balance
    id: str
    detail: str = ""


class AuditProof(Value):
    """What trying everything against its hash showed; `altered` empty means it holds."""

    files: int
    receipts: int
    editions: int
    entries: int
    altered: tuple[Altered, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.altered
