"""Are tolerances and their uses told by every door: API, client, command line, page and import?"""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from creditflow.cli import app as commands
from creditflow.client import Client, Refused
from domain.identity import Language
from domain.imports import ImportKind
from storage.identity import ApiKeys, Persons, password_hash_of
from tests.investigators import Desk, at_desk
from tests.web.conftest import serving
from tests.web.test_console import PASSWORD, signed_in
from web.app import assemble

KEY = "cf_test_key_of_{}"
FILE = (
    "customer,period_end_on,months,currency,precision,total_assets,total_liabilities,equity\n"
    "91991000000000000H,2023-12-31,12,CNY,1,1001,600,400\n"
    "91991000000000000H,2022-12-31,12,CNY,1,1000,600,400\n"
)


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    with at_desk(database_url, tmp_path) as there:
        with there.services.records.begin() as session:
            for name in ("manager", "risk"):
                ApiKeys(session).record_key(name, KEY.format(name))
                Persons(session).record_password(name, password_hash_of(PASSWORD))
        yield there


@pytest.fixture
def app(desk: Desk) -> FastAPI:
    grantor = {Language.EN: "Grantor", Language.ZH: "授信机构"}
    return assemble(desk.services, public_url="http://test", grantor=grantor)


def test_an_import_names_the_row_that_ties_by_a_tolerance(desk: Desk) -> None:
    report = desk.services.imports.import_csv(
        desk.people["manager"], ImportKind.STATEMENTS, FILE.encode()
    )
    assert report.refused == 0, report.errors
    (use,) = report.tolerated
    assert use.subject == "line 2: 2023-12-31: total_assets = total_liabilities + equity"
    assert (use.code, use.difference, use.unit) == ("statement_tie", 1, "CNY")


def test_uses_are_counted_by_api_client_command_and_page(
    desk: Desk, app: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.services.imports.import_csv(desk.people["manager"], ImportKind.STATEMENTS, FILE.encode())
    today = desk.services.clock.business_on()
    month = today.replace(day=1)
    with serving(app) as url:
        client = Client(url, KEY.format("risk"))
        report = client.fetch_tolerances()
        assert [(each.code, each.uses, each.month_on) for each in report.counts] == [
            ("statement_tie", 1, month)
        ]
        assert {row.code for row in report.rows} >= {"statement_tie", "year_length", "cut"}
        with pytest.raises(Refused) as refused:
            client.fetch_tolerances(since=today, until=date(2020, 1, 1))
        assert refused.value.code == "period_reversed"
        plain = httpx.get(
            f"{url}/api/v1/reports/tolerances",
            headers={"authorization": f"Bearer {KEY.format('manager')}"},
        )
        assert plain.json()["code"] == "not_permitted"

        monkeypatch.setenv("CREDITFLOW_URL", url)
        monkeypatch.setenv("CREDITFLOW_KEY", KEY.format("risk"))
        monkeypatch.setenv("CREDITFLOW_KEY", KEY.format("manager"))
        file = tmp_path / "again.csv"
        file.write_text(FILE)
        brought = CliRunner().invoke(commands, ["import", "statements", str(file)])
        assert "line 2: 2023-12-31: total_assets" in brought.stdout
        monkeypatch.setenv("CREDITFLOW_KEY", KEY.format("risk"))
        told = CliRunner().invoke(commands, ["tolerances", "--json"])
        assert json.loads(told.stdout)["counts"][0]["uses"] == 1
        spoken = CliRunner().invoke(commands, ["tolerances"])
        assert "statement_tie" in spoken.stdout
    for language, words in {"en": "Figures of a statement tie", "zh-CN": "报表勾稽"}.items():
        page = signed_in(app, "risk", language).get("/tolerances").text
        assert page.count(words) == 2
        assert f"{month:%Y-%m}" in page


def test_a_period_before_all_editions_is_refused_in_words(desk: Desk, app: FastAPI) -> None:
    for language in ("en", "zh-CN"):
        answer = signed_in(app, "risk", language).get("/tolerances?until=0001-01-01")
        assert answer.status_code == 404
        assert "not_found" in answer.text
