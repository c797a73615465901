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
from tests.makers_policy import (
    a_changed_edition,
    a_dossier,
    a_statement,
    an_application,
    an_edition,
    cny,
    judged,
)

HIGHER = a_changed_edition("[approval.reconsideration]\ndays_max = 30\nhigher = true\n")
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
