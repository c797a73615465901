"""What may be asked of exchange rates: enter one, see the table of a day, convert."""

from collections.abc import Sequence
from datetime import date

from domain.errors import DateInFuture
from domain.exchange import Conversion, Rate, RateKind
from domain.identity import Person
from domain.money import Money
from storage.base import Records
from storage.exchange import Rates
from web.service.clock import Clock
from web.service.permissions import Action, permit


class RateService:
    """Exchange rates, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def record(self, person: Person, rate: Rate) -> Rate:
        """Enter a rate once; refuses `AlreadyExists` for that day's with another figure."""
        permit(person, Action.RATE_RECORD)
        today = self._clock.business_on()
        if rate.rate_on > today:
            raise DateInFuture(field="rate_on", date=rate.rate_on, business_on=today)
        with self._records.begin() as session:
            Rates(session).record(rate, recorded_by=person.person_id)
        return rate

    def list_rates(
        self, person: Person, *, on: date | None = None, base: str | None = None
    ) -> Sequence[Rate]:
        """The newest rate of each pair and kind on or before a day (today, unless said)."""
        permit(person, Action.RATE_READ)
        with self._records.begin() as session:
            return Rates(session).find_page(on=on or self._clock.business_on(), base=base)

    def convert(
        self,
        person: Person,
        amount: Money,
        quote: str,
        *,
        on: date | None = None,
        kind: RateKind = RateKind.SPOT,
    ) -> Conversion:
        """The amount in another currency and the rate used; refuses `RateMissing`."""
        permit(person, Action.RATE_READ)
        with self._records.begin() as session:
            day = on or self._clock.business_on()
            return Rates(session).convert(amount, quote, on=day, kind=kind)
