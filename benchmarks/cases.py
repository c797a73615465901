"""Cases a second against a bare workflow of the same steps, in one run on the same servers.

    python -m benchmarks.cases [--json] [--full]

Straight through: submit → recorded → assessed → automatic lane → approved, one workflow, no child
(a pre-approval, whose letter is its end). Whole road: on to the agreement, the customer's
signature and the active line. Ours goes through the services that API and console use, encrypts
what Temporal keeps, and judges real dossiers; the bare form keeps one row for each of the steps
named above, unencrypted. `transactions` compares with a bare form of only as many steps as ours
takes transactions, two. Notices are written by both roads of ours; delivering the mails is not
measured here.
"""

import argparse
import asyncio
import base64
import json
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2
from sqlalchemy import text
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import (
    PollerBehaviorSimpleMaximum,
    UnsandboxedWorkflowRunner,
    Worker,
)

from activities.documents.sealing import Sealing
from benchmarks.asked import Counter
from benchmarks.bare_cases import (
    QUEUE,
    TABLE,
    BareCase,
    BareContract,
    BareLine,
    BareSteps,
    BareTransactions,
    BareWord,
)
from benchmarks.servers import Servers, cpu_seconds, servers
from creditflow.stack.home import PROJECT
from creditflow.stack.launch import start, stop
from creditflow.stack.users import SEATS
from domain.application import Application, ApplicationType
from domain.contract import Grantor
from domain.customer import Identifier, IdentifierScheme
from domain.edition import PolicyEdition
from domain.exchange import Rate
from domain.identity import Person, Role
from domain.money import Money
from domain.notification import Channel, OutboxTurn
from settings import Profile, Settings
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions, shipped_text
from storage.exchange import Rates
from storage.exposure import Exposure
from storage.identity import Persons
from storage.statement import Statements
from tests.makers_contract import a_letter
from tests.makers_policy import a_customer, a_statement
from web.service.clock import Clock
from web.service.gateway import TemporalGateway
from web.service.once import JoinedRecords
from web.service.services import Services, build_services
from worker import steps_of, working
from workflows.codec import Codec, data_converter
from workflows.names import CASES_QUEUE, application_id
from workflows.outbox import OutboxWorkflow

KEY = bytes(range(32))
ASKED = "worker.asked"  # what the worker has asked the database, in the servers' folder
MANAGER = Person(person_id="manager", title="manager", roles=frozenset({Role.RELATIONSHIP_MANAGER}))
# The standard edition without the draw and the daily ceiling that would send cases to people.
EDITION = PolicyEdition.of_toml(
    "[approval.automatic]\nsampling_share = 0\ndaily_amount_max = 1000000000000\n",
    shipped_text("standard"),
)
_LINKS = text(
    "SELECT entry_no, case_id, facts->>'link' FROM outbox"
    " WHERE facts ? 'link' AND entry_no > :after ORDER BY entry_no"
)


class Measured(NamedTuple):
    cases_per_second: float
    cpu_ms: float  # a case, over all processes
    p50_ms: float


# ── the worker process ───────────────────────────────────────────────────────────────────────────


def _settings(url: str, folder: Path) -> Settings:
    return Settings(
        profile=Profile.EMBEDDED,
        database_url=url,
        codec_key=base64.b64encode(KEY).decode(),
        public_url="http://127.0.0.1:1",
        data_dir=folder,
        worker_threads=40,
    )


async def _work(url: str, address: str, folder: Path) -> None:
    """The product's worker and the bare one, side by side in one process."""
    records = Records(url, connections_max=45)
    Counter(records.engine, folder / ASKED)
    settings = _settings(url, folder)
    grantor = Grantor(name=settings.grantor_name_en, name_zh=settings.grantor_name)
    sealing = Sealing.open(folder / "seals", grantor, datetime.now(UTC))
    bare = BareSteps(url, sealing, a_letter(), a_customer())
    product = await Client.connect(
        address, namespace="credit", data_converter=data_converter(Codec(KEY))
    )
    plain = await Client.connect(
        address, namespace="credit", data_converter=pydantic_data_converter
    )
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with AsyncExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(40))
        await stack.enter_async_context(working(settings, records, product))
        await stack.enter_async_context(
            Worker(
                plain,
                task_queue=QUEUE,
                workflows=[BareCase, BareTransactions, BareContract, BareLine, BareWord],
                activities=steps_of(bare),
                activity_executor=threads,
                workflow_runner=UnsandboxedWorkflowRunner(),
                max_concurrent_activities=40,
                workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(20),
                activity_task_poller_behavior=PollerBehaviorSimpleMaximum(20),
            )
        )
        await stopped.wait()


@contextmanager
def worker_of(found: Servers) -> Iterator[int]:
    """A worker process for as long as the block runs; it dies with whoever started it."""
    command = [sys.executable, "-m", "benchmarks.cases", "--worker"]
    command += [found.database_url, found.temporal_address, str(found.folder)]
    process = start(command, log=found.folder / "worker.log", directory=PROJECT)
    try:
        yield process.pid
    finally:
        stop(process, signal.SIGTERM, 30)


# ── the book ─────────────────────────────────────────────────────────────────────────────────────


def settle(url: str, customers: int, edition: PolicyEdition = EDITION) -> None:
    """An edition, people, and companies with three years each."""
    records = Records(url, connections_max=2)
    on = Clock().business_on()
    with records.begin() as session:
        Editions(session).publish(edition, shipped_text("standard"), "benchmark")
        Rates(session).record(
            Rate(base="USD", quote="CNY", rate=7, rate_on=date(2010, 1, 4)), recorded_by="b"
        )
        for seat in SEATS:
            Persons(session).record_person(
                Person(person_id=seat.person_id, title=seat.title, roles=frozenset({seat.role}))
            )
        book = [a_customer(customer_id=f"c-{n}", identifiers=()) for n in range(customers)]
        book = [each.model_copy(update={"identifiers": _code(each.customer_id)}) for each in book]
        Customers(session).record_all(book, business_on=on, source="b", recorded_by="b")
        years = [
            a_statement(year).model_copy(update={"customer_id": each.customer_id})
            for each in book
            for year in range(on.year - 3, on.year)
        ]
        Statements(session).record_all(years, business_on=on, recorded_by="b")
    cursor = psycopg2.connect(url.replace("+psycopg2", "", 1)).cursor()
    cursor.execute(TABLE)
    cursor.connection.commit()
    cursor.connection.close()
    records.close()


def _code(value: str) -> tuple[Identifier, ...]:
    return (Identifier(scheme=IdentifierScheme.INTERNAL, value=value),)


# ── the two roads ────────────────────────────────────────────────────────────────────────────────


class Ours:
    """Cases through the product's services."""

    def __init__(self, services: Services, client: Client, post: "Post") -> None:
        self._services = services
        self._client = client
        self._post = post

    async def straight(self, n: int) -> None:
        """One pre-approval, until its workflow has ended."""
        case_id = await self._submit(n, ApplicationType.PRE_APPROVAL)
        result = await self._client.get_workflow_handle(application_id(case_id)).result()
        assert result["status"] == "approved", result

    async def whole(self, n: int) -> None:
        """One new line, signed by its customer, until it is active."""
        case_id = await self._submit(n, ApplicationType.NEW_LINE)
        token = await self._post.link(case_id)
        await asyncio.to_thread(
            self._services.contracts.sign, token, "Legal representative", "legal_representative"
        )
        result = await self._client.get_workflow_handle(application_id(case_id)).result()
        assert result["status"] == "active", result

    async def _submit(self, n: int, kind: ApplicationType) -> str:
        application = Application(
            customer_id=f"c-{n}",
            application_type=kind,
            limit_requested=Money.of(300_000, "CNY"),
            purpose="Raw materials",
        )
        submitted = await asyncio.to_thread(
            self._services.applications.submit, MANAGER, application, f"{kind}-{n}"
        )
        return submitted.case_id


class Post:
    """The customers' mail: each case's link to sign, read for all of them at once."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._links: dict[str, asyncio.Future[str]] = {}
        self._newest = 0

    def link(self, case_id: str) -> asyncio.Future[str]:
        return self._links.setdefault(case_id, asyncio.get_running_loop().create_future())

    async def deliver(self) -> None:
        """Until cancelled."""
        while True:
            for entry_no, case_id, link in await asyncio.to_thread(self._read):
                self._newest = max(self._newest, entry_no)
                if not self.link(case_id).done():
                    self.link(case_id).set_result(link.rsplit("/", 1)[1])
            await asyncio.sleep(0.1)

    def _read(self) -> Sequence[Any]:
        """Entries from a little before the newest: numbers are not given in the order of commits."""
        with self._records.begin() as session:
            return session.execute(_LINKS, {"after": self._newest - 100}).all()


class Bare:
    """The same steps with nothing in them."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def straight(self, n: int) -> None:
        await (await self._submit(BareCase, f"straight-{n}", whole_road=False)).result()

    async def transactions(self, n: int) -> None:
        await (await self._submit(BareTransactions, f"two-{n}", whole_road=False)).result()

    async def whole(self, n: int) -> None:
        handle = await self._submit(BareCase, f"whole-{n}", whole_road=True)
        child = self._client.get_workflow_handle(f"{handle.id}/contract")
        while True:
            try:
                await child.execute_update(BareContract.sign)
                break
            except Exception as error:
                if "not found" not in str(error):
                    raise
                await asyncio.sleep(0.05)
        await handle.result()
        await self._client.start_workflow(BareLine.run, id=f"{handle.id}/line", task_queue=QUEUE)

    async def _submit(self, road: Any, case_id: str, *, whole_road: bool) -> Any:
        start: Any = WithStartWorkflowOperation(
            road.run,
            whole_road,
            id=case_id,
            task_queue=QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )
        await self._client.execute_update_with_start_workflow(
            road.submit, start_workflow_operation=start
        )
        return await start.workflow_handle()


async def _round(
    road: Callable[[int], Coroutine[Any, Any, None]],
    numbers: range,
    in_flight: int,
    pids: tuple[int, ...],
) -> Measured:
    """All numbers down the road, so many at a time."""
    gate, times = asyncio.Semaphore(in_flight), list[float]()

    async def one(n: int) -> None:
        async with gate:
            began = time.perf_counter()
            await road(n)
            times.append(time.perf_counter() - began)

    before, began = cpu_seconds(pids), time.perf_counter()
    await asyncio.gather(*(one(n) for n in numbers))
    seconds, cpu = time.perf_counter() - began, cpu_seconds(pids) - before
    return Measured(
        len(numbers) / seconds, 1000 * cpu / len(numbers), 1000 * statistics.median(times)
    )


async def run(found: Servers, worker_pid: int, rounds: int, straight: int, whole: int) -> Any:
    records = JoinedRecords(found.database_url, connections_max=40)
    exposure = Exposure(records)
    codec = Codec(KEY)

    async def connect() -> Client:
        return await Client.connect(
            found.temporal_address, namespace="credit", data_converter=data_converter(codec)
        )

    client = await connect()
    plain = await Client.connect(
        found.temporal_address, namespace="credit", data_converter=pydantic_data_converter
    )
    gateway = TemporalGateway(connect)
    services = build_services(records, exposure, gateway, Clock(), codec)
    await client.start_workflow(
        OutboxWorkflow.run,
        OutboxTurn(channel=Channel.TEMPORAL),
        id="outbox/temporal",
        task_queue=CASES_QUEUE,
    )
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(40))
    post = Post(records)
    delivering = asyncio.create_task(post.deliver())
    ours, bare = Ours(services, client, post), Bare(plain)
    pids = (*found.pids, worker_pid, os.getpid())
    straight_roads = (ours.straight, bare.straight, bare.transactions)
    found_straight = await _in_turn(straight_roads, rounds, straight, 32, pids)
    found_whole = await _in_turn((ours.whole, bare.whole), rounds, whole, 16, pids)
    delivering.cancel()
    gateway.close()
    exposure.close()
    records.close()
    return _result(found_straight, found_whole)


async def _in_turn(
    roads: Sequence[Callable[[int], Coroutine[Any, Any, None]]],
    rounds: int,
    count: int,
    in_flight: int,
    pids: tuple[int, ...],
) -> list[list[Measured]]:
    """Rounds in turn, what each road took in each; the first warms up and does not count."""
    measured: list[list[Measured]] = [[] for _ in roads]
    for turn in range(rounds + 1):
        numbers = range(turn * count, (turn + 1) * count)
        for road, kept in zip(roads, measured, strict=True):
            found = await _round(road, numbers, in_flight, pids)
            if turn:
                kept.append(found)
    return measured


def _result(straight: list[list[Measured]], whole: list[list[Measured]]) -> dict[str, Any]:
    ours, bare, transactions = straight
    rate, cpu, p50 = (_compared(ours, bare, name) for name in Measured._fields)
    least, least_cpu, _ = (_compared(ours, transactions, name) for name in Measured._fields)
    road, road_cpu, _ = (_compared(whole[0], whole[1], name) for name in Measured._fields)
    return {
        "name": "cases",
        **rate,
        "unit": "cases/s",
        "detail": {
            "cpu_ms": cpu | {"unit": "ms a case"},
            "p50": p50 | {"unit": "ms, 32 in flight"},
            "transactions": least | {"unit": "cases/s"},
            "transactions_cpu_ms": least_cpu | {"unit": "ms a case"},
            "whole_road": road | {"unit": "cases/s"},
            "whole_road_cpu_ms": road_cpu | {"unit": "ms a case"},
        },
    }


def _compared(ours: list[Measured], limit: list[Measured], name: str) -> dict[str, float]:
    """The round whose ratio is the median of all rounds'; a time is better when it is less."""

    def ratio(pair: tuple[float, float]) -> float:
        return pair[0] / pair[1] if name == "cases_per_second" else pair[1] / pair[0]

    pairs = [(getattr(a, name), getattr(b, name)) for a, b in zip(ours, limit, strict=True)]
    middle = sorted(pairs, key=ratio)[len(pairs) // 2]
    return {
        "ratio": round(ratio(middle), 3),
        "ours": round(middle[0], 1),
        "limit": round(middle[1], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with one JSON line")
    parser.add_argument("--full", action="store_true", help="more rounds")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        url, address, folder = options.worker
        asyncio.run(_work(url, address, Path(folder)))
        return
    rounds, straight, whole = (5, 200, 60) if options.full else (3, 80, 24)
    with servers() as found:
        settle(found.database_url, (rounds + 1) * max(straight, whole))
        with worker_of(found) as worker_pid:
            result = asyncio.run(run(found, worker_pid, rounds, straight, whole))
    if options.json:
        print(json.dumps(result))
        return
    for name, one in ({"cases": result} | result["detail"]).items():
        print(
            f"{name:18} {one['ratio']:6.2f}   {one['ours']:>8} of {one['limit']:>8} {one['unit']}"
        )


if __name__ == "__main__":
    main()
