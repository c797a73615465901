"""The cliff calendar: every day on which a limit falls by itself, and what that leaves open."""

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.cliff import CliffKind, Day, LineAhead
from domain.exposure import Limit, LimitPart, limit_on
from domain.money import Money
from policies.cliff import cliffs, limit_of_day, uncovered_of
from tests.makers_policy import ON, cny, usd


def after(days: int) -> date:
    return ON + timedelta(days=days)


def a_part(amount: int, days: int, code: str = "cover", of: str = "k-1") -> LimitPart:
    return LimitPart(amount=cny(amount), from_on=after(days), code=code, of=of)


def a_line(*parts: LimitPart, **changed: Any) -> LineAhead:
    ordinary = {
        "line_id": "line-1",
        "customer_id": "c-1",
        "limit": Limit.of(cny(1000)),
        "parts": parts,
        "exposure": cny(700),
        "ends_on": after(80),
    }
    return LineAhead.model_validate(ordinary | changed)


def test_each_day_says_what_is_over_by_how_much_the_limit_moves_and_to_what() -> None:
    draws = Day(on=after(60), kind=CliffKind.DRAWS)
    line = a_line(a_part(-100, 10, "temporary", "PF-1"), a_part(-400, 40), days=(draws,))

    found = cliffs(line, ON, 90)

    assert [(each.on, each.kind, each.change, each.limit) for each in found.cliffs] == [
        (after(10), "temporary", cny(-100), cny(900)),
        (after(40), "cover", cny(-400), cny(500)),
        (after(60), "draws", cny(0), cny(500)),
        (after(81), "line", cny(-500), cny(0)),
    ]
    assert [(each.on, each.limit) for each in found.steps] == [
        (ON, cny(1000)),
        (after(10), cny(900)),
        (after(40), cny(500)),
        (after(81), cny(0)),
    ]


def test_what_is_taken_today_is_set_against_the_limit_of_30_60_and_90_days() -> None:
    found = cliffs(a_line(a_part(-400, 40)), ON, 90)

    assert [(each.days, each.limit, each.uncovered) for each in found.uncovered] == [
        (30, cny(1000), cny(0)),
        (60, cny(600), cny(100)),
        (90, cny(0), cny(700)),
    ]


def test_what_is_open_on_one_line_is_not_made_up_by_room_on_another() -> None:
    over = cliffs(a_line(a_part(-400, 10)), ON, 90)
    room = cliffs(a_line(exposure=cny(0), limit=Limit.of(cny(9000))), ON, 90)
    other = cliffs(a_line(exposure=usd(5), limit=Limit.of(usd(9))), ON, 90)

    found = uncovered_of([over, room, other])

    assert [each.uncovered for each in found["CNY"]] == [cny(100), cny(100), cny(700)]
    assert [each.uncovered for each in found["USD"]] == [usd(0), usd(0), usd(5)]


def test_a_day_that_is_past_or_further_ahead_is_no_cliff() -> None:
    days = (Day(on=ON, kind=CliffKind.REVIEW), Day(on=after(31), kind=CliffKind.RATING))

    assert cliffs(a_line(days=days), ON, 30).cliffs == ()


@given(
    amounts=st.lists(st.tuples(st.integers(-900, 900), st.integers(-20, 120)), max_size=6),
    ahead=st.integers(1, 120),
    day=st.integers(0, 120),
)
def test_the_steps_are_the_limit_of_every_day(
    amounts: list[tuple[int, int]], ahead: int, day: int
) -> None:
    line = a_line(*(a_part(amount, days) for amount, days in amounts))
    day = min(day, ahead)

    steps = cliffs(line, ON, ahead).steps

    on_the_day: Money = next(each.limit for each in reversed(steps) if each.on <= after(day))
    assert on_the_day == limit_of_day(line, after(day))
    if after(day) <= line.ends_on:
        assert on_the_day == limit_on(line.limit, line.parts, after(day)).amount
    assert on_the_day >= cny(0)
