"""The core asks nobody what time it is: workers run it without a sandbox, so a test must look.

Replay gives the same answer only while values and judgements depend on their arguments alone.
"""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PURE = sorted(
    path for folder in ("domain", "policies") for path in (PROJECT / folder).rglob("*.py")
)
ORDERS = sorted(
    path
    for path in (PROJECT / "workflows").glob("*.py")
    if "@workflow.defn" in path.read_text("utf-8")
)

BANNED_CALLS = {
    "now", "today", "utcnow", "uuid1", "uuid4", "getenv", "urandom", "input", "print",
}  # fmt: skip
BANNED_MODULES = {
    "random", "secrets", "os", "time", "socket", "threading", "subprocess", "pathlib", "requests",
}  # fmt: skip


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(PROJECT)))
def test_values_and_judgements_take_time_and_chance_as_arguments(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            assert _called(node) not in BANNED_CALLS, f"line {node.lineno}"
        if isinstance(node, ast.Import):
            imported = {alias.name.split(".")[0] for alias in node.names}
            assert not imported & BANNED_MODULES, f"line {node.lineno}"
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in BANNED_MODULES, f"line {node.lineno}"


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(PROJECT)))
def test_no_amount_becomes_a_float(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            assert _called(node) != "float", f"line {node.lineno}"
        if isinstance(node, ast.Constant):
            assert not isinstance(node.value, float), f"line {node.lineno}"


@pytest.mark.parametrize("path", ORDERS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_workflows_take_time_and_chance_from_their_history(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node) in BANNED_CALLS:
            assert _owner(node) == "workflow", f"line {node.lineno}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            named = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            named += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not {name.split(".")[0] for name in named} & BANNED_MODULES, (
                f"line {node.lineno}"
            )


def _owner(node: ast.Call) -> str:
    function = node.func
    owner = function.value if isinstance(function, ast.Attribute) else None
    return getattr(owner, "id", "")
