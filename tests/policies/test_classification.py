"""A customer as a whole: tier, stage and expected loss of everything it owes, for any book."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.classification import (
    ClaimSign,
    CustomerClass,
    Debtor,
    FiveTier,
    ItemStanding,
    LineStanding,
    Loss,
    Portfolio,
    Regularity,
    Stage,
)
from domain.cover import Cover, CoverKind
from domain.edition import PolicyEdition
from domain.errors import GradeUnknown
from domain.money import money_sum
from policies.classification import classify_customer, turned_bad
from policies.edition import check
from policies.impairment import expected_credit_loss, months_left, risk_increased
from policies.line import months_later
from tests.makers_policy import a_changed_edition, an_edition, cny

ON = date(2026, 8, 31)
SINCE = date(2026, 1, 31)
PLAIN = a_changed_edition("[impairment]\ndiscounted = false\n")
APART = a_changed_edition("[impairment]\ndiscounted = false\nreceivables_in_use = false\n")


def a_standing(used: str = "100000", **changed: object) -> LineStanding:
    content = {
        "line_id": "line-1",
        "grade": "BBB",
        "grade_origin": "BBB",
        "used": cny(used),
        "unused": cny("50000"),
        "rate_annual": Decimal("0.05"),
        "ends_on": date(2028, 8, 31),
    }
    return LineStanding.model_validate({**content, **changed})


def an_item(days_past_due: int = 0, amount: str = "1000") -> ItemStanding:
    return ItemStanding(due_on=ON - timedelta(days=days_past_due), amount=cny(amount))


def a_debtor(
    *items: ItemStanding, lines: tuple[LineStanding, ...] = (), **changed: object
) -> Debtor:
    content = {"customer_id": "c-1", "items": items, "lines": lines}
    return Debtor.model_validate({**content, **changed})


def classified(
    debtor: Debtor,
    before: CustomerClass | None = None,
    edition: PolicyEdition | None = None,
    on: date = ON,
) -> tuple[CustomerClass, dict[Portfolio, Loss]]:
    found, losses = classify_customer(debtor, before, edition or an_edition(), on)
    return found, {loss.portfolio: loss for loss in losses}


_ITEMS = st.lists(
    st.builds(an_item, st.integers(-60, 500), st.integers(1, 10**8).map(str)), max_size=6
)
_LINES = st.lists(
    st.builds(
        a_standing,
        st.integers(0, 10**8).map(str),
        grade=st.sampled_from(an_edition().grades),
        grade_origin=st.sampled_from(an_edition().grades),
        ends_on=st.integers(-400, 1_200).map(lambda days: ON + timedelta(days=days)),
    ),
    max_size=3,
).map(
    lambda lines: tuple(
        line.model_copy(update={"line_id": f"line-{place}"}) for place, line in enumerate(lines)
    )
)


@given(items=_ITEMS, lines=_LINES)
def test_claims_by_tier_add_up_to_what_is_owed_and_nothing_counts_twice(
    items: list[ItemStanding], lines: tuple[LineStanding, ...]
) -> None:
    once, _ = classified(a_debtor(*items, lines=lines))
    apart, _ = classified(a_debtor(*items, lines=lines), edition=APART)

    assert once.owed == max(once.used, once.receivables)
    assert apart.owed == apart.used + apart.receivables
    assert once.tier is FiveTier.NORMAL or once.reasons


@given(items=_ITEMS, lines=_LINES, later=st.integers(0, 400))
def test_later_with_nothing_paid_is_never_better(
    items: list[ItemStanding], lines: tuple[LineStanding, ...], later: int
) -> None:
    debtor = a_debtor(*items, lines=lines)
    now, then = (classified(debtor, on=on)[0] for on in (ON, ON + timedelta(days=later)))

    assert then.tier.gravity >= now.tier.gravity
    assert then.stage >= now.stage


@given(items=_ITEMS, lines=_LINES)
def test_no_more_is_expected_to_be_lost_than_is_owed_and_lines_sum_to_the_loss(
    items: list[ItemStanding], lines: tuple[LineStanding, ...]
) -> None:
    found, losses = classified(a_debtor(*items, lines=lines))
    of_lines, of_items = losses[Portfolio.LINE], losses[Portfolio.RECEIVABLES]

    assert cny(0) <= of_lines.allowance + of_items.allowance <= found.owed
    assert of_lines.allowance == money_sum((each.allowance for each in of_lines.lines), "CNY")
    assert of_items.allowance == money_sum((each.allowance for each in of_items.matrix), "CNY")
    assert money_sum((each.balance for each in of_items.matrix), "CNY") == found.receivables


def test_a_stage_one_line_expects_twelve_months_and_a_stage_two_line_its_life() -> None:
    line = a_standing("1000000")
    first, losses = classified(a_debtor(lines=(line,)), edition=PLAIN)
    assert (first.stage, losses[Portfolio.LINE].allowance) == (Stage.PERFORMING, cny("1800"))

    fallen = line.model_copy(update={"grade": "B"})
    second, losses = classified(a_debtor(lines=(fallen,)), edition=PLAIN)
    assert (second.stage, losses[Portfolio.LINE].allowance) == (Stage.INCREASED, cny("43875"))

    third, losses = classified(a_debtor(lines=(line,), signs=(ClaimSign.BANKRUPT,)), edition=PLAIN)
    assert (third.stage, losses[Portfolio.LINE].allowance) == (Stage.IMPAIRED, cny("450000"))


def test_a_line_that_ends_within_the_year_expects_only_what_is_left_of_it() -> None:
    half = a_standing("1000000", ends_on=date(2027, 2, 28))
    _, losses = classified(a_debtor(lines=(half,)), edition=PLAIN)

    [line] = losses[Portfolio.LINE].lines
    assert line.months == 6
    assert cny("900") < line.allowance < cny("902")  # 1 - 0.996 ^ 0.5, of 450,000


def test_losses_to_come_are_worth_less_at_the_lines_own_rate() -> None:
    line = a_standing("1000000")
    _, plain = classified(a_debtor(lines=(line,)), edition=PLAIN)
    _, discounted = classified(a_debtor(lines=(line,)))

    assert discounted[Portfolio.LINE].allowance < plain[Portfolio.LINE].allowance
    assert discounted[Portfolio.LINE].lines[0].rate_effective == Decimal("0.05")


def test_cover_bears_its_part_of_the_loss() -> None:
    deposit = Cover(cover_id="k-1", kind=CoverKind.DEPOSIT, value=cny("400000"))
    line = a_standing("1000000", covers=((deposit, cny("400000")),))
    _, losses = classified(a_debtor(lines=(line,)), edition=PLAIN)

    # A deposit loses nothing: 45 % of the other 600,000, at 0.4 %.
    assert losses[Portfolio.LINE].lines[0].lgd == Decimal("0.27")
    assert losses[Portfolio.LINE].allowance == cny("1080")


def test_what_is_unused_counts_where_the_edition_says_so() -> None:
    edition = a_changed_edition("[impairment]\ndiscounted = false\nunused_factor = 0.5\n")
    _, losses = classified(a_debtor(lines=(a_standing("1000000"),)), edition=edition)

    assert losses[Portfolio.LINE].lines[0].exposure == cny("1025000")


def test_use_that_nobody_invoiced_is_past_due_from_the_end_of_its_line() -> None:
    ended = a_standing(ends_on=ON - timedelta(days=91))
    found, _ = classified(a_debtor(lines=(ended,)))
    assert (found.tier, found.days_past_due_on(ON)) == (FiveTier.SUBSTANDARD, 91)

    empty, _ = classified(a_debtor(lines=(ended.model_copy(update={"used": cny(0)}),)))
    assert empty.tier is FiveTier.NORMAL


def test_a_debtor_with_too_much_that_is_bad_is_bad_in_all_it_owes() -> None:
    few, _ = classified(a_debtor(an_item(100, "10"), an_item(0, "90")))
    many, _ = classified(a_debtor(an_item(100, "11"), an_item(0, "89")))

    assert few.amounts == {FiveTier.SUBSTANDARD: cny("10"), FiveTier.NORMAL: cny("90")}
    assert many.amounts == {FiveTier.SUBSTANDARD: cny("100")}


def test_a_bad_customer_rises_after_two_payments_and_six_months_the_longer() -> None:
    late_by_100 = ItemStanding(due_on=SINCE - timedelta(days=100), amount=cny(1000))
    bad, _ = classified(a_debtor(late_by_100), on=SINCE)
    assert (bad.tier, bad.tier_since) == (FiveTier.SUBSTANDARD, SINCE)
    paid_on = SINCE + timedelta(days=10)
    ready = months_later(paid_on, 6)
    two = (paid_on + timedelta(days=30), paid_on + timedelta(days=60))

    def risen(on: date, due_days: tuple[date, ...], *items: ItemStanding) -> FiveTier:
        regularity = Regularity(late_until=paid_on, due_days=due_days)
        return classified(a_debtor(*items, regularity=regularity), bad, on=on)[0].tier

    assert risen(ready - timedelta(days=1), two) is FiveTier.SUBSTANDARD
    assert risen(ready, two[:1]) is FiveTier.SUBSTANDARD
    assert risen(ready, two) is FiveTier.NORMAL
    late = ItemStanding(due_on=ready - timedelta(days=8), amount=cny(1))
    assert risen(ready, two, late) is FiveTier.SUBSTANDARD
    technical = ItemStanding(due_on=ready - timedelta(days=7), amount=cny(1))
    assert risen(ready, two, technical) is FiveTier.NORMAL


def test_a_restructured_customer_is_watched_for_a_year_and_rises_no_higher() -> None:
    watched, _ = classified(a_debtor(an_item(), restructured_on=ON - timedelta(days=300)))
    free, _ = classified(a_debtor(an_item(), restructured_on=months_later(ON, -12)))

    assert (watched.tier, watched.reasons) == (FiveTier.SPECIAL_MENTION, ("restructured",))
    assert free.tier is FiveTier.NORMAL


def test_a_delay_is_only_presumed_to_be_technical_where_the_edition_says_so() -> None:
    strict = a_changed_edition("[classification]\ntechnical_presumed = false\n")

    assert classified(a_debtor(an_item(7)))[0].tier is FiveTier.NORMAL
    assert classified(a_debtor(an_item(1)), edition=strict)[0].tier is FiveTier.SPECIAL_MENTION


@pytest.mark.parametrize(
    ("origin", "grade", "increased"),
    [
        ("AAA", "AA", False),
        ("AAA", "A", True),
        ("A", "BBB", False),
        ("BBB", "BB", True),
        ("BB", "A", False),
        ("D", "D", False),
    ],
)
def test_risk_has_increased_after_so_many_grades_by_where_it_began(
    origin: str, grade: str, increased: bool
) -> None:
    assert risk_increased(origin, grade, an_edition(), ON) is increased


def test_a_row_counts_on_its_days_alone() -> None:
    edition = a_changed_edition(
        "[impairment]\nincreases = ["
        '{ code = "old", notches = 3, effective_until = 2026-08-31 },'
        '{ code = "new", notches = 1, effective_from = 2026-09-01 } ]\n'
    )
    assert check(edition) == []

    assert not risk_increased("A", "BBB", edition, date(2026, 8, 31))
    assert risk_increased("A", "BBB", edition, date(2026, 9, 1))


@pytest.mark.parametrize(
    ("rows", "path", "code"),
    [
        (
            '{ code = "a", notches = 1 }, { code = "b", grades = ["B"], notches = 2 }',
            "impairment.increases",
            "overlap",
        ),
        (
            '{ code = "a", grades = ["B"], notches = 1 }, { code = "a", grades = ["A"], notches = 1 }',
            "impairment.increases",
            "repeated",
        ),
        ('{ code = "a", grades = ["Z"], notches = 1 }', "impairment.increases.a.grades", "unknown"),
        ('{ code = "a", notches = 8 }', "impairment.increases.a.notches", "unread"),
        (
            '{ code = "a", notches = 1, effective_from = 2026-02-01, effective_until = 2026-01-01 }',
            "impairment.increases.a.effective_until",
            "order",
        ),
    ],
)
def test_rows_that_cannot_be_meant_are_found(rows: str, path: str, code: str) -> None:
    edition = a_changed_edition(f"[impairment]\nincreases = [{rows}]\n")

    assert (path, code) in {(finding.path, finding.code) for finding in check(edition)}


def test_a_grade_that_the_edition_does_not_know_is_refused() -> None:
    with pytest.raises(GradeUnknown, match="Z9"):
        classified(a_debtor(lines=(a_standing(grade="Z9"),)))


def test_a_warning_has_the_editions_level_or_there_is_none() -> None:
    bad, _ = classified(a_debtor(an_item(100)))
    good, _ = classified(a_debtor(an_item(10)))
    silent = an_edition().classification.model_copy(update={"warning_level": None})

    assert turned_bad(good, an_edition()) is None
    signal = turned_bad(bad, an_edition())
    assert signal is not None
    assert signal.level == an_edition().classification.warning_level
    assert turned_bad(bad, an_edition().model_copy(update={"classification": silent})) is None


@given(months=st.integers(0, 240), day=st.integers(0, 3_000))
def test_the_months_left_reach_the_end_and_one_fewer_would_not(months: int, day: int) -> None:
    on = date(2024, 1, 1) + timedelta(days=day)
    ends_on = months_later(on, months)

    left = months_left(on, ends_on)

    assert left == max(1, months)
    if ends_on > on:
        assert months_left(on, ends_on + timedelta(days=1)) >= left


@given(pd=st.integers(1, 9_999).map(lambda part: Decimal(part) / 10_000), years=st.integers(1, 5))
def test_months_expect_what_their_years_do(pd: Decimal, years: int) -> None:
    by_month, by_year = (
        expected_credit_loss(
            [cny("1000000")] * (12 * years // months),
            pd,
            Decimal(1),
            Stage.INCREASED,
            months_in_period=months,
        )
        for months in (1, 12)
    )

    assert by_month == by_year == cny("1000000").share(1 - (1 - pd) ** years)
