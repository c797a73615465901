"""The cliff calendar as people see it: of a line, of a customer and of the book."""

from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from creditflow.client import Client
from creditflow.commands.output import Exit
from domain.cliff import CliffKind
from domain.customer import CustomerContent
from domain.errors import NotFound
from domain.exposure import COVER, LimitPart
from storage.edition import Editions, read_shipped, shipped_text
from storage.exposure import Accounts
from storage.identity import Persons, password_hash_of
from tests.makers_line import LINE_ID, cny, open_line
from tests.web.book import PASSWORD
from tests.web.people import KEYS, PEOPLE, as_
from tests.web.test_commands import Terminal, terminal
from tests.web.test_console import _faults_of, signed_in
from web.service.clock import Clock
from web.service.services import Services

__all__ = ["terminal"]

ON = Clock().business_on()
MANAGER, RISK = PEOPLE["relationship_manager"], PEOPLE["risk_officer"]


@pytest.fixture
def customer_id(services: Services) -> str:
    """With a line of 1000, 700 of it taken, whose cover ends in 40 days, and one without a cliff."""
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
    content = CustomerContent(name="Stonebridge Timber")
    customer_id = services.customers.record(MANAGER, content).customer_id
    dates = {
        "starts_on": ON,
        "last_draw_on": ON + timedelta(days=330),
        "ends_on": ON + timedelta(days=360),
        "review_due_on": ON + timedelta(days=20),
    }
    for line_id in (LINE_ID, "line-2"):
        open_line(services.records, line_id, customer_id=customer_id, limit=cny(1000), **dates)
    part = LimitPart(amount=cny(-400), from_on=ON + timedelta(days=40), code=COVER, of="k-1")
    with services.records.begin() as session:
        Accounts(session).set_parts(LINE_ID, COVER, [part], business_on=ON)
    return customer_id


async def take(api: httpx.AsyncClient, amount: int) -> None:
    body = {"amount": {"amount": f"{amount}.00", "currency": "CNY"}}
    headers = as_("order_system")
    answer = await api.post(f"/api/v1/lines/{LINE_ID}/reserve", json=body, headers=headers)
    assert answer.status_code == 201


async def test_a_line_says_its_days_ahead_and_what_they_leave_open(
    api: httpx.AsyncClient, services: Services, customer_id: str
) -> None:
    await take(api, 700)
    ahead = services.cliffs.read_line(MANAGER, LINE_ID)

    assert [(each.kind, each.change) for each in ahead.cliffs] == [
        (CliffKind.REVIEW, cny(0)),
        (CliffKind.COVER, cny(-400)),
    ]
    assert [each.uncovered for each in ahead.uncovered] == [cny(0), cny(100), cny(100)]
    whole = services.cliffs.read_line(MANAGER, LINE_ID, 400)
    assert [each.kind for each in whole.cliffs][-2:] == [CliffKind.DRAWS, CliffKind.LINE]


async def test_the_book_lists_what_changes_the_nearest_first_and_adds_up_what_is_open(
    api: httpx.AsyncClient, services: Services, customer_id: str
) -> None:
    await take(api, 700)

    book = services.cliffs.read_book(RISK)
    assert [each.line_id for each in book.items] == [LINE_ID]
    assert [each.uncovered for each in book.uncovered["CNY"]] == [cny(0), cny(100), cny(100)]
    assert book.complete
    further = services.cliffs.read_book(RISK, 400, customer_id)
    assert [each.line_id for each in further.items] == [LINE_ID, "line-2"]


def test_a_manager_sees_the_cliffs_of_own_customers_alone(
    services: Services, customer_id: str
) -> None:
    stranger = MANAGER.model_copy(update={"person_id": "another-manager"})

    with pytest.raises(NotFound):
        services.cliffs.read_line(stranger, LINE_ID)
    assert services.cliffs.read_book(stranger).items == ()


def test_a_client_and_a_terminal_say_the_same(
    served: str, customer_id: str, terminal: Terminal
) -> None:
    with Client(served, KEYS["everybody"]) as client:
        line = client.fetch_line_cliffs(LINE_ID, days=60)
        book = client.fetch_cliffs(customer_id=customer_id)

    assert [each.kind for each in line.cliffs] == ["review", "cover"]
    assert [each.line_id for each in book.items] == [LINE_ID]
    ending, said = terminal.asks("cliffs", LINE_ID, "--days", "60")
    assert (ending, len(said["cliffs"])) == (Exit.DONE, 2)
    ending, said = terminal.asks("cliffs", "--customer", customer_id)
    assert [each["line_id"] for each in said["items"]] == [LINE_ID]
    told = terminal.types("cliffs", key=KEYS["everybody"])
    assert LINE_ID in told.stdout
    assert "-400.00" in told.stdout


def test_the_pages_show_the_days_in_both_languages(
    app: FastAPI, services: Services, customer_id: str
) -> None:
    with services.records.begin() as session:
        Persons(session).record_password(RISK.person_id, password_hash_of(PASSWORD))
    for language, words in (
        ("en", "Cover the limit rests on"),
        ("zh-CN", "额度所依据的风险缓释变化"),
    ):
        officer = signed_in(app, RISK.person_id, language)
        for path in (f"/lines/{LINE_ID}", "/cliffs", f"/cliffs?customer={customer_id}"):
            page = officer.get(path)
            assert _faults_of(page.text) == []
            assert words in page.text
    assert "Stonebridge Timber" in officer.get("/cliffs").text
