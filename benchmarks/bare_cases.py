"""The least that Temporal needs for the steps of a case: no values, no rules, one row a step.

The straight-through case is a recorded step each for submitted, assessed, automatic lane and
approved, and the answer to whoever started it; `BareTransactions` is the same in as many steps as
the product takes, two. The whole road adds the agreement's child with the same PDF rendered, sealed
and signed, and a line's start.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
from psycopg2.pool import ThreadedConnectionPool
from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from activities.documents.agreement import render_contract
    from activities.documents.sealing import CUSTOMER, GRANTOR, Sealing
    from domain.contract import Capacity, Letter, Signatory
    from domain.customer import Customer

QUEUE = "bare"
_TIMEOUT = timedelta(seconds=30)
TABLE = """
    CREATE TABLE bare_step (key text PRIMARY KEY, body bytea NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now())
"""


class BareSteps:
    """Each step keeps one row under its key; two of them make the PDF that the product makes."""

    def __init__(self, url: str, sealing: Sealing, letter: Letter, customer: Customer) -> None:
        self._pool = ThreadedConnectionPool(1, 40, url.replace("+psycopg2", "", 1))
        self._sealing = sealing
        self._letter = letter
        self._customer = customer

    @activity.defn
    def bare_step(self, key: str) -> str:
        self._keep(key, b"")
        return key

    @activity.defn
    def bare_issue(self, key: str) -> str:
        pdf = render_contract(self._letter, self._customer, self._sealing.grantor)
        self._keep(key, self._sealing.seal(pdf, datetime.now(UTC)))
        return key

    @activity.defn
    def bare_sign(self, key: str) -> str:
        sealed = self._read(key.replace("/sign", "/issue"))
        signatory = Signatory(
            signatory="Legal representative", capacity=Capacity.LEGAL_REPRESENTATIVE
        )
        signed = self._sealing.countersign(
            sealed, signatory, self._customer.name, datetime.now(UTC)
        )
        self._sealing.require(signed, GRANTOR, CUSTOMER, over=sealed)
        self._keep(key, signed)
        return key

    def _keep(self, key: str, body: bytes) -> None:
        connection = self._pool.getconn()
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO bare_step (key, body) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                    (key, psycopg2.Binary(body)),
                )
        finally:
            self._pool.putconn(connection)

    def _read(self, key: str) -> bytes:
        connection = self._pool.getconn()
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT body FROM bare_step WHERE key = %s", (key,))
                found = cursor.fetchone()
                assert found is not None
                return bytes(found[0])
        finally:
            self._pool.putconn(connection)


async def _step(step: Any, key: str) -> None:
    await workflow.execute_activity_method(step, key, start_to_close_timeout=_TIMEOUT)


@workflow.defn
class BareCase:
    """Four steps, and the answer after the first."""

    @workflow.init
    def __init__(self, whole_road: bool) -> None:
        self._recorded = False

    @workflow.run
    async def run(self, whole_road: bool) -> str:
        case_id = workflow.info().workflow_id
        await _step(BareSteps.bare_step, f"{case_id}/receive")
        self._recorded = True
        for step in ("assess", "lane", "approve"):
            await _step(BareSteps.bare_step, f"{case_id}/{step}")
        if whole_road:
            await workflow.execute_child_workflow(BareContract.run, id=f"{case_id}/contract")
            await _step(BareSteps.bare_step, f"{case_id}/activate")
        return case_id

    @workflow.update
    async def submit(self) -> str:
        await workflow.wait_condition(lambda: self._recorded)
        return "recorded"


@workflow.defn
class BareTransactions:
    """Two steps, and the answer after the first."""

    @workflow.init
    def __init__(self, whole_road: bool) -> None:
        self._recorded = False

    @workflow.run
    async def run(self, whole_road: bool) -> str:
        case_id = workflow.info().workflow_id
        await _step(BareSteps.bare_step, f"{case_id}/receive")
        self._recorded = True
        await _step(BareSteps.bare_step, f"{case_id}/assess")
        return case_id

    @workflow.update
    async def submit(self) -> str:
        await workflow.wait_condition(lambda: self._recorded)
        return "recorded"


@workflow.defn
class BareContract:
    """Issued, signed by an update, done."""

    def __init__(self) -> None:
        self._issued = False
        self._signed = False

    @workflow.run
    async def run(self) -> None:
        await _step(BareSteps.bare_issue, f"{workflow.info().workflow_id}/issue")
        self._issued = True
        await workflow.wait_condition(lambda: self._signed)
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.update
    async def sign(self) -> str:
        await workflow.wait_condition(lambda: self._issued)
        await _step(BareSteps.bare_sign, f"{workflow.info().workflow_id}/sign")
        self._signed = True
        return "signed"


@workflow.defn
class BareLine:
    """A line in force: it waits for its review."""

    @workflow.run
    async def run(self) -> None:
        await workflow.sleep(timedelta(days=365))


@workflow.defn
class BareWord:
    """Parked until a word comes, which is answered at once."""

    def __init__(self) -> None:
        self._said = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._said)

    @workflow.update
    async def decide(self) -> str:
        self._said = True
        return "recorded"
