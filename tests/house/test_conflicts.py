"""A row that is there already may say something else: whoever adds none has to look.

`ON CONFLICT DO NOTHING` takes a repeat for done, and another's row too. So the statement says what
it wrote (`RETURNING`), or the row is read again; where neither is needed, it is named here with why.
"""

import ast
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
STORES = sorted(
    path for path in (PROJECT / "storage").rglob("*.py") if "migrations" not in path.parts
)

READS = {"read", "find", "list", "select", "scalar", "scalars", "first", "one", "one_or_none"}

UNREAD = {
    "approval/approvals.py:record": "its caller looks first; a repeat carries the same request",
    "approval/approvals.py:_record_tasks": "a task's id is made from all that the task says",
    "approval/authority.py:record": "the day's sum counts a case once, and a case is decided once",
    "identity/refusals.py:record_refusal": "its key is made for the message; a repeat says the same",
    "line/lines.py:freeze": "for one reason a line is frozen once, and its state is read anew",
}  # fmt: skip


def test_a_row_that_was_there_is_looked_at() -> None:
    unread = {
        f"{path.relative_to(PROJECT / 'storage')}:{function.name}"
        for path in STORES
        for function in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(function, ast.FunctionDef) and _adds_unread(function)
    }
    assert unread == set(UNREAD)


def test_one_that_is_not_looked_at_is_found() -> None:
    bare = "def record(self):\n    self._session.execute(insert(R).on_conflict_do_nothing())"
    read = bare + "\n    return self.read(1)"
    told = bare.replace("nothing()", "nothing().returning(R.id)")
    assert _adds_unread(_only_function(bare))
    assert not _adds_unread(_only_function(read))
    assert not _adds_unread(_only_function(told))


def _only_function(source: str) -> ast.FunctionDef:
    [function] = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    return function


def _adds_unread(function: ast.FunctionDef) -> bool:
    """Whether a statement of the function adds nothing on conflict, and nothing looks after it."""
    adding = [node for node in ast.walk(function) if _adds_nothing_on_conflict(node)]
    for node in adding:
        statement = _statement_around(function, node)
        if "returning" in _names(statement):
            continue
        after = [
            each
            for each in ast.walk(function)
            if isinstance(each, ast.stmt) and each.lineno > (statement.end_lineno or 0)
        ]
        if not any(_reads(name) for each in after for name in _names(each)):
            return True
    return False


def _adds_nothing_on_conflict(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == "on_conflict_do_nothing"
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        words = " ".join(node.value.split()).upper()
        return "ON CONFLICT DO NOTHING" in words and "RETURNING" not in words
    return False


def _statement_around(function: ast.FunctionDef, inner: ast.AST) -> ast.stmt:
    """The smallest statement of the function that holds a part of it."""
    holding = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.stmt) and any(part is inner for part in ast.walk(node))
    ]
    return min(holding, key=lambda node: (node.end_lineno or 0) - node.lineno)


def _names(node: ast.AST) -> set[str]:
    attributes = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
    return attributes | {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _reads(name: str) -> bool:
    return name in READS or name.lstrip("_").startswith(("read_", "find_", "list_"))
