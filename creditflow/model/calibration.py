"""From risk to probability: the slope that the fit's own rows show, the level that is asked for."""

import numpy as np

from creditflow.model.figures import Numbers

_STEPS = 100
_BOUND = 60.0


def probability(log_odds: Numbers) -> Numbers:
    found: Numbers = 1 / (1 + np.exp(-np.clip(log_odds, -_BOUND, _BOUND)))
    return found


def slope_of(risk: Numbers, bad: np.ndarray) -> float:
    """The factor on penalised log-odds at which the rows they come from are likeliest (Newton)."""
    level, slope = 0.0, 1.0
    for _ in range(_STEPS):
        pd = probability(level + slope * risk)
        weight = pd * (1 - pd)
        gradient = np.array([(bad - pd).sum(), ((bad - pd) * risk).sum()])
        cross = (weight * risk).sum()
        curvature = np.array([[weight.sum(), cross], [cross, (weight * risk**2).sum()]])
        step = np.linalg.solve(curvature, gradient)
        level, slope = level + step[0], slope + step[1]
        if np.abs(step).max() < 1e-10:
            break
    return float(slope)


def level_for(risk: Numbers, rate: float) -> float:
    """What is added to log-odds so that the mean probability is the rate asked for (bisection)."""
    low, high = -_BOUND, _BOUND
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if probability(risk + middle).mean() < rate else (low, middle)
    return (low + high) / 2
