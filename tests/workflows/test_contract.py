"""The agreement's order of events: every end has its path, also when people are late or rude."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from activities.refusals import Refusals
from activities.signatures import AuditSteps, ContractSteps
from domain.audit import RefusedMessage
from domain.contract import (
    ContractEnd,
    ContractOrder,
    ContractOutcome,
    ContractStatus,
    CustomerActed,
    IssueContract,
    IssuedContract,
)
from domain.errors import ContractEnded, GlyphMissing, SignatureInvalid, Unauthenticated
from tests.makers_contract import a_letter, an_order
from tests.sandbox import RUNNER
from tests.servers import SkippingEnvironment
from workflows.contract import ContractSigningWorkflow

DAY = timedelta(days=1)
ACT = {"act_id": "act-1"}


class FakeContract(ContractSteps):
    """One agreement in memory; ends once, like the real one."""

    def __init__(self, *, printable: bool = True) -> None:
        self.printable = printable
        self.issued: list[IssueContract] = []
        self.ends: list[str] = []
        self.outcome: ContractOutcome | None = None
        self.act_id: str | None = None

    @activity.defn
    def issue_contract(self, issue: IssueContract) -> IssuedContract:
        self.issued.append(issue)
        if not self.printable:
            raise GlyphMissing(characters="U+1F3E6")
        return IssuedContract(
            contract_id=issue.contract_id, document_hash="ab" * 32, expires_at=issue.expires_at
        )

    @activity.defn
    def record_signature(self, acted: CustomerActed) -> ContractOutcome:
        if acted.act_id == "unknown":
            raise Unauthenticated()
        if acted.act_id == "unverified":
            raise SignatureInvalid(reason="customer was changed after signing")
        return self._ended(ContractStatus.SIGNED, acted.acted_at, acted.act_id)

    @activity.defn
    def record_decline(self, acted: CustomerActed) -> ContractOutcome:
        return self._ended(ContractStatus.DECLINED, acted.acted_at, acted.act_id)

    @activity.defn
    def end_contract(self, end: ContractEnd) -> ContractOutcome:
        if self.outcome is not None:
            return self.outcome
        return self._ended(end.status, end.ended_at, None)

    def _ended(self, status: ContractStatus, at: Any, act_id: str | None) -> ContractOutcome:
        if self.outcome is None:
            self.ends.append(status)
            self.act_id = act_id
            self.outcome = ContractOutcome(
                contract_id="case-1",
                status=status,
                document_hash="ab" * 32,
                signed_hash="cd" * 32 if status is ContractStatus.SIGNED else None,
                ended_at=at,
            )
        elif act_id != self.act_id:
            raise ContractEnded(contract_id="case-1", status=self.outcome.status)
        return self.outcome


class FakeAudit(AuditSteps):
    def __init__(self) -> None:
        self.refused: list[RefusedMessage] = []

    @activity.defn
    def record_refused_message(self, refused: RefusedMessage) -> None:
        self.refused.append(refused)


class Desk:
    """One signing under way, and what its fakes saw."""

    def __init__(
        self, handle: WorkflowHandle[Any, Any], steps: FakeContract, audit: FakeAudit
    ) -> None:
        self.handle, self.steps, self.audit = handle, steps, audit

    async def sent(self) -> None:
        await until(lambda: bool(self.steps.issued))
        # The result of sending reaches the case a moment after the step has run.
        for _ in range(500):
            if "waits for" in await self.details() or "cannot" in await self.details():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it was not sent")

    async def details(self) -> str:
        metadata = await self.handle.query("__temporal_workflow_metadata")
        return str(metadata)

    async def refusal(self, name: str, message: Any) -> str | None:
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await self.handle.execute_update(name, message)
        assert isinstance(refused.value.cause, ApplicationError)
        return refused.value.cause.type

    async def result(self) -> ContractOutcome:
        outcome: ContractOutcome = await self.handle.result()
        return outcome


@asynccontextmanager
async def a_desk(
    env: SkippingEnvironment, order: ContractOrder | None = None, **how: Any
) -> AsyncIterator[Desk]:
    fake, audit = FakeContract(**how), FakeAudit()
    queue = f"contract-{id(fake)}"
    async with Worker(
        env.client,
        task_queue=queue,
        workflows=[ContractSigningWorkflow],
        activities=[
            fake.issue_contract,
            fake.record_signature,
            fake.record_decline,
            fake.end_contract,
            audit.record_refused_message,
        ],
        activity_executor=ThreadPoolExecutor(4),
        workflow_runner=RUNNER,
        interceptors=[Refusals()],
    ):
        handle = await env.client.start_workflow(
            ContractSigningWorkflow.run,
            order or an_order(),
            id=f"contract/case-1/{queue}",
            task_queue=queue,
        )
        desk = Desk(handle, fake, audit)
        await desk.sent()
        yield desk
        if (await handle.describe()).close_time is None:
            await handle.terminate()


async def test_the_customer_signs_and_is_told_so(temporal_env: SkippingEnvironment) -> None:
    async with a_desk(temporal_env) as desk:
        answer = await desk.handle.execute_update("sign", ACT)
        outcome = await desk.result()

    assert answer["status"] == "signed" == outcome.status
    assert answer["signed_hash"] == outcome.signed_hash is not None
    assert len(desk.steps.issued) == 1


async def test_the_customer_declines(temporal_env: SkippingEnvironment) -> None:
    async with a_desk(temporal_env) as desk:
        await desk.handle.execute_update("decline", ACT)
        outcome = await desk.result()

    assert outcome.status is ContractStatus.DECLINED
    assert outcome.signed_hash is None


async def test_silence_ends_as_expired_on_the_day_and_not_before(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        await temporal_env.fast_forward(desk.handle, 29 * DAY)
        assert desk.steps.ends == []
        await temporal_env.fast_forward(desk.handle, 2 * DAY)
        outcome = await desk.result()

    assert outcome.status is ContractStatus.EXPIRED
    assert outcome.ended_at >= desk.steps.issued[0].expires_at


async def test_an_agreement_ends_with_its_letter(temporal_env: SkippingEnvironment) -> None:
    order = an_order(letter=a_letter(valid_until=date(2026, 3, 3)))
    async with a_desk(temporal_env, order) as desk:
        await temporal_env.fast_forward(desk.handle, 3 * DAY)
        outcome = await desk.result()

    assert outcome.status is ContractStatus.EXPIRED


async def test_a_withdrawn_case_stops_the_signing(temporal_env: SkippingEnvironment) -> None:
    async with a_desk(temporal_env) as desk:
        await desk.handle.signal(ContractSigningWorkflow.stop)
        outcome = await desk.result()

    assert outcome.status is ContractStatus.WITHDRAWN
    assert desk.steps.ends == ["withdrawn"]


async def test_of_signature_and_stop_at_once_one_takes_effect(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        await asyncio.gather(
            desk.handle.execute_update("sign", ACT),
            desk.handle.signal(ContractSigningWorkflow.stop),
            return_exceptions=True,
        )
        outcome = await desk.result()

    assert desk.steps.ends == [outcome.status]


async def test_the_same_signature_many_times_is_one(temporal_env: SkippingEnvironment) -> None:
    async with a_desk(temporal_env) as desk:
        answers = await asyncio.gather(
            *(desk.handle.execute_update("sign", ACT) for _ in range(4)), return_exceptions=True
        )
        outcome = await desk.result()

    # One that arrives after the end is told that there is nothing to sign any more.
    told = [answer for answer in answers if isinstance(answer, dict)]
    assert told
    assert all(answer["status"] == "signed" for answer in told)
    assert desk.steps.ends == ["signed"] == [outcome.status]


async def test_a_signature_that_does_not_hold_leaves_the_agreement_open(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        assert await desk.refusal("sign", {"act_id": "unverified"}) == "signature_invalid"
        assert await desk.refusal("sign", {"act_id": "unknown"}) == "unauthenticated"
        await desk.handle.execute_update("sign", ACT)
        outcome = await desk.result()

    assert outcome.status is ContractStatus.SIGNED


@pytest.mark.parametrize(
    "message",
    [
        None,
        "sign",
        [],
        {},
        {"act_id": ""},
        {"act_id": 7},
        {"act_id": "act-1", "signatory": "a name has no place here"},
    ],
)
@pytest.mark.parametrize("name", ["sign", "decline"])
async def test_what_cannot_be_read_is_refused_as_malformed_by_update_and_signal(
    temporal_env: SkippingEnvironment, name: str, message: Any
) -> None:
    async with a_desk(temporal_env) as desk:
        assert await desk.refusal(name, message) == "malformed"
        await desk.handle.signal(name, message)
        await until(lambda: bool(desk.audit.refused))

        assert desk.audit.refused[0].code == "malformed"
        assert desk.steps.ends == []


async def test_a_signature_by_signal_counts_as_one_by_update(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        await desk.handle.signal("sign", ACT)
        outcome = await desk.result()

    assert outcome.status is ContractStatus.SIGNED


async def test_what_cannot_be_written_waits_for_a_repair(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env, printable=False) as desk:
        assert await desk.refusal("sign", ACT) == "out_of_order"
        assert "U+1F3E6" in await desk.details()
        desk.steps.printable = True
        await desk.handle.signal(ContractSigningWorkflow.issue_again)
        await until(lambda: len(desk.steps.issued) == 2)
        await desk.sent()
        await desk.handle.execute_update("sign", ACT)
        outcome = await desk.result()

    assert outcome.status is ContractStatus.SIGNED


@pytest.mark.parametrize("stopped", [True, False])
async def test_what_is_never_written_ends_without_a_document(
    temporal_env: SkippingEnvironment, stopped: bool
) -> None:
    async with a_desk(temporal_env, printable=False) as desk:
        if stopped:
            await desk.handle.signal(ContractSigningWorkflow.stop)
        else:
            await temporal_env.fast_forward(desk.handle, 31 * DAY)
        outcome = await desk.result()

    assert outcome.status is (ContractStatus.WITHDRAWN if stopped else ContractStatus.EXPIRED)
    assert outcome.document_hash is None
    assert desk.steps.ends == []


async def test_the_history_of_a_signed_agreement_is_short(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        await desk.handle.execute_update("sign", ACT)
        await desk.result()
        history = await desk.handle.fetch_history()

    # Start, one step, timer, one update with one step, end; what a workflow task costs included.
    assert len(history.events) <= 26


async def until(holds: Any) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come about")
