"""What need not be asked for changes nothing, whatever it turns out to be."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.application import ApplicationType
from domain.assessment import Bearing, Dossier, Lane
from domain.statement import Item, Statement
from policies.formula import UNKNOWN, Found, compiled_formula
from policies.questions import OpenFile, questions
from tests.makers_policy import (
    MILLION,
    a_customer,
    a_dossier,
    a_statement,
    an_application,
    an_edition,
    cny,
    judged,
    no_payments,
    some_payments,
)

ITEMS = sorted(item.value for item in a_statement().items)
AMOUNTS = st.integers(-300, 300).map(lambda millions: Decimal(millions) * MILLION)
PRODUCTS = sorted(an_edition().limit.products)


def asked(dossier: Dossier, *missing: str) -> OpenFile:
    return questions(dossier, an_edition(), missing, automatic_spent=cny(0))


def without(dossier: Dossier, *items: str) -> Dossier:
    """The dossier with these items left out of its newest statement."""
    *earlier, newest = dossier.statements
    kept = {item: amount for item, amount in newest.items.items() if item.value not in items}
    changed = newest.model_copy(update={"items": kept})
    return dossier.model_copy(update={"statements": (*earlier, changed)})


def with_item(dossier: Dossier, item: str, amount: Decimal) -> Dossier:
    *earlier, newest = dossier.statements
    try:
        filled = Statement.model_validate(
            newest.model_dump() | {"items": {**newest.items, Item(item): amount}}
        )
    except ValidationError:
        assume(False)  # no statement that anybody could bring
    return dossier.model_copy(update={"statements": (*earlier, filled)})


def outcome(dossier: Dossier) -> tuple[Any, ...]:
    receipt = judged(dossier)
    return (
        receipt.rating.grade,
        receipt.limit_recommended,
        receipt.route.lane,
        receipt.route.row,
    )


def bears_on(found: OpenFile, code: str) -> tuple[Bearing, ...]:
    return next(each.bears_on for each in found.questions if each.code == code)


@st.composite
def open_dossiers(draw: st.DrawFn) -> Dossier:
    """Files with items, a payment record, a year or a birthday left out."""
    customer = a_customer() if draw(st.booleans()) else a_customer(established_on=None)
    years = (a_statement(2024), a_statement(2025)) if draw(st.booleans()) else (a_statement(2025),)
    dossier = a_dossier(
        customer=customer,
        application=an_application(
            cny(draw(st.sampled_from([300_000, 5_000_000, 90_000_000]))),
            product=draw(st.sampled_from(PRODUCTS)),
        ),
        statements=years,
        payments=some_payments() if draw(st.booleans()) else no_payments(),
        completeness=Decimal(draw(st.sampled_from(["0.5", "0.7", "1"]))),
    )
    return without(dossier, *draw(st.sets(st.sampled_from(ITEMS), max_size=6)))


@given(open_dossiers(), st.data())
def test_an_item_that_need_not_be_asked_for_changes_nothing_whatever_it_is(
    dossier: Dossier, data: st.DataObject
) -> None:
    idle = [q.code for q in asked(dossier).questions if not q.bears_on and q.code in set(Item)]
    assume(idle)
    item, amount = data.draw(st.sampled_from(idle)), data.draw(AMOUNTS)

    assert outcome(with_item(dossier, item, amount)) == outcome(dossier)


@given(open_dossiers(), st.data())
def test_nor_does_it_change_anything_once_another_item_has_come(
    dossier: Dossier, data: st.DataObject
) -> None:
    found = [q for q in asked(dossier).questions if q.code in set(Item)]
    idle = [q.code for q in found if not q.bears_on]
    others = [q.code for q in found if q.bears_on]
    assume(idle and others)
    other = with_item(dossier, data.draw(st.sampled_from(others)), data.draw(AMOUNTS))

    later = with_item(other, data.draw(st.sampled_from(idle)), data.draw(AMOUNTS))

    assert outcome(later) == outcome(other)


@given(open_dossiers(), st.data())
def test_whatever_comes_the_score_and_the_grade_stay_within_what_was_said(
    dossier: Dossier, data: st.DataObject
) -> None:
    found = asked(dossier)
    items = [q.code for q in found.questions if q.code in set(Item)]
    assume(items)

    receipt = judged(with_item(dossier, data.draw(st.sampled_from(items)), data.draw(AMOUNTS)))

    assert found.score_min <= receipt.rating.score <= found.score_max
    assert receipt.rating.grade in found.grades


def test_a_full_file_leaves_nothing_to_ask_that_matters() -> None:
    assert asked(a_dossier()).worth_asking == ()


def test_a_missing_payment_record_decides_the_grade_of_a_middling_company() -> None:
    found = asked(a_dossier(payments=no_payments()))

    assert Bearing.GRADE in bears_on(found, "payment_record")
    assert len(found.grades) > 1
    assert found.score_min < found.score < found.score_max


def test_an_item_that_no_judgement_reads_need_not_be_asked_for() -> None:
    found = asked(without(a_dossier(), "gross_profit", "income_tax"))

    assert [q.code for q in found.worth_asking] == []


def test_an_item_behind_one_that_is_there_need_not_be_asked_for() -> None:
    """Equity is reported, so that nothing is made of assets less liabilities."""
    assert compiled_formula("first(equity, assets - liabilities)").reach(
        lambda name: Decimal(1) if name == "equity" else UNKNOWN
    ) == Decimal(1)


@pytest.mark.parametrize(
    ("text", "reached"),
    [
        ("known + 1", Decimal(3)),
        ("open + 1", UNKNOWN),
        ("gone + open", None),
        ("first(gone, open, known)", UNKNOWN),
        ("first(known, open)", Decimal(2)),
        ("max(known, open)", UNKNOWN),
        ("-known / 2", Decimal(-1)),
        ("known / 0", None),
    ],
)
def test_a_formula_knows_what_is_settled(text: str, reached: Found) -> None:
    values: dict[str, Found] = {"known": Decimal(2), "open": UNKNOWN, "gone": None}

    assert compiled_formula(text).reach(lambda name: values[name]) == reached


def test_documents_matter_only_where_completeness_could_open_the_lane() -> None:
    ready = asked(a_dossier(completeness=Decimal("0.7")), "business_license")
    short = asked(a_dossier(completeness=Decimal("0.5")), "business_license")

    assert bears_on(ready, "business_license") == ()
    assert bears_on(short, "business_license") == (Bearing.ROUTE,)


def test_without_any_statement_the_newest_one_is_what_decides() -> None:
    found = asked(a_dossier(statements=()), "statement_latest")

    assert bears_on(found, "statement_latest") == tuple(Bearing)
    assert found.lane is Lane.DECLINE


def test_a_decrease_is_judged_like_any_other_file() -> None:
    application = an_application(
        cny(100_000), application_type=ApplicationType.DECREASE, line_id="line-1"
    )

    assert asked(a_dossier(application=application)).limit == cny(100_000)
