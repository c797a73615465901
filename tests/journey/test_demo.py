"""The demonstration that `./run` shows: on the embedded stack, over HTTP, once for each seed."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from creditflow.client.values import Figures
from creditflow.demo.mailbox import Mailbox
from creditflow.demo.tally import COUNTED_AS, tally
from creditflow.sample.parts import PARTS
from domain.application import CaseStatus

PROJECT = Path(__file__).resolve().parents[2]
ENDS = ("approved", "declined", "lapsed", "withdrawn", "open")


def run(home: Path) -> Mapping[str, Any]:
    """The last line of `./run --once --json` for the first three companies of the book."""
    ours = ("CREDITFLOW_", "TEMPORAL_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    done = subprocess.run(
        [sys.executable, "-m", "creditflow.stack.run", "--once", "--json", "--companies", "3"],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env=environment | {"CREDITFLOW_HOME": str(home)},
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_the_demonstration_counts_add_up_and_a_second_one_adds_nothing(tmp_path: Path) -> None:
    first = run(tmp_path)
    second = run(tmp_path)

    assert list(first) == ["applications", *ENDS, "lines_active", "contracts_signed", "seconds"]
    # Each has its line; one is renewed, and one is cut.
    assert first["applications"] == sum(first[end] for end in ENDS) == 5
    assert (first["approved"], first["lines_active"], first["contracts_signed"]) == (5, 3, 5)
    assert {**first, "seconds": 0} == {**second, "seconds": 0}


def test_every_status_counts_as_one_end_or_as_open() -> None:
    assert set(COUNTED_AS) == {status.value for status in CaseStatus}
    figures = Figures(
        applications=len(CaseStatus),
        by_status=dict.fromkeys(COUNTED_AS, 1),
        tasks_open=0,
        lines_by_status={"active": 2, "frozen": 1},
    )

    counts = tally(figures, 1.0)

    assert sum(counts[end] for end in ENDS) == counts["applications"]
    assert (counts["lines_active"], counts["contracts_signed"]) == (2, 0)


def test_the_book_shows_everything_that_people_customers_and_the_clock_may_do() -> None:
    decisions = {part.decision for part in PARTS}
    signings = {part.signing for part in PARTS}

    assert decisions == {"approve", "decline", "return_once", "lower", "late"}
    assert signings == {"sign", "decline", "never"}
    assert {part.ledger for part in PARTS} == {"", "red", "orange_cured"}


async def test_a_customer_finds_the_link_to_its_own_agreement(tmp_path: Path) -> None:
    for number, token in (("PF2026-000011-XY", "eleven"), ("PF2026-000001-XY", "one")):
        text = f"Subject: Credit agreement {number}\n\nhttp://127.0.0.1:8080/sign/{token}\n"
        (tmp_path / f"{token}.eml").write_text(text)
    (tmp_path / ".half.eml").write_text("Subject: on its wa")
    mailbox = Mailbox(tmp_path)

    assert await mailbox.await_link("PF2026-000001-XY", 1) == "one"
    assert await mailbox.await_link("PF2026-000099-XY", 0) is None
