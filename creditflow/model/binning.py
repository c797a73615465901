"""Weight of evidence: ranges of a figure in which defaults are about equally frequent.

WOE = ln(share of the good / share of the bad), IV = sum of (good - bad) x WOE. Quantile ranges are
pooled until risk runs one way and every range has enough of both; what is missing is a range of its
own. Counts are smoothed by the book's own rate, so that an empty cell says little and not all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

import numpy as np

from creditflow.model.candidates import Better
from creditflow.model.figures import Numbers

LEAST = 8  # of the good and of the bad in a range
SMOOTHING = 0.5  # pseudo-rows a range, times the number of ranges
MISSING_SMOOTHING = 10.0  # pseudo-rows of the range of what is missing
_CUT_CONTEXT = Context(prec=3, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True)
class Bins:
    """Ranges of one figure, the first below `cuts[0]`; the last counts are of what is missing."""

    cuts: tuple[Decimal, ...]
    good: Numbers
    bad: Numbers

    @property
    def woe(self) -> Numbers:
        ranges = len(self.good) - 1
        pseudo = np.array([SMOOTHING * ranges] * ranges + [MISSING_SMOOTHING])
        rows = self.good.sum() + self.bad.sum()
        good, bad = self.good.sum(), self.bad.sum()
        found: Numbers = np.log(
            ((self.good + pseudo * good / rows) / good) / ((self.bad + pseudo * bad / rows) / bad)
        )
        return np.where(self.good + self.bad > 0, found, 0.0)

    @property
    def information(self) -> float:
        return information_value(self.good, self.bad)

    def places(self, values: Numbers) -> np.ndarray:
        """The range each value is in; the last is for what is missing."""
        edges = np.array([float(cut) for cut in self.cuts])
        places = np.searchsorted(edges, np.nan_to_num(values), side="right")
        return np.where(np.isnan(values), len(self.cuts) + 1, places)


def weights_of_evidence(good: Sequence[float], bad: Sequence[float]) -> Numbers:
    """ln(share of the good / share of the bad) of each range; none may be empty."""
    goods, bads = np.asarray(good, float), np.asarray(bad, float)
    found: Numbers = np.log((goods / goods.sum()) / (bads / bads.sum()))
    return found


def information_value(good: Numbers, bad: Numbers) -> float:
    """IV over the ranges that have both; below .02 none, .1 weak, .3 medium, .5 strong."""
    both = (good > 0) & (bad > 0)
    shares = good / max(good.sum(), 1), bad / max(bad.sum(), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = (shares[0] - shares[1]) * np.log(shares[0] / shares[1])
    return float(terms[both].sum())


def bin_figure(values: Numbers, bad: np.ndarray, better: Better, parts: int) -> Bins:
    """The ranges of one figure, pooled from so many quantile ranges."""
    there = ~np.isnan(values)
    quantiles: Sequence[float] = (
        np.quantile(values[there], np.arange(1, parts) / parts).tolist() if there.any() else []
    )
    cuts = sorted({_readable(cut) for cut in quantiles})
    places = Bins(tuple(cuts), np.zeros(0), np.zeros(0)).places(values)
    counts = np.array(
        [
            [np.sum((places == place) & ~bad), np.sum((places == place) & bad)]
            for place in range(len(cuts) + 2)
        ],
        float,
    )
    groups = _pooled(counts[:-1], _sign(counts[:-1], better))
    pooled = np.array([counts[group].sum(axis=0) for group in groups] + [counts[-1]])
    kept = tuple(cuts[group[-1]] for group in groups[:-1])
    return Bins(kept, pooled[:, 0], pooled[:, 1])


def _readable(cut: float) -> Decimal:
    """A cut to three figures and at most six decimals, as a person would write it."""
    rounded = _CUT_CONTEXT.create_decimal_from_float(float(cut))
    return Decimal(f"{rounded:.6f}").normalize() + 0


def _sign(counts: Numbers, better: Better) -> int:
    """1 where risk may only fall from one range to the next, -1 where it may only rise."""
    if better is not Better.EITHER:
        return 1 if better is Better.HIGH else -1
    rows = counts.sum(axis=1)
    if rows.sum() == 0 or counts[:, 1].sum() == 0:
        return 1
    place = np.arange(len(rows))
    mean_all = (place * rows).sum() / rows.sum()
    mean_bad = (place * counts[:, 1]).sum() / counts[:, 1].sum()
    return 1 if mean_bad < mean_all else -1


def _pooled(counts: Numbers, sign: int) -> list[list[int]]:
    """Neighbours pooled until risk runs one way (pool adjacent violators) and none is too thin."""
    groups = [[place] for place in range(len(counts))]
    while (place := _violation(groups, counts, sign)) is not None:
        groups[place : place + 2] = [groups[place] + groups[place + 1]]
    while len(groups) > 1 and (place := _thin(groups, counts)) is not None:
        groups[place : place + 2] = [groups[place] + groups[place + 1]]
    return groups


def _rate(group: list[int], counts: Numbers) -> float:
    good, bad = counts[group].sum(axis=0)
    return float(bad / (good + bad)) if good + bad else 0.0


def _violation(groups: list[list[int]], counts: Numbers, sign: int) -> int | None:
    for place in range(len(groups) - 1):
        fall = _rate(groups[place], counts) - _rate(groups[place + 1], counts)
        if sign * fall <= 0:
            return place
    return None


def _thin(groups: list[list[int]], counts: Numbers) -> int | None:
    """The first of two neighbours to pool because one of them is too thin, the liker ones first."""
    for place, group in enumerate(groups):
        if counts[group].sum(axis=0).min() >= LEAST:
            continue
        if place in (0, len(groups) - 1):
            return min(place, len(groups) - 2)
        here = _rate(group, counts)
        down = abs(here - _rate(groups[place - 1], counts))
        up = abs(here - _rate(groups[place + 1], counts))
        return place - 1 if down < up else place
    return None
