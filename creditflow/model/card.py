"""A model as a scorecard: points out of a hundred, odds, and the grades of the master scale.

Points are exact decimals: the worst range of a figure earns nothing, all the best ranges together
earn a hundred. What is rounded away is made good by the level, which is found on the points as they
stand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise

import numpy as np

from creditflow.model.binning import Bins
from creditflow.model.calibration import level_for, slope_of
from creditflow.model.figures import Numbers
from creditflow.model.fitting import Model, Weighted
from domain.assessment import Missing
from domain.edition import Bin, Factor, Fit, Odds, Scorecard
from policies.scorecard import SCORE_MAX, score_of
from storage.edition import read_shipped

POINT = Decimal("0.01")
PARTS = 10


@dataclass(frozen=True)
class Source:
    """What a scorecard is fitted on, as it is kept with it."""

    name: str
    label: str
    firm: str
    time: str
    portfolio_rate: Decimal | None


def card_of(
    model: Model,
    figures: Mapping[str, Numbers],
    bad: np.ndarray,
    times: Sequence[str],
    source: Source,
) -> Scorecard:
    """The scorecard of a model and the rows it was fitted on."""
    slope = slope_of(model.risk(figures), bad, times)
    factor = float(SCORE_MAX) / (slope * sum(_span(each) for each in model.figures))
    factors = _evened([_factor(each, slope * factor) for each in model.figures])
    scores = _scores(factors, model, figures)
    rate = source.portfolio_rate or _exact(bad.mean(), 6)
    odds = _odds(scores, factor, float(rate))
    weights: dict[str, Decimal] = {}
    for each in factors:
        weights[each.group] = weights.get(each.group, Decimal(0)) + each.points_max
    cuts = sorted({_exact(cut, 2) for cut in np.quantile(scores, np.arange(1, PARTS) / PARTS)})
    counts = np.searchsorted(np.array(cuts, float), scores, side="right")
    shares = np.bincount(counts, minlength=len(cuts) + 1) / len(scores)
    return Scorecard(
        model=source.name,
        version="1",
        weights=weights,
        score_min=_floors(odds),
        odds=odds,
        fit=Fit(
            label=source.label,
            firm=source.firm,
            time=source.time,
            rows=len(bad),
            bad=int(bad.sum()),
            portfolio_rate=rate,
            penalty=_exact(model.penalty, 4),
            auc_folds=_exact(model.auc_folds, 4),
            score_cuts=tuple(cuts),
            score_shares=tuple(_exact(share, 6) for share in shares),
        ),
        factors=tuple(factors),
    )


def _exact(number: float, decimals: int) -> Decimal:
    return Decimal(repr(float(number))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)


def _evidence(bins: Bins) -> Numbers:
    """The evidence of the ranges, and of what is missing where any row lacks it."""
    woe = bins.woe
    return woe if bins.good[-1] + bins.bad[-1] else woe[:-1]


def _span(each: Weighted) -> float:
    evidence = _evidence(each.bins)
    return float(each.weight * (evidence.max() - evidence.min()))


def _factor(each: Weighted, scale: float) -> Factor:
    """A figure's points; where none was missing to learn from, a missing one earns the worst."""
    bins, evidence = each.bins, _evidence(each.bins)
    points = [
        _exact(scale * each.weight * (woe - evidence.min()), 2).normalize() + 0 for woe in evidence
    ]
    lows, highs = (None, *bins.cuts), (*bins.cuts, None)
    seen = len(points) > len(lows)
    return Factor(
        code=each.candidate.figure,
        group=each.candidate.group,
        figure=each.candidate.figure,
        missing=Missing.POINTS if seen else Missing.WORST,
        missing_points=points[-1] if seen else None,
        bins=tuple(
            Bin(at_least=low, below=high, points=earned)
            for low, high, earned in zip(lows, highs, points[: len(lows)], strict=True)
        ),
    )


def _evened(factors: list[Factor]) -> list[Factor]:
    """Best points that add up to a hundred: what rounding left over goes to the widest factor."""
    over = SCORE_MAX - sum((each.points_max for each in factors), Decimal(0))
    widest = max(factors, key=lambda each: each.points_max)
    best = widest.points_max

    def evened(points: Decimal) -> Decimal:
        return points + over if points == best else points

    bins = tuple(each.model_copy(update={"points": evened(each.points)}) for each in widest.bins)
    missing = widest.missing_points
    changed = widest.model_copy(
        update={"bins": bins, "missing_points": None if missing is None else evened(missing)}
    )
    return [changed if each is widest else each for each in factors]


def _scores(factors: list[Factor], model: Model, figures: Mapping[str, Numbers]) -> Numbers:
    total = np.zeros(len(next(iter(figures.values()))))
    for factor, each in zip(factors, model.figures, strict=True):
        missing = factor.missing_points if factor.missing_points is not None else factor.points_min
        points = np.array([float(held.points) for held in factor.bins] + [float(missing)])
        total += points[each.bins.places(figures[each.candidate.figure])]
    return total


def _odds(scores: Numbers, factor: float, rate: float) -> Odds:
    level = level_for(-scores / factor, rate)  # ln odds of bad to good = level - score / factor
    return Odds(offset=_exact(level * factor, 4), factor=_exact(factor, 4))


def _floors(odds: Odds) -> dict[str, Decimal]:
    """Least scores by grade: a PD belongs to the grade whose own is nearest, in proportion."""
    scale = read_shipped().master_scale
    floors = {
        better.grade: score_of((better.pd * worse.pd).sqrt(), odds)
        for better, worse in pairwise(scale)
    }
    least = min(floors.values())
    return floors | {scale[-1].grade: min(Decimal(0), least - 1)}
