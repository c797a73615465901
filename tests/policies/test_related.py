"""A related party of the grantor has its own body and gets nothing that its grade would not."""

from decimal import Decimal

import pytest

from domain.application import ApplicationType
from domain.assessment import Assessment, Dossier, Lane, Price
from domain.cover import Cover, CoverKind
from domain.edition import PolicyEdition
from domain.errors import RelatedTerms
from policies.contract import terms_for
from policies.related import refusals, refuse_better_terms
from tests.makers_policy import (
    a_change,
    a_changed_edition,
    a_customer,
    a_dossier,
    an_application,
    an_edition,
    cny,
    judged,
)

RELATED = a_customer(related_to_grantor=True)
COVERED_ONLY = a_changed_edition("[related]\nunsecured = false\n")
NO_REGISTER = a_changed_edition(
    """
    knock_outs = []
    [related]
    terms_of_grade = false
    """
)
DEAR = a_changed_edition("[price]\nrate_max = 0.03\n")  # no grade can pay what it asks


@pytest.mark.parametrize("amount", [800_000, 300_000_000])
def test_a_related_party_is_put_before_its_own_body_whatever_the_amount(amount: int) -> None:
    receipt = judged(a_dossier(customer=RELATED, application=an_application(cny(amount))))

    assert (receipt.route.lane, receipt.route.row) == (Lane.PEOPLE, "related_party")
    assert [step.positions for step in receipt.route.steps] == [("related_committee",)]
    assert "related_party" in receipt.route.reasons


def test_a_body_sends_a_case_to_people_where_no_knock_out_would() -> None:
    receipt = judged(a_dossier(customer=RELATED), NO_REGISTER)

    assert receipt.route.reasons == ("related_party",)


def test_what_lowers_the_risk_asks_nobody_of_a_related_party_either() -> None:
    change = a_change(ApplicationType.DECREASE, cny(1))
    receipt = judged(a_dossier(customer=RELATED, application=change, own_limits=cny(5)))

    assert receipt.route.lane is Lane.AUTOMATIC


def test_a_price_below_what_the_grade_asks_is_an_exception_for_others_and_refused_to_it() -> None:
    other, related = judged(a_dossier(), DEAR), judged(a_dossier(customer=RELATED), DEAR)

    assert (other.route.lane, other.route.row) == (Lane.PEOPLE, "price_exception")
    assert related.route.lane is Lane.DECLINE
    assert related.route.reasons == ("related_terms",)


def test_terms_below_the_grades_are_refused_to_it_at_the_letter() -> None:
    receipt = judged(a_dossier(customer=RELATED))
    terms = terms_for(receipt, cny(100_000), an_edition())
    refuse_better_terms(receipt, terms, an_edition())

    better = terms.model_copy(update={"rate_annual": terms.rate_annual - Decimal("0.0001")})
    with pytest.raises(RelatedTerms, match=f"{terms.rate_annual}"):
        refuse_better_terms(receipt, better, an_edition())
    refuse_better_terms(judged(a_dossier()), better, an_edition())
    refuse_better_terms(receipt, better, NO_REGISTER)


def test_credit_is_taken_away_from_it_at_any_price() -> None:
    change = a_change(ApplicationType.DECREASE, cny(100))
    cut = judged(a_dossier(customer=RELATED, application=change, own_limits=cny(500)), DEAR)
    assert cut.price.below_minimum
    refuse_better_terms(cut, terms_for(cut, cny(100), DEAR), DEAR)

    kept = judged(a_dossier(customer=RELATED), DEAR)
    refuse_better_terms(kept, terms_for(kept, cny(0), DEAR), DEAR)
    with pytest.raises(RelatedTerms):
        refuse_better_terms(kept, terms_for(kept, cny(1), DEAR), DEAR)


def covered(worth: int, **changed: object) -> Dossier:
    cover = Cover(cover_id="v-1", kind=CoverKind.DEPOSIT, value=cny(worth))
    return a_dossier(covers=(cover,), **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dossier", "edition", "declined"),
    [
        (covered(800_000, customer=RELATED), COVERED_ONLY, False),
        (covered(799_999, customer=RELATED), COVERED_ONLY, True),
        (a_dossier(customer=RELATED), COVERED_ONLY, True),
        (a_dossier(customer=RELATED), an_edition(), False),
        (a_dossier(), COVERED_ONLY, False),
    ],
)
def test_credit_without_cover_is_refused_to_it_where_policy_bars_it(
    dossier: Dossier, edition: PolicyEdition, declined: bool
) -> None:
    receipt: Assessment = judged(dossier, edition)
    price: Price = receipt.price

    assert (receipt.route.lane is Lane.DECLINE) is declined
    found = refusals(dossier, price, cny(800_000), edition)
    assert found == (("related_unsecured",) if declined else ())
