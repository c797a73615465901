"""What may be asked of name lists: which there are, who stands on them, put a name on one.

Clearing and confirming a hit belongs to its case: `web/service/application.py`.
"""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from domain.customer import Identifier
from domain.identity import Id, Person
from domain.screening import ListEntry, NameList
from domain.value import Value
from storage.application import Applications
from storage.base import Records
from storage.customer import Customers
from storage.line import Lines
from storage.screening import Lists
from web.service.clock import Clock
from web.service.permissions import Action, permit

_CASES_MAX = 200


class Touched(Value):
    """Whom a name that was put on a list concerns now (feature D3)."""

    entry: ListEntry
    customers: tuple[Id, ...]
    cases_open: tuple[Id, ...]
    lines: tuple[Id, ...]  # that have not ended


class ScreeningService:
    """Name lists, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def list_lists(self, person: Person) -> Sequence[NameList]:
        """Every list in its newest version."""
        permit(person, Action.SCREENING_READ)
        with self._records.begin() as session:
            return Lists(session).lists()

    def list_entries(self, person: Person, list_code: str) -> Sequence[ListEntry]:
        """All that stands on a list now."""
        permit(person, Action.SCREENING_READ)
        with self._records.begin() as session:
            return Lists(session).entries(list_code)

    def add(self, person: Person, entry: ListEntry) -> Touched:
        """Put a name on a list, as a further version of it, and say whom it touches.

        Refuses `AlreadyExists` where the version's name is taken.
        """
        permit(person, Action.SCREENING_RECORD)
        with self._records.begin() as session:
            Lists(session).add(
                entry,
                imported_on=self._clock.business_on(),
                source=f"entered by {person.person_id}",
                recorded_by=person.person_id,
            )
            return _touched(session, entry)

    def find_hits(self, person: Person, identifiers: Sequence[Identifier]) -> Sequence[ListEntry]:
        """The entries on any list that have one of these codes."""
        permit(person, Action.SCREENING_READ)
        with self._records.begin() as session:
            return Lists(session).find_hits(identifiers)


def _touched(session: Session, entry: ListEntry) -> Touched:
    found = Customers(session).find_by_identifier(entry.identifier)
    if found is None:
        return Touched(entry=entry, customers=(), cases_open=(), lines=())
    cases = Applications(session).list_page(page_size=_CASES_MAX, customer_id=found.customer_id)
    lines = Lines(session).list_of_customer(found.customer_id)
    return Touched(
        entry=entry,
        customers=(found.customer_id,),
        cases_open=tuple(case.case_id for case in cases if not case.status.ended),
        lines=tuple(line.line_id for line in lines if not line.status.ended),
    )
