"""Limits: published examples, steps that can be checked by hand, the binding cap and the next."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.application import ApplicationType
from domain.assessment import Dossier, LimitProposal
from domain.edition import PolicyEdition
from domain.money import Money
from policies.formula import compiled_formula
from policies.limit import NOTHING_COMPUTABLE, propose_limit
from policies.spreading import scope_of
from tests.makers_policy import (
    a_change,
    a_changed_edition,
    a_dossier,
    a_rate,
    a_statement,
    an_application,
    an_edition,
    cny,
    usd,
)


def proposed(
    dossier: Dossier | None = None, grade: str = "A", edition: PolicyEdition | None = None
) -> LimitProposal:
    judged_by = edition or an_edition()
    judged = dossier or a_dossier()
    return propose_limit(scope_of(judged, judged_by), judged, grade, judged_by)


def step(limit: LimitProposal, code: str) -> Money | None:
    return next(each.amount for each in limit.steps if each.code == code)


def test_the_ordinary_company_equals_the_calculation_by_hand() -> None:
    limit = proposed()

    # Tangible net worth 70 - 6 = 64 million, 20 %; sales 200 million, 8 %; purchases of ninety
    # days 150 * 90 / 360 = 37.5 million, 50 %.
    assert step(limit, "tangible_net_worth") == cny(12_800_000)
    assert step(limit, "turnover") == cny(16_000_000)
    assert step(limit, "purchases") == cny(18_750_000)
    assert step(limit, "grade_cap") == cny(300_000_000)
    assert step(limit, "single_name_cap") == cny(500_000_000)
    assert step(limit, "group_cap") == cny(750_000_000)
    assert limit.limit_proposed == cny(12_800_000)
    assert (limit.binding, limit.next_binding) == ("tangible_net_worth", "turnover")


def test_the_published_table_of_a_grade_b_customer_gives_28_000() -> None:
    # Tangible net worth 80,000, turnover 700,000; 35 % and 5 %; need 50,000.
    edition = a_changed_edition(
        """
        [limit]
        lot = 1
        [limit.methods.tangible_net_worth.share]
        B = 0.35
        [limit.methods.turnover.share]
        B = 0.05
        [limit.methods.purchases.share]
        B = 1
        """
    )
    statement = a_statement(
        equity="0.08", intangible_assets="0", revenue="0.7", cost_of_sales="0.2"
    )
    limit = proposed(a_dossier(statements=(statement,)), "B", edition)

    assert step(limit, "tangible_net_worth") == cny(28_000)
    assert step(limit, "turnover") == cny(35_000)
    assert step(limit, "purchases") == cny(50_000)
    assert limit.limit_proposed == cny(28_000)
    assert limit.binding == "tangible_net_worth"


def test_working_capital_need_of_three_thousand_in_sales_is_561() -> None:
    # 3000 * (1 - 15 %) * (1 + 10 %) / 5
    formula = compiled_formula(an_edition().spreading.figures["working_capital"])
    known = {
        "revenue": Decimal(3000),
        "sales_margin": Decimal("0.15"),
        "growth_expected": Decimal("0.10"),
        "working_capital_turns": Decimal(5),
    }

    assert formula.compute(known.get) == 561


def test_working_capital_need_is_not_rounded_on_the_way() -> None:
    statements = (a_statement(2024, revenue="180"), a_statement(2025))
    scope = scope_of(a_dossier(statements=statements), an_edition())
    days = scope.find("working_capital_days")
    assert days is not None

    # inventory 24/150, receivables 30/200, payables 22/150, prepayments 4/150, advances 3/200,
    # each of 360 days; growth 20/180; margin 14/200; own funds 70 + 22 - 62.
    by_hand = Decimal(360) * (Decimal(24 + 4 - 22) / 150 + Decimal(30 - 3) / 200)
    assert abs(days - by_hand) < Decimal("1e-20")
    need = (
        Decimal(200) * (1 - Decimal(14) / 200) * (1 + Decimal(20) / 180) * by_hand / 360 - 30 - 15
    )
    found = scope.find("working_capital_need")
    assert found is not None
    assert abs(found / 1_000_000 - need) < Decimal("1e-20")


def test_a_working_capital_loan_is_bound_by_the_need_for_it() -> None:
    application = an_application(product="working_capital_loan")
    limit = proposed(a_dossier(application=application))

    assert limit.binding == "working_capital"
    assert limit.limit_proposed == cny(0), "own funds cover the need, so nothing is needed"


def test_the_median_of_three_is_the_middle_one() -> None:
    limit = proposed(a_dossier(application=an_application(product="comprehensive")))

    assert limit.limit_proposed == cny(16_000_000)
    assert limit.binding == "turnover"


def test_statements_in_another_currency_are_converted_at_the_rate_of_the_dossier() -> None:
    dossier = a_dossier(statements=(a_statement(currency="USD"),), rates=(a_rate("USD", "7.1"),))

    assert step(proposed(dossier), "tangible_net_worth") == cny("90880000.00")


def test_intangibles_that_are_not_reported_take_a_quarter_of_the_equity() -> None:
    statement = a_statement(intangible_assets=None)
    limit = proposed(a_dossier(statements=(statement,)))

    assert step(limit, "tangible_net_worth") == cny(10_500_000)  # 70 * 0.75 * 0.2


def test_a_customer_with_no_equity_is_offered_nothing() -> None:
    limit = proposed(a_dossier(statements=(a_statement(equity="0", intangible_assets="0"),)))

    assert limit.limit_proposed == cny(0)


def test_negative_equity_gives_no_negative_limit() -> None:
    limit = proposed(a_dossier(statements=(a_statement(equity="-20"),)))

    assert limit.limit_proposed == cny(0)
    assert limit.binding == "tangible_net_worth"


def test_a_method_without_its_figure_is_skipped_or_counts_as_nothing_as_policy_says() -> None:
    skipped = proposed(a_dossier(statements=(a_statement(cost_of_sales=None),)))
    assert step(skipped, "purchases") is None
    assert skipped.limit_proposed == cny(12_800_000)

    nothing = proposed(a_dossier(statements=(a_statement(revenue=None),)))
    assert nothing.limit_proposed == cny(0)
    assert nothing.binding == "turnover"


def test_where_no_method_can_be_computed_nothing_is_offered() -> None:
    edition = a_changed_edition(
        '[limit.products.open_account]\nmethods = ["purchases"]\ncombine = "minimum"'
    )
    limit = proposed(a_dossier(statements=(a_statement(cost_of_sales=None),)), edition=edition)

    assert limit.limit_proposed == cny(0)
    assert (limit.binding, limit.next_binding) == (NOTHING_COMPUTABLE, None)


def test_the_limits_of_other_group_members_use_up_the_group_cap() -> None:
    limit = proposed(a_dossier(group_limits=cny(745_000_000)))

    assert limit.binding == "group_cap"
    assert limit.limit_proposed == cny(5_000_000)


def test_a_new_line_is_offered_what_is_left_beside_the_lines_held() -> None:
    limit = proposed(a_dossier(own_limits=cny(10_000_000)))

    assert limit.limit_proposed == cny(2_800_000)


def test_a_change_is_judged_on_the_whole_line_and_beside_the_others() -> None:
    asked = a_change(ApplicationType.INCREASE, cny(14_000_000))
    alone = a_dossier(application=asked, own_limits=cny(10_000_000), line_limit=cny(10_000_000))
    beside = a_dossier(application=asked, own_limits=cny(10_000_000), line_limit=cny(7_000_000))

    assert proposed(alone).limit_proposed == cny(12_800_000)
    assert proposed(beside).limit_proposed == cny(9_800_000)


def test_a_temporary_increase_is_at_most_half_the_line_on_top() -> None:
    asked = a_change(ApplicationType.TEMPORARY_INCREASE, cny(12_000_000))
    dossier = a_dossier(application=asked, own_limits=cny(4_000_000), line_limit=cny(4_000_000))
    limit = proposed(dossier)

    assert limit.limit_proposed == cny(6_000_000)
    assert limit.binding == "temporary_cap"


def test_limits_are_whole_lots() -> None:
    limit = proposed(a_dossier(statements=(a_statement(equity="70.123456"),)))

    assert limit.limit_proposed == cny(12_820_000)


def test_a_foreign_limit_is_whole_lots_of_its_own_currency() -> None:
    from tests.makers_policy import judged

    dossier = a_dossier(application=an_application(usd(9_000_000)), rates=(a_rate("USD", "7.1"),))

    receipt = judged(dossier, a_changed_edition("[approval.automatic]\nenabled = false"))
    assert receipt.limit_recommended == usd(2_253_000)  # 16 million at 7.1, whole thousands
    assert receipt.limit.limit_proposed == cny(16_000_000)


_amounts = st.integers(0, 5_000).map(lambda tenths: str(Decimal(tenths) / 10))


@given(
    equity=st.integers(-500, 5_000).map(lambda tenths: str(Decimal(tenths) / 10)),
    revenue=_amounts,
    cost=_amounts,
    others=st.integers(0, 900_000_000),
    grade=st.sampled_from(["AAA", "A", "BB", "CCC", "D"]),
)
def test_a_limit_is_never_negative_and_never_above_a_cap_or_a_method(
    equity: str, revenue: str, cost: str, others: int, grade: str
) -> None:
    statement = a_statement(equity=equity, revenue=revenue, cost_of_sales=cost)
    limit = proposed(a_dossier(statements=(statement,), group_limits=cny(others)), grade)

    assert limit.limit_proposed >= cny(0)
    assert limit.limit_proposed.minor % 1_000_000 == 0
    for each in limit.steps:
        if each.kind in ("method", "cap") and each.amount is not None:
            assert limit.limit_proposed <= max(each.amount, cny(0))


@given(revenue=st.integers(1610, 100_000), cost=st.integers(1030, 100_000))
def test_what_does_not_bind_does_not_touch_the_result(revenue: int, cost: int) -> None:
    changed = a_statement(revenue=str(Decimal(revenue) / 10), cost_of_sales=str(Decimal(cost) / 10))
    limit = proposed(a_dossier(statements=(changed,)))

    assert limit.limit_proposed == cny(12_800_000)
    assert limit.binding == "tangible_net_worth"


@pytest.mark.parametrize(
    ("better", "worse"), [("AAA", "AA"), ("A", "BBB"), ("BBB", "BB"), ("B", "CCC")]
)
def test_a_worse_grade_is_never_offered_more(better: str, worse: str) -> None:
    assert proposed(grade=worse).limit_proposed <= proposed(grade=better).limit_proposed
