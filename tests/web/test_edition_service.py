"""Can a policy be checked, compared and published by who may, and by nobody else?"""

import httpx
import pytest

from storage.edition import Editions, read_shipped, shipped_text
from tests.web.people import as_
from web.service.once import JoinedRecords

STANDARD = shipped_text("standard")
CHANGED = 'name = "standard"\n[limit]\nlot = 50000\n'


@pytest.fixture
def published(joined_records: JoinedRecords) -> str:
    with joined_records.begin() as session:
        return Editions(session).publish(read_shipped(), STANDARD, "system")


async def test_the_shipped_edition_has_no_fault(api: httpx.AsyncClient) -> None:
    checked = await api.post(
        "/api/v1/editions/check", json={"toml": STANDARD}, headers=as_("risk_officer")
    )
    assert checked.status_code == 200
    assert checked.json()["faults"] == []


@pytest.mark.parametrize(
    "toml", ["[[[[", "name = 5", "a = " + "9" * 5000, "[" * 3000, 'name = "x"']
)
async def test_what_is_no_edition_is_refused_with_a_reason(
    api: httpx.AsyncClient, toml: str
) -> None:
    refused = await api.post(
        "/api/v1/editions/check", json={"toml": toml}, headers=as_("risk_officer")
    )
    assert refused.status_code == 422
    assert refused.json()["code"] in ("edition_invalid", "malformed")


async def test_a_draft_says_what_it_changes_and_is_published_once(
    api: httpx.AsyncClient, published: str
) -> None:
    draft = {"toml": CHANGED, "base_hash": published}
    compared = await api.post("/api/v1/editions/diff", json=draft, headers=as_("auditor"))
    assert [d["path"] for d in compared.json()["differences"]] == ["limit.lot"]
    refused = await api.post("/api/v1/editions", json=draft, headers=as_("auditor"))
    assert refused.status_code == 403
    made = await api.post("/api/v1/editions", json=draft, headers=as_("risk_officer"))
    assert made.status_code == 201
    listed = await api.get("/api/v1/editions", headers=as_("auditor"))
    hashes = [each["edition_hash"] for each in listed.json()["items"]]
    assert hashes == [published, made.json()["edition_hash"]]
    source = await api.get(f"/api/v1/editions/{hashes[1]}/source", headers=as_("auditor"))
    assert "lot = 50000" in source.text


async def test_with_no_case_judged_nothing_would_change(
    api: httpx.AsyncClient, published: str
) -> None:
    tried = await api.post(
        "/api/v1/editions/simulate", json={"toml": STANDARD}, headers=as_("risk_officer")
    )
    assert tried.json()["cases"] == 0
