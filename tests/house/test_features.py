"""docs/features.md names tests that are there."""

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_every_test_that_the_catalogue_names_exists() -> None:
    text = (PROJECT / "docs/features.md").read_text("utf-8")
    named = set(re.findall(r"`(tests/[\w/]+\.py)", text))

    assert named
    assert sorted(path for path in named if not (PROJECT / path).is_file()) == []
