"""Rings, statements, reports and re-rating from a terminal: what is said, and by which exit."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from activities.rerating import ReratingActivities
from creditflow.commands.output import Exit
from domain.customer import CustomerContent
from domain.rerating import ReratingPage
from domain.statement import Item, StatementContent
from storage.edition import Editions, read_shipped, shipped_text
from storage.statement import Statements
from tests.makers_monitoring import GRANTED_ON, SHRUNKEN, a_book, noon
from tests.makers_policy import a_statement
from tests.web.people import KEYS, PEOPLE
from tests.web.test_commands import CASE, Terminal, terminal
from web.service.clock import Clock
from web.service.services import Services

__all__ = ["terminal"]

ON = Clock().business_on()


@pytest.fixture
def customer_id(services: Services) -> str:
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "risk")
    return services.customers.record(PEOPLE["everybody"], CustomerContent(name="Ltd")).customer_id


@pytest.mark.parametrize(
    ("words", "ending", "code"),
    [
        (("ring", CASE), Exit.NOT_FOUND, "not_found"),
        (("statements", CASE), Exit.NOT_FOUND, "not_found"),
        (("report", "authorisations", CASE), Exit.NOT_FOUND, "not_found"),
        (("rerate", "show", CASE), Exit.NOT_FOUND, "not_found"),
        (("rerate", "apply", CASE, "--hash", "0" * 64), Exit.NOT_FOUND, "not_found"),
        (("rerate", "apply", CASE, "--hash", "short"), Exit.REFUSED, "malformed"),
        (("rerate", "preview"), Exit.UNREACHABLE, "unavailable"),
        (("party", "record", ""), Exit.REFUSED, "malformed"),
        (("party", "link", "owns", CASE, "x", "--source", "s"), Exit.NOT_FOUND, "not_found"),
        (("party", "link", "owns", "x", "x", "--source", "s"), Exit.REFUSED, "link_unfit"),
    ],
)
def test_a_refusal_is_a_code_a_sentence_and_an_exit(
    terminal: Terminal, words: tuple[str, ...], ending: Exit, code: str
) -> None:
    found, document = terminal.asks(*words)
    assert (found, document["code"]) == (ending, code)
    assert set(document) - {"errors"} == {"code", "detail"}


def test_who_may_not_is_refused(terminal: Terminal) -> None:
    for words in (("rerate", "list"), ("rerate", "preview"), ("rerate", "show", CASE)):
        ending, document = terminal.asks(*words, as_="relationship_manager")
        assert (ending, document["code"]) == (Exit.REFUSED, "not_permitted")


def test_a_file_that_is_not_there_is_wrong_usage(terminal: Terminal) -> None:
    ending, document = terminal.asks("party", "import", "/does/not/exist")
    assert (ending, document["code"]) == (Exit.USAGE, "file_unreadable")


def test_a_party_is_linked_and_then_stands_in_the_ring(
    terminal: Terminal, customer_id: str
) -> None:
    _, owner = terminal.asks("party", "record", "Owner Ltd", "--key", "k-1")
    assert terminal.asks("party", "record", "Owner Ltd", "--key", "k-1") == (Exit.DONE, owner)
    assert set(owner) == {"party_id", "name", "kind"}
    ends = ("owns", owner["party_id"], customer_id, "--source", "register")
    ending, link = terminal.asks("party", "link", *ends, "--share", "0.6")
    assert (ending, link["share"], link["version"]) == (Exit.DONE, "0.6", 1)

    ending, ring = terminal.asks("ring", customer_id)
    assert ending is Exit.DONE
    assert [(part["name"], part["member"]["counts"]) for part in ring["parts"]] == [
        ("Owner Ltd", True)
    ]
    plain = terminal.types("ring", customer_id, key=KEYS["everybody"]).stdout
    assert f"{owner['party_id']} owns 0.6 of {customer_id}" in plain
    assert "one risk" in plain

    until = ("--share", "0.6", "--valid-until", "2020-01-01", "--id", link["link_id"])
    ending, ended = terminal.asks("party", "link", *ends, *until)
    assert (ending, ended["version"]) == (Exit.DONE, 2)
    assert terminal.asks("ring", customer_id)[1]["parts"] == []
    assert len(terminal.asks("ring", customer_id, "--as-of", "2020-01-01")[1]["parts"]) == 1


def test_a_guarantee_is_typed_with_its_amount(terminal: Terminal, customer_id: str) -> None:
    _, owner = terminal.asks("party", "record", "Someone", "--kind", "person")
    words = ("guarantees", owner["party_id"], customer_id, "--source", "deed")
    ending, link = terminal.asks("party", "link", *words, "--amount", "100.50", "CNY")
    assert (ending, link["amount"]) == (Exit.DONE, {"amount": "100.50", "currency": "CNY"})


def test_a_file_of_owners_says_what_it_left_out(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "owners.json"
    record: dict[str, Any] = {"recordId": "e", "recordType": "entity", "recordDetails": {}}
    file.write_text(json.dumps([{**record, "statementDate": "2026-01-05"}]))
    ending, report = terminal.asks("party", "import", str(file), "--source", "register")
    assert ending is Exit.DONE
    assert set(report) == {"parties", "customers", "links", "left_out"}


def test_accounts_of_a_period_say_which_counts_and_where_they_differ(
    terminal: Terminal, customer_id: str, services: Services
) -> None:
    for cash, audited in (("10", False), ("12", True)):
        content = StatementContent(
            period_end_on=GRANTED_ON.replace(month=1, day=31),
            currency="CNY",
            items={Item.CASH: Decimal(cash)},
            audited=audited,
        )
        services.statements.record(PEOPLE["everybody"], customer_id, content)
    ending, found = terminal.asks("statements", customer_id)
    assert (ending, len(found["items"])) == (Exit.DONE, 1)
    assert found["items"][0]["others"][0]["differences"] == {"cash": ["12", "10"]}
    plain = terminal.types("statements", customer_id, key=KEYS["everybody"]).stdout
    assert "single audited" in plain
    assert "cash 12 / 10" in plain


def test_the_kinds_of_report_are_those_of_the_policy(terminal: Terminal, customer_id: str) -> None:
    _, found = terminal.asks("report", "kinds")
    assert [each["kind"] for each in found["items"]] == ["bureau", "registry"]
    assert terminal.asks("report", "authorisations", customer_id) == (Exit.DONE, {"items": []})


def test_a_run_is_shown_with_its_lines_and_refused_to_whoever_previewed_it(
    terminal: Terminal, services: Services
) -> None:
    line = a_book(services.records)
    with services.records.begin() as session:
        worse = a_statement(GRANTED_ON.year - 1, **SHRUNKEN)
        Statements(session).record(worse, business_on=ON, recorded_by="manager")
    page = ReratingPage(run_id="run-1", person_id="risk_officer", page_size=500, at=noon(ON))
    assert ReratingActivities(services.records).preview_rerating(page).done

    ending, run = terminal.asks("rerate", "show", "run-1", "--outcome", "moved")
    assert (ending, run["status"]) == (Exit.DONE, "previewed")
    counts = run["counts"]
    assert [each["line_id"] for each in run["lines"]] == [line.line_id] * counts["moved"]
    assert sum(counts.values()) == 1
    assert terminal.asks("rerate", "list")[1]["items"][0]["run_id"] == "run-1"
    plain = terminal.types("rerate", "show", "run-1", key=KEYS["everybody"]).stdout
    assert run["preview_hash"] in plain

    words = ("rerate", "apply", "run-1", "--hash")
    ending, refused = terminal.asks(*words, run["preview_hash"], as_="risk_officer")
    assert (ending, refused["code"]) == (Exit.REFUSED, "same_hands")
    ending, refused = terminal.asks(*words, "0" * 64)
    assert (ending, refused["code"]) == (Exit.CONFLICT, "stale_content")
