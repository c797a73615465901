"""From risk to probability: the slope that the fit's own rows show, the level that is asked for."""

from collections.abc import Sequence

import numpy as np

from creditflow.model.columns import time_order
from creditflow.model.figures import Numbers

_STEPS = 100
_BOUND = 60.0


def probability(log_odds: Numbers) -> Numbers:
    found: Numbers = 1 / (1 + np.exp(-np.clip(log_odds, -_BOUND, _BOUND)))
    return found


def strata_of(times: Sequence[str], bad: np.ndarray) -> np.ndarray:
    """The year of each row, where both good and bad rows are of it; else one stratum for the rest.

    Dates are told apart by their year, so that rows of a day of their own still have company.
    """
    years = np.array([str(time_order(time)[0]) if time else "" for time in times], dtype=object)
    found = np.full(len(bad), "", dtype=object)
    for year in set(years.tolist()):
        own = years == year
        if bad[own].any() and not bad[own].all():
            found[own] = year
    return found


def slope_of(risk: Numbers, bad: np.ndarray, times: Sequence[str]) -> float:
    """The factor on penalised log-odds at which the rows they come from are likeliest (Newton).

    Each time has a level of its own. In a file of firms chosen by their end hardly one fails in the
    first years and every tenth in the last; one level for all would take that for weakness of the
    score. A time without any of the good or the bad says nothing about the slope.
    """
    telling = np.zeros(len(bad), dtype=bool)
    strata = []
    named = strata_of(times, bad)
    for stratum in sorted(set(named.tolist())):
        own = named == stratum
        if bad[own].any() and not bad[own].all():
            strata.append(own)
            telling |= own
    design = np.column_stack([*strata, risk])[telling].astype(float)
    outcome = bad[telling]
    found = np.append(np.zeros(len(strata)), 1.0)
    found[:-1] = [np.log(bad[own].mean() / (1 - bad[own].mean())) for own in strata]
    found[:-1] -= [risk[own].mean() for own in strata]
    for _ in range(_STEPS):
        pd = probability(design @ found)
        curvature = design.T @ (design * (pd * (1 - pd))[:, None])
        step = np.linalg.solve(curvature, design.T @ (outcome - pd))
        found += np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-9:
            break
    return float(found[-1])


def level_for(risk: Numbers, rate: float) -> float:
    """What is added to log-odds so that the mean probability is the rate asked for (bisection)."""
    low, high = -_BOUND, _BOUND
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if probability(risk + middle).mean() < rate else (low, middle)
    return (low + high) / 2
