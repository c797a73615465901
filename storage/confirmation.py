"""Accounts that customers were asked to confirm, their answers, and what differs; only ever added to."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.confirmation import (
    Confirmation,
    ConfirmationAnswer,
    ConfirmationRequest,
    Difference,
    DifferenceOutcome,
    DifferenceSaid,
)
from domain.contract import Signatory
from domain.errors import AlreadyExists, DocumentAnswered, LinkUnknown, NotFound
from domain.money import Money
from storage.base import Row
from storage.customer import of_customer, owned_by
from storage.identity import hash_of


class AccountConfirmationRow(Row):
    __tablename__ = "account_confirmation"

    confirmation_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    as_of: Mapped[date]
    currency: Mapped[str]
    request: Mapped[dict[str, Any]]
    documents: Mapped[int]
    document_hash: Mapped[str]
    total_minor: Mapped[int]
    disputed_minor: Mapped[int]
    token_hash: Mapped[str]
    sent_on: Mapped[date]
    answer_by: Mapped[date]
    holds: Mapped[bool]
    edition_hash: Mapped[str]


class ConfirmationAnswerRow(Row):
    __tablename__ = "confirmation_answer"

    answer_id: Mapped[str] = mapped_column(primary_key=True)
    confirmation_id: Mapped[str]
    agreed: Mapped[list[Any]] = mapped_column(JSONB)
    signatory: Mapped[dict[str, Any] | None]
    evidence_hash: Mapped[str]
    answered_on: Mapped[date]
    recorded_by: Mapped[str]


class ConfirmationDocumentRow(Row):
    __tablename__ = "confirmation_document"

    confirmation_id: Mapped[str] = mapped_column(primary_key=True)
    invoice_no: Mapped[str] = mapped_column(primary_key=True)
    answer_id: Mapped[str]


class ConfirmationDifferenceRow(Row):
    __tablename__ = "confirmation_difference"

    difference_id: Mapped[str] = mapped_column(primary_key=True)
    confirmation_id: Mapped[str]
    answer_id: Mapped[str]
    invoice_no: Mapped[str]
    kind: Mapped[str]
    said: Mapped[dict[str, Any]]
    ours: Mapped[dict[str, Any] | None]
    owner: Mapped[str]
    due_on: Mapped[date]


class ConfirmationDifferenceEndRow(Row):
    __tablename__ = "confirmation_difference_end"

    difference_id: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str]
    reason: Mapped[str]
    closed_on: Mapped[date]
    closed_by: Mapped[str]


# Whoever has ever been invoiced by the day; who owes nothing on it is asked nothing.
_OWING = text(
    """
    SELECT c.customer_id FROM customer c
    WHERE c.customer_id > :after
        AND NOT EXISTS (SELECT FROM customer_alias a WHERE a.alias_id = c.customer_id)
        AND EXISTS (SELECT FROM invoice i
            WHERE i.customer_id = ANY (customer_ids(c.customer_id)) AND i.issued_on <= :as_of)
    ORDER BY c.customer_id LIMIT :page_size
    """
)
_ANSWERED = (
    select(func.count())
    .where(ConfirmationDocumentRow.confirmation_id == AccountConfirmationRow.confirmation_id)
    .scalar_subquery()
)
_UNANSWERED = AccountConfirmationRow.documents > _ANSWERED
_DIFFERING = exists().where(
    ConfirmationDifferenceRow.confirmation_id == AccountConfirmationRow.confirmation_id,
    ~exists().where(
        ConfirmationDifferenceEndRow.difference_id == ConfirmationDifferenceRow.difference_id
    ),
)


class Confirmations:
    """What customers were asked to confirm, and what they said."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find_owing(self, as_of: date, *, after: str | None, page_size: int) -> list[str]:
        """The next customers that were invoiced anything by the day."""
        found = self._session.scalars(
            _OWING, {"as_of": as_of, "after": after or "", "page_size": page_size}
        )
        return list(found)

    def issue(self, confirmation: Confirmation, token: str) -> Confirmation | None:
        """Ask once for an account; None where it was asked for before."""
        request = confirmation.request
        written = self._session.scalar(
            insert(AccountConfirmationRow)
            .values(
                confirmation_id=confirmation.confirmation_id,
                customer_id=request.customer_id,
                as_of=request.as_of,
                currency=request.currency,
                request=request.model_dump(mode="json"),
                documents=len(request.items),
                document_hash=confirmation.document_hash,
                total_minor=confirmation.total.minor,
                disputed_minor=confirmation.disputed.minor,
                token_hash=hash_of(token),
                sent_on=confirmation.sent_on,
                answer_by=confirmation.answer_by,
                holds=confirmation.holds,
                edition_hash=confirmation.edition_hash,
            )
            .on_conflict_do_nothing()
            .returning(AccountConfirmationRow.confirmation_id)
        )
        return confirmation if written is not None else None

    def read(self, confirmation_id: str, *, for_update: bool = False) -> Confirmation:
        """Refuses `NotFound`; held until the transaction ends where it is to be answered."""
        return self._one(
            AccountConfirmationRow.confirmation_id == confirmation_id,
            NotFound(kind="account confirmation", id=confirmation_id),
            for_update=for_update,
        )

    def read_behind(self, token: str, *, for_update: bool = False) -> Confirmation:
        """What a link stands for; `LinkUnknown` where it stands for nothing."""
        return self._one(
            AccountConfirmationRow.token_hash == hash_of(token),
            LinkUnknown(),
            for_update=for_update,
        )

    def find_page(
        self,
        *,
        before: str | None = None,
        page_size: int = 50,
        customer_id: str | None = None,
        manager_id: str | None = None,
        waiting: bool = False,
    ) -> list[Confirmation]:
        """The newest first, from below an id; `waiting` for an answer, or to be cleared up."""
        query = select(AccountConfirmationRow).limit(page_size)
        if before is not None:
            query = query.where(AccountConfirmationRow.confirmation_id < before)
        if customer_id is not None:
            query = query.where(of_customer(AccountConfirmationRow.customer_id, customer_id))
        if manager_id is not None:
            query = query.where(owned_by(AccountConfirmationRow.customer_id, manager_id))
        if waiting:
            query = query.where(_UNANSWERED | _DIFFERING)
        return self._of(query)

    def find_unanswered(self, customer_id: str) -> tuple[Confirmation, ...]:
        """The accounts of a customer that it has not said everything of."""
        query = select(AccountConfirmationRow).where(
            of_customer(AccountConfirmationRow.customer_id, customer_id), _UNANSWERED
        )
        return tuple(self._of(query))

    def held(self, customer_id: str, on: date) -> bool:
        """Whether the customer's orders are held as `confirmation_overdue` on a day."""
        return any(each.holds_orders(on) for each in self.find_unanswered(customer_id))

    def record_answer(
        self, answer: ConfirmationAnswer, differences: Sequence[Difference]
    ) -> Confirmation:
        """Write an answer once; refuses `DocumentAnswered`."""
        written = self._session.scalar(
            insert(ConfirmationAnswerRow)
            .values(
                **answer.model_dump(mode="json", exclude={"answered_on"}),
                answered_on=answer.answered_on,
            )
            .on_conflict_do_nothing()
            .returning(ConfirmationAnswerRow.answer_id)
        )
        if written is None:
            return self.read(answer.confirmation_id)
        listed = {i.invoice_no for i in self.read(answer.confirmation_id).request.items}
        numbers = [*answer.agreed, *(each.said.invoice_no for each in differences)]
        for number in numbers:
            if number in listed:
                self._document(answer, number)
        for each in differences:
            self._difference(answer, each)
        return self.read(answer.confirmation_id)

    def read_difference(self, difference_id: str) -> Difference:
        row = self._session.get(ConfirmationDifferenceRow, difference_id)
        if row is None:
            raise NotFound(kind="confirmation difference", id=difference_id)
        of = self.read(row.confirmation_id)
        return next(each for each in of.differences if each.difference_id == difference_id)

    def close_difference(
        self,
        difference_id: str,
        outcome: DifferenceOutcome,
        *,
        reason: str,
        closed_on: date,
        closed_by: str,
    ) -> Difference:
        """Say how a difference was cleared up; refuses `AlreadyExists` for another outcome."""
        self._session.execute(
            insert(ConfirmationDifferenceEndRow)
            .values(
                difference_id=difference_id,
                outcome=outcome,
                reason=reason,
                closed_on=closed_on,
                closed_by=closed_by,
            )
            .on_conflict_do_nothing()
        )
        closed = self.read_difference(difference_id)
        if (closed.outcome, closed.reason, closed.closed_by) != (outcome, reason, closed_by):
            raise AlreadyExists(kind="confirmation difference", id=difference_id)
        return closed

    def _document(self, answer: ConfirmationAnswer, number: str) -> None:
        written = self._session.scalar(
            insert(ConfirmationDocumentRow)
            .values(
                confirmation_id=answer.confirmation_id,
                invoice_no=number,
                answer_id=answer.answer_id,
            )
            .on_conflict_do_nothing()
            .returning(ConfirmationDocumentRow.invoice_no)
        )
        if written is None:
            raise DocumentAnswered(invoice_no=number)

    def _difference(self, answer: ConfirmationAnswer, difference: Difference) -> None:
        written = self._session.scalar(
            insert(ConfirmationDifferenceRow)
            .values(
                difference_id=difference.difference_id,
                confirmation_id=difference.confirmation_id,
                answer_id=answer.answer_id,
                invoice_no=difference.said.invoice_no,
                kind=difference.said.kind,
                said=difference.said.model_dump(mode="json"),
                ours=None if difference.ours is None else difference.ours.model_dump(mode="json"),
                owner=difference.owner,
                due_on=difference.due_on,
            )
            .on_conflict_do_nothing()
            .returning(ConfirmationDifferenceRow.difference_id)
        )
        if written is None:
            raise DocumentAnswered(invoice_no=difference.said.invoice_no)

    def _one(
        self, where: ColumnElement[bool], absent: Exception, *, for_update: bool
    ) -> Confirmation:
        query = select(AccountConfirmationRow).where(where)
        found = self._of(query.with_for_update() if for_update else query)
        if not found:
            raise absent
        return found[0]

    def _of(self, query: Select[AccountConfirmationRow]) -> list[Confirmation]:
        rows = self._session.scalars(
            query.order_by(AccountConfirmationRow.confirmation_id.desc())
        ).all()
        ids = [row.confirmation_id for row in rows]
        answers: dict[str, list[ConfirmationAnswer]] = defaultdict(list)
        found = select(ConfirmationAnswerRow).where(ConfirmationAnswerRow.confirmation_id.in_(ids))
        for each in self._session.scalars(found.order_by(text("recorded_at"), text("answer_id"))):
            answers[each.confirmation_id].append(_answer(each))
        customers = {row.confirmation_id: row.customer_id for row in rows}
        differences: dict[str, list[Difference]] = defaultdict(list)
        pairs = self._session.execute(
            select(ConfirmationDifferenceRow, ConfirmationDifferenceEndRow)
            .outerjoin(
                ConfirmationDifferenceEndRow,
                ConfirmationDifferenceEndRow.difference_id
                == ConfirmationDifferenceRow.difference_id,
            )
            .where(ConfirmationDifferenceRow.confirmation_id.in_(ids))
            .order_by(ConfirmationDifferenceRow.invoice_no)
        )
        for row, end in pairs:
            of = customers[row.confirmation_id]
            differences[row.confirmation_id].append(_difference(row, end, of))
        return [
            _confirmation(
                row, tuple(answers[row.confirmation_id]), tuple(differences[row.confirmation_id])
            )
            for row in rows
        ]


def _confirmation(
    row: AccountConfirmationRow,
    answers: tuple[ConfirmationAnswer, ...],
    differences: tuple[Difference, ...],
) -> Confirmation:
    return Confirmation(
        confirmation_id=row.confirmation_id,
        request=ConfirmationRequest.model_validate(row.request),
        document_hash=row.document_hash,
        total=Money(minor=row.total_minor, currency=row.currency),
        disputed=Money(minor=row.disputed_minor, currency=row.currency),
        sent_on=row.sent_on,
        answer_by=row.answer_by,
        holds=row.holds,
        edition_hash=row.edition_hash,
        answers=answers,
        differences=differences,
    )


def _answer(row: ConfirmationAnswerRow) -> ConfirmationAnswer:
    return ConfirmationAnswer(
        answer_id=row.answer_id,
        confirmation_id=row.confirmation_id,
        agreed=tuple(row.agreed),
        signatory=None if row.signatory is None else Signatory.model_validate(row.signatory),
        evidence_hash=row.evidence_hash,
        answered_on=row.answered_on,
        recorded_by=row.recorded_by,
    )


def _difference(
    row: ConfirmationDifferenceRow, end: ConfirmationDifferenceEndRow | None, customer_id: str
) -> Difference:
    ended = {}
    if end is not None:
        ended = {
            "outcome": end.outcome,
            "reason": end.reason,
            "closed_on": end.closed_on,
            "closed_by": end.closed_by,
        }
    return Difference.model_validate(
        {
            "difference_id": row.difference_id,
            "confirmation_id": row.confirmation_id,
            "customer_id": customer_id,
            "said": DifferenceSaid.model_validate(row.said),
            "ours": None if row.ours is None else Money.model_validate(row.ours),
            "owner": row.owner,
            "due_on": row.due_on,
            **ended,
        }
    )
