"""The book as files: CSV in the import's own columns, and the plan as JSON."""

import csv
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from creditflow.sample.account import Rows
from creditflow.sample.book import Book

PLAN = "plan.json"


def write(book: Book, folder: Path) -> dict[str, Path]:
    """Write every part of the book that has rows; the files by name, `plan` among them."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for part in fields(book):
        rows = getattr(book, part.name)
        if isinstance(rows, list) and rows and part.name != "applications":
            written[part.name] = folder / f"{part.name}.csv"
            _write_csv(written[part.name], rows)
    written["plan"] = folder / PLAN
    written["plan"].write_text(plan_text(book), encoding="utf-8")
    return written


def plan_text(book: Book) -> str:
    """What people ask and do, and the seed and day that all of it follows from."""
    plan = {
        "seed": book.seed,
        "business_on": book.business_on.isoformat(),
        "companies": len(book.customers),
        "applications": book.applications,
    }
    return json.dumps(plan, ensure_ascii=False, indent=1) + "\n"


def load_plan(folder: Path) -> dict[str, Any]:
    """The plan that lies in a folder."""
    plan: dict[str, Any] = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    return plan


def _write_csv(path: Path, rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
