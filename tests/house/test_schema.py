"""The tables are what the rows say, and the way there suits a deployment that is being used."""

import ast
import importlib
import pkgutil
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, Integer, String, event, text
from sqlalchemy.engine import Connection

import storage
from storage.base import Records, Row
from storage.migrations import FOLDER, config, upgrade
from tests.servers import Databases

MIGRATIONS = sorted((FOLDER / "versions").glob("0*.py"))
PROJECT = Path(__file__).resolve().parents[2]
OURS = {path.parent.name for path in PROJECT.glob("*/__init__.py")} | {"settings", "worker"}


# Filled by the database alone, or read and written by statements of their own.
WRITTEN_BY_THE_DATABASE = {"recorded_at"}
WITHOUT_A_ROW = {"alembic_version", "automatic_decision", "automatic_lane_switch"}


def test_a_migrated_database_is_what_the_rows_say(records: Records) -> None:
    """Tables, columns, types, and what may be missing; keys and indexes are the migrations' alone."""
    for module in pkgutil.walk_packages(storage.__path__, "storage."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)

    with records.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": _differs, "include_object": _is_for_rows}
        )
        assert compare_metadata(context, Row.metadata) == []


def _is_for_rows(
    found: Any, name: str | None, kind: str, reflected: bool, compared_to: object
) -> bool:
    if kind == "table":
        return name not in WITHOUT_A_ROW
    if kind == "column":
        by_database = name in WRITTEN_BY_THE_DATABASE and found.server_default is not None
        return not (reflected and compared_to is None and by_database)
    return False


def _differs(
    context: object, found: object, said: object, found_type: Any, said_type: Any
) -> bool | None:
    """A text is a text and a whole number a whole number, however long; the rest exactly."""
    for family in (String, Integer):
        if isinstance(found_type, family) and isinstance(said_type, family):
            return False
    return None


def test_migrations_are_one_row_of_steps() -> None:
    script = ScriptDirectory.from_config(config("unused"))
    assert len(script.get_heads()) == 1
    assert len(list(script.walk_revisions())) == len(MIGRATIONS)


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: path.stem)
def test_a_migration_knows_nothing_of_our_code(path: Path) -> None:
    """What it does stays what it was, whatever becomes of the code."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        imported: list[str] = []
        if isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}"
            imported = [node.module or ""]
        roots = {name.split(".")[0] for name in imported}
        assert not roots & OURS
        assert roots <= {"alembic", "sqlalchemy", *sys.stdlib_module_names}


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: path.stem)
def test_what_has_been_released_is_not_downgraded(path: Path) -> None:
    functions = [
        node
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name == "downgrade"
    ]
    for function in functions:
        assert isinstance(function.body[-1], ast.Raise), "a downgrade is refused"


def test_no_change_waits_for_its_lock_longer_than_a_few_seconds(
    postgres_server: Databases,
) -> None:
    """Everybody who comes after it would have to wait as well."""
    seen: list[str] = []

    def look(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        seen.append(" ".join(statement.split()))

    name = postgres_server.copy()
    records = Records(postgres_server.url(name))
    with records.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    records.close()
    event.listen(Engine, "before_cursor_execute", look)
    try:
        upgrade(postgres_server.url(name))
    finally:
        event.remove(Engine, "before_cursor_execute", look)
        postgres_server.drop(name)

    assert any(statement.startswith("CREATE TABLE") for statement in seen)
    limit = next(n for n, statement in enumerate(seen) if "lock_timeout" in statement)
    first = next(n for n, statement in enumerate(seen) if _changes(statement))
    assert limit < first
    limits = [statement for statement in seen if "lock_timeout" in statement]
    assert all(statement.endswith("lock_timeout = '5s'") for statement in limits)


def _changes(statement: str) -> bool:
    return statement.startswith(("CREATE", "ALTER", "DROP"))
