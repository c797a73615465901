"""What may be asked of the register of the grantor's related parties, and their disclosure."""

from collections.abc import Sequence
from datetime import date, timedelta

from pydantic import Field

from activities.exchange import Exchange
from activities.related import related_customers
from domain.calendar import day_begins_at
from domain.errors import DateInFuture, NotFound
from domain.identity import Person
from domain.related import Disclosed, Disclosure, RelatedContent, RelatedStanding
from domain.value import Value
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions
from storage.identity import Persons
from storage.party import Parties
from storage.related import RelatedParties
from web.service.clock import Clock
from web.service.ids import new_id
from web.service.permissions import Action, permit


class EntryChecked(Value):
    """A second person's word on the version that was read."""

    version: int = Field(ge=1)
    accepted: bool
    note: str = Field(default="", max_length=2000)


class RelatedService:
    """The register, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def list_entries(
        self, person: Person, *, after: str | None = None, page_size: int = 50
    ) -> Sequence[RelatedStanding]:
        """Every entry by id: its newest version, the word on it, and the version that counts."""
        permit(person, Action.RELATED_READ)
        with self._records.begin() as session:
            return RelatedParties(session).list_page(after or "", page_size)

    def read_entry(self, person: Person, entry_id: str) -> RelatedStanding:
        permit(person, Action.RELATED_READ)
        with self._records.begin() as session:
            return RelatedParties(session).read(entry_id)

    def record(
        self, person: Person, content: RelatedContent, entry_id: str | None = None
    ) -> RelatedStanding:
        """Put an entry on record, or with its id what is known better of it; it counts once a
        second person accepts it. Refuses `NotFound` for a party or a person we do not know."""
        permit(person, Action.RELATED_RECORD)
        with self._records.begin() as session:
            subject = [content.subject]
            if not Customers(session).find_many(subject) and not Parties(session).find_many(
                subject
            ):
                raise NotFound(kind="party", id=content.subject)
            for member in content.members:
                Persons(session).read_person(member)
            if entry_id is not None:
                RelatedParties(session).read(entry_id)
            return RelatedParties(session).record(content, entry_id or new_id(), person.person_id)

    def check(self, person: Person, entry_id: str, checked: EntryChecked) -> RelatedStanding:
        """Accept or reject the newest version; refuses `SameHands` to whoever wrote it,
        `StaleContent` where another version was read, and `AlreadyDecided`."""
        permit(person, Action.RELATED_CHECK)
        with self._records.begin() as session:
            return RelatedParties(session).check(
                entry_id,
                checked.version,
                person.person_id,
                accepted=checked.accepted,
                note=checked.note,
            )

    def disclosure(self, person: Person, as_of: date | None = None) -> Disclosure:
        """Every related party with credit as of a day: limits, use, terms, letters, body.

        Refuses `DateInFuture`, and `RateMissing` where an amount cannot be put in the reporting
        currency.
        """
        permit(person, Action.RELATED_READ)
        today = self._clock.business_on()
        on = as_of or today
        if on > today:
            raise DateInFuture(field="as_of", date=on, business_on=today)
        with self._records.begin() as session:
            edition = Editions(session).read_current(on)
            entries = related_customers(session, edition, on)
            over_at = day_begins_at(on + timedelta(days=1), self._clock.offset_days)
            lines = RelatedParties(session).lines_as_of(entries, on, over_at)
            names = Customers(session).find_many(lines)
            exchange = Exchange(session, edition, on)
            held = [line for each in lines.values() for line in each]
            return Disclosure(
                as_of=on,
                customers=tuple(
                    Disclosed(
                        customer_id=customer_id,
                        name=names[customer_id].name,
                        entries=tuple(entries[customer_id]),
                        lines=tuple(found),
                    )
                    for customer_id, found in lines.items()
                ),
                limits=exchange.reporting_sum(line.limit for line in held),
                used=exchange.reporting_sum(line.used for line in held),
            )
