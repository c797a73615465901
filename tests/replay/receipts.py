"""Receipts as releases have written them, with the edition each rests on.

`python -m tests.replay.receipts` adds what the standard edition of today makes of the golden
situations. What is on file stays: a receipt that no longer reads, hashes and replays as it did is
a decision that an auditor can no longer follow.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from domain.assessment import Assessment
from domain.edition import PolicyEdition
from tests.makers_policy import an_edition, judged
from tests.policies.golden import situations

FOLDER = Path(__file__).with_name("receipts")


class Kept(NamedTuple):
    """A receipt on file: its name, its content and hash as written, and its edition's text."""

    name: str
    content: str
    receipt_hash: str
    edition_hash: str
    toml: str


def kept() -> Iterator[Kept]:
    """Every receipt of every release."""
    for file in sorted(FOLDER.glob("*.jsonl")):
        toml = file.with_suffix(".toml").read_text("utf-8")
        for row in map(json.loads, file.read_text("utf-8").splitlines()):
            content = json.dumps(row["receipt"])
            yield Kept(row["name"], content, row["hash"], row["receipt"]["edition_hash"], toml)


def record() -> Path:
    """Put the golden situations under the edition of today on file, unless they are."""
    edition = an_edition()
    file = FOLDER / f"{edition.edition_hash[:12]}.jsonl"
    FOLDER.mkdir(exist_ok=True)
    if not file.exists():
        file.with_suffix(".toml").write_text(edition.as_toml(), "utf-8")
        rows = [
            _row(name, judged(dossier, edition, **said)) for name, dossier, said in situations()
        ]
        file.write_text("".join(f"{row}\n" for row in rows), "utf-8")
    return file


def reads_as_written(each: Kept) -> bool:
    """Whether receipt and edition still have the hashes they were stored under."""
    receipt = Assessment.model_validate_json(each.content)
    edition = PolicyEdition.of_toml(each.toml)
    return (receipt.receipt_hash, edition.edition_hash) == (each.receipt_hash, each.edition_hash)


def _row(name: str, receipt: Assessment) -> str:
    content = {
        "name": name,
        "hash": receipt.receipt_hash,
        "receipt": receipt.model_dump(mode="json"),
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    print(record())  # noqa: T201
