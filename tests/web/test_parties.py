"""Whoever is under one control counts as one risk, and a person sees the way to each party."""

import json

import httpx
import pytest

from activities.assessment import collect_dossier
from domain.application import Application, ApplicationType
from domain.customer import CustomerContent, Identifier, IdentifierScheme
from domain.errors import AlreadyExists, NotFound
from domain.money import Money
from domain.party import LinkContent, LinkKind, PartyKind
from storage.customer import Customers
from storage.edition import Editions, read_shipped, shipped_text
from tests.makers_line import open_line
from tests.web.people import PEOPLE, as_
from web.service.clock import Clock
from web.service.party import PartyContent
from web.service.services import Services

ON = Clock().business_on()
MANAGER = PEOPLE["relationship_manager"]
RISK = PEOPLE["risk_officer"]
USCC = Identifier(scheme=IdentifierScheme.USCC, value="91110000600037341L")
OTHER = Identifier(scheme=IdentifierScheme.USCC, value="91320500600037340W")


@pytest.fixture
def parent(services: Services) -> str:
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
    content = CustomerContent(name="Quiet Harbour Holding", identifiers=(USCC,))
    return services.customers.record(MANAGER, content).customer_id


def a_link(holder: str, subject: str, share: str | None = None, **fields: object) -> LinkContent:
    content = {"kind": "owns", "holder": holder, "subject": subject, "share": share}
    return LinkContent.model_validate({**content, "source": "register", **fields})


def a_customer_with_a_line(services: Services) -> str:
    content = CustomerContent(name="Quiet Harbour Foods", identifiers=(OTHER,))
    customer_id = services.customers.record(MANAGER, content).customer_id
    return open_line(services.records, customer_id=customer_id).customer_id


def test_a_ring_says_who_counts_and_by_which_way(services: Services, parent: str) -> None:
    held = a_customer_with_a_line(services)
    trust = services.parties.record(
        RISK, PartyContent(name="Harbour Trust", kind=PartyKind.ARRANGEMENT)
    )
    services.parties.record_link(RISK, a_link(parent, held, "0.6"))
    services.parties.record_link(RISK, a_link(trust.party_id, parent, "0.3"))

    ring = services.parties.ring(RISK, parent)
    found = {part.member.party_id: part for part in ring.parts}
    assert found[held].member.counts
    assert found[held].limits == ring.direct == ring.total
    assert not found[trust.party_id].member.counts
    assert (found[trust.party_id].name, found[trust.party_id].is_customer) == (
        "Harbour Trust",
        False,
    )
    assert [step.holder for step in found[trust.party_id].member.path] == [trust.party_id]
    assert set(ring.one_risk) == {parent, held}


def test_a_guarantor_answers_for_others_beside_what_it_holds(
    services: Services, parent: str
) -> None:
    held = a_customer_with_a_line(services)
    services.parties.record_link(
        RISK,
        a_link(parent, held, kind=LinkKind.GUARANTEES, amount=Money.of(100, "CNY")),
    )

    ring = services.parties.ring(RISK, parent)
    assert ring.direct == Money.of(0, "CNY")
    assert ring.indirect == ring.total == Money.of(100, "CNY")
    assert ring.one_risk == (parent,)


def test_what_one_control_holds_is_judged_together(services: Services, parent: str) -> None:
    held = a_customer_with_a_line(services)
    application = Application(
        customer_id=parent,
        application_type=ApplicationType.NEW_LINE,
        limit_requested=Money.of(500_000, "CNY"),
        purpose="Raw materials",
    )

    def group_limits() -> Money:
        with services.records.begin() as session:
            edition = read_shipped()
            return collect_dossier(session, application, edition, ON).holdings.group_limits

    assert group_limits() == Money.of(0, "CNY")
    link = services.parties.record_link(RISK, a_link(parent, held, "0.6"))
    assert group_limits() == services.parties.ring(RISK, parent).direct
    assert group_limits() > Money.of(0, "CNY")

    services.parties.record_link(RISK, a_link(parent, held, "0.4"), link.link_id)
    assert group_limits() == Money.of(0, "CNY")


def test_links_join_only_whom_we_know_and_never_others_than_they_did(
    services: Services, parent: str
) -> None:
    with pytest.raises(NotFound):
        services.parties.record_link(RISK, a_link(parent, "nobody"))
    trust = services.parties.record(RISK, PartyContent(name="Harbour Trust"))
    link = services.parties.record_link(RISK, a_link(trust.party_id, parent))
    with pytest.raises(AlreadyExists):
        services.parties.record_link(RISK, a_link(parent, trust.party_id), link.link_id)


async def test_a_file_of_owners_finds_our_customers_by_their_codes(
    services: Services, parent: str, api: httpx.AsyncClient
) -> None:
    code = {"scheme": "CN-SAIC", "id": USCC.value}
    told = [
        ("e", "entity", {"entityType": {"type": "registeredEntity"}, "identifiers": [code]}),
        ("p", "person", {"personType": "knownPerson", "names": [{"fullName": "An owner"}]}),
        (
            "r",
            "relationship",
            {
                "subject": "e",
                "interestedParty": "p",
                "interests": [{"type": "shareholding", "share": {"exact": 75}}],
            },
        ),
    ]
    file = json.dumps(
        [
            {
                "recordId": record,
                "recordType": kind,
                "recordDetails": details,
                "statementDate": "2026-01-05",
            }
            for record, kind, details in told
        ]
    )
    for key in ("first", "again"):
        answer = await api.post(
            "/api/v1/ownership",
            files={"file": ("bods.json", file)},
            headers=as_("risk_officer", **{"Idempotency-Key": key}),
        )
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"parties": 2, "customers": 1, "links": 1, "left_out": []}

    ring = (await api.get(f"/api/v1/customers/{parent}/ring", headers=as_("auditor"))).json()
    assert [part["name"] for part in ring["parts"]] == ["An owner"]
    assert ring["parts"][0]["member"]["counts"]
    with services.records.begin() as session:
        assert len(Customers(session).find_many([parent])) == 1


async def test_a_file_that_is_none_is_refused_in_words(
    services: Services, parent: str, api: httpx.AsyncClient
) -> None:
    answer = await api.post(
        "/api/v1/ownership", files={"file": ("x.json", b"no")}, headers=as_("risk_officer")
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")
