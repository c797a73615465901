"""Webhooks: who is told of events, what was sent with what answer, and sending it again."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import HTMLResponse

from domain.calendar import day_begins_at
from domain.event import EVENTS
from domain.webhook import (
    DeliveryStatus,
    EndpointContent,
    EndpointStatus,
    Redelivery,
    Rotation,
)
from web.api.pages import after_number
from web.console.lists import PAGE_SIZE, next_path
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)
Typed = Annotated[str, Form(max_length=2000)]
Chosen = Annotated[str, Query(max_length=64)]


@router.get("/webhooks")
def list_endpoints(visit: Visiting) -> HTMLResponse:
    """Who is told, and who may tell us."""
    return _list(visit)


@router.post("/webhooks")
def record_endpoint(
    visit: Writing, url: Typed, kinds: Typed = "", description: Typed = ""
) -> Response:
    """A new endpoint; its secret is shown on the answer and never again."""
    typed = {"url": url, "kinds": kinds, "description": description}
    visit.when_refused(lambda refusal: _list(visit, refusal, typed))
    content = _content(visit, typed)
    made = visit.services.webhooks.record_endpoint(visit.person, content)
    return visit.show(
        "webhook/secret.html",
        endpoint_id=made.endpoint.endpoint_id,
        secret=made.secret,
        before_until=None,
    )


@router.get("/webhooks/deliveries/{delivery_no}")
def show_delivery(visit: Visiting, delivery_no: int) -> HTMLResponse:
    """A delivery with every attempt at it."""
    log = visit.services.webhooks.read_delivery(visit.person, delivery_no)
    return visit.show(
        "webhook/delivery.html",
        delivery=log.delivery,
        attempts=log.attempts,
        may_record=permitted(visit.person, Action.WEBHOOK_RECORD),
    )


@router.post("/webhooks/deliveries/{delivery_no}")
def redeliver(visit: Writing, delivery_no: int) -> Response:
    """Send one event again."""
    again = visit.services.webhooks.redeliver(visit.person, delivery_no)
    return visit.go(f"/webhooks/{again.endpoint_id}", "webhook_redelivered")


@router.get("/webhooks/{endpoint_id}")
def show_endpoint(
    visit: Visiting,
    endpoint_id: str,
    status: Chosen = "",
    kind: Chosen = "",
    subject: Chosen = "",
    after: str | None = None,
) -> HTMLResponse:
    """An endpoint and what was owed to it."""
    chosen = {
        "status": status if status in set(DeliveryStatus) else "",
        "kind": kind if kind in EVENTS else "",
        "subject": subject.strip(),
    }
    return _page(visit, endpoint_id, chosen, after)


@router.post("/webhooks/{endpoint_id}")
def change_endpoint(
    visit: Writing, endpoint_id: str, url: Typed, kinds: Typed = "", description: Typed = ""
) -> Response:
    """Another address, description or other kinds."""
    visit.when_refused(lambda refusal: _page(visit, endpoint_id, refusal=refusal))
    typed = {"url": url, "kinds": kinds, "description": description}
    visit.services.webhooks.change_endpoint(visit.person, endpoint_id, _content(visit, typed))
    return visit.go(f"/webhooks/{endpoint_id}", "webhook_changed")


@router.post("/webhooks/{endpoint_id}/status")
def set_status(visit: Writing, endpoint_id: str, status: Typed) -> Response:
    """Start, pause or disable it."""
    wanted = visit.parsed(EndpointStatus, status, "action")
    visit.services.webhooks.set_status(visit.person, endpoint_id, wanted)
    return visit.go(f"/webhooks/{endpoint_id}", "webhook_changed")


@router.post("/webhooks/{endpoint_id}/test")
def send_test(visit: Writing, endpoint_id: str) -> Response:
    """Send an event that says nothing."""
    visit.when_refused(lambda refusal: _page(visit, endpoint_id, refusal=refusal))
    visit.services.webhooks.send_test(visit.person, endpoint_id)
    return visit.go(f"/webhooks/{endpoint_id}", "webhook_tested")


@router.post("/webhooks/{endpoint_id}/secrets")
def rotate_secret(visit: Writing, endpoint_id: str) -> Response:
    """A further secret, shown on the answer; the one before it signs for a day more."""
    made = visit.services.webhooks.rotate_secret(visit.person, endpoint_id, Rotation())
    return visit.show(
        "webhook/secret.html",
        endpoint_id=endpoint_id,
        secret=made.secret,
        before_until=made.before_until,
    )


@router.post("/webhooks/{endpoint_id}/redeliveries")
def redeliver_range(
    visit: Writing, endpoint_id: str, first: Typed, last: Typed, undelivered: Typed = ""
) -> Response:
    """Send again what happened from one day to another."""
    visit.when_refused(lambda refusal: _page(visit, endpoint_id, refusal=refusal))
    content = {
        "since": day_begins_at(visit.day(first, "valid_from")),
        "until": day_begins_at(visit.day(last, "valid_until") + timedelta(days=1)),
        "undelivered_only": bool(undelivered),
    }
    wanted = visit.valid(Redelivery, content)
    visit.services.webhooks.redeliver_range(visit.person, endpoint_id, wanted)
    return visit.go(f"/webhooks/{endpoint_id}", "webhook_redelivered")


def _content(visit: Visit, typed: dict[str, str]) -> EndpointContent:
    kinds = tuple(filter(None, map(str.strip, typed["kinds"].splitlines())))
    return visit.valid(EndpointContent, {**typed, "url": typed["url"].strip(), "kinds": kinds})


def _list(
    visit: Visit, refusal: Problem | None = None, typed: dict[str, str] | None = None
) -> HTMLResponse:
    return visit.show(
        "webhook/endpoints.html",
        refusal=refusal,
        endpoints=visit.services.webhooks.list_endpoints(visit.person),
        sources=visit.services.hooks.list_sources(visit.person),
        typed=typed or {"url": "", "kinds": "", "description": ""},
        may_record=permitted(visit.person, Action.WEBHOOK_RECORD),
    )


def _page(
    visit: Visit,
    endpoint_id: str,
    chosen: dict[str, str] | None = None,
    after: str | None = None,
    refusal: Problem | None = None,
) -> HTMLResponse:
    shown = chosen or {"status": "", "kind": "", "subject": ""}
    endpoint = visit.services.webhooks.read_endpoint(visit.person, endpoint_id)
    found = visit.services.webhooks.list_deliveries(
        visit.person,
        before=after_number(after),
        page_size=PAGE_SIZE + 1,
        endpoint_id=endpoint_id,
        status=DeliveryStatus(shown["status"]) if shown["status"] else None,
        kind=shown["kind"] or None,
        subject_id=shown["subject"] or None,
    )
    return visit.show(
        "webhook/endpoint.html",
        refusal=refusal,
        endpoint=endpoint,
        deliveries=found[:PAGE_SIZE],
        changes=visit.services.webhooks.list_changes(
            visit.person, owner_id=endpoint_id, page_size=20
        ),
        chosen=shown,
        statuses=list(DeliveryStatus),
        kinds=list(EVENTS),
        may_record=permitted(visit.person, Action.WEBHOOK_RECORD),
        next_path=next_path(
            found, f"/webhooks/{endpoint_id}?{urlencode(shown)}", lambda each: (each.delivery_no,)
        ),
    )
