"""Offers: an approval on other terms than asked for is one, and nothing else is."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.contract import ConditionAsked, ConditionKind
from domain.edition import PolicyEdition
from domain.identity import Role
from policies.contract import terms_for
from policies.offer import differences
from tests.makers_policy import (
    ON,
    a_changed_edition,
    a_dossier,
    an_application,
    an_edition,
    cny,
    judged,
)

OFFERING = a_changed_edition("[offer]\npolicy_cuts = true\n")
OWN_CUTS = an_edition()
NONE = a_changed_edition("[offer]\nvalid_days = 0\n")


@given(
    limit=st.integers(1, 800_000),
    months=st.integers(1, 24),
    words=st.lists(st.sampled_from(["A pledge.", "Audited accounts."]), max_size=2),
    edition=st.sampled_from([OFFERING, OWN_CUTS]),
)
def test_what_is_less_shorter_or_under_conditions_is_an_offer_and_nothing_else(
    limit: int, months: int, words: list[str], edition: PolicyEdition
) -> None:
    receipt = judged(a_dossier(application=an_application(cny(800_000), term_months=24)), edition)
    asked = tuple(ConditionAsked(text=text) for text in words)
    terms = terms_for(receipt, cny(limit), edition, term_months=months, asked=asked)

    found = [each.field for each in differences(receipt, terms, edition)]

    assert ("limit" in found) == (limit < 800_000)
    assert ("term_months" in found) == (months != 24)
    assert len(found) == (limit < 800_000) + (months != 24) + len(set(words))


@given(limit=st.integers(1, 800_000), months=st.integers(1, 12))
def test_an_edition_without_days_offers_nothing(limit: int, months: int) -> None:
    receipt = judged()
    terms = terms_for(receipt, cny(limit), NONE, term_months=months)

    assert differences(receipt, terms, NONE) == ()


def test_policys_own_cut_is_an_offer_only_where_the_edition_says_so() -> None:
    application = an_application(cny(900_000_000))
    receipt = judged(a_dossier(application=application), OFFERING)
    proposed = receipt.limit_recommended
    terms = terms_for(receipt, proposed, OFFERING)

    assert proposed < application.limit_requested
    [found] = differences(receipt, terms, OFFERING)
    assert (found.asked, found.offered) == (str(application.limit_requested), str(proposed))
    assert differences(receipt, terms, OWN_CUTS) == ()


def test_an_approvers_conditions_reach_the_letter_with_kind_owner_and_day() -> None:
    receipt = judged()
    later = ON + timedelta(days=200)
    asked = (
        ConditionAsked(text="The owner stands surety.", kind=ConditionKind.COVER),
        ConditionAsked(text="Audited accounts.", owner=Role.LEGAL, due_on=later),
        ConditionAsked(text="A mortgage on the plant.", kind=ConditionKind.COVER),
    )
    terms = terms_for(receipt, cny(1), an_edition(), ON, asked=(*asked, asked[0]))

    last = ON + timedelta(days=an_edition().approval.letter_valid_days)
    manager = receipt.dossier.customer.manager_id
    assert [
        (each.code, each.owner, each.due_on, each.after_activation)
        for each in terms.scheme_conditions
    ] == [
        ("cover:1", manager, last, False),
        ("other:1", "role.legal", later, True),
        ("cover:2", manager, last, False),
    ]


def test_a_shorter_term_is_granted_with_all_that_goes_by_it() -> None:
    receipt = judged(a_dossier(application=an_application(term_months=24)))
    asked_so = judged(a_dossier(application=an_application(term_months=6)))

    assert terms_for(receipt, cny(1), an_edition(), term_months=6) == terms_for(
        asked_so, cny(1), an_edition()
    ).model_copy(update={"rate_annual": receipt.price.rate_annual})


@pytest.mark.parametrize("words", ["", "   ", "〔manager · 2026-01-01〕", "x" * 501])
def test_words_that_say_nothing_or_would_be_read_back_otherwise_are_refused(words: str) -> None:
    with pytest.raises(ValueError, match="text"):
        ConditionAsked(text=words)


def test_days_of_an_offer_may_be_parts_of_a_day() -> None:
    assert a_changed_edition("[offer]\nvalid_days = 0.5\n").offer.valid_days == Decimal("0.5")
