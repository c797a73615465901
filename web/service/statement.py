"""What may be asked of statements: enter one, read what counts, read what was said before."""

from collections.abc import Sequence
from datetime import date

from domain.errors import NotFound
from domain.identity import Person
from domain.statement import Statement, StatementContent
from storage.attachment import Attachments
from storage.base import Records
from storage.statement import Statements
from web.service.clock import Clock
from web.service.customer import visible_customer
from web.service.permissions import Action, permit


class StatementService:
    """Statements, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def record(self, person: Person, customer_id: str, content: StatementContent) -> Statement:
        """Enter a statement as its period's newest version, with what follows from it derived.

        Refuses `StatementUnbalanced`, `StatementInFuture`, `FigureNegative`, and `NotFound` for a
        source document that is not on file.
        """
        permit(person, Action.STATEMENT_RECORD)
        statement = Statement(
            **content.model_dump(exclude={"source_hash"}),
            customer_id=customer_id,
            source=content.source_hash or f"entered by {person.person_id}",
        )
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            if content.source_hash is not None:
                Attachments(session).read(content.source_hash)
            return Statements(session).record(
                statement,
                business_on=self._clock.business_on(),
                recorded_by=person.person_id,
            )

    def list_statements(
        self, person: Person, customer_id: str, until: date | None = None
    ) -> Sequence[Statement]:
        """The version that counts of each period, oldest period first."""
        permit(person, Action.STATEMENT_READ)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            return Statements(session).find_newest(customer_id, until=until)

    def list_versions(
        self,
        person: Person,
        customer_id: str,
        period_end_on: date,
        *,
        consolidated: bool = False,
    ) -> Sequence[Statement]:
        """Every version of one period, oldest first; `NotFound` where there is none."""
        permit(person, Action.STATEMENT_READ)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            versions = Statements(session).versions(
                customer_id, period_end_on, consolidated=consolidated
            )
        if not versions:
            raise NotFound(kind="statement", id=f"{customer_id} {period_end_on}")
        return versions
