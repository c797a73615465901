"""Deciding anew is no shorter way: the same body or a higher one, and always people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.assessment import Assessment, Dossier, Lane
from domain.edition import PolicyEdition
from domain.errors import NoNewEvidence
from domain.money import Money
from domain.reconsideration import Reconsidered, with_evidence
from policies.reconsideration import RECONSIDERATION
from policies.related import RELATED
from policies.routing import ABOVE_ELIGIBLE, PRICE_EXCEPTION
from tests.makers_policy import (
    a_changed_edition,
    a_customer,
    a_dossier,
    a_statement,
    an_application,
    an_edition,
    cny,
    judged,
)

HIGHER = a_changed_edition("[approval.reconsideration]\ndays_max = 30\nhigher = true\n")
LOW_COMMITTEE = a_changed_edition(
    """
    [related]
    body = { tier = "branch", mode = "one", positions = ["related_committee"] }
    """
)
# Exceptions have people of their own at the tier of those who decline; prices are not met.
APART = a_changed_edition(
    """
    [approval.above_eligible]
    step = { tier = "head", mode = "one", positions = ["limit_committee"] }
    """
)
DEAR = a_changed_edition(
    """
    [price]
    rate_max = 0.03
    [approval.price_exception]
    tier = "head"
    mode = "one"
    positions = ["price_committee"]
    """
)
AMOUNTS = st.sampled_from([300_000, 5_000_000, 20_000_000, 150_000_000])


def a_large_dossier(limit: Money, before: Assessment | None = None) -> Dossier:
    """Of a company that may well be lent as much, before and after a decline."""
    statements = tuple(
        a_statement(year).model_copy(
            update={
                "items": {item: figure * 40 for item, figure in a_statement(year).items.items()}
            }
        )
        for year in (2024, 2025)
    )
    reconsidered = before and Reconsidered(
        declined_case_id="case-0", letter_no="PF-1", steps=before.route.steps
    )
    return a_dossier(
        application=an_application(limit), statements=statements, reconsidered=reconsidered
    )


def asked_by(receipt: Assessment) -> set[str]:
    return {position for step in receipt.route.steps for position in step.positions}


@given(declined=AMOUNTS, anew=AMOUNTS, edition=st.sampled_from([an_edition(), HIGHER]))
def test_people_decide_anew_and_never_at_a_lower_tier(
    declined: int, anew: int, edition: PolicyEdition
) -> None:
    before = judged(a_large_dossier(cny(declined)), edition)
    after = judged(a_large_dossier(cny(anew), before), edition)

    assert after.route.lane is Lane.PEOPLE
    assert RECONSIDERATION in after.route.reasons
    assert "within_automatic_ceilings" not in after.route.reasons
    tiers = [step.tier for step in after.route.steps]
    if before.route.steps:
        top = max(step.tier for step in before.route.steps)
        assert max(tiers) >= top
        if edition is HIGHER and top < 3:
            assert max(tiers) > top
        if max(tiers) == top:
            assert after.route.steps[: len(before.route.steps)] == before.route.steps
    assert len({step.step_id for step in after.route.steps}) == len(tiers)


@given(
    declined=AMOUNTS,
    anew=AMOUNTS,
    edition=st.sampled_from([an_edition(), HIGHER, LOW_COMMITTEE]),
    was_related=st.booleans(),
)
def test_a_related_partys_committee_is_left_out_of_no_second_decision(
    declined: int, anew: int, edition: PolicyEdition, was_related: bool
) -> None:
    related = a_customer(related_to_grantor=True)
    first = a_large_dossier(cny(declined))
    if was_related:
        first = first.model_copy(update={"customer": related})
    before = judged(first, edition)
    again = a_large_dossier(cny(anew), before).model_copy(update={"customer": related})
    after = judged(again, edition)

    assert "related_committee" in asked_by(after)
    assert RECONSIDERATION in after.route.reasons
    tiers = [step.tier for step in after.route.steps]
    assert max(tiers) >= max((step.tier for step in before.route.steps), default=0)
    assert len({step.step_id for step in after.route.steps}) == len(tiers)


def test_the_committee_decides_where_its_customer_became_related_after_the_decline() -> None:
    before = judged(a_large_dossier(cny(150_000_000)))
    again = a_large_dossier(cny(150_000_000), before)
    after = judged(again.model_copy(update={"customer": a_customer(related_to_grantor=True)}))

    assert asked_by(before) == {"head_credit", "head_risk"}
    assert (after.route.row, asked_by(after)) == (RELATED, {"related_committee"})


@pytest.mark.parametrize(
    ("edition", "reason", "row", "body"),
    [
        (APART, "A season of twice the orders.", ABOVE_ELIGIBLE, "limit_committee"),
        (DEAR, "", PRICE_EXCEPTION, "price_committee"),
    ],
)
def test_whom_an_exception_asks_for_decides_it_anew_too(
    edition: PolicyEdition, reason: str, row: str, body: str
) -> None:
    before = judged(a_large_dossier(cny(150_000_000)))
    again = a_large_dossier(cny(900_000_000), before)
    asked = again.application.model_copy(update={"above_eligible_reason": reason})
    after = judged(again.model_copy(update={"application": asked}), edition)

    assert asked_by(before) == {"head_credit", "head_risk"}
    assert (after.route.row, body in asked_by(after)) == (row, True)
    assert RECONSIDERATION in after.route.reasons


def test_what_policy_declines_is_declined_again() -> None:
    broke = a_dossier(statements=(a_statement(2024), a_statement(2025, equity="-4")))
    before = judged(broke)
    anew = Reconsidered(declined_case_id="case-0", letter_no="PF-1", steps=before.route.steps)

    assert before.route.lane is Lane.DECLINE
    assert judged(broke.model_copy(update={"reconsidered": anew})).route == before.route


def test_a_case_that_reconsiders_nothing_is_routed_as_ever() -> None:
    receipt = judged()

    assert RECONSIDERATION not in (*receipt.route.reasons, receipt.route.row)
    assert "reconsidered" not in receipt.model_dump(exclude_defaults=True)["dossier"]


def test_evidence_is_new_or_it_is_none() -> None:
    application = an_application(attachments={"business_license": "a" * 64})

    for evidence in ({}, {"other": "a" * 64}, {"other": "b" * 64, "more": "a" * 64}):
        with pytest.raises(NoNewEvidence):
            with_evidence(application, evidence, "PF-1")
    anew = with_evidence(application, {"other": "b" * 64}, "PF-1")
    assert anew.attachments == {"business_license": "a" * 64, "other": "b" * 64}
