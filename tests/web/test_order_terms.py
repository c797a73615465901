"""An order says its terms, by code, as text or as a rule, and is held to those of the line."""

import json
from pathlib import Path

import httpx
import pytest

from creditflow.client import Client, Money, Refused
from creditflow.commands.output import Exit
from domain.customer import CustomerContent
from storage.edition import Editions, read_shipped, shipped_text
from tests.makers_line import open_line
from tests.web.people import KEYS, PEOPLE, as_
from tests.web.test_commands import Terminal
from web.service.clock import Clock
from web.service.services import Services

APPROVED_DAYS = 40  # 30 days from the invoice, and the ten until it
ON = Clock().business_on()
RULE = {"kind": "month_end", "start": "invoice", "days": 60}


@pytest.fixture
def customer_id(services: Services) -> str:
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
    content = CustomerContent(name="Quiet Harbour Foods")
    customer_id = services.customers.record(PEOPLE["everybody"], content).customer_id
    dates = {"starts_on": ON, "last_draw_on": ON, "ends_on": ON, "review_due_on": ON}
    open_line(services.records, customer_id=customer_id, terms_days=APPROVED_DAYS, **dates)
    return customer_id


def a_check(customer_id: str, terms: object) -> dict[str, object]:
    return {
        "customer_id": customer_id,
        "amount": {"amount": "100.00", "currency": "CNY"},
        "terms": terms,
    }


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (None, None),
        ("net_30", None),
        ("cash_first", None),
        ("net_days:50@invoice", None),
        ("net_60", "terms_exceeded"),
        ("net_days:51@invoice", "terms_exceeded"),
        ({"instalments": [{"part": "1", "rule": RULE}]}, "terms_exceeded"),
        ("net_31", "terms_unreadable"),
        ({"instalments": [{"part": "0.5", "rule": RULE}]}, "terms_uneven"),
        ("", "malformed"),
    ],
)
async def test_a_check_is_answered_by_its_terms(
    api: httpx.AsyncClient, customer_id: str, terms: object, code: str | None
) -> None:
    for key in ({}, {"Idempotency-Key": f"k-{terms!s:.20}".replace(" ", "")}):
        answer = await api.post(
            "/api/v1/checks", json=a_check(customer_id, terms), headers=as_("order_system", **key)
        )
        found = None if answer.status_code == 200 else answer.json()["code"]
        assert (answer.status_code, found) == (422 if code else 200, code), answer.text


async def test_the_refusal_names_both_terms_their_days_and_their_ranks(
    api: httpx.AsyncClient, customer_id: str
) -> None:
    headers = as_("order_system", **{"Accept-Language": "zh-CN"})
    answer = await api.post(
        "/api/v1/checks", json=a_check(customer_id, "month_end_60"), headers=headers
    )
    problem = answer.json()
    assert problem["facts"] | {"line_id": ""} == {
        "line_id": "",
        "asked": "month_end:60@invoice",
        "asked_days": "100",
        "asked_rank": "4",
        "approved": "net_days:30@invoice",
        "approved_days": "40",
        "approved_rank": "2",
    }
    assert "第 4 级" in problem["detail"]


def test_client_and_command_say_terms_too(served: str, customer_id: str, tmp_path: Path) -> None:
    amount = Money.of("100.00", "CNY")
    with Client(served, KEYS["order_system"]) as client:
        assert client.check(customer_id, amount, key="k-1", terms="net_30").reservation_id
        with pytest.raises(Refused) as refused:
            client.check(customer_id, amount, terms="net_60")
    assert refused.value.code == "terms_exceeded"
    (tmp_path / "users.json").write_text(json.dumps({}))
    terminal = Terminal(served, tmp_path)
    words = ("check", customer_id, "100.00", "CNY", "--terms")
    assert terminal.asks(*words, "net_30", as_="order_system")[0] is Exit.DONE
    ending, problem = terminal.asks(*words, "net_60", as_="order_system")
    assert (ending, problem["code"]) == (Exit.REFUSED, "terms_exceeded")
