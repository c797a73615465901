"""A step that fails again and again puts that on record, so that whoever looks need not search.

Only attempts beyond the ordinary unrest are written, and once when such a step has ended; a step
that succeeds at once costs nothing, and a second attempt a look at whether it was ended by hand. What cannot be written is left: the step itself must not suffer.
Temporal fails no step that waits for its next attempt; so an end by hand is a record that the worker
finds before that attempt.
"""

import asyncio
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from domain.errors import CreditError, StepEnded
from domain.operations import ATTEMPTS_TOLERATED, StepFailure
from storage.base import Records, recorded_at
from storage.operations import Repairs, StepFailures

ERROR_MAX = 300


class Failing(Interceptor):
    """Watches the attempts of steps; stands within `Refusals`, as a refusal is an answer."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Watching(next, self._records)


class _Watching(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, records: Records) -> None:
        super().__init__(next)
        self._records = records

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        if info.attempt == 1 or info.is_local:
            return await super().execute_activity(input)
        async with _Attempt(self._records, info) as attempt:
            await attempt.refuse_ended()
            return await super().execute_activity(input)


class _Attempt:
    """One attempt of a step that has failed before."""

    def __init__(self, records: Records, info: activity.Info) -> None:
        self._records = records
        self._info = info

    async def __aenter__(self) -> "_Attempt":
        return self

    async def refuse_ended(self) -> None:
        """Nothing, or `StepEnded` where two people have said that it shall be tried no more."""
        with suppress(SQLAlchemyError):
            if await asyncio.to_thread(self._ended_by_hand):
                raise StepEnded(step=self._info.activity_type)

    def _ended_by_hand(self) -> bool:
        info = self._info
        with self._records.begin() as session:
            repair_id = Repairs(session).find_end(
                info.workflow_id or "", info.workflow_run_id or "", info.activity_id
            )
            if repair_id is not None:
                Repairs(session).end(repair_id, done=True)
        return repair_id is not None

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        with suppress(SQLAlchemyError):
            if self._info.attempt < ATTEMPTS_TOLERATED:
                return
            if error is None or isinstance(error, CreditError) or _for_good(error):
                await asyncio.to_thread(self._end)
            elif not isinstance(error, asyncio.CancelledError | CancelledError):
                await asyncio.to_thread(self._record, error_text(error))

    def _record(self, error: str) -> None:
        info = self._info
        now = recorded_at()
        with self._records.begin() as session:
            StepFailures(session).record(
                StepFailure(
                    workflow_id=info.workflow_id or "",
                    run_id=info.workflow_run_id or "",
                    step_id=info.activity_id,
                    step=info.activity_type,
                    attempts=info.attempt,
                    error=error,
                    first_failed_at=min(info.scheduled_time, now),
                    last_failed_at=now,
                )
            )

    def _end(self) -> None:
        info = self._info
        with self._records.begin() as session:
            StepFailures(session).end(
                info.workflow_id or "", info.workflow_run_id or "", info.activity_id, recorded_at()
            )


def error_text(error: BaseException) -> str:
    """What kind of error, and its first line: what follows it may repeat a row's content."""
    lines = str(error).strip().splitlines()
    said = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return said[:ERROR_MAX]


def _for_good(error: BaseException) -> bool:
    return isinstance(error, ApplicationError) and error.non_retryable
