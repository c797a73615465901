"""Cases under way and ended: written by their workflow's steps alone."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    bindparam,
    cast,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.application import Application, Case, CaseStatus
from domain.errors import CaseClosed, NotFound, OutOfOrder, Withdrawn
from domain.event import ApplicationStatusChanged
from domain.exchange import EXCHANGE_RATE
from domain.external_rating import EXTERNAL_RATING
from domain.money import Money
from storage.base import Row, table_of
from storage.customer import of_customer, owned_by
from storage.event import Events


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


_CASE = table_of(ApplicationRow)
_RECORD = insert(_CASE).on_conflict_do_nothing().returning(_CASE.c.case_id)
_WRITE = (
    update(_CASE)
    .where(_CASE.c.case_id == bindparam("of_case"), _CASE.c.version == bindparam("version_before"))
    .returning(_CASE.c.case_id)
)


class Request(NamedTuple):
    """What a case asks for, or was granted and is not in force: by whom, on which line."""

    case_id: str
    customer_id: str
    line_id: str | None
    limit: Money


_REQUESTS = text(
    "SELECT a.case_id, a.customer_id, a.body ->> 'line_id' AS line_id,"
    " coalesce(l.limit_minor, a.limit_requested_minor) AS minor, coalesce(l.currency, a.currency)"
    " FROM application a LEFT JOIN letter l ON l.letter_no = a.letter_no AND l.approved"
    " WHERE a.customer_id = ANY(customer_ids(VARIADIC CAST(:customers AS text[]))) AND a.business_on BETWEEN :since AND :until"
    " AND a.case_id <> :without AND a.application_type <> 'decrease'"
    " AND (a.status IN"
    " ('received', 'suspended', 'incomplete', 'assessed', 'in_approval', 'returned')"
    " OR (a.status IN ('approved', 'contracting', 'conditions')"
    " AND a.application_type NOT IN ('new_line', 'pre_approval')))"
    " ORDER BY a.case_id"
)


class Applications:
    """Cases under way and ended. Their workflow is the only writer."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, case: Case) -> bool:
        """Write the case unless it is on record; whether it was written now."""
        written = self._session.execute(_RECORD, _columns_of(case)).first()
        if written is not None:
            self._tell(case, None)
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
            _WRITE,
            _columns_of(changed) | {"of_case": before.case_id, "version_before": before.version},
        ).first()
        if written is None:
            raise OutOfOrder(reason="the case was changed by something else meanwhile")
        if changed.status is not before.status:
            self._tell(changed, before.status)
        return changed

    def _tell(self, case: Case, before: CaseStatus | None) -> None:
        event = ApplicationStatusChanged(
            case_id=case.case_id,
            customer_id=case.application.customer_id,
            application_type=case.application.application_type,
            limit_requested=case.application.limit_requested,
            status=case.status,
            status_before=before,
            reason_codes=case.reason_codes,
            missing=case.missing,
            letter_no=case.letter_no,
            line_id=case.line_id,
        )
        Events(self._session).post(event, f"{case.case_id}/{case.version}")

    def list_page(
        self,
        *,
        page_size: int = 50,
        after: tuple[datetime, str] | None = None,
        status: CaseStatus | None = None,
        customer_id: str | None = None,
        manager_id: str | None = None,
        text: str | None = None,
        lacking: str | None = None,
        seen_beside: Select[str] | None = None,
    ) -> Sequence[Case]:
        """Newest first; `after` is the `(submitted_at, case_id)` of the last row seen.

        `seen_beside` are cases that count as the owner's, whoever owns their customers.
        """
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
            conditions.append(of_customer(ApplicationRow.customer_id, customer_id))
        if manager_id is not None:
            owned = owned_by(ApplicationRow.customer_id, manager_id)
            beside = [] if seen_beside is None else [ApplicationRow.case_id.in_(seen_beside)]
            conditions.append(or_(owned, *beside))
        if lacking is not None:
            conditions.append(ApplicationRow.missing.contains([lacking]))
        if text:
            conditions.append(or_(ApplicationRow.case_id == text, ApplicationRow.letter_no == text))
        rows = self._session.scalars(query.where(*conditions).limit(page_size))
        return [_case_of(row) for row in rows]

    def lacking_a_rate(self) -> Sequence[Case]:
        """The open cases that wait for an exchange rate, whatever else they lack."""
        return self._lacking(f"{EXCHANGE_RATE}:")

    def lacking_a_rating(self, customer_id: str) -> Sequence[Case]:
        """The customer's open cases that wait for an external rating, whatever else they lack."""
        mine = of_customer(ApplicationRow.customer_id, customer_id)
        return self._lacking(EXTERNAL_RATING, mine)

    def _lacking(self, beginning: str, *which: ColumnElement[bool]) -> Sequence[Case]:
        query = select(ApplicationRow).where(
            ApplicationRow.ended_at.is_(None),
            cast(ApplicationRow.missing, Text).contains(f'"{beginning}'),
            *which,
        )
        rows = self._session.scalars(query.order_by(ApplicationRow.case_id))
        return [_case_of(row) for row in rows]

    def open_on(self, customer_id: str, on: date, day_ends_at: datetime) -> Sequence[Case]:
        """The customer's cases that had begun by a business day and had not ended with it."""
        rows = self._session.scalars(
            select(ApplicationRow)
            .where(
                of_customer(ApplicationRow.customer_id, customer_id),
                ApplicationRow.business_on <= on,
                or_(ApplicationRow.ended_at.is_(None), ApplicationRow.ended_at >= day_ends_at),
            )
            .order_by(ApplicationRow.submitted_at, ApplicationRow.case_id)
        )
        return [_case_of(row) for row in rows]

    def requests_of(
        self, customer_ids: Sequence[str], since: date, until: date, *, without: str = ""
    ) -> list[Request]:
        """What these customers asked for within these days that is not decided yet, and changes of
        lines that are decided and not in force; one case may be left out."""
        rows = self._session.execute(
            _REQUESTS,
            {
                "customers": list(customer_ids),
                "since": since,
                "until": until,
                "without": without,
            },
        )
        return [
            Request(case_id, customer_id, line_id, Money(minor=minor, currency=currency))
            for case_id, customer_id, line_id, minor, currency in rows
        ]

    def counts(self, *, manager_id: str | None = None) -> dict[CaseStatus, int]:
        """How many cases stand where; every case is counted once. Of one owner's, if named."""
        query = select(ApplicationRow.status, func.count()).group_by(ApplicationRow.status)
        if manager_id is not None:
            query = query.where(owned_by(ApplicationRow.customer_id, manager_id))
        rows = self._session.execute(query)
        return {CaseStatus(status): count for status, count in rows}


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
