"""Is every tolerance a row of policy, and each use of one told with its difference?"""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.edition import PolicyEdition, TolerancesPolicy
from domain.errors import StatementUnbalanced
from domain.money import Money
from domain.statement import Item, Statement, accepted, gaps_of, ties_tolerated
from domain.tolerance import ToleranceUse, used
from domain.turnover import InvoiceRecord
from policies.assessment import replay, reviewed
from policies.tolerance import tolerances_of
from tests.makers_policy import (
    MILLION,
    a_changed_edition,
    a_dossier,
    a_statement,
    an_application,
    an_edition,
    cny,
    judged,
)
from tests.policies.test_authenticity import invoices_of_2025

exact = st.decimals(min_value=-100, max_value=100, places=2)


def passed(
    *statements: Statement,
    edition: PolicyEdition | None = None,
    invoices: InvoiceRecord | None = None,
) -> dict[str, ToleranceUse]:
    receipt = judged(a_dossier(statements=statements, invoices=invoices), edition)
    return {use.code: use for use in receipt.tolerances}


def test_every_tolerance_of_an_edition_is_a_row() -> None:
    edition = an_edition()
    told = {row.field for row in tolerances_of(edition)}
    named = {
        f"{section}.{name}"
        for section in type(edition).model_fields
        for name in getattr(type(getattr(edition, section)), "model_fields", {})
        if name.endswith("tolerance")
    }
    assert told == named | {f"tolerances.{name}" for name in TolerancesPolicy.model_fields}


@given(exact, exact)
def test_a_use_is_a_difference_that_only_the_tolerance_lets_pass(
    difference: Decimal, allowed: Decimal
) -> None:
    found = used("cut", difference, allowed, "CNY", "line-1")

    assert bool(found) is (difference > 0 and difference <= allowed)
    if found:
        assert (found[0].difference, found[0].allowed) == (difference, allowed)


# The ordinary company has total assets of 140 million at the end of 2024 and cash of 12 million: half
# a percent is 700,000, and one unit of the source's precision.
@pytest.mark.parametrize(
    ("opening", "difference"),
    [("12", None), ("12.4", "400000"), ("11.6", "400000"), ("12.8", None)],
)
def test_cash_that_nearly_opens_as_it_closed_is_let_pass_and_told(
    opening: str, difference: str | None
) -> None:
    found = passed(a_statement(2024), a_statement(2025, cash_opening=opening)).get("cash_tie")

    if difference is None:
        assert found is None
    else:
        assert found is not None
        assert found.difference == Decimal(difference)
        assert found.subject == "2025-12-31"
        assert found.unit == "CNY"


def test_retained_earnings_a_little_above_what_was_earned_are_told() -> None:
    before = a_statement(2024)
    earned = a_statement(2025).items[Item.NET_INCOME]
    kept = before.items[Item.RETAINED_EARNINGS] + earned
    now = (kept + Decimal(300_000)) / MILLION
    use = passed(before, a_statement(2025, retained_earnings=str(now)))["retained_tie"]

    assert use.difference == 300_000


def test_a_year_that_ends_some_days_off_is_compared_by_a_tolerance_that_is_told() -> None:
    early = a_statement(2024).model_copy(update={"period_end_on": date(2024, 12, 19)})
    later = a_statement(2025, cash_opening="15")
    edition = a_changed_edition("[tolerances]\nyear_length_days = 11\n")

    assert passed(early, later)["year_length"].difference == 12
    assert "year_length" not in passed(early, later, edition=edition)
    dossier = a_dossier(statements=(early, later))
    assert [each.code for each in judged(dossier).doubts if "untied" in each.code]
    assert not [each.code for each in judged(dossier, edition).doubts if "untied" in each.code]


@pytest.mark.parametrize(
    ("before", "after", "months"),
    [
        (date(2023, 12, 31), date(2024, 12, 31), 12),
        (date(2023, 2, 28), date(2024, 2, 29), 12),
        (date(2024, 9, 30), date(2025, 3, 31), 6),
        (date(2024, 6, 15), date(2025, 6, 15), 12),
    ],
)
def test_the_calendar_uses_no_tolerance(before: date, after: date, months: int) -> None:
    first = a_statement(2024).model_copy(update={"period_end_on": before})
    second = a_statement(2025, cash_opening="12").model_copy(
        update={"period_end_on": after, "months": months}
    )
    assert "year_length" not in passed(first, second)


def test_revenue_a_little_above_the_invoices_is_told() -> None:
    # 200 million of revenue, and 17 million invoiced a month: 204; or 16 and a fifth more: 230.4.
    assert passed(a_statement(2024), a_statement(2025), invoices=invoices_of_2025(17)) == {}
    near = passed(a_statement(2024), a_statement(2025), invoices=invoices_of_2025(16))["turnover"]
    assert near.difference == 8 * MILLION
    assert near.allowed == Decimal("38.4") * MILLION


@pytest.mark.parametrize(("limit", "kept"), [("1", False), ("0.96", True), ("0.9", False)])
def test_a_line_kept_though_less_is_supported_uses_the_tolerance_before_a_cut(
    limit: str, kept: bool
) -> None:
    asked = an_application(cny(10**9), line_id="line-1", application_type="renewal")
    as_it_is = judged(a_dossier(application=asked))
    supported = as_it_is.limit.limit_proposed
    granted = Money.of((supported.amount / Decimal(limit)).quantize(Decimal("0.01")), "CNY")
    receipt = reviewed(as_it_is, granted, an_edition())

    found = [use for use in receipt.tolerances if use.code == "cut"]
    assert bool(found) is kept
    if kept:
        assert found[0].difference == granted.amount - supported.amount
        assert found[0].subject == "line-1"
    assert replay(receipt, an_edition()) == []


def test_a_statement_that_ties_by_rounding_says_so_and_policy_may_forbid_it() -> None:
    ordinary = a_statement(2025)
    items = ordinary.items | {Item.TOTAL_ASSETS: ordinary.items[Item.TOTAL_ASSETS] + 2}
    off = ordinary.model_copy(update={"items": items, "precision": Decimal(1)})

    assert gaps_of(off) == ()
    told = {use.subject: use for use in ties_tolerated(off)}
    whole = told["2025-12-31: total_assets = total_liabilities + equity"]
    assert (whole.difference, whole.allowed) == (2, 3)
    assert ties_tolerated(ordinary) == ()
    with pytest.raises(StatementUnbalanced):
        accepted(off, date(2026, 6, 30), Decimal(0))
    assert accepted(off, date(2026, 6, 30)).items[Item.TOTAL_ASSETS] == items[Item.TOTAL_ASSETS]
