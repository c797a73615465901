"""Uses of a facility by API: what each product takes, what is refused by name, and what moves."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from creditflow.client import Client, Money
from creditflow.client.values import Use
from creditflow.commands.output import Exit
from domain.customer import CustomerContent
from domain.edition import PolicyEdition
from domain.exposure import Fitting, SubLimit, UseBounds
from storage.edition import Editions, shipped_text
from tests.makers_line import LINE_ID, cny, open_line
from tests.web.people import KEYS, PEOPLE, as_
from tests.web.test_commands import Terminal
from web.service.clock import Clock
from web.service.services import Services

ON = Clock().business_on()
# Every use is had at once: which ones are approved first is `test_uses`.
UNMARKED = PolicyEdition.of_toml("[uses]\nrows = []\n", shipped_text("standard"))
LIMIT = cny(20_000_000)
SUB_LINES = (
    SubLimit(product="working_capital_loan", limit=cny(12_000_000), tenor_months=12),
    SubLimit(
        product="bank_acceptance",
        limit=cny(10_000_000),
        tenor_months=6,
        deposit_share=Decimal("0.3"),
    ),
    SubLimit(product="letter_of_guarantee", limit=cny(5_000_000), revolving=False),
)


BY_NAME = cny(60_000_000)


@pytest.fixture
def facility(services: Services) -> str:
    with services.records.begin() as session:
        Editions(session).publish(UNMARKED, shipped_text("standard"), "test")
    content = CustomerContent(name="Ironbridge Castings")
    customer_id = services.customers.record(PEOPLE["everybody"], content).customer_id
    dates = {"starts_on": ON, "last_draw_on": ON + timedelta(days=300)}
    dates |= {"ends_on": ON + timedelta(days=330), "review_due_on": ON + timedelta(days=200)}
    fitting = Fitting(matures_by=ON + timedelta(days=400), nominal_limit=BY_NAME)
    bounds = UseBounds(fitting=fitting, sub_lines=SUB_LINES)
    open_line(services.records, customer_id=customer_id, limit=LIMIT, bounds=bounds, **dates)
    return LINE_ID


def asking(amount: int, **use: Any) -> dict[str, Any]:
    if "deposit" in use:
        use["deposit"] = money(use["deposit"])
    return {"amount": money(amount), "use": use}


def money(amount: int) -> dict[str, str]:
    return {"amount": f"{amount}.00", "currency": "CNY"}


async def does(
    api: httpx.AsyncClient, line_id: str, verb: str, body: dict[str, Any], by: str = "order_system"
) -> tuple[int, dict[str, Any]]:
    answer = await api.post(f"/api/v1/lines/{line_id}/{verb}", json=body, headers=as_(by))
    return answer.status_code, answer.json()


async def test_an_acceptance_with_three_tenths_deposit_takes_seven_tenths_of_its_name(
    api: httpx.AsyncClient, facility: str
) -> None:
    body = asking(10_000_000, product="bank_acceptance", deposit=3_000_000)
    _, taken = await does(api, facility, "reserve", body)
    assert taken["amount"] == money(7_000_000)
    assert taken["headroom"] == money(3_000_000)
    assert taken["binding"] == f"sub_line/{facility}/bank_acceptance"

    committed = {"reservation_id": taken["reservation_id"]}
    await does(api, facility, "commit", committed)
    topped = {"amount": money(1_000_000), "product": "bank_acceptance"}
    _, after = await does(api, facility, "deposit", topped)
    assert (after["used"], after["headroom"]) == (money(6_000_000), money(4_000_000))

    status, refusal = await does(
        api, facility, "deposit-back", {"amount": money(4_000_001), "product": "bank_acceptance"}
    )
    assert (status, refusal["code"]) == (422, "more_than_deposited")
    _, back = await does(api, facility, "deposit-back", topped)
    assert back["used"] == money(7_000_000)


async def test_a_use_that_a_deposit_covers_wholly_takes_nothing(
    api: httpx.AsyncClient, facility: str
) -> None:
    body = asking(50_000_000, product="bank_acceptance", deposit=50_000_000)
    status, taken = await does(api, facility, "reserve", body)
    assert (status, taken["reserved"]) == (201, money(0))


async def test_what_is_lent_by_name_is_capped_whatever_deposits_cover(
    api: httpx.AsyncClient, facility: str
) -> None:
    body = asking(50_000_000, product="bank_acceptance", deposit=50_000_000)
    await does(api, facility, "reserve", body)
    more = asking(10_000_001, product="bank_acceptance", deposit=10_000_001)
    keyed = as_("order_system") | {"Idempotency-Key": "more"}
    for _ in range(2):  # a refusal stands under its key, and is told again
        answer = await api.post(f"/api/v1/lines/{facility}/reserve", json=more, headers=keyed)
        assert (answer.status_code, answer.json()["code"]) == (422, "over_nominal")
        assert "CNY 10,000,000.00 left" in answer.json()["detail"]
    page = (await api.get(f"/api/v1/lines/{facility}/entries", headers=as_("auditor"))).json()
    assert page["balances"][0]["nominal_limit"] == money(60_000_000)


async def test_what_a_deposit_covers_wholly_ends_by_its_name(
    api: httpx.AsyncClient, facility: str
) -> None:
    body = asking(50_000_000, product="bank_acceptance", deposit=50_000_000)
    _, taken = await does(api, facility, "reserve", body)
    await does(api, facility, "commit", {"reservation_id": taken["reservation_id"]})
    nothing = {"amount": money(0), "product": "bank_acceptance"}
    status, refusal = await does(api, facility, "repay", nothing)
    assert (status, refusal["code"]) == (422, "amount_not_positive")
    status, _ = await does(api, facility, "repay", nothing | {"nominal": money(50_000_000)})
    assert status == 201
    page = (await api.get(f"/api/v1/lines/{facility}/entries", headers=as_("auditor"))).json()
    assert page["balances"][0]["nominal"] is None


async def test_a_guarantee_takes_its_factor_and_is_used_up_by_what_comes_back(
    api: httpx.AsyncClient, facility: str
) -> None:
    body = asking(10_000_000, product="letter_of_guarantee")
    _, taken = await does(api, facility, "reserve", body)
    assert taken["reserved"] == money(5_000_000)
    await does(api, facility, "commit", {"reservation_id": taken["reservation_id"]})
    repaid = {"amount": money(5_000_000), "product": "letter_of_guarantee"}
    _, after = await does(api, facility, "repay", repaid)
    assert (after["used"], after["headroom"]) == (money(0), money(0))
    status, refusal = await does(api, facility, "reserve", asking(1, product="letter_of_guarantee"))
    assert (status, refusal["code"]) == (422, "over_limit")


@pytest.mark.parametrize(
    ("use", "code"),
    [
        ({}, "product_missing"),
        ({"product": "factoring"}, "product_refused"),
        ({"product": "bank_acceptance", "deposit": 20}, "deposit_too_low"),
        ({"product": "bank_acceptance", "deposit": 30, "due_on": 200}, "tenor_exceeded"),
        ({"product": "letter_of_guarantee", "due_on": 401}, "matures_late"),
        ({"product": "no_such"}, "product_unknown"),
        ({"product": "bank_acceptance", "deposit": -1}, "amount_not_positive"),
    ],
)
async def test_a_use_that_the_facility_is_not_for_is_refused_by_name(
    api: httpx.AsyncClient, facility: str, use: dict[str, Any], code: str
) -> None:
    if "due_on" in use:
        use = use | {"due_on": (ON + timedelta(days=use["due_on"])).isoformat()}
    status, refusal = await does(api, facility, "reserve", asking(100, **use))
    assert (status, refusal["code"]) == (422, code), refusal
    again, _ = await does(api, facility, "reserve", asking(100, product="working_capital_loan"))
    assert again == 201


async def test_part_of_a_reservation_is_used_and_the_rest_stays_for_what_is_to_come(
    api: httpx.AsyncClient, facility: str
) -> None:
    _, taken = await does(api, facility, "reserve", asking(100, product="working_capital_loan"))
    first = {"reservation_id": taken["reservation_id"], "amount": money(30), "keep_rest": True}
    _, used = await does(api, facility, "commit", first)
    (rest,) = used["kept"]
    assert (used["used"], used["reserved"]) == (money(30), money(70))
    cut = {"reservation_id": rest, "parts": [money(50), money(20)]}
    _, parts = await does(api, facility, "split", cut)
    assert len(parts["kept"]) == 2
    _, after = await does(
        api, facility, "release", {"reservation_id": parts["kept"][0], "amount": money(10)}
    )
    assert (after["used"], after["reserved"]) == (money(30), money(60))


async def test_an_exchange_moves_what_is_free_and_the_sum_stays(
    api: httpx.AsyncClient, facility: str
) -> None:
    await does(api, facility, "reserve", asking(11_000_000, product="working_capital_loan"))
    move = {"source": "working_capital_loan", "target": "bank_acceptance"}
    status, refusal = await does(
        api, facility, "exchange", move | {"amount": money(1_000_001)}, by="risk_officer"
    )
    assert (status, refusal["code"]) == (422, "over_limit")
    _, moved = await does(
        api, facility, "exchange", move | {"amount": money(1_000_000)}, by="risk_officer"
    )
    limits = {each["account"].split("/")[-1]: each["limit"]["amount"] for each in moved["items"]}
    line = (await api.get(f"/api/v1/lines/{facility}", headers=as_("risk_officer"))).json()
    [told] = [each for each in line["events"] if each["kind"] == "limit_exchanged"]
    assert (told["person_id"], told["facts"]["given_by"], told["facts"]["taken_by"]) == (
        "risk_officer",
        "working_capital_loan",
        "bank_acceptance",
    )
    assert limits["working_capital_loan"] == money(11_000_000)
    assert limits["bank_acceptance"] == money(11_000_000)
    for source, target in (
        ("bank_acceptance", "working_capital_loan"),
        ("letter_of_guarantee", "bank_acceptance"),
    ):
        body = {"source": source, "target": target, "amount": money(1)}
        status, refusal = await does(api, facility, "exchange", body, by="risk_officer")
        assert (status, refusal["code"]) == (422, "exchange_refused")
    status, refusal = await does(api, facility, "exchange", move | {"amount": money(1)})
    assert (status, refusal["code"]) == (403, "not_permitted")


async def test_what_is_repaid_for_an_earlier_day_changes_that_day_for_who_asks_later(
    api: httpx.AsyncClient, facility: str
) -> None:
    _, taken = await does(api, facility, "reserve", asking(100, product="working_capital_loan"))
    await does(api, facility, "commit", {"reservation_id": taken["reservation_id"]})
    known_at = Clock().now().isoformat()
    body = {"amount": money(40), "product": "working_capital_loan", "value_on": ON.isoformat()}
    assert (await does(api, facility, "repay", body))[0] == 201

    async def used(**asked: str) -> object:
        path = f"/api/v1/lines/{facility}/balance"
        answer = await api.get(path, params=asked, headers=as_("risk_officer"))
        return answer.json().get("used", answer.json().get("code"))

    assert await used(on=ON.isoformat()) == money(60)
    assert await used(on=ON.isoformat(), known_at=known_at) == money(100)
    assert await used(on="2026-03-01") == "not_found"
    later = body | {"value_on": (ON + timedelta(days=1)).isoformat()}
    assert (await does(api, facility, "repay", later))[1]["code"] == "date_in_future"


async def test_a_proof_goes_on_from_the_place_that_an_earlier_call_answered_with(
    api: httpx.AsyncClient, facility: str
) -> None:
    await does(api, facility, "reserve", asking(100, product="working_capital_loan"))
    place: dict[str, Any] = {}
    shares: list[Decimal] = []
    while True:
        body = {"place": place, "seconds": 0}
        answer = await api.post("/api/v1/ledger/verify/step", json=body, headers=as_("auditor"))
        found = answer.json()
        place = found["place"]
        shares.append(Decimal(found["share"]))
        if found["proof"] is not None:
            break
    assert found["proof"]["discrepancies"] == []
    assert found["proof"]["reservations_open"] == 1
    assert len(shares) > 1
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_terminal_tells_the_use_and_the_proof(facility: str, tmp_path: Path, served: str) -> None:
    (tmp_path / "users.json").write_text("{}")
    terminal = Terminal(served, tmp_path)
    words = ("line", facility, "reserve", "10000000.00", "CNY", "--product", "bank_acceptance")
    ending, taken = terminal.asks(*words, "--deposit", "3000000.00", as_="order_system")
    assert (ending, taken["amount"]) == (Exit.DONE, money(7_000_000))
    ending, refusal = terminal.asks(*words, as_="order_system")
    assert (ending, refusal["code"]) == (Exit.REFUSED, "deposit_too_low")
    ending, proof = terminal.asks("ledger", "verify", as_="auditor")
    assert (ending, proof["discrepancies"]) == (Exit.DONE, [])
    with Client(served, KEYS["order_system"]) as client:
        use = Use(product="working_capital_loan")
        made = client.reserve(facility, Money.of("100.00", "CNY"), use=use)
        kept = client.split(facility, made.reservation_id or "", [Money.of("60.00", "CNY")]).kept
        assert len(kept) == 1
    shown = terminal.types(
        "line", facility, "split", kept[0], "CNY", "20", key=KEYS["order_system"]
    )
    (again,) = [line for line in shown.stdout.splitlines() if line.startswith("kept")]
    assert len(again.split()[1]) == 36, "what was kept can be used from what is said here"
