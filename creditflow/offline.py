"""What is proven from the records alone, with nothing of the installation running but its database.

    python -m creditflow.offline ledger verify [--json]

The database is the one of `CREDITFLOW_DATABASE_URL`, else the embedded stack's. Nothing is written.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy.exc import OperationalError

from creditflow.stack.home import home
from domain.exposure import Proof
from storage.base import Records
from storage.exposure import Exposure

HOLDS, WANTING, UNREACHED = 0, 1, 3


def verify_ledger(database_url: str) -> tuple[Proof, int]:
    """The proof over the whole book, and how many entries it read a second."""
    records = Records(database_url, connections_max=1)
    exposure = Exposure(records)
    began = time.perf_counter()
    try:
        proof = exposure.verify()
    finally:
        exposure.close()
        records.close()
    return proof, int(proof.entries / (time.perf_counter() - began))


def database_url() -> str:
    """The database that is meant; ends the program where none is."""
    named = os.environ.get("CREDITFLOW_DATABASE_URL")
    if named:
        return named
    kept = home().secrets / "creditflow_database_url"
    if not kept.exists():
        raise SystemExit(
            "creditflow: set CREDITFLOW_DATABASE_URL, or run where the stack's files are"
        )
    return kept.read_text().strip()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="creditflow.offline", description=__doc__)
    parser.add_argument("what", choices=["ledger"])
    parser.add_argument("verb", choices=["verify"])
    parser.add_argument("--json", action="store_true", help="one JSON document")
    options = parser.parse_args(arguments)
    try:
        proof, rate = verify_ledger(database_url())
    except OperationalError:
        print("creditflow: the database cannot be reached", file=sys.stderr)
        return UNREACHED
    found: dict[str, Any] = {**proof.model_dump(mode="json"), "entries_per_second": rate}
    if options.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        print("\n".join(_told(proof, rate)))
    return HOLDS if proof.holds else WANTING


def _told(proof: Proof, rate: int) -> list[str]:
    summary = (
        f"{proof.entries} entries of {proof.accounts} accounts, {proof.reservations} reservations,"
        f" {proof.reservations_open} open; {rate} entries a second"
    )
    wrong = [
        f"{each.account} at {each.seq or 'the end'}: {each.rule} ({each.detail})"
        for each in proof.discrepancies
    ]
    return [summary, *(wrong or ["every balance is the sum of its entries; no limit was passed"])]


if __name__ == "__main__":
    sys.exit(main())
