"""Decision tables: evaluations a second against the fastest rule engine on PyPI, in one run.

Both hold the same table of thirty rows over six columns and answer the same questions in turn, and
their answers are compared. The engine computes in floats; ours in decimals. It is no dependency:
install `zen-engine` beside the project to run this.
"""

import argparse
import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

from policies.table import Categories, Cell, Column, Interval, Steps, Table

ROWS, QUESTIONS, ROUNDS = 30, 5_000, 7
AMOUNTS = ("aggregate", "turnover", "equity", "score")
NAMES = {"grade": "ABCDEFGH", "product": "xyz"}

Question = dict[str, Decimal | str]


def cells(random: Random) -> dict[str, list[Cell]]:
    """Thirty rows: intervals of ten, a fifth of them open; two of eight grades; any of three."""
    intervals: dict[str, list[Cell]] = {
        column: [
            Interval(Decimal(row * 10), Decimal(row * 10 + 40)) if random.random() < 0.8 else None
            for row in range(ROWS)
        ]
        for column in AMOUNTS
    }
    names: dict[str, list[Cell]] = {
        column: [
            frozenset(random.sample(letters, 2)) if random.random() < 0.8 else None
            for _ in range(ROWS)
        ]
        for column, letters in NAMES.items()
    }
    return {**intervals, **names}


def ours(columns: dict[str, list[Cell]]) -> Callable[[Question], int | None]:
    compiled: dict[str, Column] = {
        name: Steps([each or Interval() for each in rows]) if name in AMOUNTS else Categories(rows)
        for name, rows in columns.items()
    }
    return Table(compiled, ROWS).find


def engines(columns: dict[str, list[Cell]]) -> Callable[[dict[str, Any]], int | None]:
    """The same table as the engine's decision model, first row that holds."""
    rules = [
        {
            "_id": f"r{row}",
            "o": str(row),
            **{name: _written(rows[row]) for name, rows in columns.items()},
        }
        for row in range(ROWS)
    ]
    inputs = [{"id": name, "name": name, "type": "expression", "field": name} for name in columns]
    table = {
        "hitPolicy": "first",
        "inputs": inputs,
        "outputs": [{"id": "o", "name": "row", "type": "expression", "field": "row"}],
        "rules": rules,
    }
    nodes = [
        {"id": "i", "name": "in", "type": "inputNode"},
        {"id": "t", "name": "table", "type": "decisionTableNode", "content": table},
        {"id": "e", "name": "out", "type": "outputNode"},
    ]
    edges = [
        {"id": "1", "sourceId": "i", "targetId": "t", "type": "edge"},
        {"id": "2", "sourceId": "t", "targetId": "e", "type": "edge"},
    ]
    zen = importlib.import_module("zen")
    # Of its ways to hold and call a table this is the fastest by ten times: it compiles once.
    held = {"type": "static", "content": {"table": {"nodes": nodes, "edges": edges}}}
    engine = zen.ZenEngine({"loader": held})

    def find(question: dict[str, Any]) -> int | None:
        row = engine.evaluate("table", question)["result"].get("row")
        return None if row is None else int(row)

    return find


def _written(cell: Cell) -> str:
    if isinstance(cell, Interval):
        return f">= {cell.low} and < {cell.high}"
    return "" if cell is None else ", ".join(f'"{name}"' for name in sorted(cell))


def questions(random: Random) -> list[Question]:
    return [
        {
            **{name: Decimal(random.randrange(3400)) / 10 for name in AMOUNTS},
            **{name: random.choice(letters) for name, letters in NAMES.items()},
        }
        for _ in range(QUESTIONS)
    ]


def rate(find: Callable[[Any], int | None], asked: Sequence[Any]) -> float:
    """Evaluations a second over all questions, once each."""
    began = time.perf_counter()
    for question in asked:
        find(question)
    return len(asked) / (time.perf_counter() - began)


def assess_ms() -> float:
    """CPU milliseconds of one whole assessment, figures to route, by the standard edition.

    The middle of hundreds of companies that differ, so that nothing remembered of one serves the
    next; what the machine gives to others meanwhile does not count.
    """
    from domain.money import Money
    from policies.assessment import assess
    from tests.makers_policy import a_dossier, a_statement, an_edition

    edition, nothing = an_edition(), Money.zero("CNY")
    earlier = a_statement(2024)
    dossiers = [
        a_dossier(
            statements=(
                earlier,
                a_statement(
                    equity=str(40 + each), total_liabilities=str(50 + each), revenue=str(90 + each)
                ),
            )
        )
        for each in range(400)
    ]
    spent = []
    for dossier in dossiers:
        began = time.process_time()
        assess("case-1", dossier, edition, automatic_spent=nothing, sampled=False)
        spent.append(time.process_time() - began)
    return statistics.median(spent) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.parse_args()
    random = Random(date(2026, 1, 1).toordinal())
    columns, asked = cells(random), questions(random)
    find = ours(columns)
    try:
        theirs = engines(columns)
    except ModuleNotFoundError:
        print("zen-engine is not installed here: pip install zen-engine", file=sys.stderr)
        sys.exit(3)
    floats = [
        {name: float(each) if isinstance(each, Decimal) else each for name, each in one.items()}
        for one in asked
    ]
    differing = sum(find(one) != theirs(other) for one, other in zip(asked, floats, strict=True))
    assert differing == 0, f"{differing} answers differ"
    rounds = [(rate(find, asked), rate(theirs, floats)) for _ in range(ROUNDS)]
    own, limit = (statistics.median(column) for column in zip(*rounds, strict=True))
    detail = {
        "rows": ROWS,
        "columns": len(columns),
        "answers_compared": QUESTIONS,
        "assess_ms": round(assess_ms(), 3),
    }
    print(
        json.dumps(
            {
                "name": "policy",
                "ratio": round(own / limit, 3),
                "ours": round(own),
                "limit": round(limit),
                "unit": "evaluations/s",
                "detail": detail,
            }
        )
    )


if __name__ == "__main__":
    main()
