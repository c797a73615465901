"""A collection case: look, write, wait, look again, until nothing is overdue or it is closed.

What is overdue is read by its activity at every look; a payment rings through `recheck`. It is no
child of anything and may be carried over to a new run at any time.
"""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.refusals import refusal, refusal_of
    from activities.signatures import CollectionSteps
    from domain.collection import (
        CollectionAction,
        CollectionLook,
        CollectionProgress,
        CollectionResult,
        CollectionStart,
        CollectionStatus,
    )
    from domain.errors import CaseClosed, Draining
    from workflows.connection import CASE_STATUS, STAGE, WAITING_FOR
    from workflows.messages import STEP_RETRY, STEP_TIMEOUT, keep_refused_signal, parsed


@workflow.defn
class CollectionWorkflow:
    """`collection/<collection_id>`: one stretch of arrears of one customer."""

    @workflow.init
    def __init__(self, start: CollectionStart) -> None:
        self._start = start
        self._status = CollectionStatus.OPEN
        self._told: CollectionStatus | None = None
        self._rung = False
        self._draining = False
        self._one_at_a_time = asyncio.Lock()

    @workflow.run
    async def run(self, start: CollectionStart) -> CollectionResult:
        """The story of a collection."""
        while self._status is CollectionStatus.OPEN:
            progress = await self._look()
            if self._status is CollectionStatus.OPEN:
                await self._wait(progress)
            if workflow.info().is_continue_as_new_suggested():
                await self._carry_over()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return CollectionResult(collection_id=start.collection_id, status=self._status)

    @workflow.signal
    def recheck(self) -> None:
        """A payment came in, or the book was looked at: look now."""
        self._rung = True

    @workflow.update(name="promise")
    async def promise(self, message: Any = None) -> dict[str, Any]:
        """The customer promised to pay by a day; letters rest until then."""
        return await self._answered("promise", message)

    @promise.validator
    def _promise_in_form(self, message: Any = None) -> None:
        self._in_form("promise", message)

    @workflow.signal(name="promise")
    async def promise_by_signal(self, message: Any = None) -> None:
        await self._signalled("promise", message)

    @workflow.update(name="close")
    async def close(self, message: Any = None) -> dict[str, Any]:
        """A collector ends the case, with a reason."""
        return await self._answered("close", message)

    @close.validator
    def _close_in_form(self, message: Any = None) -> None:
        self._in_form("close", message)

    @workflow.signal(name="close")
    async def close_by_signal(self, message: Any = None) -> None:
        await self._signalled("close", message)

    async def _look(self) -> CollectionProgress:
        self._rung = False
        async with self._one_at_a_time:
            progress = await workflow.execute_activity_method(
                CollectionSteps.look_at_arrears,
                CollectionLook(
                    collection_id=self._start.collection_id,
                    at=workflow.now(),
                    offset_days=self._start.offset_days,
                ),
                start_to_close_timeout=STEP_TIMEOUT,
                retry_policy=STEP_RETRY,
                summary="look at the arrears and do what is due",
            )
            self._now_at(progress)
            return progress

    async def _wait(self, progress: CollectionProgress) -> None:
        again_at = progress.look_again_at
        assert again_at is not None, "an open case is looked at again"
        try:
            await workflow.wait_condition(
                lambda: (
                    self._rung
                    or self._status is not CollectionStatus.OPEN
                    or workflow.info().is_continue_as_new_suggested()
                ),
                timeout=max(again_at - workflow.now(), timedelta(seconds=1)),
                timeout_summary=f"look again at {again_at:%Y-%m-%d %H:%M}Z",
            )
        except TimeoutError:
            return

    async def _carry_over(self) -> None:
        """On to a new run; new messages are asked to wait until it is there."""
        self._draining = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._status is CollectionStatus.OPEN:
            workflow.continue_as_new(self._start)

    def _in_form(self, action: str, message: Any) -> CollectionAction:
        if self._status is not CollectionStatus.OPEN:
            case_id = self._start.collection_id
            raise refusal(CaseClosed(case_id=case_id, status=self._status))
        if self._draining:
            raise refusal(Draining(id=self._start.collection_id))
        return parsed(
            CollectionAction,
            message,
            action=action,
            collection_id=self._start.collection_id,
            at=workflow.now(),
            offset_days=self._start.offset_days,
        )

    async def _answered(self, action: str, message: Any) -> dict[str, Any]:
        try:
            return (await self._acted(action, message)).model_dump(mode="json")
        except ActivityError as failure:
            refused = refusal_of(failure)
            if refused is None:
                raise
            raise refusal(refused) from None

    async def _signalled(self, action: str, message: Any) -> None:
        try:
            await self._acted(action, message)
        except (ApplicationError, ActivityError) as failure:
            await keep_refused_signal(action, message, failure)

    async def _acted(self, name: str, message: Any) -> CollectionProgress:
        action = self._in_form(name, message)
        async with self._one_at_a_time:
            progress = await workflow.execute_activity_method(
                CollectionSteps.act_on_collection,
                action,
                start_to_close_timeout=STEP_TIMEOUT,
                retry_policy=STEP_RETRY,
                summary=f"{name} by {action.person_id}",
            )
            self._now_at(progress)
            return progress

    def _now_at(self, progress: CollectionProgress) -> None:
        self._status = progress.status
        promised = f", promised for {progress.promised_on}" if progress.promised_on else ""
        workflow.set_current_details(
            f"Collection {progress.collection_id} is {progress.status}: {progress.overdue} overdue,"
            f" {progress.days_past_due} days{promised}, as of {workflow.now():%Y-%m-%d %H:%M}Z"
        )
        if progress.status is self._told:
            return
        self._told = progress.status
        waiting_for = "customer" if progress.status is CollectionStatus.OPEN else "nobody"
        workflow.upsert_search_attributes(
            [
                STAGE.value_set("collection"),
                CASE_STATUS.value_set(progress.status),
                WAITING_FOR.value_set(waiting_for),
            ]
        )
