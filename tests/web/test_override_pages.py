"""The pages of an override: asked for on a case, confirmed on a task, watched in a list."""

import re

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from domain.override import OverrideStatus
from storage.identity import Persons, password_hash_of
from tests.web.test_console import _faults_of, browser, hidden
from tests.web.test_overrides import House, house, seals
from web.app import assemble
from web.callers import COOKIE

__all__ = ["house", "seals"]

PASSWORD = "a long enough password"


@pytest.fixture
def app(house: House) -> FastAPI:
    hashed = password_hash_of(PASSWORD)
    with house.services.records.begin() as session:
        for name in house.people:
            Persons(session).record_password(name, hashed)
    return assemble(house.services, public_url="http://test")


def signed_in(app: FastAPI, name: str, language: str = "en") -> TestClient:
    client = browser(app, language)
    answer = client.post("/sign-in", data={"name": name, "password": PASSWORD, "to": "/"})
    client.cookies.set(COOKIE, answer.cookies[COOKIE])
    return client


def test_a_grade_is_moved_on_the_page_of_its_case_and_confirmed_on_a_task(
    app: FastAPI, house: House
) -> None:
    path, risk = f"/cases/{house.case_id}", signed_in(app, "risk")
    form = hidden(risk.get(path), f"{path}/override")
    said = {**form, "notches": "-9", "reason": "market_turned", "note": "orders are down"}
    refused = risk.post(f"{path}/override", data=said)
    assert refused.status_code == 422
    assert "override_out_of_bound" in refused.text
    assert "orders are down" in refused.text

    asked = risk.post(f"{path}/override", data={**said, "notches": "-3"})
    assert asked.status_code == 303
    page = risk.get(path)
    assert "Waits for a second person." in page.text
    assert "the market has turned" in page.text
    assert _faults_of(page.text) == []

    task = house.task(about_override=True)
    confirming = signed_in(app, "risk2")
    page = confirming.get(f"/tasks/{task}")
    assert _faults_of(page.text) == []
    assert "Override of a grade" in page.text
    assert 'value="return"' not in page.text
    assert 'name="limit"' not in page.text
    word = hidden(page, f"/tasks/{task}/decision")
    done = confirming.post(f"/tasks/{task}/decision", data={**word, "verdict": "approve"})
    assert done.status_code == 303
    assert house.view().overrides[0].status is OverrideStatus.CONFIRMED
    assert confirming.get(f"/tasks/{task}").status_code == 200

    shown = risk.get(path).text
    override = house.view().overrides[0]
    assert f"model&#39;s grade {override.grade_model}" in shown
    assert "Proposed by risk" in shown
    assert "Second person risk2" in shown
    assert "Grade overridden" in shown


@pytest.mark.parametrize(
    ("language", "title"), [("en", "Overrides of grades"), ("zh-CN", "评级推翻")]
)
def test_who_watches_finds_the_list_and_how_the_rate_is_meant(
    app: FastAPI, house: House, language: str, title: str
) -> None:
    house.moves(-1)
    page = signed_in(app, "auditor", language).get("/overrides?analyst=risk")

    assert page.status_code == 200
    assert title in page.text
    assert _faults_of(page.text) == []
    assert re.search(r'<th scope="row">risk</th>', page.text)
    assert f"/cases/{house.case_id}" in page.text
    wrong = signed_in(app, "auditor", language).get("/overrides?since=yesterday")
    assert wrong.status_code == 422
    assert "field_unreadable" in wrong.text


def test_nobody_else_finds_it(app: FastAPI, house: House) -> None:
    client = signed_in(app, "approver1")

    assert 'href="/overrides"' not in client.get("/").text
    assert client.get("/overrides").status_code == 403
