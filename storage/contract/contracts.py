"""The agreements, and how each stands.

An agreement ends under the condition that it is still open, so whoever comes second finds how it
ended.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.calendar import business_on
from domain.contract import (
    AgreementInForce,
    Contract,
    ContractEvent,
    ContractStatus,
    IssueContract,
    Terms,
    agreement_no,
)
from domain.errors import ContractEnded, KeyReused, NotFound
from domain.value import lasting_hash
from storage.base import Row, table_of
from storage.contract.acts import CustomerActs


class ContractRow(Row):
    __tablename__ = "contract"

    contract_id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str]
    letter_no: Mapped[str]
    letter_hash: Mapped[str]
    terms: Mapped[dict[str, Any]]
    status: Mapped[str]
    document_hash: Mapped[str]
    signed_hash: Mapped[str | None]
    act_id: Mapped[str | None]
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ContractEventRow(Row):
    __tablename__ = "contract_event"

    contract_id: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    at: Mapped[datetime]


_RECORD = insert(table_of(ContractRow))
_NOTE = insert(table_of(ContractEventRow))
# A temporary limit stands beside the agreement of its line and changes none of its other terms.
_IN_FORCE = text(
    """
    SELECT c.letter_no, a.line_id, c.terms, a.business_on, l.ends_on,
        (SELECT e.occurred_at FROM line_event e
            WHERE e.line_id = a.line_id AND e.kind = 'terminated') AS terminated_at
    FROM line_activation a
    JOIN credit_line l ON l.line_id = a.line_id
    JOIN contract c ON c.letter_no = a.letter_no AND c.status = 'signed'
    WHERE l.customer_id = ANY (customer_ids(:customer_id)) AND a.kind <> 'temporary_increase'
    ORDER BY a.business_on, a.activated_at, a.case_id
    """
)


class Contracts:
    """The agreements, and how each stands."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find_issued(self, issue: IssueContract) -> Contract | None:
        """The agreement this order made before, if it did; nobody else makes it meanwhile.

        Refuses `KeyReused` where the id stands for an agreement to another letter.
        """
        self._session.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended(issue.contract_id, 5)))
        )
        row = self._row(issue.contract_id)
        if row is not None and row.letter_hash != lasting_hash(issue.letter):
            raise KeyReused(key=issue.contract_id)
        return self._contract(row) if row is not None else None

    def counts(self) -> dict[ContractStatus, int]:
        """How many agreements stand where."""
        rows = self._session.execute(
            select(ContractRow.status, func.count()).group_by(ContractRow.status)
        )
        return {ContractStatus(status): count for status, count in rows}

    def record(self, issue: IssueContract, document_hash: str) -> Contract:
        """Write an agreement as sent; the caller has asked `find_issued` in this transaction."""
        assert issue.letter.terms is not None
        self._session.execute(
            _RECORD,
            {
                "contract_id": issue.contract_id,
                "case_id": issue.case_id,
                "letter_no": issue.letter.letter_no,
                "letter_hash": lasting_hash(issue.letter),
                "terms": issue.letter.terms.model_dump(mode="json"),
                "status": ContractStatus.SENT,
                "document_hash": document_hash,
                "sent_at": issue.issued_at,
                "expires_at": issue.expires_at,
            },
        )
        self._note(issue.contract_id, ContractStatus.SENT, issue.issued_at)
        return self.read(issue.contract_id)

    def end(
        self,
        contract_id: str,
        status: ContractStatus,
        at: datetime,
        *,
        act_id: str | None = None,
        signed_hash: str | None = None,
        reason: str = "",
    ) -> Contract:
        """End an agreement that is still open; ended in the same way before, as it was then.

        Refuses `ContractEnded` where it ended in another way or by another act.
        """
        ended = self._session.scalar(
            update(ContractRow)
            .where(
                ContractRow.contract_id == contract_id, ContractRow.status == ContractStatus.SENT
            )
            .values(status=status, ended_at=at, act_id=act_id, signed_hash=signed_hash)
            .returning(ContractRow.contract_id)
            .execution_options(synchronize_session=False)
        )
        if ended is not None:
            self._note(contract_id, status, at, reason)
            return self.read(contract_id)
        row = self._row(contract_id)
        if row is None:
            raise NotFound(kind="contract", id=contract_id)
        if (row.status, row.act_id) != (status, act_id):
            raise ContractEnded(contract_id=contract_id, status=row.status)
        return self._contract(row)

    def withdraw_open(self, case_id: str, at: datetime) -> None:
        """End the case's agreement, if one is open, as withdrawn with its application."""
        withdrawn = self._session.scalars(
            update(ContractRow)
            .where(ContractRow.case_id == case_id, ContractRow.status == ContractStatus.SENT)
            .values(status=ContractStatus.WITHDRAWN, ended_at=at)
            .returning(ContractRow.contract_id)
            .execution_options(synchronize_session=False)
        ).all()
        for contract_id in withdrawn:
            self._note(contract_id, ContractStatus.WITHDRAWN, at, "withdrawn")

    def read(self, contract_id: str) -> Contract:
        contract = self.find(contract_id)
        if contract is None:
            raise NotFound(kind="contract", id=contract_id)
        return contract

    def find(self, contract_id: str) -> Contract | None:
        row = self._row(contract_id)
        return self._contract(row) if row is not None else None

    def find_by_case(self, case_id: str) -> Contract | None:
        """The case's latest agreement."""
        contract_id = self._session.scalar(
            select(ContractRow.contract_id)
            .where(ContractRow.case_id == case_id)
            .order_by(ContractRow.sent_at.desc(), ContractRow.contract_id.desc())
            .limit(1)
        )
        return self.find(contract_id) if contract_id is not None else None

    def in_force_of(self, customer_id: str, offset_days: int = 0) -> Sequence[AgreementInForce]:
        """The signed agreements that took effect on the customer's lines, in that order; each
        holds until a later one of its line, at most to the line's last day, or the one on which it
        was terminated."""
        rows = self._session.execute(_IN_FORCE, {"customer_id": customer_id})
        return [
            AgreementInForce(
                agreement_no=agreement_no(row.letter_no),
                line_id=row.line_id,
                terms=Terms.model_validate(row.terms),
                from_on=row.business_on,
                until_on=min(row.ends_on, business_on(row.terminated_at, offset_days))
                if row.terminated_at
                else row.ends_on,
            )
            for row in rows
        ]

    def find_act_id(self, contract_id: str) -> str | None:
        """By which act of the customer the agreement was signed or declined."""
        return self._session.scalar(
            select(ContractRow.act_id).where(ContractRow.contract_id == contract_id)
        )

    def find_events(self, contract_id: str) -> Sequence[ContractEvent]:
        """What became of an agreement, in order."""
        rows = self._session.scalars(
            select(ContractEventRow)
            .where(ContractEventRow.contract_id == contract_id)
            .order_by(ContractEventRow.at, ContractEventRow.status != ContractStatus.SENT)
        )
        return [
            ContractEvent(status=ContractStatus(row.status), reason=row.reason, at=row.at)
            for row in rows
        ]

    def _note(
        self, contract_id: str, status: ContractStatus, at: datetime, reason: str = ""
    ) -> None:
        self._session.execute(
            _NOTE, {"contract_id": contract_id, "status": status, "reason": reason, "at": at}
        )

    def _row(self, contract_id: str) -> ContractRow | None:
        return self._session.scalar(
            select(ContractRow)
            .where(ContractRow.contract_id == contract_id)
            .execution_options(populate_existing=True)
        )

    def _contract(self, row: ContractRow) -> Contract:
        status = ContractStatus(row.status)
        act = CustomerActs(self._session).read(row.act_id) if row.act_id else None
        return Contract(
            contract_id=row.contract_id,
            case_id=row.case_id,
            letter_no=row.letter_no,
            terms=Terms.model_validate(row.terms),
            status=status,
            document_hash=row.document_hash,
            signed_hash=row.signed_hash,
            sent_at=row.sent_at,
            expires_at=row.expires_at,
            signed_at=row.ended_at if status is ContractStatus.SIGNED else None,
            ended_at=row.ended_at,
            signatory=act.signatory if act is not None else None,
        )
