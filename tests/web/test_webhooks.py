"""Webhooks over the API: registered, rotated, looked through; and hooks that come in, or are refused."""

import base64
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import text

from activities.notification.webhook import WebhookDelivery
from domain.customer import CustomerContent
from domain.errors import (
    AccountNotService,
    AddressRefused,
    CreditError,
    EventKindUnknown,
    HookFromFuture,
    HookSignatureWrong,
    HookTooOld,
    HookUnsigned,
    KeyReused,
    NotPermitted,
)
from domain.webhook import (
    EndpointContent,
    EndpointStatus,
    Rotation,
    SourceContent,
    SourceStatus,
    refuse_unsigned,
    secret_of,
    signature,
    signed_headers,
)
from storage.edition import Editions, read_shipped, shipped_text
from storage.identity import Persons
from tests.activities.receiver import Receiver, receiving
from tests.web.people import PEOPLE, as_
from web.problems import problem_of
from web.service.clock import Clock
from web.service.services import Services
from web.service.webhook import WebhookService
from workflows.codec import Codec

OPERATOR = PEOPLE["operator"]
CODEC = Codec(bytes(32))
TODAY = Clock().business_on()


# ── signing ──────────────────────────────────────────────────────────────────────────────────────


def test_a_signature_is_that_of_the_specification() -> None:
    """The vector of the specification's own libraries."""
    assert (
        signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            b'{"test": 2432232314}',
        )
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


# ── the register ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def webhooks(services: Services) -> WebhookService:
    """The service of an installation that may send inside."""
    return WebhookService(services.records, services.clock, CODEC, private=True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as kept:
        yield kept


def deliver(services: Services) -> int:
    return WebhookDelivery(services.records, CODEC.opened, private=True).deliver_due()


def genuine(receiver: Receiver, *secrets: str) -> bool:
    received = receiver.received[-1]
    refuse_unsigned(received.headers, received.body, secrets, datetime.now(UTC), "creditflow")
    return True


def test_a_secret_is_told_once_kept_sealed_and_signs(
    services: Services, webhooks: WebhookService, receiver: Receiver
) -> None:
    made = webhooks.record_endpoint(OPERATOR, EndpointContent(url=receiver.url))
    shown = webhooks.list_endpoints(OPERATOR)
    assert made.secret not in "".join(each.model_dump_json() for each in shown)
    with services.records.begin() as session:
        kept = session.execute(text("SELECT w::text FROM webhook_secret w")).scalars().all()
    raw = base64.b64decode(made.secret.removeprefix("whsec_"))
    assert len(raw) >= 24
    assert made.secret not in "".join(kept)

    webhooks.send_test(OPERATOR, made.endpoint.endpoint_id)
    assert deliver(services) == 1
    assert genuine(receiver, made.secret)


def test_for_some_hours_both_secrets_sign_and_after_them_the_new_one_alone(
    services: Services, webhooks: WebhookService, receiver: Receiver
) -> None:
    made = webhooks.record_endpoint(OPERATOR, EndpointContent(url=receiver.url))
    endpoint_id = made.endpoint.endpoint_id
    rotated = webhooks.rotate_secret(OPERATOR, endpoint_id, Rotation(hours=24))
    webhooks.send_test(OPERATOR, endpoint_id)
    deliver(services)
    assert genuine(receiver, made.secret)
    assert genuine(receiver, rotated.secret)
    last = webhooks.rotate_secret(OPERATOR, endpoint_id, Rotation(hours=0))
    webhooks.send_test(OPERATOR, endpoint_id)
    deliver(services)
    assert genuine(receiver, last.secret)
    for ended in (made.secret, rotated.secret):
        with pytest.raises(HookSignatureWrong):
            genuine(receiver, ended)


def test_who_changed_what_stays_on_record_without_a_secret(
    services: Services, webhooks: WebhookService
) -> None:
    content = EndpointContent(url="https://receiver.example/1")
    made = webhooks.record_endpoint(OPERATOR, content)
    endpoint_id = made.endpoint.endpoint_id
    moved = EndpointContent(url="https://receiver.example/2")
    webhooks.change_endpoint(PEOPLE["everybody"], endpoint_id, moved)
    rotated = webhooks.rotate_secret(OPERATOR, endpoint_id, Rotation(hours=1))
    webhooks.set_status(OPERATOR, endpoint_id, EndpointStatus.DISABLED)
    changes = webhooks.list_changes(PEOPLE["auditor"], owner_id=endpoint_id)
    assert [(each.act, each.person_id) for each in changes] == [
        ("disabled", "operator"),
        ("rotated", "operator"),
        ("changed", "everybody"),
        ("recorded", "operator"),
    ]
    assert changes[2].content["url"] == moved.url
    kept = "".join(each.model_dump_json() for each in changes)
    assert made.secret not in kept
    assert rotated.secret not in kept


async def test_over_the_api_an_endpoint_is_made_tried_looked_at_and_sent_to_again(
    services: Services, api: httpx.AsyncClient
) -> None:
    operator = as_("operator")
    body = {"url": "https://receiver.example/hooks", "kinds": ["line.frozen"]}
    made = await api.post("/api/v1/webhooks", json=body, headers=operator)
    assert made.status_code == 201
    endpoint_id = made.json()["endpoint"]["endpoint_id"]
    at = f"/api/v1/webhooks/{endpoint_id}"
    tried = await api.post(f"{at}/test", headers=operator)
    assert tried.status_code == 202
    listed = await api.get("/api/v1/webhooks/deliveries", headers=operator)
    [delivery] = listed.json()["items"]
    assert (delivery["kind"], delivery["status"]) == ("webhook.test", "pending")
    for name, other in (("kind", "line.frozen"), ("subject", "line-1"), ("status", "delivered")):
        found = await api.get("/api/v1/webhooks/deliveries", params={name: other}, headers=operator)
        assert found.json()["items"] == [], name
    log = await api.get(
        f"/api/v1/webhooks/deliveries/{delivery['delivery_no']}", headers=as_("auditor")
    )
    assert log.json()["attempts"] == []
    now = datetime.now(UTC)
    wanted = {
        "since": (now - timedelta(hours=1)).isoformat(),
        "until": (now + timedelta(hours=1)).isoformat(),
    }
    again = await api.post(f"{at}/redeliveries", json=wanted, headers=operator)
    assert again.json()["events"] == 1
    turned = {"since": wanted["until"], "until": wanted["since"]}
    refused = await api.post(f"{at}/redeliveries", json=turned, headers=operator)
    assert (refused.status_code, refused.json()["code"]) == (422, "period_reversed")
    disabled = await api.post(f"{at}/status", json={"status": "disabled"}, headers=operator)
    assert disabled.json()["status_reason"] == "by_hand"
    closed = await api.post(f"{at}/test", headers=operator)
    assert closed.json()["code"] == "out_of_order"
    kinds = await api.get("/api/v1/webhooks/events", headers=operator)
    assert "application.status_changed" in {each["type"] for each in kinds.json()["items"]}


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example/",
        "https://user:word@receiver.example/",
        "https://10.0.0.8/",
        "https://[::1]/",
        "https://localhost/",
        "http://127.0.0.1:9/",
        "https://169.254.169.254/latest",
        "ftp://receiver.example/",
        "https://receiver.example:99999/",
    ],
)
def test_an_address_that_nothing_is_sent_to_is_refused_where_it_is_entered(
    services: Services, url: str
) -> None:
    with pytest.raises((AddressRefused, ValidationError)) as refused:
        services.webhooks.record_endpoint(OPERATOR, EndpointContent(url=url))
    assert "address_refused" in {getattr(each, "code", "") for each in causes(refused.value)}


def causes(error: Exception) -> list[Any]:
    parts = getattr(error, "errors", list)()
    return [error, *(part.get("ctx", {}).get("error") for part in parts)]


def test_kinds_that_there_are_not_are_refused_by_name() -> None:
    with pytest.raises(ValidationError) as refused:
        EndpointContent(url="https://receiver.example", kinds=("line.melted",))
    assert any(isinstance(each, EventKindUnknown) for each in causes(refused.value))


@pytest.mark.parametrize("role", sorted(PEOPLE.keys() - {"operator", "everybody"}))
def test_only_who_keeps_the_register_says_who_is_told(services: Services, role: str) -> None:
    with pytest.raises(NotPermitted):
        services.webhooks.record_endpoint(
            PEOPLE[role], EndpointContent(url="https://receiver.example")
        )


def test_a_paused_endpoint_is_owed_what_happens_and_gets_it_once_it_is_started(
    services: Services, webhooks: WebhookService, receiver: Receiver
) -> None:
    made = webhooks.record_endpoint(OPERATOR, EndpointContent(url=receiver.url))
    endpoint_id = made.endpoint.endpoint_id
    webhooks.set_status(OPERATOR, endpoint_id, EndpointStatus.PAUSED)
    webhooks.send_test(OPERATOR, endpoint_id)
    assert deliver(services) == 0
    webhooks.set_status(OPERATOR, endpoint_id, EndpointStatus.ACTIVE)
    assert deliver(services) == 1


def test_one_event_is_sent_again_under_its_id(
    services: Services, webhooks: WebhookService, receiver: Receiver
) -> None:
    made = webhooks.record_endpoint(OPERATOR, EndpointContent(url=receiver.url))
    webhooks.send_test(OPERATOR, made.endpoint.endpoint_id)
    deliver(services)
    [delivery] = webhooks.list_deliveries(OPERATOR)
    webhooks.redeliver(OPERATOR, delivery.delivery_no)
    deliver(services)
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert len(webhooks.read_delivery(OPERATOR, delivery.delivery_no).attempts) == 2


# ── hooks that come in ───────────────────────────────────────────────────────────────────────────


class Erp:
    """Another system with its secret, and what it sends."""

    def __init__(self, services: Services, customer_id: str) -> None:
        made = services.hooks.record_source(
            OPERATOR, SourceContent(source_id="erp", person_id="order_system")
        )
        self.services = services
        self.secret = made.secret
        self.customer_id = customer_id

    def invoice(self, number: str = "INV-1", amount: str = "100.00") -> bytes:
        return json.dumps(
            {
                "type": "invoice.recorded",
                "timestamp": "2026-01-05T09:00:00Z",
                "data": {
                    "customer_id": self.customer_id,
                    "invoice_no": number,
                    "issued_on": "2026-01-05",
                    "due_on": "2026-02-05",
                    "amount": {"amount": amount, "currency": "CNY"},
                },
            }
        ).encode()

    def payment(self) -> bytes:
        return json.dumps(
            {
                "type": "payment.recorded",
                "data": {
                    "customer_id": self.customer_id,
                    "payment_no": "P-1",
                    "invoice_no": "INV-1",
                    "paid_on": "2026-01-20",
                    "amount": {"amount": "40.00", "currency": "CNY"},
                },
            }
        ).encode()

    def signed(
        self, body: bytes, message_id: str = "m-1", *, late: int = 0, secret: str = ""
    ) -> dict[str, str]:
        at = datetime.now(UTC) - timedelta(seconds=late)
        return signed_headers([secret or self.secret], message_id, at, body)

    def invoices(self) -> int:
        return len(
            self.services.receivables.list_invoices(PEOPLE["risk_officer"], self.customer_id)
        )


@pytest.fixture
def erp(services: Services) -> Erp:
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
    customer = services.customers.record(
        PEOPLE["relationship_manager"], CustomerContent(name="Example Ltd")
    )
    return Erp(services, customer.customer_id)


AT = "/api/v1/hooks/erp"


async def test_an_invoice_and_a_payment_come_in_as_the_account_of_their_source(
    erp: Erp, api: httpx.AsyncClient
) -> None:
    body = erp.invoice()
    taken = await api.post(AT, content=body, headers=erp.signed(body))
    assert taken.status_code == 201
    assert taken.json()["recorded"]["source"] == "entered by order_system"
    body = erp.payment()
    paid = await api.post(AT, content=body, headers=erp.signed(body, "m-2"))
    assert (paid.status_code, paid.json()["type"]) == (201, "payment.recorded")
    account = erp.services.receivables.read_account(PEOPLE["risk_officer"], erp.customer_id)
    assert [str(item.amount) for item in account.open_items] == ["CNY 60.00"]


async def test_a_replay_is_answered_as_the_first_time_and_another_body_is_refused(
    erp: Erp, api: httpx.AsyncClient
) -> None:
    body = erp.invoice()
    first = await api.post(AT, content=body, headers=erp.signed(body))
    again = await api.post(AT, content=body, headers=erp.signed(body, late=60))
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    other = erp.invoice("INV-2")
    refused = await api.post(AT, content=other, headers=erp.signed(other))
    assert (refused.status_code, refused.json()["code"]) == (409, "key_reused")
    assert erp.invoices() == 1


REFUSED: dict[str, tuple[Callable[[Erp, bytes], tuple[bytes, dict[str, str]]], int, str]] = {
    "forged": (
        lambda erp, body: (body, erp.signed(body, secret="whsec_" + "A" * 43 + "=")),
        401,
        "hook_signature_wrong",
    ),
    "old": (lambda erp, body: (body, erp.signed(body, late=302)), 401, "hook_too_old"),
    "future": (lambda erp, body: (body, erp.signed(body, late=-302)), 401, "hook_from_future"),
    "re-serialised": (
        lambda erp, body: (
            json.dumps(json.loads(body), separators=(",", ":")).encode(),
            erp.signed(body),
        ),
        401,
        "hook_signature_wrong",
    ),
    "shuffled": (
        lambda erp, body: (body, erp.signed(erp.invoice("INV-9"))),
        401,
        "hook_signature_wrong",
    ),
    "unsigned": (lambda erp, body: (body, {}), 422, "hook_unsigned"),
    "not ours": (
        lambda erp, body: (b'{"type":"order.melted"}', erp.signed(b'{"type":"order.melted"}')),
        422,
        "malformed",
    ),
    "no JSON": (lambda erp, body: (b"\xff{", erp.signed(b"\xff{")), 422, "malformed"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_not_genuine_is_refused_by_name(
    erp: Erp, api: httpx.AsyncClient, case: str
) -> None:
    made, status, code = REFUSED[case]
    body, headers = made(erp, erp.invoice())
    for language in ("en", "zh-CN"):
        refused = await api.post(AT, content=body, headers=headers | {"accept-language": language})
        assert (refused.status_code, refused.json()["code"]) == (status, code)
        assert refused.json()["detail"]
    assert erp.invoices() == 0


async def test_a_source_that_is_not_there_is_refused_like_a_wrong_signature(
    erp: Erp, api: httpx.AsyncClient
) -> None:
    body = erp.invoice()
    refused = await api.post("/api/v1/hooks/crm", content=body, headers=erp.signed(body))
    assert (refused.status_code, refused.json()["code"]) == (401, "hook_signature_wrong")


@pytest.mark.parametrize("stopped", ["source", "account"])
async def test_nothing_is_taken_once_source_or_account_is_disabled(
    erp: Erp, api: httpx.AsyncClient, stopped: str
) -> None:
    if stopped == "source":
        erp.services.hooks.set_status(OPERATOR, "erp", SourceStatus.DISABLED)
    else:
        erp.services.identity.disable_person(OPERATOR, "order_system")
    body = erp.invoice()
    refused = await api.post(AT, content=body, headers=erp.signed(body))
    assert (refused.status_code, refused.json()["code"]) == (403, "hook_source_disabled")
    assert erp.invoices() == 0


async def test_a_source_acts_as_no_person_who_signs_in_not_even_as_one_whose_role_was_changed(
    services: Services, erp: Erp, api: httpx.AsyncClient
) -> None:
    for who in ("relationship_manager", "auditor", "everybody", OPERATOR.person_id):
        with pytest.raises(AccountNotService):
            services.hooks.record_source(OPERATOR, SourceContent(source_id="lab", person_id=who))
    assert [each.source_id for each in services.hooks.list_sources(OPERATOR)] == ["erp"]

    body, manager = erp.invoice(), PEOPLE["relationship_manager"]
    with services.records.begin() as session:
        now = PEOPLE["order_system"].model_copy(update={"roles": manager.roles})
        Persons(session).change_person(now)
    refused = await api.post(AT, content=body, headers=erp.signed(body))
    assert (refused.status_code, refused.json()["code"]) == (403, "account_not_service")
    assert erp.invoices() == 0


async def test_a_refusal_of_the_book_leaves_the_id_free(erp: Erp, api: httpx.AsyncClient) -> None:
    """A payment that overtook its invoice is taken once the invoice is there."""
    payment, invoice = erp.payment(), erp.invoice()
    early = await api.post(AT, content=payment, headers=erp.signed(payment, "m-2"))
    assert (early.status_code, early.json()["code"]) == (404, "invoice_unknown")
    await api.post(AT, content=invoice, headers=erp.signed(invoice))
    late = await api.post(AT, content=payment, headers=erp.signed(payment, "m-2"))
    assert late.status_code == 201


NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
SECRETS = (
    "whsec_" + base64.b64encode(b"n" * 32).decode(),
    "whsec_" + base64.b64encode(b"o" * 32).decode(),
)
NAMED = {
    "body": HookSignatureWrong,
    "id": HookSignatureWrong,
    "stamp": HookSignatureWrong,
    "signature": HookSignatureWrong,
    "secret": HookSignatureWrong,
    "old": HookTooOld,
    "future": HookFromFuture,
    "absent": HookUnsigned,
}


def mutated(chance: random.Random) -> tuple[str, bytes, dict[str, str]]:
    """A genuine message with one thing changed, and what it is."""
    kind = chance.choice(sorted(NAMED))
    body = chance.randbytes(chance.randint(1, 60))
    message_id = f"m-{chance.randint(0, 10**12)}"
    away = chance.randint(301, 10_000_000)
    late = {"old": away, "future": -away}.get(kind, 0)
    secret = secret_of(chance.randbytes(32)) if kind == "secret" else SECRETS[0]
    headers = signed_headers([secret], message_id, NOW - timedelta(seconds=late), body)
    match kind:
        case "body":
            at = chance.randrange(len(body))
            other = bytes([body[at] ^ chance.randint(1, 255)])
            ways = [body[:at] + other + body[at + 1 :], body[:at], body + b" ", b" " + body]
            body = chance.choice(ways)
        case "id":
            headers["webhook-id"] = message_id + chance.choice("x.1")
        case "stamp":
            stamp = int(headers["webhook-timestamp"]) + chance.choice([-1, 1]) * chance.randint(
                1, 300
            )
            headers["webhook-timestamp"] = str(stamp)
        case "signature":
            given = bytearray(base64.b64decode(headers["webhook-signature"].removeprefix("v1,")))
            given[chance.randrange(32)] ^= chance.randint(1, 255)
            version = chance.choice(["v1,", "v1a,", "", "v1 "])
            headers["webhook-signature"] = version + base64.b64encode(given).decode()
        case "absent":
            del headers[chance.choice(sorted(headers))]
    return kind, body, headers


def test_ten_thousand_mutations_of_genuine_messages_are_refused_by_name() -> None:
    chance = random.Random(22)
    seen = Counter[str]()
    for _ in range(10_000):
        kind, body, headers = mutated(chance)
        with pytest.raises(CreditError) as refused:
            refuse_unsigned(headers, body, SECRETS[:1], NOW, "erp")
        assert type(refused.value) is NAMED[kind], (kind, body, headers)
        assert problem_of(refused.value, "zh").detail != problem_of(refused.value, "en").detail
        seen[kind] += 1
    assert seen.keys() == NAMED.keys()


@given(st.binary(max_size=60), st.integers(-300, 300), st.sampled_from(SECRETS))
def test_a_genuine_message_within_five_minutes_is_taken_under_any_valid_secret(
    body: bytes, late: int, secret: str
) -> None:
    headers = signed_headers([secret], "m-1", NOW - timedelta(seconds=late), body)
    headers["webhook-signature"] = f"v1a,other v0 {headers['webhook-signature']}"
    assert refuse_unsigned(headers, body, SECRETS, NOW, "erp") == "m-1"


def test_another_body_under_an_id_is_refused_whatever_came_between(erp: Erp) -> None:
    hooks, person = erp.services.hooks, PEOPLE["order_system"]
    hooks.take(person, "erp", "m-1", erp.invoice())
    hooks.take(person, "erp", "m-2", erp.invoice("INV-2"))
    with pytest.raises(KeyReused):
        hooks.take(person, "erp", "m-1", erp.invoice("INV-2"))
