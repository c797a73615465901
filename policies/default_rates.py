"""Default rates over years: what a table of cumulative rates implies, and grades between its rows.

Agencies publish average cumulative rates by category; a master scale needs rates for grades in
between, and a judgement the rate of a later year given survival. Between two categories rates are
interpolated in their logarithms, as rates rise by factors and not by steps.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext

from policies.formula import EXACT

# Cumulative rates by horizon in years, of one category.
Curve = Mapping[int, Decimal]


def conditional_rate(curve: Curve, after_years: int, by_years: int) -> Decimal:
    """The chance of default after one horizon and by a later one, given survival of the first."""
    with localcontext(EXACT):
        survived = 1 - curve[after_years]
        return (curve[by_years] - curve[after_years]) / survived


def average_hazard(curve: Curve, years: int) -> Decimal:
    """The constant yearly hazard that would make the cumulative rate of a horizon."""
    with localcontext(EXACT):
        return -(1 - curve[years]).ln() / years


def between(better: Decimal, worse: Decimal, place: int, places: int) -> Decimal:
    """The rate `place` of `places` steps from a better category's towards a worse one's.

    Log-linear; both rates above zero.
    """
    with localcontext(EXACT):
        share = Decimal(place) / places
        return (better.ln() + share * (worse.ln() - better.ln())).exp()


def smoothed(rates: Sequence[Decimal], floor: Decimal, step: Decimal) -> tuple[Decimal, ...]:
    """Rates, best first, raised to the floor and made strictly rising by a least step."""
    risen: list[Decimal] = []
    for rate in rates:
        least = floor if not risen else risen[-1] + step
        risen.append(max(rate, least))
    return tuple(risen)


def loss_given_default(recovery: Decimal) -> Decimal:
    """What is lost of a claim of whose kind so much is recovered on average."""
    return 1 - recovery


def stress_factor(rates_by_year: Mapping[int, Decimal], year: int) -> Decimal:
    """How many times the long average the default rate of one year was."""
    with localcontext(EXACT):
        mean = sum(rates_by_year.values(), Decimal(0)) / len(rates_by_year)
        return rates_by_year[year] / mean
