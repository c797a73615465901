"""Collection (催收): the case on a customer in arrears, its letters, promises and end."""

from datetime import date, datetime
from enum import StrEnum

from pydantic import Field

from domain.identity import Id
from domain.money import Money
from domain.value import Value


class CollectionStatus(StrEnum):
    OPEN = "open"
    PAID = "paid"  # nothing is overdue any more
    CLOSED = "closed"  # by a collector, with a reason


class CollectionEventKind(StrEnum):
    """What can happen to a collection case; events are only ever added."""

    OPENED = "opened"
    LETTER_SENT = "letter_sent"
    PROMISED = "promised"
    PROMISE_KEPT = "promise_kept"
    PROMISE_BROKEN = "promise_broken"
    PAID = "paid"
    CLOSED = "closed"


class Arrears(Value):
    """What a customer is late with on a day."""

    as_of: date
    overdue: Money
    days_past_due: int


class CollectionCase(Value):
    """One stretch of arrears of one customer, from the signal to the payment."""

    collection_id: Id
    customer_id: Id
    owner: Id
    status: CollectionStatus = CollectionStatus.OPEN
    opened_on: date
    arrears: Arrears  # as last looked at
    steps_done: tuple[str, ...] = ()  # codes of the letters sent or passed over
    promised_on: date | None = None  # the promise that is pending
    closed_on: date | None = None
    close_reason: str = ""


class CollectionEvent(Value):
    """One thing that happened to a collection case."""

    collection_id: Id
    kind: CollectionEventKind
    business_on: date
    facts: dict[str, str] = {}
    person_id: Id = "system"
    occurred_at: datetime


class CollectionStart(Value):
    """What a collection's workflow is started with."""

    collection_id: Id
    offset_days: int = 0


class CollectionLook(Value):
    """Look at the arrears now and do what is due."""

    collection_id: Id
    at: datetime
    offset_days: int = 0


class CollectionAction(Value):
    """A collector's message to a case, as its handler parsed it."""

    collection_id: Id
    action: str  # promise, close
    person_id: Id
    message_id: Id
    token: str = Field(min_length=1, max_length=200, repr=False)
    promised_on: date | None = None
    reason: str = Field(default="", max_length=2000)
    at: datetime
    offset_days: int = 0

    @property
    def said(self) -> dict[str, str]:
        """What the message says, whenever and by whichever token: a repeat says the same."""
        promised = {"promised_on": self.promised_on.isoformat()} if self.promised_on else {}
        return {"action": self.action, "reason": self.reason, **promised}


class CollectionProgress(Value):
    """Where a collection stands; all that its workflow branches on."""

    collection_id: Id
    status: CollectionStatus
    overdue: Money
    days_past_due: int
    look_again_at: datetime | None = None
    promised_on: date | None = None
    replayed: bool = False


class CollectionResult(Value):
    """How a collection ended; the result of its workflow."""

    collection_id: Id
    status: CollectionStatus
