"""Changes of a line as people and programs ask for them: page, API, client and case page."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from creditflow.client import requests, values
from domain.application import Application, ApplicationType
from domain.identity import Language
from domain.money import Money
from tests import servers
from tests.web.book import Book, opened
from tests.web.test_console import hidden, signed_in
from web.app import assemble
from web.console.form import form_said
from web.console.formats import Formats, Reader
from web.language import speech

PLAIN = {
    "currency": "CNY",
    "amount": "",
    "term_months": "",
    "product": "",
    "purpose": "The renewal waits for statements.",
}


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


def asked(client: TestClient, book: Book, kind: str, **typed: str) -> Any:
    """The answer to the form of a new application, filled for the book's line."""
    fields = hidden(client.get("/cases/new"), "/cases") | PLAIN
    return client.post(
        "/cases",
        data=fields
        | {
            "customer_id": "c-1004",
            "application_type": kind,
            "line_id": book.cases["line"],
            **typed,
        },
    )


def test_the_form_offers_every_type_by_its_word_in_both_languages(app: FastAPI, book: Book) -> None:
    page = signed_in(app, "manager").get("/cases/new").text

    for kind in ApplicationType:
        assert f'value="{kind.value}"' in page
    for field in ("until", "added", "dropped", "cover_added", "cover_released", "sub_lines"):
        assert f'name="{field}"' in page


def test_an_extension_is_started_on_its_page_and_shown_on_its_case(
    app: FastAPI, book: Book
) -> None:
    client = signed_in(app, "manager")
    line = book.services.lines.read_line(book.people["manager"], book.cases["line"]).line
    until = (line.ends_on + timedelta(days=30)).isoformat()

    answer = asked(client, book, "extension", until=until)

    assert answer.status_code == 303
    case_id = answer.headers["location"].rsplit("/", 1)[1]
    case = book.services.applications.read_case(book.people["manager"], case_id).case
    assert case.application.limit_requested == line.terms.limit
    assert case.missing == ("change_request",)
    page = client.get(f"/cases/{case_id}").text
    assert until in page.split('data-testid="asked"', 1)[1].split("</div>", 1)[0]

    # What the line keeps is not shown to be changed, and need not be sent.
    fields = hidden(client.get(f"/cases/{case_id}"), f"/cases/{case_id}/supplement")
    assert 'id="supplement-purpose"' in page
    assert 'id="supplement-amount"' not in page
    brought = client.post(
        f"/cases/{case_id}/supplement",
        data=fields | {"purpose": PLAIN["purpose"], "document": "change_request"},
        files={"file": ("request.pdf", b"%PDF-1.7 as asked", "application/pdf")},
    )
    assert brought.status_code == 303, brought.text
    after = book.services.applications.read_case(book.people["manager"], case_id).case
    assert (after.missing, after.application.limit_requested) == ((), line.terms.limit)


@pytest.mark.parametrize(
    ("kind", "typed", "code"),
    [
        ("moonshine", {}, "field_unreadable"),
        ("termination", {"until": "2030-01-01"}, "form_field_refused"),
        ("extension", {"until": "2030-01-01", "amount": "7"}, "change_unfit"),
        ("extension", {"until": "soon"}, "field_unreadable"),
        ("change_of_conditions", {}, "form_field_missing"),
        ("change_of_cover", {"cover_added": "m-1"}, "field_unreadable"),
        ("change_of_products", {"product": "open_account"}, "change_unfit"),
        ("restructure", {"term_months": "60"}, "change_unfit"),
        (
            "increase",
            {"amount": "7", "term_months": "12", "line_id": "line-of-others"},
            "not_found",
        ),
    ],
)
def test_a_slip_in_a_change_comes_back_with_its_code(
    app: FastAPI, book: Book, kind: str, typed: dict[str, str], code: str
) -> None:
    client = signed_in(app, "manager")

    answer = asked(client, book, kind, **typed)

    assert 400 <= answer.status_code < 500
    assert f"<code>{code}</code>" in answer.text
    assert PLAIN["purpose"] in answer.text


@pytest.mark.parametrize(
    ("language", "kind", "typed", "said", "never"),
    [
        ("en", "change_of_cover", {}, "Cover added, Cover released", "form."),
        (
            "zh-CN",
            "change_of_conditions",
            {"dropped": "none_such"},
            "取消条件，额度中没有",
            "form.",
        ),
        ("zh-CN", "change_of_products", {"product": "open_account"}, "额度现已为 赊销", "form."),
        (
            "en",
            "change_of_products",
            {"product": "open_account"},
            "Change of products",
            "The change_of",
        ),
    ],
)
def test_a_refusal_calls_fields_and_codes_by_their_names(
    app: FastAPI,
    book: Book,
    language: str,
    kind: str,
    typed: dict[str, str],
    said: str,
    never: str,
) -> None:
    answer = asked(signed_in(app, "manager", language), book, kind, **typed)

    box = answer.text.split('id="refusal"', 1)[1].split("</strong>", 1)[0]
    assert said in box
    assert never not in box


def test_sub_lines_asked_for_are_read_in_words() -> None:
    sub_lines = [
        {"product": "open_account", "limit": Money.of(500_000, "CNY"), "tenor_months": 6},
        {"product": "factoring", "limit": Money.of(400_000, "CNY"), "tenor_months": 3},
    ]
    form = {"kind": "change_of_products", "product": "comprehensive", "sub_lines": sub_lines}
    application = Application.model_validate(
        {
            "customer_id": "c-1",
            "application_type": "change_of_products",
            "limit_requested": Money.of(900_000, "CNY"),
            "line_id": "line-1",
            "product": "comprehensive",
            "form": form,
        }
    )

    said = form_said(application, Formats(Reader()), speech(Language.ZH))

    assert said == [("sub_lines", ["赊销 · ¥500,000.00 · 6 个月", "保理 · ¥400,000.00 · 3 个月"])]


def test_the_lines_page_leads_to_its_change_and_shows_what_may_be_given_up(
    app: FastAPI, book: Book
) -> None:
    line_id = book.cases["line"]
    path = f"/cases/new?customer=c-1004&amp;line={line_id}"
    client = signed_in(app, "manager")
    terms = book.services.lines.read_line(book.people["manager"], line_id).line.terms

    assert path in client.get(f"/lines/{line_id}").text
    assert path not in signed_in(app, "auditor").get(f"/lines/{line_id}").text
    page = client.get(path.replace("&amp;", "&")).text

    assert f'name="line_id" value="{line_id}"' in page
    assert 'value="increase" selected' in page
    for code in (*terms.conditions, *terms.requirements):
        assert f"<code>{code}</code>" in page


def test_the_client_says_no_more_of_a_change_than_was_said() -> None:
    application = values.Application(
        customer_id="c-1",
        application_type="termination",
        limit_requested=values.Money.of("5", "CNY"),
        line_id="line-1",
        form={"kind": "termination"},
    )
    body = requests.submit(application, "k-1").body

    assert body is not None
    assert b"product" not in body
    assert b"term_months" not in body
    assert b'"form":{"kind":"termination"}' in body.replace(b" ", b"")
