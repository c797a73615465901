"""What Temporal knows of a workflow, read for operators, and what may be done to one by hand.

Each function is one question or one act on a client; `Gateway.ask` carries it over. Failures are
encrypted where they lie, and are read here with the installation's own converter.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import (
    EventType,
    PendingActivityState,
    TaskQueueType,
    WorkflowExecutionStatus,
    WorkflowTaskFailedCause,
)
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryReverseRequest,
    PauseActivityRequest,
    ResetActivityRequest,
    ResetWorkflowExecutionRequest,
    UnpauseActivityRequest,
)
from temporalio.client import Client

from activities.failing import error_text
from activities.refusals import refusal_of
from domain.operations import PendingStep, WorkflowLook

# A worker asks at least this often; one that has not is gone, though Temporal lists it longer.
_POLLS_WITHIN = timedelta(seconds=75)
_FAILING = (
    "TemporalReportedProblems IN ('category=WorkflowTaskFailed', 'category=WorkflowTaskTimedOut')"
)


class Running(NamedTuple):
    workflow_id: str
    run_id: str
    started_at: datetime


class Story(NamedTuple):
    """One thing a history tells."""

    at: datetime
    kind: str
    facts: dict[str, str]


async def look_at(client: Client, workflow_id: str, run_id: str = "") -> WorkflowLook:
    """How a workflow stands; the client's NOT_FOUND where there is none."""
    found = await client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
        )
    )
    info = found.workflow_execution_info
    attempts = found.pending_workflow_task.attempt
    return WorkflowLook(
        workflow_id=workflow_id,
        run_id=info.execution.run_id,
        workflow=info.type.name,
        # The server knows more of them than the client's own names for them.
        status=WorkflowExecutionStatus.Name(info.status)
        .removeprefix("WORKFLOW_EXECUTION_STATUS_")
        .lower(),
        parent_id=info.parent_execution.workflow_id or None,
        queue=info.task_queue,
        started_at=_instant(info.start_time),
        ended_at=_instant(info.close_time) if info.HasField("close_time") else None,
        steps=tuple([await _pending(client, each) for each in found.pending_activities]),
        task_attempts=attempts,
        task_error=await _task_error(client, info.execution) if attempts > 1 else "",
    )


async def _pending(client: Client, step: PendingActivityInfo) -> PendingStep:
    waits = step.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    failed = step.HasField("last_failure")
    return PendingStep(
        step_id=step.activity_id,
        step=step.activity_type.name,
        # What is told while it waits is the number of the attempt to come.
        attempts=max(step.attempt - 1, 0) if waits and failed else step.attempt,
        error=await _said(client, step.last_failure) if failed else "",
        paused=step.paused,
        scheduled_at=_instant(step.scheduled_time),
        last_failed_at=_instant(step.last_attempt_complete_time) if failed else None,
        next_at=_instant(step.next_attempt_schedule_time)
        if step.HasField("next_attempt_schedule_time")
        else None,
    )


async def _task_error(client: Client, execution: WorkflowExecution) -> str:
    """Why the workflow's own code failed; later attempts leave no event of their own."""
    newest = await client.workflow_service.get_workflow_execution_history_reverse(
        GetWorkflowExecutionHistoryReverseRequest(
            namespace=client.namespace, execution=execution, maximum_page_size=10
        )
    )
    for event in newest.history.events:
        if event.HasField("workflow_task_failed_event_attributes"):
            return await _said(client, event.workflow_task_failed_event_attributes.failure)
    return ""


async def _said(client: Client, failure: Failure) -> str:
    """The innermost error in words."""
    error: BaseException = await client.data_converter.decode_failure(failure)
    while error.__cause__ is not None:
        error = error.__cause__
    kind = getattr(error, "type", None)
    text = error_text(error).partition(": ")[2] or error_text(error)
    return f"{kind}: {text.removeprefix(f'{kind}: ')}" if kind else text


async def failing_tasks(client: Client, most: int) -> list[str]:
    """The ids of workflows whose own code fails, as Temporal's visibility has them."""
    return [each.id async for each in client.list_workflows(_FAILING, limit=most)]


async def unpolled(client: Client, queues: Iterable[str]) -> list[str]:
    """The queues that nobody asks for workflow tasks."""
    silent = []
    for queue in queues:
        found = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=client.namespace,
                task_queue=TaskQueue(name=queue),
                task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
            )
        )
        since = datetime.now(UTC) - _POLLS_WITHIN
        if not any(_instant(poller.last_access_time) >= since for poller in found.pollers):
            silent.append(queue)
    return silent


async def running(client: Client, workflow: str) -> list[Running]:
    """Every running workflow of a type."""
    query = f"WorkflowType = '{workflow}' AND ExecutionStatus = 'Running'"
    return [
        Running(each.id, each.run_id, each.start_time)
        async for each in client.list_workflows(query)
    ]


# ── histories ────────────────────────────────────────────────────────────────────────────────────


async def events_of(client: Client, workflow_id: str, run_id: str = "") -> list[HistoryEvent]:
    """The events of a run, the latest where none is named, oldest first."""
    handle = client.get_workflow_handle(workflow_id, run_id=run_id or None)
    return list((await handle.fetch_history()).events)


async def story_of(client: Client, workflow_id: str) -> list[Story]:
    """What the latest run of a workflow tells: steps with their attempts, waits, messages, ends."""
    events = await events_of(client, workflow_id)
    steps = {
        event.event_id: event.activity_task_scheduled_event_attributes.activity_type.name
        for event in events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    }
    begun: dict[int, dict[str, str]] = {}
    told = []
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            started = event.activity_task_started_event_attributes
            facts = {"attempts": str(started.attempt)}
            if started.HasField("last_failure"):
                facts["last_error"] = await _said(client, started.last_failure)
            begun[started.scheduled_event_id] = facts
            continue
        kind, facts = await _told(client, event, steps, begun)
        if kind:
            told.append(Story(_instant(event.event_time), kind, facts))
    return told


async def _told(
    client: Client, event: HistoryEvent, steps: dict[int, str], begun: dict[int, dict[str, str]]
) -> tuple[str, dict[str, str]]:
    name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower()
    said: Any = getattr(event, f"{name}_event_attributes", None)
    match name:
        case "activity_task_completed" | "activity_task_failed" | "activity_task_timed_out":
            scheduled = said.scheduled_event_id
            facts = {"step": steps.get(scheduled, ""), **begun.get(scheduled, {})}
            if name == "activity_task_completed":
                return "step_completed", facts
            facts["last_error"] = await _said(client, said.failure)
            refused = refusal_of(await client.data_converter.decode_failure(said.failure))
            if refused is not None:
                return "step_refused", facts
            return name.replace("activity_task", "step"), facts
        case "workflow_task_failed":
            return "task_failed", {"last_error": await _said(client, said.failure)}
        case "workflow_execution_signaled":
            return "message_given", {"name": said.signal_name}
        case "workflow_execution_update_accepted":
            return "message_given", {"name": said.accepted_request.input.name}
        case "start_child_workflow_execution_initiated":
            return "child_begun", {"workflow": said.workflow_id}
        case "timer_started":
            until = _instant(event.event_time) + said.start_to_fire_timeout.ToTimedelta()
            return "wait_begun", {"until": until.isoformat(timespec="seconds")}
        case "timer_fired":
            return "wait_over", {}
        case "workflow_execution_started":
            return "begun", {"workflow": said.workflow_type.name}
        case _ if (how := name.removeprefix("workflow_execution_")) in _ENDS:
            return "ended", {"how": how}
    return "", {}


_ENDS = frozenset(
    {"completed", "failed", "timed_out", "terminated", "canceled", "continued_as_new"}
)


# ── acts ─────────────────────────────────────────────────────────────────────────────────────────


async def retry_step(client: Client, look: WorkflowLook, step_id: str) -> None:
    """Try a step again now, from its first attempt."""
    await client.workflow_service.reset_activity(
        ResetActivityRequest(
            namespace=client.namespace,
            execution=_execution(look),
            id=step_id,
            identity=client.identity,
        )
    )


async def pause_step(client: Client, look: WorkflowLook, step_id: str, reason: str) -> None:
    """Try a step no more until it is resumed; an attempt under way goes on to its end."""
    await client.workflow_service.pause_activity(
        PauseActivityRequest(
            namespace=client.namespace,
            execution=_execution(look),
            id=step_id,
            reason=reason,
            identity=client.identity,
        )
    )


async def resume_step(client: Client, look: WorkflowLook, step_id: str) -> None:
    await client.workflow_service.unpause_activity(
        UnpauseActivityRequest(
            namespace=client.namespace,
            execution=_execution(look),
            id=step_id,
            identity=client.identity,
        )
    )


async def complete_step(
    client: Client, look: WorkflowLook, step_id: str, result: dict[str, Any] | None
) -> None:
    """Answer for a step."""
    handle = client.get_async_activity_handle(
        workflow_id=look.workflow_id, run_id=look.run_id, activity_id=step_id
    )
    await handle.complete(result)


async def go_back(
    client: Client, look: WorkflowLook, event_id: int, reason: str, request_id: str
) -> str:
    """Let a workflow run again from an event; the id of the run that does. Once for a request."""
    begun = await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=_execution(look),
            workflow_task_finish_event_id=event_id,
            reason=_under(reason, request_id),
            request_id=request_id,
            identity=client.identity,
        )
    )
    return begun.run_id


async def went_back(client: Client, look: WorkflowLook, run_id: str, request_id: str) -> bool:
    """Whether the latest run is the one that a request made out of another, whose answer was lost."""
    for event in await events_of(client, look.workflow_id, look.run_id):
        said = event.workflow_task_failed_event_attributes
        if (
            said.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
            and said.base_run_id == run_id
            and (await _said(client, said.failure)).endswith(_under("", request_id))
        ):
            return True
    return False


def _under(reason: str, request_id: str) -> str:
    return f"{reason} [{request_id}]"


async def answered(
    client: Client, look: WorkflowLook, step_id: str, result: dict[str, Any] | None
) -> bool:
    """Whether a step was answered for with this result, in a run whose step is not pending."""
    scheduled = 0
    for event in await events_of(client, look.workflow_id, look.run_id):
        asked = event.activity_task_scheduled_event_attributes
        done = event.activity_task_completed_event_attributes
        if asked.activity_id == step_id:
            scheduled = event.event_id
        elif scheduled and done.scheduled_event_id == scheduled:
            return await client.data_converter.decode(done.result.payloads) == [result]
    return False


def _execution(look: WorkflowLook) -> WorkflowExecution:
    return WorkflowExecution(workflow_id=look.workflow_id, run_id=look.run_id)


def _instant(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)


def named(steps: Sequence[PendingStep], step_id: str) -> PendingStep | None:
    return next((each for each in steps if each.step_id == step_id), None)
