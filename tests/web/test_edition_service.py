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


async def test_a_draft_says_what_it_changes(api: httpx.AsyncClient, published: str) -> None:
    draft = {"toml": CHANGED, "base_hash": published}
    compared = await api.post("/api/v1/editions/diff", json=draft, headers=as_("auditor"))
    assert [d["sentence"] for d in compared.json()["differences"]] == [
        "limit › lot: 10000 becomes 50000"
    ]
    two = {**draft, "against_toml": STANDARD}
    other = await api.post("/api/v1/editions/diff", json=two, headers=as_("auditor"))
    assert other.json()["differences"] == compared.json()["differences"]


async def test_a_draft_is_kept_with_its_author_and_tried_before_it_is_published(
    api: httpx.AsyncClient, published: str
) -> None:
    draft = {"toml": CHANGED, "base_hash": published}
    refused = await api.post("/api/v1/editions/drafts", json=draft, headers=as_("auditor"))
    assert refused.status_code == 403
    made = await api.post("/api/v1/editions/drafts", json=draft, headers=as_("risk_officer"))
    assert made.status_code == 201
    kept = made.json()["draft"]
    assert kept["authors"] == ["risk_officer"]
    place = f"/api/v1/editions/drafts/{kept['draft_id']}"
    by_hash = await api.get(f"/api/v1/editions/drafts/{kept['edition_hash']}", headers=as_("legal"))
    assert by_hash.json()["draft"] == kept
    assert "lot = 50000" in (await api.get(f"{place}/source", headers=as_("auditor"))).text

    untried = await api.post(f"{place}/proposal", headers=as_("risk_officer"))
    assert untried.json()["code"] == "simulation_stale"
    tried = await api.post(f"{place}/simulation", headers=as_("auditor"))
    assert tried.status_code == 201
    assert tried.json()["report"]["past"]["cases"] == 0, "no case was judged yet"
    own = await api.post(f"{place}/publication", json={}, headers=as_("risk_officer"))
    assert (own.status_code, own.json()["code"]) == (403, "same_hands")
    text = await api.get(f"{place}/simulation.md", headers=as_("auditor"))
    assert kept["edition_hash"][:12] in text.text
    rows = await api.get(f"{place}/simulation.csv", headers=as_("auditor"))
    assert rows.text.startswith("set,case_id,")


async def test_the_same_content_written_by_another_makes_them_an_author_too(
    api: httpx.AsyncClient, published: str
) -> None:
    draft = {"toml": CHANGED, "base_hash": published}
    first = await api.post("/api/v1/editions/drafts", json=draft, headers=as_("risk_officer"))
    other = await api.post("/api/v1/editions/drafts", json=draft, headers=as_("everybody"))
    assert other.json()["draft"]["draft_id"] == first.json()["draft"]["draft_id"]
    assert other.json()["draft"]["authors"] == ["risk_officer", "everybody"]
