"""Roles of a party, what we owe it, and agreements to set off: only ever added to."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import (
    AlreadyExists,
    CurrencyMismatch,
    InvoiceUnknown,
    MoreThanInvoiced,
    NotFound,
)
from domain.money import Money
from domain.trade import (
    OpenPayable,
    PartyRole,
    Payable,
    SetOffAgreement,
    Settlement,
    TradeRole,
)
from storage.base import Row
from storage.customer import of_customer


class RoleRow(Row):
    __tablename__ = "party_role"

    role_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    role: Mapped[str]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    source: Mapped[str]
    recorded_by: Mapped[str]


class PayableRow(Row):
    __tablename__ = "payable"

    customer_id: Mapped[str] = mapped_column(primary_key=True)
    payable_no: Mapped[str] = mapped_column(primary_key=True)
    issued_on: Mapped[date]
    due_on: Mapped[date]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    recorded_by: Mapped[str]


class SettlementRow(Row):
    __tablename__ = "payable_settlement"

    customer_id: Mapped[str] = mapped_column(primary_key=True)
    payable_no: Mapped[str] = mapped_column(primary_key=True)
    settlement_no: Mapped[str] = mapped_column(primary_key=True)
    settled_on: Mapped[date]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    recorded_by: Mapped[str]


class SetOffRow(Row):
    __tablename__ = "set_off_agreement"

    agreement_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    evidence_hash: Mapped[str]
    signed_on: Mapped[date]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    most_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None]
    recorded_by: Mapped[str]


class Trade:
    """The other side of customers, within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # ── roles ────────────────────────────────────────────────────────────────────────────────────

    def record_role(self, role: PartyRole) -> PartyRole:
        """Put a role on record, or what is known better of one as its next version.

        The same content again is the version on record. Refuses `AlreadyExists` where the id is of
        another party or another role.
        """
        known = self._find_role(role.role_id)
        version = known.version if known is not None else 0
        if known is not None:
            if known.customer_id != role.customer_id or known.role is not role.role:
                raise AlreadyExists(kind="role", id=role.role_id)
            same = {"version": version, "recorded_by": known.recorded_by}
            if known == role.model_copy(update=same):
                return known
        newer = role.model_copy(update={"version": version + 1})
        self._session.execute(insert(RoleRow).values(**newer.model_dump()).on_conflict_do_nothing())
        written = self._find_role(role.role_id)
        if written != newer:  # somebody else wrote that version meanwhile
            raise AlreadyExists(kind="role", id=role.role_id)
        return newer

    def read_role(self, role_id: str) -> PartyRole:
        role = self._find_role(role_id)
        if role is None:
            raise NotFound(kind="role", id=role_id)
        return role

    def roles(self, customer_id: str) -> tuple[PartyRole, ...]:
        """The newest version of every role of the party, by its first day."""
        rows = self._session.scalars(
            select(RoleRow)
            .where(of_customer(RoleRow.customer_id, customer_id))
            .order_by(RoleRow.role_id, RoleRow.version)
        )
        newest = {row.role_id: _role(row) for row in rows}
        return tuple(sorted(newest.values(), key=lambda role: (role.valid_from, role.role_id)))

    def is_supplier(self, customer_id: str, on: date) -> bool:
        return any(
            each.role is TradeRole.SUPPLIER and each.holds_on(on)
            for each in self.roles(customer_id)
        )

    # ── payables ─────────────────────────────────────────────────────────────────────────────────

    def record_payable(self, payable: Payable) -> Payable:
        """Write what we owe once, by its number; refuses `AlreadyExists` for other content.

        A number that stands under another id of the party is that payable.
        """
        if self._find_payable(payable.customer_id, payable.payable_no) is None:
            self._session.execute(
                insert(PayableRow).values(**_columns(payable)).on_conflict_do_nothing()
            )
        known = self._find_payable(payable.customer_id, payable.payable_no)
        assert known is not None, "it was written above"
        if _claim(known) != _claim(payable):
            raise AlreadyExists(kind="payable", id=payable.payable_no)
        return known

    def settle(self, settlement: Settlement) -> Settlement:
        """Write what we paid of a payable, once by its number.

        Refuses `InvoiceUnknown`, `CurrencyMismatch`, `MoreThanInvoiced`, `AlreadyExists`.
        """
        number = settlement.payable_no
        payable = self._find_payable(settlement.customer_id, number, lock=True)
        if payable is None:
            raise InvoiceUnknown(invoice_no=number)
        if payable.amount.currency != settlement.amount.currency:
            raise CurrencyMismatch(first=settlement.amount.currency, second=payable.amount.currency)
        settlement = settlement.model_copy(update={"customer_id": payable.customer_id})
        standing = {each.settlement_no: each for each in self._settlements(payable)}
        if known := standing.get(settlement.settlement_no):
            if (known.settled_on, known.amount) == (settlement.settled_on, settlement.amount):
                return known
            raise AlreadyExists(kind="settlement", id=settlement.settlement_no)
        rest = payable.amount.minor - sum(each.amount.minor for each in standing.values())
        if settlement.amount.minor > rest:
            unpaid = Money(minor=rest, currency=payable.amount.currency)
            raise MoreThanInvoiced(amount=settlement.amount, open=unpaid, invoice_no=number)
        self._session.execute(insert(SettlementRow).values(**_columns(settlement)))
        return settlement

    def open_payables(self, customer_id: str, on: date) -> tuple[OpenPayable, ...]:
        """What we owed the party on the day, first due first."""
        settled = (
            select(func.coalesce(func.sum(SettlementRow.amount_minor), 0))
            .where(
                SettlementRow.customer_id == PayableRow.customer_id,
                SettlementRow.payable_no == PayableRow.payable_no,
                SettlementRow.settled_on <= on,
            )
            .scalar_subquery()
        )
        rest = PayableRow.amount_minor - settled
        rows = self._session.execute(
            select(PayableRow, rest)
            .where(of_customer(PayableRow.customer_id, customer_id), PayableRow.issued_on <= on)
            .order_by(PayableRow.due_on, PayableRow.payable_no, rest.desc())
        )
        # One that two records of the party hold is owed once, by the one on which less is left.
        unpaid = {
            (payable.payable_no, *_claim(payable)): OpenPayable(
                payable=payable, amount=Money(minor=int(left), currency=row.currency)
            )
            for row, left in rows
            for payable in (_payable(row),)
        }
        return tuple(each for each in unpaid.values() if each.amount)

    # ── set-off ──────────────────────────────────────────────────────────────────────────────────

    def record_agreement(self, agreement: SetOffAgreement) -> SetOffAgreement:
        content = agreement.model_dump(exclude={"most"})
        most = agreement.most
        self._session.execute(
            insert(SetOffRow).values(
                **content,
                most_minor=most.minor if most is not None else None,
                currency=most.currency if most is not None else None,
            )
        )
        return agreement

    def agreements(self, customer_id: str) -> Sequence[SetOffAgreement]:
        """Every agreement with the party, the oldest first."""
        rows = self._session.scalars(
            select(SetOffRow)
            .where(of_customer(SetOffRow.customer_id, customer_id))
            .order_by(SetOffRow.signed_on, SetOffRow.agreement_id)
        )
        return tuple(map(_agreement, rows))

    # ── within ───────────────────────────────────────────────────────────────────────────────────

    def _find_role(self, role_id: str) -> PartyRole | None:
        row = self._session.scalar(
            select(RoleRow)
            .where(RoleRow.role_id == role_id)
            .order_by(RoleRow.version.desc())
            .limit(1)
        )
        return None if row is None else _role(row)

    def _numbered(self, customer_id: str, payable_no: str) -> Any:
        return select(PayableRow).where(
            of_customer(PayableRow.customer_id, customer_id), PayableRow.payable_no == payable_no
        )

    def _find_payable(
        self, customer_id: str, payable_no: str, *, lock: bool = False
    ) -> Payable | None:
        query = self._numbered(customer_id, payable_no).order_by(
            PayableRow.customer_id != customer_id, PayableRow.customer_id
        )
        row = self._session.scalars(query.with_for_update() if lock else query).first()
        return None if row is None else _payable(row)

    def _settlements(self, payable: Payable) -> list[Settlement]:
        rows = self._session.scalars(
            select(SettlementRow).where(
                SettlementRow.payable_no == payable.payable_no,
                SettlementRow.customer_id == payable.customer_id,
            )
        )
        return [_settlement(row) for row in rows]


def _columns(document: Payable | Settlement) -> dict[str, Any]:
    amount = document.amount
    content = document.model_dump(exclude={"amount"})
    return {**content, "amount_minor": amount.minor, "currency": amount.currency}


def _claim(payable: Payable) -> tuple[date, date, Money]:
    """What a payable says for good."""
    return payable.issued_on, payable.due_on, payable.amount


def _role(row: RoleRow) -> PartyRole:
    return PartyRole.model_validate(
        {name: getattr(row, name) for name in PartyRole.model_fields}
        | {"role": TradeRole(row.role)}
    )


def _payable(row: PayableRow) -> Payable:
    return Payable(
        customer_id=row.customer_id,
        payable_no=row.payable_no,
        issued_on=row.issued_on,
        due_on=row.due_on,
        amount=Money(minor=row.amount_minor, currency=row.currency),
        recorded_by=row.recorded_by,
    )


def _settlement(row: SettlementRow) -> Settlement:
    return Settlement(
        customer_id=row.customer_id,
        payable_no=row.payable_no,
        settlement_no=row.settlement_no,
        settled_on=row.settled_on,
        amount=Money(minor=row.amount_minor, currency=row.currency),
        recorded_by=row.recorded_by,
    )


def _agreement(row: SetOffRow) -> SetOffAgreement:
    most = None
    if row.most_minor is not None and row.currency is not None:
        most = Money(minor=row.most_minor, currency=row.currency)
    return SetOffAgreement(
        agreement_id=row.agreement_id,
        customer_id=row.customer_id,
        evidence_hash=row.evidence_hash,
        signed_on=row.signed_on,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        most=most,
        recorded_by=row.recorded_by,
    )
