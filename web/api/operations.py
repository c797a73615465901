"""For operators and auditors: refusals, the outbox, sent mails, and the codec of histories."""

from typing import Annotated

from fastapi import Depends, Query, Request, Response
from google.protobuf import json_format
from pydantic import ConfigDict, Field
from temporalio.api.common.v1 import Payloads

from domain.audit import AuditEvent, AuditProof, RefusedRecord
from domain.errors import Malformed
from domain.identity import Id, Person
from domain.notification import DeliveryState, OutboxEntry
from domain.operations import (
    Repair,
    RepairContent,
    RepairDecision,
    ResetPlan,
    WorkflowLook,
)
from domain.value import Value
from web.api.pages import Cursor, Page, PageSize, after_number, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller, caller_of, session_of
from web.service.ids import new_id
from web.service.notification import SentMail
from web.service.stuck import StuckList

router = stage("operations")


class EncodedPayload(Value):
    """One payload as Temporal writes it in JSON: metadata and data in base64."""

    model_config = ConfigDict(extra="ignore")

    metadata: dict[str, str] = {}
    data: str = ""


class EncodedPayloads(Value):
    payloads: Annotated[tuple[EncodedPayload, ...], Field(max_length=1000)]


class Mails(Value):
    items: tuple[SentMail, ...]


class Repairs(Value):
    items: tuple[Repair, ...]


class ResetPlanned(Value):
    """A dry run: what would be done again, how much of it may have effect, and its hash."""

    plan: ResetPlan
    effects: int
    plan_hash: str


def planned(plan: ResetPlan) -> ResetPlanned:
    return ResetPlanned(plan=plan, effects=len(plan.effects), plan_hash=plan.plan_hash)


NamedWorkflow = Annotated[str, Query(max_length=200)]
_POINT = Query(
    max_length=80, description="first, last, a step's name, or a completed task's number"
)


@router.get("/refusals")
def list_refusals(
    asked: Asked,
    caller: Caller,
    case: Id | None = None,
    subject: Annotated[str | None, Query(max_length=200)] = None,
    person: Id | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[RefusedRecord]:
    """What was refused to whom, newest first; one's own with `person` set to oneself."""
    found = asked.audit.list_refusals(
        caller,
        case_id=case,
        subject=subject,
        person_id=person,
        before_no=after_number(cursor),
        page_size=page_size + 1,
    )
    return page_of(found, page_size, lambda refused: (refused.refusal_no,))


@router.get("/audit/events")
def list_events(
    asked: Asked,
    caller: Caller,
    case: Id | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 200,
) -> Page[AuditEvent]:
    """What happened to all cases, oldest first."""
    found = asked.audit.list_events(
        caller, case_id=case, after_no=after_number(cursor) or 0, page_size=page_size + 1
    )
    return page_of(found, page_size, lambda event: (event.event_no,))


@router.post("/audit/verify")
def verify(asked: Asked, caller: Caller) -> AuditProof:
    """Try every file, receipt, edition and balance against what it was written as."""
    return asked.audit.verify(caller)


@router.get("/outbox")
def list_outbox(
    asked: Asked,
    caller: Caller,
    channel: Annotated[str | None, Query(max_length=40)] = None,
    state: DeliveryState | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[OutboxEntry]:
    """What is owed to others, newest first, with state and last error."""
    found = asked.notifications.list_outbox(
        caller, after_number(cursor), channel=channel, state=state, page_size=page_size + 1
    )
    return page_of(found, page_size, lambda entry: (entry.entry_no,))


@router.post("/outbox/{entry_no}/resume", response_model=OutboxEntry)
def resume(write: Writing, entry_no: Annotated[int, Field(ge=1, lt=2**63)]) -> Response:
    """Try a delivery again that was given up."""
    return write.once(200, {}, lambda: write.asked.notifications.resume(write.caller, entry_no))


@router.get("/operations/stuck")
def list_stuck(asked: Asked, caller: Caller, compare: bool = False) -> StuckList:
    """What does not go on, the gravest cause first; `compare` holds all that is open on record
    against all that runs, and takes as long as there is of it."""
    return asked.stuck.list_stuck(caller, compare=compare)


@router.get("/operations/workflow")
def read_workflow(asked: Asked, caller: Caller, workflow_id: NamedWorkflow) -> WorkflowLook:
    """A workflow as Temporal has it now, with the steps it waits for."""
    return asked.repairs.read_workflow(caller, workflow_id)


@router.get("/operations/reset")
def plan_reset(
    asked: Asked, caller: Caller, workflow_id: NamedWorkflow, to: Annotated[str, _POINT] = "last"
) -> ResetPlanned:
    """What going back would do again, and the hash by which it is asked for; changes nothing."""
    return planned(asked.repairs.plan_reset(caller, workflow_id, to))


@router.get("/repairs")
def list_repairs(
    asked: Asked,
    caller: Caller,
    workflow_id: Annotated[str | None, Query(max_length=200)] = None,
    waiting: bool = False,
) -> Repairs:
    """Repairs by hand, the newest first; `waiting` for a second person."""
    found = asked.repairs.list_repairs(caller, workflow_id=workflow_id, waiting=waiting)
    return Repairs(items=tuple(found))


@router.get("/repairs/{repair_id}")
def read_repair(asked: Asked, caller: Caller, repair_id: Id) -> Repair:
    return asked.repairs.read(caller, repair_id)


@router.post("/repairs", status_code=201)
def ask_repair(write: Writing, body: RepairContent) -> Repair:
    """Retry, pause or resume a step at once; ask for an answer by hand, an end, or going back."""
    return write.asked.repairs.ask(write.caller, write.run_id or new_id(), body)


@router.post("/repairs/{repair_id}/decision")
def decide_repair(write: Writing, repair_id: Id, body: RepairDecision) -> Repair:
    """Confirm or decline what somebody else asked for; what is confirmed is made at once."""
    return write.asked.repairs.decide(write.caller, repair_id, body)


@router.get("/mails")
def list_mails(asked: Asked, caller: Caller, page_size: PageSize = 50) -> Mails:
    """The newest mails of the embedded sink."""
    return Mails(items=tuple(asked.notifications.sent_mails(caller, page_size=page_size)))


def _codec_caller(request: Request) -> Person:
    """By key or by cookie alone: nothing is changed, and only the UI's origin may read."""
    if "authorization" in request.headers:
        return caller_of(request)
    return session_of(request).person


CodecCaller = Annotated[Person, Depends(_codec_caller)]


@router.post("/codec/encode")
def encode(asked: Asked, caller: CodecCaller, body: EncodedPayloads) -> EncodedPayloads:
    """Encrypt payloads as workers do, for Temporal's own command line."""
    found = _payloads(body)
    return _encoded(Payloads(payloads=asked.operations.encode(caller, list(found.payloads))))


@router.post("/codec/decode")
def decode(asked: Asked, caller: CodecCaller, body: EncodedPayloads) -> EncodedPayloads:
    """Decrypt payloads, for Temporal's UI and command line."""
    found = _payloads(body)
    return _encoded(Payloads(payloads=asked.operations.decode(caller, list(found.payloads))))


def _payloads(body: EncodedPayloads) -> Payloads:
    try:
        return json_format.ParseDict(body.model_dump(), Payloads(), ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError):
        raise Malformed(reason="a payload is not base64") from None


def _encoded(payloads: Payloads) -> EncodedPayloads:
    plain = json_format.MessageToDict(payloads)
    return EncodedPayloads.model_validate({"payloads": plain.get("payloads", [])})
