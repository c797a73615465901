"""What other programs are told: every kind of event with its schema, by the subject it is about.

Events carry ids, figures and codes, never a name. They are kept in one order per subject
(`storage/event.py`) and owed to whoever asked for them (`domain/webhook.py`). A kind is added here;
a field of a kind is only ever added, with a default.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, ClassVar

from domain.application import ApplicationType, CaseStatus
from domain.excess import ExcessCause
from domain.hold import HoldOn, HoldStatus
from domain.identity import Id
from domain.line import LineStatus
from domain.money import Money
from domain.value import Value
from domain.warning import WarningLevel


class SubjectKind(StrEnum):
    """What an event may be about; its events have one order of their own."""

    CASE = "case"
    LINE = "line"
    CUSTOMER = "customer"
    ENDPOINT = "endpoint"


class Subject(Value):
    kind: SubjectKind
    id: Id

    def __str__(self) -> str:
        return f"{self.kind}/{self.id}"


class Event(Value):
    """What every kind of event is: its name, and the field that names its subject."""

    kind: ClassVar[str]
    about: ClassVar[SubjectKind]

    @property
    def subject(self) -> Subject:
        return Subject(kind=self.about, id=getattr(self, f"{self.about}_id"))


class CaseEvent(Event):
    about: ClassVar = SubjectKind.CASE
    case_id: Id


class LineEvent(Event):
    about: ClassVar = SubjectKind.LINE
    line_id: Id
    customer_id: Id


class ApplicationStatusChanged(CaseEvent):
    """An application was received, or stands elsewhere than before."""

    kind: ClassVar = "application.status_changed"
    customer_id: Id
    application_type: ApplicationType
    limit_requested: Money
    status: CaseStatus
    status_before: CaseStatus | None = None  # None: it has just been received
    reason_codes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    letter_no: str | None = None
    line_id: Id | None = None


class DecisionRecorded(CaseEvent):
    """One word on one task of an approval; what came of the approval is the case's status."""

    kind: ClassVar = "decision.recorded"
    approval_id: str
    task_id: str
    decision_id: str
    position: str
    verdict: str
    limit: Money | None = None


class LineActivated(LineEvent):
    """A first letter was put in force: there is a line."""

    kind: ClassVar = "line.activated"
    case_id: Id
    letter_no: str
    limit: Money
    starts_on: date
    ends_on: date


class LineLimitChanged(LineEvent):
    """The limit that counts is another: by a letter, or as a temporary one ended."""

    kind: ClassVar = "line.limit_changed"
    letter_no: str
    limit_before: Money
    limit: Money
    temporary_until: date | None = None


class LineChanged(LineEvent):
    """A letter was put in force that changes terms or dates and not the limit."""

    kind: ClassVar = "line.changed"
    letter_no: str
    limit: Money
    ends_on: date


class LineFrozen(LineEvent):
    """A line, or one product of it, was frozen for a reason; it may have been for others before."""

    kind: ClassVar = "line.frozen"
    reason: str
    status: LineStatus
    product: str | None = None


class LineUnfrozen(LineEvent):
    """A freeze was lifted, of one reason or (empty) of all; `status` says if others hold."""

    kind: ClassVar = "line.unfrozen"
    reason: str
    status: LineStatus
    product: str | None = None


class LineTerminated(LineEvent):
    """A line was ended by decision; what is owed on it is still taken back."""

    kind: ClassVar = "line.terminated"


class LineExpired(LineEvent):
    """A line's last day is over."""

    kind: ClassVar = "line.expired"


class ReviewDue(LineEvent):
    """A review of a line was opened."""

    kind: ClassVar = "review.due"
    review_id: str
    cause: str
    due_on: date


class WarningOpened(Event):
    """A signal of the monitoring fired on a customer."""

    kind: ClassVar = "warning.opened"
    about: ClassVar = SubjectKind.CUSTOMER
    customer_id: Id
    warning_id: Id
    rule: str
    level: WarningLevel
    freezes: bool
    raised_on: date


class HoldEvent(Event):
    """Of a hold on an order, a line or a customer."""

    about: ClassVar = SubjectKind.CUSTOMER
    customer_id: Id
    hold_id: Id
    holds: HoldOn
    order_id: Id | None = None
    line_id: Id | None = None


class HoldOpened(HoldEvent):
    """An order, a line or a customer stands still; rules that failed, none where somebody set it."""

    kind: ClassVar = "hold.opened"
    rules: tuple[str, ...]
    manual: bool
    reason_code: str
    review_on: date


class HoldEnded(HoldEvent):
    """What was held goes on (released, cured), or goes no further (rejected, cancelled)."""

    kind: ClassVar = "hold.ended"
    status: HoldStatus
    letter_no: str | None = None
    ended_on: date


class ExcessEvent(Event):
    about: ClassVar = SubjectKind.CUSTOMER
    customer_id: Id
    excess_id: Id
    account: str
    cause: ExcessCause
    over: Money
    due_on: date | None = None


class ExcessFound(ExcessEvent):
    """More is taken than a limit that fell allows: it is on a plan and on hold, or on other steps."""

    kind: ClassVar = "excess.found"


class ExcessLate(ExcessEvent):
    """More stands above a limit than a step of the plan allows whose day is over."""

    kind: ClassVar = "excess.late"


class ExcessSettled(ExcessEvent):
    """Nothing stands above the limit any more: the plan and its hold are gone."""

    kind: ClassVar = "excess.settled"


class WebhookTest(Event):
    """Sent to one endpoint because somebody asked for it; says nothing else."""

    kind: ClassVar = "webhook.test"
    about: ClassVar = SubjectKind.ENDPOINT
    endpoint_id: Id


EVENTS: Mapping[str, type[Event]] = {
    each.kind: each
    for each in (
        ApplicationStatusChanged,
        DecisionRecorded,
        LineActivated,
        LineLimitChanged,
        LineChanged,
        LineFrozen,
        LineUnfrozen,
        LineTerminated,
        LineExpired,
        ReviewDue,
        WarningOpened,
        HoldOpened,
        HoldEnded,
        ExcessFound,
        ExcessLate,
        ExcessSettled,
        WebhookTest,
    )
}


class KeptEvent(Value):
    """An event on record: its place in the order of its subject, and its content as it was kept."""

    event_no: int
    event_id: Id
    kind: str
    subject: Subject
    sequence: int
    occurred_at: datetime
    data: str  # canonical JSON

    @property
    def body(self) -> bytes:
        """What receivers get: the same bytes on every attempt, whatever the release."""
        at = self.occurred_at.astimezone(UTC).isoformat(timespec="microseconds")
        head = (
            f'"type":"{self.kind}","timestamp":"{at}",'
            f'"subject":{{"kind":"{self.subject.kind}","id":"{self.subject.id}"}},'
            f'"sequence":{self.sequence}'
        )
        return f'{{{head},"data":{self.data}}}'.encode()


class EventSchema(Value):
    """One kind of event as its receivers may hold it against: a JSON Schema of `data`."""

    type: str
    subject: SubjectKind
    about: str
    data_schema: dict[str, Any]


def schemas() -> tuple[EventSchema, ...]:
    return tuple(
        EventSchema(
            type=kind,
            subject=event.about,
            about=" ".join((event.__doc__ or "").split()),
            data_schema=event.model_json_schema(mode="serialization"),
        )
        for kind, event in EVENTS.items()
    )
