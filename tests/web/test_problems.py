"""Does every refusal have a status, and every answer from 400 up one shape?"""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from domain.errors import CreditError, KeyInFlight
from tests.web.people import as_
from web.app import assemble
from web.problems import (
    MEDIA_TYPE,
    STATUSES,
    Problem,
    codes,
    language_of,
    problem_of,
    status_of,
    tree_of,
)
from web.service.clock import Clock
from web.service.identity import IdentityService
from web.service.once import JoinedRecords
from web.service.services import Services


@pytest.mark.parametrize("leaf", list(tree_of(CreditError)), ids=lambda leaf: leaf.code_name())
def test_every_refusal_has_a_status_and_two_sentences(leaf: type[CreditError]) -> None:
    assert 400 <= status_of(leaf) < 500
    assert any(place in STATUSES and place is not CreditError for place in leaf.__mro__) or (
        leaf is CreditError
    )
    english, chinese = leaf().detail("en"), leaf().detail("zh-CN")
    assert english.endswith(".")
    assert chinese.endswith("。")
    assert problem_of(leaf(), "zh").detail == chinese


def test_no_two_refusals_share_a_code() -> None:
    leaves = list(tree_of(CreditError))
    assert len({leaf.code_name() for leaf in leaves}) == len(leaves)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,zh;q=0.9", "en"),
        ("fr, zh;q=0.2", "zh"),
        ("zh;q=broken", "en"),
        ("*", "en"),
    ],
)
def test_the_language_is_the_one_asked_for_most(header: str, language: str) -> None:
    assert language_of(header) == language


@pytest.fixture
async def broken(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The application with a route that is wrong."""

    @app.get("/api/wrong")
    def wrong() -> None:
        raise ZeroDivisionError

    @app.get("/api/claimed")
    def claimed() -> None:
        raise KeyInFlight(key="k")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def refused(answer: httpx.Response, status: int, code: str) -> Problem:
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    problem = Problem.model_validate(answer.json())
    assert (problem.status, problem.code) == (status, code)
    assert problem.request_id == answer.headers["x-request-id"]
    assert code in codes()
    return problem


async def test_http_refuses_in_the_same_shape(broken: httpx.AsyncClient) -> None:
    mine = as_("operator")
    refused(await broken.get("/api/nothing/here"), 404, "not_found")
    refused(await broken.put("/api/v1/me"), 405, "method_not_allowed")
    refused(await broken.get("/api/wrong"), 500, "internal_error")
    claimed = await broken.get("/api/claimed")
    refused(claimed, 409, "key_in_flight")
    assert claimed.headers["retry-after"] == "1"
    broken_json = {**mine, "Content-Type": "application/json"}
    unreadable = await broken.post("/api/v1/persons", content=b"{", headers=broken_json)
    refused(unreadable, 400, "malformed")
    null = await broken.post("/api/v1/persons", content=b'{"a": "\\u0000"}', headers=broken_json)
    refused(null, 400, "malformed")
    refused(await broken.get("/api/v1/me?a=%00"), 400, "malformed")
    refused(await broken.get("/api/v1/%00"), 400, "malformed")


@pytest.mark.parametrize(
    "body",
    [
        b'{"person_id": "x", "title": "\\ud83d", "roles": ["legal"]}',
        b'{"person_id": "x", "title": "\xff", "roles": ["legal"]}',
        b"[" * 100_000,
        b"1" * 10_000,
        b'{"title": NaN}',
        b"null",
        b"",
    ],
)
async def test_text_that_is_none_is_refused(api: httpx.AsyncClient, body: bytes) -> None:
    headers = as_("operator", **{"Content-Type": "application/json"})
    answer = await api.post("/api/v1/persons", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == MEDIA_TYPE
    odd = await api.get("/api/v1/customers?search=%ff%fe", headers=as_("relationship_manager"))
    assert odd.status_code == 200


async def test_what_is_too_large_is_refused_before_it_is_read(api: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 65536

    mine = as_("operator", **{"Content-Type": "application/json"})
    stated = await api.post(
        "/api/v1/persons", content=b"{}", headers={**mine, "Content-Length": "52428800"}
    )
    refused(stated, 413, "body_too_large")
    refused(
        await api.post("/api/v1/persons", content=endless(), headers=mine), 413, "body_too_large"
    )


async def test_the_sentence_is_in_the_language_asked_for(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/v1/me", headers={"Accept-Language": "zh-CN"})
    assert refused(answer, 401, "not_signed_in").detail == "请登录或提供有效密钥。"


async def test_the_page_a_problem_names_is_there(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/v1/me")
    page = await api.get(answer.json()["type"])
    assert page.json()["status"] == 401
    refused(await api.get("/api/problems/no_such_code"), 404, "not_found")


async def test_a_process_that_serves_says_so(api: httpx.AsyncClient) -> None:
    assert (await api.get("/healthz")).json() == {"status": "ok"}
    ready = await api.get("/readyz")
    assert ready.status_code == 200
    assert ready.headers["x-content-type-options"] == "nosniff"


async def test_the_reference_asks_nothing_of_another_host(api: httpx.AsyncClient) -> None:
    page = await api.get("/api/docs")
    assert page.status_code == 200
    assert "://" not in page.text
    document = (await api.get("/api/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert document["paths"]["/api/v1/me"]["get"]["security"] == [{"key": []}, {"session": []}]
    assert "security" not in document["paths"]["/api/v1/sessions"]["post"]


async def test_without_its_records_it_says_come_back_later(services: Services) -> None:
    gone = JoinedRecords("postgresql+psycopg2://nobody@127.0.0.1:9/nothing", connections_max=1)
    app = assemble(
        replace(services, records=gone, identity=IdentityService(gone, Clock())),
        public_url="http://test",
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/healthz")).status_code == 200
        refused(await client.get("/readyz"), 503, "unavailable")
        answer = await client.get("/api/v1/me", headers=as_("operator"))
        refused(answer, 503, "unavailable")
        assert answer.headers["retry-after"]
