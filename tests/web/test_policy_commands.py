"""A policy changed from a terminal: checked, compared, through a workbook, drafted and tried."""

from pathlib import Path

import pytest

from creditflow.commands.output import Exit
from storage.edition import Editions, read_shipped, shipped_text
from tests.web.test_commands import Terminal, terminal
from web.service.once import JoinedRecords

__all__ = ["terminal"]

OFFICER = "risk_officer"


@pytest.fixture
def in_force(joined_records: JoinedRecords) -> str:
    with joined_records.begin() as session:
        return Editions(session).publish(read_shipped(), shipped_text("standard"), "system")


@pytest.fixture
def file(tmp_path: Path, in_force: str) -> str:
    """A draft that is sound, and stricter than what is in force."""
    path = tmp_path / "draft.toml"
    path.write_text(shipped_text("standard").replace("enabled = true", "enabled = false"))
    return str(path)


def test_a_gap_is_named_and_found_wanting(terminal: Terminal, file: str) -> None:
    Path(file).write_text(
        Path(file)
        .read_text()
        .replace("at_least = 0.6, below = 0.8,", "at_least = 0.7, below = 0.8,")
    )

    ending, found = terminal.asks("policy", "check", file, as_=OFFICER)

    assert ending is Exit.REFUSED
    assert [(fault["path"], fault["code"]) for fault in found["faults"]] == [
        ("scorecards.corporate.factors.quick_ratio.bins", "gap")
    ]


def test_a_draft_is_compared_to_what_is_in_force_to_a_hash_and_to_a_file(
    terminal: Terminal, file: str, in_force: str, tmp_path: Path
) -> None:
    standard = tmp_path / "standard.toml"
    standard.write_text(shipped_text("standard"))
    sentence = "approval › automatic lane › open: true becomes false"
    for words in ([file], [in_force, file], [str(standard), file]):
        _, found = terminal.asks("policy", "diff", *words, as_=OFFICER)
        assert [each["sentence"] for each in found["differences"]] == [sentence]


def test_an_edition_goes_through_a_workbook_unchanged(
    terminal: Terminal, in_force: str, tmp_path: Path
) -> None:
    book, toml = str(tmp_path / "edition.xlsx"), str(tmp_path / "edition.toml")

    out, _ = terminal.asks("policy", "to-xlsx", in_force, "--out", book, as_=OFFICER)
    back, found = terminal.asks("policy", "from-xlsx", book, "--out", toml, as_=OFFICER)

    assert (out, back) == (Exit.DONE, Exit.DONE)
    assert found["edition_hash"] == in_force
    assert terminal.asks("policy", "diff", toml, as_=OFFICER)[1]["differences"] == []


def test_a_file_is_tried_as_the_draft_it_becomes_and_refused_to_its_author(
    terminal: Terminal, file: str
) -> None:
    tried, report = terminal.asks("policy", "simulate", file, as_=OFFICER)
    _, drafts = terminal.asks("policy", "drafts", as_=OFFICER)
    refused, why = terminal.asks("policy", "publish", file, as_=OFFICER)
    [draft] = drafts["items"]

    assert tried is Exit.DONE
    assert draft["draft"]["edition_hash"] == report["report"]["edition_hash"]
    assert draft["report_fresh"]
    assert (refused, why["code"]) == (Exit.REFUSED, "same_hands")


def test_an_untried_draft_is_refused_to_everybody(terminal: Terminal, file: str) -> None:
    _, drafted = terminal.asks("policy", "draft", file, as_=OFFICER)

    refused, why = terminal.asks("policy", "publish", drafted["draft"]["draft_id"])

    assert (refused, why["code"]) == (Exit.CONFLICT, "simulation_stale")


def test_the_schema_is_printed(terminal: Terminal) -> None:
    _, schema = terminal.asks("policy", "schema", as_=OFFICER)

    assert "scorecards" in schema["properties"]


def test_all_receipts_of_an_empty_book_are_identical(terminal: Terminal) -> None:
    assert terminal.asks("replay", "--all", as_="auditor") == (
        Exit.DONE,
        {"receipts": 0, "identical": 0, "differing": []},
    )
    assert terminal.asks("replay", as_="auditor")[0] is Exit.USAGE
