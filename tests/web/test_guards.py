"""Guards and the register of related parties by every door: API, client, command line and page."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from creditflow.commands.output import Exit
from domain.application import Application
from domain.approval import Verdict
from domain.customer import Identifier, IdentifierScheme
from domain.money import Money
from domain.party import LinkContent
from storage.customer import Customers
from storage.statement import Statements
from tests import servers
from tests.makers_policy import a_customer, a_statement
from tests.web.book import Book, supplies
from tests.web.conftest import serving
from tests.web.keys import client, keyed_book, types
from tests.web.test_console import hidden, signed_in
from web.app import assemble

KEYS = "manager approver1 approver2 approver3 approver4 approver5 risk risk2 legal auditor".split()
PROOF = {
    "c-2001": Identifier(scheme=IdentifierScheme.LEI, value="5493001KJTIIGC8Y1R12"),
    "c-2002": Identifier(scheme=IdentifierScheme.LEI, value="529900T8BM49AURSDO55"),
}
WHY = "Twice the orders of last season, each under a letter of credit."


@pytest.fixture(scope="module")
def book(
    postgres_server: servers.Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Book]:
    with keyed_book(postgres_server, tmp_path_factory, KEYS) as there:
        yield there


@pytest.fixture(scope="module")
def app(book: Book) -> FastAPI:
    return assemble(book.services, public_url="http://test")


@pytest.fixture(scope="module")
def url(app: FastAPI) -> Iterator[str]:
    with serving(app) as address:
        yield address


def asks(url: str, person_id: str, method: str, path: str, **sent: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer cf_test_{person_id}"}
    return httpx.request(method, f"{url}/api/v1{path}", headers=headers, **sent)


def submits(book: Book, customer_id: str, amount: int, key: str, **changed: object) -> str:
    application = Application.model_validate(
        {
            "customer_id": customer_id,
            "limit_requested": Money.of(amount, "CNY"),
            "purpose": "Components for the coming season.",
            **changed,
        }
    )
    manager = book.people["manager"]
    return book.services.applications.submit(manager, application, key).case_id


def tasks_of(book: Book, case_id: str) -> dict[str, str]:
    found = book.services.approvals.list_tasks(book.people["auditor"], mine=False, case_id=case_id)
    return {task.position: task.task_id for task in found}


# ── above the eligible limit ─────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def above(book: Book, url: str) -> str:
    """A case that was put to its own body with more than policy supports, by a typed form."""
    supplies(book, "c-1004")
    plain = book.services.applications.read_case(
        book.people["auditor"], submits(book, "c-1004", 20_000_000, "plain", product="prepayment")
    )
    assert plain.assessment is not None
    assert plain.assessment.limit_recommended == plain.assessment.limit.limit_proposed
    book.services.applications.withdraw(book.people["manager"], plain.case.case_id, "retyped")
    page = signed_in(assemble(book.services, public_url="http://test"), "manager")
    fields = hidden(page.get("/cases/new"), "/cases") | {
        "customer_id": "c-1004",
        "application_type": "new_line",
        "amount": "20000000",
        "currency": "CNY",
        "term_months": "12",
        "product": "prepayment",
        "purpose": "Components",
        "above_eligible_reason": WHY,
    }
    answer = page.post("/cases", data=fields)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].rsplit("/", 1)[-1]


def test_more_than_policy_supports_goes_to_its_own_body(book: Book, above: str) -> None:
    view = book.services.applications.read_case(book.people["auditor"], above)
    assert view.assessment is not None
    assert view.assessment.route.row == "above_eligible"
    assert view.assessment.limit_recommended > view.assessment.limit.limit_proposed
    assert set(tasks_of(book, above)) == {"head_credit", "head_risk"}


def test_neither_api_nor_command_line_raises_a_limit(book: Book, url: str, above: str) -> None:
    view = book.services.applications.read_case(book.people["auditor"], above)
    assert view.assessment is not None
    more = view.assessment.limit_recommended + Money.of("0.01", "CNY")
    task = tasks_of(book, above)["head_credit"]

    said = {"verdict": "approve", "limit": {"amount": more.text, "currency": "CNY"}}
    answer = asks(url, "approver3", "POST", f"/tasks/{task}/decision", json=said)
    assert (answer.status_code, answer.json()["code"]) == (422, "limit_above_proposal")
    words = ("decide", task, "approve", "--limit", more.text)
    ending, document = types(url, "approver3", *words)
    assert (ending, document["code"]) == (Exit.REFUSED, "limit_above_proposal")


def test_what_was_granted_above_is_listed_with_letter_exception_and_who_approved(
    book: Book, url: str, app: FastAPI, above: str
) -> None:
    assert list(client(url, "risk").list_above_eligible()) == []
    for person, position in (("approver3", "head_credit"), ("approver4", "head_risk")):
        book.services.approvals.decide(
            book.people[person], tasks_of(book, above)[position], Verdict.APPROVE, note="seen"
        )
    view = book.services.applications.read_case(book.people["auditor"], above)
    assert view.letter is not None
    assert view.assessment is not None

    (listed,) = client(url, "auditor").list_above_eligible()
    assert (listed.letter_no, listed.case_id) == (view.letter.letter_no, above)
    assert listed.limit.amount == view.assessment.limit_recommended.amount
    assert listed.eligible.amount == view.assessment.limit.limit_proposed.amount
    assert (listed.route_row, listed.reason) == ("above_eligible", WHY)
    assert listed.decided_by == ("approver3", "approver4")
    ending, document = types(url, "risk", "guard", "above-eligible")
    assert (ending, [each["letter_no"] for each in document["items"]]) == (
        Exit.DONE,
        [listed.letter_no],
    )
    page = signed_in(app, "risk").get("/guards?view=above_eligible").text
    assert listed.letter_no in page
    assert WHY in page
    yesterday = book.services.clock.business_on() - timedelta(days=1)
    assert list(client(url, "risk").list_above_eligible(until=yesterday)) == []
    reversed_ = {"since": "2026-02-01", "until": "2026-01-01"}
    refused = asks(url, "risk", "GET", "/reports/above-eligible", params=reversed_)
    assert refused.json()["code"] == "period_reversed"
    earliest = asks(url, "risk", "GET", "/reports/above-eligible", params={"until": "0001-01-01"})
    assert earliest.json()["items"] == []


# ── splitting ────────────────────────────────────────────────────────────────────────────────────


def joined(book: Book) -> tuple[str, str]:
    """Two ordinary companies of which one holds the other."""
    on = book.services.clock.business_on()
    pair = ("c-2001", "c-2002")
    with book.services.records.begin() as session:
        for customer_id in pair:
            kept = {"business_on": on, "recorded_by": "manager"}
            customer = a_customer(
                customer_id=customer_id, manager_id="manager", identifiers=(PROOF[customer_id],)
            )
            Customers(session).record(customer, source="test", **kept)
            for year in (on.year - 2, on.year - 1):
                account = a_statement(year).model_copy(update={"customer_id": customer_id})
                Statements(session).record(account, **kept)
    content = {"kind": "owns", "holder": pair[0], "subject": pair[1], "share": "0.6"}
    link = LinkContent.model_validate({**content, "source": "register"})
    book.services.parties.record_link(book.people["risk"], link)
    return pair


def test_requests_of_a_ring_are_summed_and_their_clusters_listed(
    book: Book, url: str, app: FastAPI
) -> None:
    # Each alone is good for the automatic lane; the group holds 150 million and 900,000 already.
    supplies(book, "c-1001")
    first = submits(book, "c-1001", 950_000, "split-1", product="prepayment")
    view = book.services.applications.read_case(book.people["auditor"], first)
    assert view.assessment is not None
    # The customer's open request for 12 million is counted in.
    beside = view.assessment.route.beside
    assert beside is not None
    assert beside.cases == (book.cases["open"],)
    assert "requests_summed" in view.assessment.route.reasons
    assert view.assessment.route.aggregate == Money.of(12_950_000, "CNY")
    page = signed_in(app, "auditor").get(f"/cases/{first}").text
    assert f'href="/cases/{book.cases["open"]}"' in page

    with client(url, "risk") as risk:
        assert risk.fetch_splitting().by_manager == (), "one case is no cluster"
        holding, held = joined(book)
        near = [submits(book, holding, 950_000, "n-1"), submits(book, held, 8_900_000, "n-2")]
        report = risk.fetch_splitting()
    (cluster,) = report.by_manager
    assert cluster.manager_id == "manager"
    assert {case.case_id for case in cluster.cases} == {book.cases["active"], *near}
    assert [case.bound for case in cluster.cases if case.case_id == near[1]] == ["sound_branch"]
    (ring,) = report.by_ring
    assert (ring.ring, [case.case_id for case in ring.cases]) == ((holding, held), near)
    assert str(ring.total) == "CNY 9,850,000.00"
    ending, document = types(url, "auditor", "guard", "splitting")
    assert ending is Exit.DONE
    assert document["near_cases"] == report.near_cases
    text = signed_in(app, "risk").get("/guards").text
    assert book.cases["active"][-8:] in text


def test_guards_are_for_risk_officers_and_auditors(url: str) -> None:
    for path in ("/reports/splitting", "/reports/above-eligible"):
        for person in ("manager", "approver1", "legal"):
            answer = asks(url, person, "GET", path)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")


# ── related parties ──────────────────────────────────────────────────────────────────────────────


def an_entry(subject: str, *members: str, **changed: object) -> dict[str, object]:
    return {
        "subject": subject,
        "relation": "insider",
        "members": list(members),
        "source": "declaration",
        "valid_from": "2020-01-01",
        **changed,
    }


def test_an_entry_needs_a_party_and_people_we_know_and_a_second_person(
    book: Book, url: str
) -> None:
    with client(url, "legal") as legal, client(url, "risk") as risk:
        entry = legal.record_related(an_entry("c-1004", "approver2"), key="r-1").newest
        assert legal.record_related(an_entry("c-1004", "approver2"), key="r-1").newest == entry
        assert [each.counted for each in risk.list_related()] == [None]
        for unknown in (an_entry("c-9999"), an_entry("c-1004", "stranger")):
            answer = asks(url, "legal", "POST", "/related-parties", json=unknown)
            assert answer.status_code == 404
        path = f"/related-parties/{entry.entry_id}/check"
        refused = asks(url, "legal", "POST", path, json={"version": 1, "accepted": True})
        assert refused.json()["code"] == "not_permitted"
        own = risk.record_related(an_entry("c-1005")).newest
        own_path = f"/related-parties/{own.entry_id}/check"
        refused = asks(url, "risk", "POST", own_path, json={"version": 1, "accepted": True})
        assert refused.json()["code"] == "same_hands"
        checked = risk.check_related(entry.entry_id, 1, accepted=True)
        assert checked.counted == entry
    ending, _ = types(url, "risk2", "related", "check", own.entry_id, "1", "--reject")
    assert ending is Exit.DONE
    ending, document = types(url, "auditor", "related", "list")
    by_id = {each["newest"]["entry_id"]: each for each in document["items"]}
    assert by_id[own.entry_id]["check"]["accepted"] is False
    assert by_id[entry.entry_id]["counted"]["version"] == 1


def test_a_related_party_is_disclosed_with_limit_use_terms_letters_and_body(
    book: Book, url: str, app: FastAPI
) -> None:
    with client(url, "auditor") as auditor:
        found = auditor.fetch_disclosure()
    (customer,) = [each for each in found.customers if each.customer_id == "c-1004"]
    (line,) = customer.lines
    assert line.line_id == book.cases["line"]
    assert str(line.limit) == "CNY 900,000.00"
    assert str(line.used) == "CNY 270,000.00"
    assert line.body == "automatic"
    assert line.letters
    assert [entry.subject for entry in customer.entries] == ["c-1004"]
    assert (found.limits, found.used) == (line.limit, line.used)
    ending, document = types(url, "risk", "related", "disclosure")
    assert (ending, document["used"]["amount"]) == (Exit.DONE, "270000.00")
    page = signed_in(app, "auditor").get("/related?view=disclosure").text
    assert line.letters[0] in page
    before = found.as_of - timedelta(days=1)
    with client(url, "auditor") as auditor:
        assert auditor.fetch_disclosure(before).customers == ()
    last = asks(
        url, "auditor", "GET", "/related-parties/disclosure", params={"as_of": "9999-12-31"}
    )
    assert (last.status_code, last.json()["code"]) == (422, "date_in_future")


def test_a_new_request_of_a_related_group_has_its_own_body_and_whom_it_marks_is_recused(
    book: Book, url: str, app: FastAPI
) -> None:
    page = signed_in(app, "legal")
    fields = hidden(page.get("/related"), "/related") | {
        "subject": "c-1003",
        "relation": "influenced",
        "members": "approver1, approver5",
        "source": "declaration",
        "valid_from": "2020-01-01",
    }
    assert page.post("/related", data=fields).status_code == 303
    slip = page.post("/related", data={**fields, "source": ""})
    assert slip.status_code == 422
    checker = signed_in(app, "risk2")
    entry_id = next(
        each.newest.entry_id
        for each in book.services.related.list_entries(book.people["risk2"])
        if each.newest.subject == "c-1003"
    )
    action = f"/related/{entry_id}/check"
    word = hidden(checker.get("/related"), action) | {"word": "accept"}
    assert checker.post(action, data=word).status_code == 303

    case_id = submits(book, "c-1003", 400_000, "related")
    view = book.services.applications.read_case(book.people["auditor"], case_id)
    assert view.assessment is not None
    assert view.assessment.route.row == "related_party"
    task = tasks_of(book, case_id)["related_committee"]
    answer = asks(url, "approver5", "POST", f"/tasks/{task}/decision", json={"verdict": "approve"})
    assert (answer.status_code, answer.json()["code"]) == (403, "recused")
    why = asks(url, "approver5", "GET", f"/tasks/{task}").json()["why"]
    assert why["refusal"] == "recused"

    ended = an_entry("c-1003", "approver1", relation="influenced", valid_until="2099-12-31")
    with client(url, "legal") as legal, client(url, "risk") as risk:
        newer = legal.record_related(ended, entry_id)
        assert newer.newest.version == 2
        risk.check_related(entry_id, 2, accepted=True)
    answer = asks(url, "approver5", "POST", f"/tasks/{task}/decision", json={"verdict": "approve"})
    assert answer.json()["outcome"] == "approved"


def test_the_command_line_records_an_entry_and_a_better_version(url: str) -> None:
    words = ("related", "record", "c-1006", "other", "--source", "press", "--from", "2026-01-01")
    ending, made = types(url, "legal", *words, "--member", "approver1")
    assert ending is Exit.DONE
    entry_id = made["newest"]["entry_id"]
    ending, newer = types(url, "legal", *words, "--entry", entry_id, "--until", "2026-02-01")
    assert (newer["newest"]["version"], newer["newest"]["valid_until"]) == (2, "2026-02-01")
    ending, lost = types(url, "legal", *words, "--entry", "nobody")
    assert (ending, lost["code"]) == (Exit.NOT_FOUND, "not_found")
