"""Webhooks: who is told of events, what was sent and with what answer, and sending it again."""

from typing import Annotated

from fastapi import Query, Response
from pydantic import AwareDatetime, Field

from domain.event import EventSchema
from domain.identity import Id
from domain.value import Value
from domain.webhook import (
    Delivery,
    DeliveryLog,
    DeliveryStatus,
    Endpoint,
    EndpointChange,
    EndpointContent,
    EndpointMade,
    Redelivered,
    Redelivery,
    RegisterChange,
    Rotation,
    SecretShown,
)
from web.api.pages import Cursor, Page, PageSize, after_number, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller

router = stage("webhook")
DeliveryNo = Annotated[int, Field(ge=1, lt=2**63)]


class EndpointsShown(Value):
    items: tuple[Endpoint, ...]


class EventSchemas(Value):
    items: tuple[EventSchema, ...]


@router.get("/webhooks/events")
def list_kinds(asked: Asked, caller: Caller) -> EventSchemas:
    """Every kind of event with the JSON Schema of its content."""
    return EventSchemas(items=tuple(asked.webhooks.list_kinds(caller)))


@router.get("/webhooks/changes")
def list_changes(
    asked: Asked,
    caller: Caller,
    of: Annotated[Id | None, Query(description="An endpoint or a source")] = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[RegisterChange]:
    """What was done to endpoints and sources and by whom, newest first."""
    found = asked.webhooks.list_changes(
        caller, owner_id=of, before=after_number(cursor), page_size=page_size + 1
    )
    return page_of(found, page_size, lambda each: (each.change_no,))


@router.get("/webhooks/deliveries")
def list_deliveries(
    asked: Asked,
    caller: Caller,
    endpoint: Id | None = None,
    status: DeliveryStatus | None = None,
    kind: Annotated[str | None, Field(max_length=60)] = None,
    subject: Id | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    cursor: Cursor = None,
    page_size: PageSize = 50,
) -> Page[Delivery]:
    """What was owed to endpoints, newest first; `subject` is a case, line or customer."""
    found = asked.webhooks.list_deliveries(
        caller,
        before=after_number(cursor),
        page_size=page_size + 1,
        endpoint_id=endpoint,
        status=status,
        kind=kind,
        subject_id=subject,
        since=since,
        until=until,
    )
    return page_of(found, page_size, lambda each: (each.delivery_no,))


@router.get("/webhooks/deliveries/{delivery_no}")
def read_delivery(asked: Asked, caller: Caller, delivery_no: DeliveryNo) -> DeliveryLog:
    """A delivery with every attempt: when, with what status, after how long, and what was said."""
    return asked.webhooks.read_delivery(caller, delivery_no)


@router.post("/webhooks/deliveries/{delivery_no}/redelivery", response_model=Delivery)
def redeliver(write: Writing, delivery_no: DeliveryNo) -> Response:
    """Send an event again, under the id that it has."""
    return write.once(200, {}, lambda: write.asked.webhooks.redeliver(write.caller, delivery_no))


@router.get("/webhooks")
def list_endpoints(asked: Asked, caller: Caller) -> EndpointsShown:
    return EndpointsShown(items=tuple(asked.webhooks.list_endpoints(caller)))


@router.post("/webhooks", status_code=201)
def record_endpoint(asked: Asked, caller: Caller, body: EndpointContent) -> EndpointMade:
    """A new endpoint with its secret, shown this once; each call makes another."""
    return asked.webhooks.record_endpoint(caller, body)


@router.get("/webhooks/{endpoint_id}")
def read_endpoint(asked: Asked, caller: Caller, endpoint_id: Id) -> Endpoint:
    return asked.webhooks.read_endpoint(caller, endpoint_id)


@router.post("/webhooks/{endpoint_id}", response_model=Endpoint)
def change_endpoint(write: Writing, endpoint_id: Id, body: EndpointContent) -> Response:
    """Another address, description or other kinds, from the next attempt on."""
    return write.once(
        200, body, lambda: write.asked.webhooks.change_endpoint(write.caller, endpoint_id, body)
    )


@router.post("/webhooks/{endpoint_id}/status", response_model=Endpoint)
def set_status(write: Writing, endpoint_id: Id, body: EndpointChange) -> Response:
    """Start, pause or disable an endpoint; what is owed to a paused one waits."""
    return write.once(
        200, body, lambda: write.asked.webhooks.set_status(write.caller, endpoint_id, body.status)
    )


@router.post("/webhooks/{endpoint_id}/secrets", status_code=201)
def rotate_secret(asked: Asked, caller: Caller, endpoint_id: Id, body: Rotation) -> SecretShown:
    """A further secret, shown this once; the one before it signs too for so many hours."""
    return asked.webhooks.rotate_secret(caller, endpoint_id, body)


@router.post("/webhooks/{endpoint_id}/test", status_code=202, response_model=Endpoint)
def send_test(write: Writing, endpoint_id: Id) -> Response:
    """Send an event that says nothing, to see that it arrives."""
    return write.once(202, {}, lambda: write.asked.webhooks.send_test(write.caller, endpoint_id))


@router.post("/webhooks/{endpoint_id}/redeliveries", response_model=Redelivered)
def redeliver_range(write: Writing, endpoint_id: Id, body: Redelivery) -> Response:
    """Send again what happened in a range of time, also what was not sent then."""
    return write.once(
        200, body, lambda: write.asked.webhooks.redeliver_range(write.caller, endpoint_id, body)
    )
