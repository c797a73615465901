"""What an entry of the `temporal` channel means: which workflow it starts, or what it tells one.

Entries are posted by activities, which know no workflow; their facts become ids, names and inputs
here. A message to a line in the system's name is known by the key it is owed under.
"""

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from domain.application import CaseStart
from domain.approval import ApprovalRequest, MinutesOrder
from domain.classification import ClassificationStart
from domain.collection import CollectionStart
from domain.identity import SYSTEM
from domain.line import LineStart
from domain.notification import MessageKind, OutboxEntry, WorkflowMessage
from domain.order import RecheckStart
from domain.rerating import ReratingStart
from domain.review import ReviewCause, ReviewStart
from domain.value import Value
from domain.warning import MonitoringStart
from workflows.names import (
    CASES_QUEUE,
    PORTFOLIO_QUEUE,
    application_id,
    approval_id,
    classification_id,
    collection_id,
    line_id,
    minutes_id,
    monitoring_id,
    recheck_id,
    rerating_id,
    review_id,
)


def owed_message(entry: OutboxEntry) -> WorkflowMessage:
    """The start or message an entry stands for; `KeyError` for a kind that nobody posts."""
    return _MEANINGS[entry.kind](entry)


# ── starts ───────────────────────────────────────────────────────────────────────────────────────


def _start_application(entry: OutboxEntry) -> WorkflowMessage:
    start = CaseStart(case_id=entry.facts["case_id"], offset_days=_offset_of(entry))
    return _start("CreditApplicationWorkflow", application_id(start.case_id), start)


def _restart_application(entry: OutboxEntry) -> WorkflowMessage:
    again = {"kind": MessageKind.RESTART, "key": entry.key}
    return _start_application(entry).model_copy(update=again)


def _start_line(entry: OutboxEntry) -> WorkflowMessage:
    start = LineStart(line_id=entry.facts["line_id"], offset_days=_offset_of(entry))
    return _start("CreditLineWorkflow", line_id(start.line_id), start)


def _start_review(entry: OutboxEntry) -> WorkflowMessage:
    start = ReviewStart(
        line_id=entry.facts["line_id"], n=int(entry.facts["n"]), offset_days=_offset_of(entry)
    )
    return _start("ReviewWorkflow", review_id(start.line_id, start.n), start)


def _start_collection(entry: OutboxEntry) -> WorkflowMessage:
    start = CollectionStart(
        collection_id=entry.facts["collection_id"], offset_days=_offset_of(entry)
    )
    return _start("CollectionWorkflow", collection_id(start.collection_id), start)


def _start_monitoring(entry: OutboxEntry) -> WorkflowMessage:
    start = MonitoringStart(
        run_id=entry.facts["run_id"],
        offset_days=_offset_of(entry),
        customer_ids=tuple(filter(None, entry.facts["customer_ids"].split(","))),
        watched_only=not entry.facts["customer_ids"],
    )
    run_id = monitoring_id(entry.facts["run_id"])
    return _start("MonitoringWorkflow", run_id, start, PORTFOLIO_QUEUE)


def _start_recheck(entry: OutboxEntry) -> WorkflowMessage:
    start = RecheckStart(
        run_id=entry.facts["run_id"],
        customer_id=entry.facts["customer_id"],
        cause=entry.facts["cause"],
        offset_days=_offset_of(entry),
    )
    return _start("RecheckWorkflow", recheck_id(start.run_id), start)


def _start_classification(entry: OutboxEntry) -> WorkflowMessage:
    start = ClassificationStart(
        run_id=entry.facts["run_id"],
        as_of=date.fromisoformat(entry.facts["as_of"]),
        person_id=entry.facts["person_id"],
        customer_ids=tuple(entry.facts["customer_ids"].split(",")),
        offset_days=_offset_of(entry),
    )
    run_id = classification_id(entry.facts["run_id"])
    return _start("ClassificationWorkflow", run_id, start, PORTFOLIO_QUEUE)


def _start_rerating(entry: OutboxEntry) -> WorkflowMessage:
    start = ReratingStart(
        run_id=entry.facts["run_id"],
        person_id=entry.facts["person_id"],
        industries=tuple(entry.facts["industries"].split(",")),
        offset_days=_offset_of(entry),
    )
    return _start("ReratingWorkflow", rerating_id(start.run_id, "preview"), start, PORTFOLIO_QUEUE)


def _start_approval(entry: OutboxEntry) -> WorkflowMessage:
    request = ApprovalRequest.model_validate_json(entry.facts["request"])
    approval = approval_id(request.subject_id, request.n)
    return _start("ApprovalWorkflow", approval, request)


def _start_minutes(entry: OutboxEntry) -> WorkflowMessage:
    order = MinutesOrder(meeting_no=entry.facts["meeting_no"])
    return _start("MinutesWorkflow", minutes_id(order.meeting_no), order)


def _start(
    workflow: str, workflow_id: str, start: Value, queue: str = CASES_QUEUE
) -> WorkflowMessage:
    return WorkflowMessage(
        kind=MessageKind.START,
        workflow_id=workflow_id,
        name=workflow,
        payload=start.model_dump(mode="json"),
        queue=queue,
    )


def _offset_of(entry: OutboxEntry) -> int:
    return int(entry.facts.get("offset_days", "0"))


# ── messages ─────────────────────────────────────────────────────────────────────────────────────


def _line_changed(entry: OutboxEntry) -> WorkflowMessage:
    return _signal(line_id(entry.facts["line_id"]), "changed")


def _line_review(entry: OutboxEntry) -> WorkflowMessage:
    cause = {"cause": ReviewCause.REQUEST.value}
    return _signal(line_id(entry.facts["line_id"]), "review_due", cause)


def _review_stop(entry: OutboxEntry) -> WorkflowMessage:
    return _signal(review_id(entry.facts["line_id"], int(entry.facts["n"])), "stop")


def _collection_recheck(entry: OutboxEntry) -> WorkflowMessage:
    return _signal(collection_id(entry.facts["collection_id"]), "recheck")


def _application_reassess(entry: OutboxEntry) -> WorkflowMessage:
    return _signal(application_id(entry.facts["case_id"]), "reassess")


def _approval_stop(entry: OutboxEntry) -> WorkflowMessage:
    return _signal(approval_id(entry.facts["subject_id"], int(entry.facts["n"])), "stop")


def _any_signal(entry: OutboxEntry) -> WorkflowMessage:
    """`workflow_id` and `name`; `payload` is the argument as JSON text, left out where none is."""
    payload = json.loads(entry.facts["payload"]) if "payload" in entry.facts else None
    return _signal(entry.facts["workflow_id"], entry.facts["name"], payload)


def _signal(workflow_id: str, name: str, payload: dict[str, Any] | None = None) -> WorkflowMessage:
    return WorkflowMessage(
        kind=MessageKind.SIGNAL, workflow_id=workflow_id, name=name, payload=payload
    )


def _update_line(name: str) -> Callable[[OutboxEntry], WorkflowMessage]:
    def meaning(entry: OutboxEntry) -> WorkflowMessage:
        return WorkflowMessage(
            kind=MessageKind.UPDATE,
            workflow_id=line_id(entry.facts["line_id"]),
            name=name,
            payload={
                "person_id": SYSTEM.person_id,
                "message_id": entry.key,
                "token": "owed",
                "reason": entry.facts["reason"],
                "note": f"by rule: {entry.facts['reason']}",
            },
        )

    return meaning


_MEANINGS: Mapping[str, Callable[[OutboxEntry], WorkflowMessage]] = {
    "start_application": _start_application,
    "restart_application": _restart_application,
    "start_line": _start_line,
    "start_review": _start_review,
    "start_collection": _start_collection,
    "start_monitoring": _start_monitoring,
    "start_recheck": _start_recheck,
    "start_approval": _start_approval,
    "start_minutes": _start_minutes,
    "start_classification": _start_classification,
    "start_rerating": _start_rerating,
    "signal": _any_signal,
    "signal_application_reassess": _application_reassess,
    "signal_approval_stop": _approval_stop,
    "signal_line_changed": _line_changed,
    "signal_line_review": _line_review,
    "signal_review_stop": _review_stop,
    "signal_collection_recheck": _collection_recheck,
    "update_line_freeze": _update_line("freeze"),
    "update_line_unfreeze": _update_line("unfreeze"),
}
