"""Disputes as programs enter them: opened and settled by the day, never of tomorrow."""

from datetime import date, timedelta

import httpx
import pytest

from domain.customer import CustomerContent
from domain.money import Money
from domain.receivable import InvoiceContent
from tests.web.people import PEOPLE, as_
from web.service.clock import Clock
from web.service.services import Services

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
