"""Whoever asks by either record of a merged customer is answered the same, everywhere."""

import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from activities.assessment import collect_dossier
from activities.warning import WarningActivities
from domain.application import Application
from domain.customer import (
    CreditEventContent,
    CreditEventType,
    CustomerContent,
    Identifier,
    IdentifierScheme,
)
from domain.errors import AlreadyExists
from domain.merge import LikenessReason, MergeContent, MergeDecision, MergeReversal, MergeVerdict
from domain.party import LinkContent
from domain.statement import Item
from domain.vat_invoice import Direction, VatInvoice
from domain.warning import MonitoringPage
from storage.edition import Editions, read_shipped, shipped_text
from storage.receivable import Receivables
from storage.statement import Statements
from storage.vat_invoice import VatInvoices
from storage.warning import Warnings
from tests.makers_line import open_line
from tests.makers_policy import a_statement, cny
from tests.storage.test_merge import a_payment, an_invoice
from tests.web.people import PEOPLE, as_
from web.service.services import Services

MANAGER = PEOPLE["relationship_manager"]
RISK = PEOPLE["risk_officer"]
SECOND = RISK.model_copy(update={"person_id": "risk_officer2"})
USCC = Identifier(scheme=IdentifierScheme.USCC, value="91110000600037341L")
LEI = Identifier(scheme=IdentifierScheme.LEI, value="529900T8BM49AURSDO55")
RISKY = as_("risk_officer")


@pytest.fixture
def pair(services: Services) -> tuple[str, str]:
    """Two records of one company, each with a history of its own."""
    on = services.clock.business_on()
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
    ids = []
    for number, (name, code) in enumerate(
        [("Quiet Harbour Foods Ltd", LEI), ("QUIET HARBOUR FOODS LIMITED", USCC)]
    ):
        content = CustomerContent(name=name, identifiers=(code,), established_on=date(2012, 3, 1))
        customer_id = services.customers.record(MANAGER, content).customer_id
        ids.append(customer_id)
        services.customers.record_event(
            MANAGER,
            customer_id,
            CreditEventContent(event_type=CreditEventType.SUED, occurred_on=on, note=name),
        )
        open_line(services.records, f"line-{number}", customer_id=customer_id)
        with services.records.begin() as session:
            statement = a_statement(2023 + number).model_copy(update={"customer_id": customer_id})
            Statements(session).record(statement, business_on=on, recorded_by="m")
            store = Receivables(session)
            store.record_invoice(
                an_invoice(customer_id, f"i-{number}", 200), business_on=on, recorded_by="o"
            )
            store.record_payment(a_payment(customer_id, f"i-{number}", 50), recorded_by="o")
            VatInvoices(session).record_all(
                [a_vat_invoice(customer_id, f"v-{number}")], source="test", recorded_by="m"
            )
    return ids[0], ids[1]


def a_vat_invoice(customer_id: str, invoice_no: str) -> VatInvoice:
    return VatInvoice(
        customer_id=customer_id,
        direction=Direction.SALES,
        issued_on=date(2026, 1, 15),
        invoice_no=invoice_no,
        counterparty="D1",
        net=cny(100),
        tax=cny(13),
        gross=cny(113),
    )


def make_one(services: Services, losing: str, surviving: str) -> str:
    content = MergeContent(losing_id=losing, reason="one company, registered twice")
    merge = services.merges.propose(MANAGER, surviving, content)
    decision = MergeDecision(verdict=MergeVerdict.CONFIRM, reason="same register entry")
    services.merges.decide(RISK, merge.merge_id, decision)
    return merge.merge_id


def reading(app: FastAPI) -> Iterator[tuple[str, bool]]:
    """Every address that is read by customer: in the path, or as a filter of a list."""
    for path, methods in app.openapi()["paths"].items():
        for parameter in methods.get("get", {}).get("parameters", ()):
            if parameter["name"] == "customer_id":
                yield path, parameter["in"] == "path"


async def test_every_read_by_either_record_is_the_same_and_has_both(
    app: FastAPI, api: httpx.AsyncClient, services: Services, pair: tuple[str, str]
) -> None:
    losing, surviving = pair
    separate = {each: await answers(app, api, each) for each in pair}
    make_one(services, losing, surviving)
    merged = {each: await answers(app, api, each) for each in pair}
    assert merged[losing].keys() == merged[surviving].keys()
    assert len(merged[losing]) >= 15
    for path, answer in merged[losing].items():
        assert without_the_asking(answer) == without_the_asking(merged[surviving][path]), path
    for path in separate[losing]:
        rows = [len(separate[each][path].get("items", ())) for each in pair]
        together = merged[surviving][path]
        if "items" in together and path not in {"/api/v1/duplicates", "/api/v1/merges"}:
            assert len(together["items"]) == sum(rows), path
    account = merged[surviving]["/api/v1/customers/{customer_id}/account"]
    assert account["payments"]["open_total"]["amount"] == "300.00"
    turnover = merged[surviving]["/api/v1/customers/{customer_id}/turnover"]
    assert turnover["record"]["months"]


async def answers(app: FastAPI, api: httpx.AsyncClient, customer_id: str) -> dict[str, Any]:
    found = {}
    for path, within in reading(app):
        at = path.replace("{customer_id}", customer_id)
        at = at.replace("{period_end_on}", "2023-12-31")
        asked = {} if within else {"customer_id": customer_id}
        answer = await api.get(at, headers=RISKY, params=asked)
        if answer.status_code != 200:
            assert answer.status_code == 404, (path, answer.text)
            found[path] = {"code": answer.json()["code"]}
        else:
            found[path] = answer.json()
    return found


def without_the_asking(answer: Any) -> str:
    """The answer, but for the field that says it was asked for by another id."""
    return re.sub(r'"merged_into": (null|"[^"]*")', "", json.dumps(answer, sort_keys=True))


async def test_a_merge_goes_by_two_people_over_the_api(
    api: httpx.AsyncClient, services: Services, pair: tuple[str, str]
) -> None:
    losing, surviving = pair
    likely = await api.get("/api/v1/duplicates", headers=RISKY)
    (found,) = likely.json()["items"]
    assert {found["first_id"], found["second_id"]} == set(pair)
    assert found["reasons"] == [LikenessReason.NAME_SAME]

    body = {"losing_id": losing, "reason": "one company"}
    path = f"/api/v1/customers/{surviving}/merges"
    proposed = await api.post(path, json=body, headers=RISKY)
    assert proposed.status_code == 201, proposed.text
    merge = proposed.json()
    assert (merge["status"], merge["likeness"]["score"]) == ("proposed", "0.6000")

    word = {"verdict": "confirm", "reason": "seen"}
    decision = f"/api/v1/merges/{merge['merge_id']}/decision"
    own = await api.post(decision, json=word, headers=RISKY)
    assert (own.status_code, own.json()["code"]) == (403, "same_hands")
    other = await api.post(decision, json=word, headers=as_("everybody"))
    assert other.json()["status"] == "confirmed", other.text

    customer = (await api.get(f"/api/v1/customers/{losing}", headers=RISKY)).json()
    assert (customer["customer_id"], customer["merged_into"]) == (surviving, surviving)
    assert [alias["customer_id"] for alias in customer["aliases"]] == [losing]
    update = await api.put(
        f"/api/v1/customers/{losing}", json={"name": "X"}, headers=as_("relationship_manager")
    )
    assert (update.status_code, update.json()["code"]) == (409, "customer_merged")
    assert (await api.get("/api/v1/duplicates", headers=RISKY)).json()["items"] == []

    reversal = f"/api/v1/merges/{merge['merge_id']}/reversal"
    returned = await api.post(reversal, json={"reason": "two companies"}, headers=RISKY)
    assert returned.json()["status"] == "taken_back", returned.text
    again = (await api.get(f"/api/v1/customers/{losing}", headers=RISKY)).json()
    assert (again["customer_id"], again["merged_into"]) == (losing, None)


def test_a_judgement_counts_both(services: Services, pair: tuple[str, str]) -> None:
    losing, surviving = pair
    parent = services.customers.record(MANAGER, CustomerContent(name="Harbour Holding"))
    open_line(services.records, "line-2", customer_id=parent.customer_id)
    link = {"kind": "owns", "holder": parent.customer_id, "subject": losing, "share": "0.6"}
    services.parties.record_link(RISK, LinkContent.model_validate({**link, "source": "register"}))
    make_one(services, losing, surviving)

    for asked in pair:
        application = Application(
            customer_id=asked, limit_requested=cny(500_000), purpose="Raw materials"
        )
        with services.records.begin() as session:
            dossier = collect_dossier(
                session, application, read_shipped(), services.clock.business_on()
            )
        assert dossier.customer.customer_id == surviving
        assert set(dossier.customer.identifiers) == {LEI, USCC}
        assert [each.period_end_on.year for each in dossier.statements] == [2023, 2024]
        assert dossier.payments.open_total == cny(300)
        assert dossier.holdings.own_limits == cny(2000)
        assert dossier.holdings.group_limits == cny(3000), "its owner is one risk with it"
        assert dossier.holdings.group_members == tuple(sorted([surviving, parent.customer_id]))
        assert dossier.invoices is not None


def test_of_two_accounts_of_a_period_policy_says_which_counts(
    services: Services, pair: tuple[str, str]
) -> None:
    losing, surviving = pair
    on = services.clock.business_on()
    with services.records.begin() as session:
        single = a_statement(2024).model_copy(update={"customer_id": losing})
        group = single.model_copy(
            update={
                "consolidated": True,
                "items": {item: each * 2 for item, each in single.items.items()},
            }
        )
        Statements(session).record(group, business_on=on, recorded_by="m")
    make_one(services, losing, surviving)
    application = Application(customer_id=surviving, limit_requested=cny(500_000), purpose="p")
    with services.records.begin() as session:
        dossier = collect_dossier(session, application, read_shipped(), on)
    newest = dossier.statements[-1]
    assert newest.consolidated
    assert newest.items[Item.REVENUE] == 2 * single.items[Item.REVENUE]
    assert [each.period_end_on for each in dossier.statements_beside] == [newest.period_end_on]


def test_a_look_at_the_book_sees_one_customer_and_warns_once(
    services: Services, pair: tuple[str, str]
) -> None:
    losing, surviving = pair
    look(services, "run-1", losing)
    with services.records.begin() as session:
        before = {warning.warning_id for warning in Warnings(session).find_open(losing)}
    assert before
    make_one(services, losing, surviving)
    assert look(services, "run-2") == 1
    assert look(services, "run-3", losing) == 1
    with services.records.begin() as session:
        found = Warnings(session).find_open(surviving)
    assert {warning.warning_id for warning in found} == before


def look(services: Services, run_id: str, *customer_ids: str) -> int:
    """How many customers a look at the book, or at these, has looked at."""
    page = MonitoringPage(
        run_id=run_id,
        after=None,
        at=services.clock.now(),
        page_size=50,
        customer_ids=customer_ids,
    )
    return WarningActivities(services.records).monitor_customers(page).tally.customers


def test_a_code_of_the_record_that_gave_way_is_still_taken(
    services: Services, pair: tuple[str, str]
) -> None:
    make_one(services, *pair)
    with pytest.raises(AlreadyExists):
        services.customers.record(MANAGER, CustomerContent(name="New", identifiers=(LEI,)))
    whole = services.customers.read(MANAGER, pair[1])
    content = CustomerContent.model_validate(
        {name: getattr(whole, name) for name in CustomerContent.model_fields}
    )
    assert services.customers.update(MANAGER, pair[1], content).identifiers == whole.identifiers


def test_another_managers_record_is_neither_found_nor_told(
    services: Services, pair: tuple[str, str]
) -> None:
    other = MANAGER.model_copy(update={"person_id": "another"})
    assert services.merges.list_likely(other) == ()
    merge_id = make_one(services, *pair)
    assert services.merges.list_merges(other) == []
    assert [each.merge_id for each in services.merges.list_merges(MANAGER)] == [merge_id]
    reversal = MergeReversal(reason="two companies after all")
    assert services.merges.take_back(SECOND, merge_id, reversal).acts[-1].acted_by == (
        "risk_officer2"
    )
