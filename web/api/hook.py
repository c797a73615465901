"""What other systems tell us: signed hooks, and the register of who may send them."""

from typing import Annotated

from fastapi import Depends, Request, Response

from domain.identity import Id
from domain.value import Value
from domain.webhook import (
    MESSAGE_ID,
    Rotation,
    SecretShown,
    Source,
    SourceChange,
    SourceContent,
    SourceMade,
)
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.hook import HookTaken, InvoiceRecorded, PaymentRecorded

router = stage("webhook")

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [
                        each.model_json_schema(ref_template="#/components/schemas/{model}")
                        for each in (InvoiceRecorded, PaymentRecorded)
                    ]
                }
            }
        },
    }
}


class Sources(Value):
    items: tuple[Source, ...]


async def _raw(request: Request) -> bytes:
    """The body byte for byte: that is what was signed."""
    return await request.body()


@router.post("/hooks/{source}", status_code=201, response_model=HookTaken)
def take(
    asked: Asked, request: Request, source: Id, body: Annotated[bytes, Depends(_raw)]
) -> Response:
    """Take an invoice or a payment of another system, signed after Standard Webhooks.

    The same `webhook-id` and body are answered as the first time, another body is refused.
    """
    person = asked.hooks.signed_by(source, request.headers, body)
    request.state.person = person
    request.state.channel = "hook"
    answer = asked.hooks.take(person, source, request.headers[MESSAGE_ID], body)
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
    return Response(answer.body, answer.status, headers, media_type="application/json")


@router.get("/hook-sources")
def list_sources(asked: Asked, caller: Caller) -> Sources:
    return Sources(items=tuple(asked.hooks.list_sources(caller)))


@router.post("/hook-sources", status_code=201)
def record_source(asked: Asked, caller: Caller, body: SourceContent) -> SourceMade:
    """A system that may send hooks as a service account, with its secret, shown this once."""
    return asked.hooks.record_source(caller, body)


@router.post("/hook-sources/{source_id}/secrets", status_code=201)
def rotate_source_secret(
    asked: Asked, caller: Caller, source_id: Id, body: Rotation
) -> SecretShown:
    """A further secret, shown this once; the one before it is taken too for so many hours."""
    return asked.hooks.rotate_secret(caller, source_id, body)


@router.post("/hook-sources/{source_id}/status", response_model=Source)
def set_source_status(write: Writing, source_id: Id, body: SourceChange) -> Response:
    """Take no more of a source, or take it again."""
    return write.once(
        200, body, lambda: write.asked.hooks.set_status(write.caller, source_id, body.status)
    )
