"""Webhooks for people: on pages, and at the command line."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from activities.notification.webhook import WebhookDelivery
from creditflow.commands.output import Exit
from domain.webhook import EndpointContent
from tests.activities.receiver import Receiver, receiving
from tests.web.people import KEYS, PEOPLE
from tests.web.test_commands import Terminal, terminal
from tests.web.test_console import app as console
from tests.web.test_console import book, hidden, signed_in
from web.service.services import Services
from web.service.webhook import WebhookService
from workflows.codec import Codec

__all__ = ["book", "console", "terminal"]

URL = "https://receiver.example/hooks"
CODEC = Codec(bytes(32))
OPERATOR = PEOPLE["operator"]


# ── pages ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_an_endpoint_is_added_tried_paused_and_sent_to_again_on_its_page(
    console: FastAPI, language: str
) -> None:
    client = signed_in(console, "operator", language)
    form = hidden(client.get("/webhooks"), "/webhooks")
    typed = {"url": URL, "kinds": "line.frozen\nline.unfrozen\n", "description": "ERP"}
    made = client.post("/webhooks", data=form | typed)
    assert re.search(r"whsec_[\w+/=]{43,}", html.unescape(made.text))
    [endpoint_id] = re.findall(r'/webhooks/([0-9a-f-]{36})"', made.text)
    page = f"/webhooks/{endpoint_id}"
    assert "whsec_" not in client.get(page).text

    tested = client.post(f"{page}/test", data=hidden(client.get(page), f"{page}/test"))
    assert tested.headers["location"] == page
    shown = client.get(page).text
    assert "webhook.test" in shown
    [delivery] = re.findall(r"/webhooks/deliveries/\d+", shown)
    assert "webhook-id" in client.get(delivery).text
    assert delivery not in client.get(f"{page}?kind=line.frozen").text
    assert client.post(delivery, data=hidden(client.get(delivery), delivery)).status_code == 303

    paused = hidden(client.get(page), f"{page}/status") | {"status": "paused"}
    client.post(f"{page}/status", data=paused)
    assert 'value="paused"' not in client.get(page).text
    changed = hidden(client.get(page), page) | typed | {"url": f"{URL}/2"}
    assert client.post(page, data=changed).status_code == 303
    assert f"{URL}/2" in client.get(page).text
    again = hidden(client.get(page), f"{page}/redeliveries")
    days = {"first": "2026-01-05", "last": "2199-01-05"}
    assert client.post(f"{page}/redeliveries", data=again | days).status_code == 303
    rotated = client.post(f"{page}/secrets", data=hidden(client.get(page), f"{page}/secrets"))
    assert "whsec_" in rotated.text


def test_a_slip_comes_back_with_its_code_and_what_was_typed(console: FastAPI) -> None:
    client = signed_in(console, "operator")
    form = hidden(client.get("/webhooks"), "/webhooks")
    slip = client.post("/webhooks", data=form | {"url": "http://10.0.0.1/in", "kinds": ""})
    assert slip.status_code == 422
    assert "address_refused" in slip.text
    assert "http://10.0.0.1/in" in slip.text
    turned = client.post("/webhooks", data=form | {"url": URL, "kinds": "line.melted"})
    assert "event_kind_unknown" in turned.text


def test_an_auditor_sees_and_changes_nothing(console: FastAPI) -> None:
    client = signed_in(console, "auditor")
    assert '<form method="post" action="/webhooks"' not in client.get("/webhooks").text
    form = hidden(client.get("/webhooks"), "/sign-out")
    assert client.post("/webhooks", data=form | {"url": URL}).status_code == 403


# ── the command line ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as kept:
        yield kept


def test_at_the_command_line_an_endpoint_is_kept_and_sent_to_again(
    terminal: Terminal, services: Services, receiver: Receiver
) -> None:
    asks = terminal.asks
    ended, made = asks("webhook", "add", URL, "--kind", "line.frozen", as_="operator")
    assert ended is Exit.DONE
    endpoint_id = made["endpoint"]["endpoint_id"]
    assert asks("webhook", "change", endpoint_id, f"{URL}/2", as_="operator")[1]["kinds"] == []
    assert asks("webhook", "pause", endpoint_id, as_="operator")[1]["status"] == "paused"
    assert asks("webhook", "start", endpoint_id, as_="operator")[1]["status"] == "active"
    assert asks("webhook", "rotate", endpoint_id, "--hours", "1", as_="operator")[1]["secret"]
    assert asks("webhook", "disable", endpoint_id, as_="operator")[1]["status"] == "disabled"
    assert len(asks("webhook", "list", as_="operator")[1]["items"]) == 1
    done = asks("webhook", "changes", "--of", endpoint_id, as_="auditor")[1]["items"]
    assert [each["act"] for each in done][:2] == ["disabled", "rotated"]
    kinds = asks("webhook", "kinds", as_="operator")[1]["items"]
    assert all(each["data_schema"]["properties"] for each in kinds)

    inside = WebhookService(services.records, services.clock, CODEC, private=True)
    local = inside.record_endpoint(OPERATOR, EndpointContent(url=receiver.url)).endpoint.endpoint_id
    asks("webhook", "test", local, as_="operator")
    deliver(services)
    [found] = asks("webhook", "deliveries", "--endpoint", local, as_="auditor")[1]["items"]
    no = str(found["delivery_no"])
    assert found["status"] == "delivered"
    assert len(asks("webhook", "attempts", no, as_="auditor")[1]["attempts"]) == 1
    assert asks("webhook", "redeliver", "--no", no, as_="operator")[1]["status"] == "pending"
    now = datetime.now(UTC)
    range_ = ("--since", (now - timedelta(hours=1)).isoformat(), "--until", now.isoformat())
    words = ("webhook", "redeliver", "--endpoint", local, *range_)
    assert asks(*words, as_="operator")[1]["events"] == 1
    deliver(services)
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 1
    assert len(receiver.received) == 2
    refused = asks("webhook", "add", "http://10.0.0.1/", as_="operator")
    assert (refused[0], refused[1]["code"]) == (Exit.REFUSED, "address_refused")
    assert asks(*words[:4], as_="operator")[0] is Exit.USAGE


def deliver(services: Services) -> int:
    return WebhookDelivery(services.records, CODEC.opened, private=True).deliver_due()


def test_at_the_command_line_a_source_is_let_in_and_shut_out(terminal: Terminal) -> None:
    def asks(*words: str) -> Any:
        return terminal.asks("webhook", *words, as_="operator")[1]

    made = asks("source-add", "erp", "order_system", "--description", "ERP")
    assert made["secret"].startswith("whsec_")
    assert asks("source-disable", "erp")["status"] == "disabled"
    assert asks("source-enable", "erp")["status"] == "active"
    assert asks("source-rotate", "erp")["owner_id"] == "erp"
    assert asks("sources")["items"][0]["secrets"] == 2
    assert asks("source-add", "erp", "order_system")["code"] == "already_exists"
    shown = terminal.types("webhook", "sources", key=KEYS["operator"])
    assert "order_system" in shown.stdout
