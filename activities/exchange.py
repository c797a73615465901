"""Conversions into the reporting currency at the dated rates that policy names."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy.orm import Session

from domain.assessment import RateUsed
from domain.edition import PolicyEdition
from domain.exchange import Rate, RateKind, convert
from domain.money import Money, money_sum
from storage.exchange import Rates


class Exchange:
    """Conversions into the reporting currency on one day, and the rates they used."""

    def __init__(self, session: Session, edition: PolicyEdition, on: date) -> None:
        self._rates = Rates(session)
        self._quote = edition.reporting_currency
        self._kind = RateKind(edition.exchange.rate_kind)
        self._on = on
        self._read: dict[str, Rate] = {}

    def reporting(self, amount: Money) -> Money:
        """The amount in the reporting currency; a currency's rate is read once."""
        base = amount.currency
        if base == self._quote:
            return amount
        if base not in self._read:
            self._read[base] = self._rates.read(base, self._quote, on=self._on, kind=self._kind)
        return convert(amount, self._read[base]).amount

    def reporting_sum(self, amounts: Iterable[Money]) -> Money:
        return money_sum(map(self.reporting, amounts), self._quote)

    @property
    def rates_used(self) -> tuple[RateUsed, ...]:
        rates = (self._read[currency] for currency in sorted(self._read))
        return tuple(
            RateUsed(
                base=rate.base,
                quote=rate.quote,
                rate=rate.rate,
                kind=rate.kind,
                rate_on=rate.rate_on,
            )
            for rate in rates
        )
