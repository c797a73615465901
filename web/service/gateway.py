"""The way from a request to a workflow and back, for programs that serve in threads.

Requests run in plain threads while Temporal's client lives on one event loop of its own; each call
crosses over, waits, and comes back as a result or as the refusal the workflow gave.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.refusals import refusal_of
from domain.errors import Draining, NotFound
from domain.value import content_hash

_Result = TypeVar("_Result")


class TemporalUnavailable(Exception):
    """Temporal does not answer; what was recorded is carried out when it does."""


class StillPending(Exception):
    """The message was accepted or started and has not been answered in time."""


class Gateway(Protocol):
    """What services ask of Temporal."""

    def update(self, workflow_id: str, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send an update and wait; raises the workflow's refusal, `NotFound` when it has ended."""
        ...

    def signal(self, workflow_id: str, name: str, payload: dict[str, Any]) -> None:
        """Send a signal; `NotFound` when the workflow has ended or never was."""
        ...

    def start(
        self, workflow: str, workflow_id: str, payload: dict[str, Any], *, queue: str
    ) -> None:
        """Start a workflow; one that runs or has run under this id already is left alone."""
        ...

    def update_with_start(
        self,
        workflow: str,
        workflow_id: str,
        start: dict[str, Any],
        name: str,
        *,
        queue: str,
        seconds_max: float,
    ) -> dict[str, Any]:
        """Start a workflow unless it runs, send it an update without argument, and wait.

        Raises `StillPending` after `seconds_max`, and `NotFound` when it ran and ended before.
        """
        ...

    def history(self, workflow_id: str) -> list[dict[str, Any]]:
        """The events of a workflow's latest run, oldest first; `NotFound` when there is none."""
        ...

    def ask(self, question: Callable[[Client], Coroutine[Any, Any, _Result]]) -> _Result:
        """What a question to Temporal's own interface answers (`inspection.py`), or a change made
        through it; `NotFound` when what it is about is not there."""
        ...


class TemporalGateway:
    """The real gateway: one event loop in a thread, one client, made on first use."""

    def __init__(self, connect: Callable[[], Coroutine[Any, Any, Client]]) -> None:
        self._connect = connect
        self._client: Client | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)

    def update(self, workflow_id: str, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        return self._run(self._update(workflow_id, name, payload))

    def signal(self, workflow_id: str, name: str, payload: dict[str, Any]) -> None:
        async def send(client: Client) -> None:
            await client.get_workflow_handle(workflow_id).signal(name, payload)

        self._run(self._with_client(send))

    def start(
        self, workflow: str, workflow_id: str, payload: dict[str, Any], *, queue: str
    ) -> None:
        async def start(client: Client) -> None:
            # One that has ended was started before; its records say what it came to.
            with suppress(WorkflowAlreadyStartedError):
                await client.start_workflow(
                    workflow,
                    payload,
                    id=workflow_id,
                    task_queue=queue,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                )

        self._run(self._with_client(start))

    def update_with_start(
        self,
        workflow: str,
        workflow_id: str,
        start: dict[str, Any],
        name: str,
        *,
        queue: str,
        seconds_max: float,
    ) -> dict[str, Any]:
        async def send(client: Client) -> dict[str, Any]:
            operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
                workflow,
                start,
                id=workflow_id,
                task_queue=queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            )
            answer = client.execute_update_with_start_workflow(
                name, start_workflow_operation=operation, id=name, result_type=dict
            )
            try:
                return dict(await asyncio.wait_for(answer, seconds_max))
            except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
                with suppress(asyncio.CancelledError):  # else the loop reports it as forgotten
                    await operation.workflow_handle()
                raise

        return self._run(self._with_client(send))

    def history(self, workflow_id: str) -> list[dict[str, Any]]:
        async def read(client: Client) -> list[dict[str, Any]]:
            history = await client.get_workflow_handle(workflow_id).fetch_history()
            return list(history.to_json_dict()["events"])

        return self._run(self._with_client(read))

    def ask(self, question: Callable[[Client], Coroutine[Any, Any, _Result]]) -> _Result:
        return self._run(self._with_client(question))

    async def _update(self, workflow_id: str, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        async def send(client: Client) -> dict[str, Any]:
            handle = client.get_workflow_handle(workflow_id)
            return dict(
                await handle.execute_update(
                    name,
                    payload,
                    id=_update_id(payload),
                    result_type=dict,
                    rpc_timeout=timedelta(seconds=20),
                )
            )

        # A workflow that is carrying itself over refuses for a moment; the message stays the same.
        for pause in (0.05, 0.2, 0.5, 1.0, 2.0):
            try:
                return await self._with_client(send)
            except Draining:
                await asyncio.sleep(pause)
        return await self._with_client(send)

    async def _with_client(self, call: Callable[[Client], Coroutine[Any, Any, _Result]]) -> _Result:
        if self._client is None:
            try:
                self._client = await self._connect()
            except (RPCError, RuntimeError, OSError) as error:
                raise TemporalUnavailable from error
        try:
            return await call(self._client)
        except WorkflowUpdateFailedError as error:
            raise _refused(error) from None
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
            raise StillPending from error
        except RPCError as error:
            raise _unreached(error) from error

    def _run(self, call: Coroutine[Any, Any, _Result]) -> _Result:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()


def _update_id(payload: dict[str, Any]) -> str | None:
    """One id for one message with one content; a repeat of the key with other content is its own
    update, which the receiver refuses."""
    if "message_id" not in payload:
        return None
    said = {name: value for name, value in payload.items() if name != "token"}
    return f"{payload['message_id']}/{content_hash(said)[:16]}"


def _refused(error: WorkflowUpdateFailedError) -> Exception:
    return refusal_of(error.cause) or error


def _unreached(error: RPCError) -> Exception:
    if error.status is RPCStatusCode.NOT_FOUND:
        return NotFound(kind="running workflow", id="under this id")
    return TemporalUnavailable(error.message)
