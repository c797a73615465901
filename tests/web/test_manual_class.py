"""Classes set by hand as people and programs ask for them: who may, what is refused, what follows."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from activities.classification import ClassificationActivities
from creditflow.client import Client
from creditflow.commands.output import Exit
from domain.classification import (
    ClassByRule,
    ClassificationPage,
    CustomerClass,
    FiveTier,
    Stage,
)
from domain.edition import ManualClassPolicy
from domain.errors import ClassBarred, CreditError
from domain.identity import Person
from domain.manual_class import ManualClass, ManualClassContent, ManualStatus
from domain.notification import Channel
from policies.line import months_later
from policies.manual_class import best_allowed, days_of_change, second_needed
from storage.edition import read_shipped
from storage.notification import Outbox
from tests.makers_monitoring import a_book
from tests.makers_policy import cny
from tests.web.book import Book
from tests.web.people import KEYS, PEOPLE, as_
from tests.web.test_commands import Terminal, terminal
from tests.web.test_console import app as pages
from tests.web.test_console import book, hidden, signed_in
from tests.web.test_customer_pages import said
from web.service.clock import Clock
from web.service.once import JoinedRecords
from web.service.services import Services

__all__ = ["book", "pages", "terminal"]

TODAY = Clock().business_on()
UNTIL = months_later(TODAY, 8)
PATH = "/api/v1/customers/c-1/manual-classes"
OTHER = PEOPLE["everybody"]


def body(**changed: str) -> dict[str, str]:
    ordinary = {
        "tier": "substandard",
        "reason": "dispute",
        "note": "told by the lawyers",
        "from_on": TODAY.isoformat(),
        "until_on": UNTIL.isoformat(),
    }
    return ordinary | changed


@pytest.fixture
def known(joined_records: JoinedRecords) -> JoinedRecords:
    a_book(joined_records)
    return joined_records


def runs_owed(records: JoinedRecords) -> list[dict[str, str]]:
    with records.begin() as session:
        entries = Outbox(session).find_page(channel=Channel.TEMPORAL, page_size=100)
    return [entry.facts for entry in entries if entry.kind == "start_classification"]


async def test_a_better_class_of_days_to_come_waits_for_a_second_person_or_is_barred(
    api: httpx.AsyncClient, known: JoinedRecords
) -> None:
    tomorrow = TODAY + timedelta(days=1)
    days = {"from_on": tomorrow.isoformat(), "until_on": months_later(tomorrow, 8).isoformat()}

    async def sets(tier: str) -> httpx.Response:
        return await api.post(PATH, json=body(tier=tier, **days), headers=as_("risk_officer"))

    worse = await sets("doubtful")
    assert (worse.status_code, worse.json()["status"]) == (201, "counting")
    barred = await sets("special_mention")
    assert (barred.status_code, barred.json()["code"]) == (422, "class_barred")
    better = await sets("substandard")
    assert (better.json()["status"], better.json()["tier_before"]) == ("proposed", "doubtful")
    confirmed = await api.post(
        f"/api/v1/manual-classes/{better.json()['manual_id']}/decision",
        json={"verdict": "confirm", "note": "seen"},
        headers=as_("everybody"),
    )
    assert confirmed.json()["status"] == "counting"


async def test_a_class_of_the_last_year_there_is_is_set_and_counts(
    api: httpx.AsyncClient, known: JoinedRecords
) -> None:
    last = {"from_on": "9999-06-01", "until_on": "9999-12-31"}
    made = await api.post(PATH, json=body(**last), headers=as_("risk_officer"))
    assert (made.status_code, made.json()["status"]) == (201, "counting")
    page = ClassificationPage(
        run_id="run-1",
        as_of=TODAY,
        person_id="risk",
        after=None,
        page_size=10,
        at=datetime.now(UTC),
    )
    done = ClassificationActivities(known).classify_customers(page)
    assert (done.tally.seen, done.tally.failed) == (1, 0)


async def test_a_worse_class_is_set_by_one_and_owes_a_run_of_the_customer(
    api: httpx.AsyncClient, known: JoinedRecords
) -> None:
    headers = as_("risk_officer", **{"Idempotency-Key": "k-1"})
    made, again = [await api.post(PATH, json=body(), headers=headers) for _ in range(2)]

    assert (made.status_code, made.json()["status"]) == (201, "counting")
    assert again.json() == made.json()
    [facts] = runs_owed(known)
    assert (facts["customer_ids"], facts["as_of"]) == ("c-1", TODAY.isoformat())
    own = await api.post(
        f"/api/v1/manual-classes/{made.json()['manual_id']}/reversal",
        json={"note": "wrong"},
        headers=as_("risk_officer"),
    )
    assert (own.status_code, own.json()["code"]) == (403, "same_hands")
    taken = await api.post(
        f"/api/v1/manual-classes/{made.json()['manual_id']}/reversal",
        json={"note": "wrong"},
        headers=as_("everybody"),
    )
    assert taken.json()["status"] == "taken_back"
    assert len(runs_owed(known)) == 2


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"reason": "a feeling"}, 422, "class_reason_unknown"),
        ({"note": " "}, 422, "malformed"),
        ({"tier": "normal"}, 422, "class_unchanged"),
        ({"until_on": months_later(TODAY, 5).isoformat()}, 422, "class_period_unfit"),
        ({"until_on": months_later(TODAY, 13).isoformat()}, 422, "class_period_unfit"),
        ({"from_on": (TODAY - timedelta(days=1)).isoformat()}, 422, "class_period_unfit"),
        ({"until_on": "2020-01-01"}, 422, "period_reversed"),
    ],
)
async def test_what_may_not_be_set_is_refused_by_its_code(
    api: httpx.AsyncClient, known: JoinedRecords, changed: dict[str, str], status: int, code: str
) -> None:
    refused = await api.post(PATH, json=body(**changed), headers=as_("risk_officer"))
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert runs_owed(known) == []


@pytest.mark.parametrize("person", ["relationship_manager", "approver", "auditor", "collector"])
async def test_only_risk_officers_set_a_class(
    api: httpx.AsyncClient, known: JoinedRecords, person: str
) -> None:
    refused = await api.post(PATH, json=body(), headers=as_(person))
    assert refused.status_code in (403, 404)


def test_the_same_from_a_terminal_and_a_program(
    terminal: Terminal, served: str, known: JoinedRecords
) -> None:
    words = ("--reason", "dispute", "--note", "n", "--from", str(TODAY), "--until", str(UNTIL))
    ending, made = terminal.asks("classes", "set", "c-1", "doubtful", *words, as_="risk_officer")
    assert (ending, made["tier"]) == (Exit.DONE, "doubtful")
    _, listed = terminal.asks("classes", "manual", "--customer", "c-1")
    assert [each["manual_id"] for each in listed["items"]] == [made["manual_id"]]
    ending, refused = terminal.asks(
        "classes", "decide", made["manual_id"], "confirm", "--note", "n"
    )
    assert (ending, refused["code"]) == (Exit.CONFLICT, "out_of_order")
    with Client(served, KEYS["everybody"]) as client:
        assert client.fetch_manual_classes("c-1").items[0].tier == "doubtful"
        assert client.take_class_back(made["manual_id"], "wrong").status == "taken_back"
        assert client.list_manual_classes()[0].taken_back_by == "everybody"
    ending, back = terminal.asks("classes", "take-back", made["manual_id"], "--note", "wrong")
    assert (ending, back["status"]) == (Exit.DONE, "taken_back")


# ── judgement ────────────────────────────────────────────────────────────────────────────────────


TIERS = st.sampled_from(list(FiveTier))


def standing(tier: FiveTier, ruled: FiveTier, least: FiveTier | None) -> CustomerClass:
    nothing = cny(0)
    return CustomerClass(
        customer_id="c-1",
        as_of=TODAY,
        tier=tier,
        tier_since=TODAY,
        stage=Stage.PERFORMING,
        used=nothing,
        unused=nothing,
        receivables=nothing,
        edition_hash="0" * 64,
        ruled=ClassByRule(tier=ruled, tier_since=TODAY, stage=Stage.PERFORMING),
        tier_least=least,
    )


@given(tier=TIERS, ruled=TIERS, least=TIERS, wanted=TIERS, better=st.integers(0, 4))
def test_nothing_better_is_set_alone_nor_above_the_bounds(
    tier: FiveTier, ruled: FiveTier, least: FiveTier, wanted: FiveTier, better: int
) -> None:
    floor = least if least.gravity < ruled.gravity else None
    found = standing(tier, ruled, floor)
    policy = ManualClassPolicy(reasons=("dispute",), better_tiers_max=better)
    content = ManualClassContent(
        tier=wanted, reason="dispute", note="n", from_on=TODAY, until_on=UNTIL
    )
    best = best_allowed(found, policy)
    try:
        second = second_needed(content, found, policy, TODAY)
    except CreditError:
        assert wanted.gravity < best.gravity or wanted is tier is ruled
        return
    assert wanted.gravity >= (floor or ruled).gravity
    assert wanted.non_performing or not tier.non_performing or ruled.non_performing
    assert ruled.gravity - wanted.gravity <= better
    assert second is (wanted.gravity < max(tier.gravity, ruled.gravity))


def test_no_further_class_makes_performing_what_was_set_as_non_performing() -> None:
    found = standing(FiveTier.DOUBTFUL, FiveTier.NORMAL, None)
    policy = ManualClassPolicy(reasons=("dispute",), better_tiers_max=4)

    assert best_allowed(found, policy) is FiveTier.SUBSTANDARD


def set_before(tier: FiveTier, from_on: date, until_on: date, **changed: Any) -> ManualClass:
    """A class set by hand that counts on its days."""
    ordinary = {
        "manual_id": "m-1",
        "customer_id": "c-1",
        "tier": tier,
        "tier_before": FiveTier.NORMAL,
        "tier_by_rule": FiveTier.NORMAL,
        "reason": "dispute",
        "note": "n",
        "from_on": from_on,
        "until_on": until_on,
        "second_needed": False,
        "edition_hash": "0" * 64,
        "proposed_by": "risk",
        "proposed_on": TODAY,
        "proposed_at": datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC),
        "status": ManualStatus.COUNTING,
    }
    return ManualClass.model_validate(ordinary | changed)


@given(tier=TIERS, wanted=TIERS, gap=st.integers(-400, 400), counts=st.booleans())
def test_what_is_set_for_the_same_days_binds_whoever_sets_a_further_class(
    tier: FiveTier, wanted: FiveTier, gap: int, counts: bool
) -> None:
    """As if the class counted already, where a day is common to both; else as if there were none."""
    from_on = TODAY + timedelta(days=400)
    until_on = months_later(from_on, 8)
    status = ManualStatus.COUNTING if counts else ManualStatus.TAKEN_BACK
    other = set_before(
        tier, from_on + timedelta(days=gap), until_on + timedelta(days=gap), status=status
    )
    shared = counts and other.from_on <= until_on and other.until_on >= from_on
    policy = ManualClassPolicy(reasons=("dispute",), better_tiers_max=4)
    content = ManualClassContent(
        tier=wanted, reason="dispute", note="n", from_on=from_on, until_on=until_on
    )
    as_if = standing(tier, FiveTier.NORMAL, None) if shared else None

    def judged(found: CustomerClass | None, others: tuple[ManualClass, ...]) -> object:
        try:
            return second_needed(content, found, policy, TODAY, others)
        except CreditError as refusal:
            return refusal.code

    assert judged(None, (other,)) == judged(as_if, ())


def test_a_class_to_come_is_not_made_better_by_one_person_alone() -> None:
    tomorrow = TODAY + timedelta(days=1)
    until_on = months_later(tomorrow, 8)
    policy = ManualClassPolicy(reasons=("dispute",), better_tiers_max=4)

    def needs(tier: FiveTier, before: FiveTier) -> bool:
        content = ManualClassContent(
            tier=tier, reason="dispute", note="n", from_on=tomorrow, until_on=until_on
        )
        others = [set_before(before, tomorrow, until_on)]
        return second_needed(content, None, policy, TODAY, others)

    assert needs(FiveTier.SUBSTANDARD, FiveTier.DOUBTFUL)
    assert not needs(FiveTier.LOSS, FiveTier.DOUBTFUL)
    with pytest.raises(ClassBarred):
        needs(FiveTier.SPECIAL_MENTION, FiveTier.DOUBTFUL)


@pytest.mark.parametrize("tier", [FiveTier.SPECIAL_MENTION, FiveTier.SUBSTANDARD])
def test_a_class_of_the_last_year_there_is_has_its_bounds_too(tier: FiveTier) -> None:
    policy = ManualClassPolicy(reasons=("dispute",))
    content = ManualClassContent(
        tier=tier, reason="dispute", note="n", from_on=date(9999, 6, 1), until_on=date.max
    )
    assert not second_needed(content, None, policy, TODAY)
    others = [set_before(tier, content.from_on, content.until_on)]
    assert days_of_change(others, TODAY) == [content.from_on]


def test_an_edition_without_reasons_lets_nobody_set_a_class() -> None:
    content = ManualClassContent.model_validate(body())
    with pytest.raises(CreditError) as refused:
        second_needed(content, None, ManualClassPolicy(), TODAY)
    assert refused.value.code == "class_reason_unknown"
    assert read_shipped().classification.manual.reasons


# ── pages ────────────────────────────────────────────────────────────────────────────────────────


def test_a_class_is_set_and_taken_back_on_the_customers_page(pages: FastAPI, book: Book) -> None:
    client, other = signed_in(pages, "risk"), signed_in(pages, "risk2")
    path = "/customers/c-1001/manual-classes"
    fields = hidden(client.get("/customers/c-1001"), path)
    typed = body(tier="special_mention", until_on=months_later(TODAY, 2).isoformat())
    refused = client.post(path, data={**fields, **typed, "note": ""})
    assert refused.status_code == 422
    assert client.post(path, data={**fields, **typed}).status_code == 303
    assert "disputed in court" in said(signed_in(pages, "auditor").get("/classes"))
    page = client.get("/customers/c-1001")
    assert "told by the lawyers" in page.text
    assert "disputed in court" in said(page)
    [manual] = book.services.manual_classes.read_customer(book.people["risk"], "c-1001").items
    place = f"{path}/{manual.manual_id}"
    back: dict[str, Any] = {"act": "take_back", "note": "wrong customer"}
    own = client.post(place, data={**hidden(page, place), **back})
    assert (own.status_code, "same_hands" in own.text) == (403, True)
    done = other.post(place, data={**hidden(other.get("/customers/c-1001"), place), **back})
    assert done.status_code == 303
    zh = signed_in(pages, "auditor", "zh-CN").get("/customers/c-1001").text
    assert "人工认定分类" in zh
    assert "已撤回" in zh
    assert 'action="/customers/c-1001/manual-classes"' not in zh


def test_another_managers_customer_has_no_class_to_read(
    services: Services, known: JoinedRecords
) -> None:
    stranger: Person = PEOPLE["relationship_manager"]
    assert services.manual_classes.list_newest(stranger) == []
    with pytest.raises(CreditError) as refused:
        services.manual_classes.read_customer(stranger, "c-1")
    assert refused.value.code == "not_found"
