"""Caps on customers and groups: asked for, how each ended, and which are in force. Only added to."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, func, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.cap import Cap, CapInForce, CapOwner, CapRequest, CapStatus
from domain.errors import CapPending, KeyReused, NotFound
from storage.base import Row, table_of
from storage.customer import of_customer, owned_by
from storage.exposure import Accounts

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('cap/' || :owner, 0))")


class CapRow(Row):
    __tablename__ = "cap_request"

    cap_id: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str]
    owner_id: Mapped[str]
    currency: Mapped[str]
    limit_kind: Mapped[str]
    limit_minor: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]
    evidence_hash: Mapped[str | None]
    review_due_on: Mapped[date | None]
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    asked_on: Mapped[date]
    request: Mapped[dict[str, Any]]


class SettlementRow(Row):
    __tablename__ = "cap_settlement"

    cap_id: Mapped[str] = mapped_column(primary_key=True)
    asked_by: Mapped[str]
    outcome: Mapped[str]
    settled_by: Mapped[str | None]
    letter_no: Mapped[str | None]
    settled_on: Mapped[date]
    settled_at: Mapped[datetime]


class Caps:
    """Caps by who asked for them and how that ended; one waits for each account at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def ask(self, request: CapRequest) -> Cap:
        """Put a request on record; the same again, whenever, is that one.

        Refuses `CapPending` while another on the same account waits, and `KeyReused`.
        """
        owner = f"{request.scope}/{self._survivor(request)}/{request.currency}"
        self._session.execute(_LOCK, {"owner": owner})
        for each in self._found(
            *self._conditions(request.scope, request.owner_id, CapStatus.PENDING),
            CapRow.currency == request.currency,
        ):
            if each.request.cap_id != request.cap_id:
                raise CapPending(cap_id=each.request.cap_id, owner_id=request.owner_id)
        amount = request.limit.amount
        self._session.execute(
            insert(CapRow)
            .values(
                **request.model_dump(exclude={"limit"}),
                limit_kind=request.limit.kind,
                limit_minor=amount.minor if amount is not None else 0,
                request=request.model_dump(mode="json"),
            )
            .on_conflict_do_nothing()
        )
        on_record = self.read(request.cap_id)
        when = {"asked_at": request.asked_at, "asked_on": request.asked_on}
        if on_record.request.model_copy(update=when) != request:
            raise KeyReused(key=request.cap_id)
        return on_record

    def settle(
        self,
        request: CapRequest,
        outcome: CapStatus,
        *,
        at: datetime,
        on: date,
        settled_by: str | None = None,
        letter_no: str | None = None,
    ) -> Cap:
        """Say how it ended, once."""
        self._session.execute(
            insert(table_of(SettlementRow))
            .values(
                cap_id=request.cap_id,
                asked_by=request.asked_by,
                outcome=outcome.value,
                settled_by=settled_by,
                letter_no=letter_no,
                settled_on=on,
                settled_at=at,
            )
            .on_conflict_do_nothing(index_elements=["cap_id"])
        )
        return self.read(request.cap_id)

    def find(self, cap_id: str) -> Cap | None:
        return next(iter(self._found(CapRow.cap_id == cap_id)), None)

    def read(self, cap_id: str) -> Cap:
        found = self.find(cap_id)
        if found is None:
            raise NotFound(kind="cap", id=cap_id)
        return found

    def list_page(
        self,
        *,
        page_size: int = 50,
        before: tuple[datetime, str] | None = None,
        cap_id: str | None = None,
        scope: CapOwner | None = None,
        owner_id: str | None = None,
        status: CapStatus | None = None,
        manager_id: str | None = None,
    ) -> list[Cap]:
        """Newest first; `before` is the `(asked_at, cap_id)` of the last row seen.

        With a manager, the caps of the customers they own and of the groups these are in.
        """
        conditions = self._conditions(scope, owner_id, status)
        if cap_id is not None:
            conditions.append(CapRow.cap_id == cap_id)
        if before is not None:
            conditions.append(tuple_(CapRow.asked_at, CapRow.cap_id) < before)
        if manager_id is not None:
            conditions.append(_seen_by(manager_id))
        return self._found(*conditions, page_size=page_size)

    def in_force(self, scope: CapOwner, owner_id: str, on: date) -> list[CapInForce]:
        """The accounts of a customer, by any of its ids, or of a group; by currency."""
        found = Accounts(self._session).caps(scope.value, owner_id)
        decided = self._due([letter_no for _, letter_no in found])
        return [
            CapInForce(
                scope=scope,
                owner_id=balance.account.partition("/")[2],
                balance=balance,
                left=balance.headroom,
                letter_no=letter_no,
                review_due_on=decided.get(letter_no),
                overdue=(due_on := decided.get(letter_no)) is not None and due_on < on,
            )
            for balance, letter_no in found
        ]

    def _due(self, letters: Sequence[str]) -> dict[str, date | None]:
        """When the caps that these letters set are to be decided anew."""
        rows = self._session.execute(
            select(SettlementRow.letter_no, CapRow.review_due_on)
            .join(CapRow, CapRow.cap_id == SettlementRow.cap_id)
            .where(SettlementRow.letter_no.in_(letters))
        )
        return {letter_no: due_on for letter_no, due_on in rows if letter_no is not None}

    def _survivor(self, request: CapRequest) -> str:
        if request.scope is CapOwner.GROUP:
            return request.owner_id
        found: str = self._session.scalar(select(func.customer_survivor(request.owner_id))) or ""
        return found

    def _conditions(
        self, scope: CapOwner | None, owner_id: str | None, status: CapStatus | None
    ) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        if scope is not None:
            conditions.append(CapRow.scope == scope)
        if owner_id is not None:
            conditions.append(
                or_(
                    and_(CapRow.scope == CapOwner.GROUP, CapRow.owner_id == owner_id),
                    and_(CapRow.scope == CapOwner.CUSTOMER, of_customer(CapRow.owner_id, owner_id)),
                )
            )
        if status is CapStatus.PENDING:
            conditions.append(SettlementRow.cap_id.is_(None))
        elif status is not None:
            conditions.append(SettlementRow.outcome == status)
        return conditions

    def _found(self, *conditions: ColumnElement[bool], page_size: int = 50) -> list[Cap]:
        rows = self._session.execute(
            select(CapRow, SettlementRow)
            .outerjoin(SettlementRow, SettlementRow.cap_id == CapRow.cap_id)
            .where(*conditions)
            .order_by(CapRow.asked_at.desc(), CapRow.cap_id.desc())
            .limit(page_size)
            .execution_options(populate_existing=True)
        )
        return [_cap(row, settlement) for row, settlement in rows]


def _seen_by(manager_id: str) -> ColumnElement[bool]:
    of_member = text(
        "cap_request.owner_id IN (SELECT group_id FROM customer WHERE manager_id = :manager_id)"
    ).bindparams(manager_id=manager_id)
    return or_(
        and_(CapRow.scope == CapOwner.CUSTOMER, owned_by(CapRow.owner_id, manager_id)),
        and_(CapRow.scope == CapOwner.GROUP, of_member),
    )


def _cap(row: CapRow, settlement: SettlementRow | None) -> Cap:
    request = CapRequest.model_validate(row.request)
    if settlement is None:
        return Cap(request=request)
    return Cap(
        request=request,
        status=CapStatus(settlement.outcome),
        settled_by=settlement.settled_by,
        settled_on=settlement.settled_on,
        letter_no=settlement.letter_no,
    )
