"""A review's order of events: judged, asked where policy asks, concluded whatever is answered."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.refusals import Refusals
from activities.signatures import ApprovalSteps, ReviewSteps
from domain.approval import (
    Approval,
    ApprovalOutcome,
    ApprovalProgress,
    ApprovalRequest,
    DecisionRequest,
    StepDue,
    Subject,
)
from domain.review import (
    Proposal,
    Reassessed,
    ReviewConclusion,
    ReviewResult,
    ReviewStart,
    ReviewStatus,
    ReviewTurn,
    review_id_of,
)
from tests.domain.test_approval import an_approval
from tests.sandbox import RUNNER
from tests.servers import SkippingEnvironment
from workflows.approval import ApprovalWorkflow
from workflows.names import approval_id, review_id
from workflows.review import ReviewWorkflow


class FakeReview(ReviewSteps):
    """Proposes what the test says, and remembers how it was concluded."""

    def __init__(self, line_id: str, *, asks: bool, stopped: bool = False) -> None:
        self.line_id = line_id
        self.asks = asks
        self.stopped = stopped
        self.turns: list[ReviewTurn] = []
        self.conclusions: list[ReviewConclusion] = []

    @activity.defn
    def reassess_line(self, turn: ReviewTurn) -> Reassessed:
        self.turns.append(turn)
        review = review_id_of(turn.line_id, turn.n)
        ordinary = an_approval().request
        return Reassessed(
            review_id=review,
            proposal=Proposal.CUT if self.asks else Proposal.KEEP,
            grade="BB",
            approval=ordinary.model_copy(
                update={
                    "subject": Subject.REVIEW,
                    "subject_id": review,
                    "case_id": review,
                    "n": turn.attempt,
                }
            )
            if self.asks
            else None,
            stopped=self.stopped,
        )

    @activity.defn
    def conclude_review(self, conclusion: ReviewConclusion) -> ReviewResult:
        self.conclusions.append(conclusion)
        return ReviewResult(
            review_id=conclusion.review_id,
            status=ReviewStatus.CONCLUDED,
            proposal=Proposal.KEEP,
        )


class FakeApproval(ApprovalSteps):
    """The machine in memory; a return waits a day for what it asks."""

    def __init__(self) -> None:
        self.approvals: dict[str, Approval] = {}

    @activity.defn
    def open_approval(self, request: ApprovalRequest) -> ApprovalProgress:
        self.approvals[request.approval_id] = Approval.opened(request)
        return self._progress(request.approval_id)

    @activity.defn
    def record_decision(self, decision: DecisionRequest) -> ApprovalProgress:
        held = self.approvals[decision.approval_id]
        self.approvals[decision.approval_id] = held.decided(
            decision.task_id, decision.person_id, decision.verdict, decision.at
        )
        return self._progress(decision.approval_id, decision.at)

    @activity.defn
    def act_on_silence(self, due: StepDue) -> ApprovalProgress:
        held = self.approvals[due.approval_id]
        self.approvals[due.approval_id] = held.stopped(ApprovalOutcome.WITHDRAWN)
        return self._progress(due.approval_id)

    def _progress(self, approval_id: str, at: datetime | None = None) -> ApprovalProgress:
        approval = self.approvals[approval_id]
        approved = approval.outcome is ApprovalOutcome.APPROVED
        return ApprovalProgress(
            approval_id=approval_id,
            outcome=approval.outcome,
            waiting_for=tuple(task.position for task in approval.open_tasks),
            letter_no="PF2026-000001" if approved else None,
            silence_until=at + timedelta(days=1) if at else None,
        )


class Desk:
    """One review under way."""

    def __init__(
        self, env: SkippingEnvironment, handle: WorkflowHandle[Any, Any], steps: FakeReview
    ) -> None:
        self.env, self.handle, self.steps = env, handle, steps

    async def decide(self, verdict: str, n: int = 1) -> None:
        """The first approver's word, as soon as the approval takes one."""
        review = review_id_of(self.steps.line_id, 1)
        handle = self.env.client.get_workflow_handle(approval_id(review, n))
        message = {
            "task_id": f"{review}.{n}.1.1",
            "person_id": "approver1",
            "verdict": verdict,
            "message_id": f"m-{n}",
            "token": "t",
        }
        for _ in range(500):
            try:
                await handle.execute_update("decide", message)
            except (RPCError, WorkflowUpdateFailedError):  # not begun yet, or still being opened
                await asyncio.sleep(0.02)
            else:
                return
        raise AssertionError("the approval never took a word")

    async def result(self) -> ReviewResult:
        return ReviewResult.model_validate(await self.handle.result())


@asynccontextmanager
async def a_desk(
    env: SkippingEnvironment, *, asks: bool = True, stopped: bool = False
) -> AsyncIterator[Desk]:
    line_id = f"line-{uuid.uuid4()}"
    steps, approval = FakeReview(line_id, asks=asks, stopped=stopped), FakeApproval()
    async with Worker(
        env.client,
        task_queue=line_id,
        workflows=[ReviewWorkflow, ApprovalWorkflow],
        activities=[
            steps.reassess_line,
            steps.conclude_review,
            approval.open_approval,
            approval.record_decision,
            approval.act_on_silence,
        ],
        activity_executor=ThreadPoolExecutor(4),
        workflow_runner=RUNNER,
        interceptors=[Refusals()],
    ):
        handle = await env.client.start_workflow(
            ReviewWorkflow.run,
            ReviewStart(line_id=line_id, n=1),
            id=review_id(line_id, 1),
            task_queue=line_id,
        )
        yield Desk(env, handle, steps)


async def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    for _ in range(int(seconds / 0.01)):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never held")


async def test_where_policy_asks_nobody_it_is_concluded_at_once(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env, asks=False) as desk:
        result = await desk.result()

    [conclusion] = desk.steps.conclusions
    assert result.status is ReviewStatus.CONCLUDED
    assert conclusion.outcome is None


@pytest.mark.parametrize(
    ("verdict", "outcome", "letter"),
    [
        ("approve", ApprovalOutcome.APPROVED, "PF2026-000001"),
        ("decline", ApprovalOutcome.DECLINED, None),
    ],
)
async def test_what_people_decide_concludes_it(
    temporal_env: SkippingEnvironment, verdict: str, outcome: ApprovalOutcome, letter: str | None
) -> None:
    async with a_desk(temporal_env) as desk:
        await desk.decide(verdict)
        await desk.result()

    [conclusion] = desk.steps.conclusions
    assert (conclusion.outcome, conclusion.letter_no) == (outcome, letter)


async def test_a_return_waits_for_what_it_asks_and_judges_anew(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        await desk.decide("return")
        await desk.handle.signal(ReviewWorkflow.supplemented)
        await desk.decide("approve", n=2)
        await desk.result()

    assert [turn.attempt for turn in desk.steps.turns] == [1, 2]
    assert desk.steps.conclusions[0].outcome is ApprovalOutcome.APPROVED


async def test_a_return_that_nobody_answers_lapses(temporal_env: SkippingEnvironment) -> None:
    async with a_desk(temporal_env) as desk:
        await desk.decide("return")
        await temporal_env.fast_forward(desk.handle, timedelta(days=2))
        await desk.result()

    assert desk.steps.conclusions[0].outcome is ApprovalOutcome.LAPSED


async def test_the_end_of_its_line_stops_it_and_its_approval(
    temporal_env: SkippingEnvironment,
) -> None:
    async with a_desk(temporal_env) as desk:
        await until(lambda: bool(desk.steps.turns))
        await desk.handle.signal(ReviewWorkflow.stop)
        await desk.result()

    assert desk.steps.conclusions[0].outcome is ApprovalOutcome.WITHDRAWN


async def test_a_line_that_has_ended_is_not_judged(temporal_env: SkippingEnvironment) -> None:
    async with a_desk(temporal_env, asks=False, stopped=True) as desk:
        await desk.result()

    assert desk.steps.conclusions[0].outcome is ApprovalOutcome.WITHDRAWN
