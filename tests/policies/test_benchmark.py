"""A price over a benchmark: exactly the judged rate, by the rows of policy, from day to day."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.application import Application
from domain.assessment import Assessment
from domain.benchmark import FixingUsed, FloatingLine, RateCause
from domain.edition import Benchmark, PolicyEdition
from domain.terms import FloatingRate, FloatingTerms
from policies.assessment import replay
from policies.benchmark import (
    floating_price,
    floating_row,
    floating_terms,
    in_force_since,
    repriced,
    repricings_due,
)
from policies.contract import terms_for
from policies.edition import check
from tests.makers_policy import (
    ON,
    a_changed_edition,
    a_dossier,
    an_application,
    an_edition,
    cny,
    judged,
    usd,
)

BENCHMARKS = """
    [benchmarks]
    LPR1Y = { currency = "CNY", age_days_max = 40, published_day = 20 }
    LPR5Y = { currency = "CNY", age_days_max = 40, published_day = 20 }
    SOFR = { currency = "USD", age_days_max = 7 }
    """
FLOATING = a_changed_edition(
    BENCHMARKS
    + """
    [[price.floating]]
    code = "loans_long"
    benchmark = "LPR5Y"
    products = ["working_capital_loan"]
    term_months_min = 13
    reprices = "january"

    [[price.floating]]
    code = "yuan"
    benchmark = "LPR1Y"
    reprice_months = 6
    """
)
LPR = FixingUsed(benchmark="LPR1Y", rate=Decimal("0.0305"), fixed_on=date(2026, 6, 22))


def a_receipt(fixing: FixingUsed | None = LPR, edition: PolicyEdition = FLOATING) -> Assessment:
    return judged(a_dossier(fixing=fixing), edition)


def test_the_shipped_edition_prices_at_fixed_rates() -> None:
    assert an_edition().price.floating == ()
    assert a_receipt(edition=an_edition()).price.floating is None


@pytest.mark.parametrize(
    ("changed", "row"),
    [
        ({"product": "working_capital_loan", "term_months": 13}, "loans_long"),
        ({"product": "working_capital_loan", "term_months": 12}, "yuan"),
        ({"product": "open_account", "term_months": 36}, "yuan"),
        ({"limit_requested": usd(1000)}, None),
    ],
)
def test_the_first_row_of_the_product_the_term_and_the_currency_applies(
    changed: dict[str, Any], row: str | None
) -> None:
    application = Application.model_validate({**an_application().model_dump(), **changed})
    found = floating_row(application, FLOATING)

    assert (found and found.code) == row


def test_the_price_is_the_fixing_and_what_is_left_of_the_judged_rate() -> None:
    fixed, receipt = a_receipt(edition=an_edition()), a_receipt()

    assert receipt.price.rate_annual == fixed.price.rate_annual
    assert receipt.price.floating is not None
    spread = receipt.price.floating.spread_bp
    assert LPR.rate + spread / 10_000 == receipt.price.rate_annual
    assert replay(receipt, FLOATING) == []


@given(
    st.decimals(min_value=0, max_value=1, places=6),
    st.decimals(min_value=-1, max_value=1, places=10),
)
def test_fixing_and_basis_points_always_make_the_rate_again(rate: Decimal, fixing: Decimal) -> None:
    used = LPR.model_copy(update={"rate": fixing})
    floating = floating_price(rate, a_dossier(fixing=used), FLOATING)

    assert floating is not None
    rule = FloatingRate(
        benchmark="LPR1Y", spread_bp=floating.spread_bp, first_reprices_on=date(2027, 1, 1)
    )
    assert rule.annual(fixing) == rate


def test_a_dossier_of_fixed_rates_is_judged_by_a_draft_that_floats() -> None:
    assert a_receipt(fixing=None).price.floating is None
    other = LPR.model_copy(update={"benchmark": "SOFR"})
    assert a_receipt(fixing=other).price.floating is None


def test_the_terms_carry_the_rule_and_the_fixing_of_the_day() -> None:
    receipt = a_receipt()
    floating = terms_for(receipt, cny(500_000), FLOATING).floating

    assert floating is not None
    assert floating == floating_terms(receipt, FLOATING)
    assert (floating.fixing, floating.fixing_on) == (LPR.rate, LPR.fixed_on)
    assert floating.rule.first_reprices_on == date(2026, 12, 30)  # six months after the judgement
    assert terms_for(receipt, cny(500_000), FLOATING).rate_annual == floating.rule.annual(LPR.rate)


def test_what_reprices_in_january_does_so_on_the_next_first_of_january() -> None:
    application = an_application(product="working_capital_loan", term_months=24)
    lpr5 = LPR.model_copy(update={"benchmark": "LPR5Y"})
    receipt = judged(a_dossier(application=application, fixing=lpr5), FLOATING)
    floating = terms_for(receipt, cny(1), FLOATING).floating

    assert floating is not None
    assert floating.rule.first_reprices_on == date(ON.year + 1, 1, 1)
    assert floating.rule.reprice_months == 12


@pytest.mark.parametrize(
    ("on", "since"),
    [
        (date(2026, 6, 30), date(2026, 6, 20)),  # published on Monday the 22nd, as the 20th is off
        (date(2026, 6, 22), date(2026, 6, 20)),
        (date(2026, 6, 21), date(2026, 5, 20)),
        (date(2026, 1, 19), date(2025, 12, 20)),
    ],
)
def test_a_monthly_benchmark_is_missing_once_the_newest_should_be_out(
    on: date, since: date
) -> None:
    assert in_force_since(FLOATING.benchmarks["LPR1Y"], on, FLOATING) == since


def test_a_daily_benchmark_may_be_so_many_days_old_and_a_monthly_one_no_older() -> None:
    edition = an_edition()

    assert in_force_since(FLOATING.benchmarks["SOFR"], ON, edition) == ON - timedelta(days=7)
    strict = Benchmark(currency="CNY", age_days_max=3, published_day=20)
    assert in_force_since(strict, ON, edition) == ON - timedelta(days=3)


def a_line(**changed: Any) -> FloatingLine:
    rule = FloatingRate.parse("LPR1Y+120bp/6m@2027-01-31")
    ordinary = {
        "line_id": "line-1",
        "customer_id": "c-1",
        "letter_no": "PF-1",
        "since": date(2026, 9, 1),
        "floating": FloatingTerms(rule=rule, fixing=LPR.rate, fixing_on=LPR.fixed_on),
    }
    return FloatingLine.model_validate(ordinary | changed)


def test_every_date_that_has_come_is_due_once() -> None:
    assert repricings_due(a_line(), date(2027, 1, 30)) == ()
    first, second = date(2027, 1, 31), date(2027, 7, 31)
    assert repricings_due(a_line(), second) == (first, second)
    assert repricings_due(a_line(repriced=(first,)), second) == (second,)


def test_a_date_sets_benchmark_plus_basis_points_from_that_day_on() -> None:
    due = date(2027, 1, 31)
    fixing = FixingUsed(benchmark="LPR1Y", rate=Decimal("0.0285"), fixed_on=date(2027, 1, 20))
    rate = repriced(a_line(), due, fixing)

    assert (rate.rate_annual, rate.from_on, rate.due_on) == (Decimal("0.0405"), due, due)
    assert (rate.cause, rate.fixing) == (RateCause.REPRICING, fixing)
    late = repriced(a_line(since=date(2027, 3, 1)), due, fixing)
    assert (late.from_on, late.due_on) == (date(2027, 3, 1), due)


def found(text: str) -> set[tuple[str, str]]:
    return {(each.path, each.code) for each in check(a_changed_edition(BENCHMARKS + text))}


@pytest.mark.parametrize(
    ("rows", "path", "code"),
    [
        ('code = "a"\nbenchmark = "LPR3Y"', "price.floating.a.benchmark", "unknown"),
        (
            'code = "a"\nbenchmark = "LPR1Y"\nproducts = ["tea"]',
            "price.floating.a.products",
            "unknown",
        ),
        (
            'code = "a"\nbenchmark = "LPR1Y"\n[[price.floating]]\ncode = "b"\nbenchmark = "LPR5Y"',
            "price.floating.b",
            "unread",
        ),
        (
            'code = "a"\nbenchmark = "LPR1Y"\n[[price.floating]]\ncode = "a"\nbenchmark = "SOFR"',
            "price.floating",
            "repeated",
        ),
    ],
)
def test_rows_that_point_at_nothing_or_are_never_reached_are_found(
    rows: str, path: str, code: str
) -> None:
    assert found(f"[[price.floating]]\n{rows}") == {(path, code)}


def test_an_edition_that_floats_holds_together() -> None:
    assert check(FLOATING) == []
