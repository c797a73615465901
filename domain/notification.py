"""What is owed to others: notices to people, starts and messages to Temporal, events to programs.

An entry is written in the transaction that makes it due and delivered later, at least once, by
`workflows/outbox.py`. Here are the words: channels, kinds of notice and the facts each needs.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.identity import Id, Language
from domain.value import Value


class Channel(StrEnum):
    """Which way an entry goes; each has an outbox workflow of its own."""

    MAIL = "mail"
    TEMPORAL = "temporal"  # starts and messages owed to workflows
    WEBHOOK = "webhook"


class Notice(StrEnum):
    """What a mail is about; each kind is a template in both languages."""

    TASK_OPENED = "task_opened"
    TASK_REMINDER = "task_reminder"
    TASK_ESCALATED = "task_escalated"
    TASK_URGED = "task_urged"
    OPINION_ASKED = "opinion_asked"
    OPINION_GIVEN = "opinion_given"
    CASE_COPIED = "case_copied"
    MEETING_CONVENED = "meeting_convened"
    AUTHORITY_MISSING = "authority_missing"
    CERTIFICATE_LAPSING = "certificate_lapsing"
    TASK_REASSIGNED = "task_reassigned"
    TASK_UNANSWERED = "task_unanswered"
    APPLICATION_INCOMPLETE = "application_incomplete"
    APPLICATION_RETURNED = "application_returned"
    INVESTIGATION_ASSIGNED = "investigation_assigned"
    DECISION_APPROVED = "decision_approved"
    DECISION_DECLINED = "decision_declined"
    OFFER_MADE = "offer_made"
    OFFER_ANSWERED = "offer_answered"
    CONTRACT_TO_SIGN = "contract_to_sign"
    CONTRACT_SIGNED = "contract_signed"
    CONTRACT_EXPIRED = "contract_expired"
    LINE_ACTIVATED = "line_activated"
    LINE_CHANGED = "line_changed"
    LINE_REPRICED = "line_repriced"
    LINE_FROZEN = "line_frozen"
    LINE_UNFROZEN = "line_unfrozen"
    LINE_TERMINATED = "line_terminated"
    WARNING_RAISED = "warning_raised"
    REMINDER_LETTER_1 = "reminder_letter_1"
    REMINDER_LETTER_2 = "reminder_letter_2"
    REMINDER_LETTER_3 = "reminder_letter_3"
    INSURANCE_DUE = "insurance_due"
    INSURANCE_MISSED = "insurance_missed"
    CONFIRMATION_ASKED = "confirmation_asked"
    CONFIRMATION_DIFFERS = "confirmation_differs"
    EXCESS_FOUND = "excess_found"
    EXCESS_LATE = "excess_late"
    REVIEW_DUE = "review_due"
    LAPSED = "lapsed"
    RECOVERED = "recovered"
    WEBHOOK_STOPPED = "webhook_stopped"


# What the templates of a kind show. Codes are comma separated and become sentences in the
# template; an entry that lacks one of these is not delivered and says which.
NOTICE_FACTS: Mapping[Notice, tuple[str, ...]] = {
    Notice.TASK_OPENED: ("task_id", "case_id", "due_at"),
    Notice.TASK_REMINDER: ("task_id", "case_id", "due_at"),
    Notice.TASK_ESCALATED: ("task_id", "case_id", "due_at"),
    Notice.TASK_URGED: ("task_id", "case_id", "due_at"),
    Notice.OPINION_ASKED: ("task_id", "case_id", "note"),
    Notice.OPINION_GIVEN: ("task_id", "case_id", "note"),
    Notice.CASE_COPIED: ("task_id", "case_id", "note"),
    Notice.MEETING_CONVENED: ("meeting_no", "body", "held_at", "place", "agenda_until"),
    Notice.AUTHORITY_MISSING: ("task_id", "case_id", "position"),
    Notice.CERTIFICATE_LAPSING: ("certificate_no", "code", "valid_until", "days"),
    Notice.TASK_REASSIGNED: ("task_id", "case_id", "due_at"),
    Notice.TASK_UNANSWERED: ("task_id", "case_id", "due_at", "position"),
    Notice.APPLICATION_INCOMPLETE: ("case_id", "missing"),
    Notice.APPLICATION_RETURNED: ("case_id", "note"),
    Notice.INVESTIGATION_ASSIGNED: ("case_id", "lead", "second"),
    Notice.DECISION_APPROVED: ("case_id", "letter_no", "limit", "valid_until"),
    Notice.DECISION_DECLINED: ("case_id", "letter_no", "reason_codes"),
    Notice.OFFER_MADE: ("letter_no", "link", "expires_at"),
    Notice.OFFER_ANSWERED: ("case_id", "letter_no", "answer"),
    Notice.CONTRACT_TO_SIGN: ("agreement_no", "link", "expires_at"),
    Notice.CONTRACT_SIGNED: ("agreement_no", "document_hash"),
    Notice.CONTRACT_EXPIRED: ("case_id", "agreement_no"),
    Notice.LINE_ACTIVATED: ("line_id", "limit", "ends_on"),
    Notice.LINE_CHANGED: ("line_id", "letter_no"),
    Notice.LINE_REPRICED: (
        "line_id",
        "from_on",
        "rate",
        "benchmark",
        "fixing",
        "fixed_on",
        "spread_bp",
    ),
    Notice.LINE_FROZEN: ("line_id", "reason_codes"),
    Notice.LINE_UNFROZEN: ("line_id",),
    Notice.LINE_TERMINATED: ("line_id",),
    Notice.WARNING_RAISED: ("customer_id", "level", "rule", "value", "threshold"),
    Notice.REMINDER_LETTER_1: ("overdue", "days_past_due", "as_of"),
    Notice.REMINDER_LETTER_2: ("overdue", "days_past_due", "as_of"),
    Notice.REMINDER_LETTER_3: ("overdue", "days_past_due", "as_of"),
    Notice.INSURANCE_DUE: ("customer_id", "policy_no", "shipment_no", "deadline", "due_on"),
    Notice.INSURANCE_MISSED: ("customer_id", "policy_no", "shipment_no", "deadline", "due_on"),
    Notice.CONFIRMATION_ASKED: ("as_of", "total", "documents", "link", "answer_by"),
    Notice.CONFIRMATION_DIFFERS: ("customer_id", "as_of", "documents", "due_on"),
    Notice.EXCESS_FOUND: ("account", "over", "repay", "due_on", "ends_on", "excess_id"),
    Notice.EXCESS_LATE: ("account", "over", "repay", "due_on", "ends_on", "excess_id"),
    Notice.REVIEW_DUE: ("line_id", "due_on"),
    Notice.LAPSED: ("case_id", "reason"),
    Notice.RECOVERED: ("case_id", "reason"),
    Notice.WEBHOOK_STOPPED: ("endpoint_id", "reason_codes", "since_at"),
}

MASK = "•••"
_CONFIDENTIAL = re.compile(r"(^|_)(link|token)$")


class DeliveryState(StrEnum):
    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"  # given up; a person may send it again


class OutboxEntry(Value):
    """One thing owed. `recipient` is `person:<id>`, `customer:<id>` or a workflow id."""

    entry_no: int
    channel: Channel
    key: str
    recipient: str
    kind: str
    facts: dict[str, str]
    case_id: Id | None = None
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    next_attempt_at: datetime
    last_error: str = ""
    sent_at: datetime | None = None
    recorded_at: datetime

    @property
    def masked(self) -> "OutboxEntry":
        """The entry as lists may show it: one-time links and tokens hidden."""
        return self.model_copy(update={"facts": masked(self.facts)})


def masked(facts: Mapping[str, str]) -> dict[str, str]:
    """Facts without what lets its holder act: every `link` and `token`."""
    return {name: MASK if _CONFIDENTIAL.search(name) else fact for name, fact in facts.items()}


def seconds_to_wait(attempts: int) -> int:
    """How long after a failed attempt the next one comes: 1, 2, 4 … seconds, at most 300."""
    return min(2 ** max(attempts - 1, 0), 300) if attempts < 10 else 300


class OutboxTurn(Value):
    """One turn of delivering a channel; afterwards the workflow begins another."""

    channel: Channel
    seconds_max: int = 1800


class OutboxTally(Value):
    """What came of one turn; counts only, so that no fact of a notice reaches a history."""

    sent: int = 0
    failed: int = 0


class Addressee(Value):
    """Where a notice goes and in which language; never kept."""

    mail: str
    language: Language


class MessageKind(StrEnum):
    START = "start"
    RESTART = "restart"  # a further run of what has ended
    SIGNAL = "signal"
    UPDATE = "update"


class WorkflowMessage(Value):
    """What an entry of the `temporal` channel asks of Temporal.

    `name` is the workflow's type for a start, and the message's name otherwise; `payload` is the
    single argument as JSON, None where the message takes none.
    """

    kind: MessageKind
    workflow_id: str
    name: str
    payload: dict[str, Any] | None = None
    queue: str = ""
    key: str = ""  # of a restart: the entry it is owed by
