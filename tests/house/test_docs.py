"""What the documents say can be done, can be done: commands, addresses, tests, files, figures."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from creditflow.cli import app
from settings import COMMAND_VARIABLES, PREFIX, Settings
from tests.replay.files import names, recorded
from web import api

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
FEATURES = (PROJECT / "docs" / "features.md").read_text("utf-8")

by_name = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT))
)


def code_of(text: str) -> list[str]:
    """Everything set as code: rows of fenced blocks, and what stands between backquotes."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    rows = [row for block in blocks for row in block.replace("\\\n", " ").splitlines()]
    prose = re.sub(r"^```\w*\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return rows + [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)]


@by_name
def test_only_commands_that_exist_are_named(document: Path) -> None:
    for code in code_of(document.read_text("utf-8")):
        found = re.match(r"(?:\.venv/bin/)?creditflow ([a-z].*)", code)
        if found:
            _walk(found.group(1), code)


def _walk(typed: str, code: str) -> None:
    """Each word that names a command does, down to the last group; each option is one of its own."""
    words = shlex.split(typed, comments=True)
    command: Any = get_command(app)
    taken = 0
    for word in words:
        if word.startswith("-") or not hasattr(command, "list_commands"):
            break
        if not re.fullmatch(r"[a-z_|-]+", word):  # an argument of the group, such as a line's id
            taken += 1
            continue
        for name in word.split("|"):
            assert name in command.list_commands(None), code
        command = command.get_command(None, word.split("|")[0])
        taken += 1
    options = {option for parameter in command.params for option in parameter.opts}
    for word in words[taken:]:
        if word.startswith("--"):
            assert word.split("=")[0] in options, code


@pytest.mark.parametrize("typed", ["explode", "up --sideways", "policy polish", "line L burn"])
def test_a_command_that_does_not_exist_is_found(typed: str) -> None:
    with pytest.raises(AssertionError):
        _walk(typed, typed)


@by_name
def test_only_programs_that_exist_are_named(document: Path) -> None:
    for code in code_of(document.read_text("utf-8")):
        for module in re.findall(r"python3? -m ([\w.]+)", code):
            ours = PROJECT / module.replace(".", "/")
            assert ours.with_suffix(".py").exists() or (ours / "__main__.py").exists(), code
        for script in re.findall(r"(?:^|\s)\./([\w/.]+)", code):
            assert (PROJECT / script).exists(), code


@by_name
def test_only_addresses_that_exist_are_named(document: Path) -> None:
    known = {
        (method, re.sub(r"{\w+}", "*", str(getattr(route, "path", ""))))
        for route in api.routes()
        for method in getattr(route, "methods", None) or ()
    }
    for code in code_of(document.read_text("utf-8")):
        for method, path in re.findall(r"\b(GET|POST|PUT|DELETE) (/api/v1/[\w{}/-]*)", code):
            wanted = re.sub(r"{\w+}|[A-Z][A-Z_]*", "*", path)
            assert (method, wanted) in known, code


@by_name
def test_only_settings_that_exist_are_named(document: Path) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | COMMAND_VARIABLES
    named = set(re.findall(rf"\b{PREFIX}[A-Z][A-Z_]*\b", document.read_text("utf-8")))
    assert named <= known


@by_name
def test_links_lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text("utf-8")):
        if not re.match(r"https?:", link):
            assert (document.parent / link).exists(), link


@by_name
def test_files_that_are_named_are_there(document: Path) -> None:
    folders = {path.name for path in PROJECT.iterdir() if path.is_dir()}
    for code in code_of(document.read_text("utf-8")):
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)+/?", code) and code.split("/")[0] in folders:
            assert (PROJECT / code).exists(), code


@by_name
def test_a_page_keeps_to_its_width(document: Path) -> None:
    fenced = False
    for row in document.read_text("utf-8").splitlines():
        fenced = fenced != row.startswith("```")
        wide = row.startswith(("|", "!", "[")) or fenced
        assert wide or len(row) <= 120, row


def test_every_row_of_the_catalogue_names_tests_that_exist() -> None:
    rows = re.findall(r"^\| (?!id |---)(.*) \|$", FEATURES, re.MULTILINE)
    assert rows
    for row in rows:
        shown = re.findall(r"`(tests/[\w/]+\.py)`", row)
        assert shown, row
        for path in shown:
            assert (PROJECT / path).is_file(), path


def test_what_a_case_costs_is_what_the_histories_say() -> None:
    roads = {
        "decided by policy, no agreement": ("application_pre_approved",),
        "decided by policy, declined": ("application_declined_by_policy",),
        "automatic lane, signed, active": ("application_active_automatic", "contract_signed"),
        "one approver, signed, conditions, active": (
            "application_active", "approval_approved", "contract_signed",
        ),
        "approval that nobody answers: reminded, escalated, lapsed": (
            "application_approval_lapsed", "approval_lapsed",
        ),
    }  # fmt: skip
    text = (PROJECT / "docs" / "scale.md").read_text("utf-8")
    said = {
        road: (int(steps), int(events))
        for road, steps, events in re.findall(
            r"^\| ([^|]+?) \| [^|]+ \| (\d+) \| (\d+) \|$", text, re.MULTILINE
        )
    }
    assert said.keys() == roads.keys()
    for road, histories in roads.items():
        assert set(histories) <= set(names())
        events = [event for name in histories for event in recorded(name).events]
        steps = [event for event in events if _is_step(event)]
        assert said[road][0] == len(steps), road
        # Two tasks of a workflow may come together or apart, which is three events each time.
        assert abs(said[road][1] - len(events)) <= 9, road


def _is_step(event: dict[str, Any]) -> bool:
    """An activity that was scheduled, or one that ran within a task of its workflow."""
    marker = event.get("markerRecordedEventAttributes", {}).get("markerName")
    return "activityTaskScheduledEventAttributes" in event or marker == "core_local_activity"
