"""The approval engine's order of events: open, wait for words, follow the clock, end.

Every word and every silence is one activity, one transaction; what it answers is all this workflow
branches on. A timeout reminds, tells, escalates, reassigns and lets lapse. It never approves: no path from a timer
leads to an approval, because only a recorded word can.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.refusals import refusal, refusal_of
    from activities.signatures import ApprovalSteps
    from domain.approval import (
        ActRequest,
        ApprovalOutcome,
        ApprovalProgress,
        ApprovalRequest,
        ApprovalResult,
        DecisionRequest,
        Silence,
        StepDue,
    )
    from workflows.connection import DUE_AT, WAITING_FOR
    from workflows.messages import STEP_RETRY, STEP_TIMEOUT, keep_refused_signal, parsed


_Message = TypeVar("_Message", ActRequest, DecisionRequest)


@workflow.defn
class ApprovalWorkflow:
    """`approval/<subject>/<n>`: one engine for every decision."""

    @workflow.init
    def __init__(self, request: ApprovalRequest) -> None:
        self._request = request
        self._progress: ApprovalProgress | None = None
        self._withdrawn = False
        self._one_word_at_a_time = asyncio.Lock()

    @workflow.run
    async def run(self, request: ApprovalRequest) -> ApprovalResult:
        """Ask; people take days, and the wait costs nothing."""
        progress = await workflow.execute_activity_method(
            ApprovalSteps.open_approval,
            request,
            start_to_close_timeout=STEP_TIMEOUT,
            retry_policy=STEP_RETRY,
            summary=f"ask {', '.join(request.steps[0].positions)}",
        )
        self._now_at(progress)
        while (progress := self._standing()).outcome is ApprovalOutcome.OPEN:
            await self._spoken_or_silent(progress)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return ApprovalResult(
            approval_id=request.approval_id,
            outcome=progress.outcome,
            letter_no=progress.letter_no,
            order=progress.order,
            fields_wanted=progress.fields_wanted,
            silence_until=progress.silence_until,
        )

    @workflow.update(name="decide")
    async def decide(self, message: Any = None) -> dict[str, Any]:
        """An approver's word; answered once it is on record, or refused with a code."""
        try:
            return (await self._decide(message)).model_dump(mode="json")
        except ActivityError as failure:
            refused = refusal_of(failure)
            if refused is None:
                raise
            raise refusal(refused) from None

    @decide.validator
    def _decide_in_form(self, message: Any = None) -> None:
        self._parsed(DecisionRequest, message)

    @workflow.signal(name="decide")
    async def decide_by_signal(self, message: Any = None) -> None:
        """The same word from a tool that can only signal."""
        try:
            await self._decide(message)
        except (ApplicationError, ActivityError) as failure:
            await keep_refused_signal("decide", message, failure)

    @workflow.update(name="act")
    async def act(self, message: Any = None) -> dict[str, Any]:
        """What an approver does beside deciding; answered once it is on record, or refused."""
        try:
            return (await self._act(message)).model_dump(mode="json")
        except ActivityError as failure:
            refused = refusal_of(failure)
            if refused is None:
                raise
            raise refusal(refused) from None

    @act.validator
    def _act_in_form(self, message: Any = None) -> None:
        self._parsed(ActRequest, message)

    @workflow.signal(name="act")
    async def act_by_signal(self, message: Any = None) -> None:
        """The same act from a tool that can only signal."""
        try:
            await self._act(message)
        except (ApplicationError, ActivityError) as failure:
            await keep_refused_signal("act", message, failure)

    @workflow.signal
    def stop(self) -> None:
        """The case was withdrawn; nobody needs to decide any more."""
        self._withdrawn = True

    async def _act(self, message: Any) -> ApprovalProgress:
        request = self._parsed(ActRequest, message)
        await workflow.wait_condition(lambda: self._progress is not None)
        async with self._one_word_at_a_time:
            progress = await workflow.execute_activity_method(
                ApprovalSteps.record_act,
                request,
                start_to_close_timeout=STEP_TIMEOUT,
                retry_policy=STEP_RETRY,
                summary=f"{request.action} by {request.person_id} on {request.task_id}",
            )
            self._now_at(progress)
            return progress

    async def _decide(self, message: Any) -> ApprovalProgress:
        decision = self._parsed(DecisionRequest, message)
        # The tasks may be seen and decided in the moment before we hear that they are open.
        await workflow.wait_condition(lambda: self._progress is not None)
        async with self._one_word_at_a_time:
            progress = await workflow.execute_activity_method(
                ApprovalSteps.record_decision,
                decision,
                start_to_close_timeout=STEP_TIMEOUT,
                retry_policy=STEP_RETRY,
                summary=f"{decision.verdict} by {decision.person_id} on {decision.task_id}",
            )
            self._now_at(progress)
            return progress

    def _parsed(self, kind: type[_Message], message: Any) -> _Message:
        return parsed(
            kind,
            message,
            approval_id=self._request.approval_id,
            at=workflow.now(),
            offset_days=self._request.offset_days,
        )

    async def _spoken_or_silent(self, progress: ApprovalProgress) -> None:
        """Until somebody speaks, or the clock does."""
        due_at, silence, level = _next_silence(progress)
        try:
            await workflow.wait_condition(
                lambda: self._withdrawn or self._progress is not progress,
                timeout=max(due_at - workflow.now(), _NO_TIME) if due_at else None,
                timeout_summary=f"{silence} at {due_at:%Y-%m-%d %H:%M}Z" if due_at else None,
            )
        except TimeoutError:
            await self._take(silence, progress, level)
        else:
            if self._withdrawn and self._progress is progress:
                await self._take(Silence.WITHDRAW, progress)

    async def _take(
        self, silence: Silence, seen: ApprovalProgress, level: int | None = None
    ) -> None:
        async with self._one_word_at_a_time:
            if self._progress is not seen:  # somebody spoke while the lock was waited for
                return
            self._now_at(
                await workflow.execute_activity_method(
                    ApprovalSteps.act_on_silence,
                    StepDue(
                        approval_id=self._request.approval_id,
                        step_index=seen.step_index,
                        silence=silence,
                        level=level,
                        at=workflow.now(),
                        offset_days=self._request.offset_days,
                    ),
                    start_to_close_timeout=STEP_TIMEOUT,
                    retry_policy=STEP_RETRY,
                    summary=str(silence),
                )
            )

    def _standing(self) -> ApprovalProgress:
        assert self._progress is not None
        return self._progress

    def _now_at(self, progress: ApprovalProgress) -> None:
        self._progress = progress
        if progress.outcome is not ApprovalOutcome.OPEN:
            workflow.set_current_details(f"ended: {progress.outcome}")
            return
        waiting_for = ", ".join(progress.waiting_for)
        due_at = progress.escalate_at or progress.lapse_at
        workflow.set_current_details(
            f"waits for {waiting_for} since {workflow.now():%Y-%m-%d %H:%M}Z"
            + (f", due {due_at:%Y-%m-%d %H:%M}Z" if due_at else "")
        )
        workflow.upsert_search_attributes(
            [WAITING_FOR.value_set(waiting_for)] + ([DUE_AT.value_set(due_at)] if due_at else [])
        )


_NO_TIME = timedelta(0)


def _next_silence(progress: ApprovalProgress) -> tuple[datetime | None, Silence, int | None]:
    """What silence does next, when, and at which further level; the lapse when nothing is left."""
    first = ((progress.remind_at, Silence.REMIND), (progress.escalate_at, Silence.ESCALATE))
    to_come: list[tuple[datetime, Silence, int | None]]
    to_come = [(at, silence, None) for at, silence in first if at is not None]
    to_come += [(each.at, each.silence, each.level) for each in progress.levels]
    return min(to_come, key=lambda each: each[0], default=(progress.lapse_at, Silence.LAPSE, None))
