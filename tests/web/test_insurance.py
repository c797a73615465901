"""Credit insurance as people use it: recorded by one, confirmed by another, declared, and counted."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from activities.assessment import collect_dossier
from activities.insurance import InsuranceActivities
from creditflow.client import Client
from creditflow.client import values as v
from creditflow.commands.output import Exit
from creditflow.demo.insurance import Insured
from creditflow.demo.office import Office
from domain.application import Application, ApplicationType
from domain.cover import Cover, CoverVerdict, Stop
from domain.customer import CustomerContent, Identifier, IdentifierScheme
from domain.errors import DateInFuture, DeadlineOver, Malformed, NotFound, NotPermitted, SameHands
from domain.insurance import (
    EventKind,
    InsurancePage,
    InsuranceTerms,
    LimitWord,
    ShipmentContent,
    ShipmentEvent,
    Uncovered,
)
from domain.money import Money
from policies.assessment import assess
from storage.edition import Editions, read_shipped, shipped_text
from storage.identity import Persons, password_hash_of
from tests.makers_monitoring import noon
from tests.makers_policy import a_dossier
from tests.web.book import PASSWORD
from tests.web.people import KEYS, PEOPLE, as_
from tests.web.test_commands import Terminal, terminal
from tests.web.test_console import _faults_of, hidden, signed_in
from web.service.clock import Clock
from web.service.insurance import FindingClosed, InsuranceChecked, LimitOpened
from web.service.party import PartyContent
from web.service.services import Services

__all__ = ["terminal"]

ON = Clock().business_on()
MANAGER = PEOPLE["relationship_manager"]
RISK = PEOPLE["risk_officer"]
RELEASE = PEOPLE["release_officer"]
YES = InsuranceChecked(confirmed=True)
USCC = Identifier(scheme=IdentifierScheme.USCC, value="91110000600037341L")


def cny(amount: int) -> Money:
    return Money.of(amount, "CNY")


def ago(days: int) -> date:
    return ON - timedelta(days=days)


@pytest.fixture
def customer_id(services: Services) -> str:
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
    content = CustomerContent(name="Quiet Harbour Foods", identifiers=(USCC,))
    return services.customers.record(MANAGER, content).customer_id


@pytest.fixture
def insurer(services: Services) -> str:
    return services.parties.record(RISK, PartyContent(name="Harbour Credit Insurance")).party_id


def some_terms(insurer: str, **changed: Any) -> InsuranceTerms:
    ordinary = {
        "insurer": insurer,
        "policy_no": "CI-1",
        "currency": "CNY",
        "from_on": ago(300),
        "until_on": ON + timedelta(days=30),
        "share": "0.9",
        "liability_max": cny(5_000_000),
        "deductible": cny(0),
        "terms_days_max": 90,
        "overdue_days_max": 30,
        "notice_days": 60,
        "claim_days": 120,
        "source": "policy schedule",
    }
    return InsuranceTerms.model_validate(ordinary | changed)


def a_word(amount: int = 1_000_000, **changed: Any) -> LimitWord:
    ordinary = {
        "state": "approved",
        "amount": cny(amount),
        "said_on": ago(300),
        "source": "the insurer's approval",
    }
    return LimitWord.model_validate(ordinary | changed)


def a_shipment(no: str, amount: int, days_ago: int, terms: int = 60) -> ShipmentContent:
    shipped_on = ago(days_ago)
    return ShipmentContent(
        shipment_no=no,
        amount=cny(amount),
        shipped_on=shipped_on,
        terms_days=terms,
        due_on=shipped_on + timedelta(days=terms),
    )


def insured(services: Services, customer_id: str, insurer: str, **changed: Any) -> str:
    """The customer under a confirmed insurance, with a confirmed limit."""
    service = services.insurance
    made = service.record(MANAGER, some_terms(insurer, **changed))
    service.check(RISK, made.insurance_id, 1, YES)
    opened = LimitOpened(customer_id=customer_id, word=a_word())
    limit_id = service.open_limit(MANAGER, made.insurance_id, opened).limit_id
    service.check_limit(RELEASE, limit_id, 1, YES)
    return limit_id


def collected(services: Services, customer_id: str, on: date = ON) -> Cover | None:
    application = Application(
        customer_id=customer_id,
        application_type=ApplicationType.NEW_LINE,
        limit_requested=cny(500_000),
        purpose="Raw materials",
    )
    with services.records.begin() as session:
        dossier = collect_dossier(session, application, read_shipped(), on)
    return next(iter(dossier.covers), None)


def test_a_limit_counts_once_two_people_have_said_so_and_ends_by_its_date(
    services: Services, customer_id: str, insurer: str
) -> None:
    service = services.insurance
    made = service.record(MANAGER, some_terms(insurer))
    opened = LimitOpened(customer_id=customer_id, word=a_word())
    buyer = service.open_limit(MANAGER, made.insurance_id, opened)
    assert collected(services, customer_id) is None
    with pytest.raises(SameHands):
        service.check(PEOPLE["everybody"], *_own(services, insurer), YES)

    service.check(RISK, made.insurance_id, 1, YES)
    service.check_limit(RELEASE, buyer.limit_id, 1, YES)
    found = collected(services, customer_id)
    assert found is not None
    assert found.insured is not None
    assert (found.value, found.insured.policy_no) == (cny(1_000_000), "CI-1")
    assert found.ends_on == ON + timedelta(days=30)

    [step] = services.covers.list_of_customer(MANAGER, customer_id).counts
    assert (step.verdict, step.uplift) == (CoverVerdict.COUNTS, cny(810_000))
    assert step.insured == found.insured
    after = services.covers.list_of_customer(MANAGER, customer_id, ON + timedelta(days=31))
    assert [each.verdict for each in after.counts] == [CoverVerdict.STOPPED]
    assert after.uplift == cny(0)


def _own(services: Services, insurer: str) -> tuple[str, int]:
    terms = some_terms(insurer, policy_no="CI-own")
    return services.insurance.record(PEOPLE["everybody"], terms).insurance_id, 1


def test_the_receipt_says_which_policy_and_until_when(
    services: Services, customer_id: str, insurer: str
) -> None:
    insured(services, customer_id, insurer)
    cover = collected(services, customer_id)
    assert cover is not None
    plain = a_dossier()
    dossier = plain.model_copy(
        update={"covers": (cover.model_copy(update={"ends_on": plain.business_on}),)}
    )
    limit = assess("case-1", dossier, read_shipped(), automatic_spent=cny(0), sampled=False).limit
    assert limit is not None
    [step] = limit.covers
    assert step.insured is not None
    assert (step.insured.policy_no, step.ends_on) == ("CI-1", plain.business_on)


def test_the_buyers_of_a_policy_share_what_it_pays_in_the_order_of_their_limits(
    services: Services, customer_id: str, insurer: str
) -> None:
    insured(services, customer_id, insurer, liability_max=cny(1_200_000))
    second = services.customers.record(MANAGER, CustomerContent(name="Other Ltd")).customer_id
    service = services.insurance
    [insurance] = service.list_insurances(RISK)
    opened = LimitOpened(customer_id=second, word=a_word())
    later = service.open_limit(MANAGER, insurance.insurance_id, opened)
    service.check_limit(RISK, later.limit_id, 1, YES)

    uplifts = [
        services.covers.list_of_customer(MANAGER, each).uplift for each in (customer_id, second)
    ]
    assert uplifts == [cny(810_000), cny(270_000)]


def test_cover_stops_for_what_is_shipped_after_the_overdue_and_goes_on_once_it_is_paid(
    services: Services, customer_id: str, insurer: str
) -> None:
    limit_id = insured(services, customer_id, insurer)
    service = services.insurance
    service.declare(MANAGER, limit_id, a_shipment("S-1", 400_000, 95))
    late = service.declare(MANAGER, limit_id, a_shipment("S-2", 200_000, 2))

    assert [(each.covered, each.why) for each in late.cover.shipments] == [
        (cny(400_000), None),
        (cny(0), Uncovered.OVERDUE),
    ]
    assert services.covers.list_of_customer(MANAGER, customer_id).uplift == cny(324_000)
    paid = ShipmentEvent(
        event_no="P-1",
        shipment_no="S-1",
        kind=EventKind.PAID,
        happened_on=ago(1),
        amount=cny(400_000),
    )
    service.report(MANAGER, limit_id, paid)
    third = service.declare(MANAGER, limit_id, a_shipment("S-3", 100_000, 0))
    assert [each.why for each in third.cover.shipments] == [Uncovered.OVERDUE, None]
    assert services.covers.list_of_customer(MANAGER, customer_id).uplift == cny(810_000)


def test_a_missed_notice_drops_the_uplift_and_its_finding_is_closed_by_another(
    services: Services, customer_id: str, insurer: str
) -> None:
    limit_id = insured(services, customer_id, insurer)
    service = services.insurance
    service.declare(MANAGER, limit_id, a_shipment("S-1", 400_000, 121))
    [step] = services.covers.list_of_customer(MANAGER, customer_id).counts
    assert (step.verdict, step.uplift) == (CoverVerdict.DEADLINE_MISSED, cny(0))

    page = InsurancePage(after=None, page_size=10, at=noon(ON))
    InsuranceActivities(services.records).watch_insurance(page)
    [finding] = service.list_findings(MANAGER, open_only=True)
    assert (finding.owner, finding.shipment_no) == (MANAGER.person_id, "S-1")
    with pytest.raises(NotPermitted):
        service.close_finding(MANAGER, finding.finding_id, FindingClosed(note="mine"))
    with pytest.raises(Malformed):
        service.close_finding(RISK, finding.finding_id, FindingClosed(note=" "))
    service.close_finding(RISK, finding.finding_id, FindingClosed(note="the insurer waived it"))
    assert service.list_findings(RISK, open_only=True) == []
    assert services.covers.list_of_customer(MANAGER, customer_id).uplift == cny(0)


def test_a_notice_dated_back_before_a_missed_deadline_is_not_the_managers_to_enter(
    services: Services, customer_id: str, insurer: str
) -> None:
    limit_id = insured(services, customer_id, insurer)
    service = services.insurance
    service.declare(MANAGER, limit_id, a_shipment("S-1", 400_000, 121))
    notice = ShipmentEvent(
        event_no="N-1", shipment_no="S-1", kind=EventKind.NOTICE_GIVEN, happened_on=ago(2)
    )
    with pytest.raises(DeadlineOver):
        service.report(MANAGER, limit_id, notice)
    assert services.covers.list_of_customer(MANAGER, customer_id).uplift == cny(0)
    late = notice.model_copy(update={"event_no": "N-2", "happened_on": ON})
    service.report(MANAGER, limit_id, late)
    assert services.covers.list_of_customer(MANAGER, customer_id).uplift == cny(0)

    service.report(RISK, limit_id, notice)
    assert services.covers.list_of_customer(MANAGER, customer_id).uplift > cny(0)
    service.report(MANAGER, limit_id, notice)


def test_whoever_does_not_see_the_customer_does_not_find_its_limit(
    services: Services, customer_id: str, insurer: str
) -> None:
    theirs = services.customers.record(
        PEOPLE["everybody"], CustomerContent(name="Theirs Ltd")
    ).customer_id
    service = services.insurance
    [insurance_id] = {service.record(RISK, some_terms(insurer)).insurance_id}
    opened = LimitOpened(customer_id=theirs, word=a_word())
    with pytest.raises(NotFound):
        service.open_limit(MANAGER, insurance_id, opened)
    limit_id = service.open_limit(RISK, insurance_id, opened).limit_id
    with pytest.raises(NotFound):
        service.read_limit(MANAGER, limit_id)
    with pytest.raises(NotFound):
        service.declare(MANAGER, limit_id, a_shipment("S-1", 1, 1))
    assert service.list_limits(MANAGER) == []
    assert [each.limit_id for each in service.list_limits(RISK)] == [limit_id]
    with pytest.raises(NotPermitted):
        service.record(RELEASE, some_terms(insurer))
    with pytest.raises(NotFound):
        service.record(RISK, some_terms("nobody"))
    with pytest.raises(DateInFuture):
        service.declare(RISK, limit_id, a_shipment("S-1", 1, -1))


async def test_the_api_records_confirms_declares_and_lists(
    api: httpx.AsyncClient, customer_id: str, insurer: str
) -> None:
    body = some_terms(insurer).model_dump(mode="json")
    manager = as_("relationship_manager", **{"Idempotency-Key": "k-1"})
    made = (await api.post("/api/v1/insurances", json=body, headers=manager)).json()
    assert made == (await api.post("/api/v1/insurances", json=body, headers=manager)).json()
    path = f"/api/v1/insurances/{made['insurance_id']}"
    own = await api.post(
        f"{path}/versions/1/check", json={"confirmed": True}, headers=as_("relationship_manager")
    )
    assert own.status_code == 403
    await api.post(
        f"{path}/versions/1/check", json={"confirmed": True}, headers=as_("risk_officer")
    )
    opened = {"customer_id": customer_id, "word": a_word().model_dump(mode="json")}
    buyer = (await api.post(f"{path}/limits", json=opened, headers=as_("risk_officer"))).json()
    at = f"/api/v1/insured-limits/{buyer['limit_id']}"
    release = as_("release_officer")
    await api.post(f"{at}/versions/1/check", json={"confirmed": True}, headers=release)
    shipment = a_shipment("S-1", 1_500_000, 3).model_dump(mode="json")
    declared = await api.post(f"{at}/shipments", json=shipment, headers=as_("collector"))
    assert declared.json()["cover"]["uncovered"] == {
        "over_limit": {"amount": "500000.00", "currency": "CNY"}
    }
    wrong = {"event_no": "e", "shipment_no": "S-1", "kind": "paid", "happened_on": str(ON)}
    refused = await api.post(f"{at}/events", json=wrong, headers=as_("collector"))
    assert refused.status_code == 422
    listed = await api.get(
        f"/api/v1/customers/{customer_id}/insurance?days=60", headers=as_("auditor")
    )
    [item] = listed.json()["items"]
    assert [(each["reason"], each["amount"]["amount"]) for each in item["changes"]] == [
        ("policy_end", "0.00")
    ] or item["changes"][0]["reason"] == "terms"
    page = (await api.get("/api/v1/insured-limits", headers=as_("auditor"))).json()
    assert [each["limit_id"] for each in page["items"]] == [buyer["limit_id"]]


def test_a_terminal_and_the_client_do_the_same(
    terminal: Terminal, served: str, customer_id: str, insurer: str, tmp_path: Path
) -> None:
    def said(value: Any) -> str:
        file = tmp_path / "said.json"
        file.write_text(json.dumps(value.model_dump(mode="json")), "utf-8")
        return str(file)

    ending, made = terminal.asks("insurance", "record", "--file", said(some_terms(insurer)))
    assert ending == Exit.DONE
    insurance_id = made["insurance_id"]
    _, waiting = terminal.asks("insurance", "pending")
    assert [each["insurance_id"] for each in waiting["insurances"]] == [insurance_id]
    ending, _ = terminal.asks(
        "insurance", "check", insurance_id, "1", "--confirm", as_="risk_officer"
    )
    assert ending == Exit.DONE
    _, opened = terminal.asks(
        "insurance", "limit", insurance_id, customer_id, "--file", said(a_word())
    )
    limit_id = opened["limit_id"]
    terminal.asks("insurance", "check-limit", limit_id, "1", "--confirm", as_="risk_officer")
    _, declared = terminal.asks(
        "insurance", "declare", limit_id, "--file", said(a_shipment("S-1", 400_000, 95))
    )
    assert declared["cover"]["stopped"] == ["overdue"]
    given = ShipmentEvent(
        event_no="N-1", shipment_no="S-1", kind=EventKind.NOTICE_GIVEN, happened_on=ON
    )
    ending, _ = terminal.asks("insurance", "report", limit_id, "--file", said(given))
    assert ending == Exit.DONE
    reduced = a_word(300_000, state="reduced", said_on=ON)
    _, lower = terminal.asks("insurance", "say", limit_id, "--file", said(reduced))
    assert [each["needs_check"] for each in lower["versions"]] == [True, False]
    _, book = terminal.asks("insurance", "book")
    assert [each["limit_id"] for each in book["items"]] == [limit_id]
    for words in (("list",), ("show", limit_id), ("customer", customer_id), ("findings",)):
        assert terminal.asks("insurance", *words)[0] == Exit.DONE

    with Client(served, KEYS["everybody"]) as client:
        [buyer] = client.fetch_customer_insurance(customer_id).items
        assert buyer == client.fetch_insured_limit(limit_id)
        assert [each.limit_id for each in client.list_insured_limits()] == [limit_id]
        assert buyer.cover.deadlines[0].met_on == ON
        [insurance] = client.fetch_insurances()
        assert insurance.standing == v.InsuranceTerms.model_validate(
            some_terms(insurer).model_dump(mode="json")
        )


def test_the_pages_show_what_is_covered_why_not_the_rest_and_who_may_confirm(
    app: FastAPI, services: Services, customer_id: str, insurer: str
) -> None:
    with services.records.begin() as session:
        for person in (MANAGER, RISK):
            Persons(session).record_password(person.person_id, password_hash_of(PASSWORD))
    limit_id = insured(services, customer_id, insurer)
    services.insurance.declare(MANAGER, limit_id, a_shipment("S-1", 400_000, 121))
    services.insurance.declare(MANAGER, limit_id, a_shipment("S-2", 200_000, 2))
    page = InsurancePage(after=None, page_size=10, at=noon(ON))
    InsuranceActivities(services.records).watch_insurance(page)
    manager = signed_in(app, MANAGER.person_id)
    path = f"/customers/{customer_id}/insurance"
    at = f"{path}/{limit_id}"
    shown = manager.get(path)
    assert _faults_of(shown.text) == []
    for words in ("CI-1", "S-1", "S-2", "shipped after cover stopped for the overdue", "missed"):
        assert words in shown.text

    said = {"state": "approved", "amount": "2,000,000", "said_on": str(ON), "source": "letter"}
    form = hidden(shown, at)
    assert manager.post(at, data={**form, **said, "amount": "much"}).status_code == 422
    assert manager.post(at, data={**form, **said}).status_code == 303
    assert "waits for a second person" in manager.get(path).text
    shipment = {"shipment_no": "S-3", "amount": "1000", "shipped_on": str(ON)}
    shipment |= {"terms_days": "30", "due_on": str(ON + timedelta(days=30))}
    declared = manager.post(
        f"{at}/shipments", data={**hidden(shown, f"{at}/shipments"), **shipment}
    )
    assert declared.status_code == 303
    event = {"shipment_no": "S-1", "kind": "paid", "happened_on": str(ON), "amount": "400000"}
    assert (
        manager.post(f"{at}/events", data={**hidden(shown, f"{at}/events"), **event}).status_code
        == 303
    )

    officer = signed_in(app, RISK.person_id)
    checked = {**hidden(officer.get(path), f"{at}/check"), "confirmed": "yes"}
    assert officer.post(f"{at}/check", data=checked).status_code == 303
    assert services.insurance.read_limit(RISK, limit_id).cover.limit == cny(2_000_000)
    book = officer.get("/insurance")
    assert _faults_of(book.text) == []
    assert "Quiet Harbour Foods" in book.text
    [finding] = services.insurance.list_findings(RISK)
    close = f"/insurance/findings/{finding.finding_id}/close"
    closed = {**hidden(book, close), "note": "the insurer waived it"}
    assert officer.post(close, data=closed).status_code == 303
    assert "the insurer waived it" in officer.get("/insurance").text
    chinese = signed_in(app, MANAGER.person_id, "zh-CN").get(path).text
    assert "因逾期停止承保后出运" in chinese


def test_an_insurance_is_recorded_on_its_page_and_what_was_typed_comes_back(
    app: FastAPI, services: Services, customer_id: str, insurer: str
) -> None:
    with services.records.begin() as session:
        Persons(session).record_password(MANAGER.person_id, password_hash_of(PASSWORD))
    manager = signed_in(app, MANAGER.person_id)
    terms = some_terms(insurer).model_dump(mode="json")
    typed = {name: str(each) for name, each in terms.items()}
    typed |= {"share": "90", "liability_max": "5,000,000", "deductible": "0"}
    form = hidden(manager.get("/insurance"), "/insurance")
    refused = manager.post("/insurance", data={**form, **typed, "until_on": str(ago(999))})
    assert refused.status_code == 422
    assert "it ends before it begins" in refused.text
    assert 'value="5,000,000"' in refused.text
    assert manager.post("/insurance", data={**form, **typed}).status_code == 303
    [made] = services.insurance.list_insurances(MANAGER)
    assert made.newest.content == some_terms(insurer)

    path = f"/customers/{customer_id}/insurance"
    asked = {"state": "asked", "amount": "500000", "said_on": str(ON), "source": "application"}
    asked |= {"insurance_id": made.insurance_id}
    opened = {**hidden(manager.get(path), path), **asked}
    assert manager.post(path, data=opened).status_code == 303
    [buyer] = services.insurance.list_of_customer(MANAGER, customer_id).items
    assert [each.content.amount for each in buyer.versions] == [cny(500_000)]


async def test_the_sample_buyers_cover_stops_and_a_second_demonstration_adds_nothing(
    served: str, services: Services, customer_id: str
) -> None:
    users = {
        "manager": {"key": KEYS["relationship_manager"]},
        "risk": {"key": KEYS["risk_officer"]},
    }
    async with Office(served, users) as office:
        assert await Insured(office, 2026, ON).stop(customer_id)
        first = services.insurance.list_of_customer(RISK, customer_id)
        assert not await Insured(office, 2026, ON).stop(customer_id)

    [buyer] = first.items
    assert [each.why for each in buyer.cover.shipments] == [
        None,
        Uncovered.OVER_LIMIT,
        Uncovered.OVERDUE,
    ]
    assert (buyer.cover.stopped, buyer.cover.missed) == ((Stop.OVERDUE,), False)
    assert services.insurance.list_of_customer(RISK, customer_id) == first
    assert len(services.insurance.list_insurances(RISK)) == 1
