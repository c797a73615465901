"""Requests on record, the cases they became, their receipts, and what happened to each.

An intake row is a request; the case's row is written by its workflow's activities alone, under the
status it is expected to have, so that a stale writer fails instead of overwriting.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from domain.application import Application, Case, CaseStatus
from domain.assessment import Assessment
from domain.errors import CaseClosed, KeyReused, NotFound, OutOfOrder, Withdrawn
from domain.screening import Screening
from domain.value import content_hash
from storage.base import Row, recorded_at
from storage.customer import CustomerRow


class IntakeRow(Row):
    __tablename__ = "intake"

    case_id: Mapped[str] = mapped_column(primary_key=True)
    caller: Mapped[str]
    key: Mapped[str]
    body_hash: Mapped[str]
    body: Mapped[dict[str, Any]]
    subject_key: Mapped[str]
    business_on: Mapped[date]
    received_at: Mapped[datetime]
    started: Mapped[bool]
    closed_at: Mapped[datetime | None]


class ApplicationRow(Row):
    __tablename__ = "application"

    case_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    application_type: Mapped[str]
    limit_requested_minor: Mapped[int]
    currency: Mapped[str]
    status: Mapped[str]
    applicant: Mapped[str]
    last_editor: Mapped[str]
    edition_hash: Mapped[str]
    letter_no: Mapped[str | None]
    line_id: Mapped[str | None]
    submitted_at: Mapped[datetime]
    business_on: Mapped[date]
    ended_at: Mapped[datetime | None]
    version: Mapped[int]
    body: Mapped[dict[str, Any]]  # the application as it stands
    missing: Mapped[list[str]]
    reason_codes: Mapped[list[str]]


class CaseEventRow(Row):
    __tablename__ = "case_event"

    event_no: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[str]
    kind: Mapped[str]
    person_id: Mapped[str]
    facts: Mapped[dict[str, Any]]
    message_id: Mapped[str | None]
    message_hash: Mapped[str]
    occurred_at: Mapped[datetime]


class AssessmentRow(Row):
    __tablename__ = "assessment"

    subject_id: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    edition_hash: Mapped[str]
    grade: Mapped[str]
    receipt: Mapped[dict[str, Any]]
    receipt_hash: Mapped[str]
    recorded_at: Mapped[datetime]


class ScreeningRow(Row):
    __tablename__ = "screening"

    screening_no: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    case_id: Mapped[str | None]
    business_on: Mapped[date]
    outcome: Mapped[str]  # clear, stop, suspend; cleared, confirmed after a disposition
    body: Mapped[dict[str, Any]]
    disposed_by: Mapped[str | None]
    reason: Mapped[str]
    recorded_at: Mapped[datetime]


class Intakes:
    """Requests that callers made, each once under its key."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(
        self,
        case_id: str,
        application: Application,
        *,
        caller: str,
        key: str,
        business_on: date,
        received_at: datetime,
    ) -> tuple[str, bool]:
        """The case id of this request, and whether it is new.

        The same key and body give the first case; the same key with another body refuses
        `KeyReused`; another key while a case is open on the same customer and limit gives that case.
        """
        body = application.model_dump(mode="json")
        hash_ = content_hash(body)
        subject_key = subject_of(application)
        self._session.execute(
            insert(IntakeRow)
            .values(
                case_id=case_id,
                caller=caller,
                key=key,
                body_hash=hash_,
                body=body,
                subject_key=subject_key,
                business_on=business_on,
                received_at=received_at,
                started=False,
            )
            .on_conflict_do_nothing()
        )
        first = self._session.scalar(
            select(IntakeRow).where(IntakeRow.caller == caller, IntakeRow.key == key)
        )
        if first is not None:
            if first.body_hash != hash_:
                raise KeyReused(key=key)
            return first.case_id, first.case_id == case_id
        open_case = self._session.scalar(
            select(IntakeRow.case_id).where(
                IntakeRow.subject_key == subject_key, IntakeRow.closed_at.is_(None)
            )
        )
        if open_case is None:  # it ended between the two statements; the caller may send it again
            raise OutOfOrder(reason="the case that was open has just ended; send it again")
        return open_case, False

    def read(self, case_id: str) -> tuple[Application, str, date, datetime]:
        """The request, its caller, its business date and its arrival."""
        row = self._session.get(IntakeRow, case_id)
        if row is None:
            raise NotFound(kind="application", id=case_id)
        return (
            Application.model_validate(row.body),
            row.caller,
            row.business_on,
            row.received_at,
        )

    def find_unstarted(self, before: datetime, most: int) -> Sequence[str]:
        """Requests older than `before` that no workflow has taken up."""
        return self._session.scalars(
            select(IntakeRow.case_id)
            .where(IntakeRow.started.is_(False), IntakeRow.received_at < before)
            .order_by(IntakeRow.received_at)
            .limit(most)
        ).all()

    def mark_started(self, case_id: str) -> None:
        self._session.execute(
            update(IntakeRow).where(IntakeRow.case_id == case_id).values(started=True)
        )

    def close(self, case_id: str, at: datetime) -> None:
        """The case has ended; another may be opened on the same customer and limit."""
        self._session.execute(
            update(IntakeRow)
            .where(IntakeRow.case_id == case_id, IntakeRow.closed_at.is_(None))
            .values(closed_at=at, started=True)
        )


def subject_of(application: Application) -> str:
    """What only one open case may be about: the customer's new line, or one existing line."""
    return f"{application.customer_id}|{application.line_id or application.product}"


class Applications:
    """Cases under way and ended. Their workflow is the only writer."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, case: Case) -> bool:
        """Write the case unless it is on record; whether it was written now."""
        written = self._session.execute(
            insert(ApplicationRow)
            .values(**_columns_of(case))
            .on_conflict_do_nothing()
            .returning(ApplicationRow.case_id)
        ).first()
        return written is not None

    def read(self, case_id: str, *, for_update: bool = False) -> Case:
        case = self.find(case_id, for_update=for_update)
        if case is None:
            raise NotFound(kind="application", id=case_id)
        return case

    def find(self, case_id: str, *, for_update: bool = False) -> Case | None:
        query = select(ApplicationRow).where(ApplicationRow.case_id == case_id)
        row = self._session.scalar(query.with_for_update() if for_update else query)
        return _case_of(row) if row else None

    def read_open(self, case_id: str) -> Case:
        """The case, locked; refuses `Withdrawn` or `CaseClosed` when it has ended."""
        case = self.read(case_id, for_update=True)
        if case.status is CaseStatus.WITHDRAWN:
            raise Withdrawn(case_id=case_id)
        if case.status.ended:
            raise CaseClosed(case_id=case_id, status=case.status)
        return case

    def write(self, before: Case, after: Case) -> Case:
        """Replace the case, provided it is still as `before` says; refuses `OutOfOrder`."""
        changed = after.model_copy(update={"version": before.version + 1})
        written = self._session.execute(
            update(ApplicationRow)
            .where(
                ApplicationRow.case_id == before.case_id, ApplicationRow.version == before.version
            )
            .values(**_columns_of(changed))
            .returning(ApplicationRow.case_id)
        ).first()
        if written is None:
            raise OutOfOrder(reason="the case was changed by something else meanwhile")
        return changed

    def list_page(
        self,
        *,
        page_size: int = 50,
        after: tuple[datetime, str] | None = None,
        status: CaseStatus | None = None,
        customer_id: str | None = None,
        manager_id: str | None = None,
        text: str | None = None,
    ) -> Sequence[Case]:
        """Newest first; `after` is the `(submitted_at, case_id)` of the last row seen."""
        query = select(ApplicationRow).order_by(
            ApplicationRow.submitted_at.desc(), ApplicationRow.case_id.desc()
        )
        conditions: list[ColumnElement[bool]] = []
        if after is not None:
            keys = tuple_(ApplicationRow.submitted_at, ApplicationRow.case_id)
            conditions.append(keys < after)
        if status is not None:
            conditions.append(ApplicationRow.status == status)
        if customer_id is not None:
            conditions.append(ApplicationRow.customer_id == customer_id)
        if manager_id is not None:
            conditions.append(owned_by(ApplicationRow.customer_id, manager_id))
        if text:
            conditions.append(or_(ApplicationRow.case_id == text, ApplicationRow.letter_no == text))
        rows = self._session.scalars(query.where(*conditions).limit(page_size))
        return [_case_of(row) for row in rows]

    def counts(self) -> dict[CaseStatus, int]:
        """How many cases stand where; every case is counted once."""
        rows = self._session.execute(
            select(ApplicationRow.status, func.count()).group_by(ApplicationRow.status)
        )
        return {CaseStatus(status): count for status, count in rows}


class CaseEvents:
    """What happened to a case, in order; only ever added to."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def post(
        self,
        case_id: str,
        kind: str,
        *,
        person_id: str = "system",
        at: datetime,
        message_id: str | None = None,
        message_hash: str = "",
        **facts: str,
    ) -> bool:
        """Add one event; one message adds one. False when the message was there before."""
        written = self._session.execute(
            insert(CaseEventRow)
            .values(
                case_id=case_id,
                kind=kind,
                person_id=person_id,
                facts=facts,
                message_id=message_id,
                message_hash=message_hash,
                occurred_at=at,
            )
            .on_conflict_do_nothing()
            .returning(CaseEventRow.event_no)
        ).first()
        return written is not None

    def find_message(self, message_id: str) -> str | None:
        """The content hash of a message that was taken before; None where it was not."""
        return self._session.scalar(
            select(CaseEventRow.message_hash).where(CaseEventRow.message_id == message_id)
        )

    def list_all(self, case_id: str) -> list[dict[str, Any]]:
        rows = self._session.scalars(
            select(CaseEventRow)
            .where(CaseEventRow.case_id == case_id)
            .order_by(CaseEventRow.event_no)
        )
        return [
            {
                "at": row.occurred_at,
                "kind": row.kind,
                "person_id": row.person_id,
                "facts": row.facts,
            }
            for row in rows
        ]


class Assessments:
    """Receipts of judgements, numbered per subject; never changed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, assessment: Assessment) -> int:
        """Write the receipt as the subject's newest; the same content again is not written twice."""
        newest = self._newest_row(assessment.case_id)
        receipt_hash = assessment.receipt_hash
        if newest is not None and newest.receipt_hash == receipt_hash:
            return newest.n
        n = newest.n + 1 if newest else 1
        self._session.execute(
            insert(AssessmentRow).values(
                subject_id=assessment.case_id,
                n=n,
                customer_id=assessment.dossier.customer.customer_id,
                edition_hash=assessment.edition_hash,
                grade=assessment.rating.grade,
                receipt=assessment.model_dump(mode="json"),
                receipt_hash=receipt_hash,
                recorded_at=recorded_at(),
            )
        )
        return n

    def find(self, subject_id: str) -> Assessment | None:
        """The newest receipt of a case or review."""
        row = self._newest_row(subject_id)
        return Assessment.model_validate(row.receipt) if row else None

    def read(self, subject_id: str) -> Assessment:
        assessment = self.find(subject_id)
        if assessment is None:
            raise NotFound(kind="assessment", id=subject_id)
        return assessment

    def find_hash(self, subject_id: str) -> str | None:
        """The hash on record of the newest receipt, as it was when it was written."""
        row = self._newest_row(subject_id)
        return row.receipt_hash if row else None

    def find_newest_of_customer(self, customer_id: str) -> Assessment | None:
        row = self._session.scalar(
            select(AssessmentRow)
            .where(AssessmentRow.customer_id == customer_id)
            .order_by(AssessmentRow.recorded_at.desc())
            .limit(1)
        )
        return Assessment.model_validate(row.receipt) if row else None

    def _newest_row(self, subject_id: str) -> AssessmentRow | None:
        return self._session.scalar(
            select(AssessmentRow)
            .where(AssessmentRow.subject_id == subject_id)
            .order_by(AssessmentRow.n.desc())
            .limit(1)
        )


class Screenings:
    """Every look at the lists, and what was done about its hits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, screening: Screening, case_id: str | None) -> None:
        self._session.execute(
            insert(ScreeningRow).values(
                customer_id=screening.customer_id,
                case_id=case_id,
                business_on=screening.business_on,
                outcome=screening.effect or "clear",
                body=screening.model_dump(mode="json"),
                reason="",
                recorded_at=recorded_at(),
            )
        )

    def dispose(self, case_id: str, *, cleared: bool, person_id: str, reason: str) -> None:
        """Clear or confirm the hits that suspend a case; the hits themselves stay on record."""
        self._session.execute(
            update(ScreeningRow)
            .where(ScreeningRow.case_id == case_id, ScreeningRow.outcome == "suspend")
            .values(
                outcome="cleared" if cleared else "confirmed",
                disposed_by=person_id,
                reason=reason,
            )
        )

    def find_newest(self, customer_id: str) -> tuple[Screening, str] | None:
        """The newest screening of a customer and its outcome."""
        row = self._session.scalar(
            select(ScreeningRow)
            .where(ScreeningRow.customer_id == customer_id)
            .order_by(ScreeningRow.screening_no.desc())
            .limit(1)
        )
        return (Screening.model_validate(row.body), row.outcome) if row else None

    def list_of_case(self, case_id: str) -> list[tuple[Screening, str, str | None, str]]:
        rows = self._session.scalars(
            select(ScreeningRow)
            .where(ScreeningRow.case_id == case_id)
            .order_by(ScreeningRow.screening_no)
        )
        return [
            (Screening.model_validate(row.body), row.outcome, row.disposed_by, row.reason)
            for row in rows
        ]


def owned_by(customer_id: InstrumentedAttribute[str], manager_id: str) -> ColumnElement[bool]:
    """Rows of the customers that a relationship manager owns."""
    return customer_id.in_(
        select(CustomerRow.customer_id).where(CustomerRow.manager_id == manager_id)
    )


def _columns_of(case: Case) -> dict[str, Any]:
    application = case.application
    return {
        "case_id": case.case_id,
        "customer_id": application.customer_id,
        "application_type": application.application_type,
        "limit_requested_minor": application.limit_requested.minor,
        "currency": application.limit_requested.currency,
        "status": case.status,
        "applicant": case.applicant,
        "last_editor": case.last_editor,
        "edition_hash": case.edition_hash,
        "letter_no": case.letter_no,
        "line_id": case.line_id,
        "submitted_at": case.submitted_at,
        "business_on": case.business_on,
        "ended_at": case.ended_at,
        "version": case.version,
        "body": application.model_dump(mode="json"),
        "missing": list(case.missing),
        "reason_codes": list(case.reason_codes),
    }


def _case_of(row: ApplicationRow) -> Case:
    return Case(
        case_id=row.case_id,
        application=Application.model_validate(row.body),
        status=CaseStatus(row.status),
        applicant=row.applicant,
        last_editor=row.last_editor,
        missing=tuple(row.missing),
        reason_codes=tuple(row.reason_codes),
        edition_hash=row.edition_hash,
        letter_no=row.letter_no,
        line_id=row.line_id,
        submitted_at=row.submitted_at,
        business_on=row.business_on,
        ended_at=row.ended_at,
        version=row.version,
    )
