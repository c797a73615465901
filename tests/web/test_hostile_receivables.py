"""Does anything that is written of invoices, bills, disputes and accounts fail on our side?

Each field of a request that would be granted is put in turn to what nobody should send.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from domain.dispute import DisputeContent
from domain.receivable import InvoiceContent
from storage.identity import Persons, password_hash_of
from tests.web.book import PASSWORD
from tests.web.people import PEOPLE, as_
from tests.web.test_bills import RELEASE, a_bill, ago, cny, customer_id, evidence
from tests.web.test_console import signed_in
from web.service.services import Services

__all__ = ["customer_id", "evidence"]

HOSTILE: tuple[object, ...] = (
    *("", "\x00", "a\x00b", "x" * 3000, "\ud800", "10000-01-01", "9999-12-31", "0001-01-01"),
    *(None, 0, -1, 1.5, 10**400, True, [], {}),
)
MONEY = {"amount": "1.00", "currency": "CNY"}


@pytest.fixture
def granted(services: Services, customer_id: str, evidence: str) -> dict[str, dict[str, Any]]:
    """Requests by what they are, each with an address and a body that fit."""
    who, of = PEOPLE["everybody"], f"/customers/{customer_id}"
    part = [{"invoice_no": "A-1", "amount": cny(1)}]
    held = services.bills.receive(
        RELEASE, customer_id, a_bill(evidence, "B-0", amount=cny(1), invoices=part)
    )
    contested = DisputeContent(invoice_no="A-1", opened_on=ago(3), reason="short", owner="manager")
    open_ = services.receivables.open_dispute(who, customer_id, contested)
    day, bill = str(ago(1)), a_bill(evidence, "B-1", amount=cny(1), invoices=part)
    found: dict[str, dict[str, Any]] = {
        f"{of}/bills": bill.model_dump(mode="json"),
        f"/bills/{held.bill_id}/events": {"event_no": "e", "kind": "endorsed", "note": "n"},
        f"{of}/disputes": {"invoice_no": "A-1", "opened_on": day, "amount": MONEY},
        f"/disputes/{open_.dispute_id}/end": {"settled_on": day, "reason": "r"},
        f"{of}/invoices": {"invoice_no": "I-1", "issued_on": day, "due_on": day, "amount": MONEY},
        f"{of}/payments": {"payment_no": "P", "invoice_no": "A-1", "paid_on": day, "amount": MONEY},
        f"{of}/credit-notes": {"credit_note_no": "N", "invoice_no": "A-1", "issued_on": day},
        "/runs/confirmation": {"customer_id": customer_id, "as_of": day},
    }
    found[f"/bills/{held.bill_id}/events"] |= {"happened_on": day, "recourse": True}
    found[f"{of}/disputes"] |= {"reason": "r", "owner": "o"}
    found[f"{of}/invoices"] |= {"disputed": False}
    found[f"{of}/credit-notes"] |= {"amount": MONEY, "reverses": "N-0", "reason": "r"}
    return found


def places(body: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a body something stands that may be another."""
    for key, value in body.items() if isinstance(body, dict) else enumerate(body):
        yield (*at, key)
        if isinstance(value, dict | list):
            yield from places(value, (*at, key))


def with_hostile(body: Any, place: tuple[Any, ...], value: object) -> Any:
    changed = json.loads(json.dumps(body))
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return changed


async def test_no_field_of_what_is_written_fails_on_our_side(
    api: httpx.AsyncClient, granted: dict[str, dict[str, Any]]
) -> None:
    headers = as_("everybody") | {"content-type": "application/json"}
    failed = []
    for path, body in granted.items():
        for place in places(body):
            for value in HOSTILE:
                content = json.dumps(with_hostile(body, place, value)).encode()
                answer = await api.post(f"/api/v1{path}", content=content, headers=headers)
                if answer.status_code >= 500 and answer.status_code != 503:  # Temporal is away
                    failed.append((path, place, value))
    assert failed == []


@pytest.mark.parametrize(
    "path",
    ["bills", "disputes", "confirmations", "reconciliations", "insured-limits", "customers"],
)
async def test_no_cursor_fails_on_our_side(api: httpx.AsyncClient, path: str) -> None:
    failed = []
    for key in ('["\\ud800"]', '["2026-01-01 \\ud800"]', '["a\\u0000"]', "[1e999]", "{}", '"x"'):
        cursor = base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")
        answer = await api.get(
            f"/api/v1/{path}", params={"cursor": cursor}, headers=as_("everybody")
        )
        if answer.status_code != 422:
            failed.append((key, answer.status_code))
    assert [each for each in failed if each[1] >= 500] == []


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
async def test_no_day_fails_on_our_side(
    services: Services, api: httpx.AsyncClient, customer_id: str, day: str
) -> None:
    """Also where an invoice is due on the last of all days."""
    last = InvoiceContent.model_validate(
        {"invoice_no": "A-9", "issued_on": ago(9), "due_on": "9999-12-31", "amount": cny(5)}
    )
    services.receivables.record_invoice(PEOPLE["everybody"], customer_id, last)
    failed = []
    for path in ("account", "bills", "late-interest", "insurance", "turnover", "sides"):
        for query in ({"as_of": day}, {}):
            answer = await api.get(
                f"/api/v1/customers/{customer_id}/{path}", params=query, headers=as_("everybody")
            )
            if answer.status_code >= 500:
                failed.append((path, query))
    assert failed == []


TYPED = ("", "\x00", "x" * 3000, "-1", "1e400", "10000-01-01", "A-1 1\nA-1 1", "<b>")


def test_no_form_fails_on_our_side(
    services: Services, app: FastAPI, granted: dict[str, dict[str, Any]]
) -> None:
    who = PEOPLE["everybody"]
    with services.records.begin() as session:
        Persons(session).record_password(who.person_id, password_hash_of(PASSWORD))
    client = signed_in(app, who.person_id)
    failed, answered = [], set()
    for path, body in granted.items():
        if path.startswith("/runs/"):
            continue
        of = path.removesuffix("/end")
        if of != path:  # a dispute ends on its customer's page
            path = f"{next(iter(granted)).removesuffix('/bills')}{path}"
        elif not path.endswith(("/bills", "/events", "/disputes")):
            continue  # what is entered by program and file alone
        form = {name: str(value) for name, value in body.items()} | MONEY
        form |= {"invoices": "A-1 1.00", "key": "k"}
        token = client.get("/disputes").text.split('name="csrf_token" value="')[1].split('"')[0]
        for name in form:
            for typed in TYPED:
                sent = client.post(path, data={**form, "csrf_token": token, name: typed})
                answered.add(sent.status_code)
                if sent.status_code >= 500:
                    failed.append((path, name, typed))
    assert failed == []
    assert answered >= {303, 422}


@pytest.mark.parametrize("amount", ["0.00", "-1.00"])
async def test_a_dispute_of_nothing_is_refused(
    services: Services, api: httpx.AsyncClient, customer_id: str, amount: str
) -> None:
    body = {"invoice_no": "A-1", "opened_on": str(ago(1)), "reason": "r", "owner": "o"}
    answer = await api.post(
        f"/api/v1/customers/{customer_id}/disputes",
        json={**body, "amount": {"amount": amount, "currency": "CNY"}},
        headers=as_("everybody"),
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "amount_not_positive")
    assert services.receivables.list_disputes(PEOPLE["everybody"], customer_id) == ()
