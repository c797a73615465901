"""Warnings: which rules fire on a payment record, how grave, and what follows."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.assessment import PaymentRecord, RateUsed
from domain.money import Money, rounded
from domain.warning import WarningLevel
from policies.warning import (
    freezes,
    gravest,
    lifts_by_payment,
    opens_collection,
    rate_signals,
    reminders_due,
    signals,
)
from tests.makers_policy import a_changed_edition, an_edition, cny, some_payments

LIMIT = cny(1_000_000)


def rules(record: PaymentRecord, limit: Money = LIMIT) -> list[str]:
    return [signal.rule for signal in signals(record, limit, an_edition())]


def test_a_customer_who_pays_raises_nothing() -> None:
    fired = signals(some_payments(), LIMIT, an_edition())

    assert fired == ()
    assert gravest(fired) is None
    assert not freezes(fired)
    assert not opens_collection(fired, an_edition())


@pytest.mark.parametrize(
    ("days", "fired", "level", "frozen"),
    [
        (7, [], None, False),
        (8, ["overdue_8_days"], WarningLevel.YELLOW, False),
        (30, ["overdue_8_days"], WarningLevel.YELLOW, False),
        (31, ["overdue_31_days", "overdue_8_days"], WarningLevel.ORANGE, True),
        (91, ["overdue_91_days", "overdue_31_days", "overdue_8_days"], WarningLevel.RED, True),
    ],
)
def test_days_past_due_raise_the_level_at_their_thresholds(
    days: int, fired: list[str], level: WarningLevel | None, frozen: bool
) -> None:
    seen = signals(some_payments(days_past_due_max=days), LIMIT, an_edition())

    assert [signal.rule for signal in seen] == fired
    assert gravest(seen) is level
    assert freezes(seen) is frozen


def test_a_signal_carries_value_threshold_and_edition() -> None:
    [signal] = signals(some_payments(days_past_due_max=12), LIMIT, an_edition())

    assert (signal.value, signal.threshold) == (12, 8)
    assert signal.edition_hash == an_edition().edition_hash


def test_a_tenth_of_the_limit_overdue_is_orange() -> None:
    assert rules(some_payments(overdue=cny(99_999), open_total=cny(400_000))) == []
    assert rules(some_payments(overdue=cny(100_000), open_total=cny(400_000))) == [
        "overdue_tenth_of_limit"
    ]


def test_half_of_what_is_open_overdue_is_orange() -> None:
    assert rules(some_payments(overdue=cny(50_000), open_total=cny(100_000))) == [
        "overdue_half_of_open"
    ]


def test_paying_later_on_average_is_yellow() -> None:
    assert rules(some_payments(days_late_mean=Decimal(20))) == ["paying_later"]


def test_what_cannot_be_known_fires_nothing() -> None:
    unknown = some_payments(overdue=None, open_total=None, days_late_mean=None)

    assert rules(unknown) == []
    assert rules(some_payments(overdue=cny(10)), cny(0)) == []


def test_a_payment_lifts_yellow_and_orange_but_never_red() -> None:
    edition = an_edition()

    assert lifts_by_payment(WarningLevel.YELLOW, 0, edition)
    assert lifts_by_payment(WarningLevel.ORANGE, 0, edition)
    assert not lifts_by_payment(WarningLevel.RED, 400, edition)


def test_a_cure_may_take_days_without_arrears() -> None:
    edition = a_changed_edition("[monitoring]\ncure_days = 30")

    assert not lifts_by_payment(WarningLevel.ORANGE, 29, edition)
    assert lifts_by_payment(WarningLevel.ORANGE, 30, edition)


@pytest.mark.parametrize(
    ("days", "letters"),
    [
        (0, []),
        (7, []),
        (8, ["reminder_first"]),
        (31, ["reminder_first", "reminder_second"]),
        (200, ["reminder_first", "reminder_second", "demand_letter"]),
    ],
)
def test_letters_go_out_by_days_past_due(days: int, letters: list[str]) -> None:
    assert [step.code for step in reminders_due(days, an_edition())] == letters


# ── rates ────────────────────────────────────────────────────────────────────────────────────────


def a_rate(rate: Decimal) -> dict[str, RateUsed]:
    used = RateUsed(base="USD", quote="CNY", rate=rate, kind="spot", rate_on=date(2026, 6, 30))
    return {"USD": used}


@given(
    st.integers(1, 10**9),
    st.integers(0, 10**9),
    st.decimals("0.1", "100", places=4),
    st.decimals("0.1", "100", places=4),
    st.integers(1, 10**11),
)
def test_rates_warn_where_they_alone_pass_a_cap_and_never_freeze(
    dollars: int, yuan: int, before: Decimal, now: Decimal, cap: int
) -> None:
    limits = (Money.of(dollars, "USD"), Money.of(yuan, "CNY"))
    fired = rate_signals(
        limits, a_rate(before), a_rate(now), {"a_cap": Money.of(cap, "CNY")}, an_edition()
    )
    first, second = (rounded(dollars * rate, "CNY").amount + yuan for rate in (before, now))
    passes = first <= cap < second
    assert bool(fired) is passes
    assert not any(signal.freeze for signal in fired)
    assert rate_signals(limits, {}, a_rate(now), {"a_cap": Money.of(1, "CNY")}, an_edition()) == ()
    assert (
        rate_signals(
            limits[1:], a_rate(before), a_rate(now), {"a_cap": Money.of(1, "CNY")}, an_edition()
        )
        == ()
    )
