"""Are histories readable to operators, from the Temporal UI too, and to nobody else?"""

import base64
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.web.people import as_
from web.app import assemble
from web.service.services import Services

UI = "http://temporal.test:8233"
CLEAR = {
    "metadata": {"encoding": base64.b64encode(b"json/plain").decode()},
    "data": base64.b64encode(b'"clear"').decode(),
}


@pytest.fixture
async def behind_ui(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    app = assemble(services, public_url="http://test", temporal_ui_url=UI)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_what_is_encoded_is_unreadable_and_is_decoded_again(api: httpx.AsyncClient) -> None:
    body = {"payloads": [CLEAR]}
    encoded = await api.post("/api/v1/codec/encode", json=body, headers=as_("operator"))
    (payload,) = encoded.json()["payloads"]
    assert b"clear" not in base64.b64decode(payload["data"])
    decoded = await api.post("/api/v1/codec/decode", json=encoded.json(), headers=as_("operator"))
    assert decoded.json() == body
    untouched = await api.post("/api/v1/codec/decode", json=body, headers=as_("operator"))
    assert untouched.json() == body


async def test_only_an_operator_decodes(api: httpx.AsyncClient) -> None:
    for person_id in ("auditor", "risk_officer", "relationship_manager"):
        refused = await api.post(
            "/api/v1/codec/decode", json={"payloads": [CLEAR]}, headers=as_(person_id)
        )
        assert refused.status_code == 403


async def test_a_payload_of_another_key_is_refused(api: httpx.AsyncClient) -> None:
    encrypted = base64.b64encode(b"binary/encrypted-aes256gcm").decode()
    for key_id, data in (("b3RoZXI=", "AAAA"), ("", ""), ("b3RoZXI=", "not base64")):
        metadata = {"encoding": encrypted, **({"key-id": key_id} if key_id else {})}
        refused = await api.post(
            "/api/v1/codec/decode",
            json={"payloads": [{"metadata": metadata, "data": data}]},
            headers=as_("operator"),
        )
        assert (refused.status_code, refused.json()["code"]) == (422, "malformed")


async def test_the_ui_may_ask_from_its_own_origin_and_no_other_may(
    behind_ui: httpx.AsyncClient,
) -> None:
    preflight = {"Origin": UI, "Access-Control-Request-Method": "POST"}
    allowed = await behind_ui.options("/api/v1/codec/decode", headers=preflight)
    assert allowed.status_code == 204
    assert allowed.headers["access-control-allow-origin"] == UI
    assert "x-namespace" in allowed.headers["access-control-allow-headers"]
    asked = await behind_ui.post(
        "/api/v1/codec/decode", json={"payloads": []}, headers=as_("operator", Origin=UI)
    )
    assert asked.headers["access-control-allow-credentials"] == "true"
    stranger = await behind_ui.options(
        "/api/v1/codec/decode", headers={**preflight, "Origin": "http://elsewhere"}
    )
    elsewhere = await behind_ui.options("/api/v1/me", headers=preflight)
    for answer in (stranger, elsewhere):
        assert "access-control-allow-origin" not in answer.headers


async def test_somebody_reads_their_own_refusals_and_an_auditor_everybodys(
    api: httpx.AsyncClient,
) -> None:
    await api.post("/api/v1/ledger/verify", headers=as_("legal"))
    own = await api.get("/api/v1/refusals?person=legal", headers=as_("legal"))
    assert [refused["code"] for refused in own.json()["items"]] == ["not_permitted"]
    assert (await api.get("/api/v1/refusals", headers=as_("legal"))).status_code == 403
    first = await api.get("/api/v1/refusals?page_size=1", headers=as_("auditor"))
    assert first.json()["has_more"]
    cursor = first.json()["next_cursor"]
    rest = await api.get(f"/api/v1/refusals?cursor={cursor}", headers=as_("auditor"))
    assert len(rest.json()["items"]) == 1
    assert rest.json()["next_cursor"] is None
    broken = await api.get("/api/v1/refusals?cursor=%25%25", headers=as_("auditor"))
    assert broken.json()["code"] == "malformed"


async def test_a_collector_reads_counts_by_route_and_no_ids(api: httpx.AsyncClient) -> None:
    await api.get("/api/v1/customers/01900000-0000-7000-8000-000000000000", headers=as_("legal"))
    page = (await api.get("/metrics")).text
    assert 'route="/api/v1/customers/{customer_id}",status="404"' in page
    assert "01900000" not in page
