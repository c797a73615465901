"""The pages over a book that the real steps have driven: who sees what, and what comes back."""

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from functools import cache
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pypdf import PdfReader
from starlette.testclient import TestClient

from activities import application as steps
from activities.override import OVERRIDABLE
from domain.approval import TaskStatus
from domain.cohort import CohortBy
from domain.customer import CustomerContent
from domain.identity import Language
from domain.operations import RepairAct, RepairContent
from domain.turnaround import TurnaroundBy
from storage.operations import Repairs
from tests import servers
from tests.web.book import PASSWORD, Book, link_of, opened, supplies
from web.app import assemble
from web.callers import COOKIE
from web.console.application import ACTS
from web.service.permissions import Action, permitted

GRANTOR = {Language.EN: "Creditflow Demonstration Grantor", Language.ZH: "示范授信机构"}
EVERYBODY = (
    "manager approver1 approver2 approver3 risk release legal collector operator auditor".split()
)
PAGES = (
    "/ /tasks /tasks?view=all /cases /cases?status=in_approval /customers /customers/c-1001 "
    "/customers/c-1001/statements /customers/c-1001/turnover /customers/c-1001/reports "
    "/customers/c-1004/ring /customers/c-1001/insurance /insurance /idle "
    "/customers/c-1001/bills /bills /customers/c-1001/disputes /disputes "
    "/lines /cliffs /cliffs?customer=c-1001 /reviews?view=all /warnings?view=all /rerating /collections "
    "/policy /mails /operations /operations?compare=true /repairs /webhooks /customers/merges "
    "/overrides "
    "/classes /classes?tier=substandard&stage=3 /cohorts /cohorts?view=approver /cohorts/letters "
    "/guards /guards?view=above_eligible /related /related?view=disclosure /tolerances "
    "/reconciliations /confirmations /confirmations?view=all /benchmarks /benchmarks?benchmark=LPR1Y "
    "/outlooks /outlooks/lines?industry=C "
    "/turnaround /turnaround?view=position /turnaround?view=type&since=2020-01-01 "
    "/authority /authority?view=seats /authority?view=delegations /authority?view=certificates "
    "/authority?view=conflicts /authority?view=queue /authority?view=events"
).split()


@pytest.fixture(scope="module")
def book(
    postgres_server: servers.Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Book]:
    name = postgres_server.copy()
    with opened(postgres_server.url(name), tmp_path_factory.mktemp("book")) as there:
        yield there
    postgres_server.drop(name)


@pytest.fixture(scope="module")
def app(book: Book) -> FastAPI:
    return assemble(
        book.services,
        public_url="http://test",
        temporal_ui_url="http://temporal.test",
        grantor=GRANTOR,
    )


def browser(app: FastAPI, language: str = "en") -> TestClient:
    client = TestClient(app, base_url="http://test", follow_redirects=False)
    client.cookies.set("creditflow_language", language)
    return client


def signed_in(app: FastAPI, name: str, language: str = "en") -> TestClient:
    client = browser(app, language)
    client.cookies.set(COOKIE, _session_of(app, name))
    return client


@cache
def _session_of(app: FastAPI, name: str) -> str:
    """One sign-in a person: a password is checked slowly on purpose."""
    answer = browser(app).post("/sign-in", data={"name": name, "password": PASSWORD, "to": "/"})
    assert answer.status_code == 303
    return answer.cookies[COOKIE]


class _Form(HTMLParser):
    """The hidden fields of the form that posts to an address."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._action = action
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form":
            self._inside = found.get("action") == self._action
        if tag == "input" and self._inside and found.get("type") == "hidden":
            self.fields[str(found["name"])] = found.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "form"


class _Outline(HTMLParser):
    """The ids of a page, its labels, and the fields that nothing labels."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.wanted: list[str] = []
        self.fields: list[dict[str, str | None]] = []
        self._labels = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids += [str(found["id"])] if "id" in found else []
        self.wanted += [str(found[key]) for key in ("for", "aria-labelledby") if key in found]
        self.wanted += str(found.get("aria-describedby") or "").split()
        self._labels += tag == "label"
        shown = tag in ("input", "select", "textarea") and found.get("type") != "hidden"
        if shown and not self._labels and "aria-label" not in found:
            self.fields.append(found)

    def handle_endtag(self, tag: str) -> None:
        self._labels -= tag == "label"


def _faults_of(text: str) -> list[str]:
    page = _Outline()
    page.feed(text)
    twice = sorted({each for each in page.ids if page.ids.count(each) > 1})
    nowhere = sorted(set(page.wanted) - set(page.ids))
    unlabelled = [str(f.get("name")) for f in page.fields if f.get("id") not in page.wanted]
    return [*(f"twice: {each}" for each in twice), *nowhere, *unlabelled]


def hidden(page: httpx.Response, action: str) -> dict[str, str]:
    form = _Form(action)
    form.feed(page.text)
    assert form.fields, f"no form posts to {action}"
    return form.fields


def task_of(book: Book, seen: str) -> str:
    tasks = book.services.approvals.list_tasks(
        book.people["auditor"], mine=False, case_id=book.cases[seen], status=TaskStatus.OPEN
    )
    return tasks[0].task_id


# ── every page, for everybody, in both languages ─────────────────────────────────────────────────


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("name", EVERYBODY)
def test_every_entry_of_the_menu_opens_and_every_other_page_is_refused_in_words(
    app: FastAPI, name: str, language: str
) -> None:
    client = signed_in(app, name, language)
    menu = re.findall(r'<a href="(/[a-z]*)"', client.get("/").text)
    for path in PAGES:
        answer = client.get(path)
        place = "/" + path.strip("/").partition("/")[0].partition("?")[0]
        if place in menu:
            assert answer.status_code == 200, path
        else:
            assert answer.status_code == 403
            assert "not_permitted" in answer.text


@pytest.mark.parametrize(("language", "word"), [("en", "special mention"), ("zh-CN", "关注")])
def test_classes_are_run_and_seen_and_a_cohort_opens_its_letters(
    app: FastAPI, book: Book, language: str, word: str
) -> None:
    """The page runs the book as of today; figures, rows and the customer's page say one thing."""
    client = signed_in(app, "risk", language)
    on = book.services.clock.business_on()
    form = _Form("/classes/run")
    form.feed(client.get("/classes").text)
    assert client.post("/classes/run", data=form.fields).status_code == 303

    page = client.get("/classes").text
    figures = book.services.classes.read_figures(book.people["risk"], on)
    standings = book.services.classes.list_classes(book.people["risk"], on)
    assert figures.customers == len(standings) > 1
    amount = f"{figures.allowance.amount:,f}"
    assert amount in page
    late = client.get(f"/classes?as_of={on}&tier=special_mention").text
    assert "/customers/c-1006" in late
    assert "/customers/c-1001" not in late
    assert word in client.get("/customers/c-1006").text
    assert client.get("/classes?as_of=soon").status_code == 422
    assert client.get("/classes?as_of=9999-01-01").status_code == 422

    cohorts = client.get("/cohorts?view=grade").text
    path, *_ = re.findall(r'href="(/cohorts/letters\?[^"]*month=[^"]*)"', cohorts)
    assert "/cases/" in client.get(path.replace("&amp;", "&")).text
    written = client.get(f"/cohorts.csv?view=grade&as_of={on}")
    assert written.headers["content-type"].startswith("text/csv")
    table = book.services.cohorts.read_table(book.people["risk"], CohortBy.GRADE, on)
    assert len(written.text.splitlines()) == len(table.cohorts) + 2 > 2


@pytest.mark.parametrize(("language", "ours"), [("en", "third parties&#39;"), ("zh-CN", "第三方")])
def test_turn_round_is_shown_with_what_will_be_late_and_the_log_is_taken_away(
    app: FastAPI, book: Book, language: str, ours: str
) -> None:
    risk, approver = signed_in(app, "risk", language), signed_in(app, "approver1", language)
    page = risk.get("/turnaround?view=position")
    table = book.services.turnaround.read_table(book.people["risk"], TurnaroundBy.POSITION)
    assert page.text.count('<th scope="row">') >= len(table.rows) > 1
    assert "view=person" in page.text
    shown = approver.get("/turnaround").text
    assert "view=person" not in shown
    assert "/turnaround/events" not in shown
    assert approver.get("/turnaround?view=person").status_code == 403
    assert approver.get("/turnaround/events").status_code == 403
    written = risk.get("/turnaround.csv?view=stage").text
    stages = book.services.turnaround.read_table(book.people["risk"])
    assert len(written.splitlines()) == len(stages.rows) + 1
    log = risk.get("/turnaround/events?form=ocel")
    assert log.headers["content-disposition"].endswith('events.json"')
    assert len(log.json()["events"]) > 20
    cases = book.services.applications.list_cases(book.people["risk"])
    for case in cases:
        assert ours in risk.get(f"/cases/{case.case_id}").text
    assert len(cases) > 5


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_case_of_every_state_has_its_page(app: FastAPI, book: Book, language: str) -> None:
    client = signed_in(app, "auditor", language)
    for seen, case_id in book.cases.items():
        path = f"/lines/{case_id}" if seen == "line" else f"/cases/{case_id}"
        page = client.get(path)
        assert page.status_code == 200, seen
        timeline = page.text.partition('id="timeline"')[2]
        assert "customer:" not in timeline
        assert "person:" not in timeline


@pytest.mark.parametrize(("language", "word"), [("en", "in approval"), ("zh-CN", "审批中")])
def test_the_first_screen_answers_six_questions(
    app: FastAPI, book: Book, language: str, word: str
) -> None:
    page = signed_in(app, "approver2", language).get(f"/cases/{book.cases['open']}").text
    for question in ("asked", "limit", "headroom", "grade", "waits-for", "due"):
        assert f'data-testid="{question}"' in page
    assert word in page
    assert f"/tasks/{task_of(book, 'open')}" in page


def test_repairs_of_a_case_are_on_its_timeline_for_those_who_may_read_them(
    app: FastAPI, book: Book
) -> None:
    case_id = book.cases["open"]
    content = RepairContent(
        workflow_id=f"application/{case_id}",
        act=RepairAct.FAIL,
        reason="the register is closed for good",
        step_id="5",
    )
    with book.services.records.begin() as session:
        Repairs(session).ask(
            "p-1", content, run_id="r-1", step="s", case_id=case_id, asked_by="operator"
        )
    for name in EVERYBODY:
        page = signed_in(app, name).get(f"/cases/{case_id}/timeline")
        if page.status_code != 200:
            assert page.status_code in (403, 404)
            continue
        may = permitted(book.people[name], Action.REPAIR_READ)
        assert ("the register is closed for good" in page.text) is may, name


def test_a_page_names_no_other_host(app: FastAPI, book: Book) -> None:
    client = signed_in(app, "auditor")
    for path in (
        *PAGES,
        f"/cases/{book.cases['open']}",
        f"/cases/{book.cases['open']}/timeline",
        f"/lines/{book.cases['line']}",
    ):
        page = client.get(path).text
        loaded = re.findall(r'(?:src|<link[^>]*href|action)="([^"]+)"', page)
        assert [each for each in loaded if not each.startswith("/")] == []


@pytest.mark.parametrize("name", ["approver2", "manager", "risk", "collector", "operator"])
def test_every_field_has_its_label_and_every_id_is_there_once(
    app: FastAPI, book: Book, name: str
) -> None:
    client = signed_in(app, name)
    cases = [f"/cases/{each}" for seen, each in book.cases.items() if seen != "line"]
    tasks = book.services.approvals.list_tasks(book.people["auditor"], mine=False, status=None)
    places = [
        *PAGES,
        *cases,
        "/cases/new",
        f"/lines/{book.cases['line']}",
        *(f"/tasks/{task.task_id}" for task in tasks),
    ]
    faults = {path: found for path in places if (found := _faults_of(client.get(path).text))}
    assert faults == {}


def test_amounts_are_full_or_short_and_times_on_the_readers_clock(app: FastAPI, book: Book) -> None:
    client = signed_in(app, "approver2", "zh-CN")
    path = f"/cases/{book.cases['open']}"
    assert "¥12,000,000.00" in client.get(path).text
    client.post("/preferences", data={"amounts": "short", "zone": "UTC", "back": path})
    page = client.get(path).text
    assert "¥1,200万" in page
    assert "时间为 UTC<" in page


# ── signing in ───────────────────────────────────────────────────────────────────────────────────


def test_a_stranger_is_sent_to_the_sign_in_and_back(app: FastAPI, book: Book) -> None:
    path = f"/tasks/{task_of(book, 'open')}"
    client = browser(app)
    sent = client.get(path)
    assert (sent.status_code, sent.headers["location"]) == (303, f"/sign-in?to={path}")
    back = client.post("/sign-in", data={"name": "approver2", "password": PASSWORD, "to": path})
    assert back.headers["location"] == path


@pytest.mark.parametrize("to", ["//elsewhere.test", "https://elsewhere.test", "/\\elsewhere.test"])
def test_nobody_is_sent_to_another_site_after_signing_in(app: FastAPI, to: str) -> None:
    client = browser(app)
    answer = client.post("/sign-in", data={"name": "manager", "password": PASSWORD, "to": to})
    assert answer.headers["location"] == "/"


def test_a_wrong_password_comes_back_with_the_name_and_a_code(app: FastAPI) -> None:
    answer = browser(app).post("/sign-in", data={"name": "legal", "password": "a guess"})
    assert answer.status_code == 401
    assert 'value="legal"' in answer.text
    assert "not_signed_in" in answer.text


def test_whoever_signed_out_is_a_stranger_again(app: FastAPI) -> None:
    client = browser(app)
    client.post("/sign-in", data={"name": "auditor", "password": PASSWORD})
    page = client.get("/cases")
    client.post("/sign-out", data=hidden(page, "/sign-out"))
    assert client.get("/cases").status_code == 303


# ── deciding ─────────────────────────────────────────────────────────────────────────────────────


def test_a_form_without_the_pages_token_changes_nothing(app: FastAPI, book: Book) -> None:
    client = signed_in(app, "approver2")
    task = task_of(book, "open")
    answer = client.post(f"/tasks/{task}/decision", data={"verdict": "approve"})
    assert answer.status_code == 403
    assert "request_forged" in answer.text
    assert task_of(book, "open") == task


def test_a_refusal_without_its_reason_comes_back_with_what_was_typed(
    app: FastAPI, book: Book
) -> None:
    client = signed_in(app, "approver2")
    path = f"/tasks/{task_of(book, 'open')}"
    fields = hidden(client.get(path), f"{path}/decision")
    answer = client.post(f"{path}/decision", data={**fields, "verdict": "decline", "limit": "7"})
    assert answer.status_code == 422
    assert "note_missing" in answer.text
    assert re.search(r'value="decline"[^>]*checked', answer.text)


def test_who_lacks_the_authority_is_told_so_before_trying(app: FastAPI, book: Book) -> None:
    page = signed_in(app, "approver1").get(f"/tasks/{task_of(book, 'committee')}").text
    assert "no_authority" in page
    assert 'name="verdict"' not in page


def test_the_chinese_page_explains_itself_in_chinese(app: FastAPI, book: Book) -> None:
    page = signed_in(app, "manager", "zh-CN").get(f"/cases/{book.cases['signing']}").text
    assert "当前不能执行：当前为待签约" in page


def test_a_word_is_taken_once_and_the_page_then_says_by_whom(app: FastAPI, book: Book) -> None:
    client = signed_in(app, "approver4")
    task = task_of(book, "committee")
    path = f"/tasks/{task}"
    fields = hidden(client.get(path), f"{path}/decision")
    first = client.post(f"{path}/decision", data={**fields, "verdict": "approve", "note": "ok"})
    assert (first.status_code, first.headers["location"]) == (303, path)
    again = client.post(f"{path}/decision", data={**fields, "verdict": "approve", "note": "ok"})
    assert again.status_code == 303
    page = client.get(path).text
    assert "by approver4" in page
    assert 'name="verdict"' not in page
    assert "approval is on record" in page


def test_a_refused_attempt_is_kept_with_the_case(app: FastAPI, book: Book) -> None:
    client = signed_in(app, "approver2")
    path = f"/tasks/{task_of(book, 'open')}"
    fields = hidden(client.get(path), f"{path}/decision")
    client.post(f"{path}/decision", data={**fields, "verdict": "maybe"})
    kept = book.services.audit.list_refusals(book.people["auditor"], person_id="approver2")
    assert (kept[0].channel, kept[0].code) == ("console", "field_unreadable")


# ── cover ────────────────────────────────────────────────────────────────────────────────────────


def test_a_receipt_shows_the_cover_it_counted(app: FastAPI, book: Book) -> None:
    page = signed_in(app, "approver3").get(f"/cases/{book.cases['committee']}").text
    assert "Loss given default after cover" in page
    assert "12,000,000.00" in page  # of 20,000,000 less the haircut of a mortgage


def test_a_cover_is_registered_by_one_person_and_confirmed_by_another(
    app: FastAPI, book: Book
) -> None:
    manager, release = signed_in(app, "manager"), signed_in(app, "release")
    path = "/customers/c-1003"
    form = hidden(manager.get(path), f"{path}/covers")
    typed = {
        "kind": "deposit",
        "owner": "c-1003",
        "currency": "CNY",
        "value": "1,000,000",
        "amount": "400,000",
        "source": "deposit agreement",
    }
    refused = manager.post(f"{path}/covers", data={**form, **typed, "amount": "2,000,000"})
    assert refused.status_code == 422
    assert "cover_overused" in refused.text
    assert 'value="1,000,000"' in refused.text
    for _ in range(2):  # however often the button is pressed
        assert manager.post(f"{path}/covers", data={**form, **typed}).status_code == 303
    (cover,) = book.services.covers.list_of_customer(book.people["manager"], "c-1003").covers
    assert (cover.version, cover.pending) == (1, True)
    assert f"{path}/covers/{cover.cover_id}/check" not in manager.get(path).text

    check = f"{path}/covers/{cover.cover_id}/check"
    fields = hidden(release.get(path), check)
    silent = release.post(check, data={**fields, "confirmed": "no"})
    assert silent.status_code == 422
    assert release.post(check, data={**fields, "confirmed": "yes"}).status_code == 303
    change = f"{path}/covers/{cover.cover_id}"
    lower = {**hidden(manager.get(path), change), **typed, "value": "500,000"}
    assert manager.post(change, data=lower).status_code == 303
    found = book.services.covers.list_of_customer(book.people["manager"], "c-1003")
    assert found.covers[0].standing == found.covers[0].content
    assert found.uplift.text == "400000.00"


# ── benchmarks ───────────────────────────────────────────────────────────────────────────────────


def test_a_fixing_is_entered_and_another_person_corrects_it(app: FastAPI, book: Book) -> None:
    risk, path = signed_in(app, "risk"), "/benchmarks"
    on = str(book.services.clock.business_on())
    form = {**hidden(risk.get(path), path), "benchmark": "LPR1Y", "fixed_on": on, "source": "x"}
    assert risk.post(path, data={**form, "percent": "three"}).status_code == 422
    assert risk.post(path, data={**form, "percent": "3.05"}).status_code == 303
    refused = risk.post(path, data={**form, "percent": "3.5", "reason": "read wrongly"})
    assert refused.status_code == 403
    assert 'value="3.5"' in refused.text, "what was typed is still there"

    page = signed_in(app, "auditor").get(f"{path}?benchmark=LPR1Y").text
    assert "3.0500%" in page
    assert f'action="{path}"' not in page, "an auditor enters nothing"
    (fixing,) = book.services.benchmarks.list_fixings(book.people["risk"])
    assert (fixing.rate, fixing.version) == (Decimal("0.0305"), 1)


# ── late interest ────────────────────────────────────────────────────────────────────────────────


def test_a_month_is_charged_waived_by_two_people_and_put_back(app: FastAPI, book: Book) -> None:
    path = "/customers/c-1006"
    charge = f"{path}/late-interest/charges"
    collector, risk = signed_in(app, "collector"), signed_in(app, "risk")
    fields = hidden(collector.get(path), charge)
    today = book.services.clock.business_on()
    month_end = today.replace(day=1) - timedelta(days=1)
    form = {**fields, "period_end_on": str(month_end)}
    assert collector.post(charge, data=form).status_code == 303
    account = book.services.late.read(book.people["risk"], "c-1006")
    entry = account.entries[0]
    assert account.invoices[0].charged.minor > 0

    waive = f"{path}/late-interest/waivers"
    form = {**hidden(collector.get(path), waive), "reason": "our mistake"}
    form |= {"entry_id": entry.entry_id, "amount": entry.amount.text, "currency": "CNY"}
    for _ in range(2):  # however often the button is pressed
        assert collector.post(waive, data=form).status_code == 303
    (asked,) = book.services.late.read(book.people["risk"], "c-1006").waivers
    assert f"{waive}/{asked.waiver_id}" not in collector.get(path).text
    answer = f"{waive}/{asked.waiver_id}"
    form = {**hidden(risk.get(path), answer), "granted": "yes"}
    assert risk.post(answer, data=form).status_code == 303
    back = f"{path}/late-interest/entries/{asked.waiver_id}/reversal"
    silent = risk.post(back, data=hidden(risk.get(path), back))
    assert (silent.status_code, "malformed" in silent.text) == (422, True)
    form = {**hidden(risk.get(path), back), "reason": "promise broken"}
    assert risk.post(back, data=form).status_code == 303
    kinds = [each.kind for each in book.services.late.read(book.people["risk"], "c-1006").entries]
    assert kinds[-2:] == ["waiver", "reversal"]


# ── applying ─────────────────────────────────────────────────────────────────────────────────────


def test_an_application_is_started_once_however_often_the_button_is_pressed(
    app: FastAPI, book: Book
) -> None:
    supplies(book, "c-1003")
    client = signed_in(app, "manager")
    fields = hidden(client.get("/cases/new?customer=c-1007"), "/cases") | {
        "customer_id": "c-1003",
        "application_type": "new_line",
        "amount": "1,250,000.50",
        "currency": "CNY",
        "term_months": "6",
        "product": "prepayment",
        "purpose": "Steel for two orders.",
    }
    first = client.post("/cases", data=fields)
    again = client.post("/cases", data=fields)
    assert first.status_code == again.status_code == 303
    assert first.headers["location"] == again.headers["location"]
    page = client.get(first.headers["location"]).text
    assert "CNY 1,250,000.50".replace(" ", "\N{NO-BREAK SPACE}") in page


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"amount": "ten"}, "malformed_amount"),
        ({"amount": "-5"}, "amount_not_positive"),
        ({"amount": "0.001"}, "malformed_amount"),
        ({"currency": "XXQ"}, "currency_unknown"),
        ({"term_months": "soon"}, "field_unreadable"),
        ({"customer_id": "c-9999"}, "not_found"),
    ],
)
def test_a_slip_comes_back_with_its_code_and_everything_typed(
    app: FastAPI, changed: dict[str, str], code: str
) -> None:
    client = signed_in(app, "manager")
    fields = hidden(client.get("/cases/new"), "/cases") | {
        "customer_id": "c-1001",
        "application_type": "increase",
        "amount": "100",
        "currency": "CNY",
        "term_months": "12",
        "product": "open_account",
        "purpose": "kept & <shown>",
        **changed,
    }
    answer = client.post("/cases", data=fields)
    assert 400 <= answer.status_code < 500
    assert f"<code>{code}</code>" in answer.text
    assert "kept &amp; &lt;shown&gt;" in answer.text


def test_what_is_missing_is_brought_and_the_case_goes_on(app: FastAPI, book: Book) -> None:
    client = signed_in(app, "manager")
    path = f"/cases/{book.cases['incomplete']}"
    fields = hidden(client.get(path), f"{path}/supplement") | {
        "amount": "5000000",
        "term_months": "12",
        "purpose": "Bearings for the spring.",
    }
    answer = client.post(
        f"{path}/supplement",
        data={**fields, "document": "business_license"},
        files={"file": ("licence.pdf", b"%PDF-1.7 licence", "application/pdf")},
    )
    assert answer.status_code == 303
    page = client.get(path).text
    assert "incomplete" not in re.findall(r"<h1>.*?</h1>", page)[0]
    assert "Business licence" in page
    assert "documents: Business licence" in page.split('id="timeline"', 1)[1]


def test_the_states_that_pages_offer_are_those_that_the_steps_take() -> None:
    offered = {act.code: act.states for act in ACTS}
    assert offered["supplement"] == steps._SUPPLEMENTED
    assert offered["amend"] == steps._AMENDABLE
    assert offered["override"] == OVERRIDABLE


def test_the_letter_of_a_decision_is_a_document_for_those_who_see_its_customer(
    app: FastAPI, book: Book
) -> None:
    page = signed_in(app, "auditor").get(f"/cases/{book.cases['active']}")
    path = re.search(r"/letters/[^\"]+\.pdf", page.text)
    assert path is not None
    pdf = signed_in(app, "auditor").get(path[0])
    assert pdf.headers["content-type"] == "application/pdf"
    assert path[0][9:-4] in "".join(
        each.extract_text() for each in PdfReader(BytesIO(pdf.content)).pages
    )
    assert signed_in(app, "manager2").get(path[0]).status_code == 404


# ── the customer ─────────────────────────────────────────────────────────────────────────────────


def test_the_customer_reads_and_signs_through_the_link_alone(app: FastAPI, book: Book) -> None:
    path = link_of(book.services, book.cases["signing"])
    client = browser(app)
    page = client.get(path)
    assert page.status_code == 200
    assert page.headers["referrer-policy"] == "no-referrer"
    assert client.get(f"{path}/agreement.pdf").content.startswith(b"%PDF")
    agent = client.post(path, data={"signatory": "An agent", "capacity": "authorised_agent"})
    assert agent.status_code == 422
    assert "authority_missing" in agent.text
    assert 'value="An agent"' in agent.text
    signed = client.post(
        path, data={"signatory": "The signatory", "capacity": "legal_representative"}
    )
    assert signed.status_code == 303
    assert "carries both signatures" in client.get(path).text


def test_a_link_of_nobody_says_so(app: FastAPI) -> None:
    answer = browser(app).get("/sign/not-a-link")
    assert answer.status_code == 404
    assert "link_unknown" in answer.text


# ── the line ─────────────────────────────────────────────────────────────────────────────────────


def test_a_line_is_unfrozen_by_others_than_who_froze_it(app: FastAPI, book: Book) -> None:
    client = signed_in(app, "risk")
    path = f"/lines/{book.cases['line']}"
    page = client.get(path)
    assert "frozen" in re.findall(r"<h1>.*?</h1>", page.text)[0]
    fields = hidden(page, f"{path}/unfreeze")
    answer = client.post(f"{path}/unfreeze", data={**fields, "note": "all is well"})
    assert answer.status_code == 403
    assert "same_hands" in answer.text
    assert "all is well" in answer.text


# ── around the pages ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ("{open}", "/cases/{open}"),
        ("{line}", "/lines/{line}"),
        ("PF2026-000001", "/cases/{active}"),
        ("bearings", "/customers?q=bearings"),
        ("", "/"),
    ],
)
def test_the_search_goes_to_the_one_thing_that_is_meant(
    app: FastAPI, book: Book, wanted: str, place: str
) -> None:
    if wanted.startswith("PF"):
        auditor = book.people["auditor"]
        letter = book.services.applications.read_case(auditor, book.cases["active"]).letter
        assert letter is not None
        wanted = letter.letter_no
    answer = signed_in(app, "auditor").get("/search", params={"q": wanted.format_map(book.cases)})
    assert answer.headers["location"] == place.format_map(book.cases)


def test_a_page_that_is_not_there_is_said_in_words(app: FastAPI) -> None:
    answer = signed_in(app, "auditor").get("/cases/no-such-case")
    assert answer.status_code == 404
    assert "<code>not_found</code>" in answer.text


def test_programs_still_get_problems_and_not_pages(app: FastAPI) -> None:
    answer = browser(app).get("/api/v1/applications")
    assert answer.headers["content-type"] == "application/problem+json"


def test_assets_are_kept_for_a_year_under_a_name_with_their_hash(app: FastAPI) -> None:
    client = browser(app)
    style = re.findall(r'href="(/assets/console\.[0-9a-f]{12}\.css)"', client.get("/sign-in").text)
    answer = client.get(style[0])
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("name", ["console.css", "..%2Fapp.py", "tabler.000000000000.css"])
def test_nothing_else_is_served_beside_pages(app: FastAPI, name: str) -> None:
    assert browser(app).get(f"/assets/{name}").status_code == 404


def test_a_phone_is_sent_little_before_charts(app: FastAPI, book: Book) -> None:
    client = signed_in(app, "approver2", "zh-CN")
    page = client.get(f"/tasks/{task_of(book, 'open')}")
    loaded = re.findall(r'(?:src|href)="(/assets/[^"#]+\.(?:css|js))"', page.text)
    early = [each for each in loaded if not each.startswith(("/assets/echarts", "/assets/font"))]
    # As they travel: the client unpacks what it is sent, so the lengths are the headers'.
    sizes = [int(client.get(each).headers["content-length"]) for each in dict.fromkeys(early)]
    assert sum(sizes) + len(page.content) < 160_000, (sizes, len(page.content))


def test_templates_keep_to_a_screen() -> None:
    long = {
        str(path): lines
        for path in Path("templates/console").rglob("*.html")
        if (lines := len(path.read_text("utf-8").splitlines())) > 100
    }
    assert long == {}


@pytest.mark.parametrize("name", ["manager", "manager2", "approver1", "risk", "auditor"])
def test_each_figure_of_the_start_page_opens_the_list_it_counts(app: FastAPI, name: str) -> None:
    client = signed_in(app, name)
    tiles = re.findall(
        r'class="tile" href="([^"]+)".*?tile-figure">(\d+)<', client.get("/").text, re.DOTALL
    )
    assert tiles
    for path, figure in tiles:
        rows = re.findall(r'<a class="main-link"', client.get(path.replace("&amp;", "&")).text)
        assert len(rows) == int(figure), path


def test_two_records_become_one_by_two_people_and_two_again(app: FastAPI, book: Book) -> None:
    manager, risk = signed_in(app, "manager"), signed_in(app, "risk")
    content = CustomerContent(name="JINYUAN PRECISION BEARINGS LIMITED")
    twin = book.services.customers.record(book.people["manager"], content).customer_id
    place = "/customers/merges"
    assert twin in manager.get(f"{place}?customer=c-1001").text
    form = {"first": twin, "second": "c-1001", "surviving": "c-1001", "reason": "one company"}
    token = hidden(manager.get(place), place)["csrf_token"]
    unsaid = manager.post(place, data=form | {"csrf_token": token, "reason": ""})
    assert unsaid.status_code == 422
    assert manager.post(place, data=form | {"csrf_token": token}).status_code == 303
    (merge,) = book.services.merges.list_merges(book.people["manager"])

    assert f"{place}/{merge.merge_id}/confirm" not in manager.get(place).text
    for word in ("confirm", "reversal"):
        action = f"{place}/{merge.merge_id}/{word}"
        fields = hidden(risk.get(place), action)
        assert risk.post(action, data={**fields, "reason": "seen"}).status_code == 303
        page = risk.get(f"/customers/{twin}").text
        assert ("Merged records:" in page) == (word == "confirm")
        assert ("was merged into c-1001" in page) == (word == "confirm")


def test_a_customers_page_has_the_credit_of_the_day_that_was_chosen(
    app: FastAPI, book: Book
) -> None:
    client = signed_in(app, "risk")
    today = book.services.clock.business_on()
    page = client.get(f"/customers/c-1004?as_of={today}").text
    assert f'value="{today}"' in page
    assert book.cases["line"][-6:] in page
    assert client.get("/customers/c-1004?as_of=soon").status_code == 422
    tomorrow = today + timedelta(days=1)
    assert client.get(f"/customers/c-1004?as_of={tomorrow}").status_code == 422


def test_a_party_of_two_roles_shows_both_sides(app: FastAPI, book: Book) -> None:
    supplies(book, "c-1002")
    assert "Both sides" in signed_in(app, "risk").get("/customers/c-1002").text
    assert "双方往来" in signed_in(app, "risk", "zh-CN").get("/customers/c-1002").text
    assert "Both sides" not in signed_in(app, "risk").get("/customers/c-1006").text
