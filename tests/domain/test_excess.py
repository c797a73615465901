"""What stands above a limit that fell comes down by steps: how much may stand, and what is late."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.edition import ExcessPolicy, ExcessStepRule
from domain.errors import DateNotToCome, Malformed, OutOfOrder
from domain.excess import Excess, ExcessCause, ExcessStatus, cause_of, over_of
from domain.exposure import COVER, TEMPORARY, Balance, Limit, LimitPart
from domain.money import Money
from policies.excess import days_missed, planned, redated

ON = date(2026, 7, 27)
AMOUNTS = st.integers(1, 10**9).map(lambda minor: Money(minor=minor, currency="EUR"))
DAYS = st.integers(0, 400)


def euros(amount: int) -> Money:
    return Money.of(amount, "EUR")


def a_policy(*steps: tuple[int, str], days_max: int = 180) -> ExcessPolicy:
    rules = (ExcessStepRule(days=days, share=Decimal(share)) for days, share in steps)
    return ExcessPolicy(steps=tuple(rules), days_max=days_max)


STANDARD = a_policy((30, "0.5"), (90, "0"))


@st.composite
def policies(draw: st.DrawFn) -> ExcessPolicy:
    days = sorted(draw(st.sets(st.integers(1, 300), min_size=1, max_size=5)))
    shares = sorted(draw(st.sets(st.integers(1, 99), min_size=len(days), max_size=len(days))))
    falling = [f"0.{share:02}" for share in reversed(shares)]
    return a_policy(*zip(days, (*falling[:-1], "0"), strict=True), days_max=365)


def a_plan(found: Money, policy: ExcessPolicy = STANDARD, on: date = ON) -> Excess:
    return Excess(
        excess_id="e-1",
        account="line/l-1",
        customer_id="c-1",
        line_id="l-1",
        cause=ExcessCause.LETTER_CUT,
        opened_on=on,
        found=found,
        found_on=on,
        steps=planned(found, on, policy),
        over=found,
    )


def look(plan: Excess, over: Money, on: date, policy: ExcessPolicy = STANDARD) -> Excess:
    """As the steps of a line look at it: what is more has steps of its own."""
    more = planned(over - plan.found, on, policy) if over > plan.found else ()
    return plan.looked(over, on, more)


def after(days: int) -> date:
    return ON + timedelta(days=days)


# ── what may stand ───────────────────────────────────────────────────────────────────────────────


@given(AMOUNTS, policies(), DAYS, DAYS)
def test_less_and_less_may_stand_never_below_nothing_and_nothing_in_the_end(
    found: Money, policy: ExcessPolicy, first: int, second: int
) -> None:
    plan, early, late = a_plan(found, policy), min(first, second), max(first, second)

    assert found >= plan.stands_on(after(early)) >= plan.stands_on(after(late))
    assert plan.stands_on(after(late)).minor >= 0
    assert not plan.stands_on(after(policy.steps[-1].days + 1))


def test_a_step_asks_for_its_share_once_its_day_is_over() -> None:
    plan = a_plan(euros(100))

    assert [plan.stands_on(after(days)) for days in (30, 31, 90, 91)] == [
        euros(100),
        euros(50),
        euros(50),
        euros(0),
    ]


@given(AMOUNTS, AMOUNTS, policies(), DAYS)
def test_a_step_is_missed_exactly_where_more_stands_than_may(
    found: Money, over: Money, policy: ExcessPolicy, day: int
) -> None:
    assume(over <= found)
    plan, on = look(a_plan(found, policy), over, after(day), policy), after(day)

    missed = over > plan.stands_on(on)

    assert (plan.status is ExcessStatus.LATE) == missed == (plan.days_missed(on) > 0)


def test_days_are_counted_from_the_first_step_that_what_stands_misses() -> None:
    plan = look(a_plan(euros(100)), euros(40), after(20))

    assert plan.missed_since(after(90)) is None
    assert (plan.missed_since(after(95)), plan.days_missed(after(95))) == (after(90), 5)
    assert days_missed([plan, a_plan(euros(7))], after(95)) == 65


# ── what a look makes of it ──────────────────────────────────────────────────────────────────────


def test_a_plan_is_settled_when_nothing_stands_above_and_then_only() -> None:
    plan = look(a_plan(euros(100)), euros(1), after(5))
    settled = plan.looked(euros(0), after(6))

    assert plan.status is ExcessStatus.OPEN
    assert (settled.status, settled.settled_on) == (ExcessStatus.SETTLED, after(6))
    with pytest.raises(OutOfOrder):
        settled.looked(euros(1), after(7))


def test_a_look_that_finds_nothing_new_is_no_new_version() -> None:
    plan = a_plan(euros(100))

    assert look(plan, euros(100), after(3)) is plan


@given(AMOUNTS, st.lists(st.tuples(AMOUNTS, st.integers(0, 40)), max_size=6), policies(), DAYS)
def test_more_that_stands_gives_no_more_time_for_what_stood_before(
    found: Money, looks: list[tuple[Money, int]], policy: ExcessPolicy, day: int
) -> None:
    plan, on = a_plan(found, policy), ON
    for over, later in looks:
        on, before = on + timedelta(days=later), plan
        plan = look(plan, over, on, policy)
        grown = max(over - before.found, euros(0))

        asked = on + timedelta(days=day)
        assert plan.found == before.found + grown
        assert plan.stands_on(asked) <= before.stands_on(asked) + grown
        assert all(step.stands.minor >= 0 for step in plan.steps)
        assert not plan.steps[-1].stands
        if not grown:
            assert plan.steps == before.steps


def test_a_larger_excess_has_steps_of_its_own_from_its_day() -> None:
    plan = look(a_plan(euros(100)), euros(160), after(10))

    assert [(step.due_on, step.stands) for step in plan.steps] == [
        (after(30), euros(110)),
        (after(40), euros(80)),
        (after(90), euros(30)),
        (after(100), euros(0)),
    ]


# ── other dates ──────────────────────────────────────────────────────────────────────────────────


def test_other_dates_keep_the_amounts_and_may_end_a_delay() -> None:
    late = look(a_plan(euros(100)), euros(100), after(35))
    steps = redated(late, (after(40), after(120)), after(35), STANDARD)

    again = late.redated(steps, after(35))

    assert (late.status, again.status) == (ExcessStatus.LATE, ExcessStatus.OPEN)
    assert [(step.due_on, step.stands) for step in again.steps] == [
        (after(40), euros(50)),
        (after(120), euros(0)),
    ]
    assert again.version == late.version + 1


@pytest.mark.parametrize(
    ("due_on", "refusal"),
    [
        ((after(30),), Malformed),  # a date for each step
        ((after(60), after(60)), Malformed),
        ((after(10), after(90)), DateNotToCome),
        ((after(30), after(181)), Malformed),
    ],
)
def test_dates_follow_one_another_from_tomorrow_up_to_the_longest(
    due_on: tuple[date, ...], refusal: type[Malformed]
) -> None:
    with pytest.raises(refusal):
        redated(a_plan(euros(100)), due_on, after(10), STANDARD)


def test_a_step_that_is_over_may_keep_its_day() -> None:
    plan = look(a_plan(euros(100)), euros(50), after(29))

    assert redated(plan, (after(30), after(180)), after(60), STANDARD)[1].due_on == after(180)


# ── what stands above, and why ───────────────────────────────────────────────────────────────────


def a_balance(limit: Limit, used: Money, **more: object) -> Balance:
    facts = {"account": "line/l-1", "limit": limit, "reserved": euros(0), "used": used}
    return Balance.model_validate(facts | more)


def test_what_is_spent_of_a_limit_that_does_not_revolve_cannot_be_given_back() -> None:
    spent = a_balance(Limit.of(euros(70)), euros(20), spent=euros(60))

    assert over_of(spent) == euros(10)
    assert over_of(a_balance(Limit.of(euros(50)), euros(0), spent=euros(60))) == euros(0)
    assert over_of(a_balance(Limit.none(), euros(20))) == euros(20)
    assert over_of(a_balance(Limit.unlimited(), euros(20))) == euros(0)


def test_the_cause_is_the_part_of_the_limit_that_ended_or_the_decision() -> None:
    def lowered(code: str) -> Balance:
        part = LimitPart(amount=-euros(60), from_on=ON, code=code)
        return a_balance(Limit.of(euros(40)), euros(90), parts=(part,))

    assert cause_of(lowered(TEMPORARY), "L-1/limit", ON) is ExcessCause.TEMPORARY_OVER
    assert cause_of(lowered(COVER), "L-1/limit", ON) is ExcessCause.COVER_ENDED
    cut = a_balance(Limit.of(euros(40)), euros(90))
    assert cause_of(cut, "L-2/limit", ON) is ExcessCause.LETTER_CUT
    assert cause_of(cut, "L-2/returned", ON) is ExcessCause.TEMPORARY_OVER
    capped = a_balance(Limit.of(euros(40)), euros(90), account="customer/c-1")
    assert cause_of(capped, "L-3", ON) is ExcessCause.CAP
