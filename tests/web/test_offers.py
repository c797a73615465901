"""Offers by every door: a typed word, the customer's link, the manager's desk, and who may not."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from stdnum.cn import uscc

from creditflow.client import values as v
from creditflow.commands.output import Exit
from domain.application import Application
from domain.contract import Terms
from domain.customer import Identifier, IdentifierScheme
from domain.money import Money
from storage.customer import Customers
from storage.notification import Outbox
from storage.statement import Statements
from tests import servers
from tests.makers_policy import a_changed_edition, a_customer, a_statement
from tests.web.book import Book
from tests.web.conftest import serving
from tests.web.keys import client, keyed_book, types
from tests.web.test_console import browser, hidden, signed_in
from web.app import assemble

OFFERING = a_changed_edition(
    "[approval.automatic]\nsampling_share = 0\n[investigation]\nrows = []\nchecklists = []\n"
    "[offer]\nvalid_days = 10\npolicy_cuts = false\n"
)


@pytest.fixture(scope="module")
def book(
    postgres_server: servers.Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Book]:
    with keyed_book(
        postgres_server,
        tmp_path_factory,
        ("manager", "approver1", "auditor", "legal", "release"),
        OFFERING,
    ) as there:
        yield there


@pytest.fixture(scope="module")
def app(book: Book) -> FastAPI:
    return assemble(book.services, public_url="http://test")


@pytest.fixture(scope="module")
def url(app: FastAPI) -> Iterator[str]:
    with serving(app) as address:
        yield address


def asked(book: Book, number: str) -> tuple[str, str]:
    """The case of a fresh customer and the task that is open on it."""
    on = book.services.clock.business_on()
    base = f"9132050060003{number}"
    code = base + uscc.calc_check_digit(base)
    customer_id = f"c-{number}"
    with book.services.records.begin() as session:
        identifier = Identifier(scheme=IdentifierScheme.USCC, value=code)
        kept = {"business_on": on, "recorded_by": "manager"}
        customer = a_customer(customer_id=customer_id, identifiers=(identifier,))
        Customers(session).record(customer, source="test", **kept)
        for year in (on.year - 2, on.year - 1):
            account = a_statement(year).model_copy(update={"customer_id": customer_id})
            Statements(session).record(account, **kept)
    application = Application(
        customer_id=customer_id,
        limit_requested=Money.of(5_000_000, "CNY"),
        purpose="Components for the coming season.",
    )
    manager, auditor = book.people["manager"], book.people["auditor"]
    case_id = book.services.applications.submit(manager, application, number).case_id
    [task] = book.services.approvals.list_tasks(auditor, mine=False, case_id=case_id)
    return case_id, task.task_id


def offered(book: Book, url: str, number: str) -> str:
    """A case approved for less, by the command line."""
    case_id, task_id = asked(book, number)
    word = ("decide", task_id, "approve", "--limit", "3000000", "--term-months", "6")
    under = ("--condition", "[cover legal] The owner stands surety.", "--condition", "A pledge.")
    done, answer = types(url, "approver1", *word, *under)
    assert (done, answer["outcome"]) == (Exit.DONE, "approved"), answer
    return case_id


def link_of(book: Book, case_id: str) -> str:
    with book.services.records.begin() as session:
        owed = Outbox(session).list_of_case(case_id)
    [link] = [
        each.facts["link"]
        for each in owed
        if each.kind == "offer_made" and each.recipient.startswith("customer:")
    ]
    assert not any(
        each.kind == "decision_approved" and each.recipient.startswith("customer:") for each in owed
    )
    return link.rsplit("/", 1)[-1]


def test_who_answers_reads_every_term() -> None:
    shown = Path("templates/console/contract/_terms.html").read_text()

    for field in Terms.model_fields.keys() - {"customer_id"}:
        assert f"terms.{field}" in shown, field


def test_the_manager_puts_the_customers_word_on_record(book: Book, url: str) -> None:
    case_id = offered(book, url, "7301")
    _, seen = types(url, "manager", "offer", "show", case_id)
    made = seen["offer"]
    assert [(each["field"], each["offered"]) for each in made["differences"]] == [
        ("limit", "CNY 3,000,000.00"),
        ("term_months", "6"),
        ("cover:1", "The owner stands surety."),
        ("other:1", "A pledge."),
    ]
    word = ("offer", "answer", case_id, "accept", "--hash", made["offer_hash"])

    refused, why = types(url, "approver1", *word, "--note", "by phone")
    assert (refused, why["code"]) == (Exit.REFUSED, "not_permitted")
    stale = ("offer", "answer", case_id, "accept", "--hash", "0" * 64, "--note", "by letter")
    assert types(url, "manager", *stale)[1]["code"] == "stale_content"
    assert types(url, "manager", *word, "--note", " ")[1]["code"] == "malformed"
    with client(url, "manager") as desk:
        assert desk.fetch_case(case_id).contract is None

    done, taken = types(url, "manager", *word, "--note", "signed letter of the 3rd")
    again = types(url, "manager", *word, "--note", "signed letter of the 3rd")[1]

    assert (done, taken["offer"]["status"]) == (Exit.DONE, "accepted")
    assert again == taken
    other = types(url, "manager", *word, "--note", "another letter")[1]
    assert other["code"] == "offer_ended"
    with client(url, "auditor") as seen_by:
        view = seen_by.fetch_case(case_id)
    assert view.contract is not None
    assert view.contract.terms.term_months == 6
    assert view.offer is not None
    assert (view.offer.answered_by, view.offer.note) == ("manager", "signed letter of the 3rd")
    [said] = view.decisions
    assert said.conditions[0] == v.ConditionAsked(
        text="The owner stands surety.", kind="cover", owner="legal"
    )


def test_the_customer_takes_the_offer_by_the_link_alone(book: Book, url: str, app: FastAPI) -> None:
    case_id = offered(book, url, "7302")
    token = link_of(book, case_id)
    visitor = browser(app)
    page = visitor.get(f"/offer/{token}")
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "3,000,000" in page.text
    assert "The owner stands surety." in page.text
    assert "要约" in browser(app, "zh-CN").get(f"/offer/{token}").text

    stale = visitor.post(f"/offer/{token}", data={"accepts": "yes", "offer_hash": "0" * 64})
    assert stale.status_code == 409
    fields = hidden(page, f"/offer/{token}")
    answer = visitor.post(f"/offer/{token}", data=fields | {"accepts": "yes"})

    assert answer.status_code == 303
    with client(url, "manager") as customer:
        ended = customer.fetch_offer_page(token)
        late = pytest.raises(Exception, match="accepted")
        with late:
            customer.answer_offer_by_link(token, accepts=False, offer_hash=ended.offer_hash)
    assert ended.status == "accepted"
    assert "The offer was accepted" in visitor.get(f"/offer/{token}").text
    assert httpx.get(f"{url}/api/v1/offers/unknown").json()["code"] == "link_unknown"


def test_the_cases_page_shows_the_offer_and_takes_the_answer(
    book: Book, url: str, app: FastAPI
) -> None:
    case_id, task_id = asked(book, "7303")
    approver = signed_in(app, "approver1")
    form = hidden(approver.get(f"/tasks/{task_id}"), f"/tasks/{task_id}/decision")
    word = {
        "verdict": "approve",
        "term_months": "6",
        "conditions": ["The plant is insured.\nThe owner stands surety.", ""],
        "condition_kind": ["covenant", "other"],
        "condition_owner": ["legal", "relationship_manager"],
        "condition_day": ["2099-01-31", ""],
    }
    long = approver.post(f"/tasks/{task_id}/decision", data=form | word | {"term_months": "24"})
    assert (long.status_code, "24 months are more than the 12" in long.text) == (422, True)
    assert "The plant is insured." in long.text
    assert approver.post(f"/tasks/{task_id}/decision", data=form | word).status_code == 303
    manager = signed_in(app, "manager")
    page = manager.get(f"/cases/{case_id}")
    fields = hidden(page, f"/cases/{case_id}/offer")
    assert "The plant is insured." in page.text
    assert "legal" in page.text
    assert "客户答复要约" in signed_in(app, "manager", "zh-CN").get(f"/cases/{case_id}").text

    answer = manager.post(
        f"/cases/{case_id}/offer", data=fields | {"accepts": "no", "note": "by phone"}
    )

    assert answer.status_code == 303
    with client(url, "manager") as desk:
        view = desk.fetch_offer(case_id)
    assert (view.offer.status, view.offer.note) == ("declined", "by phone")
    assert view.terms.scheme_conditions[0].owner == "role.legal"
    assert 'name="accepts"' not in manager.get(f"/cases/{case_id}").text


def test_an_offer_is_answered_with_a_word_or_stays_open(book: Book, url: str, app: FastAPI) -> None:
    case_id = offered(book, url, "7304")
    token = link_of(book, case_id)
    visitor, manager = browser(app), signed_in(app, "manager")
    for who, page, action in (
        (visitor, f"/offer/{token}", f"/offer/{token}"),
        (manager, f"/cases/{case_id}", f"/cases/{case_id}/offer"),
    ):
        fields = hidden(who.get(page), action) | {"note": "by the founder"}
        for said in ({}, {"accepts": ""}, {"accepts": "maybe"}):
            answer = who.post(action, data=fields | said)
            assert answer.status_code == 422
            assert "The answer is not accept or decline." in answer.text
            assert answer.text.count("by the founder") == 1
            assert 'name="accepts"' in answer.text
    with client(url, "manager") as desk:
        assert desk.fetch_offer(case_id).offer.status == "open"
