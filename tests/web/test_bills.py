"""Bills as people use them: received in place of invoices, passed on, honoured, refused."""

from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from activities.warning import WarningActivities
from creditflow.commands.output import Exit
from creditflow.demo.bill import RefusedBill
from creditflow.demo.office import Office
from domain.bill import BillContent, BillEventContent, BillEventKind, BillState
from domain.customer import CreditEventType, CustomerContent
from domain.errors import (
    AlreadyExists,
    CurrencyMismatch,
    DateInFuture,
    MoreThanInvoiced,
    NotFound,
    NotPermitted,
    OverLimit,
)
from domain.money import Money
from domain.receivable import InvoiceContent
from domain.warning import MonitoringPage, RaisedWarning
from storage.customer import Customers
from storage.edition import Editions, read_shipped, shipped_text
from storage.exposure import Exposure
from storage.identity import Persons, password_hash_of
from tests.makers_line import LINE_ID, TODAY, open_line
from tests.makers_policy import a_changed_edition
from tests.web.book import PASSWORD
from tests.web.people import KEYS, PEOPLE, as_
from tests.web.test_commands import Terminal, terminal
from tests.web.test_console import hidden, signed_in
from web.service.bill import BillView
from web.service.clock import Clock
from web.service.services import Services

__all__ = ["terminal"]

ON = Clock().business_on()
MANAGER, RELEASE = PEOPLE["relationship_manager"], PEOPLE["release_officer"]


def cny(amount: int) -> Money:
    return Money.of(amount, "CNY")


def ago(days: int) -> date:
    return ON - timedelta(days=days)


@pytest.fixture
def customer_id(services: Services) -> str:
    """A customer with an invoice that is late, and a line of which as much is used."""
    edition = read_shipped()
    with services.records.begin() as session:
        Editions(session).publish(edition, shipped_text("standard"), "test")
    content = CustomerContent(name="Quiet Harbour Foods")
    customer_id = services.customers.record(PEOPLE["everybody"], content).customer_id
    invoice = InvoiceContent(invoice_no="A-1", issued_on=ago(120), due_on=ago(90), amount=cny(100))
    services.receivables.record_invoice(PEOPLE["everybody"], customer_id, invoice)
    open_line(services.records, customer_id=customer_id, limit=cny(1000))
    exposure = Exposure(services.records)
    held = exposure.reserve(LINE_ID, cny(300), "r", business_on=TODAY)
    assert held.reservation_id is not None
    exposure.commit(LINE_ID, held.reservation_id, "c", business_on=TODAY)
    exposure.close()
    return customer_id


@pytest.fixture
def evidence(services: Services) -> str:
    kept = services.attachments.record(RELEASE, b"a bill", name="bill.txt")
    return kept.sha256


def a_bill(evidence: str, no: str = "B-1", **changed: object) -> BillContent:
    ordinary = {
        "bill_no": no,
        "kind": "commercial_acceptance",
        "acceptor": "harbour-holding",
        "acceptor_class": "group",
        "drawer": "Quiet Harbour Foods",
        "amount": cny(100),
        "received_on": ago(60),
        "due_on": ago(5),
        "invoices": [{"invoice_no": "A-1", "amount": cny(100)}],
        "evidence_hash": evidence,
        "line_id": LINE_ID,
    }
    return BillContent.model_validate(ordinary | changed)


def an_event(
    kind: BillEventKind, days_ago: int = 4, no: str = "e-1", **more: object
) -> BillEventContent:
    said = {"event_no": no, "kind": kind, "happened_on": ago(days_ago), **more}
    return BillEventContent.model_validate(said)


def used(services: Services) -> Money:
    exposure = Exposure(services.records)
    stands = exposure.balances(LINE_ID)[0].used
    exposure.close()
    return stands


def overdue(services: Services, customer_id: str, on: date = ON) -> tuple[Money, Money | None, int]:
    view = services.receivables.read_account(MANAGER_OF_ALL, customer_id, on)
    (aged,) = view.ageings
    return aged.overdue, aged.bills, view.payments.days_past_due_max


MANAGER_OF_ALL = PEOPLE["everybody"]


def look(services: Services, customer_id: str, run_id: str) -> list[RaisedWarning]:
    now = services.clock.now()
    page = MonitoringPage(
        run_id=run_id, after=None, page_size=10, customer_ids=(customer_id,), at=now
    )
    WarningActivities(services.records).monitor_customers(page)
    found = services.warnings.list_warnings(MANAGER_OF_ALL, customer_id=customer_id)
    return [each for each in found if each.signal.rule == "bill_refused"]


def test_a_bill_stands_for_its_invoice_and_frees_the_line_only_when_honoured(
    services: Services, customer_id: str, evidence: str
) -> None:
    assert overdue(services, customer_id) == (cny(100), cny(0), 90)
    bill = services.bills.receive(RELEASE, customer_id, a_bill(evidence))
    again = services.bills.receive(RELEASE, customer_id, a_bill(evidence))

    assert bill.bill_id == again.bill_id
    assert (bill.status, bill.frees_line, used(services)) == (BillState.HELD, False, cny(300))
    assert overdue(services, customer_id) == (cny(0), cny(100), 0)
    endorsed = an_event(BillEventKind.ENDORSED, 30, "e-1")
    passed = services.bills.report(RELEASE, bill.bill_id, endorsed)
    assert (passed.status, used(services)) == (BillState.CONTINGENT, cny(300))

    honoured = an_event(BillEventKind.HONOURED, 4, "e-2")
    ended = [services.bills.report(RELEASE, bill.bill_id, honoured) for _ in range(2)]
    assert [(each.status, each.frees_line) for each in ended] == [(BillState.HONOURED, True)] * 2
    assert used(services) == cny(200)
    assert overdue(services, customer_id) == (cny(0), cny(0), 0)


def test_a_refused_bill_leaves_its_invoice_late_from_its_own_due_date_with_a_warning(
    services: Services, customer_id: str, evidence: str
) -> None:
    bill = services.bills.receive(RELEASE, customer_id, a_bill(evidence))
    assert look(services, customer_id, "before") == []
    refused = services.bills.report(RELEASE, bill.bill_id, an_event(BillEventKind.REFUSED))

    assert (refused.status, used(services)) == (BillState.REFUSED, cny(300))
    assert overdue(services, customer_id) == (cny(100), cny(0), 90)
    assert overdue(services, customer_id, ago(5)) == (cny(0), cny(100), 0)
    assert services.bills.read(RELEASE, bill.bill_id, ago(5)).status is BillState.HELD
    with services.records.begin() as session:
        events = Customers(session).events(customer_id)
    assert [each.event_type for each in events] == [CreditEventType.BILL_DISHONOURED]
    (warning,) = look(services, customer_id, "after")
    assert warning.signal.value == 4
    assert warning.closed_on is None


def test_a_bill_of_a_listed_acceptor_frees_the_line_when_it_is_received(
    services: Services, customer_id: str, evidence: str
) -> None:
    with_harbour_holding_listed(services)
    services.bills.receive(RELEASE, customer_id, a_bill(evidence))

    assert used(services) == cny(200)


def with_harbour_holding_listed(services: Services) -> None:
    edition = a_changed_edition(
        'effective_on = 2026-01-02\n[bills]\ncounts_at_once = ["harbour-holding"]'
    )
    with services.records.begin() as session:
        Editions(session).publish(edition, edition.as_toml(), "test")


def use(services: Services, amount: int, key: str) -> None:
    exposure = Exposure(services.records)
    held = exposure.reserve(LINE_ID, cny(amount), key, business_on=TODAY)
    assert held.reservation_id is not None
    exposure.commit(LINE_ID, held.reservation_id, f"{key}/commit", business_on=TODAY)
    exposure.close()


def test_a_refused_bill_that_had_freed_its_line_takes_it_again_above_the_limit(
    services: Services, customer_id: str, evidence: str
) -> None:
    with_harbour_holding_listed(services)
    bill = services.bills.receive(RELEASE, customer_id, a_bill(evidence))
    assert (bill.frees_line, used(services)) == (True, cny(200))
    use(services, 800, "all-of-it")

    for _ in range(2):
        refused = services.bills.report(RELEASE, bill.bill_id, an_event(BillEventKind.REFUSED))
    assert (refused.frees_line, used(services)) == (False, cny(1100))
    with pytest.raises(OverLimit):
        use(services, 1, "more")
    exposure = Exposure(services.records)
    assert exposure.balances(LINE_ID)[0].excess == cny(100)
    assert exposure.verify().discrepancies == ()
    exposure.close()


def test_a_bill_sent_again_after_its_answer_was_lost_repays_its_line_once(
    services: Services, customer_id: str, evidence: str
) -> None:
    with_harbour_holding_listed(services)

    with services.records.begin() as session:
        services.bills.receive(RELEASE, customer_id, a_bill(evidence))
        session.rollback()
    assert services.bills.list_of_customer(RELEASE, customer_id) == []
    services.bills.receive(RELEASE, customer_id, a_bill(evidence))

    assert used(services) == cny(200)


def test_what_became_of_a_bill_is_on_record_whatever_its_line_can_take(
    services: Services, customer_id: str, evidence: str
) -> None:
    bill = services.bills.receive(RELEASE, customer_id, a_bill(evidence))
    exposure = Exposure(services.records)
    exposure.repay(LINE_ID, cny(260), "by hand", business_on=TODAY)
    exposure.close()

    honoured = an_event(BillEventKind.HONOURED)
    for _ in range(2):
        ended = services.bills.report(RELEASE, bill.bill_id, honoured)
    assert (ended.status, ended.frees_line) == (BillState.HONOURED, True)
    assert used(services) == cny(0)


def test_whether_a_bill_frees_its_line_is_what_the_book_says_of_the_day(
    services: Services, customer_id: str, evidence: str
) -> None:
    bill = services.bills.receive(RELEASE, customer_id, a_bill(evidence))
    services.bills.report(RELEASE, bill.bill_id, an_event(BillEventKind.HONOURED))

    assert services.bills.read(RELEASE, bill.bill_id).frees_line
    assert not services.bills.read(RELEASE, bill.bill_id, ago(1)).frees_line


def test_what_cannot_be_is_refused_and_leaves_nothing(
    services: Services, customer_id: str, evidence: str
) -> None:
    wrong = [
        (a_bill(evidence, amount=cny(101), invoices=[{"invoice_no": "A-1", "amount": cny(101)}]), MoreThanInvoiced),
        (a_bill(evidence, received_on=ON + timedelta(days=1), due_on=ON + timedelta(days=9)), DateInFuture),
        (a_bill(evidence, line_id="another"), NotFound),
        (a_bill("b" * 64), NotFound),
        (a_bill(evidence, amount=Money.of(100, "USD"), invoices=[{"invoice_no": "A-1", "amount": Money.of(100, "USD")}]), CurrencyMismatch),
    ]  # fmt: skip
    for bill, refusal in wrong:
        with pytest.raises(refusal):
            services.bills.receive(RELEASE, customer_id, bill)
    with pytest.raises(NotPermitted):
        services.bills.receive(MANAGER, customer_id, a_bill(evidence))
    assert services.bills.list_of_customer(RELEASE, customer_id) == []
    services.bills.receive(RELEASE, customer_id, a_bill(evidence))
    with pytest.raises(AlreadyExists):
        services.bills.receive(RELEASE, customer_id, a_bill(evidence, drawer="Else"))
    with pytest.raises(NotFound):
        services.bills.list_of_customer(MANAGER, customer_id)
    assert services.bills.list_bills(MANAGER) == []


async def test_a_bill_is_entered_and_followed_by_program(
    services: Services, api: httpx.AsyncClient, customer_id: str, evidence: str
) -> None:
    body = a_bill(evidence).model_dump(mode="json")
    made = await api.post(
        f"/api/v1/customers/{customer_id}/bills", json=body, headers=as_("release_officer")
    )
    assert made.status_code == 201, made.text
    bill = BillView.model_validate(made.json())
    listed = await api.get("/api/v1/bills", headers=as_("release_officer"))
    own = await api.get(f"/api/v1/customers/{customer_id}/bills", headers=as_("release_officer"))
    assert [each["bill_id"] for each in listed.json()["items"]] == [bill.bill_id]
    assert own.json()["items"] == listed.json()["items"]


def test_a_bill_is_followed_from_a_terminal(
    services: Services, terminal: Terminal, customer_id: str, evidence: str, tmp_path: Path
) -> None:
    words = (
        *("bill", "receive", customer_id, "B-7", "100.00", "CNY", "--acceptor", "harbour-holding"),
        *("--drawer", "Quiet Harbour Foods", "--received-on", f"{ago(60)}", "--due-on"),
        *(f"{ago(5)}", "--evidence", evidence, "--pays", "A-1=100.00", "--line", LINE_ID),
    )
    done, made = terminal.asks(*words)
    assert done is Exit.DONE, made
    report = ("bill", "report", made["bill_id"], "e-1", "refused", "--on", f"{ago(4)}")
    assert terminal.asks(*report)[1]["status"] == "refused"
    assert (
        terminal.asks("bill", "show", made["bill_id"], "--as-of", f"{ago(5)}")[1]["status"]
        == "held"
    )
    listed = terminal.asks("bill", "list", "--customer", customer_id)[1]["items"]
    assert [each["bill_id"] for each in listed] == [made["bill_id"]]


async def test_the_sample_bill_is_refused_and_a_second_demonstration_adds_nothing(
    served: str, services: Services, customer_id: str
) -> None:
    users = {
        "manager": {"key": KEYS["everybody"]},
        "release": {"key": KEYS["release_officer"]},
    }
    async with Office(served, users) as office:
        first = await RefusedBill(office, 2026, ON).refuse(customer_id)
        assert await RefusedBill(office, 2026, ON).refuse(customer_id) == first

    assert first.status == "refused"
    late = services.receivables.read_account(MANAGER_OF_ALL, customer_id).open_items
    assert {each.invoice.invoice_no: each.days_past_due for each in late} == {
        "A-1": 90,
        first.invoices[0].invoice_no: 40,
    }


def test_a_bill_is_entered_reported_and_shown_on_its_pages(
    services: Services, app: FastAPI, customer_id: str, evidence: str
) -> None:
    with services.records.begin() as session:
        Persons(session).record_password(RELEASE.person_id, password_hash_of(PASSWORD))
    release = signed_in(app, RELEASE.person_id)
    path = f"/customers/{customer_id}/bills"
    typed = {
        "bill_no": "B-9",
        "kind": "bank_acceptance",
        "acceptor": "harbour-bank",
        "drawer": "Quiet Harbour Foods",
        "amount": "100.00",
        "currency": "CNY",
        "received_on": f"{ago(60)}",
        "due_on": f"{ago(5)}",
        "invoices": "A-1 100.00",
        "evidence_hash": evidence,
    }
    wrong = release.post(
        path, data={**hidden(release.get(path), path), **typed, "invoices": "A-1 99.00"}
    )
    assert wrong.status_code == 422
    assert services.bills.list_of_customer(RELEASE, customer_id) == []
    made = release.post(path, data={**hidden(release.get(path), path), **typed})
    assert made.status_code == 303, made.text
    [bill] = services.bills.list_of_customer(RELEASE, customer_id)

    report = f"/bills/{bill.bill_id}/events"
    said = {"kind": "refused", "happened_on": f"{ago(4)}", "note": "not paid"}
    page = release.get(f"/bills/{bill.bill_id}")
    assert release.post(report, data={**hidden(page, report), **said}).status_code == 303
    shown = release.get(f"/bills/{bill.bill_id}").text
    assert "refused by its acceptor" in shown
    assert report not in shown
    assert "B-9" in release.get("/bills").text
