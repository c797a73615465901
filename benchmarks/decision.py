"""An approver's word from the API call to the recorded answer, against a bare Temporal update.

    python -m benchmarks.decision [--json] [--full]

Ours is one request to the HTTP API that ends an approval with a letter: the key, the authority of
the moment, the word and its letter, in an encrypted update of the approval's workflow. The limit is
an update of a parked workflow that only answers, over the same Temporal and worker, in turn with
ours. Taken with ten and a thousand cases open (ten thousand under `--full`) and kept so, one word at
a time. Beside the times it tells what a word takes: queries and commits of both processes and the
wait for them, and the events, tasks and steps of its workflow until it is answered. The worker's
memory is read after each filling: cases beyond its cache of workflows cost it nothing.
"""

import argparse
import asyncio
import json
import logging
import signal
import statistics
import sys
import time
from collections import Counter as Tally
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import structlog
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from benchmarks.asked import Asked, Counter, read
from benchmarks.bare_cases import QUEUE, BareWord
from benchmarks.cases import ASKED, KEY, MANAGER, settle, worker_of
from benchmarks.servers import Servers, servers
from domain.application import Application, ApplicationType
from domain.approval import AuthorityGrant
from domain.edition import PolicyEdition
from domain.identity import Person, Role
from domain.money import Money
from domain.notification import Channel, OutboxTurn
from storage.approval import AuthorityGrants, TaskView
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
from workflows.names import CASES_QUEUE, approval_id
from workflows.outbox import OutboxWorkflow

APPROVER, APPROVER_KEY = "approver1", "cf_bench_approver1"
WORDS, TURN = 100, 10  # at each filling; after so many, as many cases are opened again
WARMING = 10  # words before the first that counts
FILLING = 8  # cases opened side by side: more wait for longer than a submission is waited for
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


class Word(NamedTuple):
    """What one word took: ours and a bare one after it, in milliseconds."""

    ours: float
    bare: float
    asked: Asked
    events: Tally[str]


class Office:
    """The product behind its API, and the bare form beside it."""

    def __init__(
        self,
        services: Any,
        api: httpx.Client,
        product: Client,
        plain: Client,
        asked: Sequence[Path],
    ) -> None:
        self._services = services
        self._api = api
        self._product = product
        self._plain = plain
        self._asked = asked
        self._opened = 0
        self._parked: list[int] = []

    async def fill(self, open_cases: int) -> None:
        """So many cases wait for a word, and as many bare workflows."""
        missing = open_cases - len(self._tasks(open_cases))
        numbers = range(self._opened, self._opened + missing)
        gate = asyncio.Semaphore(FILLING)

        async def one(n: int) -> None:
            async with gate:
                await asyncio.to_thread(self._submit, n)
                await self._plain.start_workflow(BareWord.run, id=f"word-{n}", task_queue=QUEUE)

        await asyncio.gather(*(one(n) for n in numbers))
        self._opened += missing
        self._parked += numbers
        while len(self._tasks(open_cases)) < open_cases:
            await asyncio.sleep(0.1)

    def _submit(self, n: int) -> None:
        application = Application(
            customer_id=f"c-{n}",
            application_type=ApplicationType.PRE_APPROVAL,
            limit_requested=Money.of(300_000, "CNY"),
            purpose="Raw materials",
        )
        self._services.applications.submit(MANAGER, application, f"case-{n}")

    def _tasks(self, most: int) -> list[TaskView]:
        """The open tasks, by due time."""
        found: list[TaskView] = []
        after = None
        while len(found) < most:
            page = self._services.approvals.list_tasks(AUDITOR, after=after, **_LIST)
            if not page:
                break
            found += page
            after = (page[-1].due_at, page[-1].task_id)
        return found

    async def words(self, open_cases: int, count: int) -> list[Word]:
        """So many words while at least as many cases stay open, spread over them."""
        said: list[Word] = []
        while len(said) < count:
            await self.fill(open_cases + TURN)
            await asyncio.sleep(0.5)  # what opening them leaves behind is done
            tasks = self._tasks(10**6)
            said += [await self._word(task) for task in tasks[:: len(tasks) // TURN][:TURN]]
        return said

    async def _word(self, task: TaskView) -> Word:
        before, began = self._asked_so_far(), time.perf_counter()
        await asyncio.to_thread(self._decide, task.task_id)
        ours, asked = time.perf_counter() - began, self._asked_so_far().since(before)
        parked = self._plain.get_workflow_handle(f"word-{self._parked.pop()}")
        began = time.perf_counter()
        await parked.execute_update(BareWord.decide)
        bare = time.perf_counter() - began
        return Word(1000 * ours, 1000 * bare, asked, await self._events(task))

    def _asked_so_far(self) -> Asked:
        web, worker = map(read, self._asked)
        return web + worker

    def _decide(self, task_id: str) -> None:
        answer = self._api.post(
            f"/tasks/{task_id}/decision",
            json={"verdict": "approve", "note": "sound"},
            headers={"Idempotency-Key": task_id},
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["outcome"] == "approved"

    async def _events(self, task: TaskView) -> Tally[str]:
        """The events of the workflow from the word to its answer, by kind."""
        handle = self._product.get_workflow_handle(approval_id(task.case_id, 1))
        kinds = [EventType.Name(each.event_type) for each in (await handle.fetch_history()).events]
        asked = kinds.index("EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED") - 3  # with its task
        answered = kinds.index("EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED")
        return Tally(kind.removeprefix("EVENT_TYPE_") for kind in kinds[asked : answered + 1])

    def list_page(self) -> float:
        """Milliseconds for a page of the inbox."""
        began = time.perf_counter()
        answer = self._api.get("/tasks", params={"page_size": 50})
        assert answer.status_code == 200, answer.text
        return 1000 * (time.perf_counter() - began)


def _percentile(times: Sequence[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def _told(words: Sequence[Word], open_cases: int) -> dict[str, Any]:
    """Each figure of a filling, as the result tells it."""
    ours, bare = [word.ours for word in words], [word.bare for word in words]
    told: dict[str, Any] = {}
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        a, b = _percentile(ours, share), _percentile(bare, share)
        told[name] = {
            "ratio": round(b / a, 3),
            **{"ours": round(a, 1), "limit": round(b, 1), "unit": f"ms {name}"},
        }

    def middle(of: Callable[[Word], float], unit: str) -> dict[str, Any]:
        return {"ours": round(statistics.median(map(of, words)), 1), "unit": unit}

    told["database"] = middle(lambda word: 1000 * word.asked.seconds, "ms of it waits for it")
    told["queries"] = middle(lambda word: word.asked.queries, "a word, of both processes")
    told["commits"] = middle(lambda word: word.asked.commits, "a word, of both processes")
    told["events"] = middle(lambda word: word.events.total(), "of the workflow, until answered")
    told["tasks"] = middle(lambda word: word.events["WORKFLOW_TASK_COMPLETED"], "of the workflow")
    told["steps"] = middle(lambda word: word.events["ACTIVITY_TASK_COMPLETED"], "of the workflow")
    return {
        f"{name}_{open_cases}": {**one, "unit": f"{one['unit']}, {open_cases} open"}
        for name, one in told.items()
    }


async def run(found: Servers, worker_pid: int, fillings: Sequence[int]) -> dict[str, Any]:
    records = JoinedRecords(found.database_url, connections_max=40)
    asked = (found.folder / "web.asked", found.folder / ASKED)
    Counter(records.engine, asked[0])
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
    first = await plain.start_workflow(BareWord.run, id="word", task_queue=QUEUE)
    await first.execute_update(BareWord.decide)  # the worker is there
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(40))
    detail: dict[str, Any] = {}
    with serving(assemble(services, public_url="http://127.0.0.1:1")) as url:
        headers = {"Authorization": f"Bearer {APPROVER_KEY}"}
        with httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=60) as api:
            office = Office(services, api, client, plain, asked)
            await office.words(TURN, WARMING)
            for number in fillings:
                began = time.perf_counter()
                await office.fill(number + TURN)
                filled = time.perf_counter() - began
                detail |= _told(await office.words(number, WORDS), number)
                listed = [await asyncio.to_thread(office.list_page) for _ in range(20)]
                inbox = round(statistics.median(listed), 1)
                memory = round(_memory_kb(worker_pid) / 1024, 1)
                detail[f"inbox_{number}"] = {"ours": inbox, "unit": f"ms, {number} open"}
                detail[f"worker_mb_{number}"] = {
                    **{"ours": memory, "unit": f"MB of the worker, {number} open"}
                }
                detail[f"filling_{number}"] = {
                    **{"ours": round(filled, 1), "unit": f"s until {number} are open"}
                }
    gateway.close()
    exposure.close()
    records.close()
    return {"name": "decision", **detail[f"p50_{fillings[0]}"], "detail": detail}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with one JSON line")
    parser.add_argument("--full", action="store_true", help="ten thousand open cases too")
    options = parser.parse_args()
    fillings = (10, 1_000, 10_000) if options.full else (10, 1_000)
    # What each request was answered with is nobody's to read here.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    # Who is told to end leaves no server, worker or folder behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    with servers() as found:
        settle(found.database_url, max(fillings) + (WORDS + TURN) * (len(fillings) + 1), EDITION)
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
