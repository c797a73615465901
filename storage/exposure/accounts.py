"""Accounts of exposure: opened by the first letter of a line or of a cap, limited by each after it.

Everything here belongs to the transaction of the decision it carries out. What orders and payments
move is `movements`.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import KeyReused, NotFound
from domain.exposure import Balance, Entry, EntryKind, Limit, LimitKind
from domain.line import LineStatus
from domain.money import Money
from storage.base import Row
from storage.exposure.chains import Chains
from storage.exposure.chains import entry_id_now as entry_id_now

CUSTOMER, GROUP = "customer", "group"


class AccountRow(Row):
    __tablename__ = "exposure_account"

    account_no: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str]
    owner_id: Mapped[str]
    customer_id: Mapped[str | None]
    currency: Mapped[str]
    customer_no: Mapped[int | None] = mapped_column(BigInteger)  # a line's, where there is a cap
    parent_no: Mapped[int | None] = mapped_column(BigInteger)  # a line's group
    limit_kind: Mapped[str]
    limit_minor: Mapped[int] = mapped_column(BigInteger)
    over_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    reserved_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    used_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    entries: Mapped[int] = mapped_column(BigInteger, default=0)
    decision_id: Mapped[str]
    status: Mapped[str]
    starts_on: Mapped[date | None]
    last_draw_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    terms_days: Mapped[int | None]


class EntryRow(Row):
    __tablename__ = "exposure_entry"

    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str]
    kind: Mapped[str]
    account_no: Mapped[int] = mapped_column(BigInteger)
    seq: Mapped[int] = mapped_column(BigInteger)
    customer_no: Mapped[int | None] = mapped_column(BigInteger)
    customer_seq: Mapped[int | None] = mapped_column(BigInteger)
    group_no: Mapped[int | None] = mapped_column(BigInteger)
    group_seq: Mapped[int | None] = mapped_column(BigInteger)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    reserved_minor: Mapped[int] = mapped_column(BigInteger)
    used_minor: Mapped[int] = mapped_column(BigInteger)
    reserved_after: Mapped[int] = mapped_column(BigInteger)
    used_after: Mapped[int] = mapped_column(BigInteger)
    headroom_minor: Mapped[int | None] = mapped_column(BigInteger)
    binding_no: Mapped[int | None] = mapped_column(BigInteger)
    reservation_id: Mapped[UUID | None]
    expires_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    limit_kind: Mapped[str | None]
    limit_minor: Mapped[int | None] = mapped_column(BigInteger)
    decision_id: Mapped[str | None]
    business_on: Mapped[date]
    posted_by: Mapped[str]
    recorded_at: Mapped[datetime]
    terms: Mapped[str | None]


class Accounts:
    """The accounts of lines, customers and groups, as decisions open, limit and close them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open_line(
        self,
        line_id: str,
        *,
        customer_id: str,
        group_id: str | None,
        limit: Money,
        decision_id: str,
        starts_on: date,
        last_draw_on: date,
        ends_on: date,
        business_on: date,
        terms_days: int | None = None,
    ) -> None:
        """Open a line's account with its first limit, and its group's where it has none yet.

        A group without a limit of its own adds up what its members take and limits nothing. The
        line comes under the account of its customer where a cap was set on that, and of the group
        its customer is in by now; `group_id` counts for a customer that is not on record.
        """
        currency = limit.currency
        chains = Chains(self._session)
        chains.lock([customer_id])
        group_id = chains.find_group(customer_id, group_id)
        parent_no = (
            self._open_group(group_id, currency, decision_id, business_on) if group_id else None
        )
        self._open(
            "line",
            line_id,
            Limit.of(limit),
            currency,
            decision_id,
            business_on,
            customer_id=customer_id,
            customer_no=chains.find_own(customer_id, currency),
            parent_no=parent_no,
            starts_on=starts_on,
            last_draw_on=last_draw_on,
            ends_on=ends_on,
            terms_days=terms_days,
        )

    def set_limit(
        self,
        owner_id: str,
        limit: Limit,
        *,
        decision_id: str,
        key: str,
        business_on: date,
        kind: str = "line",
        currency: str | None = None,
    ) -> Limit:
        """Put a decided limit in force, once per key; the limit now in force.

        Below what is taken it leaves no headroom, and nothing is ever negative: what stands above
        it melts as it is given back.
        """
        account = self._lock(kind, owner_id, currency)
        columns = _limit_columns(limit)
        written = self._session.execute(
            upsert(EntryRow)
            .values(
                **_entry_columns(key, EntryKind.LIMIT, account, columns, decision_id, business_on)
            )
            .on_conflict_do_nothing()
            .returning(EntryRow.entry_id)
        ).first()
        if written is None:
            self._read_own_limit(key, account, columns)
            return _limit_of(account)
        taken = account.reserved_minor + account.used_minor
        over = 0 if limit.amount is None else max(taken - limit.amount.minor, 0)
        if limit.kind is LimitKind.NONE:
            over = taken
        self._session.execute(
            update(AccountRow)
            .where(AccountRow.account_no == account.account_no)
            .values(
                **columns,
                over_minor=over,
                decision_id=decision_id,
                entries=AccountRow.entries + 1,
            )
            .execution_options(synchronize_session=False)
        )
        return limit

    def set_standing(
        self,
        line_id: str,
        status: LineStatus,
        *,
        starts_on: date,
        last_draw_on: date,
        ends_on: date,
    ) -> None:
        """Say on the account what the line's row says, so that orders see it at once."""
        self._session.execute(
            update(AccountRow)
            .where(AccountRow.kind == "line", AccountRow.owner_id == line_id)
            .values(status=status, starts_on=starts_on, last_draw_on=last_draw_on, ends_on=ends_on)
            .execution_options(synchronize_session=False)
        )

    def set_terms(self, line_id: str, terms_days: int) -> None:
        """The longest days of the approved terms, which orders are held to."""
        self._session.execute(
            update(AccountRow)
            .where(AccountRow.kind == "line", AccountRow.owner_id == line_id)
            .values(terms_days=terms_days)
            .execution_options(synchronize_session=False)
        )

    def find_limit(self, line_id: str) -> Limit | None:
        """The limit in force on a line."""
        row = self._session.scalar(
            select(AccountRow)
            .where(AccountRow.kind == "line", AccountRow.owner_id == line_id)
            .execution_options(populate_existing=True)
        )
        return _limit_of(row) if row else None

    def set_customer_cap(
        self,
        customer_id: str,
        currency: str,
        limit: Limit,
        *,
        decision_id: str,
        business_on: date,
    ) -> None:
        """Put a decided cap over all the customer's lines in a currency in force.

        With the first one the customer gets its account, which holds what its lines hold. Where
        merged records had a cap each, one decided on the customer takes the place of both.
        """
        chains = Chains(self._session)
        chains.hold_lines([customer_id])
        owners = chains.owners(customer_id, currency)
        for owner_id in owners:
            self._decide(CUSTOMER, owner_id, limit, currency, decision_id, business_on)
        if not owners:
            survivor = chains.survivor(customer_id)
            self._open(CUSTOMER, survivor, limit, currency, decision_id, business_on)
        chains.place([customer_id], business_on)

    def set_group_cap(
        self,
        group_id: str,
        currency: str,
        limit: Limit,
        *,
        decision_id: str,
        business_on: date,
    ) -> None:
        """Put a decided cap over all lines of a group's members in a currency in force.

        An account that is not there yet opens with it, before a line comes under it: the database
        holds a limit to the newest decision, and the opening would not be that any more. Who joins
        while this waits is put under it by what lets it join: asking again for the members here, with
        the group's row held, would wait for a line whose order waits for that row.
        """
        chains = Chains(self._session)
        members = chains.members(group_id)
        chains.hold_lines(members)
        if self.find_balance(GROUP, group_id, currency) is None:
            self._open(GROUP, group_id, limit, currency, decision_id, business_on)
        chains.place(members, business_on)
        if self._lock(GROUP, group_id, currency).decision_id != decision_id:
            self._decide(GROUP, group_id, limit, currency, decision_id, business_on)

    def find_balance(self, kind: str, owner_id: str, currency: str) -> Balance | None:
        """Where an account stands, if there is one."""
        row = self._session.scalar(
            select(AccountRow)
            .where(
                AccountRow.kind == kind,
                AccountRow.owner_id == owner_id,
                AccountRow.currency == currency,
            )
            .execution_options(populate_existing=True)
        )
        return balance_of(row) if row is not None else None

    def caps(self, kind: str, owner_id: str) -> list[tuple[Balance, str]]:
        """The accounts of a customer or a group by currency, each with the letter of its limit.

        A customer is asked for by any of its ids; where two of its records had a cap each, the
        tighter one is said, as that counts.
        """
        chains = Chains(self._session)
        rows = [
            self._session.get(AccountRow, account_no, populate_existing=True)
            for account_no in chains.accounts_of(kind, owner_id)
        ]
        return [(balance_of(row), row.decision_id) for row in rows if row is not None]

    def taken_of(self, customer_ids: Sequence[str], currency: str) -> Money:
        """What is reserved and used on the lines of these customers in a currency."""
        taken = self._session.scalar(
            text(
                "SELECT coalesce(sum(reserved_minor + used_minor), 0) FROM exposure_account"
                " WHERE kind = 'line' AND currency = :currency"
                " AND customer_id = ANY (customer_ids(VARIADIC :customer_ids))"
            ),
            {"currency": currency, "customer_ids": list(customer_ids)},
        )
        return Money(minor=int(taken or 0), currency=currency)

    def _decide(
        self,
        kind: str,
        owner_id: str,
        limit: Limit,
        currency: str,
        decision_id: str,
        business_on: date,
    ) -> None:
        self.set_limit(
            owner_id,
            limit,
            decision_id=decision_id,
            key=f"{decision_id}/{kind}/{owner_id}",
            business_on=business_on,
            kind=kind,
            currency=currency,
        )

    def _open_group(self, group_id: str, currency: str, decision_id: str, business_on: date) -> int:
        return self._open(GROUP, group_id, Limit.unlimited(), currency, decision_id, business_on)

    def _open(
        self,
        kind: str,
        owner_id: str,
        limit: Limit,
        currency: str,
        decision_id: str,
        business_on: date,
        **columns: Any,
    ) -> int:
        """Open an account unless it is there; its number."""
        limited = _limit_columns(limit)
        self._session.execute(
            upsert(AccountRow)
            .values(
                kind=kind,
                owner_id=owner_id,
                currency=currency,
                decision_id=decision_id,
                status=LineStatus.ACTIVE,
                entries=0,
                **limited,
                **columns,
            )
            .on_conflict_do_nothing()
        )
        account = self._lock(kind, owner_id, currency)
        if account.entries == 0:
            key = f"{kind}/{owner_id}/{currency}/opening"
            self._session.execute(
                insert(EntryRow).values(
                    **_entry_columns(
                        key, EntryKind.OPENING, account, limited, decision_id, business_on
                    )
                )
            )
            self._session.execute(
                update(AccountRow)
                .where(AccountRow.account_no == account.account_no)
                .values(entries=1)
                .execution_options(synchronize_session=False)
            )
        return account.account_no

    def _lock(self, kind: str, owner_id: str, currency: str | None) -> AccountRow:
        query = select(AccountRow).where(AccountRow.kind == kind, AccountRow.owner_id == owner_id)
        if currency is not None:
            query = query.where(AccountRow.currency == currency)
        account = self._session.scalar(
            query.with_for_update(key_share=True).execution_options(populate_existing=True)
        )
        if account is None:
            raise NotFound(kind="account", id=f"{kind}/{owner_id}")
        return account

    def _read_own_limit(self, key: str, account: AccountRow, columns: dict[str, Any]) -> None:
        first = self._session.scalar(select(EntryRow).where(EntryRow.key == key))
        asked = (account.account_no, columns["limit_kind"], columns["limit_minor"])
        if first is None or (first.account_no, first.limit_kind, first.limit_minor) != asked:
            raise KeyReused(key=key)


def entry_of(row: EntryRow, line_id: str, currency: str) -> Entry:
    def money(minor: int) -> Money:
        return Money(minor=minor, currency=currency)

    return Entry(
        entry_id=str(row.entry_id),
        line_id=line_id,
        seq=row.seq,
        kind=EntryKind(row.kind),
        amount=money(row.amount_minor) if row.amount_minor else None,
        reserved=money(row.reserved_minor),
        used=money(row.used_minor),
        reserved_after=money(row.reserved_after),
        used_after=money(row.used_after),
        reservation_id=str(row.reservation_id) if row.reservation_id else None,
        expires_at=row.expires_at,
        limit=limit_of(row.limit_kind, row.limit_minor, currency) if row.limit_kind else None,
        decision_id=row.decision_id,
        reason=row.reason,
        terms=row.terms,
        business_on=row.business_on,
        posted_by=row.posted_by,
        recorded_at=row.recorded_at,
    )


def balance_of(row: AccountRow) -> Balance:
    return Balance(
        account=f"{row.kind}/{row.owner_id}",
        limit=_limit_of(row),
        reserved=Money(minor=row.reserved_minor, currency=row.currency),
        used=Money(minor=row.used_minor, currency=row.currency),
    )


def limit_of(kind: str, minor: int | None, currency: str) -> Limit:
    if kind == LimitKind.AMOUNT:
        return Limit.of(Money(minor=minor or 0, currency=currency))
    return Limit(kind=LimitKind(kind))


def _limit_of(row: AccountRow) -> Limit:
    return limit_of(row.limit_kind, row.limit_minor, row.currency)


def _limit_columns(limit: Limit) -> dict[str, Any]:
    return {
        "limit_kind": limit.kind.value,
        "limit_minor": limit.amount.minor if limit.amount is not None else 0,
    }


def _entry_columns(
    key: str,
    kind: EntryKind,
    account: AccountRow,
    limited: dict[str, Any],
    decision_id: str,
    business_on: date,
) -> dict[str, Any]:
    """An entry that moves no amount: it says which decision gave the account which limit."""
    return {
        "entry_id": UUID(entry_id_now()),
        "key": key,
        "kind": kind.value,
        "account_no": account.account_no,
        "seq": account.entries + 1,
        "amount_minor": 0,
        "reserved_minor": 0,
        "used_minor": 0,
        "reserved_after": account.reserved_minor,
        "used_after": account.used_minor,
        "decision_id": decision_id,
        "business_on": business_on,
        "posted_by": "system",
        **limited,
    }
