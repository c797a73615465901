"""How well a score tells the bad from the good, and whether its PDs come true.

AUC counts ties one half; Gini = 2 AUC - 1; KS is the largest distance of the two distributions;
PSI = sum of (actual - expected) x ln(actual / expected): below .10 stable, above .25 shifted.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from creditflow.model.figures import Numbers

_EMPTY = 1e-4  # the share an empty part counts as in PSI, where a logarithm needs one


def auc(risk: Numbers, bad: np.ndarray) -> float:
    """The chance that a bad one has the higher risk than a good one."""
    _, places, counts = np.unique(risk, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    bads = int(bad.sum())
    goods = len(bad) - bads
    return float((ranks[bad].sum() - bads * (bads + 1) / 2) / (bads * goods))


def roc(risk: Numbers, bad: np.ndarray) -> tuple[Numbers, Numbers]:
    """Shares of the good and of the bad at or above each risk, from none to all."""
    order = np.argsort(-risk, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(risk[order])), len(risk) - 1)
    caught = np.cumsum(bad[order])[ends] / bad.sum()
    alarmed = np.cumsum(~bad[order])[ends] / (~bad).sum()
    return np.append(0.0, alarmed), np.append(0.0, caught)


def ks(risk: Numbers, bad: np.ndarray) -> float:
    alarmed, caught = roc(risk, bad)
    return float(np.abs(caught - alarmed).max())


def psi(actual: Sequence[float], expected: Sequence[float]) -> float:
    """The shift of a distribution over parts, from the shares (or counts) in each."""
    now, then = np.asarray(actual, float), np.asarray(expected, float)
    a = np.maximum(now / now.sum(), _EMPTY)
    e = np.maximum(then / then.sum(), _EMPTY)
    return float(((a - e) * np.log(a / e)).sum())


def shares(values: Numbers, cuts: Sequence[float]) -> Numbers:
    """The share of values in each part that the cuts make; a value equal to a cut is above it."""
    places = np.searchsorted(np.asarray(cuts, float), values, side="right")
    return np.bincount(places, minlength=len(cuts) + 1) / max(len(values), 1)


def binomial_interval(bad: int, rows: int) -> tuple[float, float]:
    """The middle 95 % of how many of `rows` go bad at the rate seen, as shares."""
    if rows == 0 or bad in (0, rows):
        return bad / max(rows, 1), bad / max(rows, 1)
    rate = bad / rows
    terms = np.concatenate(
        [[rows * np.log1p(-rate)], np.log(np.arange(rows, 0, -1) / np.arange(1, rows + 1))]
    )
    terms[1:] += np.log(rate / (1 - rate))
    chances = np.cumsum(np.exp(np.cumsum(terms)))
    low, high = np.searchsorted(chances, [0.025, 0.975])
    return float(low / rows), float(high / rows)


def parts(pd: Numbers, bad: np.ndarray, count: int) -> list[dict[str, Any]]:
    """The rows in equal parts from the safest: what was expected and what came, with its interval."""
    order = np.argsort(pd, kind="stable")
    found = []
    for place, part in enumerate(np.array_split(order, count), start=1):
        low, high = binomial_interval(int(bad[part].sum()), len(part))
        found.append(
            {
                "part": place,
                "rows": len(part),
                "bad": int(bad[part].sum()),
                "rate": round(float(bad[part].mean()), 6) if len(part) else 0.0,
                "pd_mean": round(float(pd[part].mean()), 6) if len(part) else 0.0,
                "interval": [round(low, 6), round(high, 6)],
            }
        )
    return found


def migration(pairs: Sequence[tuple[str, str]], grades: Sequence[str]) -> list[list[int]]:
    """How many firms went from each grade (rows) to each (columns) within a year."""
    places = {grade: place for place, grade in enumerate(grades)}
    found = [[0] * len(grades) for _ in grades]
    for before, after in pairs:
        found[places[before]][places[after]] += 1
    return found
