"""External ratings and analysts' figures from a terminal and by the client: one record behind all."""

from datetime import timedelta

import pytest

from creditflow.client import Client, Refused
from creditflow.commands.output import Exit
from storage.customer import Customers
from storage.edition import Editions, read_shipped, shipped_text
from tests.makers_policy import a_customer
from tests.makers_ratings import SUPPLIED
from tests.web.people import KEYS, PEOPLE
from tests.web.test_commands import CASE, Terminal, terminal
from web.service.clock import Clock
from web.service.services import Services

__all__ = ["terminal"]

ON = Clock().business_on()
DAY = timedelta(days=1)


@pytest.fixture
def paper(services: Services) -> str:
    """A document on file; the edition in force maps ratings."""
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "risk")
        Customers(session).record(
            a_customer(), business_on=ON, source="test", recorded_by="everybody"
        )
    return services.attachments.record(PEOPLE["everybody"], b"%PDF-1.7 rated", "r.pdf").sha256


def test_a_rating_is_entered_listed_and_withdrawn(terminal: Terminal, paper: str) -> None:
    days = ("--rated-on", str(ON - DAY), "--valid-until", str(ON + DAY), "--evidence", paper)

    ending, refused = terminal.asks("report", "rate", "c-1", "moodys", "BBB", *days)
    assert (ending, refused["code"]) == (Exit.REFUSED, "agency_rating_unknown")
    ending, rated = terminal.asks("report", "rate", "c-1", "moodys", "Baa1", *days)
    assert (ending, rated["standing"], rated["grade"]["grade"]) == (Exit.DONE, "counts", "BBB")
    out = ("--withdrawn-on", str(ON), "--evidence", paper)
    ending, gone = terminal.asks("report", "withdraw", "c-1", "moodys", *out)
    assert (ending, gone["content"]["withdrawn_on"]) == (Exit.DONE, str(ON))
    _, found = terminal.asks("report", "ratings", "c-1")
    assert [each["standing"] for each in found["items"]] == ["withdrawn"]
    _, mapping = terminal.asks("report", "mapping")
    assert mapping["agencies"] == list(read_shipped().external_ratings.agencies)


def test_the_client_says_the_same(served: str, paper: str) -> None:
    with Client(served, KEYS["everybody"]) as client:
        rated = client.record_agency_rating(
            "c-1",
            "fitch",
            "A-",
            rated_on=ON - DAY,
            valid_until=ON,
            evidence_hash=paper,
            outlook="positive",
        )
        [found] = client.fetch_agency_ratings("c-1")
        assert found == rated
        assert found.grade is not None
        assert (found.grade.grade, found.grade.used) == ("A", True)
        client.withdraw_agency_rating("c-1", "fitch", ON, paper)
        assert client.fetch_agency_ratings("c-1")[0].standing == "withdrawn"
        row = client.fetch_rating_mapping().rows[0]
        assert (row.agency, row.grade) == ("standard_and_poors", "AAA")
        with pytest.raises(Refused):
            client.record_agency_rating(
                "c-1", "nobody", "A", rated_on=ON, valid_until=ON, evidence_hash=paper
            )


def test_a_figure_of_a_case_that_is_not_there_is_not_found(terminal: Terminal, paper: str) -> None:
    said = ("--reason", "the ledger", "--evidence", paper)
    for words in (
        ("figure", "list", CASE),
        ("figure", "supply", CASE, SUPPLIED, "0.05", *said),
        ("figure", "confirm", CASE, SUPPLIED, "1"),
    ):
        ending, document = terminal.asks(*words)
        assert (ending, document["code"]) == (Exit.NOT_FOUND, "not_found")
