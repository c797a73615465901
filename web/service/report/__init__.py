"""What may be asked of external reports: agree to them, have one pulled, read them and the log."""

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy.orm import Session

from domain.customer import CreditEvent, CreditEventType, Customer
from domain.edition import ReportRow
from domain.errors import (
    AuthorisationMissing,
    DateInFuture,
    NotFound,
    ReportStale,
    ReportUnavailable,
)
from domain.identity import Person
from domain.report import (
    Authorisation,
    AuthorisationContent,
    ExternalReport,
    ProviderUnavailable,
    QueryOutcome,
    ReportContent,
    ReportProvider,
    ReportQuery,
)
from domain.value import Value, canonical
from storage.attachment import Attachments
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions
from storage.report import Reports
from web.service.clock import Clock
from web.service.customer import visible_customer
from web.service.ids import new_id
from web.service.permissions import Action, permit

__all__ = ["Pulled", "ReportService"]


class Pulled(Value):
    """A report that may be relied on, where it came from, and who was asked before."""

    report: ExternalReport
    on_file: bool  # whether it was there already, so that nobody was asked
    tried: dict[str, QueryOutcome] = {}  # by provider, in the order they were asked


class ReportService:
    """External reports, over one memory and the providers that this installation knows."""

    def __init__(
        self, records: Records, clock: Clock, providers: Mapping[str, ReportProvider]
    ) -> None:
        self._records = records
        self._clock = clock
        self._providers = providers

    def authorise(
        self, person: Person, customer_id: str, content: AuthorisationContent
    ) -> Authorisation:
        """Put a customer's written agreement on file; refuses `DateInFuture`, and `NotFound` for
        a document that is not there."""
        permit(person, Action.REPORT_AUTHORISE)
        today = self._clock.business_on()
        if content.signed_on > today:
            raise DateInFuture(field="signed_on", date=content.signed_on, business_on=today)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            Attachments(session).read(content.evidence_hash)
            return Reports(session).record_authorisation(
                Authorisation(
                    **content.model_dump(),
                    authorisation_id=new_id(),
                    customer_id=customer_id,
                    recorded_by=person.person_id,
                )
            )

    def pull(self, person: Person, customer_id: str, kind: str, purpose: str) -> Pulled:
        """The report on file while it is young enough, else the first one a provider gives.

        Refuses `NotFound` for a kind the edition does not know, `AuthorisationMissing`,
        `ReportStale` where all that there is is too old, `ReportUnavailable`.
        """
        permit(person, Action.REPORT_PULL)
        with self._records.begin() as session:
            customer = visible_customer(session, person, customer_id)
            row = self._row(session, kind)
            asking = _Asking(self, session, person, customer, row, purpose)
            return asking.on_file() or asking.asked()

    def list_kinds(self, person: Person) -> Sequence[ReportRow]:
        """The kinds of report that the edition in force knows, each with whom it is asked of."""
        permit(person, Action.REPORT_READ)
        with self._records.begin() as session:
            return self._rows(session)

    def list_authorisations(self, person: Person, customer_id: str) -> Sequence[Authorisation]:
        permit(person, Action.REPORT_READ)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            return Reports(session).authorisations(customer_id)

    def list_reports(self, person: Person, customer_id: str) -> Sequence[ExternalReport]:
        permit(person, Action.REPORT_READ)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            return Reports(session).list_of(customer_id)

    def list_queries(self, person: Person, customer_id: str) -> Sequence[ReportQuery]:
        """Who asked whom about the customer, and what came of it, oldest first."""
        permit(person, Action.REPORT_READ)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            return Reports(session).queries(customer_id)

    def business_on(self) -> date:
        return self._clock.business_on()

    def provider(self, name: str) -> ReportProvider | None:
        return self._providers.get(name)

    def note(self, query: ReportQuery) -> None:
        """Log a query in a transaction of its own: it was made, whatever becomes of the request."""
        with Records.begin(self._records) as session:
            Reports(session).post_query(query)

    def _row(self, session: Session, kind: str) -> ReportRow:
        for row in self._rows(session):
            if row.kind == kind:
                return row
        raise NotFound(kind="report kind", id=kind)

    def _rows(self, session: Session) -> Sequence[ReportRow]:
        edition = Editions(session).find_current(self.business_on())
        return edition.reports if edition is not None else ()


class _Asking:
    """One request for a report, from authority to answer."""

    def __init__(
        self,
        service: ReportService,
        session: Session,
        person: Person,
        customer: Customer,
        row: ReportRow,
        purpose: str,
    ) -> None:
        self._service = service
        self._session = session
        self._person = person
        self._customer = customer
        self._row = row
        self._purpose = purpose
        self._on = service.business_on()
        self._authorisation_id = self._authority()

    def on_file(self) -> Pulled | None:
        """The newest report while it counts; nobody is asked."""
        reports = Reports(self._session)
        found = reports.find_newest(self._customer.customer_id, self._row.kind, self._on)
        if found is None or not found.fresh(self._on, self._row.age_days_max):
            return None
        self._note(found.provider, QueryOutcome.ON_FILE)
        return Pulled(report=found, on_file=True)

    def asked(self) -> Pulled:
        """The first report a provider gives that is young enough, in the edition's order."""
        tried: dict[str, QueryOutcome] = {}
        newest: date | None = None
        for name in self._row.providers:
            self._note(name, QueryOutcome.ASKED)
            outcome, content = self._ask(name)
            self._note(name, outcome)
            tried[name] = outcome
            if content is not None and outcome is QueryOutcome.FOUND:
                return Pulled(report=self._kept(name, content), on_file=False, tried=tried)
            if content is not None:
                newest = max(newest or content.reported_on, content.reported_on)
        known = Reports(self._session).find_newest(
            self._customer.customer_id, self._row.kind, self._on
        )
        days = [day for day in (newest, known.reported_on if known else None) if day is not None]
        if days:
            raise ReportStale(
                kind=self._row.kind, reported_on=max(days), age_days_max=self._row.age_days_max
            )
        answers = ", ".join(f"{name} {outcome}" for name, outcome in tried.items())
        raise ReportUnavailable(kind=self._row.kind, tried=answers)

    def _authority(self) -> str | None:
        if not self._row.authorisation_needed:
            return None
        for each in Reports(self._session).authorisations(self._customer.customer_id):
            if each.holds(self._on):
                return each.authorisation_id
        raise AuthorisationMissing(customer_id=self._customer.customer_id, date=self._on)

    def _ask(self, name: str) -> tuple[QueryOutcome, ReportContent | None]:
        provider = self._service.provider(name)
        try:
            content = provider.fetch_report(self._customer, self._row.kind) if provider else None
        except ProviderUnavailable:
            return QueryOutcome.OUTAGE, None
        if provider is None:
            return QueryOutcome.OUTAGE, None
        if content is None or content.reported_on > self._on:
            return QueryOutcome.NONE, None
        age = (self._on - content.reported_on).days
        stale = age > self._row.age_days_max
        return (QueryOutcome.STALE if stale else QueryOutcome.FOUND), content

    def _kept(self, provider: str, content: ReportContent) -> ExternalReport:
        """The report on record, its text as evidence, and the event in the credit history."""
        by, customer_id = self._person.person_id, self._customer.customer_id
        text = content.text or canonical(content.model_dump(mode="json"))
        name = f"{self._row.kind}-{provider}-{content.reported_on}.txt"
        evidence = Attachments(self._session).record(text.encode(), name=name, recorded_by=by)
        report = Reports(self._session).record(
            ExternalReport(
                report_id=new_id(),
                customer_id=customer_id,
                kind=self._row.kind,
                provider=provider,
                reported_on=content.reported_on,
                pulled_on=self._on,
                figures=content.figures,
                evidence_hash=evidence.sha256,
                authorisation_id=self._authorisation_id,
                recorded_by=by,
            )
        )
        Customers(self._session).record_event(
            CreditEvent(
                event_id=report.report_id,
                customer_id=customer_id,
                event_type=CreditEventType.BUREAU_REPORT,
                occurred_on=content.reported_on,
                evidence_hash=evidence.sha256,
                note=f"{self._row.kind} {provider}",
                recorded_by=by,
            )
        )
        return report

    def _note(self, provider: str, outcome: QueryOutcome) -> None:
        self._service.note(
            ReportQuery(
                query_id=new_id(),
                customer_id=self._customer.customer_id,
                kind=self._row.kind,
                provider=provider,
                outcome=outcome,
                purpose=self._purpose,
                authorisation_id=self._authorisation_id,
                business_on=self._on,
                asked_by=self._person.person_id,
            )
        )
