"""How well a score tells the bad from the good, and whether its PDs come true.

AUC counts ties one half; Gini = 2 AUC - 1; KS is the largest distance of the two distributions;
PSI = sum of (actual - expected) x ln(actual / expected): below .10 stable, above .25 shifted.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from creditflow.model.figures import Numbers

_TAIL = 0.025
_EMPTY = 1e-4  # the share an empty part counts as in PSI, where a logarithm needs one


def auc(risk: Numbers, bad: np.ndarray) -> float:
    """The chance that a bad one has the higher risk than a good one."""
    _, places, counts = np.unique(risk, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    bads = int(bad.sum())
    goods = len(bad) - bads
    return float((ranks[bad].sum() - bads * (bads + 1) / 2) / (bads * goods))


def auc_within(risk: Numbers, bad: np.ndarray, strata: np.ndarray) -> float:
    """The chance that a bad one has the higher risk than a good one of the same stratum."""
    found, pairs = 0.0, 0
    for stratum in set(strata.tolist()):
        own = strata == stratum
        weight = int(bad[own].sum()) * int((~bad[own]).sum())
        if weight:
            found += weight * auc(risk[own], bad[own])
            pairs += weight
    return found / pairs


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
    """The exact 95 % interval of a rate that was seen (Clopper and Pearson 1934), as shares.

    The rates at which so many or more, and so many or fewer, come in one of forty cases each.
    """
    if rows == 0:
        return 0.0, 0.0
    low = 0.0 if bad == 0 else _rate_where(lambda rate: 1 - _chance_of(bad - 1, rows, rate) < _TAIL)
    high = 1.0 if bad == rows else _rate_where(lambda rate: _chance_of(bad, rows, rate) > _TAIL)
    return low, high


def _chance_of(most: int, rows: int, rate: float) -> float:
    """The chance that at most so many of `rows` go bad at a rate between 0 and 1."""
    logs = np.log(np.arange(rows, rows - most, -1) / np.arange(1, most + 1))
    terms = rows * np.log1p(-rate) + np.append(0.0, np.cumsum(logs + np.log(rate / (1 - rate))))
    return float(np.exp(terms).sum())


def _rate_where(holds: Callable[[float], bool]) -> float:
    """The rate up to which it holds, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return (low + high) / 2


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
