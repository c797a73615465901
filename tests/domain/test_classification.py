"""What was judged of two records apart, read as one debtor."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.classification import CustomerClass, FiveTier, Stage
from domain.money import Money

DAY = date(2026, 4, 1)


def cny(minor: int) -> Money:
    return Money(minor=minor, currency="CNY")


@st.composite
def judged(draw: st.DrawFn) -> CustomerClass:
    tier = draw(st.sampled_from(list(FiveTier)))
    owed = draw(st.integers(0, 10**12))
    since = DAY - timedelta(days=draw(st.integers(0, 400)))
    return CustomerClass(
        customer_id=draw(st.sampled_from(["c-1", "c-2"])),
        as_of=DAY,
        tier=tier,
        tier_since=since,
        stage=draw(st.sampled_from(list(Stage))),
        grade=draw(st.sampled_from(["", "A", "BBB"])),
        overdue_since=draw(st.none() | st.just(since)),
        used=cny(owed),
        unused=cny(draw(st.integers(0, 10**12))),
        receivables=cny(0),
        amounts={tier: cny(owed)} if owed else {},
        edition_hash="e",
    )


@given(st.lists(judged(), min_size=1, max_size=4))
def test_records_judged_apart_are_one_debtor_no_better_than_its_worst(
    found: list[CustomerClass],
) -> None:
    one = CustomerClass.together("c-1", found)

    assert one.customer_id == "c-1"
    worst = max(each.tier.gravity for each in found)
    assert one.tier.gravity == worst
    assert one.tier_since == max(each.tier_since for each in found if each.tier.gravity == worst)
    assert one.stage == max(each.stage for each in found)
    assert one.owed.minor == sum(each.owed.minor for each in found)
    assert one.used.minor == sum(each.used.minor for each in found)
    assert one.unused.minor == sum(each.unused.minor for each in found)
    for tier in FiveTier:
        of_tier = sum(each.amounts[tier].minor for each in found if tier in each.amounts)
        assert one.amounts.get(tier, cny(0)).minor == of_tier
    assert bool(one.grade) == any(each.grade for each in found)
