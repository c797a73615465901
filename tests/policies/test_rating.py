"""Scorecards: points at the cuts, missing figures, knock-outs, and cases that must not move."""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.assessment import Dossier, Missing, Rating
from domain.edition import PolicyEdition
from domain.statement import Item, Statement
from policies.rating import rate
from policies.scorecard import CardTable
from policies.spreading import TEXT_NAMES, scope_of, shown
from policies.tables import tables_of
from tests.makers_policy import (
    a_changed_edition,
    a_customer,
    a_dossier,
    a_statement,
    an_edition,
    no_payments,
    some_payments,
)

GOLDEN = Path(__file__).parent / "golden_scorecard.json"
LAST_PLACE = Decimal("0.000001")


def rated(dossier: Dossier | None = None, edition: PolicyEdition | None = None) -> Rating:
    judged_by = edition or an_edition()
    return rate(scope_of(dossier or a_dossier(), judged_by), judged_by)


def a_card() -> CardTable:
    """The standard edition's scorecard of companies."""
    return tables_of(an_edition()).cards[0]


def points(rating: Rating, code: str) -> Decimal:
    return next(factor.points for factor in rating.factors if factor.code == code)


@dataclass
class Cut:
    factor: str
    at: Decimal
    upper: int
    table: Any


def cuts() -> list[Cut]:
    """Every cut of every numeric factor, with the number of the bin that begins there."""
    table = a_card()
    return [
        Cut(factor.code, each.at_least, place, table.bins[factor.code])
        for factor in table.card.factors
        if factor.figure not in TEXT_NAMES
        for place, each in enumerate(factor.bins)
        if each.at_least is not None
    ]


@pytest.mark.parametrize("cut", cuts(), ids=lambda cut: f"{cut.factor} at {cut.at}")
def test_a_value_equal_to_a_cut_is_in_the_upper_bin_and_one_below_it_is_not(cut: Cut) -> None:
    assert cut.table.find({"value": cut.at}) == cut.upper
    assert cut.table.find({"value": cut.at - LAST_PLACE}) == cut.upper - 1


def test_a_ratio_that_equals_a_cut_through_the_whole_calculation() -> None:
    # Equity 63 of assets 140 is exactly 0.45, where nine points begin.
    at = rated(a_dossier(statements=(a_statement(equity="63"),)))
    below = rated(a_dossier(statements=(a_statement(equity="62.99"),)))

    assert points(at, "equity_ratio") == 9
    assert points(below, "equity_ratio") == 7


@pytest.mark.parametrize(
    ("score", "grade"),
    [
        ("100", "AAA"),
        ("94", "AAA"),
        ("93.999999", "AA"),
        ("88", "AA"),
        ("80", "A"),
        ("79.9", "BBB"),
        ("71", "BBB"),
        ("60", "BB"),
        ("49", "B"),
        ("37", "CCC"),
        ("36.99", "D"),
        ("0", "D"),
    ],
)
def test_a_score_equal_to_a_floor_has_the_better_grade(score: str, grade: str) -> None:
    assert a_card().grade(Decimal(score)) == grade


def test_pd_rises_with_every_grade() -> None:
    scale = [row.pd for row in an_edition().master_scale]

    assert scale == sorted(set(scale))


def test_each_factor_names_its_figure_formula_and_inputs() -> None:
    cover = next(factor for factor in rated().factors if factor.code == "interest_cover")

    assert cover.value == 8
    assert cover.formula == "operating_profit / interest_expense"
    assert cover.inputs == {"operating_profit": "16000000", "interest_expense": "2000000"}
    assert cover.bin == "4 and above"
    assert (cover.points, cover.points_max, cover.group) == (4, 4, "financial")


def test_a_rating_names_its_model_and_what_each_group_earned() -> None:
    rating = rated()

    assert rating.model == "corporate 2"
    assert rating.group_shares == {
        "financial": Decimal("0.8545"),
        "operating": Decimal("0.95"),
        "payment": Decimal(1),
    }


def test_a_grade_counts_for_a_year() -> None:
    assert rated().valid_until == date(2027, 6, 30)


def test_without_a_payment_history_its_factors_are_neutral_and_say_so() -> None:
    rating = rated(a_dossier(payments=no_payments()))
    payment = [factor for factor in rating.factors if factor.group == "payment"]

    assert {factor.missing for factor in payment} == {Missing.NEUTRAL}
    assert {factor.value for factor in payment} == {None}
    assert {factor.bin for factor in payment} == {"missing"}
    assert sum((factor.points for factor in payment), Decimal(0)) == Decimal(15)  # 0.6 of 25


def test_two_invoices_are_no_payment_history() -> None:
    few = rated(a_dossier(payments=some_payments(invoices=2)))

    assert points(few, "paid_late_share") == Decimal("5.4")


@pytest.mark.parametrize("statements", [(), (a_statement(),), (a_statement(equity=None),), None])
def test_every_factor_says_which_treatment_of_a_missing_figure_fired(
    statements: tuple[Statement, ...] | None,
) -> None:
    rating = rated(a_dossier(statements=statements, payments=no_payments()))
    card = an_edition().scorecards["corporate"]
    declared = {factor.code: factor for factor in card.factors}

    for found in rating.factors:
        factor = declared[found.code]
        assert found.missing == (factor.missing if found.value is None else None)
        expected = {
            Missing.FAIL: factor.points_min,
            Missing.WORST: factor.points_min,
            Missing.NEUTRAL: factor.points_max * card.neutral_share,
            Missing.POINTS: factor.missing_points,
        }
        if found.value is None:
            assert found.points == expected[factor.missing]
        must = found.value is None and factor.missing is Missing.FAIL
        assert (f"missing_{found.code}" in rating.knock_outs) is must


def test_a_missing_return_earns_the_worst_points() -> None:
    rating = rated(a_dossier(statements=(a_statement(net_income=None),)))

    assert points(rating, "return_on_assets") == 0


def test_a_figure_that_must_be_there_is_named_where_it_is_not() -> None:
    rating = rated(a_dossier(statements=(a_statement(total_assets=None),)))

    assert "missing_equity_ratio" in rating.knock_outs


def test_a_missing_item_is_not_a_zero() -> None:
    without = rated(a_dossier(statements=(a_statement(interest_expense=None),)))
    factor = next(each for each in without.factors if each.code == "interest_cover")

    assert factor.value is None
    assert factor.missing is Missing.NEUTRAL
    assert factor.inputs["interest_expense"] == "missing"


def test_without_a_year_before_growth_is_missing() -> None:
    rating = rated(a_dossier(statements=(a_statement(),)))

    assert next(f for f in rating.factors if f.code == "equity_growth").value is None


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"statements": (a_statement(equity="-1"),)}, "equity_negative"),
        ({"payments": some_payments(days_past_due_max=91)}, "overdue_over_90_days"),
        ({"statements": (a_statement(2024),)}, None),
        ({"statements": (a_statement(2023),)}, "statement_stale"),
        ({"customer": a_customer(related_to_grantor=True)}, "related_to_grantor"),
        ({"customer": a_customer(established_on="2025-09-01")}, "established_under_a_year"),
        ({"statements": (a_statement(ebit="1.9"),)}, "interest_not_earned"),
    ],
)
def test_a_rule_that_overrules_the_score_is_named(
    changed: dict[str, Any], code: str | None
) -> None:
    rating = rated(a_dossier(**changed))

    assert rating.knock_outs == (() if code is None else (code,)) or code in rating.knock_outs


def test_a_cap_holds_the_grade_down_and_leaves_the_score() -> None:
    free = rated(a_dossier(payments=some_payments(days_past_due_max=30)))
    capped = rated(a_dossier(payments=some_payments(days_past_due_max=31)))

    assert capped.knock_outs == ("overdue_over_30_days",)
    assert capped.grade == "B"
    assert capped.pd == Decimal("0.05")
    assert an_edition().rank(free.grade) < an_edition().rank("B")
    assert a_card().grade(capped.score) != "B"


def test_a_cap_never_lifts_a_grade() -> None:
    poor = a_statement(
        equity="1", net_income="-40", current_assets="20", ebit="-30", retained_earnings="-80"
    )
    dossier = a_dossier(
        statements=(a_statement(2024), poor), payments=some_payments(days_past_due_max=40)
    )

    assert an_edition().rank(rated(dossier).grade) >= an_edition().rank("CCC")


def test_an_industry_no_bin_names_takes_the_points_of_all_others() -> None:
    by_industry = {
        letter: points(rated(a_dossier(customer=a_customer(industry=letter))), "industry")
        for letter in "BCDEFGHIJKLMNOPQRSTU"
    }

    assert by_industry["D"] == 5
    assert by_industry["K"] == 2
    assert by_industry["C"] == by_industry["U"] == 4


_figure = st.none() | st.integers(-300, 3_000).map(lambda tenths: str(Decimal(tenths) / 10))
_ITEMS = [
    Item.CURRENT_ASSETS,
    Item.INVENTORY,
    Item.CURRENT_LIABILITIES,
    Item.TOTAL_ASSETS,
    Item.TOTAL_LIABILITIES,
    Item.EQUITY,
    Item.REVENUE,
    Item.NET_INCOME,
    Item.EBIT,
    Item.INTEREST_EXPENSE,
    Item.DEPRECIATION_AMORTISATION,
    Item.RETAINED_EARNINGS,
]


@given(st.fixed_dictionaries({item.value: _figure for item in _ITEMS}))
def test_points_sum_to_the_score_whatever_the_company(items: dict[str, str | None]) -> None:
    rating = rated(a_dossier(statements=(a_statement(2024), a_statement(2025, **items))))

    assert rating.score == sum((factor.points for factor in rating.factors), Decimal(0))
    assert 0 <= rating.score <= 100
    assert all(0 <= factor.points <= factor.points_max for factor in rating.factors)
    assert rating.grade in an_edition().grades
    assert (rating.pd, rating.grade) in {(row.pd, row.grade) for row in an_edition().master_scale}


@given(st.integers(-1_000, 2_000), st.integers(0, 1_000))
def test_more_equity_never_lowers_a_score(equity: int, more: int) -> None:
    def with_equity(tenths: int) -> Decimal:
        prior, now = a_statement(2024), a_statement(2025, equity=str(Decimal(tenths) / 10))
        return rated(a_dossier(statements=(prior, now))).score

    assert with_equity(equity) <= with_equity(equity + more)


def test_scores_move_only_when_the_edition_does() -> None:
    edition = a_changed_edition("[scorecards.corporate]\nneutral_share = 0.5")
    dossier = a_dossier(payments=no_payments())

    assert rated(dossier, edition).score < rated(dossier).score


def golden_dossier(case: dict[str, Any]) -> Dossier:
    statements = tuple(
        a_statement(int(year), **items) for year, items in case["statements"].items()
    )
    return a_dossier(
        customer=a_customer(**case["customer"]),
        statements=statements,
        payments=some_payments(**case["payments"]),
    )


def test_cases_on_file_score_as_they_always_have() -> None:
    cases = json.loads(GOLDEN.read_text("utf-8"))
    assert len(cases) >= 50
    for case in cases:
        rating = rated(golden_dossier(case))
        scored = {factor.code: shown(factor.points) for factor in rating.factors}
        assert scored == case["points"], case["case"]
        assert (shown(rating.score), rating.grade) == (case["score"], case["grade"])
        assert list(rating.knock_outs) == case["knock_outs"]
