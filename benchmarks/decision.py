"""An approver's word from the API call to the recorded answer, against a bare Temporal update.

    python -m benchmarks.decision [--json] [--full]

Ours is one request to the HTTP API that ends an approval with a letter: the key, the authority of
the moment, the word and its letter, in an encrypted update of the approval's workflow. The limit is
an update of a parked workflow that only answers, over the same Temporal and worker, in turn with
ours. Taken with ten and a thousand cases open (ten thousand under `--full`), one word at a time. The
worker's memory is read after each filling: cases beyond its cache of a thousand workflows cost it
nothing.
"""

import argparse
import asyncio
import json
import logging
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import structlog
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from benchmarks.bare_cases import QUEUE, BareWord
from benchmarks.cases import KEY, MANAGER, settle, worker_of
from benchmarks.servers import Servers, servers
from domain.application import Application, ApplicationType
from domain.approval import AuthorityGrant
from domain.edition import PolicyEdition
from domain.identity import Person, Role
from domain.money import Money
from domain.notification import Channel, OutboxTurn
from storage.approval import AuthorityGrants
from storage.base import Records
from storage.edition import shipped_text
from storage.exposure import Exposure
from storage.identity import ApiKeys
from tests.web.conftest import serving
from web.app import assemble
from web.service.clock import Clock
from web.service.gateway import TemporalGateway
from web.service.once import JoinedRecords
from web.service.services import build_services
from workflows.codec import Codec, data_converter
from workflows.names import CASES_QUEUE
from workflows.outbox import OutboxWorkflow

APPROVER, APPROVER_KEY = "approver1", "cf_bench_approver1"
MEASURED = 100  # words at each filling, no more than are open
FILLING = 4  # cases opened side by side
EDITION = PolicyEdition.of_toml("[approval.automatic]\nenabled = false\n", shipped_text("standard"))
# Reads everything, to find the tasks by.
AUDITOR = Person(person_id="auditor", title="auditor", roles=frozenset({Role.AUDITOR}))
_LIST = {"page_size": 500, "mine": False}


def _memory_kb(pid: int) -> int:
    fields = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in fields if line.startswith("VmRSS"))


def _authorised(url: str) -> None:
    """The branch head's grant and key."""
    on = Clock().business_on()
    records = Records(url, connections_max=1)
    with records.begin() as session:
        AuthorityGrants(session).record(
            AuthorityGrant(
                grant_no="SQ-1",
                person_id=APPROVER,
                position="branch_head",
                limit=Money.of(10_000_000, "CNY"),
                valid_from=on,
                valid_until=on.replace(year=on.year + 1, day=1),
                granted_by="board",
            )
        )
        ApiKeys(session).record_key(APPROVER, APPROVER_KEY)
    records.close()


class Office:
    """The product behind its API, and the bare form beside it."""

    def __init__(self, services: Any, api: httpx.Client, plain: Client) -> None:
        self._services = services
        self._api = api
        self._plain = plain
        self._opened = 0

    async def fill(self, open_cases: int) -> range:
        """So many cases wait for a word; a bare workflow for each that was opened for it, by number."""
        missing = open_cases - len(self.tasks(open_cases))
        numbers = range(self._opened, self._opened + missing)
        gate = asyncio.Semaphore(FILLING)

        async def one(n: int) -> None:
            async with gate:
                await asyncio.to_thread(self._submit, n)
                await self._plain.start_workflow(BareWord.run, id=f"word-{n}", task_queue=QUEUE)

        await asyncio.gather(*(one(n) for n in numbers))
        self._opened += missing
        while len(self.tasks(open_cases)) < open_cases:
            await asyncio.sleep(0.5)
        return numbers

    def _submit(self, n: int) -> None:
        application = Application(
            customer_id=f"c-{n}",
            application_type=ApplicationType.PRE_APPROVAL,
            limit_requested=Money.of(300_000, "CNY"),
            purpose="Raw materials",
        )
        self._services.applications.submit(MANAGER, application, f"case-{n}")

    def tasks(self, most: int) -> list[str]:
        """The open tasks, by due time."""
        found: list[str] = []
        after = None
        while len(found) < most:
            page = self._services.approvals.list_tasks(AUDITOR, after=after, **_LIST)
            if not page:
                break
            found += [task.task_id for task in page]
            after = (page[-1].due_at, page[-1].task_id)
        return found

    def decide(self, task_id: str) -> None:
        answer = self._api.post(
            f"/tasks/{task_id}/decision",
            json={"verdict": "approve", "note": "sound"},
            headers={"Idempotency-Key": task_id},
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["outcome"] == "approved"

    def list_page(self) -> None:
        answer = self._api.get("/tasks", params={"page_size": 50})
        assert answer.status_code == 200, answer.text

    async def bare(self, n: int) -> None:
        await self._plain.get_workflow_handle(f"word-{n}").execute_update(BareWord.decide)

    async def measured(self, words: range) -> tuple[list[float], list[float]]:
        """Words of ours and bare ones in turn, spread over what is open; milliseconds."""
        tasks = self.tasks(10**6)
        count = min(MEASURED, len(words))
        pairs = zip(tasks[:: len(tasks) // count], words[:: len(words) // count], strict=False)
        ours, bare = [], []
        for task_id, word in [*pairs][:count]:
            began = time.perf_counter()
            await asyncio.to_thread(self.decide, task_id)
            ours.append(1000 * (time.perf_counter() - began))
            began = time.perf_counter()
            await self.bare(word)
            bare.append(1000 * (time.perf_counter() - began))
        return ours, bare


def _percentile(times: Sequence[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def _compared(
    ours: Sequence[float], bare: Sequence[float], of: Callable[[Sequence[float]], float], unit: str
) -> dict[str, Any]:
    a, b = of(ours), of(bare)
    return {"ratio": round(b / a, 3), "ours": round(a, 1), "limit": round(b, 1), "unit": unit}


async def run(found: Servers, worker_pid: int, fillings: Sequence[int]) -> dict[str, Any]:
    records = JoinedRecords(found.database_url, connections_max=40)
    exposure, codec = Exposure(records), Codec(KEY)

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
    detail: dict[str, Any] = {}
    with serving(assemble(services, public_url="http://127.0.0.1:1")) as url:
        headers = {"Authorization": f"Bearer {APPROVER_KEY}"}
        with httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=60) as api:
            office = Office(services, api, plain)
            for number in fillings:
                ours, bare = await office.measured(await office.fill(number))
                where = f"{number} open"
                median = statistics.median
                detail[f"p50_{number}"] = _compared(ours, bare, median, f"ms p50, {where}")
                detail[f"p99_{number}"] = _compared(
                    ours, bare, lambda times: _percentile(times, 0.99), f"ms p99, {where}"
                )
                listed = []
                for _ in range(20):
                    began = time.perf_counter()
                    await asyncio.to_thread(office.list_page)
                    listed.append(1000 * (time.perf_counter() - began))
                detail[f"inbox_{number}"] = {
                    "ours": round(median(listed), 1),
                    "unit": f"ms, {where}",
                }
                detail[f"worker_mb_{number}"] = {
                    "ours": round(_memory_kb(worker_pid) / 1024, 1),
                    "unit": f"MB of the worker, {where}",
                }
    gateway.close()
    exposure.close()
    records.close()
    first = detail[f"p50_{fillings[0]}"]
    return {"name": "decision", **first, "detail": detail}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with one JSON line")
    parser.add_argument("--full", action="store_true", help="ten thousand open cases too")
    options = parser.parse_args()
    fillings = (10, 1_000, 10_000) if options.full else (10, 1_000)
    # What each request was answered with is nobody's to read here.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with servers() as found:
        settle(found.database_url, sum(fillings), EDITION)
        _authorised(found.database_url)
        with worker_of(found) as worker_pid:
            result = asyncio.run(run(found, worker_pid, fillings))
    if options.json:
        print(json.dumps(result))
        return
    for name, one in {"decision": result, **result["detail"]}.items():
        ratio = f"{one['ratio']:6.2f}" if "ratio" in one else " " * 6
        limit = f" of {one['limit']}" if "limit" in one else ""
        print(f"{name:16} {ratio}   {one['ours']}{limit} {one['unit']}")


if __name__ == "__main__":
    main()
