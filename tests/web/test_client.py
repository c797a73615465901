"""Does the Python client say what the API says, and try again only where that is safe?"""

import inspect
from collections.abc import Iterator
from decimal import Decimal

import httpx
import pytest

from creditflow.client import (
    AsyncClient,
    Client,
    CoverContent,
    CoverUse,
    Malformed,
    Money,
    NotFound,
    NotPermitted,
    NotSignedIn,
    Retrying,
    Unreached,
)
from storage.edition import Editions, read_shipped, shipped_text
from tests.web.people import KEYS
from web.service.services import Services

AT_ONCE = Retrying(attempts_max=4, seconds_first=0)


@pytest.fixture
def manager(served: str) -> Iterator[Client]:
    with Client(served, KEYS["relationship_manager"]) as client:
        yield client


def test_what_is_written_is_read_again(manager: Client) -> None:
    made = manager.record_customer("Example Ltd", country="GB", key="k-1")
    assert manager.record_customer("Example Ltd", country="GB", key="k-1") == made
    assert manager.fetch_customer(made.customer_id) == made
    assert list(manager.list_customers()) == [made]


def test_lists_turn_their_pages_by_themselves(manager: Client) -> None:
    made = {manager.record_customer(f"Example {number} Ltd").customer_id for number in range(60)}
    listed = [customer.customer_id for customer in manager.list_customers()]
    assert len(listed) == 60
    assert set(listed) == made


def test_a_refusal_has_its_code_its_fields_and_its_request(manager: Client) -> None:
    with pytest.raises(Malformed) as refused:
        manager.record_customer("", country="nowhere")
    assert {error.field for error in refused.value.errors} == {"body.name", "body.country"}
    assert refused.value.request_id
    with pytest.raises(NotFound):
        manager.fetch_case("no-such-case")
    with pytest.raises(NotPermitted) as forbidden:
        manager.verify_ledger()
    assert forbidden.value.code == "not_permitted"


def test_a_wrong_key_and_a_missing_one_are_not_signed_in(
    served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Client(served, "cf_wrong") as client, pytest.raises(NotSignedIn):
        client.fetch_me()
    monkeypatch.delenv("CREDITFLOW_KEY", raising=False)
    with pytest.raises(NotSignedIn):
        Client(served)


def test_no_secret_is_shown(manager: Client) -> None:
    issued = manager.issue_key("relationship_manager", "orders")
    assert issued.key not in f"{issued!r} {issued} {manager!r}"
    assert KEYS["relationship_manager"] not in repr(manager)


def test_a_cover_is_recorded_by_one_client_and_confirmed_by_another(
    manager: Client, served: str, services: Services
) -> None:
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
    customer_id = manager.record_customer("Example Ltd").customer_id
    content = CoverContent(
        kind="deposit",
        owner=customer_id,
        value=Money.of(100, "CNY"),
        source="deposit agreement",
        uses=(CoverUse(customer_id=customer_id, amount=Money.of(80, "CNY")),),
    )
    made = manager.record_cover(content)
    with Client(served, KEYS["release_officer"]) as release:
        assert [each.cover_id for each in release.fetch_pending_covers()] == [made.cover_id]
        release.check_cover(made.cover_id, made.version, confirmed=True)
    lower = content.model_copy(update={"value": Money.of(60, "CNY")})
    assert manager.record_cover(lower, made.cover_id).standing == lower
    assert manager.fetch_cover(made.cover_id).version == 2
    assert manager.fetch_covers(customer_id).uplift == Money.of("60.00", "CNY")


async def test_the_asynchronous_client_answers_alike(served: str) -> None:
    async with AsyncClient(served, KEYS["relationship_manager"]) as client:
        made = await client.record_customer("Example Ltd")
        assert [customer async for customer in client.list_customers()] == [made]
        assert (await client.fetch_me()).person.person_id == "relationship_manager"


def test_both_clients_have_the_same_methods() -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(member).parameters)
            for name, member in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert methods(Client) == methods(AsyncClient)


def test_an_amount_is_exact_and_never_a_float() -> None:
    assert Money.of("0.10", "CNY").amount == Decimal("0.10")
    assert Money.of("1E+5", "CNY").model_dump(mode="json") == {
        "amount": "100000",
        "currency": "CNY",
    }
    assert Money.model_validate_json('{"amount": "0.10", "currency": "CNY"}').amount == Decimal(
        "0.10"
    )
    with pytest.raises(TypeError):
        Money.of(0.1, "CNY")  # type: ignore[arg-type]


class Faulty(httpx.BaseTransport):
    """A server that breaks off or puts off, in the order given, and then answers."""

    def __init__(self, *faults: Exception | int) -> None:
        self.faults = list(faults)
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.faults:
            fault = self.faults.pop(0)
            if isinstance(fault, Exception):
                raise fault
            code = "key_in_flight" if fault == 409 else "unavailable"
            return httpx.Response(fault, json={"code": code, "detail": "-"})
        return httpx.Response(
            200, json={"customer_id": "c-1", "name": "Example Ltd", "manager_id": "manager"}
        )


def a_client(faulty: Faulty) -> Client:
    return Client("http://test", "cf_key", transport=faulty, retrying=AT_ONCE)


def test_a_write_is_repeated_under_the_same_key() -> None:
    faulty = Faulty(httpx.ReadTimeout("cut"), 503, 409)
    assert a_client(faulty).record_customer("Example Ltd").customer_id == "c-1"
    keys = {request.headers["idempotency-key"] for request in faulty.requests}
    assert len(faulty.requests) == 4
    assert len(keys) == 1


def test_after_so_many_attempts_it_is_given_up() -> None:
    faulty = Faulty(*[httpx.ReadTimeout("cut")] * 9)
    with pytest.raises(Unreached):
        a_client(faulty).fetch_customer("c-1")
    assert len(faulty.requests) == AT_ONCE.attempts_max


def test_what_makes_another_each_time_is_not_repeated_unless_it_never_left() -> None:
    cut = Faulty(httpx.ReadTimeout("cut"))
    with pytest.raises(Unreached):
        a_client(cut).issue_key("manager")
    assert len(cut.requests) == 1
    unsent = Faulty(*[httpx.ConnectError("refused")] * 2, 500)
    with pytest.raises(Unreached):
        a_client(unsent).issue_key("manager")
    assert len(unsent.requests) == 3


def test_a_check_without_a_key_is_sent_without_one() -> None:
    faulty = Faulty(404)
    with pytest.raises(NotFound):
        a_client(faulty).check("c-1", Money.of("5", "CNY"))
    assert "idempotency-key" not in faulty.requests[0].headers
