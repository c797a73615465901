"""Limits, balances and the account that binds, for every amount and not just one."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import AmountNotPositive, MalformedAmount
from domain.exposure import (
    AMOUNT_MINOR_MAX,
    Balance,
    Limit,
    LimitKind,
    LimitPart,
    Overlap,
    TemporaryLimit,
    binding,
    composed,
    limit_on,
    takeable,
)
from domain.money import Money

MINORS = st.integers(0, AMOUNT_MINOR_MAX)


def cny(minor: int) -> Money:
    return Money(minor=minor, currency="CNY")


def a_balance(limit: Limit, reserved: int = 0, used: int = 0, account: str = "line/1") -> Balance:
    return Balance(account=account, limit=limit, reserved=cny(reserved), used=cny(used))


@given(limit=MINORS, reserved=MINORS, used=MINORS)
def test_headroom_is_never_negative_and_what_is_above_the_limit_is_named(
    limit: int, reserved: int, used: int
) -> None:
    balance = a_balance(Limit.of(cny(limit)), reserved, used)

    assert balance.headroom is not None
    assert balance.headroom.minor == max(limit - reserved - used, 0)
    assert balance.excess.minor == max(reserved + used - limit, 0)


def test_zero_none_and_unlimited_are_three_things() -> None:
    zero, none, unlimited = Limit.of(cny(0)), Limit.none(), Limit.unlimited()

    assert len({zero, none, unlimited}) == 3
    assert a_balance(zero).headroom == a_balance(none).headroom == cny(0)
    assert a_balance(unlimited, 5, 5).headroom is None
    assert a_balance(unlimited, 5, 5).excess == cny(0)


@pytest.mark.parametrize(
    ("kind", "amount"),
    [
        (LimitKind.AMOUNT, None),
        (LimitKind.NONE, cny(0)),
        (LimitKind.UNLIMITED, cny(1)),
        (LimitKind.AMOUNT, cny(-1)),
        (LimitKind.AMOUNT, cny(AMOUNT_MINOR_MAX + 1)),
    ],
)
def test_a_limit_has_an_amount_where_it_says_so_and_a_sane_one(
    kind: LimitKind, amount: Money | None
) -> None:
    with pytest.raises(ValidationError):
        Limit(kind=kind, amount=amount)


@given(rooms=st.lists(st.none() | st.integers(0, 100), max_size=5))
def test_the_account_with_the_least_headroom_binds_the_first_of_equals(
    rooms: list[int | None],
) -> None:
    balances = [
        a_balance(
            Limit.unlimited() if room is None else Limit.of(cny(room)), account=f"account/{n}"
        )
        for n, room in enumerate(rooms)
    ]
    limited = [room for room in rooms if room is not None]

    found = binding(balances)

    if not limited:
        assert found is None
    else:
        assert found is balances[rooms.index(min(limited))]


@pytest.mark.parametrize(
    ("minor", "refusal"),
    [(0, AmountNotPositive), (-1, AmountNotPositive), (AMOUNT_MINOR_MAX + 1, MalformedAmount)],
)
def test_what_cannot_be_taken_is_refused(
    minor: int, refusal: type[AmountNotPositive | MalformedAmount]
) -> None:
    with pytest.raises(refusal):
        takeable(cny(minor))


@given(minor=st.integers(1, AMOUNT_MINOR_MAX))
def test_any_other_amount_can_be_asked_for(minor: int) -> None:
    assert takeable(cny(minor)) == cny(minor)


# ── limits that change by themselves ─────────────────────────────────────────────────────────────

ON = date(2026, 3, 2)
TEMPORARY = st.lists(st.tuples(st.integers(0, 300), st.integers(-3, 12)), max_size=4)


def temporary_limits(said: list[tuple[int, int]]) -> list[TemporaryLimit]:
    return [
        TemporaryLimit(limit=cny(limit), until_on=ON + timedelta(days=lasts), letter_no=f"PF-{n}")
        for n, (limit, lasts) in enumerate(said)
    ]


@given(base=st.integers(0, 200), said=TEMPORARY, overlap=st.sampled_from(Overlap))
def test_on_every_day_the_limit_is_what_the_temporary_ones_in_force_make_of_the_base(
    base: int, said: list[tuple[int, int]], overlap: Overlap
) -> None:
    limit, parts = composed(cny(base), temporary_limits(said), overlap, ON)

    for day in range(20):
        live = [amount for amount, lasts in said if lasts >= day]
        wanted = {
            Overlap.MAX: max([base, *live]),
            Overlap.SUM: base + sum(max(amount - base, 0) for amount in live),
            Overlap.LATEST: max(base, live[-1]) if live else base,
        }[overlap]
        found = limit_on(Limit.of(limit), parts, ON + timedelta(days=day)).amount
        assert found == cny(wanted), day


def test_a_part_counts_from_its_first_day_to_its_last_and_nothing_goes_below_zero() -> None:
    part = LimitPart(
        amount=cny(-80), from_on=ON, until_on=ON + timedelta(days=1), code="cover", of="c-1"
    )
    limits = [
        limit_on(Limit.of(cny(50)), [part], ON + timedelta(days=day)).amount for day in range(-1, 3)
    ]

    assert limits == [cny(50), cny(0), cny(0), cny(50)]
    assert limit_on(Limit.unlimited(), [part], ON) == Limit.unlimited()
