"""Disputes as people use them: opened and settled by the day, never of tomorrow, each of them once."""

from datetime import date, timedelta

import httpx
import pytest
from fastapi import FastAPI

from creditflow.commands.output import Exit
from domain.customer import CustomerContent
from domain.dispute import Dispute, DisputeContent, DisputeEnd
from domain.errors import AlreadyExists, NotFound
from domain.money import Money
from domain.receivable import InvoiceContent
from storage.edition import Editions, read_shipped, shipped_text
from storage.identity import Persons, password_hash_of
from tests.web.book import PASSWORD
from tests.web.people import KEYS, PEOPLE, as_
from tests.web.test_commands import Terminal, terminal
from tests.web.test_console import hidden, signed_in
from web.service.clock import Clock
from web.service.services import Services

__all__ = ["terminal"]

ON = Clock().business_on()
EVERYBODY = PEOPLE["everybody"]


def ago(days: int) -> date:
    return ON - timedelta(days=days)


@pytest.fixture
def customer_id(services: Services) -> str:
    content = CustomerContent(name="Quiet Harbour Foods")
    customer_id = services.customers.record(EVERYBODY, content).customer_id
    amount = Money.of(100, "CNY")
    invoice = InvoiceContent(invoice_no="A-1", issued_on=ago(9), due_on=ago(1), amount=amount)
    services.receivables.record_invoice(EVERYBODY, customer_id, invoice)
    return customer_id


def disputed(services: Services, customer_id: str, on: date) -> Money:
    [aged] = services.receivables.read_account(EVERYBODY, customer_id, on).ageings
    return aged.disputed


async def test_a_dispute_is_opened_and_settled_by_program(
    services: Services, api: httpx.AsyncClient, customer_id: str
) -> None:
    path = f"/api/v1/customers/{customer_id}/disputes"
    said = {"invoice_no": "A-1", "opened_on": f"{ago(5)}", "reason": "short", "owner": "manager"}
    said |= {"amount": {"amount": "30.00", "currency": "CNY"}}
    tomorrow = {**said, "opened_on": f"{ago(-1)}"}
    refused = await api.post(path, json=tomorrow, headers=as_("everybody"))
    assert refused.json()["code"] == "date_in_future"
    denied = await api.post(path, json=said, headers=as_("auditor"))
    assert denied.status_code == 403

    made = await api.post(path, json=said, headers=as_("everybody"))
    assert made.status_code == 201, made.text
    end = {"settled_on": f"{ago(2)}", "reason": "credited"}
    dispute_id = made.json()["dispute_id"]
    ended = await api.post(f"/api/v1/disputes/{dispute_id}/end", json=end, headers=as_("everybody"))
    assert ended.status_code == 201, ended.text
    listed = await api.get(path, headers=as_("everybody"))
    assert listed.json()["items"] == [ended.json()]
    counted = [disputed(services, customer_id, ago(days)).minor for days in (6, 5, 3, 2)]
    assert counted == [0, 3000, 3000, 0]


def contested(days_ago: int = 5, reason: str = "short") -> DisputeContent:
    return DisputeContent(invoice_no="A-1", opened_on=ago(days_ago), reason=reason, owner="manager")


def test_a_dispute_opened_again_under_its_key_is_that_one_and_another_is_refused(
    services: Services, customer_id: str
) -> None:
    opened = services.receivables.open_dispute(EVERYBODY, customer_id, contested(), "k-1")

    again = services.receivables.open_dispute(EVERYBODY, customer_id, contested(), "k-1")
    assert again == opened
    for other in (contested(reason="late"), contested(4)):
        with pytest.raises(AlreadyExists):
            services.receivables.open_dispute(EVERYBODY, customer_id, other, "k-1")
    assert services.receivables.list_disputes(EVERYBODY, customer_id) == (opened,)


def test_a_dispute_of_another_manager_answers_like_one_that_is_not_there(
    services: Services, customer_id: str
) -> None:
    dispute_id = services.receivables.open_dispute(EVERYBODY, customer_id, contested()).dispute_id
    manager, end = PEOPLE["relationship_manager"], DisputeEnd(settled_on=ON, reason="credited")
    said = []
    for asked in (dispute_id, "0" * 36):
        with pytest.raises(NotFound) as refused:
            services.receivables.settle_dispute(manager, asked, end)
        said.append({**refused.value.facts, "id": ""})

    assert said[0] == said[1]
    assert services.receivables.list_open_disputes(manager) == ()
    assert len(services.receivables.list_open_disputes(EVERYBODY)) == 1


async def test_open_disputes_are_listed_oldest_first_page_by_page(
    services: Services, api: httpx.AsyncClient, customer_id: str
) -> None:
    for days in (3, 9, 6):
        services.receivables.open_dispute(EVERYBODY, customer_id, contested(days))
    settled = services.receivables.open_dispute(EVERYBODY, customer_id, contested(8))
    end = DisputeEnd(settled_on=ON, reason="credited")
    services.receivables.settle_dispute(EVERYBODY, settled.dispute_id, end)
    seen: list[str] = []
    query: dict[str, str | int] = {"page_size": 2}
    while True:
        page = (await api.get("/api/v1/disputes", params=query, headers=as_("auditor"))).json()
        seen += [each["opened_on"] for each in page["items"]]
        if not page["has_more"]:
            break
        query["cursor"] = page["next_cursor"]

    assert seen == [f"{ago(days)}" for days in (9, 6, 3)]


def test_a_dispute_is_opened_listed_and_settled_from_a_terminal(
    terminal: Terminal, customer_id: str
) -> None:
    words = ("dispute", "open", customer_id, "A-1", "--on", f"{ago(5)}", "--reason", "short")
    words += ("--owner", "manager", "--amount", "30.00", "CNY", "--key", "k-1")
    ending, opened = terminal.asks(*words)
    assert (ending, opened["amount"]) == (Exit.DONE, {"amount": "30.00", "currency": "CNY"})
    assert terminal.asks(*words) == (Exit.DONE, opened)
    assert terminal.asks("dispute", "list")[1]["items"] == [opened]

    settle = ("dispute", "settle", opened["dispute_id"], "--reason", "credited", "--on")
    assert terminal.asks(*settle, f"{ago(6)}")[1]["code"] == "out_of_order"
    ending, settled = terminal.asks(*settle, f"{ago(2)}")
    assert (ending, settled["settled_reason"]) == (Exit.DONE, "credited")
    assert terminal.asks("dispute", "list")[1]["items"] == []
    assert terminal.asks("dispute", "list", "--customer", customer_id)[1]["items"] == [settled]
    plain = terminal.types(*settle, f"{ago(2)}", key=KEYS["everybody"]).stdout
    assert "settled_reason  credited" in plain
    ending, refused = terminal.asks(*words[:4], *words[4:], as_="auditor")
    assert (ending, refused["code"]) == (Exit.REFUSED, "not_permitted")


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("Open disputes", "Settled")), ("zh-CN", ("未解决争议", "已解决"))],
)
def test_a_dispute_is_opened_and_settled_on_its_customers_page(
    services: Services, app: FastAPI, customer_id: str, language: str, words: tuple[str, str]
) -> None:
    with services.records.begin() as session:
        for person in (EVERYBODY, PEOPLE["auditor"]):
            Persons(session).record_password(person.person_id, password_hash_of(PASSWORD))
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
    client = signed_in(app, EVERYBODY.person_id, language)
    path = f"/customers/{customer_id}/disputes"
    assert f"{path}?invoice=A-1" in client.get(f"/customers/{customer_id}").text
    page = client.get(f"{path}?invoice=A-1")
    assert 'value="A-1"' in page.text
    typed = {**hidden(page, path), "invoice_no": "A-1", "opened_on": f"{ago(5)}"}
    typed |= {"owner": "manager", "amount": "30.00", "currency": "CNY", "reason": "goods short"}

    refused = client.post(path, data={**typed, "amount": "101.00"})
    assert (refused.status_code, "goods short" in refused.text) == (422, True)
    assert client.post(path, data={**typed, "reason": " "}).status_code == 422
    assert services.receivables.list_disputes(EVERYBODY, customer_id) == ()
    assert [client.post(path, data=typed).status_code for _ in range(2)] == [303, 303]
    [dispute] = services.receivables.list_disputes(EVERYBODY, customer_id)
    assert (dispute.amount, dispute.owner) == (Money.of(30, "CNY"), "manager")

    listed = client.get("/disputes").text
    assert "goods short" in listed
    assert path in listed
    settle = f"{path}/{dispute.dispute_id}/end"
    reader = signed_in(app, "auditor", language).get(path).text
    assert words[0] in reader
    assert settle not in reader
    end = {**hidden(client.get(path), settle), "settled_on": f"{ago(2)}", "reason": "credited"}
    assert client.post(settle, data={**end, "settled_on": ""}).status_code == 422
    assert client.post(settle, data=end).status_code == 303
    shown = client.get(path).text
    assert words[1] in shown
    assert settle not in shown
    assert "goods short" not in client.get("/disputes").text
    [settled] = services.receivables.list_disputes(EVERYBODY, customer_id)
    assert settled == dispute.model_copy(
        update={
            "settled_on": ago(2),
            "settled_reason": "credited",
            "settled_by": EVERYBODY.person_id,
        }
    )
    assert isinstance(settled, Dispute)


def test_a_dispute_is_in_the_history_once_and_an_invoice_sent_again_settles_none(
    services: Services, customer_id: str
) -> None:
    for _ in range(2):
        opened = services.receivables.open_dispute(EVERYBODY, customer_id, contested(), "k-1")
    [known] = services.receivables.list_invoices(EVERYBODY, customer_id)
    sent = known.model_dump(include={"invoice_no", "issued_on", "due_on"})
    again = InvoiceContent(**sent, amount=known.amount)
    services.receivables.record_invoice(EVERYBODY, customer_id, again)
    assert disputed(services, customer_id, ON) == known.amount

    end = DisputeEnd(settled_on=ON, reason="credited")
    for _ in range(2):
        services.receivables.settle_dispute(EVERYBODY, opened.dispute_id, end)
    history = services.customers.list_events(EVERYBODY, customer_id)
    assert [(each.event_type.value, each.occurred_on) for each in history] == [
        ("dispute_opened", ago(5)),
        ("dispute_settled", ON),
    ]
