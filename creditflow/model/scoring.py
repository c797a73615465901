"""Every row of a file under a scorecard: its score, its PD and its grade, to the last digit as a
case under an edition that holds the same scorecard."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

import numpy as np

from creditflow.model.columns import Book, FirmYear
from creditflow.model.figures import Numbers, RowScope
from domain.edition import Scorecard, SpreadingPolicy
from policies.formula import EXACT
from policies.scorecard import CardTable, pd_of
from storage.edition import read_shipped

ADDED = ("score", "pd", "grade")


@dataclass(frozen=True)
class Scored:
    score: Decimal
    pd: Decimal
    grade: str


def score_rows(
    rows: Sequence[FirmYear], card: Scorecard, spreading: SpreadingPolicy
) -> list[Scored]:
    """Each row's score; the PD is the score's own where the scorecard has odds, else the grade's."""
    table = CardTable(card)
    by_grade = {row.grade: row.pd for row in read_shipped().master_scale}
    known: dict[Decimal, Scored] = {}
    found = []
    with localcontext(EXACT):
        for row in rows:
            score = table.score(RowScope(row, spreading).value)
            if score not in known:
                grade = table.grade(score)
                pd = pd_of(score, card.odds) if card.odds else by_grade[grade]
                known[score] = Scored(score, pd, grade)
            found.append(known[score])
    return found


def csv_text(book: Book, scored: Sequence[Scored]) -> str:
    """The file with its rows as they were, and what was found for each."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*(name for name in book.header if name not in ADDED), *ADDED])
    kept = [name for name in book.header if name not in ADDED]
    for row, each in zip(book.rows, scored, strict=True):
        own = [row.texts[name] for name in kept]
        writer.writerow([*own, f"{each.score:f}", f"{each.pd:f}", each.grade])
    return out.getvalue()


def as_numbers(scored: Sequence[Scored]) -> tuple[Numbers, Numbers]:
    """Scores and PDs as columns of numbers."""
    return (
        np.array([float(each.score) for each in scored]),
        np.array([float(each.pd) for each in scored]),
    )
