"""Idle limits: which lines use too little, how far each is cut, and what that frees."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.edition import IdlePolicy, PolicyEdition
from domain.line import CreditLine, LineStatus
from domain.money import Money
from domain.reclaim import IdleLine, LineUse
from policies.idle import idle_line, route_of_reclaim, why_not_cut, window_begins
from tests.makers_line import a_letter, a_line
from tests.makers_policy import an_edition, cny

ON = date(2026, 9, 2)
POLICY = IdlePolicy.model_validate(
    {
        "months": 6,
        "share_below": "0.1",
        "limit_min": "500000",
        "margin": "0.1",
        "capital_weight": "0.4",
    }
)


def edition(policy: IdlePolicy | None = POLICY) -> PolicyEdition:
    return an_edition().model_copy(update={"idle": policy})


def a_use(limit: int = 1_000_000, highest: int = 0, taken: int = 0, **fields: Any) -> LineUse:
    said: dict[str, Any] = {
        "line_id": "line-1",
        "customer_id": "customer-1",
        "letter_no": "PF2026-000001",
        "grade": "BBB",
        "term_months": 12,
        "starts_on": date(2025, 1, 1),
        "limit": cny(limit),
        "taken": cny(taken),
        "highest": cny(highest),
    }
    return LineUse.model_validate(said | fields)


def proposed(use: LineUse, policy: IdlePolicy | None = POLICY) -> IdleLine | None:
    return idle_line(use, use.limit, ON, edition(policy))


def test_a_line_nobody_used_keeps_its_margin_and_frees_the_capital_of_the_rest() -> None:
    line = proposed(a_use())

    assert line is not None
    assert (line.limit_after, line.cut) == (cny(100_000), cny(900_000))
    assert abs(line.capital_freed.minor * 10 - line.capital.minor * 9) < 20  # both rounded down
    assert cny(0) < line.capital < cny(400_000)


def test_what_is_in_use_ties_up_no_idle_capital() -> None:
    free, used = proposed(a_use()), proposed(a_use(highest=90_000, taken=90_000))

    assert free is not None
    assert used is not None
    assert used.capital < free.capital
    assert used.limit_after == cny(190_000)


@pytest.mark.parametrize(
    "use",
    [
        a_use(highest=100_000),  # a tenth, and not below it
        a_use(limit=499_999),
        a_use(starts_on=date(2026, 3, 3)),  # younger than the window
        a_use(temporary=True),
    ],
)
def test_a_line_that_is_used_small_young_or_raised_for_a_time_is_not_idle(use: LineUse) -> None:
    assert proposed(use) is None


def test_a_line_as_old_as_the_window_and_just_below_the_share_is_idle() -> None:
    assert window_begins(ON, POLICY) == date(2026, 3, 2)
    assert proposed(a_use(highest=99_999, starts_on=date(2026, 3, 2))) is not None


def test_an_edition_that_looks_for_none_finds_none() -> None:
    assert proposed(a_use(), None) is None


@given(
    limit=st.integers(50_000_000, 10**13),
    highest=st.integers(0, 10**12),
    taken=st.integers(0, 10**12),
)
def test_no_cut_goes_below_what_is_taken_nor_below_the_highest_use_and_its_margin(
    limit: int, highest: int, taken: int
) -> None:
    def minor(amount: int) -> Money:
        return Money(minor=amount, currency="CNY")

    use = a_use(limit=0).model_copy(
        update={
            "limit": minor(limit),
            "highest": minor(max(highest, taken)),
            "taken": minor(taken),
        }
    )
    line = proposed(use)

    if line is not None:
        assert line.limit_after < line.limit
        assert line.limit_after >= line.taken
        assert 10 * (line.limit_after.minor - line.highest.minor) >= limit
        assert line.capital_freed <= line.capital


def in_force(**fields: Any) -> CreditLine:
    return a_line(a_letter(limit=cny(1_000_000)), **fields)


@pytest.mark.parametrize(
    ("line", "now", "reason"),
    [
        (in_force(), a_use(), None),
        (in_force(status=LineStatus.FROZEN), a_use(), None),
        (in_force(), a_use(highest=1), "use_rose"),
        (in_force(), a_use(taken=1), "use_rose"),
        (in_force(limit=cny(900_000)), a_use(), "line_changed"),
        (in_force(letter_no="PF2026-000009"), a_use(), "line_changed"),
        (in_force(), a_use(temporary=True), "line_changed"),
        (in_force(status=LineStatus.TERMINATED), a_use(), "line_ended"),
    ],
)
def test_a_line_that_is_not_as_it_was_keeps_its_limit_and_says_why(
    line: CreditLine, now: LineUse, reason: str | None
) -> None:
    listed = proposed(a_use())
    assert listed is not None

    assert why_not_cut(listed, line, now) == reason


def test_a_list_goes_to_whoever_may_decide_on_all_of_it_at_the_worst_grade() -> None:
    few = route_of_reclaim([cny(900_000)], ["A"], edition(), related=False)
    many = route_of_reclaim([cny(90_000_000)] * 3, ["A", "BB"], edition(), related=False)

    assert few.aggregate == cny(900_000)
    assert many.aggregate == cny(270_000_000)
    assert few.row != many.row
