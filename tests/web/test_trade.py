"""Does a party that is customer and supplier show both sides, and nothing netted without a paper?"""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.application import Application
from domain.customer import CustomerContent
from domain.errors import (
    AlreadyExists,
    CurrencyMismatch,
    InvoiceUnknown,
    MoreThanInvoiced,
    NoLine,
    NoSupplier,
    NotFound,
    NotPermitted,
    PeriodReversed,
)
from domain.merge import MergeContent, MergeDecision, MergeVerdict
from domain.money import Money
from domain.trade import (
    PREPAYMENT,
    PayableContent,
    RoleContent,
    SetOffContent,
    SettlementContent,
    SideOfCurrency,
    TradeRole,
)
from storage.edition import Editions, read_shipped, shipped_text
from storage.exposure import Exposure
from storage.line import Lines
from storage.receivable import Receivables
from tests.makers_line import TODAY, a_letter, a_line, open_line, record_letter
from tests.makers_policy import cny
from tests.storage.test_merge import an_invoice
from tests.web.people import PEOPLE, as_
from web.service.services import Services

MANAGER = PEOPLE["relationship_manager"]
RISK = PEOPLE["risk_officer"]
LEGAL = PEOPLE["legal"]
ORDERS = PEOPLE["order_system"]
DUE_ON = TODAY + timedelta(days=30)
SUPPLIES = RoleContent(role=TradeRole.SUPPLIER, valid_from=TODAY, source="framework contract")


@pytest.fixture
def party(services: Services) -> str:
    content = CustomerContent(name="Quiet Harbour Foods")
    return services.customers.record(MANAGER, content).customer_id


def a_payable(number: str = "s-1", amount: Money | None = None) -> PayableContent:
    return PayableContent(
        payable_no=number, issued_on=TODAY, due_on=DUE_ON, amount=amount or cny(400)
    )


def a_settlement(amount: int, number: str = "w-1", **fields: Any) -> SettlementContent:
    content = {"settlement_no": number, "payable_no": "s-1", "settled_on": DUE_ON}
    return SettlementContent.model_validate({**content, "amount": cny(amount), **fields})


def agreed(services: Services, party: str, **fields: Any) -> None:
    signed = services.attachments.record(LEGAL, b"%PDF-1.7 set off", "agreement.pdf")
    content = {"evidence_hash": signed.sha256, "signed_on": TODAY, "valid_from": TODAY}
    agreement = SetOffContent.model_validate(content | fields)
    services.trade.record_agreement(LEGAL, party, agreement)


def invoiced(services: Services, party: str, amount: int) -> None:
    with services.records.begin() as session:
        Receivables(session).record_invoice(
            an_invoice(party, "i-1", amount), business_on=TODAY, recorded_by="orders"
        )


def side_of(services: Services, party: str, on: date = TODAY) -> SideOfCurrency:
    (found,) = services.trade.sides(RISK, party, on).currencies
    return found


def prepaid(services: Services, party: str, amount: int) -> str:
    """A prepayment line of which an amount is out."""
    letter = a_letter("PF-prepaid", customer_id=party)
    assert letter.terms is not None
    terms = letter.terms.model_copy(update={"product": PREPAYMENT})
    letter = record_letter(services.records, letter.model_copy(update={"terms": terms}))
    with services.records.begin() as session:
        line = Lines(session).open(a_line(letter, line_id="line-prepaid"), TODAY)
    exposure = Exposure(services.records, connections_max=1)
    taken = exposure.reserve(line.line_id, cny(amount), "p-1", business_on=TODAY)
    assert taken.reservation_id is not None
    exposure.commit(line.line_id, taken.reservation_id, "p-1/commit", business_on=TODAY)
    exposure.close()
    return line.line_id


def test_a_prepayment_is_asked_for_a_supplier_alone(services: Services, party: str) -> None:
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
    application = Application(
        customer_id=party, limit_requested=cny(1000), purpose="steel", product=PREPAYMENT
    )
    with pytest.raises(NoSupplier):
        services.applications.submit(MANAGER, application, "k-1")
    role = services.trade.record_role(MANAGER, party, SUPPLIES)
    assert services.applications.submit(MANAGER, application, "k-1").case_id
    ended = SUPPLIES.model_copy(update={"valid_until": TODAY})
    assert services.trade.record_role(MANAGER, party, ended, role.role_id).version == 2
    with pytest.raises(NoSupplier):
        services.applications.submit(MANAGER, application, "k-2")


def test_both_sides_stand_beside_each_other(services: Services, party: str) -> None:
    services.trade.record_role(MANAGER, party, SUPPLIES)
    invoiced(services, party, 300)
    prepaid(services, party, 200)
    services.trade.record_payable(ORDERS, party, a_payable())
    sides = services.trade.sides(RISK, party, TODAY)
    (found,) = sides.currencies
    assert (found.invoiced, found.prepaid, found.owed_to_it) == (cny(300), cny(200), cny(400))
    assert (found.offset, found.agreement_id) == (cny(0), None)
    assert sides.exposure == sides.exposure_after_offset == {"CNY": cny(500)}
    assert [role.role for role in sides.roles] == [TradeRole.SUPPLIER]


def test_an_offset_counts_under_an_agreement_alone_and_is_taken_from_no_ledger(
    services: Services, party: str
) -> None:
    invoiced(services, party, 300)
    line_id = prepaid(services, party, 200)
    services.trade.record_payable(ORDERS, party, a_payable())
    agreed(services, party, most=cny(350), valid_until=TODAY + timedelta(days=9))
    sides = services.trade.sides(RISK, party, TODAY + timedelta(days=9))
    (found,) = sides.currencies
    assert found.offset == cny(350)
    assert found.agreement_id == sides.agreements[0].agreement_id
    assert sides.exposure == {"CNY": cny(500)}
    assert sides.exposure_after_offset == {"CNY": cny(150)}
    assert side_of(services, party, TODAY + timedelta(days=10)).offset == cny(0)
    profile = services.profiles.read(RISK, party)
    assert profile.owed["open_total"].value == cny(300)
    assert profile.used_total == {"CNY": cny(200)}
    (balance,) = services.lines.read_line(RISK, line_id).balances
    assert balance.used == cny(200)


def test_a_prepayment_line_takes_no_order_of_the_customer(services: Services, party: str) -> None:
    prepaid(services, party, 200)
    exposure = Exposure(services.records, connections_max=1)
    with pytest.raises(NoLine):
        exposure.check(party, cny(10), "o-1", business_on=TODAY)
    open_line(services.records, "line-sales", customer_id=party)
    assert exposure.check(party, cny(10), "o-2", business_on=TODAY).line_id == "line-sales"
    exposure.close()


def test_what_we_paid_is_no_longer_owed_from_that_day(services: Services, party: str) -> None:
    services.trade.record_payable(ORDERS, party, a_payable())
    services.trade.settle(ORDERS, party, a_settlement(150))
    assert side_of(services, party, DUE_ON - timedelta(days=1)).owed_to_it == cny(400)
    assert side_of(services, party, DUE_ON).owed_to_it == cny(250)
    services.trade.settle(ORDERS, party, a_settlement(250, "w-2"))
    assert services.trade.sides(RISK, party, DUE_ON).currencies == ()


def test_the_same_again_is_once_and_anything_else_is_refused(
    services: Services, party: str
) -> None:
    first = services.trade.record_payable(ORDERS, party, a_payable())
    assert services.trade.record_payable(ORDERS, party, a_payable()) == first
    with pytest.raises(AlreadyExists):
        services.trade.record_payable(ORDERS, party, a_payable(amount=cny(401)))
    paid = services.trade.settle(ORDERS, party, a_settlement(150))
    assert services.trade.settle(ORDERS, party, a_settlement(150)) == paid
    with pytest.raises(AlreadyExists):
        services.trade.settle(ORDERS, party, a_settlement(151))
    with pytest.raises(MoreThanInvoiced):
        services.trade.settle(ORDERS, party, a_settlement(251, "w-2"))
    with pytest.raises(InvoiceUnknown):
        services.trade.settle(ORDERS, party, a_settlement(1, "w-3", payable_no="s-9"))
    dollars = a_settlement(1, "w-4").model_copy(update={"amount": Money.of(1, "USD")})
    with pytest.raises(CurrencyMismatch):
        services.trade.settle(ORDERS, party, dollars)
    with pytest.raises(DBAPIError), services.records.begin() as session:
        session.execute(text("UPDATE payable SET amount_minor = 1"))


def test_an_agreement_needs_its_paper_and_comes_from_legal(services: Services, party: str) -> None:
    missing = SetOffContent(evidence_hash="0" * 64, signed_on=TODAY, valid_from=TODAY)
    with pytest.raises(NotFound):
        services.trade.record_agreement(LEGAL, party, missing)
    with pytest.raises(NotPermitted):
        services.trade.record_agreement(MANAGER, party, missing)
    with pytest.raises(PeriodReversed):
        agreed(services, party, valid_from=TODAY - timedelta(days=1))


def test_both_records_of_a_merged_party_are_one_on_either_side(
    services: Services, party: str
) -> None:
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
    twin = services.customers.record(MANAGER, CustomerContent(name="Quiet Harbour")).customer_id
    for each in (party, twin):
        services.trade.record_payable(ORDERS, each, a_payable())
    services.trade.record_payable(ORDERS, twin, a_payable("s-2", cny(70)))
    services.trade.record_role(MANAGER, twin, SUPPLIES)
    services.trade.settle(ORDERS, twin, a_settlement(100, settled_on=TODAY))
    merge = services.merges.propose(MANAGER, party, MergeContent(losing_id=twin, reason="one"))
    word = MergeDecision(verdict=MergeVerdict.CONFIRM, reason="seen")
    services.merges.decide(RISK, merge.merge_id, word)
    assert services.trade.sides(RISK, twin, TODAY) == services.trade.sides(RISK, party, TODAY)
    # One invoice that both hold is owed once, by the one on which less is left.
    assert side_of(services, party).owed_to_it == cny(300 + 70)
    assert len(services.trade.sides(RISK, party, TODAY).roles) == 1


async def test_the_api_shows_both_sides(services: Services, api: httpx.AsyncClient) -> None:
    manager = as_("relationship_manager")
    made = await api.post("/api/v1/customers", json={"name": "Both Ltd"}, headers=manager)
    path = f"/api/v1/customers/{made.json()['customer_id']}"
    role = {"role": "supplier", "valid_from": "2026-03-02", "source": "contract"}
    put = await api.post(f"{path}/roles", json=role, headers=manager)
    assert put.status_code == 201, put.text
    owed = {
        "payable_no": "s-1",
        "issued_on": "2026-03-02",
        "due_on": "2026-04-01",
        "amount": {"amount": "400.00", "currency": "CNY"},
    }
    assert (await api.post(f"{path}/payables", json=owed, headers=manager)).status_code == 201
    found = await api.get(f"{path}/sides", headers=manager, params={"as_of": "2026-03-02"})
    (side,) = found.json()["currencies"]
    assert side["owed_to_it"] == {"amount": "400.00", "currency": "CNY"}
    assert side["offset"] == {"amount": "0.00", "currency": "CNY"}
    unlike = await api.post(
        f"{path}/roles", json={**role, "valid_until": "2026-03-01"}, headers=manager
    )
    assert (unlike.status_code, unlike.json()["code"]) == (422, "period_reversed")
