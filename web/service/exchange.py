"""What may be asked of exchange rates: enter one, see the table of a day, convert."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session

from domain.errors import DateInFuture
from domain.exchange import Conversion, Rate, RateKind
from domain.identity import Person
from domain.imports import Outcome
from domain.money import Money
from domain.notification import Channel
from domain.value import content_hash
from storage.application import Applications
from storage.base import Records
from storage.exchange import Rates
from storage.notification import Outbox
from storage.recheck import owe_recheck as orders_recheck
from web.service.clock import Clock
from web.service.permissions import Action, permit
from workflows.names import application_id


def tell_waiting_cases(session: Session, rates: Sequence[Rate]) -> None:
    """Rates that are new are told to the cases that wait for one, which look again for themselves,
    and orders that wait are looked at again."""
    said = content_hash([rate.model_dump(mode="json") for rate in rates])[:16]
    for case in Applications(session).lacking_a_rate() if rates else ():
        Outbox(session).post(
            Channel.TEMPORAL,
            f"{case.case_id}/rates/{said}",
            recipient=case.case_id,
            kind="signal",
            facts={"workflow_id": application_id(case.case_id), "name": "rates_recorded"},
            case_id=case.case_id,
        )
    if rates:
        orders_recheck(session, f"rates/{said}", "rate")


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
            if Rates(session).record(rate, recorded_by=person.person_id) is Outcome.CREATED:
                tell_waiting_cases(session, [rate])
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
