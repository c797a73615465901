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
