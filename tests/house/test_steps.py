"""Steps and orders of events are complete: named, implemented, registered, limited in time."""

import ast
import inspect
from pathlib import Path
from typing import get_type_hints

import pytest
from temporalio import activity, workflow

import worker
from activities import signatures
from activities.repeats import ANSWERED_BY_HAND, ENDED_BY_HAND, REPEATS
from domain.value import Value

PROJECT = Path(__file__).resolve().parents[2]
ORDERS = sorted((PROJECT / "workflows").glob("*.py"))
SIGNATURES = [stage for name, stage in vars(signatures).items() if name.endswith("Steps")]
STEPS = [
    (stage, name)
    for stage in SIGNATURES
    for name in vars(stage)
    if activity._Definition.from_callable(getattr(stage, name)) is not None
]

# What each call of a workflow has to say of itself.
SAID = {
    "execute_activity_method": {"start_to_close_timeout", "retry_policy", "summary"},
    "start_activity_method": {"start_to_close_timeout", "retry_policy", "summary"},
    "start_child_workflow": {"id", "static_summary"},
    "execute_child_workflow": {"id", "static_summary"},
}


def implementations_of(stage: type) -> list[type]:
    """Those of the product; tests have fakes of their own."""
    found: list[type] = stage.__subclasses__()
    return [each for each in found if each.__module__.startswith("activities.")]


@pytest.mark.parametrize("stage", SIGNATURES, ids=lambda stage: stage.__name__)
def test_a_stage_is_implemented_once_and_the_worker_has_it(stage: type) -> None:
    [implementation] = implementations_of(stage)
    built = inspect.getsource(worker.working) + inspect.getsource(worker._notification)
    assert f"{implementation.__name__}(" in built


@pytest.mark.parametrize(("stage", "name"), STEPS, ids=lambda part: str(part))
def test_a_step_is_implemented_as_a_step(stage: type, name: str) -> None:
    [implementation] = implementations_of(stage)
    step = vars(implementation).get(name)
    assert step is not None, "the signature's own only says that it is not implemented"
    assert activity._Definition.from_callable(step) is not None


@pytest.mark.parametrize(("stage", "name"), STEPS, ids=lambda part: str(part))
def test_a_step_takes_one_value_and_answers_with_one(stage: type, name: str) -> None:
    hints = get_type_hints(getattr(stage, name))
    answer = hints.pop("return")
    [argument] = hints.values()
    assert issubclass(argument, Value)
    assert answer is type(None) or issubclass(answer, Value)


def test_no_two_steps_share_a_name() -> None:
    names = [name for _, name in STEPS]
    assert len(names) == len(set(names))


def test_what_every_step_does_when_taken_again_is_told() -> None:
    steps = {name for _, name in STEPS}
    assert set(REPEATS) == steps
    assert steps >= ANSWERED_BY_HAND.keys() | ENDED_BY_HAND


def test_every_order_of_events_is_registered() -> None:
    registered = {each.__name__ for each in (*worker.CASE_WORKFLOWS, *worker.PORTFOLIO_WORKFLOWS)}
    written = {
        node.name
        for path in ORDERS
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
        and any("workflow.defn" in ast.unparse(decorator) for decorator in node.decorator_list)
    }
    assert written == registered


@pytest.mark.parametrize("path", ORDERS, ids=lambda path: path.stem)
def test_every_call_of_a_workflow_says_how_long_and_what_for(path: Path) -> None:
    for call in _calls(path):
        said = {keyword.arg for keyword in call.keywords}
        missing = SAID.get(_called(call), set()) - said
        assert not missing, f"line {call.lineno}: {missing}"
        if _called(call) == "wait_condition" and "timeout" in said:
            assert "timeout_summary" in said, f"line {call.lineno}"


@pytest.mark.parametrize("path", ORDERS, ids=lambda path: path.stem)
def test_a_step_is_called_by_its_signature(path: Path) -> None:
    """Called by name, or by an implementation, its argument would not be checked."""
    for call in _calls(path):
        assert _called(call) not in {"execute_activity", "start_activity"}, f"line {call.lineno}"


@pytest.mark.parametrize(
    "order", [*worker.CASE_WORKFLOWS, *worker.PORTFOLIO_WORKFLOWS], ids=lambda order: order.__name__
)
def test_an_update_that_changes_anything_has_a_validator(order: type) -> None:
    definition = workflow._Definition.from_class(order)
    assert definition is not None
    for name, update in definition.updates.items():
        assert update.validator is not None or name == "submit", name


@pytest.mark.parametrize("folder", ["activities", "workflows", "web", "storage"])
def test_workflow_ids_are_made_in_one_place(folder: str) -> None:
    kinds = ("application/", "approval/", "contract/", "line/", "review/", "collection/", "runs/")
    for path in (PROJECT / folder).rglob("*.py"):
        if path == PROJECT / "workflows" / "names.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                begins = str(node.values[0].value)
                assert begins not in kinds, f"{path.name} line {node.lineno}"


def _calls(path: Path) -> list[ast.Call]:
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return [node for node in nodes if isinstance(node, ast.Call)]


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))
