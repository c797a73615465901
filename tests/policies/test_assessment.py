"""The receipt: one entry, exact, repeatable; a replay is identical or names what differs."""

from datetime import timedelta
from decimal import ROUND_DOWN, Decimal, localcontext

import pytest

from domain.assessment import Assessment
from domain.errors import ProductUnknown, RateMissing
from domain.value import Value, lasting_hash
from policies.assessment import replay, unlike
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
    judged,
    no_payments,
    usd,
)


def test_the_receipt_cites_its_edition_and_carries_its_inputs() -> None:
    receipt = judged()

    assert receipt.edition == "standard"
    assert receipt.edition_hash == an_edition().edition_hash
    assert receipt.dossier == a_dossier()
    assert receipt.limit_recommended == cny(800_000)
    assert receipt.rating.references.keys() >= {"altman_z_private", "ohlson_o"}


def test_a_receipt_survives_its_record_and_replays_identically() -> None:
    for dossier in (
        a_dossier(),
        a_dossier(payments=no_payments(), statements=(a_statement(interest_expense=None),)),
        a_dossier(
            statements=(a_statement(2024, "USD"), a_statement(2025, "USD")),
            application=an_application(usd(2_000_000)),
            rates=(a_rate(),),
        ),
    ):
        receipt = judged(dossier, spent=cny(3_000_000), sampled=True)
        restored = Assessment.model_validate_json(receipt.model_dump_json())

        assert restored == receipt
        assert restored.receipt_hash == receipt.receipt_hash
        assert replay(restored, an_edition()) == []


def test_a_replay_names_each_field_that_differs() -> None:
    receipt = judged()
    rating = receipt.rating.model_copy(update={"grade": "B"})
    tampered = receipt.model_copy(update={"rating": rating, "limit_recommended": cny(810_000)})

    assert replay(tampered, an_edition()) == ["rating.grade", "limit_recommended.amount"]


def test_a_replay_under_another_edition_names_what_that_changes() -> None:
    stricter = a_changed_edition("[scorecards.corporate]\nneutral_share = 0.5")
    receipt = judged(a_dossier(payments=no_payments()))

    found = replay(receipt, stricter)

    assert "edition_hash" in found
    assert "rating.score" in found
    assert "rating.factors.15.points" in found
    assert "dossier.business_on" not in found


def test_documents_of_different_shape_differ_where_the_shape_does() -> None:
    assert unlike({"a": (1, 2)}, {"a": (1,)}) == ["a"]
    assert unlike({"a": 1}, {"a": 1, "b": 2}) == ["b"]
    assert unlike({"a": {"b": ({"c": 1},)}}, {"a": {"b": ({"c": 2},)}}) == ["a.b.0.c"]
    assert unlike({"a": None}, {"a": cny(1)}) == ["a"]
    assert unlike({"a": cny(2)}, {"a": cny(1)}) == ["a.amount"]


class _Earlier(Value):
    share: Decimal


class _Later(_Earlier):
    added: str = "nothing"


def test_what_a_later_release_adds_changes_neither_the_hash_nor_the_replay() -> None:
    stored = _Earlier(share=Decimal("0.5"))
    read_later = _Later.model_validate(stored.model_dump(mode="json"))
    judged_later = _Later(share=Decimal("0.5"), added="something")

    assert lasting_hash(read_later) == lasting_hash(stored)
    assert unlike(read_later, judged_later) == []
    assert unlike(judged_later, read_later) == ["added"]
    assert lasting_hash(judged_later) != lasting_hash(stored)


def test_the_same_dossier_gives_the_same_receipt_in_any_arithmetic_context() -> None:
    dossier = a_dossier()
    receipt = judged(dossier)
    with localcontext() as context:
        context.prec = 6
        context.rounding = ROUND_DOWN
        assert judged(dossier) == receipt


def test_a_foreign_dossier_without_its_rate_is_refused() -> None:
    with pytest.raises(RateMissing):
        judged(a_dossier(statements=(a_statement(currency="USD"),)))
    with pytest.raises(RateMissing):
        judged(
            a_dossier(
                statements=(a_statement(currency="USD"),),
                rates=(a_rate().model_copy(update={"kind": "average"}),),
            )
        )


def test_a_product_without_a_rule_is_refused() -> None:
    with pytest.raises(ProductUnknown):
        judged(a_dossier(application=an_application(product="moonshine")))


def test_a_company_without_any_statement_is_referred_and_offered_nothing() -> None:
    receipt = judged(a_dossier(statements=()))

    assert "missing_equity_ratio" in receipt.rating.knock_outs
    assert receipt.limit.limit_proposed == cny(0)
    assert receipt.route.reasons[-1] == "limit_zero"


def test_half_a_year_of_sales_counts_double() -> None:
    half = a_statement(2025).model_copy(update={"months": 6})
    figures = {
        factor.code: factor.value for factor in judged(a_dossier(statements=(half,))).rating.factors
    }

    assert figures["sales_size"] == Decimal(400)
    assert figures["equity_ratio"] == Decimal("0.5")


def test_the_order_of_statements_does_not_matter() -> None:
    years = (a_statement(2024, revenue="150"), a_statement(2025))

    assert (
        judged(a_dossier(statements=years)).rating
        == judged(a_dossier(statements=years[::-1])).rating
    )


def test_a_gap_in_the_years_leaves_no_year_before() -> None:
    years = (a_statement(2022), a_statement(2025))
    growth = next(
        factor
        for factor in judged(a_dossier(statements=years)).rating.factors
        if factor.code == "equity_growth"
    )

    assert growth.value is None


def test_receipts_name_nobody() -> None:
    # The customer record is an input and kept; nothing else of the receipt repeats it.
    receipt = judged(a_dossier(customer=a_customer(name="Somebody Else Ltd.")))
    judgement = receipt.model_dump_json(exclude={"dossier"})

    assert "Somebody" not in judgement


def test_a_judgement_does_not_depend_on_the_day_but_through_the_dossier() -> None:
    later = a_dossier().model_copy(update={"business_on": ON + timedelta(days=1)})

    assert judged(later).rating.score == judged().rating.score
