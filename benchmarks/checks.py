"""Checks a second through HTTP: reserving under a key, against an endpoint that does nothing.

One web process as the product runs it, and clients that keep their connection, all in turn. What
an order system gets is this; what the ledger can do is `benchmarks/exposure.py`, which prints it.
"""

import http.client
import json
import logging
import multiprocessing
import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import structlog
import uvicorn

from domain.identity import Person, Role
from storage.base import Records
from storage.exposure import Exposure
from storage.identity import ApiKeys, Persons
from web.app import assemble
from web.service.clock import Clock
from web.service.once import JoinedRecords
from web.service.services import build_services
from workflows.codec import Codec

KEY = "cf_bench_key_of_the_order_system"
CLIENTS = 8


def prepare(url: str, lines: int) -> None:
    """An order system with its key, and lines that may be used today."""
    records = Records(url)
    with records.begin() as session:
        Persons(session).record_person(
            Person(person_id="orders", title="order system", roles=frozenset({Role.ORDER_SYSTEM}))
        )
        ApiKeys(session).record_key("orders", KEY)
    records.close()
    connection = psycopg2.connect(url.replace("+psycopg2", "", 1))
    on = Clock().business_on()
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "UPDATE exposure_account SET starts_on = %s, last_draw_on = %s, ends_on = %s"
            " WHERE kind = 'line'",
            (on, on, on),
        )
    connection.close()


def measured(url: str, seconds: float, rounds: int, lines: int) -> dict[str, Any]:
    """Checks and empty answers a second, taken in turn; the round of the middle ratio."""
    pairs = []
    with web_process(url) as port:
        for _ in range(rounds):
            empty = _rate(port, seconds, lines, empty=True)
            ours = _rate(port, seconds, lines, empty=False)
            pairs.append((ours[0] / empty[0], ours, empty))
    ratio, ours, empty = sorted(pairs)[len(pairs) // 2]
    return {
        "ratio": round(ratio, 3),
        "ours": round(ours[0], 1),
        "limit": round(empty[0], 1),
        "unit": "checks/s of one web process",
        "p50_ms": round(ours[1], 2),
        "p99_ms": round(ours[2], 2),
        "clients": CLIENTS,
    }


@contextmanager
def web_process(url: str) -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        port: int = listening.getsockname()[1]
        process = multiprocessing.Process(target=_serve, args=(url, listening), daemon=True)
        process.start()
        try:
            _wait(port)
            yield port
        finally:
            process.terminate()
            process.join()


def _serve(url: str, listening: socket.socket) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    records = JoinedRecords(url, connections_max=20)
    exposure = Exposure(records, connections_max=20)
    away: Any = None  # nothing here asks Temporal
    services = build_services(records, exposure, away, Clock(), Codec(bytes(32)))
    app = assemble(services, public_url="http://127.0.0.1:1")
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    server.run(sockets=[listening])


def _wait(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the web process does not answer")


def _rate(port: int, seconds: float, lines: int, *, empty: bool) -> tuple[float, float, float]:
    barrier = multiprocessing.Barrier(CLIENTS)
    results: Any = multiprocessing.Queue()
    processes = [
        multiprocessing.Process(
            target=_client, args=(port, seconds, lines, n, empty, barrier, results)
        )
        for n in range(CLIENTS)
    ]
    for process in processes:
        process.start()
    answers = [results.get(timeout=seconds + 60) for _ in processes]
    for process in processes:
        process.join()
    rates, p50s, p99s = zip(*answers, strict=True)
    return sum(rates), sorted(p50s)[CLIENTS // 2], max(p99s)


def _client(
    port: int, seconds: float, lines: int, number: int, empty: bool, barrier: Any, results: Any
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    chance, name = random.Random(number), f"{number}-{time.time_ns()}"
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}

    def once(n: int) -> None:
        if empty:
            connection.request("GET", "/healthz", headers=headers)
        else:
            body = {
                "customer_id": f"customer-{chance.randrange(lines)}",
                "amount": {"amount": "1.00", "currency": "CNY"},
            }
            connection.request(
                "POST",
                "/api/v1/checks",
                json.dumps(body),
                {**headers, "Idempotency-Key": f"{name}-{n}"},
            )
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content

    for n in range(5):
        once(-n - 1)
    barrier.wait()
    took: list[float] = []
    began = now = time.perf_counter()
    while now - began < seconds:
        once(len(took))
        before, now = now, time.perf_counter()
        took.append(1000 * (now - before))
    took.sort()
    results.put((len(took) / (now - began), took[len(took) // 2], took[int(len(took) * 0.99)]))
