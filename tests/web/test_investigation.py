"""Is an investigation said well: by API, client, command and page, and refused by name and place?"""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from fastapi import FastAPI
from starlette.testclient import TestClient
from typer.testing import CliRunner

from creditflow.client import Client, Conflict, Money, NotFound, NotPermitted, Refused
from creditflow.client import values as v
from creditflow.commands.investigation import investigation, products
from domain.application import CaseStatus
from domain.identity import Language, Person, Role
from domain.investigation import AssignmentContent
from storage.identity import ApiKeys, Persons, password_hash_of
from tests.investigators import Desk, at_desk
from tests.makers_line import open_line
from tests.web.conftest import serving
from tests.web.test_console import _faults_of, hidden
from web.app import assemble

KEY = "cf_test_key_of_{}"
PASSWORD = "a long enough password"
COMPREHENSIVE = {"product": "comprehensive"}


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    with at_desk(database_url, tmp_path) as there:
        with there.services.records.begin() as session:
            stranger = Person(
                person_id="manager3", title="third", roles=frozenset({Role.RELATIONSHIP_MANAGER})
            )
            Persons(session).record_person(stranger)
            hashed = password_hash_of(PASSWORD)
            for name in (*there.people, "manager3"):
                ApiKeys(session).record_key(name, KEY.format(name))
                Persons(session).record_password(name, hashed)
        yield there


@pytest.fixture
def app(desk: Desk) -> FastAPI:
    grantor = {Language.EN: "Grantor", Language.ZH: "授信机构"}
    return assemble(desk.services, public_url="http://test", grantor=grantor)


@pytest.fixture
def served(app: FastAPI) -> Iterator[str]:
    with serving(app) as url:
        yield url


def client_of(served: str, name: str) -> Client:
    return Client(served, KEY.format(name))


def a_proposal(
    limit: int = 30_000_000, by_name: int | None = None, **line: Any
) -> v.SchemeProposal:
    ordinary = {"product": "open_account", "limit": Money.of(limit, "CNY"), "tenor_months": 6}
    return v.SchemeProposal(
        scheme=v.FacilityScheme(
            limit=Money.of(limit, "CNY"),
            sub_lines=(v.SubLine.model_validate(ordinary | line),),
            nominal_limit=Money.of(by_name, "CNY") if by_name is not None else None,
        ),
        conclusion="recommend",
        opinion="The orders carry it.",
    )


# ── by program ───────────────────────────────────────────────────────────────────────────────────


def test_the_whole_of_it_by_the_client(desk: Desk, served: str) -> None:
    case_id = desk.submit()
    with client_of(served, "manager") as lead, client_of(served, "manager2") as second:
        with pytest.raises(NotFound):
            second.fetch_investigation(case_id)
        view = lead.assign_investigators(case_id, "manager", "manager2")
        assert [case.case_id for case in second.list_investigations()] == [case_id]
        paper = lead.attach("count.txt", b"counted by hand\n").sha256
        assert view.checklist is not None
        for item in view.checklist.items:
            evidence = (paper,) if item.evidence else ()
            lead.answer_item(case_id, item.code, "As told.", evidence=evidence)
        on = desk.services.clock.business_on()
        second.record_visit(case_id, on, "The works", "head of finance", "Busy.", photos=(paper,))
        for day in view.statements_on_file:
            second.examine_statement(case_id, day, "Ties.")
        view = lead.propose_scheme(case_id, a_proposal())
        assert view.open_points == ()
        assert view.report_hash is not None
        lead.sign_report(case_id, view.report_hash, key="s-1")
        lead.sign_report(case_id, view.report_hash, key="s-1")  # the same request, once more
        signed = second.sign_report(case_id, view.report_hash).signed
        assert signed is not None
        assert (signed.lead, signed.second, signed.conclusion) == (
            "manager",
            "manager2",
            "recommend",
        )
        assert {each.code for each in lead.fetch_products()} >= {"comprehensive", "factoring"}


def refused(served: str, name: str, ask: str, **said: Any) -> tuple[int, str, str]:
    """What the API answers somebody whose request is refused: status, code, sentence."""
    headers = {"Authorization": f"Bearer {KEY.format(name)}"}
    answer = httpx.post(f"{served}/api/v1/applications/{ask}", json=said, headers=headers)
    problem = answer.json()
    return answer.status_code, problem["code"], problem["detail"]


def test_each_thing_that_cannot_be_is_refused_by_its_name_and_place(
    desk: Desk, served: str
) -> None:
    case_id = desk.submit()
    at = f"{case_id}/investigation"
    two = {"lead": "manager", "second": "manager2"}
    answer = {"item": "management", "finding": "Known for years."}
    tomorrow = (desk.services.clock.business_on() + timedelta(days=1)).isoformat()
    visit = {"visited_on": tomorrow, "place": "Works", "met": "guard", "finding": "Closed."}
    proposal = a_proposal().model_dump(mode="json")
    too_long = a_proposal(tenor_months=9).model_dump(mode="json")
    too_low = a_proposal(by_name=29_999_999).model_dump(mode="json")

    def asked(ask: str, name: str = "manager", **said: Any) -> tuple[int, str]:
        status, code, detail = refused(served, name, f"{at}/{ask}", **said)
        sentences[code] = detail
        return status, code

    sentences: dict[str, str] = {}
    assert asked("answers", **answer) == (403, "not_investigator")  # nobody is named
    assert asked("assignment", **two | {"second": "manager"}) == (403, "same_hands")
    assert asked("assignment", **two | {"lead": "release"}) == (403, "not_investigator")
    assert asked("assignment", "approver1", **two) == (403, "not_permitted")
    desk.prepare(case_id)
    assert asked("assignment", lead="manager2", second="manager") == (
        422,
        "reassignment_unexplained",
    )
    assert asked("answers", "manager3", **answer) == (404, "not_found")
    assert asked("answers", **answer | {"item": "horoscope"}) == (404, "not_found")
    assert asked("answers", **answer | {"evidence": ["0" * 64]}) == (404, "not_found")
    assert asked("visits", **visit) == (422, "date_in_future")
    assert asked("statements", period_end_on="1999-12-31", finding="x") == (404, "not_found")
    assert asked("proposal", **too_long) == (422, "scheme_refused")
    assert "tenor_too_long of open_account (9, not 6)" in sentences["scheme_refused"]
    assert asked("proposal", **too_low) == (422, "scheme_refused")
    assert "nominal_below_limit" in sentences["scheme_refused"]
    assert asked("proposal", **proposal | {"conditions": ["A pledge."]}) == (
        422,
        "conclusion_unclear",
    )
    assert asked("signature", report_hash="0" * 64) == (409, "stale_content")


def test_an_open_item_and_a_missing_paper_keep_it_from_being_signed(
    desk: Desk, served: str
) -> None:
    case_id = desk.submit()
    with client_of(served, "manager") as lead:
        view = lead.assign_investigators(case_id, "manager", "manager2")
        assert view.report_hash is None
        view = lead.propose_scheme(case_id, a_proposal())
        ask, report = f"{case_id}/investigation/signature", {"report_hash": view.report_hash}
        status, code, detail = refused(served, "manager", ask, **report)
        assert (status, code) == (422, "investigation_open")
        assert "item bank_accounts" in detail
        desk.prepare(case_id)
        view = lead.answer_item(case_id, "bank_accounts", "Seen on screen only.")
        report = {"report_hash": view.report_hash}
        assert refused(served, "manager", ask, **report) == (
            422,
            "evidence_missing",
            "There is no file on record as evidence of: item bank_accounts.",
        )


def test_nobody_is_investigated_whom_policy_does_not_ask_for(desk: Desk, served: str) -> None:
    case_id = desk.submit(5_000_000, purpose="")
    with client_of(served, "manager") as lead:
        assert lead.fetch_investigation(case_id).checklist is None
        with pytest.raises(Refused) as refusal:
            lead.assign_investigators(case_id, "manager", "manager2")
    assert refusal.value.code == "investigation_not_asked"


def test_the_second_reads_the_case_and_changes_nothing_else_of_it(desk: Desk, served: str) -> None:
    case_id = desk.submit()
    desk.prepare(case_id)
    with client_of(served, "manager2") as second, client_of(served, "manager3") as stranger:
        assert second.fetch_case(case_id).case.case_id == case_id
        with pytest.raises(NotFound):
            second.withdraw(case_id, "not mine to end")
        with pytest.raises(NotFound):
            second.assign_investigators(case_id, "manager3", "manager2", reason="I would rather")
        with pytest.raises(NotFound):
            stranger.fetch_case(case_id)
        with pytest.raises(NotFound):
            stranger.fetch_investigation(case_id)
        assert list(stranger.list_investigations()) == []
    with client_of(served, "auditor") as auditor:
        assert auditor.fetch_investigation(case_id).report_hash is not None
        with pytest.raises(NotPermitted):
            auditor.sign_report(case_id, "0" * 64)


def test_signing_again_without_a_key_is_a_conflict(desk: Desk, served: str) -> None:
    case_id = desk.submit()
    report = desk.prepare(case_id)
    with client_of(served, "manager") as lead:
        lead.sign_report(case_id, report)
        with pytest.raises(Conflict) as refusal:
            lead.sign_report(case_id, report)
    assert refusal.value.code == "signed_twice"


# ── by command ───────────────────────────────────────────────────────────────────────────────────


def test_the_whole_of_it_by_commands(
    desk: Desk, served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = desk.submit()
    monkeypatch.setenv("CREDITFLOW_URL", served)
    (tmp_path / "count.txt").write_text("counted by hand\n")
    proposal = a_proposal().model_dump(mode="json")
    (tmp_path / "scheme.json").write_text(json.dumps(proposal))
    shown = ["--file", str(tmp_path / "count.txt")]

    def run(name: str, *typed: str, code: int = 0) -> Any:
        monkeypatch.setenv("CREDITFLOW_KEY", KEY.format(name))
        done = CliRunner().invoke(investigation, [case_id, *typed, "--json"])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    view = run("manager", "assign", "manager", "manager2")
    for item in view["checklist"]["items"]:
        run("manager", "answer", item["code"], "--finding", "As told.", *shown)
    on = desk.services.clock.business_on().isoformat()
    place = ["--place", "The works", "--met", "head of finance", "--finding", "Busy."]
    run("manager2", "visit", on, *place, *shown)
    for day in view["statements_on_file"]:
        run("manager2", "examine", day, "--finding", "Ties.")
    report = run("manager", "propose", "--file", str(tmp_path / "scheme.json"))["report_hash"]
    run("manager", "sign", report)
    assert run("manager", "sign", report, code=6)["code"] == "signed_twice"
    assert run("manager2", "sign", report)["signed"]["second"] == "manager2"
    told = CliRunner().invoke(investigation, [case_id, "show"])
    assert "signed by  manager, manager2" in told.stdout
    listed = CliRunner().invoke(_app_of(products), ["--json"])
    assert {each["code"] for each in json.loads(listed.stdout)["items"]} >= {"project"}


def _app_of(command: Any) -> Any:
    app = typer.Typer()
    app.command()(command)
    return app


# ── on the page ──────────────────────────────────────────────────────────────────────────────────


def signed_in(app: FastAPI, name: str, language: str = "en") -> TestClient:
    browser = TestClient(app, base_url="http://test", follow_redirects=False)
    browser.cookies.set("creditflow_language", language)
    told = {"name": name, "password": PASSWORD, "to": "/"}
    assert browser.post("/sign-in", data=told).status_code == 303
    return browser


def send(browser: TestClient, case_id: str, act: str, files: Any = None, **said: Any) -> Any:
    page = browser.get(f"/cases/{case_id}/investigation")
    path = f"/cases/{case_id}/investigation/{act}"
    return browser.post(path, data={**hidden(page, path), **said}, files=files)


def test_the_whole_of_it_on_the_page(desk: Desk, app: FastAPI) -> None:
    case_id = desk.submit(**COMPREHENSIVE)
    lead, second = signed_in(app, "manager"), signed_in(app, "manager2")
    place = f"/cases/{case_id}/investigation"
    assert second.get(place).status_code == 404
    assert place in lead.get(f"/cases/{case_id}").text

    assert send(lead, case_id, "assign", lead="manager", second="manager2").status_code == 303
    assert case_id in second.get("/investigations").text
    paper = [("files", ("count.txt", b"counted by hand\n", "text/plain"))]
    checklist = desk.services.investigations.read(desk.people["manager"], case_id).checklist
    assert checklist is not None
    for item in checklist.items:
        said = {"item": item.code, "finding": "As told."}
        assert send(lead, case_id, "answer", paper, **said).status_code == 303
    on = desk.services.clock.business_on()
    visit = {"place": "Works", "met": "guard", "finding": "Closed."}
    future = (on + timedelta(days=1)).isoformat()
    late = send(second, case_id, "visit", paper, visited_on=future, **visit)
    assert late.status_code == 422
    assert "date_in_future" in late.text
    assert 'value="Works"' in late.text  # what was typed is still there
    assert send(second, case_id, "visit", paper, visited_on=str(on), **visit).status_code == 303
    for day in desk.services.investigations.read(
        desk.people["manager"], case_id
    ).statements_on_file:
        said = {"period_end_on": str(day), "finding": "Ties."}
        assert send(second, case_id, "examine", **said).status_code == 303
    scheme = {
        "limit": "30,000,000",
        "nominal_limit": "45,000,000",
        "products": ["open_account", "bank_acceptance", "factoring"],
        "limits": ["30,000,000", "10000000", ""],
        "tenors": ["6", "9", ""],
        "deposits": ["", "30", ""],
        "conclusion": "recommend",
        "opinion": "The orders carry it.",
    }
    unfit = send(lead, case_id, "propose", **scheme)
    assert unfit.status_code == 422
    assert "scheme_refused" in unfit.text
    assert 'value="10000000"' in unfit.text
    assert 'value="45,000,000"' in unfit.text
    fit = scheme | {"tenors": ["6", "6", ""]}
    assert send(lead, case_id, "propose", **fit).status_code == 303
    assert "With your name you confirm" in lead.get(place).text
    assert send(lead, case_id, "sign").status_code == 303
    assert "With your name you confirm" not in lead.get(place).text
    assert send(second, case_id, "sign").status_code == 303
    desk.office.take_report(case_id)

    view = desk.case(case_id)
    assert view.case.status is CaseStatus.IN_APPROVAL
    # What comes of a grant: a customer that has credit from us, for whom there is another checklist.
    open_line(desk.services.records, customer_id=desk.customer.customer_id)
    seen = desk.services.investigations.read(desk.people["auditor"], case_id)
    assert seen.signed is not None
    assert ([each.binds for each in seen.signatures], seen.open_points) == ([True, True], ())
    assert view.assessment is not None
    report = view.assessment.dossier.investigation
    assert report is not None
    assert [line.product for line in report.scheme.sub_lines] == ["open_account", "bank_acceptance"]
    assert report.scheme.nominal_limit is not None
    assert report.scheme.nominal_limit.text == "45000000.00"
    approver = signed_in(app, "approver2")
    for page in (f"/cases/{case_id}", f"/tasks/{view.tasks[0].task_id}"):
        told = approver.get(page).text
        assert "45,000,000.00" in told
        assert report.report_hash in told
        assert "Bank acceptance" in told
    assert INVESTIGATION_WANTED in approver.get(f"/tasks/{view.tasks[0].task_id}").text


INVESTIGATION_WANTED = 'name="fields_wanted" value="investigation_report"'


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_pages_show_what_is_open_to_everybody_who_may_read(
    desk: Desk, app: FastAPI, language: str
) -> None:
    case_id = desk.submit(**COMPREHENSIVE)
    two = AssignmentContent(lead="manager", second="manager2")
    desk.services.investigations.assign(desk.people["manager"], case_id, two)
    for name in ("manager", "manager2", "approver1", "risk", "auditor"):
        browser = signed_in(app, name, language)
        for path in (f"/cases/{case_id}/investigation", "/investigations", "/products"):
            answer = browser.get(path)
            assert answer.status_code == 200, (name, path)
            assert _faults_of(answer.text) == [], (name, path)
    page = signed_in(app, "approver1", language).get(f"/cases/{case_id}/investigation").text
    assert "investigation/sign" not in page
    assert "investigation/answer" not in page
    word = {"en": "Stock and receivables, as counted", "zh-CN": "存货与应收账款核实"}[language]
    assert word in page
