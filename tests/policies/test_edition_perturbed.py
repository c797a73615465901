"""Whatever is knocked out of a sound edition is found: rows dropped, cuts shifted, rows doubled."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.edition import Factor, PolicyEdition, Trend
from policies.edition import check
from tests.makers_policy import an_edition

FACTORS = range(len(an_edition().scorecards["corporate"].factors))
ROWS = range(len(an_edition().approval.rows))
GRADES = range(len(an_edition().master_scale))


def with_bins(number: int, bins: tuple[Any, ...], **more: Any) -> PolicyEdition:
    """The standard edition with other bins in one factor."""
    edition = an_edition()
    factors = list(edition.scorecards["corporate"].factors)
    factors[number] = factors[number].model_copy(update={"bins": bins, **more})
    card = edition.scorecards["corporate"].model_copy(update={"factors": tuple(factors)})
    return edition.model_copy(update={"scorecards": edition.scorecards | {"corporate": card}})


def with_rows(rows: tuple[Any, ...]) -> PolicyEdition:
    edition = an_edition()
    approval = edition.approval.model_copy(update={"rows": rows})
    return edition.model_copy(update={"approval": approval})


def paths(edition: PolicyEdition) -> set[str]:
    return {finding.path for finding in check(edition)}


def test_the_edition_that_is_perturbed_is_sound() -> None:
    assert check(an_edition()) == []


@given(st.sampled_from(FACTORS), st.data())
def test_a_range_dropped_from_a_factor_leaves_a_gap_that_is_named(
    number: int, data: st.DataObject
) -> None:
    factor = an_edition().scorecards["corporate"].factors[number]
    # A category without a row of its own belongs to the row for any other.
    dropped = [at for at, each in enumerate(factor.bins) if not each.categories]
    place = data.draw(st.sampled_from(dropped))
    fewer = factor.bins[:place] + factor.bins[place + 1 :]

    found = check(with_bins(number, fewer))

    path = f"scorecards.corporate.factors.{factor.code}.bins"
    assert any(each.path == path and each.code == "gap" for each in found)


@given(st.sampled_from(FACTORS), st.data())
def test_a_range_that_is_there_twice_overlaps_itself(number: int, data: st.DataObject) -> None:
    factor = an_edition().scorecards["corporate"].factors[number]
    twice = (*factor.bins, data.draw(st.sampled_from(factor.bins)))

    found = check(with_bins(number, twice))

    path = f"scorecards.corporate.factors.{factor.code}.bins"
    assert any(each.path == path and each.code == "overlap" for each in found)


@given(
    st.sampled_from(FACTORS),
    st.data(),
    st.decimals("-0.5", "0.5", places=4).filter(bool),
)
def test_a_shifted_cut_leaves_a_gap_or_an_overlap(
    number: int, data: st.DataObject, shift: Decimal
) -> None:
    factor = an_edition().scorecards["corporate"].factors[number]
    cuts = [place for place, each in enumerate(factor.bins) if each.at_least is not None]
    if not cuts:  # categories have no cuts
        return
    place = data.draw(st.sampled_from(cuts))
    moved = factor.bins[place].model_copy(
        update={"at_least": (factor.bins[place].at_least or Decimal(0)) + shift}
    )
    bins = (*factor.bins[:place], moved, *factor.bins[place + 1 :])

    found = check(with_bins(number, bins))

    path = f"scorecards.corporate.factors.{factor.code}.bins"
    assert {"gap", "overlap"} & {each.code for each in found if each.path == path}


@given(st.sampled_from(ROWS))
def test_an_approval_row_dropped_or_doubled_is_found(place: int) -> None:
    rows = an_edition().approval.rows

    assert "approval.rows" in paths(with_rows(rows[:place] + rows[place + 1 :]))
    assert "approval.rows" in paths(with_rows((*rows, rows[place])))


@given(st.sampled_from(ROWS), st.integers(-1_000_000, 1_000_000).filter(bool))
def test_an_approval_bound_that_is_moved_is_found(place: int, shift: int) -> None:
    rows = an_edition().approval.rows
    moved = rows[place].model_copy(update={"above": abs(rows[place].above + shift)})

    assert "approval.rows" in paths(with_rows((*rows[:place], moved, *rows[place + 1 :])))


@given(st.sampled_from(GRADES))
def test_a_grade_dropped_from_the_master_scale_is_found(place: int) -> None:
    scale = an_edition().master_scale
    fewer = an_edition().model_copy(update={"master_scale": scale[:place] + scale[place + 1 :]})

    assert paths(fewer)


@given(st.sampled_from(GRADES[1:]))
def test_a_master_scale_that_is_no_ladder_is_found(place: int) -> None:
    scale = list(an_edition().master_scale)
    scale[place] = scale[place].model_copy(update={"pd": scale[place - 1].pd})

    found = paths(an_edition().model_copy(update={"master_scale": tuple(scale)}))

    assert f"master_scale.{scale[place].grade}.pd" in found


@given(st.sampled_from(GRADES[1:]))
def test_floors_of_a_scorecard_that_are_no_ladder_are_found(place: int) -> None:
    edition = an_edition()
    better, worse = edition.grades[place - 1], edition.grades[place]
    card = edition.scorecards["corporate"]
    floors = card.score_min | {worse: card.score_min[better]}
    cards = edition.scorecards | {"corporate": card.model_copy(update={"score_min": floors})}

    found = paths(edition.model_copy(update={"scorecards": cards}))

    assert f"scorecards.corporate.score_min.{worse}" in found


@given(st.sampled_from(FACTORS), st.data())
def test_a_declared_trend_is_held(number: int, data: st.DataObject) -> None:
    factor = an_edition().scorecards["corporate"].factors[number]
    if any(each.categories for each in factor.bins):
        return
    rising = factor.bins[-1].points > factor.bins[0].points
    declared = Trend.RISING if rising else Trend.FALLING
    assert check(with_bins(number, factor.bins, trend=declared)) == []
    one, other = data.draw(st.permutations(range(len(factor.bins))))[:2]
    bins = list(factor.bins)
    points = bins[one].points, bins[other].points
    bins[one] = bins[one].model_copy(update={"points": points[1]})
    bins[other] = bins[other].model_copy(update={"points": points[0]})

    found = check(with_bins(number, tuple(bins), trend=declared))

    assert "trend" in {each.code for each in found}


def test_a_figure_that_nobody_uses_and_nobody_is_shown_is_found() -> None:
    edition = an_edition()
    figures = {**edition.spreading.figures, "spare": "revenue / total_assets"}
    spreading = edition.spreading.model_copy(update={"figures": figures})
    spare = edition.model_copy(update={"spreading": spreading})
    declared = spreading.model_copy(update={"shown": (*spreading.shown, "spare")})

    assert paths(spare) == {"spreading.figures.spare"}
    assert check(edition.model_copy(update={"spreading": declared})) == []


@pytest.mark.parametrize("number", FACTORS)
def test_a_factor_that_earns_the_same_everywhere_is_found(number: int) -> None:
    factor: Factor = an_edition().scorecards["corporate"].factors[number]
    same = tuple(each.model_copy(update={"points": Decimal(1)}) for each in factor.bins)

    found = check(with_bins(number, same))

    assert (f"scorecards.corporate.factors.{factor.code}.bins", "idle") in {
        (f.path, f.code) for f in found
    }
