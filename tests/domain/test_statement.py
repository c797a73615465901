"""Do statements tie, and is what is missing left missing?"""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import FigureNegative, StatementInFuture, StatementUnbalanced
from domain.statement import Item, Statement, accepted, completed, gaps_of

TODAY = date(2025, 6, 30)


def a_statement(precision: str = "0.01", **items: int | str) -> Statement:
    return Statement(
        customer_id="c-1",
        period_end_on=date(2024, 12, 31),
        currency="CNY",
        items={Item(name): Decimal(figure) for name, figure in items.items()},
        precision=Decimal(precision),
    )


WHOLE = {
    "cash": 120,
    "receivables": 200,
    "inventory": 180,
    "current_assets": 500,
    "fixed_assets": 300,
    "non_current_assets": 400,
    "total_assets": 900,
    "short_term_borrowings": 100,
    "payables": 150,
    "current_liabilities": 300,
    "long_term_borrowings": 150,
    "total_liabilities": 500,
    "equity": 400,
    "revenue": 1000,
    "cost_of_sales": 700,
    "gross_profit": 300,
    "ebitda": 150,
    "depreciation_amortisation": 50,
    "ebit": 100,
    "cash_opening": 100,
    "operating_cash_flow": 60,
    "investing_cash_flow": -50,
    "financing_cash_flow": 10,
}


def test_a_statement_that_ties_is_accepted_as_it_is() -> None:
    statement = a_statement(**WHOLE)

    assert gaps_of(statement) == ()
    assert accepted(statement, TODAY) == statement


@pytest.mark.parametrize(
    ("item", "identity"),
    [
        ("equity", "total_assets = total_liabilities + equity"),
        ("gross_profit", "gross_profit = revenue - cost_of_sales"),
        ("ebit", "ebit = ebitda - depreciation_amortisation"),
        ("financing_cash_flow", "cash = cash_opening + cash flows"),
    ],
)
def test_a_statement_that_does_not_tie_is_refused_with_the_difference(
    item: str, identity: str
) -> None:
    statement = a_statement(**{**WHOLE, item: int(WHOLE[item]) + 7})

    with pytest.raises(StatementUnbalanced) as refused:
        accepted(statement, TODAY)
    assert refused.value.facts["identity"] == identity
    assert abs(Decimal(refused.value.facts["difference"])) == 7


@pytest.mark.parametrize("total", ["current_assets", "non_current_assets", "total_liabilities"])
def test_parts_that_are_more_than_their_total_are_refused(total: str) -> None:
    parts = {
        "current_assets": {"cash": 300, "inventory": 300, "current_assets": 500},
        "non_current_assets": {"fixed_assets": 600, "non_current_assets": 400},
        "total_liabilities": {"long_term_borrowings": 501, "total_liabilities": 500},
    }[total]

    (gap,) = gaps_of(a_statement(**parts))
    assert gap.identity == f"parts <= {total}"


def test_an_identity_with_a_missing_term_is_not_tested() -> None:
    without = {name: figure for name, figure in WHOLE.items() if name != "cost_of_sales"}

    assert gaps_of(a_statement(**{**without, "gross_profit": 1})) == ()


def test_a_missing_item_is_missing_and_not_zero() -> None:
    statement = accepted(a_statement(total_assets=900, total_liabilities=500), TODAY)

    assert statement.find(Item.EQUITY) == 400
    assert statement.reported(Item.EQUITY) is None
    assert statement.derived == {Item.EQUITY}
    assert statement.find(Item.CASH) is None


def test_a_derived_item_is_never_tested_as_if_it_were_reported() -> None:
    statement = a_statement(total_assets=900, total_liabilities=500, equity=1)

    assert gaps_of(statement.model_copy(update={"derived": frozenset({Item.EQUITY})})) == ()


def test_the_effect_of_exchange_on_cash_counts_where_it_is_reported() -> None:
    moved = {**WHOLE, "cash_opening": 95}

    assert gaps_of(a_statement(**moved))
    assert not gaps_of(a_statement(**moved, exchange_effect_on_cash=5))


@given(
    liabilities=st.integers(0, 10**9),
    equity=st.integers(-(10**8), 10**9),
    slip=st.integers(-3, 3),
)
def test_rounding_of_the_source_is_tolerated_one_unit_a_term_and_no_more(
    liabilities: int, equity: int, slip: int
) -> None:
    figures = {"total_liabilities": liabilities * 1000, "equity": equity * 1000}
    total = max(0, (liabilities + equity) * 1000)
    figures["equity"] = total - figures["total_liabilities"]

    assert not gaps_of(a_statement("1000", total_assets=total + slip * 1000, **figures))
    assert gaps_of(a_statement("1000", total_assets=total + 3001, **figures))


@given(
    assets=st.decimals(0, 10**12, places=2),
    liabilities=st.decimals(0, 10**12, places=2),
    revenue=st.decimals(0, 10**12, places=2),
    cost=st.decimals(0, 10**12, places=2),
)
def test_what_is_derived_ties_exactly(
    assets: Decimal, liabilities: Decimal, revenue: Decimal, cost: Decimal
) -> None:
    whole = completed(
        a_statement(
            total_assets=str(assets),
            total_liabilities=str(liabilities),
            revenue=str(revenue),
            cost_of_sales=str(cost),
        )
    )

    assert whole.items[Item.EQUITY] == assets - liabilities
    assert whole.items[Item.GROSS_PROFIT] == revenue - cost
    assert gaps_of(whole.model_copy(update={"derived": frozenset()})) == ()
    assert completed(whole) == whole


def test_a_statement_of_a_day_to_come_is_refused() -> None:
    with pytest.raises(StatementInFuture):
        accepted(a_statement(**WHOLE), date(2024, 12, 30))


def test_what_cannot_be_negative_is_refused_and_what_can_is_not() -> None:
    with pytest.raises(FigureNegative):
        accepted(a_statement(inventory=-1), TODAY)
    accepted(a_statement(revenue=-1, equity=-5, ebit=-3), TODAY)


def test_an_absurd_figure_is_no_figure() -> None:
    with pytest.raises(ValidationError):
        a_statement(total_assets="1e17")
