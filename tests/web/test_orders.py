"""Orders over the API, the client and the terminal: placed, changed, delivered, invoiced, ended."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from creditflow.client import AsyncClient, Client
from creditflow.client import values as v
from creditflow.commands.output import Exit
from domain.customer import CustomerContent, CustomerGroup
from domain.errors import NotFound, NotPermitted
from domain.exchange import Rate
from domain.money import Money
from domain.order import OrderContent, OrderStatus, OrderTerms
from storage.customer import Customers
from storage.edition import Editions, read_shipped, shipped_text
from storage.exposure import Exposure
from storage.line import Lines
from tests.makers_line import open_line
from tests.web.conftest import serving
from tests.web.people import KEYS, PEOPLE, as_
from tests.web.test_commands import Terminal
from web.service.clock import Clock
from web.service.services import Services

ON = Clock().business_on()
LINE = "line-1"


def cny(amount: int) -> Money:
    return Money.of(amount, "CNY")


@pytest.fixture
def customer_id(services: Services) -> str:
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
    content = CustomerContent(name="Quiet Harbour Foods", manager_id="relationship_manager")
    customer_id = services.customers.record(PEOPLE["everybody"], content).customer_id
    dates = {
        "starts_on": ON,
        "last_draw_on": ON + timedelta(days=300),
        "ends_on": ON + timedelta(days=330),
        "review_due_on": ON + timedelta(days=100),
    }
    open_line(services.records, LINE, customer_id=customer_id, limit=cny(1000), **dates)
    return customer_id


def a_body(customer_id: str, amount: int = 600, **said: Any) -> dict[str, Any]:
    money = {"amount": str(amount), "currency": "CNY"}
    return {"customer_id": customer_id, "order_no": "SO-1", "amount": money, **said}


async def posts(api: httpx.AsyncClient, path: str, body: Any, key: str, who: str) -> httpx.Response:
    headers = as_(who, **{"Idempotency-Key": key})
    return await api.post(f"/api/v1{path}", json=body, headers=headers)


async def test_an_order_goes_its_way_and_a_key_says_the_same_again(
    api: httpx.AsyncClient, services: Services, customer_id: str
) -> None:
    placed = await posts(api, "/orders", a_body(customer_id), "k-1", "order_system")
    assert placed.status_code == 201, placed.text
    order = placed.json()["order"]
    assert (order["status"], len(order["reserved"])) == ("open", 1)
    again = await posts(api, "/orders", a_body(customer_id), "k-1", "order_system")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert {**again.json(), "replayed": False} == placed.json()
    other = await posts(api, "/orders", a_body(customer_id, 601), "k-1", "order_system")
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")
    taken = await posts(api, "/orders", a_body(customer_id, 601), "k-2", "order_system")
    assert (taken.status_code, taken.json()["code"]) == (409, "already_exists")

    at = f"/orders/{order['order_id']}"
    half = {"amount": {"amount": "250.00", "currency": "CNY"}}
    for _ in range(2):
        part = (await posts(api, f"{at}/deliver", half, "k-3", "order_system")).json()["order"]
        assert (part["status"], part["delivered"]["amount"]) == ("delivered_part", "250.00")
    for _ in range(2):
        rest = (await posts(api, f"{at}/deliver", {}, "k-4", "order_system")).json()["order"]
        assert rest["status"] == "delivered"
    bill = {"invoice_no": "INV-1", "issued_on": str(ON), "due_on": str(ON + timedelta(days=30))}
    for _ in range(2):
        billed = (await posts(api, f"{at}/invoice", bill, "k-5", "order_system")).json()["order"]
    assert (billed["status"], billed["invoiced"]["amount"]) == ("invoiced", "600.00")
    [invoice] = services.receivables.list_invoices(PEOPLE["everybody"], customer_id)
    assert (invoice.invoice_no, invoice.amount) == ("INV-1", cny(600))
    note = {"credit_no": "CN-1", "invoice_no": "INV-1", **half}
    for _ in range(2):
        credited = (await posts(api, f"{at}/credit", note, "k-6", "order_system")).json()["order"]
    assert credited["credited"]["amount"] == "250.00"
    [line] = services.exposure.read_book(PEOPLE["everybody"], LINE).balances
    assert (line.reserved, line.used) == (cny(0), cny(350))
    parts = (await api.get(f"/api/v1/lines/{LINE}/exposure", headers=as_("auditor"))).json()
    [owed] = parts["buckets"]
    assert (owed["bucket"], owed["amount"]["amount"]) == ("receivables", "350.00")
    [document] = owed["documents"]
    assert (document["kind"], document["no"]) == ("invoice", "INV-1")
    view = (await api.get(f"/api/v1{at}", headers=as_("auditor"))).json()
    acts = [each["act"] for each in view["events"] if each["order"]["asked"] is None]
    assert acts == ["place", "deliver", "deliver", "invoice", "credit"]


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"amount": {"amount": "0", "currency": "CNY"}}, 422, "amount_not_positive"),
        ({"amount": {"amount": "1.001", "currency": "CNY"}}, 422, "malformed_amount"),
        ({"terms": "whenever"}, 422, "terms_unreadable"),
        ({"order_no": ""}, 422, "malformed"),
        ({"product": "nothing_known"}, 422, "product_unknown"),
        ({"deposit": {"amount": "-1", "currency": "CNY"}}, 422, "amount_not_positive"),
        ({"deposit": {"amount": "1", "currency": "USD"}}, 422, "currency_mismatch"),
        ({"customer_id": "nobody"}, 404, "not_found"),
        ({"paid": True}, 422, "malformed"),
    ],
)
async def test_what_is_no_order_is_refused_by_its_code(
    api: httpx.AsyncClient, customer_id: str, said: Any, status: int, code: str
) -> None:
    for path in ("/orders", "/orders/quotes"):
        answer = await posts(api, path, a_body(customer_id) | said, "k", "order_system")
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


@pytest.mark.parametrize(
    ("act", "said", "status", "code"),
    [
        (
            "invoice",
            {"invoice_no": "I", "issued_on": str(ON), "due_on": str(ON)},
            409,
            "out_of_order",
        ),
        (
            "invoice",
            {"invoice_no": "I", "issued_on": str(ON), "due_on": "2000-01-01"},
            422,
            "field_unreadable",
        ),
        ("deliver", {"amount": {"amount": "601", "currency": "CNY"}}, 422, "more_than_ordered"),
        ("deliver", {"amount": {"amount": "-1", "currency": "CNY"}}, 422, "amount_not_positive"),
        ("deliver", {"amount": {"amount": "1", "currency": "USD"}}, 422, "currency_mismatch"),
        (
            "credit",
            {"credit_no": "C", "invoice_no": "I", "amount": {"amount": "0", "currency": "CNY"}},
            422,
            "amount_not_positive",
        ),
        (
            "credit",
            {"credit_no": "C", "invoice_no": "I", "amount": {"amount": "1", "currency": "CNY"}},
            404,
            "invoice_unknown",
        ),
        ("split", {"parts": []}, 422, "malformed"),
        (
            "split",
            {"parts": [{"order_no": "SO-1", "amount": {"amount": "1", "currency": "CNY"}}]},
            422,
            "malformed",
        ),
        ("change", {"amount": {"amount": "1", "currency": "USD"}}, 422, "currency_mismatch"),
        ("reopen", {}, 409, "out_of_order"),
    ],
)
async def test_what_an_order_does_not_take_is_refused_and_leaves_it_as_it_is(
    api: httpx.AsyncClient, customer_id: str, act: str, said: Any, status: int, code: str
) -> None:
    placed = (await posts(api, "/orders", a_body(customer_id), "k", "order_system")).json()["order"]
    at = f"/orders/{placed['order_id']}"
    answer = await posts(api, f"{at}/{act}", said, "k-2", "order_system")
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    left = (await api.get(f"/api/v1{at}", headers=as_("auditor"))).json()["order"]
    assert left == placed


async def test_a_held_order_is_an_answer_with_every_reason(
    api: httpx.AsyncClient, customer_id: str
) -> None:
    body = a_body(customer_id, 1500, terms="net_60")
    held = (await posts(api, "/orders", body, "k-1", "order_system")).json()
    assert held["order"]["status"] == "held"
    assert held["order"]["reserved"] == []
    assert {each["rule"] for each in held["hold"]["reasons"]} >= {"limit"}
    deliver = await posts(
        api, f"/orders/{held['order']['order_id']}/deliver", {}, "k-2", "order_system"
    )
    assert (deliver.status_code, deliver.json()["code"]) == (409, "out_of_order")


def test_who_may_do_what_and_see_whose(services: Services, customer_id: str) -> None:
    orders, content = services.orders, OrderContent(order_no="SO-1", amount=cny(10))
    placed = orders.place(PEOPLE["order_system"], customer_id, content).order
    order_id = placed.order_id
    for who in ("auditor", "collector", "legal", "operator", "approver", "risk_officer"):
        with pytest.raises(NotPermitted):
            orders.place(PEOPLE[who], customer_id, content)
        with pytest.raises(NotPermitted):
            orders.cancel(PEOPLE[who], order_id)
    with pytest.raises(NotPermitted):
        orders.deliver(PEOPLE["relationship_manager"], order_id)
    with pytest.raises(NotPermitted):
        orders.read(PEOPLE["operator"], order_id)
    stranger = PEOPLE["relationship_manager"].model_copy(update={"person_id": "manager-2"})
    with pytest.raises(NotFound):
        orders.read(stranger, order_id)
    with pytest.raises(NotFound):
        orders.cancel(stranger, order_id)
    assert orders.list_orders(stranger) == []


def test_lists_turn_their_pages_and_count_what_is_open(
    services: Services, customer_id: str
) -> None:
    person, orders = PEOPLE["order_system"], services.orders
    for n in range(5):
        orders.place(person, customer_id, OrderContent(order_no=f"SO-{n}", amount=cny(300)))
    first = orders.list_orders(person, page_size=2)
    rest = orders.list_orders(person, page_size=9, before=(first[-1].placed_at, first[-1].order_id))
    numbers = [each.content.order_no for each in (*first, *rest)]
    assert numbers == ["SO-4", "SO-3", "SO-2", "SO-1", "SO-0"]
    held = orders.list_orders(person, status=OrderStatus.HELD)
    assert [each.content.order_no for each in held] == ["SO-4", "SO-3"]
    counts = orders.count(person, customer_id=customer_id)
    assert (counts.open, counts.holds) == (5, 2)
    assert orders.count(person, line_id=LINE).holds == 2


def test_client_and_commands_do_the_same(
    app: FastAPI, services: Services, customer_id: str, tmp_path: Path
) -> None:
    (tmp_path / "users.json").write_text("{}")
    with serving(app) as url, Client(url, KEYS["order_system"]) as client:
        amount = v.Money.of("400.00", "CNY")
        content = v.OrderContent(order_no="SO-1", amount=amount)
        assert client.quote_order(customer_id, content).order.status == "quoted"
        placed = client.place_order(customer_id, content, key="k-1")
        assert placed.order.status == "open"
        order_id = placed.order.order_id
        changed = client.change_order(
            order_id, v.OrderTerms(amount=v.Money.of("900.00", "CNY"), purpose="spring")
        )
        assert changed.order.content.purpose == "spring"
        part = v.OrderPart(order_no="SO-1b", amount=v.Money.of("300.00", "CNY"))
        client.split_order(order_id, [part])
        assert len(client.fetch_order(order_id).parts) == 1
        assert client.close_order(order_id).order.status == "closed"
        assert client.reopen_order(order_id).order.status == "open"

        terminal = Terminal(url, tmp_path)
        words = ("order", "deliver", order_id, "--amount", "100.00")
        ending, document = terminal.asks(*words, as_="order_system")
        assert (ending, document["order"]["status"]) == (Exit.DONE, "delivered_part")
        ending, document = terminal.asks("order", "cancel", order_id, as_="order_system")
        assert (ending, document["code"]) == (Exit.CONFLICT, "out_of_order")
        words = ("order", "place", customer_id, "SO-9", "5000.00", "CNY")
        ending, document = terminal.asks(*words, as_="order_system")
        assert (ending, document["order"]["status"]) == (Exit.DONE, "held")
        ending, document = terminal.asks("order", "list", "--status", "held", as_="auditor")
        assert [each["content"]["order_no"] for each in document["items"]] == ["SO-9"]
        shown = terminal.types("order", "show", order_id, key=KEYS["auditor"])
        assert "delivered_part" in shown.stdout
        ending, document = terminal.asks("order", "show", "nobody", as_="auditor")
        assert (ending, document["code"]) == (Exit.NOT_FOUND, "not_found")
        assert terminal.asks("order", "counts", as_="auditor")[1]["holds"] == 1


async def test_the_asynchronous_client_reads_the_same(
    app: FastAPI, services: Services, customer_id: str
) -> None:
    content = OrderContent(order_no="SO-1", amount=cny(10))
    placed = services.orders.place(PEOPLE["order_system"], customer_id, content).order
    with serving(app) as url:
        async with AsyncClient(url, KEYS["auditor"]) as client:
            listed = [each async for each in client.list_orders(customer_id=customer_id)]
            assert [each.order_id for each in listed] == [placed.order_id]
            assert (await client.fetch_order(placed.order_id)).order.status == "open"


def test_what_was_done_to_an_order_is_not_edited(services: Services, customer_id: str) -> None:
    content = OrderContent(order_no="SO-1", amount=cny(10))
    services.orders.place(PEOPLE["order_system"], customer_id, content)
    for statement in ("DELETE FROM order_event", "UPDATE order_event SET acted_by = 'x'"):
        with pytest.raises(Exception, match="order_event"), services.records.begin() as session:
            session.execute(text(statement))


@pytest.mark.parametrize(
    ("kind", "waits"), [("line", True), ("rate", True), ("group", True), ("none", False)]
)
def test_what_may_cure_an_order_owes_it_a_look_and_owes_none_where_none_waits(
    services: Services, customer_id: str, kind: str, waits: bool
) -> None:
    everybody = PEOPLE["everybody"]
    amount = cny(5000 if waits else 10)
    services.orders.place(everybody, customer_id, OrderContent(order_no="SO-1", amount=amount))
    if kind in ("line", "none"):
        with services.records.begin() as session:
            line = Lines(session).read(LINE, for_update=True)
            Lines(session).write(line)
    if kind == "rate":
        services.rates.record(everybody, Rate(base="USD", quote="CNY", rate=7, rate_on=ON))
    if kind == "group":
        with services.records.begin() as session:
            Customers(session).record_group(CustomerGroup(group_id="g-1", name="G"))
        content = services.customers.read(everybody, customer_id)
        said = {n: getattr(content, n) for n in CustomerContent.model_fields}
        grouped = CustomerContent.model_validate(said | {"group_id": "g-1"})
        services.customers.update(everybody, customer_id, grouped)
    with services.records.begin() as session:
        owed = session.scalars(
            text("SELECT facts ->> 'cause' FROM outbox WHERE kind = 'start_recheck'")
        ).all()
    assert owed == ([kind] if waits else [])


@pytest.mark.parametrize(
    "kind", ["release", "repay", "expire", "commit", "split", "deposit", "all"]
)
def test_what_comes_free_in_the_book_owes_the_look_in_its_own_transaction(
    services: Services, customer_id: str, kind: str
) -> None:
    """Nobody comes between the two: nothing but the ledger is called."""
    book = Exposure(services.records, connections_max=1)
    moment = services.clock.now()
    first = book.reserve(LINE, cny(600), "r-1", business_on=ON, expires_at=moment).entry_id
    assert first is not None
    if kind in ("repay", "deposit"):
        book.commit(LINE, first, "c-1", business_on=ON)
    placed = OrderContent(order_no="SO-1", amount=cny(900))
    waits = services.orders.place(PEOPLE["everybody"], customer_id, placed).hold
    assert waits is not None
    match kind:
        case "release":
            moved = book.release(LINE, first, "k-1", business_on=ON, amount=cny(1))
        case "repay":
            moved = book.repay(LINE, cny(1), "k-1", business_on=ON)
        case "expire":
            moved = book.expire(LINE, first, business_on=ON, as_of=moment)
        case "split":
            moved = book.split(LINE, first, [cny(300), cny(299)], "k-1", business_on=ON)
        case "deposit":
            moved = book.deposit(LINE, cny(1), "k-1", business_on=ON)
        case "commit":
            moved = book.commit(LINE, first, "k-1", business_on=ON, amount=cny(599))
        case _:
            moved = book.commit(LINE, first, "k-1", business_on=ON)  # and nothing comes free
    book.close()
    with services.records.begin() as session:
        owed = session.execute(
            text("SELECT recipient, facts FROM outbox WHERE kind = 'start_recheck'")
        ).all()
    if kind == "all":
        assert owed == []
        return
    [(recipient, facts)] = owed
    assert recipient == facts["run_id"] == moved.entry_id
    assert (facts["customer_id"], facts["offset_days"]) == (customer_id, "0")


def test_a_change_says_all_of_an_orders_terms(services: Services, customer_id: str) -> None:
    everybody = PEOPLE["everybody"]
    content = OrderContent(order_no="SO-1", amount=cny(10), purpose="spring")
    order = services.orders.place(everybody, customer_id, content).order
    changed = services.orders.change(everybody, order.order_id, OrderTerms(amount=cny(11))).order
    assert (changed.amount, changed.content.purpose) == (cny(11), "")
