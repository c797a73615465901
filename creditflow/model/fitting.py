"""From figures and what became of the firms to weights: logistic regression on weights of evidence.

Each time has a level of its own, which is kept out of the scorecard: how many failed in a year says
nothing of which firms did, and in a file of firms chosen by their end it says when the file ends.
The penalty is strong on purpose: few firms fail, and weights pressed towards nothing hold up on
firms and years nobody has seen. It and the fineness of the ranges are chosen by cross-validation that never parts a firm, and of
those that do about equally well the strongest penalty and the coarsest ranges are taken. A figure whose weight would contradict its
own ranges is left out. This is the one module that needs scikit-learn.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from creditflow.model.binning import Bins, bin_figure
from creditflow.model.calibration import strata_of
from creditflow.model.candidates import Candidate
from creditflow.model.figures import Numbers
from creditflow.model.statistics import auc_within
from domain.errors import LabelOneSided, ModelExtraMissing

PENALTIES = (1.0, 3.0, 10.0, 30.0)
PARTS = (10, 30)  # quantile ranges before pooling
FOLDS = 5
TOLERANCE = 0.001  # of AUC, that a stronger penalty may cost
INFORMATION_LEAST = 0.02
PRESENT_LEAST = 0.05
_SEED = 17
_FREE = 100.0  # a column so large that its weight costs next to no penalty


@dataclass(frozen=True)
class Weighted:
    """A figure's ranges and the weight of their evidence; risk is minus the sum of weight x WOE."""

    candidate: Candidate
    bins: Bins
    weight: float


@dataclass(frozen=True)
class Model:
    """Weighted figures, and how their sum becomes a probability."""

    figures: tuple[Weighted, ...]
    intercept: float
    penalty: float
    auc_folds: float = 0.0

    def risk(self, figures: Mapping[str, Numbers]) -> Numbers:
        """The log-odds of default of each row."""
        rows = len(next(iter(figures.values())))
        risk = np.full(rows, self.intercept)
        for each in self.figures:
            bins = each.bins
            risk -= each.weight * bins.woe[bins.places(figures[each.candidate.figure])]
        return risk


def folds_of(groups: Sequence[object], count: int = FOLDS) -> np.ndarray:
    """The fold of each row; rows of one group are in one fold, and the same in every run."""
    names = sorted(set(groups), key=repr)
    order = np.random.default_rng(_SEED).permutation(len(names))
    fold = {names[place]: number % count for number, place in enumerate(order)}
    return np.array([fold[group] for group in groups])


def fit(
    figures: Mapping[str, Numbers],
    bad: np.ndarray,
    candidates: Sequence[Candidate],
    groups: Sequence[object],
    times: Sequence[str],
) -> Model:
    """The model of these rows; refuses `LabelOneSided` and `ModelExtraMissing`.

    Penalties are compared by how rows of one time are told apart, firms of other folds.
    """
    if bad.all() or not bad.any():
        raise _one_sided(bad)
    folds, at = folds_of(groups), strata_of(times, bad)
    risks = {choice: np.zeros(len(bad)) for choice in itertools.product(PENALTIES, PARTS)}
    for fold in range(FOLDS):
        train, test = folds != fold, folds == fold
        if not bad[test].any() or bad[test].all() or not bad[train].any():
            raise _one_sided(bad)
        here, there = _rows(figures, train), _rows(figures, test)
        for parts in PARTS:
            binned = _binned(here, bad[train], candidates, parts)
            for penalty in PENALTIES:
                model = _fitted(binned, here, bad[train], at[train], penalty)
                risks[penalty, parts][test] = model.risk(there)
    scores = {choice: auc_within(risk, bad, at) for choice, risk in risks.items()}
    best = max(scores.values())
    about = [choice for choice, found in scores.items() if found >= best - TOLERANCE]
    penalty, parts = max(about, key=lambda choice: (choice[0], -choice[1]))
    binned = _binned(figures, bad, candidates, parts)
    model = _fitted(binned, figures, bad, at, penalty)
    return Model(model.figures, model.intercept, penalty, scores[penalty, parts])


def _rows(figures: Mapping[str, Numbers], kept: np.ndarray) -> dict[str, Numbers]:
    return {code: values[kept] for code, values in figures.items()}


def _binned(
    figures: Mapping[str, Numbers], bad: np.ndarray, candidates: Sequence[Candidate], parts: int
) -> list[tuple[Candidate, Bins]]:
    """The candidates that are there often enough and say anything."""
    found = []
    for each in candidates:
        values = figures[each.figure]
        if np.mean(~np.isnan(values)) < PRESENT_LEAST:
            continue
        bins = bin_figure(values, bad, each.better, parts)
        if bins.cuts and bins.information >= INFORMATION_LEAST:
            found.append((each, bins))
    return found


def _one_sided(bad: np.ndarray) -> LabelOneSided:
    return LabelOneSided(good=int((~bad).sum()), bad=int(bad.sum()))


def _fitted(
    binned: Sequence[tuple[Candidate, Bins]],
    figures: Mapping[str, Numbers],
    bad: np.ndarray,
    strata: np.ndarray,
    penalty: float,
) -> Model:
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as missing:
        raise ModelExtraMissing() from missing
    kept = list(binned)
    levels = np.column_stack([_FREE * (strata == each) for each in sorted(set(strata.tolist()))])
    while True:
        evidence = np.column_stack(
            [-bins.woe[bins.places(figures[each.figure])] for each, bins in kept]
            or [np.zeros(len(bad))]
        )
        regression = LogisticRegression(C=1 / penalty, max_iter=5000)
        regression.fit(np.hstack([evidence, levels]), bad)
        weights = regression.coef_[0][: evidence.shape[1]]
        if not kept or weights.min() > 0:
            break
        kept.pop(int(weights.argmin()))  # one at a time: the next may be right without it
    figures_weighted = tuple(
        Weighted(each, bins, float(weight))
        for (each, bins), weight in zip(kept, weights, strict=False)
    )
    return Model(figures_weighted, float(regression.intercept_[0]), penalty)
