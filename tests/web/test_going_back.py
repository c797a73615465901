"""Does a dry run name everything that would be done again? Tried on every recorded history."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from temporalio.api.enums.v1 import EventType

from domain.errors import NotFound, ResetBarred
from domain.operations import Repeat, ResetPlan, WorkflowLook
from tests.replay.files import Recorded, names, recorded
from web.service.going_back import FIRST, LAST, plan_of
from web.service.repair import refuse_barred


def look(kept: Recorded, parent_id: str | None = None) -> WorkflowLook:
    return WorkflowLook(
        workflow_id=kept.history.workflow_id,
        run_id="r-1",
        workflow=kept.workflow_type,
        status="running",
        parent_id=parent_id,
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def plan(name: str, to: str) -> ResetPlan:
    kept = recorded(name)
    return plan_of(look(kept), list(kept.history.events), to)


@pytest.mark.parametrize("name", names())
def test_from_the_first_task_every_step_of_a_history_is_done_again(name: str) -> None:
    events = recorded(name).history.events
    steps = [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]
    found = plan(name, FIRST)
    told = [
        each.name
        for each in found.again
        if each.repeat not in (Repeat.WAITS, Repeat.GIVEN) and each.name != "receive_application"
    ]
    assert told == steps
    assert plan(name, FIRST).plan_hash == found.plan_hash


@pytest.mark.parametrize("name", names())
def test_a_later_point_does_less_again_and_nothing_else(name: str) -> None:
    points = [
        event.event_id
        for event in recorded(name).history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ]
    plans = [plan(name, str(point)) for point in points]
    for earlier, later in pairwise(plans):
        assert set(later.again) <= set(earlier.again)
        assert set(later.children) <= set(earlier.children)
    assert plans[-1] == plan(name, LAST)


def test_only_what_judges_or_writes_again_counts_as_an_effect() -> None:
    found = plan("application_active", FIRST)
    assert {each.name for each in found.effects} == {"assess_application"}
    assert {each.name for each in found.again} >= {"receive_application", "activate_line", "submit"}


def test_people_are_not_asked_twice() -> None:
    before = plan("application_active", "assess_application")
    assert [child.partition("/")[0] for child in before.children] == ["approval", "contract"]
    with pytest.raises(ResetBarred):
        refuse_barred(before)
    refuse_barred(plan("application_active", "activate_line"))
    kept = recorded("approval_approved")
    with pytest.raises(ResetBarred):
        refuse_barred(plan_of(look(kept, "application/x"), list(kept.history.events), LAST))


@pytest.mark.parametrize("to", ["3", "99999", "no_such_step"])
def test_a_point_that_is_none_is_refused(to: str) -> None:
    with pytest.raises(NotFound):
        plan("line_frozen", to)
