"""Requests that callers made, each once under its key; a request is no case yet."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.application import Application, ApplicationType
from domain.errors import KeyReused, NotFound, OutOfOrder
from domain.value import content_hash
from storage.base import Row, table_of
from storage.customer import Customers


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


_INTAKE = table_of(IntakeRow)
_RECORD = insert(_INTAKE).on_conflict_do_nothing()
_MARK_STARTED = (
    update(_INTAKE).where(_INTAKE.c.case_id == bindparam("of_case")).values(started=True)
)
_REOPEN = update(_INTAKE).where(_INTAKE.c.case_id == bindparam("of_case")).values(closed_at=None)
_CLOSE = (
    update(_INTAKE)
    .where(_INTAKE.c.case_id == bindparam("of_case"), _INTAKE.c.closed_at.is_(None))
    .values(closed_at=bindparam("at"), started=True)
)


class Intakes:
    """Requests that callers made, each once under its key."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(
        self,
        case_id: str,
        application: Application,
        *,
        said: Application | None = None,
        caller: str,
        key: str,
        business_on: date,
        received_at: datetime,
    ) -> tuple[str, bool]:
        """The case id of this request, and whether it is new.

        `said` is the request as its caller made it, where what it leaves to the line was added.
        The same key and body give the first case; the same key with another body refuses
        `KeyReused`; another key while a case is open on the same customer and limit gives that case.
        """
        body = _body(application)
        hash_ = content_hash(body if said is None else _body(said))
        customer_ids = Customers(self._session).ids(application.customer_id)
        subject_key, *beside = (
            subject_of(application, customer_id)
            for customer_id in (application.customer_id, *sorted(customer_ids))
        )
        if open_case := self._find_beside(caller, key, {*beside} - {subject_key}):
            return open_case, False
        self._session.execute(
            _RECORD,
            {
                "case_id": case_id,
                "caller": caller,
                "key": key,
                "body_hash": hash_,
                "body": body,
                "subject_key": subject_key,
                "business_on": business_on,
                "received_at": received_at,
                "started": False,
            },
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

    def _find_beside(self, caller: str, key: str, subject_keys: set[str]) -> str | None:
        """The case open on the same limit under another id of the customer, for a request that is
        not on record yet."""
        if not subject_keys:
            return None
        mine = select(IntakeRow.case_id).where(IntakeRow.caller == caller, IntakeRow.key == key)
        return self._session.scalar(
            select(IntakeRow.case_id).where(
                IntakeRow.subject_key.in_(subject_keys),
                IntakeRow.closed_at.is_(None),
                ~mine.exists(),
            )
        )

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

    def knows(self, caller: str, key: str) -> bool:
        """Whether a caller's key is on record already."""
        return bool(
            self._session.scalar(
                select(IntakeRow.case_id).where(IntakeRow.caller == caller, IntakeRow.key == key)
            )
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
        self._session.execute(_MARK_STARTED, {"of_case": case_id})

    def close(self, case_id: str, at: datetime) -> None:
        """The case has ended; another may be opened on the same customer and limit."""
        self._session.execute(_CLOSE, {"of_case": case_id, "at": at})

    def reopen(self, case_id: str) -> None:
        """The case goes on; refuses `OutOfOrder` where another is open on the limit by now."""
        row = self._session.get_one(IntakeRow, case_id)
        application = Application.model_validate(row.body)
        customer_ids = Customers(self._session).ids(application.customer_id)
        others = select(IntakeRow.case_id).where(
            IntakeRow.subject_key.in_([subject_of(application, each) for each in customer_ids]),
            IntakeRow.case_id != case_id,
            IntakeRow.closed_at.is_(None),
        )
        another = OutOfOrder(reason="another case is open on the same limit")
        if self._session.scalar(others.limit(1)) is not None:
            raise another
        try:
            with self._session.begin_nested():
                self._session.execute(_REOPEN, {"of_case": case_id})
        except IntegrityError:  # it was opened in this moment
            raise another from None


def _body(application: Application) -> dict[str, Any]:
    """What is kept of a request; a form is beside the rest only where there is one, so that a
    repeat across releases keeps its hash."""
    body = application.model_dump(mode="json")
    if application.form is None:
        del body["form"]
    return body


def subject_of(application: Application, customer_id: str) -> str:
    """What only one open case may be about: the customer's new line, or one existing line.

    An extension is about a line beside its renewal, which it waits for.
    """
    subject = f"{customer_id}|{application.line_id or application.product}"
    extends = application.application_type is ApplicationType.EXTENSION
    return f"{subject}|extension" if extends else subject
