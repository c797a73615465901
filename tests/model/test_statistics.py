"""Figures of the field: WOE, IV, PSI, KS, AUC and Gini, by hand and by published rules."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from creditflow.model.binning import bin_figure, information_value, weights_of_evidence
from creditflow.model.calibration import level_for, probability, slope_of, strata_of
from creditflow.model.candidates import Better
from creditflow.model.statistics import (
    auc,
    auc_within,
    binomial_interval,
    ks,
    migration,
    parts,
    psi,
)


def bads(*flags: int) -> np.ndarray:
    return np.array(flags, dtype=bool)


def test_weight_of_evidence_is_the_logarithm_of_good_share_over_bad_share() -> None:
    found = weights_of_evidence([80, 20], [40, 60])

    assert found == pytest.approx([math.log(0.8 / 0.4), math.log(0.2 / 0.6)])


def test_information_sums_the_difference_of_shares_times_the_evidence() -> None:
    found = information_value(np.array([80.0, 20.0]), np.array([40.0, 60.0]))

    assert found == pytest.approx(0.4 * math.log(2) + (0.2 - 0.6) * math.log(1 / 3))


def test_stability_is_nothing_where_nothing_moved_and_the_known_sum_where_it_did() -> None:
    assert psi([50, 50], [5, 5]) == 0
    expected = (0.6 - 0.5) * math.log(0.6 / 0.5) + (0.4 - 0.5) * math.log(0.4 / 0.5)
    assert psi([0.6, 0.4], [0.5, 0.5]) == pytest.approx(expected)


def test_ties_count_one_half() -> None:
    assert auc(np.array([1.0, 1.0]), bads(0, 1)) == 0.5
    assert auc(np.array([1.0, 2.0, 2.0, 3.0]), bads(0, 0, 1, 1)) == 0.875


def test_the_distance_of_two_distributions() -> None:
    assert ks(np.array([1.0, 2.0, 3.0, 4.0]), bads(0, 0, 1, 1)) == 1
    assert ks(np.array([1.0, 1.0, 1.0, 1.0]), bads(0, 1, 0, 1)) == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_the_area_is_the_share_of_pairs_in_order(rows: list[tuple[int, bool]]) -> None:
    risk = np.array([float(each) for each, _ in rows])
    bad = np.array([flag for _, flag in rows])
    if bad.all() or not bad.any():
        return
    pairs = [(1.0 if b > g else 0.5 if b == g else 0.0) for b in risk[bad] for g in risk[~bad]]

    assert auc(risk, bad) == pytest.approx(sum(pairs) / len(pairs))
    assert -1e-12 <= ks(risk, bad) <= 1 + 1e-12


def test_the_interval_of_a_binomial_is_the_exact_one() -> None:
    """Figures of the beta distribution, as the interval is defined by it."""
    for bad, rows in ((0, 10), (1, 20), (6, 3615), (50, 100), (10, 10)):
        low, high = binomial_interval(bad, rows)
        assert low == pytest.approx(beta.ppf(0.025, bad, rows - bad + 1) if bad else 0, abs=1e-9)
        over = beta.ppf(0.975, bad + 1, rows - bad) if bad < rows else 1
        assert high == pytest.approx(over, abs=1e-9)
    assert binomial_interval(0, 0) == (0, 0)


def test_rows_are_compared_with_those_of_their_year_where_it_has_both_kinds() -> None:
    times = ["2001-01-05", "2001-03-07", "2002", "2003-12-31", "2004-02-29"]

    found = strata_of(times, bads(1, 0, 0, 1, 0))

    assert found.tolist() == ["2001", "2001", "", "", ""]
    assert strata_of([""] * 5, bads(1, 0, 0, 1, 0)).tolist() == [""] * 5


def test_a_score_is_worth_what_it_tells_apart_within_a_year() -> None:
    risk = np.array([1.0, 2.0, 11.0, 12.0])

    within = auc_within(risk, bads(0, 1, 0, 1), np.array(["a", "a", "b", "b"], dtype=object))
    assert within == 1
    assert auc(risk, bads(0, 1, 0, 1)) == 0.75


@pytest.mark.parametrize("times", ["a day of its own", "none"])
def test_a_slope_is_found_whatever_the_times_are(times: str) -> None:
    chance = np.random.default_rng(3)
    risk = chance.normal(-1, 1, 4000)
    bad = chance.random(4000) < probability(2 * risk)
    days = [f"{1900 + place}-01-01" if times != "none" else "" for place in range(4000)]

    assert slope_of(risk, bad, days) == pytest.approx(2, rel=0.15)


def test_parts_are_from_the_safest_and_hold_every_row() -> None:
    found = parts(np.linspace(0.1, 0.9, 11), bads(*[0] * 8, 1, 1, 1), 2)

    assert [each["rows"] for each in found] == [6, 5]
    assert [each["bad"] for each in found] == [0, 3]
    assert found[0]["pd_mean"] < found[1]["pd_mean"]


def test_migration_counts_from_row_to_column() -> None:
    assert migration([("A", "B"), ("A", "A"), ("B", "B")], ["A", "B"]) == [[1, 1], [0, 1]]


values = st.lists(
    st.tuples(st.floats(-10, 10) | st.just(float("nan")), st.booleans()), min_size=30, max_size=200
)


@given(values, st.sampled_from([Better.HIGH, Better.LOW]))
def test_pooled_ranges_run_one_way_and_keep_every_row(
    rows: list[tuple[float, bool]], better: Better
) -> None:
    figures = np.array([value for value, _ in rows])
    bad = np.array([flag for _, flag in rows])
    bins = bin_figure(figures, bad, better, 10)
    rates = [b / (g + b) for g, b in zip(bins.good[:-1], bins.bad[:-1], strict=True) if g + b]
    ordered = sorted(rates, reverse=better is Better.HIGH)

    assert rates == pytest.approx(ordered)
    assert list(bins.cuts) == sorted(set(bins.cuts))
    assert bins.good.sum() + bins.bad.sum() == len(rows)
    assert bins.good[-1] + bins.bad[-1] == np.isnan(figures).sum()


def test_the_level_makes_the_mean_what_is_asked_and_keeps_the_order() -> None:
    risk = np.linspace(-4, 2, 50)
    pd = probability(risk + level_for(risk, 0.03))

    assert pd.mean() == pytest.approx(0.03)
    assert (np.diff(pd) > 0).all()


def test_the_slope_is_read_within_a_time_and_not_across_times() -> None:
    chance = np.random.default_rng(3)
    risk = chance.normal(size=4000)
    late = np.arange(4000) >= 2000
    bad = chance.random(4000) < probability(1.5 * risk - 4 + 3 * late)

    within = slope_of(risk, bad, ["2002" if each else "2001" for each in late])
    across = slope_of(risk, bad, ["2001"] * 4000)

    assert within == pytest.approx(1.5, abs=0.2)
    assert across < within
