"""Does an analyst's figure count for its own factor alone, within its bounds, and say whose it is?"""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.analyst_figure import SuppliedFigure
from domain.assessment import Assessment, Bearing, Dossier, Lane, Missing
from domain.edition import AnalystRule, PolicyEdition
from domain.errors import FigureOutOfBounds, NotFound
from domain.turnaround import Court
from policies.analyst_figure import awaited, factor_asked, factors_asked, refuse_out_of_bounds
from policies.assessment import replay
from policies.edition import check
from policies.questions import OpenFile, questions
from policies.rerating import rerate
from policies.turnaround import court_of
from tests.makers_policy import ON, a_dossier, an_edition, cny, judged, no_payments, some_payments
from tests.makers_ratings import SUPPLIED, a_supplied, asking_analysts, with_factors

EDITION = asking_analysts()
GAP = f"analyst_figure:{SUPPLIED}"

values = st.integers(-20_000, 20_000).map(lambda parts: Decimal(parts) / 10_000)


def bare(*supplied: SuppliedFigure) -> Dossier:
    """A customer of whom no payment is on record, and what analysts said instead."""
    return a_dossier(payments=no_payments()).model_copy(update={"supplied": supplied})


def points(receipt: Assessment) -> dict[str, Decimal]:
    return {each.code: each.points for each in receipt.rating.factors}


def factor_of(receipt: Assessment) -> Any:
    return next(each for each in receipt.rating.factors if each.code == SUPPLIED)


@given(values)
def test_a_supplied_value_moves_no_other_factor_and_points_still_sum_to_the_score(
    value: Decimal,
) -> None:
    before, after = judged(bare(), EDITION), judged(bare(a_supplied(f"{value:f}")), EDITION)

    others = points(before).keys() - {SUPPLIED}
    assert {code: points(after)[code] for code in others} == {
        code: points(before)[code] for code in others
    }
    assert sum(points(after).values()) == after.rating.score
    assert after.rating.score - before.rating.score == (
        points(after)[SUPPLIED] - points(before)[SUPPLIED]
    )


@given(values)
def test_a_supplied_value_earns_what_the_same_figure_would_have(value: Decimal) -> None:
    supplied = factor_of(judged(bare(a_supplied(f"{value:f}")), EDITION))
    within = 0 <= value <= 1
    if within:
        paid = a_dossier(payments=some_payments(paid_late_share=value))
        assert supplied.points == factor_of(judged(paid, EDITION)).points
    else:
        assert supplied.points == factor_of(judged(bare(), EDITION)).points
    assert (supplied.supplied is not None) == within


def test_the_receipt_says_which_treatment_fired_whose_value_it_is_and_replays() -> None:
    given_by = a_supplied("0.05", confirmed_by="approver")
    receipt = judged(bare(given_by), EDITION)
    kept = Assessment.model_validate_json(receipt.model_dump_json())
    found = factor_of(kept)

    assert (found.missing, Decimal(found.value)) == (Missing.ANALYST, Decimal("0.05"))
    assert found.supplied == given_by
    assert replay(kept, EDITION) == []
    assert kept.receipt_hash == receipt.receipt_hash
    assert f"missing_{SUPPLIED}" not in kept.rating.knock_outs


def test_a_figure_that_is_there_is_judged_by_whatever_an_analyst_said() -> None:
    paid = a_dossier(payments=some_payments(paid_late_share=Decimal("0.5")))
    both = paid.model_copy(update={"supplied": (a_supplied("0.01"),)})

    assert factor_of(judged(both, EDITION)) == factor_of(judged(paid, EDITION))
    assert factor_of(judged(both, EDITION)).supplied is None


def test_a_factor_without_its_figure_earns_its_worst_and_people_decide() -> None:
    receipt = judged(bare(), EDITION)

    assert factor_of(receipt).points == min(each.points for each in _factor(EDITION).bins)
    assert f"missing_{SUPPLIED}" in receipt.rating.knock_outs
    assert receipt.route.lane is Lane.PEOPLE


def test_a_case_awaits_the_figure_until_one_within_bounds_is_there() -> None:
    assert awaited(bare(), EDITION) == (GAP,)
    assert awaited(bare(a_supplied("1.5")), EDITION) == (GAP,)
    assert awaited(bare(a_supplied("0.5")), EDITION) == ()
    assert awaited(a_dossier(), EDITION) == ()
    assert awaited(bare(), an_edition()) == ()


def test_only_what_a_factor_leaves_to_an_analyst_may_be_supplied_and_only_within_bounds() -> None:
    refuse_out_of_bounds(Decimal(1), factor_asked(SUPPLIED, EDITION))
    with pytest.raises(FigureOutOfBounds) as refused:
        refuse_out_of_bounds(Decimal("1.0001"), factor_asked(SUPPLIED, EDITION))
    assert "1.0001" in refused.value.detail()
    assert SUPPLIED in refused.value.detail("zh")
    with pytest.raises(NotFound):
        factor_asked("equity_ratio", EDITION)
    assert factors_asked(an_edition()) == ()


def test_it_is_our_time_while_a_case_waits_for_an_analyst() -> None:
    assert court_of((GAP,), EDITION.turnaround) is Court.OURS
    assert court_of((GAP, "purpose"), EDITION.turnaround) is Court.CUSTOMER


def test_lines_re_rated_in_columns_go_to_people_for_want_of_the_figure() -> None:
    alone = judged(bare(), EDITION)

    [together] = rerate([bare()], EDITION, "open_account", ON)

    assert (together.score, together.grade) == (alone.rating.score, alone.rating.grade)
    assert together.knock_outs == alone.rating.knock_outs


# ── what is worth asking ─────────────────────────────────────────────────────────────────────────


def open_file(dossier: Dossier) -> OpenFile:
    return questions(dossier, EDITION, (), automatic_spent=cny(0))


def test_the_figure_is_a_question_until_it_is_supplied() -> None:
    question = next(each for each in open_file(bare()).questions if each.code == GAP)

    assert question.factors == (SUPPLIED,)
    assert Bearing.ROUTE in question.bears_on
    assert GAP not in {each.code for each in open_file(bare(a_supplied())).questions}


@given(values.filter(lambda value: 0 <= value <= 1))
def test_whatever_is_supplied_score_and_grade_stay_within_what_was_said(value: Decimal) -> None:
    before = open_file(bare())

    receipt = judged(bare(a_supplied(f"{value:f}")), EDITION)

    assert before.score_min <= receipt.rating.score <= before.score_max
    assert receipt.rating.grade in before.grades


# ── the edition ──────────────────────────────────────────────────────────────────────────────────


def _factor(edition: PolicyEdition) -> Any:
    return next(each for each in edition.scorecards["corporate"].factors if each.code == SUPPLIED)


def _changed(**changed: Any) -> PolicyEdition:
    return with_factors(EDITION, lambda factor: changed if factor.code == SUPPLIED else {})


@pytest.mark.parametrize(
    ("edition", "codes"),
    [
        (EDITION, []),
        (_changed(analyst=None), ["incomplete"]),
        (_changed(missing=Missing.WORST), ["unread"]),
        (
            _changed(analyst=AnalystRule(at_least=Decimal(1), at_most=Decimal(0))),
            ["order"],
        ),
    ],
)
def test_an_edition_bounds_what_an_analyst_may_supply(
    edition: PolicyEdition, codes: list[str]
) -> None:
    assert [each.code for each in check(edition)] == codes


def test_what_may_be_supplied_for_a_factor_is_the_same_in_every_scorecard() -> None:
    card = EDITION.scorecards["corporate"]
    other = _changed(analyst=AnalystRule(at_least=Decimal(0), at_most=Decimal("0.5"))).scorecards[
        "corporate"
    ]
    existing = card.model_copy(
        update={"choice": card.choice.model_copy(update={"relations": ("existing",)})}
    )
    new = other.model_copy(
        update={"choice": other.choice.model_copy(update={"relations": ("new",)})}
    )
    edition = EDITION.model_copy(update={"scorecards": {"corporate": existing, "new": new}})

    assert [each.code for each in check(edition)] == ["repeated"]
