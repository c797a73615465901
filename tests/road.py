"""The whole road in one test process: real records, real Temporal, the product's own worker.

People act through the services, as API and console do; time moves only when a test moves it.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from creditflow.stack.users import SEATS
from domain.application import Application, ApplicationType, CaseStatus
from domain.approval import AuthorityGrant
from domain.customer import Customer
from domain.edition import PolicyEdition
from domain.exchange import Rate
from domain.identity import Person
from domain.money import Money
from domain.notification import Channel, OutboxTurn
from settings import Profile, Settings
from storage.approval import AuthorityGrants
from storage.attachment import Attachments
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions, shipped_text
from storage.exchange import Rates
from storage.exposure import Exposure
from storage.identity import Persons
from storage.notification import Outbox
from storage.statement import Statements
from tests.makers_policy import a_changed_edition, a_customer, a_statement
from tests.sandbox import RUNNER
from tests.servers import SkippingEnvironment
from web.service.clock import Clock
from web.service.gateway import TemporalGateway
from web.service.once import JoinedRecords
from web.service.services import Services, build_services
from worker import working
from workflows.codec import Codec
from workflows.names import CASES_QUEUE
from workflows.outbox import OutboxWorkflow
from workflows.releases import make_current

_Result = TypeVar("_Result")

# The standard edition without the draw that sends some automatic cases to people.
UNDRAWN = "[approval.automatic]\nsampling_share = 0\n"
# And without the investigations that large cases wait for.
UNSAMPLED = a_changed_edition(f"{UNDRAWN}[investigation]\nrows = []\nchecklists = []\n")

KEY = base64.b64encode(bytes(32)).decode()


class Road:
    """Services, people and records of one installation under test."""

    def __init__(
        self, records: JoinedRecords, services: Services, environment: SkippingEnvironment
    ) -> None:
        self.records = records
        self.services = services
        self.environment = environment
        self.people: Mapping[str, Person] = {
            seat.person_id: Person(
                person_id=seat.person_id, title=seat.title, roles=frozenset({seat.role})
            )
            for seat in SEATS
        }

    @property
    def client(self) -> Client:
        return self.environment.client

    async def call(self, function: Callable[..., _Result], *args: Any, **keywords: Any) -> _Result:
        """A service call, made in a thread as the web server makes it."""
        return await asyncio.to_thread(function, *args, **keywords)

    async def submit(
        self, application: Application, key: str = "k-1", person: str = "manager"
    ) -> Any:
        service = self.services.applications
        return await self.call(service.submit, self.people[person], application, key)

    async def decide(self, person: str, task_id: str, verdict: Any, **keywords: Any) -> Any:
        service = self.services.approvals
        return await self.call(service.decide, self.people[person], task_id, verdict, **keywords)

    async def case(self, case_id: str) -> Any:
        service = self.services.applications
        return await self.call(service.read_case, self.people["auditor"], case_id)

    async def comes_to(self, case_id: str, *statuses: CaseStatus, seconds: float = 20) -> Any:
        """The case once it stands so; fails with how it stands if it does not."""
        for _ in range(int(seconds / 0.05)):
            view = await self.case(case_id)
            if view.case.status in statuses:
                return view
            await asyncio.sleep(0.05)
        raise AssertionError(f"the case is {view.case.status}: {view.case.reason_codes}")

    async def offered(self, case_id: str, seconds: float = 20) -> Any:
        """The case once it offers the customer what its letter says."""
        for _ in range(int(seconds / 0.05)):
            view = await self.case(case_id)
            if view.offer is not None:
                return view
            await asyncio.sleep(0.05)
        raise AssertionError(f"no offer: the case is {view.case.status}")

    async def open_task(self, case_id: str, seconds: float = 20) -> Any:
        """The first task that is open on a case, once there is one."""
        for _ in range(int(seconds / 0.05)):
            tasks = [task for task in (await self.case(case_id)).tasks if task.status == "open"]
            if tasks:
                return tasks[0]
            await asyncio.sleep(0.05)
        raise AssertionError("no task was opened")

    async def approval_open(self, case_id: str, n: int, seconds: float = 20) -> Any:
        """The case once its approval of this number is open, with its first open task."""
        for _ in range(int(seconds / 0.05)):
            view = await self.case(case_id)
            tasks = [each for each in view.tasks if each.approval_id == f"{case_id}.{n}"]
            if tasks and tasks[0].status == "open" and view.case.status == "in_approval":
                return tasks[0]
            await asyncio.sleep(0.05)
        raise AssertionError(f"approval {n} was not opened")

    async def override_task(self, case_id: str, seconds: float = 20) -> Any:
        """The first task that asks a second person to confirm an override of the case."""
        for _ in range(int(seconds / 0.05)):
            for task in (await self.case(case_id)).tasks:
                if task.status == "open" and task.task_id.startswith("override-"):
                    return task
            await asyncio.sleep(0.05)
        raise AssertionError("nobody was asked to confirm")

    async def signed(self, case_id: str) -> None:
        """The customer follows the link of the notice and signs."""
        await self.comes_to(case_id, CaseStatus.CONTRACTING)
        token = await self._link_token(case_id)
        await self.call(
            self.services.contracts.sign, token, "Legal representative", "legal_representative"
        )

    async def _link_token(self, case_id: str) -> str:
        for _ in range(400):
            with self.records.begin() as session:
                notices = Outbox(session).list_of_case(case_id)
            links = [each.facts["link"] for each in notices if "link" in each.facts]
            if links:
                return links[-1].rsplit("/", 1)[1]
            await asyncio.sleep(0.05)
        raise AssertionError("no agreement was sent")

    async def conditions_met(self, case_id: str) -> None:
        """Every condition is evidenced by the manager and verified by the release officer."""
        view = await self.comes_to(case_id, CaseStatus.CONDITIONS, CaseStatus.ACTIVE)
        # A signed case waits for conditions a moment before the gate has listed them.
        for _ in range(400):
            if view.conditions or view.case.status is CaseStatus.ACTIVE:
                break
            await asyncio.sleep(0.05)
            view = await self.case(case_id)
        evidence = self.evidence()
        lines = self.services.lines
        for condition in view.conditions:
            await self.call(
                lines.evidence, self.people["manager"], case_id, condition.code, evidence
            )
            await self.call(lines.verify, self.people["release"], case_id, condition.code, met=True)

    def evidence(self) -> str:
        """The hash of a document on record."""
        with self.records.begin() as session:
            return (
                Attachments(session)
                .record(b"%PDF-1.7 evidence", name="evidence.pdf", recorded_by="manager")
                .sha256
            )

    def keep_customer(self, customer: Customer | None = None, years: int = 3) -> Customer:
        """An ordinary customer with statements of the last years, on record."""
        kept = customer or a_customer()
        last = (self.services.clock.business_on() - timedelta(days=120)).year - 1
        with self.records.begin() as session:
            Customers(session).record(
                kept, business_on=self._on(), source="test", recorded_by="manager"
            )
            for year in range(last - years + 1, last + 1):
                Statements(session).record(
                    a_statement(year).model_copy(update={"customer_id": kept.customer_id}),
                    business_on=self._on(),
                    recorded_by="manager",
                )
        return kept

    def _on(self) -> date:
        return self.services.clock.business_on()


def an_application(customer: Customer, amount: int = 5_000_000, **changes: Any) -> Application:
    content = {
        "customer_id": customer.customer_id,
        "application_type": ApplicationType.NEW_LINE,
        "limit_requested": Money.of(amount, "CNY"),
        "purpose": "Raw materials for the yearly orders",
    }
    return Application.model_validate(content | changes)


def settle(records: Records, edition: PolicyEdition | None = None) -> None:
    """Everybody in their seat with their authority, the edition published, a rate on record."""
    with records.begin() as session:
        policy = edition or UNSAMPLED
        Editions(session).publish(policy, shipped_text("standard"), "test")
        Rates(session).record(
            Rate(base="USD", quote="CNY", rate=7, rate_on=date(2010, 1, 4)), recorded_by="test"
        )
        for seat in SEATS:
            Persons(session).record_person(
                Person(
                    person_id=seat.person_id,
                    title=seat.title,
                    roles=frozenset({seat.role}),
                    mail=f"{seat.person_id}@creditflow.example",
                )
            )
            if seat.position:
                AuthorityGrants(session).record(
                    AuthorityGrant(
                        grant_no=f"SQ-{seat.person_id}",
                        person_id=seat.person_id,
                        position=seat.position,
                        limit=Money.of(seat.authority, "CNY"),
                        valid_from=date(2000, 1, 1),
                        valid_until=date(2099, 12, 31),
                        granted_by="board",
                    )
                )


@asynccontextmanager
async def a_road(
    database_url: str,
    environment: SkippingEnvironment,
    folder: Path,
    edition: PolicyEdition | None = None,
    release: str = "",
) -> AsyncIterator[Road]:
    """An installation on this database and this Temporal, with its worker at work.

    A worker that names its release makes that the current one, for every worker of the server.
    """
    settings = Settings(
        profile=Profile.EMBEDDED,
        database_url=database_url,
        codec_key=KEY,
        public_url="http://127.0.0.1:8080",
        data_dir=folder,
        release=release,
        webhook_private_addresses=True,
    )
    records = JoinedRecords(database_url, connections_max=20)
    settle(records, edition)
    address = environment.client.service_client.config.target_host

    async def connect() -> Client:
        return await Client.connect(
            address,
            namespace=environment.client.namespace,
            data_converter=pydantic_data_converter,
        )

    gateway = TemporalGateway(connect)
    exposure = Exposure(records)
    services = build_services(
        records, exposure, gateway, Clock(), Codec(bytes(32)), webhooks_inside=True
    )
    async with working(settings, records, environment.client, RUNNER):
        if release:
            await make_current(environment.client, release)
        await environment.client.start_workflow(
            OutboxWorkflow.run,
            OutboxTurn(channel=Channel.TEMPORAL),
            id=f"outbox/{folder.name}",
            task_queue=CASES_QUEUE,
        )
        yield Road(records, services, environment)
        await _end_all(environment.client)
    gateway.close()
    exposure.close()
    records.close()


async def _end_all(client: Client) -> None:
    """What is still open would look for its records in the next test's database."""
    async for each in client.list_workflows("ExecutionStatus = 'Running'"):
        with suppress(RPCError):
            await client.get_workflow_handle(each.id).terminate()
