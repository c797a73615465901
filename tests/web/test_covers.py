"""A cover in the register reaches the judgement, and people see what of it counts and why."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from activities.assessment import collect_dossier
from domain.application import Application, ApplicationType
from domain.cover import Cover, CoverContent, CoverVerdict
from domain.customer import CustomerContent, Identifier, IdentifierScheme
from domain.errors import DateInFuture, NotFound, NotPermitted, SameHands
from domain.money import Money
from domain.party import LinkContent
from storage.edition import Editions, read_shipped, shipped_text
from tests.makers_line import open_line
from tests.web.people import PEOPLE, as_
from web.service.clock import Clock
from web.service.party import PartyContent
from web.service.services import Services

ON = Clock().business_on()
MANAGER = PEOPLE["relationship_manager"]
RISK = PEOPLE["risk_officer"]
RELEASE = PEOPLE["release_officer"]
USCC = Identifier(scheme=IdentifierScheme.USCC, value="91110000600037341L")


def cny(amount: int) -> Money:
    return Money.of(amount, "CNY")


@pytest.fixture
def customer_id(services: Services) -> str:
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
    content = CustomerContent(name="Quiet Harbour Foods", identifiers=(USCC,))
    return services.customers.record(MANAGER, content).customer_id


@pytest.fixture
def owner(services: Services) -> str:
    return services.parties.record(RISK, PartyContent(name="Harbour Guaranty")).party_id


def a_cover(customer_id: str, owner: str, used: int = 600_000, **changed: Any) -> CoverContent:
    ordinary = {
        "kind": "mortgage",
        "owner": owner,
        "value": cny(1_000_000),
        "valued_on": ON,
        "valuer": "a surveyor",
        "source": "valuation report",
        "uses": [{"customer_id": customer_id, "amount": cny(used)}],
    }
    return CoverContent.model_validate(ordinary | changed)


def a_guarantee(customer_id: str, owner: str, used: int, capacity: int | None) -> CoverContent:
    bears = None if capacity is None else cny(capacity)
    return a_cover(customer_id, owner, used, kind="guarantee", capacity=bears)


def confirmed(services: Services, content: CoverContent) -> str:
    made = services.covers.record(MANAGER, content)
    services.covers.check(RELEASE, made.cover_id, made.version, confirmed=True)
    return made.cover_id


def collected(
    services: Services, customer_id: str, on: date = ON, **asked: Any
) -> dict[str, Cover]:
    application = Application(
        customer_id=customer_id,
        application_type=asked.pop("application_type", ApplicationType.NEW_LINE),
        limit_requested=cny(500_000),
        purpose="Raw materials",
        **asked,
    )
    with services.records.begin() as session:
        dossier = collect_dossier(session, application, read_shipped(), on)
    return {each.cover_id: each for each in dossier.covers}


def verdicts(services: Services, customer_id: str) -> dict[str, tuple[CoverVerdict, Money]]:
    found = services.covers.list_of_customer(MANAGER, customer_id)
    return {each.cover_id: (each.verdict, each.uplift) for each in found.counts}


def test_what_two_people_say_is_collected_for_the_judgement_and_nothing_before(
    services: Services, customer_id: str, owner: str
) -> None:
    made = services.covers.record(MANAGER, a_cover(customer_id, owner))
    assert (made.pending, made.standing) == (True, None)
    assert collected(services, customer_id) == {}

    services.covers.check(RELEASE, made.cover_id, 1, confirmed=True)
    assert collected(services, customer_id)[made.cover_id].value == cny(600_000)
    assert verdicts(services, customer_id) == {made.cover_id: (CoverVerdict.COUNTS, cny(360_000))}


def test_it_ends_by_its_date_alone(services: Services, customer_id: str, owner: str) -> None:
    cover_id = confirmed(services, a_cover(customer_id, owner, ends_on=ON))

    def uplift(on: date) -> Money:
        return services.covers.list_of_customer(MANAGER, customer_id, on).uplift

    assert (uplift(ON), uplift(ON + timedelta(days=1))) == (cny(360_000), cny(0))
    assert cover_id in collected(services, customer_id, ON + timedelta(days=1))


def test_an_asset_secures_no_more_than_its_value_over_all_its_uses(
    services: Services, customer_id: str, owner: str
) -> None:
    second = services.customers.record(MANAGER, CustomerContent(name="Other Ltd")).customer_id
    uses = [
        {"customer_id": customer_id, "amount": cny(600_000)},
        {"customer_id": second, "amount": cny(400_000)},
    ]
    cover_id = confirmed(services, a_cover(customer_id, owner, uses=uses))
    fallen = a_cover(customer_id, owner, uses=uses, value=cny(700_000))
    services.covers.update(MANAGER, cover_id, fallen)

    assert collected(services, customer_id)[cover_id].value == cny(600_000)
    assert collected(services, second)[cover_id].value == cny(100_000)


def test_what_secures_one_line_is_counted_for_that_line_alone(
    services: Services, customer_id: str, owner: str
) -> None:
    line = open_line(services.records, customer_id=customer_id)
    uses = [{"customer_id": customer_id, "line_id": line.line_id, "amount": cny(600_000)}]
    cover_id = confirmed(services, a_cover(customer_id, owner, uses=uses))

    raising = {"application_type": ApplicationType.INCREASE, "line_id": line.line_id}
    assert cover_id in collected(services, customer_id, **raising)
    assert cover_id not in collected(services, customer_id)


def test_a_guarantor_bears_its_guarantees_in_their_order_up_to_what_it_can(
    services: Services, customer_id: str, owner: str
) -> None:
    first = confirmed(services, a_guarantee(customer_id, owner, 600_000, 800_000))
    second = confirmed(services, a_guarantee(customer_id, owner, 600_000, 800_000))
    unknown = services.parties.record(RISK, PartyContent(name="Nobody knows")).party_id
    third = confirmed(services, a_guarantee(customer_id, unknown, 600_000, None))

    assert verdicts(services, customer_id) == {
        first: (CoverVerdict.COUNTS, cny(300_000)),
        second: (CoverVerdict.COUNTS, cny(100_000)),
        third: (CoverVerdict.NOTHING_FREE, cny(0)),
    }


def test_what_a_guarantor_owes_us_itself_comes_off_what_it_can_bear(
    services: Services, customer_id: str
) -> None:
    code = Identifier(scheme=IdentifierScheme.USCC, value="91320500600037340W")
    content = CustomerContent(name="Harbour Holding", identifiers=(code,))
    guarantor = services.customers.record(MANAGER, content).customer_id
    line = open_line(services.records, customer_id=guarantor)
    capacity = line.limit.minor // 100 + 250_000
    guarantee = confirmed(services, a_guarantee(customer_id, guarantor, 600_000, capacity))

    assert verdicts(services, customer_id)[guarantee] == (CoverVerdict.COUNTS, cny(125_000))


def test_guarantees_in_a_circle_count_nothing(services: Services, customer_id: str) -> None:
    ids = [
        services.customers.record(MANAGER, CustomerContent(name=f"Link {n}")).customer_id
        for n in (1, 2)
    ]
    given = confirmed(services, a_guarantee(customer_id, ids[0], 600_000, 900_000))
    assert verdicts(services, customer_id)[given][0] is CoverVerdict.COUNTS

    # The customer answers for the second by the register, and that for the first by a link.
    confirmed(services, a_guarantee(ids[1], customer_id, 100_000, 900_000))
    link = {"kind": "guarantees", "holder": ids[1], "subject": ids[0], "source": "agreement"}
    services.parties.record_link(RISK, LinkContent.model_validate(link))
    assert verdicts(services, customer_id)[given] == (CoverVerdict.CIRCULAR, cny(0))


def test_whoever_recorded_it_does_not_confirm_it(
    services: Services, customer_id: str, owner: str
) -> None:
    made = services.covers.record(RISK, a_cover(customer_id, owner))
    with pytest.raises(SameHands):
        services.covers.check(RISK, made.cover_id, 1, confirmed=True)
    with pytest.raises(NotPermitted):
        services.covers.check(MANAGER, made.cover_id, 1, confirmed=True)
    assert [each.cover_id for each in services.covers.list_pending(RELEASE)] == [made.cover_id]


def test_owner_customer_line_and_evidence_are_known_and_a_valuation_is_not_of_tomorrow(
    services: Services, customer_id: str, owner: str
) -> None:
    line = [{"customer_id": customer_id, "line_id": "l-9", "amount": cny(1)}]
    for broken in (
        a_cover(customer_id, "nobody"),
        a_cover("c-9", owner),
        a_cover(customer_id, owner, uses=line),
        a_cover(customer_id, owner, evidence_hash="0" * 64),
    ):
        with pytest.raises(NotFound):
            services.covers.record(RISK, broken)
    tomorrow = ON + timedelta(days=1)
    with pytest.raises(DateInFuture):
        services.covers.record(RISK, a_cover(customer_id, owner, valued_on=tomorrow))


def test_a_manager_sees_of_a_shared_cover_their_own_customers_and_a_sum(
    services: Services, customer_id: str, owner: str
) -> None:
    other = MANAGER.model_copy(update={"person_id": "relationship_manager2"})
    theirs = services.customers.record(other, CustomerContent(name="Theirs Ltd")).customer_id
    uses = [
        {"customer_id": customer_id, "amount": cny(600_000)},
        {"customer_id": theirs, "amount": cny(300_000)},
    ]
    cover_id = services.covers.record(RISK, a_cover(customer_id, owner, uses=uses)).cover_id

    (seen,) = services.covers.list_of_customer(MANAGER, customer_id).covers
    assert [use.customer_id for use in seen.content.uses] == [customer_id]
    assert seen.secures_others == cny(300_000)
    with pytest.raises(NotPermitted):
        services.covers.update(MANAGER, cover_id, a_cover(customer_id, owner))
    with pytest.raises(NotPermitted):
        services.covers.record(MANAGER, a_cover(customer_id, owner), cover_id)
    with pytest.raises(NotFound):
        services.covers.update(MANAGER, "k-9", a_cover(customer_id, owner))
    alone = services.covers.record(RISK, a_cover(theirs, owner)).cover_id
    with pytest.raises(NotFound):
        services.covers.read(MANAGER, alone)


async def test_the_api_records_confirms_and_shows_a_cover(
    api: httpx.AsyncClient, customer_id: str, owner: str
) -> None:
    body = a_cover(customer_id, owner).model_dump(mode="json")
    manager = as_("relationship_manager", **{"Idempotency-Key": "k-1"})
    made = (await api.post("/api/v1/covers", json=body, headers=manager)).json()
    again = (await api.post("/api/v1/covers", json=body, headers=manager)).json()
    assert made == again
    path = f"/api/v1/covers/{made['cover_id']}"

    refused = await api.post(
        f"{path}/versions/1/check",
        json={"confirmed": False},
        headers=as_("release_officer"),
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "malformed")
    checked = await api.post(
        f"{path}/versions/1/check", json={"confirmed": True}, headers=as_("release_officer")
    )
    assert checked.json()["standing"]["value"] == {"amount": "1000000.00", "currency": "CNY"}
    much = body | {"uses": [{"customer_id": customer_id, "amount": str(2_000_000)}]}
    much["uses"][0]["amount"] = {"amount": "2000000", "currency": "CNY"}
    over = await api.put(path, json=much, headers=manager)
    assert (over.status_code, over.json()["code"]) == (422, "cover_overused")
    listed = await api.get(f"/api/v1/customers/{customer_id}/covers", headers=as_("auditor"))
    assert listed.json()["uplift"] == {"amount": "360000.00", "currency": "CNY"}
    assert (await api.get(path, headers=as_("auditor"))).json()["version"] == 1
