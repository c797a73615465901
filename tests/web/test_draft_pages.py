"""A draft's page: what it changes and moves, and why its author does not publish it."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from domain.identity import Person, Role
from tests import servers
from tests.web.book import Book, opened
from tests.web.test_console import signed_in
from web.app import assemble
from web.service.draft import Drafting

# The automatic lane closes, so that every case it decided would ask people.
CLOSED = "[approval.automatic]\nenabled = false\n"
AUTHOR = Person(person_id="risk", title="risk", roles=frozenset({Role.RISK_OFFICER}))


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
    return assemble(book.services, public_url="http://test")


@pytest.fixture(scope="module")
def draft_id(book: Book) -> str:
    services = book.services
    base = services.editions.read_edition(AUTHOR).edition_hash
    draft = services.drafts.record(AUTHOR, Drafting(toml=CLOSED, base_hash=base)).draft
    services.drafts.simulate(AUTHOR, draft.draft_id)
    return draft.draft_id


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "approval › automatic lane › open: true becomes false"),
        ("zh-CN", "审批 › 自动审批 › 启用：由 true 改为 false"),
    ],
)
def test_a_draft_is_told_in_the_language_of_its_reader(
    app: FastAPI, draft_id: str, language: str, sentence: str
) -> None:
    page = signed_in(app, "auditor", language).get(f"/policy/drafts/{draft_id}")

    assert page.status_code == 200
    assert sentence in page.text


def test_its_author_may_not_publish_it_and_is_told_why(app: FastAPI, draft_id: str) -> None:
    page = signed_in(app, "risk").get(f"/policy/drafts/{draft_id}").text

    assert "same_hands" in page
    assert f"/policy/drafts/{draft_id}/simulation" in page
    assert f"/policy/drafts/{draft_id}/publication" not in page


def test_an_approver_finds_the_word_to_give(app: FastAPI, draft_id: str) -> None:
    page = signed_in(app, "approver3").get(f"/policy/drafts/{draft_id}").text

    assert f"/policy/drafts/{draft_id}/publication" in page
    assert "same_hands" not in page


def test_who_only_reads_has_nothing_to_press(app: FastAPI, draft_id: str) -> None:
    page = signed_in(app, "legal").get(f"/policy/drafts/{draft_id}").text

    assert f'action="/policy/drafts/{draft_id}' not in page


def test_the_policy_lists_its_drafts(app: FastAPI, draft_id: str) -> None:
    assert f"/policy/drafts/{draft_id}" in signed_in(app, "legal").get("/policy").text


def test_the_report_may_be_taken_away(app: FastAPI, draft_id: str) -> None:
    visitor = signed_in(app, "auditor", "zh-CN")

    report = visitor.get(f"/policy/drafts/{draft_id}/report.md").text
    rows = visitor.get(f"/policy/drafts/{draft_id}/report.csv").text.splitlines()

    assert "automatic → people" in report
    assert "历史案件" in report
    assert any(",automatic,people," in row for row in rows)
