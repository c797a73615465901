"""Do cases under way still run? Each recorded history replays; a changed order is caught.

A history is recorded by `python -m tests.replay.record`; what an older release recorded stays.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, get_type_hints

import pytest
from temporalio import activity, workflow
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from activities import signatures
from tests.replay.files import FOLDER, Recorded, names, payloads_of, recorded
from tests.replay.variants import VARIANTS
from tests.sandbox import RUNNER
from worker import CASE_WORKFLOWS, PORTFOLIO_WORKFLOWS
from workflows.codec import data_converter

WORKFLOWS = (*CASE_WORKFLOWS, *PORTFOLIO_WORKFLOWS)
NAMES = names()


def replayer(*workflows: type) -> Replayer:
    """What the worker runs histories with, but for the encryption: these are in clear."""
    return Replayer(
        workflows=list(workflows), workflow_runner=RUNNER, data_converter=data_converter(None)
    )


def type_of(workflow_class: type) -> str:
    definition = workflow._Definition.from_class(workflow_class)
    assert definition is not None
    assert definition.name is not None
    return definition.name


def histories_of(workflow_type: str) -> Sequence[Recorded]:
    return [each for each in map(recorded, NAMES) if each.workflow_type == workflow_type]


@pytest.mark.parametrize("name", NAMES)
async def test_a_recorded_case_still_runs(name: str) -> None:
    await replayer(*WORKFLOWS).replay_workflow(recorded(name).history)


@pytest.mark.parametrize("workflow_class", WORKFLOWS, ids=type_of)
def test_every_workflow_that_is_registered_has_a_history(workflow_class: type) -> None:
    assert histories_of(type_of(workflow_class))


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.__name__)
async def test_another_order_of_steps_is_caught(variant: type) -> None:
    for each in histories_of(type_of(variant)):
        result = await replayer(variant).replay_workflow(
            each.history, raise_on_replay_failure=False
        )
        if isinstance(result.replay_failure, NondeterminismError):
            return
    raise AssertionError("every history runs as if nothing had changed")


def test_every_workflow_has_a_variant_that_is_caught() -> None:
    assert {type_of(variant) for variant in VARIANTS} == {type_of(each) for each in WORKFLOWS}


# What is to be found among the histories: how a case may end, and what is told to whom on the way.
ENDS = {
    "CreditApplicationWorkflow": {
        "active", "approved", "declined", "lapsed", "refused", "withdrawn",
    },
    "ApprovalWorkflow": {"approved", "declined", "returned", "lapsed", "withdrawn"},
    "ContractSigningWorkflow": {"signed", "declined", "expired", "withdrawn"},
    "CreditLineWorkflow": {"expired", "terminated"},
    "ReviewWorkflow": {"concluded", "lapsed", "stopped"},
    "CollectionWorkflow": {"paid", "closed"},
}  # fmt: skip


@pytest.mark.parametrize("workflow_type", ENDS)
def test_every_end_is_among_the_histories(workflow_type: str) -> None:
    found = set()
    for each in histories_of(workflow_type):
        last = each.events[-1].get("workflowExecutionCompletedEventAttributes", {})
        for result in payloads_of(last):
            found.add(result.get("outcome") or result["status"])
    assert found == ENDS[workflow_type]


MESSAGES = {
    "CreditApplicationWorkflow": {
        "amend", "answer_offer", "conditions_changed", "dispose", "investigated", "override",
        "rates_recorded", "reassess", "supplement", "withdraw",
    },
    "ApprovalWorkflow": {"decide", "stop"},
    "ContractSigningWorkflow": {"decline", "issue_again", "sign", "stop"},
    "CreditLineWorkflow": {"changed", "freeze", "review_due", "terminate", "unfreeze"},
    "ReviewWorkflow": {"stop", "supplemented"},
    "CollectionWorkflow": {"close", "promise", "recheck"},
}  # fmt: skip


@pytest.mark.parametrize("workflow_type", MESSAGES)
def test_every_message_is_among_the_histories(workflow_type: str) -> None:
    found = set()
    for event in (event for each in histories_of(workflow_type) for event in each.events):
        signal = event.get("workflowExecutionSignaledEventAttributes", {})
        update = event.get("workflowExecutionUpdateAcceptedEventAttributes", {})
        found |= {signal.get("signalName")}
        found |= {update.get("acceptedRequest", {}).get("input", {}).get("name")}
    assert found - {None} - {"submit"} == MESSAGES[workflow_type]


@pytest.mark.parametrize(
    "workflow_type",
    [
        "ClassificationWorkflow",
        "CreditLineWorkflow",
        "CollectionWorkflow",
        "MonitoringWorkflow",
        "OutboxWorkflow",
    ],
)
def test_what_lives_long_has_a_run_that_was_carried_over(workflow_type: str) -> None:
    histories = [each.events for each in histories_of(workflow_type)]
    begun = [events[0]["workflowExecutionStartedEventAttributes"] for events in histories]
    ended = [events[-1]["eventType"] for events in histories]
    assert "EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW" in ended
    assert any(each.get("continuedExecutionRunId") for each in begun)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_step_was_given_can_still_be_read(name: str) -> None:
    """A step that an older release has asked for may be taken by this one."""
    for event in recorded(name).events:
        asked = event.get("activityTaskScheduledEventAttributes")
        if asked is None:
            continue
        argument = _argument_of(asked["activityType"]["name"])
        for carried in payloads_of(asked.get("input", {})):
            argument.model_validate_json(json.dumps(carried))


def _argument_of(step_name: str) -> Any:
    for stage in vars(signatures).values():
        step = getattr(stage, step_name, None)
        if step is not None and activity._Definition.from_callable(step):
            [argument] = [hint for name, hint in get_type_hints(step).items() if name != "return"]
            return argument
    raise AssertionError(f"nobody knows the step {step_name}")


@pytest.mark.parametrize("name", NAMES)
def test_a_history_names_no_person_no_machine_and_no_secret(name: str) -> None:
    text = (FOLDER / f"{name}.json").read_text("utf-8")
    assert not re.search(r"@|cf_|\.py\b|site-packages|https?://|binary/encrypted", text)
    assert set(re.findall(r'"token":"([^"]*)"', text)) <= {"left-out", "owed", ""}
