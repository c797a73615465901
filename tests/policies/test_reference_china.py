"""Chinese practice: five tiers by days and by debtor, and the working capital need."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.classification import Claim, ClaimSign, FiveTier
from policies.classification import classify, may_be_upgraded, tier_by_days
from policies.spreading import scope_of
from policies.working_capital import (
    loan_need,
    own_funds,
    turnover_days,
    working_capital,
    working_capital_turns,
)
from tests.makers_policy import a_dossier, a_statement, an_edition, cny

ON = date(2026, 6, 30)
EDITION = an_edition()
POLICY = EDITION.classification


def a_claim(claim_id: str = "k-1", amount: int = 100, days: int = 0, **changed: Any) -> Claim:
    return Claim(claim_id=claim_id, amount=cny(amount), days_past_due=days, **changed)


def tiers(*claims: Claim, **known: Any) -> list[str]:
    return [each.tier.value for each in classify(claims, EDITION, ON, **known)]


@pytest.mark.parametrize(
    ("days", "technical", "tier"),
    [
        (0, False, "normal"),
        (1, True, "normal"),
        (7, True, "normal"),
        (1, False, "special_mention"),
        (7, False, "special_mention"),
        (8, True, "special_mention"),
        (8, False, "special_mention"),
        (90, False, "special_mention"),
        (91, False, "substandard"),
        (270, False, "substandard"),
        (271, False, "doubtful"),
        (360, False, "doubtful"),
        (361, False, "loss"),
        (5000, False, "loss"),
    ],
)
def test_days_past_due_set_the_least_tier(days: int, technical: bool, tier: str) -> None:
    assert tier_by_days(days, POLICY, technical=technical) == tier
    assert tiers(a_claim(days=days, technical=technical)) == [tier]


def test_more_than_a_tenth_non_performing_drags_the_debtor_down() -> None:
    exactly = tiers(a_claim("good", 900), a_claim("bad", 100, 91))
    above = tiers(a_claim("good", 899), a_claim("bad", 100, 91))

    assert exactly == ["normal", "substandard"]
    assert above == ["substandard", "substandard"]


def test_dragged_claims_name_the_rule_and_worse_ones_stay_worse() -> None:
    good, bad = classify([a_claim("good", 10), a_claim("bad", 10, 400)], EDITION, ON)

    assert good.reasons == ("debtor_non_performing_share",)
    assert bad.tier is FiveTier.LOSS


@pytest.mark.parametrize(("share", "tier"), [("0.2", "normal"), ("0.21", "substandard")])
def test_more_than_a_fifth_overdue_with_all_lenders_drags_the_debtor_down(
    share: str, tier: str
) -> None:
    assert tiers(a_claim(), overdue_share_all_lenders=Decimal(share)) == [tier]


@pytest.mark.parametrize(
    ("sign", "tier"),
    [
        ("use_changed", "special_mention"),
        ("new_for_old", "special_mention"),
        ("non_performing_elsewhere", "special_mention"),
        ("credit_impaired", "substandard"),
        ("rating_cut", "substandard"),
        ("debt_evaded", "doubtful"),
        ("bankrupt", "loss"),
    ],
)
def test_what_else_is_known_sets_a_tier_without_any_arrears(sign: str, tier: str) -> None:
    assert tiers(a_claim(signs=(ClaimSign(sign),))) == [tier]


@pytest.mark.parametrize(
    ("share", "tier"),
    [("0.49", "substandard"), ("0.5", "doubtful"), ("0.89", "doubtful"), ("0.9", "loss")],
)
def test_an_impaired_claim_falls_with_its_expected_loss(share: str, tier: str) -> None:
    impaired = a_claim(signs=(ClaimSign.CREDIT_IMPAIRED,), loss_share=Decimal(share))

    assert tiers(impaired) == [tier]


def test_a_restructured_claim_is_watched_for_a_year() -> None:
    assert tiers(a_claim(restructured_on=date(2025, 7, 1))) == ["special_mention"]
    assert tiers(a_claim(restructured_on=date(2025, 6, 30))) == ["normal"]


def test_a_bad_claim_rises_only_after_two_payments_and_six_months() -> None:
    half_a_year = date(2025, 12, 30)

    def recovering(**changed: Any) -> Claim:
        ordinary: dict[str, Any] = {
            "tier_before": FiveTier.SUBSTANDARD,
            "regular_since": half_a_year,
            "regular_payments": 2,
        }
        return a_claim(**(ordinary | changed))

    assert may_be_upgraded(recovering(), POLICY, ON)
    assert tiers(recovering()) == ["normal"]
    assert tiers(recovering(regular_payments=1)) == ["substandard"]
    assert tiers(recovering(regular_since=date(2026, 1, 1))) == ["substandard"]
    assert tiers(recovering(regular_since=None)) == ["substandard"]
    assert tiers(recovering(tier_before=FiveTier.SPECIAL_MENTION)) == ["normal"], (
        "a performing claim rises as soon as its arrears are paid"
    )
    assert tiers(recovering(regular_since=None, days=400)) == ["loss"], "falling asks no time"


def test_three_thousand_of_sales_at_five_turns_need_561() -> None:
    need = working_capital(Decimal(3000), Decimal("0.15"), Decimal("0.10"), Decimal(5))

    assert need == 561


def test_the_chain_of_turnover_days_is_not_rounded() -> None:
    d = Decimal
    # Thirds all the way: 100 days of stock, 50 of receivables, 30 of payables and so on.
    days = [turnover_days(d(a), d(b), d(700)) for a, b in ((100, 101), (50, 53), (29, 31))]
    turns = working_capital_turns(*days)
    by_hand = d(360) / ((d(201) + d(103) - d(60)) / 2 * 360 / 700)

    assert abs(turns - by_hand) < d("1e-25")
    assert turns != round(turns, 2)
    assert abs(working_capital(d(1000), d("0.1"), d("0.2"), turns) - d(1080) / by_hand) < d("1e-25")


def test_what_is_there_already_comes_off_the_need() -> None:
    own = own_funds(Decimal(300), Decimal(100), Decimal(250))

    assert own == 150
    assert loan_need(Decimal(561), own, Decimal(100), Decimal(11)) == 300
    assert loan_need(Decimal(100), own) == -50


def test_the_editions_figures_are_the_same_chain() -> None:
    statements = (a_statement(2024, revenue="180"), a_statement(2025))
    find = scope_of(a_dossier(statements=statements), an_edition()).find
    sales, cost, million = Decimal(200), Decimal(150), 1_000_000
    turns = working_capital_turns(
        turnover_days(Decimal(24), Decimal(24), cost),
        turnover_days(Decimal(30), Decimal(30), sales),
        turnover_days(Decimal(22), Decimal(22), cost),
        turnover_days(Decimal(4), Decimal(4), cost),
        turnover_days(Decimal(3), Decimal(3), sales),
    )
    needed = working_capital(sales, Decimal(14) / sales, Decimal(20) / 180, turns)
    found = find("working_capital_need")

    assert found is not None
    assert abs(found / million - loan_need(needed, Decimal(70 + 22 - 62), Decimal(15))) < Decimal(
        "1e-20"
    )
