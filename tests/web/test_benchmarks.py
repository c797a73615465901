"""Fixings are entered, corrected and brought in; lines show what they bear by them."""

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from creditflow.client import Client
from creditflow.client import values as v
from creditflow.commands.output import Exit
from domain.benchmark import FixingContent, FixingCorrection, RateFinding
from domain.contract import Terms
from domain.customer import CustomerContent
from domain.errors import AlreadyExists, DateInFuture, NotFound, NotPermitted, SameHands
from domain.terms import FloatingRate, FloatingTerms
from storage.line import LineRates, Lines
from tests.makers_line import a_letter, a_line, record_letter
from tests.web.book import Book
from tests.web.people import KEYS, PEOPLE
from tests.web.silent import SilentGateway
from tests.web.test_commands import Terminal
from tests.web.test_console import app as pages
from tests.web.test_console import book, hidden, signed_in
from tests.web.test_imports import bring
from web.service.clock import Clock
from web.service.services import Services
from workflows.names import repricing_id

__all__ = ["book", "pages"]

RISK = PEOPLE["risk_officer"]
OTHER_RISK = RISK.model_copy(update={"person_id": "risk_officer2"})
MANAGER = PEOPLE["relationship_manager"]
TODAY = Clock().business_on()
DAY = TODAY - timedelta(days=3)
RULE = FloatingRate(
    benchmark="LPR1Y",
    spread_bp=Decimal(120),
    first_reprices_on=TODAY + timedelta(days=30),
    reprice_months=6,
)


def a_fixing(rate: str = "0.0305", on: date = DAY) -> FixingContent:
    return FixingContent(benchmark="LPR1Y", fixed_on=on, rate=Decimal(rate), source="published")


class StartedGateway(SilentGateway):
    """A Temporal that takes every start."""

    def __init__(self) -> None:
        self.started: list[str] = []

    def start(
        self, workflow: str, workflow_id: str, payload: dict[str, Any], *, queue: str
    ) -> None:
        self.started.append(workflow_id)


@pytest.fixture
def gateway() -> StartedGateway:
    return StartedGateway()


@pytest.fixture
def line_id(services: Services) -> str:
    """A floating line of a customer of the ordinary manager."""
    customer = services.customers.record(MANAGER, CustomerContent(name="Quiet Harbour Foods"))
    letter = a_letter("PF-9", customer_id=customer.customer_id)
    assert letter.terms is not None
    floating = FloatingTerms(rule=RULE, fixing=Decimal("0.031"), fixing_on=DAY)
    content = {**letter.terms.model_dump(), "floating": floating, "rate_annual": Decimal("0.043")}
    terms = Terms.model_validate(content)
    letter = record_letter(services.records, letter.model_copy(update={"terms": terms}))
    with services.records.begin() as session:
        year = timedelta(days=365)
        line = a_line(
            letter,
            starts_on=TODAY,
            last_draw_on=TODAY + year,
            ends_on=TODAY + year,
            review_due_on=TODAY + year,
        )
        return Lines(session).open(line, TODAY).line_id


def test_a_risk_officer_enters_a_fixing_and_another_one_corrects_it(services: Services) -> None:
    service = services.benchmarks
    with pytest.raises(NotPermitted):
        service.record(MANAGER, a_fixing())
    with pytest.raises(DateInFuture):
        service.record(RISK, a_fixing(on=TODAY + timedelta(days=1)))
    entered = service.record(RISK, a_fixing())
    assert service.record(RISK, a_fixing()) == entered
    with pytest.raises(AlreadyExists):
        service.record(RISK, a_fixing("0.0350"))
    correction = FixingCorrection(**a_fixing("0.0350").model_dump(), reason="read wrongly")
    with pytest.raises(SameHands):
        service.correct(RISK, correction)

    corrected = service.correct(OTHER_RISK, correction)
    assert (corrected.version, corrected.reason) == (2, "read wrongly")
    assert list(service.list_fixings(MANAGER)) == [corrected]
    assert list(service.read_history(MANAGER, "LPR1Y")) == [corrected, entered]
    assert list(service.list_fixings(MANAGER, DAY - timedelta(days=1))) == []


def test_a_file_of_fixings_comes_in_once(services: Services) -> None:
    file = f"benchmark,fixed_on,rate\nLPR1Y,{DAY},0.0305\nSOFR,{DAY},0.0425\n".encode()
    reports = [bring(services.records, "benchmarks", file, person=RISK, on=TODAY) for _ in range(2)]

    assert [(each.created, each.unchanged) for each in reports] == [(2, 0), (0, 2)]
    found = {each.benchmark: each.rate for each in services.benchmarks.list_fixings(RISK)}
    assert found == {"LPR1Y": Decimal("0.0305"), "SOFR": Decimal("0.0425")}


def test_a_line_tells_its_rate_and_when_the_next_is_set(services: Services, line_id: str) -> None:
    found = services.benchmarks.read_rates(MANAGER, line_id)

    assert found.current is not None
    assert (found.current.rate_annual, found.current.from_on) == (Decimal("0.043"), TODAY)
    assert found.next_reprices_on == RULE.first_reprices_on
    other = MANAGER.model_copy(update={"person_id": "relationship_manager2"})
    with pytest.raises(NotFound):
        services.benchmarks.read_rates(other, line_id)


def test_a_run_on_demand_is_started_and_what_it_misses_is_listed(
    services: Services, gateway: StartedGateway, line_id: str
) -> None:
    with pytest.raises(NotPermitted):
        services.benchmarks.reprice(MANAGER)
    begun = services.benchmarks.reprice(RISK)
    assert gateway.started == [repricing_id(begun.run_id)]
    with services.records.begin() as session:
        customer_id = Lines(session).read(line_id).customer_id
        finding = RateFinding(
            line_id=line_id,
            customer_id=customer_id,
            benchmark="LPR1Y",
            due_on=TODAY,
            found_on=TODAY,
        )
        LineRates(session).record_finding(finding)

    assert list(services.benchmarks.list_findings(RISK)) == [finding]
    with pytest.raises(NotPermitted):
        services.benchmarks.list_findings(MANAGER)


def test_client_and_command_enter_correct_and_show(
    served: str, services: Services, line_id: str, tmp_path: Path
) -> None:
    (tmp_path / "users.json").write_text(json.dumps({}))
    terminal = Terminal(served, tmp_path)
    words = ("benchmark", "record", "LPR1Y", str(DAY), "0.0305", "--source", "published")
    _, entered = terminal.asks(*words, as_="risk_officer")
    assert (entered["rate"], entered["version"]) == ("0.0305", 1)
    words = ("benchmark", "correct", "LPR1Y", str(DAY), "0.031", "--note", "read wrongly")
    ending, refused = terminal.asks(*words, as_="risk_officer")
    assert (ending, refused["code"]) == (Exit.REFUSED, "same_hands")
    _, rates = terminal.asks("benchmark", "line", line_id, as_="relationship_manager")
    assert rates["current"]["rate_annual"] == "0.043"
    _, listed = terminal.asks("benchmark", "findings", as_="risk_officer")
    assert listed["items"] == []
    _, begun = terminal.asks("benchmark", "reprice", as_="risk_officer")
    assert begun["run_id"]
    shown = terminal.types("benchmark", "show", "LPR1Y", key=KEYS["auditor"])
    assert (shown.exit_code, "0.0305" in shown.stdout) == (Exit.DONE, True)

    with Client(served, KEYS["everybody"]) as client:
        fixing = v.FixingContent(benchmark="LPR1Y", fixed_on=DAY, rate=Decimal("0.031"))
        corrected = client.correct_fixing(fixing, "read wrongly")
        assert (corrected.version, corrected.corrects_by) == (2, "risk_officer")
        assert client.fetch_fixings() == (corrected,)
        assert len(client.fetch_fixing_history("LPR1Y")) == 2
        history = client.fetch_line_rates(line_id)
        assert history.items[0].spread_bp == Decimal(120)


@pytest.mark.parametrize(
    "wrong",
    [
        {"benchmark": "no such code"},
        {"benchmark": " "},
        *({"percent": typed} for typed in ("three", "", "NaN", "1e9999999", "3,05", "9" * 20)),
        {"fixed_on": "yesterday"},
        {"reason": "read wrongly", "percent": "three"},
        {"reason": "read wrongly", "benchmark": "no such code"},
    ],
)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_what_cannot_be_read_on_the_page_is_said_and_stays_as_it_was_typed(
    pages: FastAPI, book: Book, wrong: dict[str, str], language: str
) -> None:
    client = signed_in(pages, "risk", language)
    typed = {
        "benchmark": "LPR5Y",
        "fixed_on": DAY.isoformat(),
        "percent": "3.05",
        "source": "as published",
        "reason": "",
        **wrong,
    }
    fields = hidden(client.get("/benchmarks"), "/benchmarks")
    answer = client.post("/benchmarks", data={**fields, **typed})

    assert answer.status_code == 422
    assert "malformed" in answer.text or "field_unreadable" in answer.text
    for text in filter(str.strip, typed.values()):
        assert text in answer.text
    assert not book.services.benchmarks.list_fixings(book.people["risk"])
