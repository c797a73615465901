"""Is everybody who they say, and is what they are refused on record?"""

import httpx
import pytest
from fastapi import FastAPI

from storage.identity import Persons, Refusals, password_hash_of
from tests.web.people import PEOPLE, as_
from web.service.identity import FAILURES_MAX
from web.service.once import JoinedRecords
from web.service.permissions import Action, permitted

PASSWORD = "a long enough password"
PASSWORD_HASH = password_hash_of(PASSWORD)


@pytest.fixture
def with_password(joined_records: JoinedRecords) -> None:
    with joined_records.begin() as session:
        Persons(session).record_password("operator", PASSWORD_HASH)


async def sign_in(api: httpx.AsyncClient, password: str = PASSWORD) -> httpx.Response:
    return await api.post("/api/v1/sessions", json={"name": "operator", "password": password})


async def test_a_key_says_who_asks_and_what_they_may(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/v1/me", headers=as_("auditor"))
    assert answer.status_code == 200
    assert answer.json()["person"]["person_id"] == "auditor"
    assert set(answer.json()["actions"]) == {
        action for action in Action if permitted(PEOPLE["auditor"], action)
    }


@pytest.mark.parametrize(
    "authorization", ["", "Bearer cf_unknown", "Bearer ", "Basic b3BlcmF0b3I6", "Bearer 授信"]
)
async def test_without_a_valid_key_nobody_is_told_anything(
    api: httpx.AsyncClient, authorization: str
) -> None:
    headers = {"Authorization": authorization.encode()} if authorization else {}
    answer = await api.get("/api/v1/persons", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == "not_signed_in"
    assert "www-authenticate" in answer.headers


@pytest.mark.usefixtures("with_password")
async def test_a_session_reads_by_cookie_and_writes_with_its_token(api: httpx.AsyncClient) -> None:
    begun = await sign_in(api)
    assert begun.status_code == 201
    assert "httponly" in begun.headers["set-cookie"].lower()
    assert (await api.get("/api/v1/me")).status_code == 200

    forged = await api.post("/api/v1/persons/auditor/disable")
    assert (forged.status_code, forged.json()["code"]) == (403, "request_forged")
    token = {"X-CSRF-Token": begun.json()["csrf_token"]}
    foreign = await api.post(
        "/api/v1/persons/auditor/disable", headers={**token, "Origin": "http://elsewhere"}
    )
    assert foreign.json()["code"] == "request_forged"
    assert (await api.post("/api/v1/persons/auditor/disable", headers=token)).status_code == 204
    assert (await api.get("/api/v1/me", headers=as_("auditor"))).status_code == 401

    assert (await api.delete("/api/v1/sessions/current", headers=token)).status_code == 204
    api.cookies.set("creditflow_session", begun.cookies["creditflow_session"])
    assert (await api.get("/api/v1/me")).status_code == 401


@pytest.mark.usefixtures("with_password")
async def test_a_name_is_locked_after_too_many_wrong_passwords(api: httpx.AsyncClient) -> None:
    for _ in range(FAILURES_MAX):
        assert (await sign_in(api, "wrong")).json()["code"] == "not_signed_in"
    locked = await sign_in(api)
    assert (locked.status_code, locked.json()["code"]) == (429, "locked_out")
    assert int(locked.headers["retry-after"]) > 0


async def test_a_key_is_shown_once_and_can_be_revoked(api: httpx.AsyncClient) -> None:
    issued = (
        await api.post("/api/v1/persons/auditor/keys", json={}, headers=as_("auditor"))
    ).json()
    mine = {"Authorization": f"Bearer {issued['key']}"}
    assert (await api.get("/api/v1/me", headers=mine)).status_code == 200
    listed = await api.get("/api/v1/persons/auditor/keys", headers=mine)
    assert issued["key"] not in listed.text
    key_id = issued["api_key"]["key_id"]
    stolen = await api.delete(f"/api/v1/persons/auditor/keys/{key_id}", headers=as_("legal"))
    assert stolen.status_code == 403
    revoked = await api.delete(f"/api/v1/persons/auditor/keys/{key_id}", headers=mine)
    assert revoked.status_code == 200
    assert (await api.get("/api/v1/me", headers=mine)).status_code == 401


async def test_what_somebody_may_not_do_is_refused_and_kept(
    api: httpx.AsyncClient, joined_records: JoinedRecords
) -> None:
    refused = await api.get("/api/v1/persons", headers=as_("legal"))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    with joined_records.begin() as session:
        (kept,) = Refusals(session).list_refusals(person_id="legal")
    assert kept.action == "GET /api/v1/persons"
    assert kept.code == "not_permitted"


async def test_an_unreadable_write_is_refused_by_field_and_kept(
    app: FastAPI, api: httpx.AsyncClient, joined_records: JoinedRecords
) -> None:
    refused = await api.post(
        "/api/v1/persons", json={"person_id": "x", "title": ""}, headers=as_("operator")
    )
    assert refused.status_code == 422
    fields = {error["field"] for error in refused.json()["errors"]}
    assert fields == {"body.title", "body.roles"}
    with joined_records.begin() as session:
        (kept,) = Refusals(session).list_refusals()
    assert kept.code == "malformed"
    assert len(kept.body_hash) == 64


@pytest.mark.usefixtures("with_password")
async def test_a_new_password_ends_every_session(api: httpx.AsyncClient) -> None:
    begun = await sign_in(api)
    token = {"X-CSRF-Token": begun.json()["csrf_token"]}
    change = {"old": "wrong", "new": "another long password"}
    wrong = await api.post("/api/v1/me/password", json=change, headers=token)
    assert wrong.status_code == 401
    changed = await api.post("/api/v1/me/password", json={**change, "old": PASSWORD}, headers=token)
    assert changed.status_code == 204
    assert (await api.get("/api/v1/me")).status_code == 401
    assert (await sign_in(api)).status_code == 401
    assert (await sign_in(api, "another long password")).status_code == 201
