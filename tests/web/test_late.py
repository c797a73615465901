"""Late interest is charged by months, waived by two people, and put back by a further entry."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from creditflow.client import Client
from creditflow.client import Money as Amount
from creditflow.commands.output import Exit
from domain.customer import CustomerContent
from domain.errors import (
    AlreadyDecided,
    DateInFuture,
    Malformed,
    MoreThanCharged,
    NotFound,
    NotPermitted,
    OutOfOrder,
    SameHands,
)
from domain.late import LateEntry
from domain.money import Money
from domain.receivable import InvoiceContent, PaymentContent
from storage.edition import Editions, read_shipped, shipped_text
from tests.storage.test_merge import merged, take_back
from tests.web.people import KEYS, PEOPLE
from tests.web.test_commands import Terminal
from web.service.clock import Clock
from web.service.services import Services

MANAGER = PEOPLE["relationship_manager"]
COLLECTOR = PEOPLE["collector"]
RISK = PEOPLE["risk_officer"]
APPROVER = PEOPLE["approver"]
EVERYBODY = PEOPLE["everybody"]
TODAY = Clock().business_on()
SECOND = TODAY.replace(day=1) - timedelta(days=1)  # the last two month ends
FIRST = SECOND.replace(day=1) - timedelta(days=1)
DUE = FIRST - timedelta(days=13)  # three days of grace, then ten that bear interest


def cny(amount: str | int) -> Money:
    return Money.of(amount, "CNY")


@pytest.fixture
def customer_id(services: Services) -> str:
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
    customer = services.customers.record(MANAGER, CustomerContent(name="Quiet Harbour Foods"))
    invoice = InvoiceContent(
        invoice_no="INV-1",
        issued_on=DUE - timedelta(days=30),
        due_on=DUE,
        amount=cny(100_000),
    )
    services.receivables.record_invoice(MANAGER, customer.customer_id, invoice)
    return customer.customer_id


def pay(services: Services, customer_id: str, paid_on: date, amount: int) -> None:
    payment = PaymentContent(
        payment_no=f"PAY-{paid_on}", invoice_no="INV-1", paid_on=paid_on, amount=cny(amount)
    )
    services.receivables.record_payment(MANAGER, customer_id, payment)


def charge(services: Services, customer_id: str, period_end_on: date) -> list[Money]:
    found = services.late.charge(COLLECTOR, customer_id, period_end_on)
    return [each.amount for each in found.entries]


def the_charge(services: Services, customer_id: str) -> LateEntry:
    (entry,) = services.late.charge(COLLECTOR, customer_id, FIRST).entries
    return entry


def test_a_month_is_charged_once_and_the_next_by_its_difference(
    services: Services, customer_id: str
) -> None:
    days = (SECOND - FIRST).days

    assert charge(services, customer_id, FIRST) == [cny(500)]
    assert charge(services, customer_id, FIRST) == []
    assert charge(services, customer_id, SECOND) == [cny(50 * days)]
    account = services.late.read(MANAGER, customer_id, SECOND)
    assert account.invoices[0].accrued == account.invoices[0].charged == cny(500 + 50 * days)


def test_a_payment_dated_back_is_charged_as_the_difference_and_changes_no_entry(
    services: Services, customer_id: str
) -> None:
    first = the_charge(services, customer_id)
    pay(services, customer_id, FIRST - timedelta(days=4), 100_000)

    assert charge(services, customer_id, SECOND) == [cny(-200)]
    account = services.late.read(MANAGER, customer_id)
    assert account.entries[0] == first
    assert account.invoices[0].accrued == account.invoices[0].charged == cny(300)


def test_months_are_whole_over_and_charged_in_their_order(
    services: Services, customer_id: str
) -> None:
    with pytest.raises(Malformed):
        services.late.charge(COLLECTOR, customer_id, FIRST - timedelta(days=1))
    with pytest.raises(DateInFuture):
        services.late.charge(COLLECTOR, customer_id, date(2999, 12, 31))
    charge(services, customer_id, SECOND)
    with pytest.raises(OutOfOrder):
        services.late.charge(COLLECTOR, customer_id, FIRST)


def test_a_waiver_takes_two_people_and_stands_beside_its_charge(
    services: Services, customer_id: str
) -> None:
    entry = the_charge(services, customer_id)
    asked = services.late.ask_waiver(
        COLLECTOR, customer_id, entry.entry_id, cny(200), "our mistake"
    )
    with pytest.raises(NotPermitted):
        services.late.answer_waiver(COLLECTOR, asked.waiver_id, granted=True)

    for _ in range(2):
        account = services.late.answer_waiver(RISK, asked.waiver_id, granted=True)
        assert account.invoices[0].owed == cny(300)
    assert [each.amount for each in account.entries] == [cny(500), cny(-200)]
    assert (account.entries[1].asked_by, account.entries[1].posted_by) == (
        COLLECTOR.person_id,
        RISK.person_id,
    )
    assert account.waivers == ()
    with pytest.raises(AlreadyDecided):
        services.late.answer_waiver(APPROVER, asked.waiver_id, granted=False, note="no")
    assert charge(services, customer_id, SECOND) == [cny(50 * (SECOND - FIRST).days)]


def test_nobody_grants_their_own_waiver_by_program_or_by_hand(
    services: Services, customer_id: str
) -> None:
    entry = the_charge(services, customer_id)
    asked = services.late.ask_waiver(EVERYBODY, customer_id, entry.entry_id, cny(1), "why not")
    with pytest.raises(SameHands):
        services.late.answer_waiver(EVERYBODY, asked.waiver_id, granted=True)
    by_hand = (
        "INSERT INTO late_waiver_answer VALUES (:waiver, :asked, 'everybody', true)",
        "INSERT INTO late_entry (entry_id, customer_id, invoice_no, kind, amount_minor, currency,"
        " of, asked_by, posted_by, business_on) VALUES ('w', :customer, 'INV-1', 'waiver', -1,"
        " 'CNY', :charge, 'everybody', 'everybody', now())",
        "UPDATE late_entry SET amount_minor = 1 WHERE entry_id = :charge AND :waiver <> ''",
    )
    for statement in by_hand:
        for asker in ("everybody", "somebody"):
            if asker == "somebody" and ":asked" not in statement:
                continue
            with pytest.raises(DBAPIError), services.records.begin() as session:
                session.execute(
                    text(statement),
                    {
                        "waiver": asked.waiver_id,
                        "asked": asker,
                        "customer": customer_id,
                        "charge": entry.entry_id,
                    },
                )


def test_no_more_is_waived_than_was_charged_and_a_refusal_says_why(
    services: Services, customer_id: str
) -> None:
    entry = the_charge(services, customer_id)
    with pytest.raises(MoreThanCharged):
        services.late.ask_waiver(COLLECTOR, customer_id, entry.entry_id, cny(501), "too much")
    with pytest.raises(NotFound):
        services.late.ask_waiver(COLLECTOR, customer_id, "e-9", cny(1), "which")
    both = [
        services.late.ask_waiver(COLLECTOR, customer_id, entry.entry_id, cny(300), f"half {n}")
        for n in (1, 2)
    ]
    services.late.answer_waiver(RISK, both[0].waiver_id, granted=True)
    with pytest.raises(MoreThanCharged):
        services.late.answer_waiver(RISK, both[1].waiver_id, granted=True)
    with pytest.raises(Malformed):
        services.late.answer_waiver(RISK, both[1].waiver_id, granted=False)
    account = services.late.answer_waiver(RISK, both[1].waiver_id, granted=False, note="enough")
    assert (account.invoices[0].owed, account.waivers) == (cny(200), ())


def test_what_was_waived_is_put_back_once_by_a_further_entry(
    services: Services, customer_id: str
) -> None:
    entry = the_charge(services, customer_id)
    asked = services.late.ask_waiver(COLLECTOR, customer_id, entry.entry_id, cny(500), "goodwill")
    services.late.answer_waiver(APPROVER, asked.waiver_id, granted=True)

    services.late.reverse(RISK, asked.waiver_id, "the promise was broken")
    account = services.late.read(COLLECTOR, customer_id)
    assert [each.amount for each in account.entries] == [cny(500), cny(-500), cny(500)]
    assert account.invoices[0].owed == cny(500)
    with pytest.raises(OutOfOrder):
        services.late.reverse(RISK, asked.waiver_id, "again")
    with pytest.raises(OutOfOrder):
        services.late.reverse(RISK, entry.entry_id, "a charge")


def test_client_and_command_charge_waive_and_put_back(
    served: str, services: Services, customer_id: str, tmp_path: Path
) -> None:
    (tmp_path / "users.json").write_text(json.dumps({}))
    terminal = Terminal(served, tmp_path)
    _, posted = terminal.asks("interest", "charge", customer_id, str(FIRST), as_="collector")
    (entry,) = posted["entries"]
    words = ("interest", "waive", customer_id, entry["entry_id"], "120.00", "CNY", "--note", "x")
    _, asked = terminal.asks(*words, as_="collector")
    words = ("interest", "answer", asked["waiver_id"], "--grant", "--note", "")
    ending, refused = terminal.asks(*words, as_="collector")
    assert (ending, refused["code"]) == (Exit.REFUSED, "not_permitted")
    _, account = terminal.asks(*words, as_="approver")
    assert account["invoices"][0]["owed"] == {"amount": "380.00", "currency": "CNY"}
    words = ("interest", "reverse", asked["waiver_id"], "--note", "broken")
    assert terminal.asks(*words, as_="risk_officer")[0] is Exit.DONE
    shown = terminal.types("interest", "show", customer_id, key=KEYS["auditor"])
    assert (shown.exit_code, "reversal" in shown.stdout) == (Exit.DONE, True)

    with Client(served, KEYS["collector"]) as client:
        assert client.charge_late_interest(customer_id, FIRST).entries == ()
        charge_id = client.fetch_late_interest(customer_id).entries[0].entry_id
        waiver = client.ask_waiver(customer_id, charge_id, Amount.of("500.00", "CNY"), "all")
    with Client(served, KEYS["risk_officer"]) as client:
        granted = client.answer_waiver(waiver.waiver_id, granted=True)
        assert granted.invoices[0].owed == Amount.of("0.00", "CNY")
        assert client.reverse_waiver(waiver.waiver_id, "x").amount == Amount.of("500.00", "CNY")


# ── two records of one customer ──────────────────────────────────────────────────────────────────


def another(services: Services, number: str, amount: int) -> str:
    """A further record of the customer with an invoice of its own, as late as the first."""
    customer = services.customers.record(MANAGER, CustomerContent(name="Quiet Harbor Foods"))
    invoice = InvoiceContent(
        invoice_no=number, issued_on=DUE - timedelta(days=30), due_on=DUE, amount=cny(amount)
    )
    services.receivables.record_invoice(MANAGER, customer.customer_id, invoice)
    return customer.customer_id


def test_the_invoices_of_both_records_bear_interest_apart_also_under_one_number(
    services: Services, customer_id: str
) -> None:
    other = another(services, "INV-1", 50_000)
    merge = merged(services.records, other, customer_id)
    pay(services, customer_id, DUE, 100_000)

    posted = services.late.charge(COLLECTOR, other, FIRST)

    assert posted.customer_id == customer_id
    assert [(each.customer_id, each.amount) for each in posted.entries] == [(other, cny(250))]
    account = services.late.read(MANAGER, other, FIRST)
    assert account == services.late.read(MANAGER, customer_id, FIRST)
    (charge_of_other,) = posted.entries
    waiver = services.late.ask_waiver(
        COLLECTOR, customer_id, charge_of_other.entry_id, cny(100), "goodwill"
    )
    assert waiver.customer_id == other, "it stands where its charge stands"
    assert services.late.read(MANAGER, customer_id, FIRST).waivers == (waiver,)
    granted = services.late.answer_waiver(RISK, waiver.waiver_id, granted=True)
    assert [each.owed for each in granted.invoices] == [cny(150)]

    take_back(services.records, merge)

    assert services.late.read(MANAGER, customer_id, FIRST).entries == ()
    (own,) = services.late.read(MANAGER, other, FIRST).invoices
    assert (own.accrued, own.charged, own.owed) == (cny(250), cny(250), cny(150))


def test_an_invoice_that_both_records_hold_bears_interest_once(
    services: Services, customer_id: str
) -> None:
    other = another(services, "INV-1", 100_000)
    assert [charge(services, each, FIRST) for each in (customer_id, other)] == [[cny(500)]] * 2
    merge = merged(services.records, other, customer_id)

    assert charge(services, customer_id, FIRST) == [cny(-500)], "what was charged twice comes back"
    invoices = services.late.read(MANAGER, customer_id, FIRST).invoices
    assert {each.customer_id: each.owed for each in invoices} == {
        customer_id: cny(500),
        other: cny(0),
    }
    assert charge(services, other, FIRST) == []

    take_back(services.records, merge)
    assert charge(services, customer_id, FIRST) == []
    assert charge(services, other, FIRST) == [cny(500)]
