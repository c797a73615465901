"""Is a case that lacks a rate said so to people, and does a file of rates let it go on?"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from fastapi import FastAPI

from domain.application import CaseStatus
from domain.exchange import RateGap
from domain.identity import Language
from domain.imports import ImportKind
from domain.money import Money
from storage.identity import Persons, password_hash_of
from storage.notification import Outbox
from tests.investigators import Desk, at_desk
from tests.web.test_console import signed_in
from web.app import assemble

PASSWORD = "a long enough password"
UNASKED = "[investigation]\nrows = []\nchecklists = []\n"
HEAD = "base,quote,rate,rate_on\n"


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    with at_desk(database_url, tmp_path, UNASKED) as there:
        with there.services.records.begin() as session:
            Persons(session).record_password("manager", password_hash_of(PASSWORD))
        yield there


def waiting(desk: Desk) -> str:
    """The id of a case in a currency without a rate."""
    return desk.submit(limit_requested=Money.of(500_000, "EUR"))


def woken(desk: Desk, case_id: str) -> int:
    with desk.services.records.begin() as session:
        entries = Outbox(session).find_page(page_size=100)
    said = {"workflow_id": f"application/{case_id}", "name": "rates_recorded"}
    return sum(each.facts == said for each in entries)


def test_a_file_of_rates_wakes_the_cases_that_wait_for_one_once(desk: Desk) -> None:
    case_id = waiting(desk)
    risk = desk.people["risk"]
    bring = desk.services.imports.import_csv
    content = f"{HEAD}EUR,CNY,7.8,2025-01-02\n".encode()

    assert bring(risk, ImportKind.RATES, content, dry_run=True).created == 1
    assert woken(desk, case_id) == 0, "a trial writes nothing"
    assert bring(risk, ImportKind.RATES, content).created == 1
    assert bring(risk, ImportKind.RATES, content).unchanged == 1
    assert woken(desk, case_id) == 1


def test_a_case_goes_on_only_once_its_own_rate_has_come(desk: Desk) -> None:
    case_id = waiting(desk)
    case = desk.services.applications.read_case(desk.people["manager"], case_id).case
    (gap,) = map(RateGap.find, case.missing)
    assert case.status is CaseStatus.INCOMPLETE
    assert gap is not None
    desk.office.take_report(case_id)
    case = desk.services.applications.read_case(desk.people["manager"], case_id).case
    assert case.missing == (gap.code,)


def test_the_page_names_the_rate_and_whom_the_case_waits_for(desk: Desk) -> None:
    case_id = waiting(desk)
    app: FastAPI = assemble(
        desk.services,
        public_url="http://test",
        grantor={Language.EN: "Grantor", Language.ZH: "授信机构"},
    )
    for language, words in {
        "en": ("Exchange rate EUR/CNY/spot/", "a risk officer, who records the exchange rate"),
        "zh-CN": ("汇率 EUR/CNY/spot/", "风险经理登记汇率"),
    }.items():
        page = signed_in(app, "manager", language).get(f"/cases/{case_id}").text
        assert all(each in page for each in words)


def test_a_code_of_a_gap_says_what_it_is_of() -> None:
    code = "exchange_rate:EUR/CNY/average/2025-06-30"
    gap = RateGap.find(code)
    assert gap is not None
    assert gap.on == date(2025, 6, 30)
    assert gap.code == code
    assert RateGap.find("statements_years:2") is None
