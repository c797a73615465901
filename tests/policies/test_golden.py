"""The golden cases come out as they are kept, and laws that hold for every case."""

import json
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.assessment import Dossier, Lane
from domain.money import Money
from tests.makers_policy import (
    a_dossier,
    a_rate,
    a_statement,
    an_application,
    an_edition,
    cny,
    judged,
    some_payments,
    usd,
)
from tests.policies.golden import FILE, golden_cases, text_of, written

KEPT = json.loads(FILE.read_text("utf-8"))
JUDGED = golden_cases()
PRODUCTS = sorted(an_edition().limit.products)


@pytest.mark.parametrize("name", KEPT)
def test_a_golden_case_is_identical(name: str) -> None:
    """Where policy was changed on purpose: `python -m tests.policies.golden`, and read the diff."""
    assert written(JUDGED[name]) == KEPT[name]


def test_the_file_is_what_its_command_writes() -> None:
    assert FILE.read_text("utf-8") == text_of(JUDGED)


def test_there_are_cases_of_every_kind() -> None:
    lanes = {kept["lane"] for kept in KEPT.values()}
    grades = {kept["grade"] for kept in KEPT.values()}

    assert len(KEPT) >= 60
    assert lanes == set(Lane)
    assert grades == set(an_edition().grades)


def test_every_factor_stands_at_a_bound_in_some_case() -> None:
    names = {name.partition(" ")[0] for name in KEPT}
    cut = {
        factor.code
        for factor in an_edition().scorecards["corporate"].factors
        if any(each.at_least is not None for each in factor.bins)
    }

    assert cut <= names


def test_at_a_bound_a_factor_earns_otherwise_than_a_step_below_it() -> None:
    codes = [factor.code for factor in an_edition().scorecards["corporate"].factors]
    for name, kept in KEPT.items():
        code, side, cut = [*name.split(" "), "", ""][:3]
        if code not in codes or side != "at":
            continue
        place, below = codes.index(code), KEPT[f"{code} below {cut}"]
        assert kept["points"].split()[place] != below["points"].split()[place], name


@st.composite
def dossiers(draw: st.DrawFn) -> Dossier:
    """Companies from hopeless to sound, asking for little or much, in either currency."""
    equity = draw(st.integers(-20, 135))
    asked = draw(st.integers(1, 2_000_000_000))
    foreign = draw(st.booleans())
    return a_dossier(
        application=an_application(
            usd(asked) if foreign else cny(asked), product=draw(st.sampled_from(PRODUCTS))
        ),
        statements=(
            a_statement(2024),
            a_statement(
                2025,
                equity=str(equity),
                total_liabilities=str(140 - equity),
                net_income=str(draw(st.integers(-40, 40))),
                revenue=str(draw(st.integers(1, 2000))),
                cost_of_sales=None,
                gross_profit=None,
            ),
        ),
        payments=some_payments(days_past_due_max=draw(st.integers(0, 120))),
        own_limits=cny(draw(st.sampled_from([0, 1_000_000, 400_000_000]))),
        rates=(a_rate(),) if foreign else (),
    )


@given(dossiers())
def test_what_is_recommended_lies_between_nothing_and_the_request(dossier: Dossier) -> None:
    receipt = judged(dossier)
    requested = dossier.application.limit_requested

    assert Money.zero(requested.currency) <= receipt.limit_recommended <= requested
    assert receipt.limit.limit_proposed >= cny(0)


@given(dossiers())
def test_points_sum_to_the_score(dossier: Dossier) -> None:
    rating = judged(dossier).rating

    assert sum((each.points for each in rating.factors), Decimal(0)) == rating.score
    assert all(Decimal(0) <= each.points <= each.points_max for each in rating.factors)


@given(dossiers(), st.integers(1, 60))
def test_more_equity_never_lowers_a_limit_at_the_same_grade(dossier: Dossier, more: int) -> None:
    *earlier, newest = dossier.statements
    equity = Decimal(more) * 1_000_000
    items = {
        **newest.items,
        "equity": newest.items["equity"] + equity,
        "total_liabilities": newest.items["total_liabilities"] - equity,
    }
    assume(items["total_liabilities"] >= newest.items["current_liabilities"])
    richer = dossier.model_copy(
        update={"statements": (*earlier, newest.model_copy(update={"items": items}))}
    )

    before, after = judged(dossier), judged(richer)

    assume(before.rating.grade == after.rating.grade)
    assert after.limit.limit_proposed >= before.limit.limit_proposed
    assert after.limit_recommended >= before.limit_recommended
