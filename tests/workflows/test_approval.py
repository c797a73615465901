"""The engine's order of events: words, silence, and everybody who is late or rude."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from activities.refusals import Refusals
from activities.signatures import ApprovalSteps, AuditSteps
from domain.approval import (
    ActRequest,
    Approval,
    ApprovalOutcome,
    ApprovalProgress,
    ApprovalRequest,
    ApprovalResult,
    DecisionRequest,
    RouteStep,
    Silence,
    StepDue,
    StepMode,
)
from domain.audit import RefusedMessage
from tests.domain.test_approval import a_step, an_approval
from tests.sandbox import RUNNER
from tests.servers import SkippingEnvironment
from workflows.approval import ApprovalWorkflow

HOUR = timedelta(hours=1)


class FakeApproval(ApprovalSteps):
    """The machine in memory, with a clock of working hours that never closes."""

    def __init__(self) -> None:
        self.approval: Approval | None = None
        self.taken: list[str] = []
        self.progress: ApprovalProgress | None = None

    @activity.defn
    def open_approval(self, request: ApprovalRequest) -> ApprovalProgress:
        self.approval = Approval.opened(request)
        self._since = activity.info().scheduled_time
        return self._now(self._since)

    @activity.defn
    def record_decision(self, decision: DecisionRequest) -> ApprovalProgress:
        assert self.approval is not None
        before = self.approval.step_index
        self.approval = self.approval.decided(
            decision.task_id, decision.person_id, decision.verdict, decision.at
        )
        self.taken.append(f"{decision.person_id}:{decision.verdict}")
        if self.approval.step_index != before:
            return self._now(decision.at)
        return self._now(self._since)

    @activity.defn
    def act_on_silence(self, due: StepDue) -> ApprovalProgress:
        assert self.approval is not None
        assert self.progress is not None
        self.taken.append(str(due.silence))
        match due.silence:
            case Silence.REMIND:
                self.progress = self.progress.model_copy(update={"remind_at": None})
            case Silence.ESCALATE:
                self.approval = self.approval.escalated()
                self.progress = self.progress.model_copy(
                    update={"remind_at": None, "escalate_at": None}
                )
            case Silence.LAPSE:
                self.approval = self.approval.stopped(ApprovalOutcome.LAPSED)
                return self._now(due.at)
            case Silence.WITHDRAW:
                self.approval = self.approval.stopped(ApprovalOutcome.WITHDRAWN)
                return self._now(due.at)
        return self.progress

    def _now(self, since: datetime) -> ApprovalProgress:
        assert self.approval is not None
        step = self.approval.step
        escalate_at = since + float(step.deadline_hours) * HOUR
        self.progress = ApprovalProgress(
            approval_id=self.approval.request.approval_id,
            outcome=self.approval.outcome,
            step_index=self.approval.step_index,
            waiting_for=tuple(task.position for task in self.approval.open_tasks),
            remind_at=since + float(step.remind_hours) * HOUR,
            escalate_at=escalate_at,
            lapse_at=escalate_at + float(step.lapse_hours) * HOUR,
        )
        return self.progress

    @activity.defn
    def record_act(self, request: ActRequest) -> ApprovalProgress:
        self.taken.append(f"{request.person_id}:{request.action}:{request.to}")
        assert self.progress is not None
        return self.progress.model_copy(update={"decision_id": request.message_id})


class FakeAudit(AuditSteps):
    def __init__(self) -> None:
        self.refused: list[RefusedMessage] = []

    @activity.defn
    def record_refused_message(self, refused: RefusedMessage) -> None:
        self.refused.append(refused)


class Desk:
    """One approval under way, and what its fakes saw."""

    def __init__(
        self, handle: WorkflowHandle[Any, Any], steps: FakeApproval, audit: FakeAudit
    ) -> None:
        self.handle, self.steps, self.audit = handle, steps, audit
        self._messages = 0

    def a_word(self, person: str, verdict: str = "approve", task: str | None = None) -> Any:
        assert self.steps.approval is not None
        self._messages += 1
        first_open = next(iter(self.steps.approval.open_tasks), None)
        return {
            "task_id": task or (first_open.task_id if first_open else "a-1.1.1.1"),
            "person_id": person,
            "verdict": verdict,
            "message_id": f"m-{self._messages}",
            "token": "t",
        }

    async def decide(self, *args: Any, **keywords: Any) -> dict[str, Any]:
        return dict(await self.handle.execute_update("decide", self.a_word(*args, **keywords)))

    async def opened(self) -> None:
        while self.steps.approval is None:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def a_desk(env: SkippingEnvironment, *steps: RouteStep) -> AsyncIterator[Desk]:
    fake, audit = FakeApproval(), FakeAudit()
    queue = f"approval-{id(fake)}"
    async with Worker(
        env.client,
        task_queue=queue,
        workflows=[ApprovalWorkflow],
        activities=[
            fake.open_approval,
            fake.record_decision,
            fake.record_act,
            fake.act_on_silence,
            audit.record_refused_message,
        ],
        activity_executor=ThreadPoolExecutor(4),
        workflow_runner=RUNNER,
        interceptors=[Refusals()],
    ):
        handle = await env.client.start_workflow(
            ApprovalWorkflow.run,
            an_approval(*steps).request,
            id=f"approval/a-1/{queue}",
            task_queue=queue,
        )
        desk = Desk(handle, fake, audit)
        await desk.opened()
        yield desk
        await handle.terminate() if await _is_open(handle) else None


async def test_the_last_word_ends_it(temporal_env: SkippingEnvironment) -> None:
    route = (a_step(StepMode.ONE, "branch_head"), a_step(StepMode.ALL, "p1", "p2"))
    async with a_desk(temporal_env, *route) as desk:
        assert (await desk.decide("approver1"))["waiting_for"] == ["p1", "p2"]
        await desk.decide("approver2")
        answer = await desk.decide("approver3")

        result: ApprovalResult = await desk.handle.result()

    assert answer["outcome"] == result.outcome == ApprovalOutcome.APPROVED


async def test_a_word_by_signal_counts_as_one_by_update(temporal_env: SkippingEnvironment) -> None:
    async with a_desk(temporal_env) as desk:
        await desk.handle.signal("decide", desk.a_word("approver1", "decline"))

        result: ApprovalResult = await desk.handle.result()

    assert result.outcome is ApprovalOutcome.DECLINED


@pytest.mark.parametrize(
    ("person", "task", "code"),
    [
        ("manager", None, "own_case"),
        ("approver1", "a-9.1.1.1", "out_of_order"),
    ],
)
async def test_a_refused_word_has_a_code_and_no_effect(
    temporal_env: SkippingEnvironment, person: str, task: str | None, code: str
) -> None:
    async with a_desk(temporal_env) as desk:
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await desk.decide(person, task=task)
        await desk.handle.signal("decide", desk.a_word(person, task=task))
        await _until(lambda: bool(desk.audit.refused))

        cause = refused.value.cause
        assert isinstance(cause, ApplicationError)
        assert cause.type == code == desk.audit.refused[0].code
        assert desk.steps.taken == []


@pytest.mark.parametrize(
    "message",
    [None, "approve", [], {}, {"verdict": "maybe"}, {"task_id": "a-1.1.1.1", "verdict": "approve"}],
)
async def test_what_cannot_be_read_is_refused_as_malformed_by_update_and_signal(
    temporal_env: SkippingEnvironment, message: Any
) -> None:
    async with a_desk(temporal_env) as desk:
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await desk.handle.execute_update("decide", message)
        await desk.handle.signal("decide", message)
        await _until(lambda: bool(desk.audit.refused))

        cause = refused.value.cause
        assert isinstance(cause, ApplicationError)
        assert cause.type == "malformed" == desk.audit.refused[0].code


async def test_silence_reminds_escalates_and_lapses_once_each_and_never_approves(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        await temporal_env.fast_forward(desk.handle, 5 * HOUR)
        assert desk.steps.taken == ["remind"]
        await temporal_env.fast_forward(desk.handle, 5 * HOUR)
        assert desk.steps.taken == ["remind", "escalate"]
        await temporal_env.fast_forward(desk.handle, 60 * HOUR)
        result: ApprovalResult = await desk.handle.result()

    assert desk.steps.taken == ["remind", "escalate", "lapse"]
    assert result.outcome is ApprovalOutcome.LAPSED


async def test_a_word_after_the_reminder_still_counts(temporal_env: SkippingEnvironment) -> None:
    async with a_desk(temporal_env) as desk:
        await temporal_env.fast_forward(desk.handle, 5 * HOUR)
        await desk.decide("approver1")
        result: ApprovalResult = await desk.handle.result()

    assert result.outcome is ApprovalOutcome.APPROVED
    assert desk.steps.taken == ["remind", "approver1:approve"]


async def test_a_withdrawn_case_asks_nobody_any_more(temporal_env: SkippingEnvironment) -> None:
    async with a_desk(temporal_env) as desk:
        await desk.handle.signal(ApprovalWorkflow.stop)
        result: ApprovalResult = await desk.handle.result()

    assert result.outcome is ApprovalOutcome.WITHDRAWN
    assert desk.steps.taken == ["withdraw"]


async def _until(holds: Any) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come about")


async def _is_open(handle: WorkflowHandle[Any, Any]) -> bool:
    return (await handle.describe()).close_time is None


TASK = ("WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_COMPLETED")
ACTS = 50
# Two tasks of three events, three of the activity, two of the update, what it waits for, and the
# clock stopped and set anew.
EVENTS_AN_ACT = 14


async def test_a_case_with_fifty_acts_stays_far_below_what_a_history_may_hold(
    temporal_env: SkippingEnvironment,
) -> None:
    """Events and updates of one run: the server refuses 51,200 and 2,000, and warns at 10,240."""
    async with a_desk(temporal_env, a_step(StepMode.ONE, "branch_head")) as there:
        for number in range(ACTS):
            word = there.a_word("ann")
            del word["verdict"]
            act = word | {"action": "copy", "to": f"reader-{number}"}
            await there.handle.execute_update("act", act)
        answer = await there.decide("ann")
        assert answer["outcome"] == "approved"
        await there.handle.result()
        events = [event async for event in there.handle.fetch_history_events()]

    updates = [
        e for e in events if e.HasField("workflow_execution_update_accepted_event_attributes")
    ]
    assert len(updates) == ACTS + 1
    assert len(there.steps.taken) == ACTS + 1
    assert len(events) <= 15 + EVENTS_AN_ACT * (ACTS + 1) < 10_240 // 10


async def test_a_word_is_one_step_between_two_tasks_of_its_workflow(
    temporal_env: SkippingEnvironment,
) -> None:
    """Counted, not timed: what whoever decides waits for Temporal to write."""
    async with a_desk(temporal_env, a_step(StepMode.ALL, "p1", "p2")) as there:
        await there.decide("ann")
        await there.decide("bob")
        await there.handle.result()
        events = [event async for event in there.handle.fetch_history_events()]

    kinds = [EventType.Name(each.event_type).removeprefix("EVENT_TYPE_") for each in events]
    last = len(kinds) - kinds[::-1].index("WORKFLOW_EXECUTION_UPDATE_ACCEPTED") - 1
    assert kinds[last - 3 :] == [
        *TASK,
        "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
        "ACTIVITY_TASK_SCHEDULED",
        "ACTIVITY_TASK_STARTED",
        "ACTIVITY_TASK_COMPLETED",
        *TASK,
        "WORKFLOW_EXECUTION_UPDATE_COMPLETED",
        "TIMER_CANCELED",
        "WORKFLOW_EXECUTION_COMPLETED",
    ]
