"""A book in columns is judged as each of its companies is judged alone, to the last digit."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.assessment import Dossier
from domain.cover import Cover, CoverKind
from domain.customer import Segment
from domain.edition import PolicyEdition
from domain.statement import Item
from policies.book import MISSING, figure_column, judge_book, narrowed
from policies.columns import cuts_of, plan_for
from policies.limit import propose_limit
from policies.rating import rate
from policies.rerating import book_of, rerate
from policies.scorecard import CardTable
from policies.spreading import TEXT_NAMES, scope_of
from policies.tables import tables_of
from storage.edition import shipped_text
from tests.makers_policy import (
    ON,
    a_changed_edition,
    a_customer,
    a_dossier,
    a_rate,
    a_statement,
    an_application,
    an_edition,
    cny,
    no_payments,
    some_payments,
)

ITEMS = [
    Item.REVENUE,
    Item.COST_OF_SALES,
    Item.EQUITY,
    Item.INTANGIBLE_ASSETS,
    Item.TOTAL_LIABILITIES,
    Item.CURRENT_LIABILITIES,
    Item.NET_INCOME,
    Item.RETAINED_EARNINGS,
    Item.EBIT,
    Item.INTEREST_EXPENSE,
    Item.INVENTORY,
]


def alone(dossier: Dossier, edition: PolicyEdition) -> tuple[Any, ...]:
    scope = scope_of(dossier, edition)
    rating = rate(scope, edition)
    limit = propose_limit(scope, dossier, rating.grade, edition)
    return rating.score, rating.grade, rating.knock_outs, limit.limit_proposed.minor, limit.binding


def card_of(edition: PolicyEdition) -> CardTable:
    return tables_of(edition).cards[0]


def together(dossiers: list[Dossier], edition: PolicyEdition, product: str) -> list[Any]:
    return [
        (judged.score, judged.grade, judged.knock_outs, judged.limit.minor, judged.binding)
        for judged in rerate(dossiers, edition, product, ON)
    ]


# Millions with six decimals, so that figures reach the edition's last one; and plain, often equal.
amounts = st.one_of(
    st.none(),
    st.integers(-300, 300).map(str),
    st.integers(-(10**9), 10**10).map(lambda parts: str(Decimal(parts).scaleb(-6))),
)
shares = st.integers(0, 10_000).map(lambda parts: Decimal(parts) / 10_000)


@st.composite
def dossiers_of(draw: st.DrawFn, product: str) -> Dossier:
    changed = {item.value: draw(amounts) for item in draw(st.sets(st.sampled_from(ITEMS)))}
    foreign = draw(st.booleans())
    latest = a_statement(2025, currency="USD" if foreign else "CNY", **changed)
    earlier = a_statement(2024, currency="USD" if foreign else "CNY")
    own = draw(st.integers(0, 10**9))
    payments = no_payments()
    if draw(st.booleans()):
        payments = some_payments(
            paid_late_share=draw(st.none() | shares),
            days_late_mean=draw(shares) * 40,
            days_past_due_max=draw(st.sampled_from([0, 1, 7, 8, 30, 31, 90, 91])),
        )
    cover = Cover(
        cover_id="cover-1",
        kind=draw(st.sampled_from(list(CoverKind))),
        value=cny(draw(st.integers(0, 10**9))),
        share=draw(shares),
        valued_on=ON,
    )
    return a_dossier(
        customer=a_customer(
            industry=draw(st.sampled_from("BCDKO")), segment=draw(st.sampled_from(list(Segment)))
        ),
        application=an_application(product=product),
        statements=(earlier, latest) if draw(st.booleans()) else (latest,),
        payments=payments,
        own_limits=cny(own),
        group_limits=cny(own + draw(st.integers(0, 10**9))),
        rates=(a_rate("USD", "7.123456"),) if foreign else (),
        covers=(cover,) if draw(st.booleans()) else (),
    )


@st.composite
def editions_for(draw: st.DrawFn, dossier: Dossier) -> PolicyEdition:
    """The standard edition with cuts moved onto the very figures of one company, where it has any,
    and other points, shares, floors and treatments of what is missing."""
    edition = an_edition()
    scope = scope_of(dossier, edition)
    content = edition.model_dump(mode="python")
    for factor in (each for card in content["scorecards"].values() for each in card["factors"]):
        value = None if factor["figure"] in TEXT_NAMES else scope.rounded(factor["figure"])
        bins = factor["bins"]
        if value is not None and abs(value) < 10**11 and draw(st.booleans()):
            low = bins[0] | {"below": value + draw(st.sampled_from([-1, 0, 1])) * Decimal("1e-6")}
            factor["bins"] = (low, bins[-1] | {"at_least": low["below"], "below": None})
        factor["missing"] = draw(st.sampled_from(["fail", "neutral", "worst"]))
        for each in factor["bins"]:
            each["points"] = Decimal(draw(st.integers(0, 300))) / draw(st.sampled_from([1, 10]))
    for method in content["limit"]["methods"].values():
        method["share"] = {grade: draw(shares) for grade in edition.grades}
        method["missing"] = draw(st.sampled_from(["skip", "zero"]))
    content["limit"]["products"]["open_account"]["combine"] = draw(
        st.sampled_from(["minimum", "median"])
    )
    for card in content["scorecards"].values():
        card["neutral_share"] = draw(shares)
    return PolicyEdition.model_validate(content)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_book_is_judged_as_its_companies_are_one_by_one(data: st.DataObject) -> None:
    book = data.draw(st.lists(dossiers_of("open_account"), min_size=1, max_size=12))
    edition = data.draw(editions_for(book[0]))

    assert together(book, edition, "open_account") == [alone(each, edition) for each in book]


@pytest.mark.parametrize("product", ["working_capital_loan", "comprehensive", "factoring"])
def test_every_shape_of_product_is_judged_alike(product: str) -> None:
    edition = an_edition()
    book = [
        a_dossier(
            application=an_application(product=product),
            statements=(a_statement(2024), a_statement(2025, equity=str(equity), revenue=revenue)),
        )
        for equity in (-10, 0, 5, 70, 400)
        for revenue in ("0", "1", "200", "900", None)
    ]

    assert together(book, edition, product) == [alone(each, edition) for each in book]


def test_a_product_beyond_64_bits_is_taken_in_whole_numbers_of_any_size() -> None:
    edition = a_changed_edition(
        "[limit.methods.turnover.share]\nAAA = 0.123456789\nAA = 0.1\nA = 0.08"
    )
    book = [
        a_dossier(statements=(a_statement(equity=str(10**9), revenue=str(10**9 + each)),))
        for each in (0, 1, 7)
    ]

    assert together(book, edition, "open_account") == [alone(each, edition) for each in book]


def test_more_rows_than_a_chunk_are_all_judged() -> None:
    edition = an_edition()
    few = [a_dossier(statements=(a_statement(equity=str(each)),)) for each in range(1, 8)]
    book = book_of(few, edition, card_of(edition), "open_account")
    times = 5_000
    many = type(book)(
        figures={name: np.tile(column, times) for name, column in book.figures.items()},
        texts={name: np.tile(column, times) for name, column in book.texts.items()},
        words=book.words,
        bases={name: np.tile(column, times) for name, column in book.bases.items()},
        held=np.tile(book.held, times),
        others=np.tile(book.others, times),
    )
    plan = plan_for(edition, card_of(edition), "open_account", ON, book.words)
    one, all_of_them = judge_book(book, plan), judge_book(many, plan)

    for name in ("score", "rank", "fired", "limit", "binding"):
        repeated = np.tile(getattr(one, name), times)
        assert np.array_equal(getattr(all_of_them, name), repeated), name


def test_a_column_of_32_bits_decides_as_the_one_of_64() -> None:
    edition = an_edition()
    dossiers = [
        a_dossier(statements=(a_statement(equity=equity, interest_expense=interest),))
        for equity in ("-1000000", "5", "70", None)
        for interest in ("0.000001", "2", None)
    ]
    book = book_of(dossiers, edition, card_of(edition), "open_account")
    plan = plan_for(edition, card_of(edition), "open_account", ON, book.words)
    narrow = type(book)(
        figures={
            name: narrowed(column, cuts_of(plan, name)) for name, column in book.figures.items()
        },
        texts=book.texts,
        words=book.words,
        bases=book.bases,
        held=book.held,
        others=book.others,
    )
    wide, small = judge_book(book, plan), judge_book(narrow, plan)

    assert any(column.dtype == np.int32 for column in narrow.figures.values())
    assert np.array_equal(wide.score, small.score)
    assert np.array_equal(wide.fired, small.fired)
    assert np.array_equal(wide.limit, small.limit)


def test_figures_beyond_a_column_stay_beyond_every_cut() -> None:
    column = figure_column([Decimal(10) ** 30, -(Decimal(10) ** 30), None, Decimal("0.5")], 6)

    assert column.tolist() == [2**63 - 1, -(2**63 - 1), MISSING, 500_000]


def test_a_bound_that_no_column_can_hold_is_refused() -> None:
    text = shipped_text("standard").replace("below = 0.05,", "below = -99999999999999,", 1)
    edition = PolicyEdition.of_toml(text)
    with pytest.raises(ValueError, match="beyond what a column holds"):
        plan_for(edition, card_of(edition), "open_account", ON, {"industry": ("C",)})
