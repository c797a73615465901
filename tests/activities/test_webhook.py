"""Webhooks delivered: at least once, in the order of each subject, and in nobody else's way."""

import ipaddress
import json
import random
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from activities.notification.courier import Courier, NotReached
from activities.notification.webhook import ATTEMPTS_MAX, WebhookDelivery
from domain.event import ReviewDue, Subject, SubjectKind
from domain.identity import Person, Role
from domain.notification import Channel
from domain.webhook import (
    BACK_OFF,
    DeliveryStatus,
    EndpointContent,
    EndpointStatus,
    Redelivery,
    reachable,
    secret_of,
    signature,
)
from storage.base import Records
from storage.event import Events
from storage.identity import Persons
from storage.notification import Outbox
from storage.webhook import Deliveries, Endpoints
from tests.activities.receiver import Receiver, receiving

SECRET = secret_of(b"s" * 32)
BEGAN = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Told:
    """Endpoints, events and a deliverer whose clock the test holds."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.at = datetime.now(UTC) + timedelta(seconds=1)
        self.delivery = WebhookDelivery(
            records, lambda sealed: sealed.encode(), private=True, now=lambda: self.at
        )

    def endpoint(self, endpoint_id: str, url: str, *kinds: str) -> None:
        with self.records.begin() as session:
            endpoints = Endpoints(session)
            content = EndpointContent(url=url, kinds=kinds)
            endpoints.record(endpoint_id, content, "operator")
            endpoints.secrets.add(endpoint_id, SECRET, person_id="operator", before_until=BEGAN)

    def event(self, line_id: str, n: int) -> None:
        with self.records.begin() as session:
            Events(session).post(a_review(line_id, n), f"{line_id}/{n}")

    def deliver(self, after: timedelta = timedelta(0)) -> int:
        self.at += after
        return self.delivery.deliver_due()

    def status(self, endpoint_id: str) -> EndpointStatus:
        with self.records.begin() as session:
            return Endpoints(session).read(endpoint_id).status


def a_review(line_id: str, n: int) -> ReviewDue:
    return ReviewDue(
        line_id=line_id,
        customer_id="c-1",
        review_id=f"review-{line_id}-{n}",
        cause="calendar",
        due_on=BEGAN.date(),
    )


@pytest.fixture
def told(records: Records) -> Told:
    return Told(records)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as kept:
        yield kept


def ns(received: list[bytes], line_id: str) -> list[int]:
    """The numbers of a line's events, in the order in which they came."""
    bodies = [json.loads(body) for body in received]
    return [each["sequence"] for each in bodies if each["subject"]["id"] == line_id]


# ── the stream ───────────────────────────────────────────────────────────────────────────────────


def test_events_of_a_subject_are_numbered_without_a_gap_whoever_writes_them(told: Told) -> None:
    """Repeats and rolled-back facts take no number, and writers side by side share one order."""

    def write(n: int) -> None:
        told.event("line-1", n)
        told.event("line-1", n)
        with told.records.begin() as session:
            Events(session).post(a_review("line-1", n + 1000), f"never/{n}")
            session.rollback()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(20)))
    told.event("line-2", 1)
    with told.records.begin() as session:
        of_line = Events(session).list_of(Subject(kind=SubjectKind.LINE, id="line-1"))
        other = Events(session).list_of(Subject(kind=SubjectKind.LINE, id="line-2"))
    assert [each.sequence for each in of_line] == list(range(1, 21))
    assert all(before.event_no < after.event_no for before, after in pairwise(of_line))
    assert [each.sequence for each in other] == [1]


def test_what_a_savepoint_takes_back_was_never_told(told: Told) -> None:
    with told.records.begin() as session:
        with session.begin_nested() as savepoint:
            Events(session).post(a_review("line-1", 1), "taken back")
            savepoint.rollback()
        with session.begin_nested():
            Events(session).post(a_review("line-1", 2), "kept")
    with told.records.begin() as session:
        [kept] = Events(session).list_of(Subject(kind=SubjectKind.LINE, id="line-1"))
    assert json.loads(kept.data)["review_id"] == "review-line-1-2"


# ── delivery ─────────────────────────────────────────────────────────────────────────────────────


def test_an_event_is_signed_and_says_its_subject_and_number(told: Told, receiver: Receiver) -> None:
    told.endpoint("e-1", receiver.url)
    told.event("line-1", 1)
    assert told.deliver() == 1
    [received] = receiver.received
    stamp = int(received.headers["webhook-timestamp"])
    wanted = signature(SECRET, received.headers["webhook-id"], stamp, received.body)
    assert received.headers["webhook-signature"] == wanted
    body = json.loads(received.body)
    assert (body["type"], body["sequence"]) == ("review.due", 1)
    assert body["subject"] == {"kind": "line", "id": "line-1"}
    assert told.deliver() == 0, "once it is taken, it is not sent again"


def test_an_endpoint_is_told_the_kinds_it_asked_for(told: Told, receiver: Receiver) -> None:
    told.endpoint("e-1", receiver.url, "line.frozen")
    told.event("line-1", 1)
    assert told.deliver() == 0


def test_while_one_waits_its_subject_waits_and_the_others_go_on(
    told: Told, receiver: Receiver
) -> None:
    told.endpoint("e-1", f"{receiver.url}/down")
    told.endpoint("e-2", f"{receiver.url}/up")
    receiver.statuses["/down"] = 500
    for n in (1, 2, 3):
        told.event("line-1", n)
        told.event("line-2", n)
    told.deliver()
    assert ns(receiver.bodies("/up"), "line-1") == ns(receiver.bodies("/up"), "line-2") == [1, 2, 3]
    assert ns(receiver.bodies("/down"), "line-1") == ns(receiver.bodies("/down"), "line-2") == [1]
    receiver.statuses.clear()
    told.deliver(timedelta(seconds=6))
    assert ns(receiver.bodies("/down"), "line-1") == [1, 1, 2, 3]
    ids = [each.headers["webhook-id"] for each in receiver.received if each.path == "/down"]
    assert len(set(ids)) == 6, "one id on every attempt"


def test_the_waits_are_those_of_the_specification(told: Told, receiver: Receiver) -> None:
    told.endpoint("e-1", receiver.url)
    receiver.status = 503
    told.event("line-1", 1)
    told.deliver()
    for number, wait in enumerate(BACK_OFF, 2):
        told.deliver(wait - timedelta(seconds=1))
        assert len(receiver.received) == number - 1
        told.deliver(timedelta(seconds=1))
        assert len(receiver.received) == number


def test_a_receiver_away_for_three_days_is_paused_with_a_notice_and_misses_nothing(
    told: Told, receiver: Receiver
) -> None:
    with told.records.begin() as session:
        Persons(session).record_person(
            Person(person_id="operator", title="Operator", roles=frozenset({Role.OPERATOR}))
        )
    told.endpoint("e-1", receiver.url)
    receiver.status = 502
    for hour in range(0, 90, 3):
        if hour < 60:
            told.event("line-1", hour)
        told.deliver(timedelta(hours=3))
    assert told.status("e-1") is EndpointStatus.PAUSED
    with told.records.begin() as session:
        [notice] = Outbox(session).find_page(channel=Channel.MAIL)
    assert (notice.kind, notice.recipient) == ("webhook_stopped", "person:operator")
    before = len(receiver.received)
    told.event("line-1", 99)
    told.deliver(timedelta(days=2))
    assert len(receiver.received) == before, "nothing is sent to a paused endpoint"

    receiver.status, receiver.received = 204, []
    with told.records.begin() as session:
        Endpoints(session).set_status("e-1", EndpointStatus.ACTIVE, "by_hand")
        Deliveries(session).hasten("e-1", told.at)
    assert told.deliver() == 21
    assert ns(receiver.bodies(), "line-1") == list(range(1, 22))


def test_what_a_receiver_alone_refuses_for_days_is_given_up_and_its_subject_goes_on(
    told: Told, receiver: Receiver
) -> None:
    told.endpoint("e-1", receiver.url)
    receiver.refused = {b'"id":"line-1"},"sequence":1,'}
    told.event("line-1", 1)
    told.event("line-1", 2)
    for day in range(40):
        told.event("line-2", day)
        told.deliver(timedelta(hours=2))
    assert ns(receiver.bodies(), "line-1")[-2:] == [1, 2]
    assert ns(receiver.bodies(), "line-2") == list(range(1, 41))
    assert told.status("e-1") is EndpointStatus.ACTIVE
    with told.records.begin() as session:
        [given_up] = Deliveries(session).find_page(status=DeliveryStatus.GIVEN_UP)
    assert (given_up.sequence, given_up.last_error) == (1, "status_400")


def test_a_receiver_that_is_gone_is_disabled(told: Told, receiver: Receiver) -> None:
    told.endpoint("e-1", receiver.url)
    receiver.status = 410
    told.event("line-1", 1)
    told.deliver()
    assert told.status("e-1") is EndpointStatus.DISABLED
    told.event("line-1", 2)
    assert told.deliver(timedelta(days=9)) == 0
    assert len(receiver.received) == 1


def test_a_range_is_sent_again_under_the_same_ids_and_as_the_same_bytes(
    told: Told, receiver: Receiver
) -> None:
    told.event("line-1", 1)  # nobody was told of this one
    told.endpoint("e-1", receiver.url)
    told.event("line-1", 2)
    told.deliver()
    first = receiver.received
    wanted = Redelivery(since=told.at - timedelta(hours=1), until=told.at + timedelta(hours=1))
    with told.records.begin() as session:
        only = wanted.model_copy(update={"undelivered_only": True})
        assert Deliveries(session).redeliver_range("e-1", only, told.at) == 1
    with told.records.begin() as session:
        assert Deliveries(session).redeliver_range("e-1", wanted, told.at) == 2
    receiver.received = []
    assert told.deliver() == 2
    assert ns(receiver.bodies(), "line-1") == [1, 2]
    assert receiver.received[1].body == first[0].body
    assert receiver.received[1].headers["webhook-id"] == first[0].headers["webhook-id"]


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_outages_all_arrives_in_the_order_of_each_subject(
    told: Told, receiver: Receiver, seed: int
) -> None:
    """A hundred outages of random length, with events before, during and after them."""
    chance = random.Random(seed)
    told.endpoint("e-1", receiver.url)
    for n in range(100):
        for line in range(3):
            told.event(f"line-{line}", n)
        receiver.status = chance.choice([200, 404, 429, 500, 503])
        told.deliver(timedelta(seconds=chance.choice([0, 1, 6, 400, 2_000, 9_000])))
        receiver.status = 200
        told.deliver(timedelta(seconds=chance.choice([0, 5, 301])))
    told.deliver(timedelta(hours=11))
    ids: dict[bytes, set[str]] = {}
    for each in receiver.received:
        ids.setdefault(each.body, set()).add(each.headers["webhook-id"])
    assert all(len(each) == 1 for each in ids.values()), "one id on every attempt"
    for line in range(3):
        numbers = ns(receiver.bodies(), f"line-{line}")
        assert numbers == sorted(numbers), "never a later one before an earlier one"
        assert set(numbers) == set(range(1, 101))


def test_every_attempt_is_in_the_log_with_status_and_the_first_of_the_answer(
    told: Told, receiver: Receiver
) -> None:
    told.endpoint("e-1", receiver.url)
    receiver.status, receiver.answer = 500, b"no\x00room " * 2000
    told.event("line-1", 1)
    told.deliver()
    receiver.status = 200
    told.deliver(timedelta(seconds=5))
    with told.records.begin() as session:
        [delivery] = Deliveries(session).find_page(status=DeliveryStatus.DELIVERED)
        log = Deliveries(session).attempts(delivery.delivery_no)
    assert [(each.answer_status, each.error) for each in log] == [(500, "status_500"), (200, "")]
    assert log[0].answer.startswith("no room no room")
    assert len(log[0].answer) == 500


def test_slow_receivers_hold_up_nobody_else(told: Told, receiver: Receiver) -> None:
    """While every attempt at one endpoint hangs, another is told all there is to tell."""
    with receiving() as slow:
        slow.hold.clear()
        told.endpoint("e-1", slow.url)
        told.endpoint("e-2", receiver.url)
        for n in range(40):
            told.event(f"line-{n}", 1)
        delivery = told.delivery
        under_way: list[str] = []
        with ThreadPoolExecutor(ATTEMPTS_MAX) as couriers:
            while len(receiver.received) < 40:
                for due in delivery._claim(counted(under_way), ATTEMPTS_MAX):
                    if due.endpoint_id == "e-1":
                        under_way.append(due.endpoint_id)
                        couriers.submit(delivery.attempt, due)
                    else:
                        delivery.attempt(due)
            assert len(under_way) <= 4
            slow.hold.set()


def counted(endpoint_ids: list[str]) -> Counter[str]:
    return Counter(endpoint_ids)


# ── where it may go ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "headers"), [(302, {"location": "/elsewhere"}), (307, {"location": "/elsewhere"})]
)
def test_a_redirect_is_not_followed(
    receiver: Receiver, status: int, headers: dict[str, str]
) -> None:
    receiver.status, receiver.headers = status, headers
    answered = Courier(private=True).post(receiver.url, b"{}", {})
    assert answered.status == status
    assert [each.path for each in receiver.received] == ["/"]


def test_a_name_is_looked_up_once_and_the_address_that_was_looked_at_is_connected_to(
    receiver: Receiver,
) -> None:
    """A resolver whose second answer leads inside is never asked a second time."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    courier = Courier(private=True, resolve=lambda host, port: next(answers))
    url = f"http://receiver.example:{receiver.port}/"
    assert courier.post(url, b"{}", {}).status == 200
    assert receiver.received[0].headers["host"] == f"receiver.example:{receiver.port}"
    assert next(answers) == ["127.0.0.2"]


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"],
        ["127.0.0.1"],
        ["::1"],
        ["93.184.215.14", "192.168.1.1"],
        ["::ffff:10.0.0.1"],
        [],
    ],
)
def test_a_name_that_leads_inside_is_not_connected_to(addresses: list[str]) -> None:
    courier = Courier(private=False, resolve=lambda host, port: addresses)
    with pytest.raises(NotReached) as refused:
        courier.post("https://receiver.example/", b"{}", {})
    assert refused.value.code == "address_refused"


def test_in_clear_text_nothing_leaves_the_machine() -> None:
    courier = Courier(private=True, resolve=lambda host, port: ["10.0.0.1"])
    with pytest.raises(NotReached) as refused:
        courier.post("http://localhost/", b"{}", {})
    assert refused.value.code == "address_refused"


INSIDE = ("10.1.2.3", "172.16.0.1", "192.168.0.1", "127.0.0.1", "100.64.0.1", "::1", "fd00::1")
NOWHERE = ("0.0.0.0", "169.254.169.254", "fe80::1", "224.0.0.1", "ff02::1", "255.255.255.255")
CLOTHED = ("::ffff:169.254.169.254", "2002:a9fe:a9fe::1", "64:ff9b::a9fe:a9fe", "::ffff:0.0.0.0")


def test_addresses_inside_are_reached_where_that_is_allowed_and_some_never() -> None:
    for text in INSIDE:
        address = ipaddress.ip_address(text)
        assert not reachable(address, private=False), text
        assert reachable(address, private=True), text
    for text in (*NOWHERE, *CLOTHED):
        assert not reachable(ipaddress.ip_address(text), private=True), text
    assert reachable(ipaddress.ip_address("93.184.215.14"), private=False)


@given(st.ip_addresses(v=4))
def test_an_address_in_the_clothes_of_another_counts_as_itself(
    address: ipaddress.IPv4Address,
) -> None:
    for private in (False, True):
        mapped = ipaddress.IPv6Address(f"::ffff:{address}")
        assert reachable(mapped, private=private) == reachable(address, private=private)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of `receiver.example`, signed by nobody else, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("receiver.example")]), False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.mark.parametrize(
    ("host", "trusted", "taken"),
    [
        ("receiver.example", True, True),
        ("receiver.example", False, False),
        ("other.example", True, False),
    ],
)
def test_over_https_a_receiver_shows_that_it_is_the_one_that_was_meant(
    certificate: tuple[Path, Path], host: str, trusted: bool, taken: bool
) -> None:
    tls = ssl.create_default_context(cafile=str(certificate[0]) if trusted else None)
    courier = Courier(private=True, resolve=lambda name, port: ["127.0.0.1"], tls=tls)
    with receiving(certificate=certificate) as receiver:
        url = f"https://{host}:{receiver.port}/"
        if taken:
            assert courier.post(url, b"{}", {}).status == 200
        else:
            with pytest.raises(NotReached) as refused:
                courier.post(url, b"{}", {})
            assert refused.value.code == "tls"
    assert len(receiver.received) == taken


def test_a_receiver_that_answers_byte_by_byte_is_cut_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not ended.wait(0.05):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        courier = Courier(private=True, seconds_max=0.5)
        with pytest.raises(NotReached) as cut:
            courier.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {})
        ended.set()
        thread.join()
    assert cut.value.code == "timeout"
