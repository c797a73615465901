"""Is an amount converted at the right day's rate, and does the answer name it?"""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import CurrencyMismatch, RateMissing
from domain.exchange import Rate, RateKind, convert, rate_between
from domain.money import Money

SPOT = RateKind.SPOT


def a_rate(base: str, rate: str, day: int, *, quote: str = "CNY", kind: RateKind = SPOT) -> Rate:
    return Rate(base=base, quote=quote, kind=kind, rate=Decimal(rate), rate_on=date(2025, 1, day))


TABLE = [
    a_rate("USD", "7.10", 1),
    a_rate("USD", "7.20", 10),
    a_rate("USD", "7.00", 5, kind=RateKind.AVERAGE),
    a_rate("JPY", "0.048", 3),
]


def converted(amount: Money, quote: str, day: int, kind: RateKind = SPOT) -> tuple[Money, Rate]:
    rate = rate_between(amount.currency, quote, TABLE, kind, date(2025, 1, day))
    return convert(amount, rate).amount, rate


@pytest.mark.parametrize(("day", "text"), [(1, "710.00"), (9, "710.00"), (10, "720.00")])
def test_the_newest_rate_on_or_before_the_day_counts(day: int, text: str) -> None:
    assert converted(Money.of("100", "USD"), "CNY", day)[0] == Money.of(text, "CNY")


def test_the_answer_names_rate_kind_and_day() -> None:
    rate = rate_between("USD", "CNY", TABLE, RateKind.AVERAGE, date(2025, 1, 20))
    used = convert(Money.of("1", "USD"), rate).rate_used

    assert used is not None
    assert (used.rate, used.kind, used.rate_on) == (Decimal("7.00"), "average", date(2025, 1, 5))


def test_a_rate_of_another_kind_or_a_later_day_is_no_rate() -> None:
    with pytest.raises(RateMissing):
        rate_between("USD", "CNY", TABLE, RateKind.BUDGET, date(2025, 1, 20))
    with pytest.raises(RateMissing):
        rate_between("JPY", "CNY", TABLE, SPOT, date(2025, 1, 2))


def test_a_pair_quoted_the_other_way_is_turned_round() -> None:
    amount, rate = converted(Money.of("720", "CNY"), "USD", 10)

    assert amount == Money.of("100.00", "USD")
    assert rate.rate == Decimal("0.1388888889")


def test_a_pair_not_quoted_goes_by_way_of_cny_and_is_dated_by_the_older_rate() -> None:
    amount, rate = converted(Money.of("100", "USD"), "JPY", 12)

    assert amount == Money.of("15000", "JPY")
    assert rate.rate_on == date(2025, 1, 3)


def test_an_amount_in_another_currency_than_the_rates_is_refused() -> None:
    with pytest.raises(CurrencyMismatch):
        convert(Money.of("1", "EUR"), TABLE[0])


@pytest.mark.parametrize("rate", ["0", "-1", "NaN", "1e12"])
def test_a_rate_is_a_positive_plausible_number(rate: str) -> None:
    with pytest.raises(ValidationError):
        a_rate("USD", rate, 1)


@given(minor=st.integers(-(10**15), 10**15), rate=st.decimals("0.01", 1000, places=4))
def test_no_conversion_is_off_by_more_than_half_a_minor_unit(minor: int, rate: Decimal) -> None:
    used = a_rate("USD", str(rate), 1)
    amount = convert(Money(minor=minor, currency="USD"), used).amount

    assert abs(Decimal(amount.minor) - minor * rate) <= Decimal("0.5")
    assert used.in_minor(minor) == amount.minor
