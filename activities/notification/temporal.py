"""Starts and messages owed to Temporal, so that one survives Temporal's being down.

A start of an id that is or was there has been made before; a message carries an id of its own, by
which its receiver knows a repeat. Which entry means what is `workflows/owed.py`.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.notification.outbox import Undeliverable, Undelivered
from activities.refusals import refusal_of
from domain.errors import Draining
from domain.notification import MessageKind, OutboxEntry, WorkflowMessage

RPC_SECONDS_MAX = 15
# A message may overtake the start it is meant for, but not by this many attempts (two minutes).
ATTEMPTS_FOR_A_RECEIVER = 8
_OWED = "owed_as"  # the memo that says by which entry a further run was started


class TemporalDelivery:
    """Delivers the entries of the `temporal` channel through the client of this worker's loop."""

    def __init__(
        self,
        client: Client,
        loop: asyncio.AbstractEventLoop,
        message_of: Callable[[OutboxEntry], WorkflowMessage],
    ) -> None:
        self._client = client
        self._loop = loop
        self._message_of = message_of

    def deliver(self, entry: OutboxEntry) -> None:
        """Start, signal or update; raises `Undelivered`, `Undeliverable` or the refusal."""
        message = self._message_of(entry)
        send = {
            MessageKind.START: self._start,
            MessageKind.RESTART: self._restart,
            MessageKind.SIGNAL: self._signal,
            MessageKind.UPDATE: self._update,
        }[message.kind]
        asyncio.run_coroutine_threadsafe(_in_time(send(message), entry), self._loop).result()

    async def _start(self, message: WorkflowMessage) -> None:
        try:
            await self._client.start_workflow(
                message.name,
                message.payload,
                id=message.workflow_id,
                task_queue=message.queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            )
        except WorkflowAlreadyStartedError:
            return

    async def _restart(self, message: WorkflowMessage) -> None:
        """A further run of what has ended, or is about to; made once, as the run's memo tells."""
        try:
            await self._client.start_workflow(
                message.name,
                message.payload,
                id=message.workflow_id,
                task_queue=message.queue,
                memo={_OWED: message.key},
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            )
        except WorkflowAlreadyStartedError:
            running = await self._client.get_workflow_handle(message.workflow_id).describe()
            if await running.memo_value(_OWED, None) != message.key:
                raise Undelivered("the run before has not ended") from None

    async def _signal(self, message: WorkflowMessage) -> None:
        handle = self._client.get_workflow_handle(message.workflow_id)
        try:
            await handle.signal(message.name, args=_arguments(message))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            # A signal is news; whoever has ended needs none. One that never was fails here too.
            if (await handle.describe()).close_time is None:
                raise

    async def _update(self, message: WorkflowMessage) -> None:
        handle = self._client.get_workflow_handle(message.workflow_id)
        await handle.execute_update(
            message.name,
            args=_arguments(message),
            id=(message.payload or {}).get("message_id"),
            result_type=dict,
        )


def _arguments(message: WorkflowMessage) -> list[dict[str, Any]]:
    return [] if message.payload is None else [message.payload]


async def _in_time(sending: Coroutine[Any, Any, None], entry: OutboxEntry) -> None:
    try:
        async with asyncio.timeout(timedelta(seconds=RPC_SECONDS_MAX).total_seconds()):
            await sending
    except WorkflowUpdateFailedError as error:
        raise _refused(error) from None
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
        raise Undelivered("no answer in time") from None
    except RPCError as error:
        nobody = error.status is RPCStatusCode.NOT_FOUND
        kind = (
            Undeliverable if nobody and entry.attempts >= ATTEMPTS_FOR_A_RECEIVER else Undelivered
        )
        raise kind(f"Temporal answers {error.status.name}") from None


def _refused(error: WorkflowUpdateFailedError) -> Exception:
    refusal = refusal_of(error.cause)
    if isinstance(refusal, Draining):
        return Undelivered(refusal.code)
    return refusal or Undeliverable("the update failed")
