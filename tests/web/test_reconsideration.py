"""A declined case decided anew: once, on new evidence, by every door."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from creditflow.commands.output import Exit
from domain.approval import Verdict
from domain.errors import NoNewEvidence, ReconsiderationClosed
from domain.identity import Person
from storage.edition import Editions, shipped_text
from tests import servers
from tests.makers_policy import a_changed_edition
from tests.web.book import Book
from tests.web.conftest import serving
from tests.web.keys import keyed_book
from tests.web.test_console import hidden, signed_in
from tests.web.test_offers import asked, client, types
from web.app import assemble

BASE = "[approval.automatic]\nsampling_share = 0\n[investigation]\nrows = []\nchecklists = []\n"
ONCE = a_changed_edition(f"{BASE}[approval.reconsideration]\ndays_max = 30\n")
WHY = "The audited accounts show what the drafts did not."


@pytest.fixture(scope="module")
def book(
    postgres_server: servers.Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Book]:
    with keyed_book(
        postgres_server, tmp_path_factory, ("manager", "approver1", "auditor"), ONCE
    ) as there:
        yield there


@pytest.fixture(scope="module")
def app(book: Book) -> FastAPI:
    return assemble(book.services, public_url="http://test")


@pytest.fixture(scope="module")
def url(app: FastAPI) -> Iterator[str]:
    with serving(app) as address:
        yield address


def declined(book: Book, number: str) -> str:
    case_id, task_id = asked(book, number)
    approver = book.people["approver1"]
    book.services.approvals.decide(approver, task_id, Verdict.DECLINE, note="too thin")
    return case_id


def evidence(book: Book, content: str) -> str:
    kept = book.services.attachments.record(
        book.people["manager"], f"%PDF-1.7 {content}".encode(), "accounts.pdf"
    )
    return kept.sha256


def test_a_decision_is_reconsidered_once_and_its_letter_stays(book: Book, url: str) -> None:
    case_id = declined(book, "7401")
    brought = ("--evidence", f"audit_report={evidence(book, 'one')}", "--grounds", WHY)
    assert types(url, "approver1", "reconsider", case_id, *brought)[1]["code"] == "not_permitted"

    done, started = types(url, "manager", "reconsider", case_id, *brought, "--key", "r-1")
    again = types(url, "manager", "reconsider", case_id, *brought, "--key", "r-1")[1]
    other = types(url, "manager", "reconsider", case_id, *brought, "--key", "r-2")[1]

    assert (done, again["case_id"]) == (Exit.DONE, started["case_id"])
    assert again == other == again | {"existing": True}  # the limit has an open case
    with client(url, "auditor") as seen:
        before, anew = seen.fetch_case(case_id), seen.fetch_case(started["case_id"])
    assert before.letter is not None
    assert not before.letter.approved
    assert (before.case.status, anew.case.status) == ("declined", "in_approval")
    assert before.reconsideration == anew.reconsideration
    assert anew.reconsideration is not None
    assert anew.reconsideration.letter_no == before.letter.letter_no
    assert anew.assessment is not None
    assert anew.assessment["route"]["row"] == "reconsideration"

    [task] = [each for each in anew.tasks if each.status == "open"]
    decided, answer = types(url, "approver1", "decide", task.task_id, "decline", "--note", "still")
    assert (decided, answer["outcome"]) == (Exit.DONE, "declined")
    fresh = ("--evidence", f"audit_report={evidence(book, 'two')}", "--grounds", WHY)
    for closed in (case_id, started["case_id"]):
        assert types(url, "manager", "reconsider", closed, *fresh)[1]["code"] == (
            "already_reconsidered"
        )


def test_the_case_page_asks_for_it_and_leads_to_the_new_case(book: Book, app: FastAPI) -> None:
    case_id = declined(book, "7402")
    manager = signed_in(app, "manager")
    form = hidden(manager.get(f"/cases/{case_id}"), f"/cases/{case_id}/reconsider")
    sent = form | {"document": "audit_report", "grounds": WHY}
    file = {"file": ("accounts.pdf", b"%PDF-1.7 three", "application/pdf")}

    without = manager.post(f"/cases/{case_id}/reconsider", data=sent)
    answer = manager.post(f"/cases/{case_id}/reconsider", data=sent, files=file)

    assert without.status_code == 422
    assert answer.status_code == 303, answer.text
    anew = answer.headers["location"].split("?")[0]
    assert WHY in manager.get(anew).text
    assert case_id in manager.get(anew).text
    assert "复议" in signed_in(app, "manager", "zh-CN").get(f"/cases/{case_id}").text


def test_nothing_old_and_nothing_late_is_reconsidered(book: Book) -> None:
    case_id = declined(book, "7403")
    manager, services = book.people["manager"], book.services.applications

    with pytest.raises(NoNewEvidence):
        services.reconsider(manager, case_id, {}, WHY, "r-9")
    late = a_changed_edition(f"{BASE}[approval.reconsideration]\ndays_max = 0\n")
    with book.services.records.begin() as session:
        Editions(session).publish(late, shipped_text("standard"), "risk")
    try:
        with pytest.raises(ReconsiderationClosed):
            services.reconsider(manager, case_id, {"audit_report": evidence(book, "4")}, WHY, "r-9")
    finally:
        with book.services.records.begin() as session:
            policy = ONCE.model_copy(update={"effective_on": book.services.clock.business_on()})
            Editions(session).publish(policy, shipped_text("standard"), "risk")
    started = services.reconsider(
        manager, case_id, {"audit_report": evidence(book, "4")}, WHY, "r-9"
    )
    assert not started.existing


def test_the_record_is_never_changed_and_a_second_is_refused_by_the_database(book: Book) -> None:
    only_added = "only ever added to"
    for change, why in (
        ("DELETE FROM reconsideration", only_added),
        ("UPDATE reconsideration SET grounds = 'other'", only_added),
        (
            "INSERT INTO reconsideration SELECT letter_no, declined_case_id, case_id, steps,"
            " evidence, grounds, asked_by, asked_at, recorded_at FROM reconsideration LIMIT 1",
            "pk_reconsideration|uq_reconsideration",
        ),
    ):
        with pytest.raises(DatabaseError, match=why), book.services.records.begin() as session:
            session.execute(text(change))


def test_another_managers_case_is_not_found(book: Book) -> None:
    case_id = declined(book, "7404")
    other = Person(
        person_id="other-rm", title="Another manager", roles=book.people["manager"].roles
    )
    with pytest.raises(Exception, match="There is no application"):
        book.services.applications.reconsider(
            other, case_id, {"audit_report": evidence(book, "5")}, WHY, "r-5"
        )
