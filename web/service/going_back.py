"""What would happen if a workflow went back to an earlier point: a dry run from its history alone."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from activities.repeats import REPEATS
from domain.errors import NotFound
from domain.operations import Again, Repeat, ResetPlan, WorkflowLook

FIRST, LAST = "first", "last"
# The step that runs within the first task of a case and leaves a marker instead of a schedule.
_LOCAL_STEP = "receive_application"
_LOCAL_MARKER = "core_local_activity"


def plan_of(look: WorkflowLook, events: Sequence[HistoryEvent], to: str) -> ResetPlan:
    """The plan for a point: `first`, `last`, a step's name (before it was last asked for), or the
    number of a completed task. `NotFound` where the history has no such point."""
    point = _point(events, to)
    after = [event for event in events if event.event_id > point.event_id]
    return ResetPlan(
        workflow_id=look.workflow_id,
        run_id=look.run_id,
        event_id=point.event_id,
        events=len(events),
        point_at=_at(point),
        again=tuple(again for event in after if (again := _again(event)) is not None),
        children=tuple(
            event.start_child_workflow_execution_initiated_event_attributes.workflow_id
            for event in after
            if event.event_type == EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED
        ),
        parent_id=look.parent_id,
    )


def _point(events: Sequence[HistoryEvent], to: str) -> HistoryEvent:
    done = [e for e in events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
    if to == FIRST:
        found = done[:1]
    elif to == LAST:
        found = done[-1:]
    elif to.isdecimal():
        found = [event for event in done if event.event_id == int(to)]
    else:
        asked_for = [
            event.activity_task_scheduled_event_attributes.workflow_task_completed_event_id
            for event in events
            if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
            and event.activity_task_scheduled_event_attributes.activity_type.name == to
        ]
        found = [event for event in done if event.event_id in asked_for[-1:]]
    if not found:
        raise NotFound(kind="point of the history", id=to)
    return found[0]


def _again(event: HistoryEvent) -> Again | None:
    name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower()
    said: Any = getattr(event, f"{name}_event_attributes", None)
    match name:
        case "activity_task_scheduled":
            step = said.activity_type.name
            # A step of an earlier release that nobody lists may do anything.
            return _told(event, step, REPEATS.get(step, Repeat.ACTS))
        case "marker_recorded" if said.marker_name == _LOCAL_MARKER:
            return _told(event, _LOCAL_STEP, REPEATS[_LOCAL_STEP])
        case "timer_started":
            return _told(event, "timer", Repeat.WAITS)
        case "workflow_execution_signaled":
            return _told(event, said.signal_name, Repeat.GIVEN)
        case "workflow_execution_update_accepted":
            return _told(event, said.accepted_request.input.name, Repeat.GIVEN)
    return None


def _told(event: HistoryEvent, name: str, repeat: Repeat) -> Again:
    return Again(event_id=event.event_id, at=_at(event), name=name, repeat=repeat)


def _at(event: HistoryEvent) -> datetime:
    return event.event_time.ToDatetime(tzinfo=UTC)
