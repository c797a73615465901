"""Routes: tiers by the group's exposure and the grade, the automatic lane and its ceilings."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.application import ApplicationType
from domain.approval import StepMode
from domain.assessment import Assessment, Lane, PaymentRecord
from domain.money import Money
from policies.routing import NO_ROW, PRICE_EXCEPTION, chance_of, is_sampled, steps_for
from tests.makers_policy import (
    a_change,
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
    some_payments,
    usd,
)


def asked(limit: Money, **changed: Any) -> Assessment:
    return judged(a_dossier(application=an_application(limit), **changed))


@pytest.mark.parametrize(
    ("aggregate", "grade", "row", "positions"),
    [
        ("0.01", "A", "sound_branch", [("branch_head",)]),
        ("10000000", "A", "sound_branch", [("branch_head",)]),
        ("10000000.01", "A", "sound_region", [("region_head",)]),
        ("100000000", "BBB", "sound_region", [("region_head",)]),
        ("100000000.01", "AAA", "sound_head", [("head_credit", "head_risk")]),
        ("2000000", "BB", "weak_branch", [("branch_head", "region_head")]),
        ("2000000.01", "B", "weak_region", [("region_head",), ("head_credit", "head_risk")]),
        ("20000000.01", "B", "weak_head", [("head_credit", "head_risk")]),
        ("100", "CCC", "poor_head", [("head_credit", "head_risk")]),
        ("90000000000000", "AA", "sound_head", [("head_credit", "head_risk")]),
    ],
)
def test_the_row_by_aggregate_and_grade(
    aggregate: str, grade: str, row: str, positions: list[tuple[str, ...]]
) -> None:
    code, steps, _ = steps_for(cny(aggregate), grade, an_edition())

    assert code == row
    assert [step.positions for step in steps] == positions


def test_one_all_and_any_are_each_somewhere_in_the_table() -> None:
    modes = {step.mode for row in an_edition().approval.rows for step in row.steps}

    assert modes >= {StepMode.ONE, StepMode.ALL, StepMode.ANY}


@given(st.integers(1, 10**17), st.sampled_from(["AAA", "AA", "A", "BBB", "BB", "B", "CCC", "D"]))
def test_every_aggregate_above_zero_has_somebody_to_ask(minor: int, grade: str) -> None:
    _, steps, moves_at = steps_for(Money(minor=minor, currency="CNY"), grade, an_edition())

    assert steps
    assert all(step.positions for step in steps)
    assert moves_at is None or moves_at.minor >= minor


@given(st.integers(1, 10**12), st.integers(0, 10**12), st.sampled_from(["A", "BB", "CCC"]))
def test_more_exposure_never_asks_a_lower_tier(minor: int, more: int, grade: str) -> None:
    def tier(amount: int) -> int:
        _, steps, _ = steps_for(Money(minor=amount, currency="CNY"), grade, an_edition())
        return max(step.tier for step in steps)

    assert tier(minor) <= tier(minor + more)


def test_two_small_requests_route_as_one_large_one_does() -> None:
    one = asked(cny(12_000_000))
    second = asked(cny(6_000_000), own_limits=cny(6_000_000))
    of_group = asked(cny(6_000_000), group_limits=cny(6_000_000))

    assert one.route.row == second.route.row == of_group.route.row == "sound_region"
    assert one.route.aggregate == second.route.aggregate == of_group.route.aggregate


def test_a_change_replaces_the_line_it_changes_in_the_aggregate() -> None:
    dossier = a_dossier(
        application=a_change(ApplicationType.INCREASE, cny(9_000_000)),
        own_limits=cny(6_000_000),
        group_limits=cny(6_500_000),
        line_limit=cny(6_000_000),
    )
    route = judged(dossier).route

    assert route.aggregate == cny(9_500_000)
    assert route.row == "sound_branch"
    assert route.moves_tier_at == cny(10_000_000)


def test_a_small_good_case_asks_nobody() -> None:
    route = asked(cny(1_000_000)).route

    assert route.lane is Lane.AUTOMATIC
    assert route.steps == ()
    assert route.moves_tier_at == cny(1_000_000)


_HALF_LATE = some_payments(
    paid_late_share=Decimal("0.6"), days_late_mean=Decimal(31), days_past_due_max=20
)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"application": an_application(cny("1000000.01"))}, "aggregate_above_automatic"),
        ({"group_limits": cny(300_000)}, "aggregate_above_automatic"),
        ({"payments": _HALF_LATE}, "grade_below_automatic"),
        ({"completeness": Decimal("0.59")}, "completeness_below_automatic"),
        ({"customer": a_customer(related_to_grantor=True)}, "related_to_grantor"),
        (
            {"application": a_change(ApplicationType.TEMPORARY_INCREASE, cny(500_000))},
            "type_not_automatic",
        ),
    ],
)
def test_each_ceiling_that_is_missed_sends_the_case_to_people_and_is_named(
    changed: dict[str, Any], reason: str
) -> None:
    held = {} if "group_limits" in changed else {"own_limits": cny(400_000)}
    needs_line = "application" in changed and changed["application"].line_id
    route = judged(a_dossier(**(held if needs_line else {}), **changed)).route

    assert route.lane is Lane.PEOPLE
    assert reason in route.reasons
    assert route.steps


def test_the_days_volume_is_a_ceiling() -> None:
    ceiling = an_edition().money(an_edition().approval.automatic.daily_amount_max)
    at = judged(spent=ceiling - cny(800_000))
    above = judged(spent=ceiling - cny("799999.99"))

    assert at.route.lane is Lane.AUTOMATIC
    assert above.route.reasons == ("daily_volume_spent",)


def test_a_case_drawn_by_lot_goes_to_people() -> None:
    drawn = judged(sampled=True)

    assert drawn.route.lane is Lane.PEOPLE
    assert drawn.route.reasons == ("sampled",)


def test_the_share_drawn_by_lot_is_the_editions() -> None:
    assert is_sampled(Decimal("0.0499"), an_edition())
    assert not is_sampled(Decimal("0.05"), an_edition())


@pytest.mark.parametrize("share", ["0.05", "0.3"])
def test_over_many_cases_the_share_drawn_is_the_editions_and_every_part_of_chance_alike(
    share: str,
) -> None:
    """Chi-square against the declared share, and over a hundred equal parts of the draws."""
    edition = a_changed_edition(f"[approval.automatic]\nsampling_share = {share}")
    draws = [chance_of(f"01890a5d-ac96-774b-bcce-{number:012x}") for number in range(20_000)]
    drawn = sum(is_sampled(each, edition) for each in draws)
    asked = len(draws) * Decimal(share)
    off = (drawn - asked) ** 2
    assert off / asked + off / (len(draws) - asked) < Decimal("10.83")  # 1 degree, p = 0.001
    parts = Counter(int(each * 100) for each in draws)
    wanted = Decimal(len(draws)) / 100
    assert set(parts) <= set(range(100))
    unlike = sum((parts[part] - wanted) ** 2 / wanted for part in range(100))
    assert unlike < Decimal("148.23")  # 99 degrees, p = 0.001


def test_a_case_is_drawn_or_not_for_good() -> None:
    assert chance_of("case-1") == chance_of("case-1") != chance_of("case-2")


@settings(max_examples=60)
@given(st.integers(50_000, 3_000_000), st.integers(3_000_000, 90_000_000), st.integers(0, 40_000))
def test_a_cent_over_a_ceiling_of_any_edition_asks_people_and_at_it_nobody(
    aggregate_max: int, daily_max: int, held: int
) -> None:
    edition = a_changed_edition(
        f"[approval.automatic]\naggregate_max = {aggregate_max}\ndaily_amount_max = {daily_max}"
    )
    whole, day = cny(aggregate_max), cny(daily_max)

    def reasons(limit: Money, spent: Money) -> tuple[str, ...]:
        dossier = a_dossier(application=an_application(limit), group_limits=cny(held))
        return judged(dossier, edition, spent=spent).route.reasons

    for side, over in ((-1, False), (0, False), (1, True)):
        cents = Money(minor=side, currency="CNY")
        found = reasons(whole - cny(held) + cents, cny(0))
        assert ("aggregate_above_automatic" in found) is over
        one = whole - cny(held)
        found = reasons(one, day - one + cents)
        assert ("daily_volume_spent" in found) is over


@pytest.mark.parametrize(("share", "automatic"), [("0.6", True), ("0.599999", False)])
def test_the_least_completeness_is_enough(share: str, automatic: bool) -> None:
    route = judged(a_dossier(completeness=Decimal(share))).route
    assert (route.lane is Lane.AUTOMATIC) is automatic


def test_the_least_grade_is_enough_and_the_next_worse_is_not() -> None:
    grade = judged().rating.grade
    ladder = an_edition().grades
    better = ladder[ladder.index(grade) - 1]
    for least, asked in ((grade, False), (better, True)):
        edition = a_changed_edition(f"[approval.automatic]\ngrade_min = '{least}'")
        assert ("grade_below_automatic" in judged(edition=edition).route.reasons) is asked


def test_the_lane_can_be_shut() -> None:
    route = judged(edition=a_changed_edition("[approval.automatic]\nenabled = false")).route

    assert route.reasons == ("automatic_disabled",)


def test_less_than_was_asked_is_for_people_to_say() -> None:
    small = a_statement(equity="1", revenue="10", cost_of_sales="5", intangible_assets="0")
    receipt = judged(a_dossier(statements=(a_statement(2024), small)))

    assert receipt.limit_recommended < receipt.dossier.application.limit_requested
    assert "below_requested" in receipt.route.reasons


def test_an_old_exchange_rate_is_for_people_to_accept() -> None:
    from datetime import date

    def with_rate_of(day: date) -> Assessment:
        return judged(
            a_dossier(application=an_application(usd(100_000)), rates=(a_rate("USD", "7.1", day),))
        )

    assert with_rate_of(date(2026, 5, 26)).route.lane is Lane.AUTOMATIC
    assert with_rate_of(date(2026, 5, 25)).route.reasons == ("rate_stale",)


def overdue(days: int) -> PaymentRecord:
    return some_payments(days_past_due_max=days)


def test_a_knocked_out_case_is_declined_without_asking() -> None:
    route = judged(a_dossier(payments=overdue(91))).route

    assert route.lane is Lane.DECLINE
    assert route.row == NO_ROW
    assert route.reasons == ("overdue_over_90_days",)


def test_a_grade_that_is_not_lent_to_is_declined() -> None:
    wreck = a_statement(
        2025,
        equity="8",
        current_assets="20",
        inventory="18",
        current_liabilities="90",
        net_income="-30",
        ebit="-25",
        retained_earnings="-80",
    )
    receipt = judged(
        a_dossier(
            statements=(a_statement(2024), wreck),
            payments=_HALF_LATE,
            customer=a_customer(established_on="2024-08-01", industry="E"),
        )
    )

    assert receipt.rating.grade == "D"
    assert "grade:D" in receipt.route.reasons
    assert receipt.route.lane is Lane.DECLINE


def test_a_limit_of_nothing_is_a_decline() -> None:
    nothing = a_statement(equity="0", total_liabilities="140", intangible_assets="0")
    receipt = judged(a_dossier(statements=(a_statement(2024), nothing)))

    assert receipt.limit.limit_proposed == cny(0)
    assert "limit_zero" in receipt.route.reasons
    assert receipt.route.lane is Lane.DECLINE


def test_nobody_is_refused_less_credit() -> None:
    dossier = a_dossier(
        application=a_change(ApplicationType.DECREASE, cny(2_000_000)),
        statements=(a_statement(equity="-5"),),
        own_limits=cny(5_000_000),
        line_limit=cny(5_000_000),
        payments=overdue(120),
    )
    receipt = judged(dossier)

    assert receipt.route.lane is Lane.AUTOMATIC
    assert receipt.limit_recommended == cny(2_000_000)
    assert receipt.route.aggregate == cny(2_000_000)


def test_a_price_below_the_minimum_has_its_own_approvers() -> None:
    edition = a_changed_edition("[price]\nrate_max = 0.025")
    route = judged(edition=edition).route

    assert route.row == PRICE_EXCEPTION
    assert "price_below_minimum" in route.reasons
    assert [step.positions for step in route.steps] == [("head_credit", "head_risk")]


def test_steps_carry_the_clock_of_their_tier() -> None:
    step = asked(cny(5_000_000)).route.steps[0]

    assert (step.step_id, step.tier, step.mode) == ("1.branch", 1, StepMode.ONE)
    assert (step.remind_hours, step.deadline_hours, step.lapse_hours) == (8, 16, 40)
    assert step.escalate_to == "region_head"


def test_a_stranger_without_history_is_not_automatic_for_that_alone() -> None:
    assert judged(a_dossier(payments=no_payments())).route.lane is Lane.AUTOMATIC
