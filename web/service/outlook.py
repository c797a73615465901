"""What may be asked of the market environment: what an edition changes in the book, and on which lines.

Asking changes nothing. The affected lines are judged anew by a re-rating of their industries
(`rerating.py`), and what that says of a limit goes to people through reviews.
"""

from collections.abc import Sequence
from datetime import date

from domain.identity import Person
from domain.outlook import AffectedBook, AffectedLine, OutlookChange
from domain.value import Value
from policies.outlook import outlook_changes
from storage.base import Records
from storage.edition import Editions
from storage.outlook import IndustryLines
from web.service.clock import Clock
from web.service.permissions import Action, permit


class OutlookEffect(Value):
    """A change of an industry's outlook, and the lines in force that it is about."""

    change: OutlookChange
    book: AffectedBook
    in_force: bool  # its day has come, under the edition that is in force


class OutlookView(Value):
    """The changes that an edition makes, by day."""

    edition_hash: str
    effective_on: date
    effects: tuple[OutlookEffect, ...]


class OutlookService:
    """The market environment, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def read(self, person: Person, edition_hash: str | None = None) -> OutlookView:
        """What an edition changes in the book; the one in force today unless one is named."""
        permit(person, Action.RERATING_READ)
        today = self._clock.business_on()
        with self._records.begin() as session:
            editions = Editions(session)
            current = editions.find_current(today)
            edition = (
                editions.read_current(today)
                if edition_hash is None
                else editions.read(edition_hash)
            )
            changes = outlook_changes(edition, editions.find_before(edition))
            books = IndustryLines(session).sums(sorted({each.industry for each in changes}))
        holds = current is not None and current.edition_hash == edition.edition_hash
        return OutlookView(
            edition_hash=edition.edition_hash,
            effective_on=edition.effective_on,
            effects=tuple(
                OutlookEffect(
                    change=each,
                    book=books.get(each.industry, AffectedBook(industry=each.industry)),
                    in_force=holds and each.on <= today,
                )
                for each in changes
            ),
        )

    def list_lines(
        self, person: Person, industry: str, *, after: str | None = None, page_size: int = 50
    ) -> Sequence[AffectedLine]:
        """The lines in force of an industry by id, from above `after`."""
        permit(person, Action.RERATING_READ)
        with self._records.begin() as session:
            return IndustryLines(session).find_page((industry,), after, page_size)
