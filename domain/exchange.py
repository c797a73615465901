"""One currency in terms of another: dated rates, and conversion that names the rate it used.

Rounding is declared: a rate that had to be computed (turned round, or by way of CNY) is kept to
ten significant digits, and an amount to the nearest minor unit, halves to even both times.
"""

import re
from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from domain.assessment import RateUsed
from domain.errors import CurrencyMismatch, FieldUnreadable, RateMissing
from domain.money import Currency, Money, exponent_of, rounded
from domain.value import Value

PIVOT = "CNY"  # rates are collected against it
EXCHANGE_RATE = "exchange_rate"  # what a case lacks that waits for one

_DERIVED = Context(prec=10, rounding=ROUND_HALF_EVEN)


class RateKind(StrEnum):
    """What the rate is for: a day's balance, a period's flows, or a plan."""

    SPOT = "spot"
    AVERAGE = "average"
    BUDGET = "budget"


class Rate(Value):
    """One unit of `base` costs `rate` units of `quote`, as published for a day."""

    base: Currency
    quote: Currency
    kind: RateKind = RateKind.SPOT
    rate: Decimal = Field(gt=0, le=10**9, max_digits=20, decimal_places=10)
    rate_on: date
    source: str = ""

    @model_validator(mode="after")
    def _two_currencies(self) -> Self:
        if self.base == self.quote:
            raise FieldUnreadable(
                column="quote", expected="another currency than base", expected_zh="另一种币种"
            )
        return self

    def in_minor(self, minor: int) -> int:
        """That many minor units of `base` in minor units of `quote`, halves to even.

        For sums that are no amount of money, such as amounts times days, and may be larger.
        """
        places = exponent_of(self.quote) - exponent_of(self.base)
        figure = (Decimal(minor) * self.rate).scaleb(places)
        return int(figure.to_integral_value(ROUND_HALF_EVEN))

    def inverse(self) -> "Rate":
        """The same rate seen from the other side, to ten significant digits."""
        turned = _DERIVED.divide(Decimal(1), self.rate)
        return self.model_copy(update={"base": self.quote, "quote": self.base, "rate": turned})


class Conversion(Value):
    """An amount in another currency and the rate that made it; None where none was needed."""

    amount: Money
    rate_used: RateUsed | None = None


def rate_between(base: str, quote: str, rates: Iterable[Rate], kind: RateKind, on: date) -> Rate:
    """The newest rate of the kind on or before the day, or `RateMissing`.

    A direct rate is preferred to one turned round, and both to one by way of CNY, whatever their
    dates.
    """
    usable = [rate for rate in rates if rate.kind is kind and rate.rate_on <= on]
    rate = _between(base, quote, usable) or _by_pivot(base, quote, usable)
    if rate is None:
        raise RateMissing(kind=kind, base=base, quote=quote, date=on)
    return rate


def convert(amount: Money, rate: Rate) -> Conversion:
    """The amount at this rate, to the nearest minor unit; refuses `CurrencyMismatch`."""
    if amount.currency != rate.base:
        raise CurrencyMismatch(first=amount.currency, second=rate.base)
    return Conversion(
        amount=rounded(amount.amount * rate.rate, rate.quote),
        rate_used=RateUsed(
            base=rate.base,
            quote=rate.quote,
            rate=rate.rate,
            kind=rate.kind.value,
            rate_on=rate.rate_on,
        ),
    )


class RateGap(Value):
    """A rate that a case waits for: of a pair and kind, on or before a day."""

    base: Currency
    quote: Currency
    kind: RateKind
    on: date

    @classmethod
    def of(cls, missing: RateMissing) -> Self:
        """The gap that a refused conversion leaves."""
        base, quote, kind, on = (missing.facts[each] for each in ("base", "quote", "kind", "date"))
        return cls(base=base, quote=quote, kind=RateKind(kind), on=date.fromisoformat(on))

    @property
    def code(self) -> str:
        """As a case lacks it: `exchange_rate:USD/CNY/spot/2026-06-30`."""
        return f"{EXCHANGE_RATE}:{self.base}/{self.quote}/{self.kind}/{self.on}"

    @classmethod
    def find(cls, code: str) -> Self | None:
        """The gap that a code names; None where it names something else."""
        found = _GAP.fullmatch(code)
        return cls.model_validate(found.groupdict()) if found else None


_GAP = re.compile(
    EXCHANGE_RATE
    + r":(?P<base>[A-Z]{3})/(?P<quote>[A-Z]{3})/(?P<kind>[a-z]+)/(?P<on>[0-9]{4}-[0-9]{2}-[0-9]{2})"
)


def _between(base: str, quote: str, rates: list[Rate]) -> Rate | None:
    def newest(first: str, second: str) -> Rate | None:
        found = (rate for rate in rates if (rate.base, rate.quote) == (first, second))
        return max(found, key=lambda rate: rate.rate_on, default=None)

    if direct := newest(base, quote):
        return direct
    turned = newest(quote, base)
    return turned.inverse() if turned else None


def _by_pivot(base: str, quote: str, rates: list[Rate]) -> Rate | None:
    """Two rates against CNY multiplied; dated by the older of them."""
    first, second = _between(base, PIVOT, rates), _between(PIVOT, quote, rates)
    if first is None or second is None:
        return None
    crossed = _DERIVED.multiply(first.rate, second.rate)
    older = min(first.rate_on, second.rate_on)
    return first.model_copy(update={"quote": quote, "rate": crossed, "rate_on": older})
