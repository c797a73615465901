"""Reviews: keep, raise, cut or exit, and which of them go to people."""

from decimal import Decimal
from typing import Any

import pytest

from domain.application import ApplicationType
from domain.assessment import Assessment
from domain.money import Money
from domain.review import Proposal, ReviewProposal
from policies.review import deltas, propose
from tests.makers_policy import (
    a_change,
    a_changed_edition,
    a_customer,
    a_dossier,
    a_rate,
    a_statement,
    an_edition,
    cny,
    judged,
    some_payments,
    usd,
)

LINE = cny(8_000_000)


def now(line: Money = LINE, **changed: Any) -> Assessment:
    reporting = line if line.currency == "CNY" else cny(line.share(Decimal(7)).amount)
    return judged(
        a_dossier(
            application=a_change(ApplicationType.RENEWAL, line),
            own_limits=reporting,
            line_limit=reporting,
            **changed,
        )
    )


def shrunk(equity: str) -> dict[str, Any]:
    """Statements whose equity supports less: a fifth or a quarter of the tangible part."""
    statement = a_statement(2025, equity=equity, intangible_assets="0")
    return {"statements": (a_statement(2024, equity=equity), statement)}


def reviewed(
    line: Money = LINE, before: Assessment | None = None, **changed: Any
) -> ReviewProposal:
    return propose(before or now(), now(line, **changed), line, an_edition())


def test_a_company_as_it_was_is_kept_and_asks_nobody() -> None:
    kept = reviewed()

    assert (kept.proposal, kept.limit_proposed) == (Proposal.KEEP, LINE)
    assert not kept.needs_approval
    assert kept.deltas == ()


def test_a_limit_that_is_no_longer_supported_is_cut_to_what_is() -> None:
    cut = reviewed(**shrunk("30"))

    assert cut.proposal is Proposal.CUT
    assert cut.limit_proposed < LINE
    assert cut.needs_approval
    assert "bound_by:tangible_net_worth" in cut.reasons


def test_a_little_less_support_is_still_a_keep() -> None:
    supported = now().limit.limit_proposed  # 16 million
    line = cny(16_800_000)

    assert supported == cny(16_000_000)
    assert reviewed(line).proposal is Proposal.KEEP  # 16.0 is above 95 % of 16.8, 15.96
    assert reviewed(cny(16_900_000)).proposal is Proposal.CUT


def test_hardly_any_support_is_an_exit() -> None:
    exits = reviewed(cny(64_010_000))

    assert exits.proposal is Proposal.EXIT
    assert exits.limit_proposed == cny(0)
    assert exits.needs_approval
    assert reviewed(cny(64_000_000)).proposal is Proposal.CUT


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"payments": some_payments(days_past_due_max=100)}, "overdue_over_90_days"),
        (shrunk("-1"), "equity_negative"),
    ],
)
def test_a_customer_policy_would_decline_is_left(changed: dict[str, Any], reason: str) -> None:
    exits = reviewed(**changed)

    assert exits.proposal is Proposal.EXIT
    assert reason in exits.reasons


LATE = some_payments(paid_late_share=Decimal("0.3"), days_late_mean=Decimal(9), days_past_due_max=5)


def test_a_better_grade_with_room_is_a_raise_of_at_most_half() -> None:
    before = now(payments=LATE)
    raised = reviewed(before=before)

    assert an_edition().rank(raised_grade := now().rating.grade) < an_edition().rank(
        before.rating.grade
    ), raised_grade
    assert raised.proposal is Proposal.RAISE
    assert raised.limit_proposed == cny(12_000_000)
    assert raised.needs_approval


def test_room_without_a_better_grade_is_a_keep() -> None:
    assert now().limit.limit_proposed > LINE.share(Decimal("1.2"))
    assert reviewed().proposal is Proposal.KEEP


def test_a_keep_after_a_steep_fall_asks_people() -> None:
    fallen = reviewed(cny(1_000_000), payments=some_payments(days_past_due_max=40))

    assert fallen.proposal is Proposal.KEEP
    assert fallen.needs_approval
    assert any(reason.startswith("grade_fell:") for reason in fallen.reasons)


def test_a_foreign_line_is_held_against_support_in_its_own_currency() -> None:
    line = usd(3_000_000)
    rate = (a_rate("USD", "7"),)
    cut = propose(now(line, rates=rate), now(line, rates=rate), line, an_edition())

    assert cut.proposal is Proposal.CUT
    assert cut.limit_proposed == usd(2_285_000)  # 16 million at 7, whole thousands


def test_what_changed_is_listed_and_nothing_else() -> None:
    before, after = now(), now(payments=LATE, customer=a_customer(industry="D"))
    changed = {delta.code: (delta.before, delta.now) for delta in deltas(before, after)}

    assert changed["days_past_due_max"] == ("0.000000", "5.000000")
    assert changed["industry"] == ("C", "D")
    assert changed["grade"] == (before.rating.grade, after.rating.grade)
    assert "equity_ratio" not in changed


def test_what_the_market_environment_asks_of_a_limit_is_asked_of_people_always() -> None:
    trusting = a_changed_edition("[review]\napproval = []")
    strained = a_changed_edition(
        """
        [review]
        approval = []
        [[limit.outlooks]]
        industry = "C"
        cap_share = 0.015
        """
    )
    asked = a_dossier(
        application=a_change(ApplicationType.RENEWAL, LINE), own_limits=LINE, line_limit=LINE
    )
    cut = propose(now(), judged(asked, strained), LINE, strained)
    by_policy = propose(now(), now(**shrunk("28")), LINE, trusting)

    assert (cut.proposal, cut.limit_proposed) == (Proposal.CUT, cny(6_000_000))
    assert cut.reasons == ("bound_by:outlook_cap",)
    assert cut.needs_approval
    assert by_policy.proposal is Proposal.CUT
    assert not by_policy.needs_approval
