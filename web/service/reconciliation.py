"""What may be asked of system reconciliation: bring an extract and compare it, read, close a finding."""

from collections.abc import Sequence
from datetime import date

from activities.reconciliation import reconcile
from domain.errors import DateInFuture, FieldMissing, NotFound
from domain.identity import Person
from domain.imports import ImportKind, ImportMode, ImportReport
from domain.reconciliation import Reconciliation, ReconciliationFinding
from domain.value import Value, content_hash
from storage.base import Records
from storage.reconciliation import Reconciliations
from web.service.clock import Clock
from web.service.customer import refuse_unseen
from web.service.ids import new_id
from web.service.imports import import_csv
from web.service.permissions import Action, permit, permitted, visible_to


class Reconciled(Value):
    """What became of the extract's rows, and what comparing it came to; None in a dry run."""

    report: ImportReport
    reconciliation: Reconciliation | None


class ReconciliationService:
    """Extracts of other systems, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def reconcile(
        self,
        person: Person,
        content: bytes,
        *,
        as_of: date | None = None,
        profile: str = "standard",
        dry_run: bool = False,
    ) -> Reconciled:
        """Bring in an extract as of a day (today, unless said) and compare it, row by row.

        A row that cannot be read is refused in the report, and its document is missing from the
        extract. Refuses `DateInFuture` and what an import refuses of a file.
        """
        permit(person, Action.RECONCILIATION_RUN)
        today = self._clock.business_on()
        on = as_of or today
        if on > today:
            raise DateInFuture(field="as_of", date=on, business_on=today)
        with self._records.begin() as session:
            report = import_csv(
                session,
                ImportKind.OPEN_ITEMS,
                content,
                profile=profile,
                dry_run=dry_run,
                mode=ImportMode.PER_ROW,
                business_on=on,
                person=person,
            )
            if dry_run:
                return Reconciled(report=report, reconciliation=None)
            extract_id = content_hash([f"import {report.sha256[:12]}", on.isoformat()])[:32]
            compared = reconcile(
                session, new_id(), extract_id, on=today, person_id=person.person_id
            )
        return Reconciled(report=report, reconciliation=_told(person, compared))

    def run(self, person: Person) -> Reconciliation:
        """Compare the newest extract with the books as they are now; `NotFound` where none is."""
        permit(person, Action.RECONCILIATION_RUN)
        with self._records.begin() as session:
            newest = Reconciliations(session).find_newest()
            if newest is None:
                raise NotFound(kind="extract", id="newest")
            compared = reconcile(
                session,
                new_id(),
                newest[0],
                on=self._clock.business_on(),
                person_id=person.person_id,
            )
        return _told(person, compared)

    def list_reconciliations(
        self, person: Person, *, before: str | None = None, page_size: int = 50
    ) -> Sequence[Reconciliation]:
        """What comparisons came to, newest first, from below one's id."""
        permit(person, Action.RECONCILIATION_READ)
        with self._records.begin() as session:
            return Reconciliations(session).find_page(before=before, page_size=page_size)

    def read_reconciliation(self, person: Person, reconciliation_id: str) -> Reconciliation:
        permit(person, Action.RECONCILIATION_READ)
        with self._records.begin() as session:
            return Reconciliations(session).read(reconciliation_id)

    def list_findings(self, person: Person) -> Sequence[ReconciliationFinding]:
        """What is still to be cleared up on the customers the person sees, earliest due first."""
        permit(person, Action.RECEIVABLE_READ)
        with self._records.begin() as session:
            return Reconciliations(session).find_open(manager_id=visible_to(person).manager_id)

    def close_finding(self, person: Person, finding_id: str, reason: str) -> ReconciliationFinding:
        """Say why a drift is none, or is no more. Refuses `AlreadyExists` for another reason."""
        permit(person, Action.RECONCILIATION_CLOSE)
        if not reason.strip():
            raise FieldMissing(column="reason")
        with self._records.begin() as session:
            finding = Reconciliations(session).read_finding(finding_id)
            whose, kind = finding.customer_id, "reconciliation finding"
            refuse_unseen(session, person, whose, kind=kind, id=finding_id)
            return Reconciliations(session).close(
                finding_id,
                reason=reason.strip(),
                closed_on=self._clock.business_on(),
                closed_by=person.person_id,
            )


def _told(person: Person, compared: Reconciliation) -> Reconciliation:
    """A comparison shows the whole book: who runs it and reads none is told what it counted."""
    if permitted(person, Action.RECONCILIATION_READ):
        return compared
    return compared.model_copy(update={"customers": (), "items": ()})
