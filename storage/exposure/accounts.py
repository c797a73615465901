"""Accounts of exposure: opened by the first letter of a line or of a cap, limited by each after it.

Everything here belongs to the transaction of the decision it carries out. What orders and payments
move is `movements`.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue, Identity, insert, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import ExchangeRefused, KeyReused, NotFound, OverLimit
from domain.exposure import (
    Balance,
    Entry,
    EntryKind,
    Fitting,
    Limit,
    LimitKind,
    LimitPart,
    SubLimit,
    UseBounds,
    limit_on,
)
from domain.line import LineStatus
from domain.money import Money
from storage.base import Row
from storage.exposure.chains import Chains
from storage.exposure.chains import entry_id_now as entry_id_now

LINE, SUB_LINE, CUSTOMER, GROUP = "line", "sub_line", "customer", "group"
COVERS = ("guarantor", "insurer")
NAMED = (LINE, SUB_LINE)  # these count amounts by name beside exposure


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
    line_no: Mapped[int | None] = mapped_column(BigInteger)  # a sub-line's
    has_sub_lines: Mapped[bool] = mapped_column(default=False)
    product: Mapped[str | None]
    purpose: Mapped[str | None]
    cover_nos: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    parts: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    nominal_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    nominal_limit_minor: Mapped[int | None] = mapped_column(BigInteger)
    revolving: Mapped[bool] = mapped_column(default=True)
    spent_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    tenor_months: Mapped[int | None]
    matures_by: Mapped[date | None]
    deposit_share: Mapped[Decimal | None]
    moved_on: Mapped[date | None]
    held: Mapped[bool] = mapped_column(default=False)  # a hold stands on the line or its customer


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
    sub_no: Mapped[int | None] = mapped_column(BigInteger)
    sub_seq: Mapped[int | None] = mapped_column(BigInteger)
    cover_nos: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    cover_seqs: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    nominal_minor: Mapped[int | None] = mapped_column(BigInteger)
    parts: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    due_on: Mapped[date | None]
    fact: Mapped[str | None]  # of a refusal, as it was told
    digest: Mapped[bytes] = mapped_column(server_default=FetchedValue(), deferred=True)


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
        bounds: UseBounds | None = None,
        parts: Sequence[LimitPart] = (),
    ) -> None:
        """Open a line's account with its first limit, those of its sub-lines, and its group's where
        it has none yet.

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
        bounds = bounds or UseBounds()
        fitting, nominal = bounds.fitting, bounds.fitting.nominal_limit
        line_no = self._open(
            "line",
            line_id,
            Limit.of(limit),
            currency,
            decision_id,
            business_on,
            parts,
            customer_id=customer_id,
            customer_no=chains.find_own(customer_id, currency),
            parent_no=parent_no,
            starts_on=starts_on,
            last_draw_on=last_draw_on,
            ends_on=ends_on,
            terms_days=bounds.terms_days,
            has_sub_lines=bool(bounds.sub_lines),
            product=fitting.product,
            purpose=fitting.purpose,
            tenor_months=fitting.tenor_months,
            matures_by=fitting.matures_by,
            deposit_share=fitting.deposit_share or None,
            nominal_limit_minor=nominal.minor if nominal is not None else None,
            revolving=fitting.revolving,
        )
        for each in bounds.sub_lines:
            self._open_sub_line(line_no, line_id, each, decision_id, business_on)

    def set_sub_limits(
        self,
        line_id: str,
        sub_lines: Sequence[SubLimit],
        *,
        fitting: Fitting,
        decision_id: str,
        business_on: date,
    ) -> None:
        """Put the sub-lines of a further letter in force: new ones open, those it does not name
        have no limit any more, and uses name one from now on where there are any."""
        line = self._lock(LINE, line_id, None)
        nominal = fitting.nominal_limit
        wanted = {each.product: each for each in sub_lines}
        known = dict(
            self._session.execute(
                select(AccountRow.product, AccountRow.owner_id).where(
                    AccountRow.line_no == line.account_no
                )
            ).all()
        )
        for product, owner_id in sorted(known.items()):
            named = wanted.get(product or "")
            self.set_limit(
                owner_id,
                Limit.of(named.limit) if named is not None else Limit.none(),
                decision_id=decision_id,
                key=f"{decision_id}/{SUB_LINE}/{owner_id}",
                business_on=business_on,
                kind=SUB_LINE,
                currency=line.currency,
            )
            if named is not None:
                self._session.execute(
                    update(AccountRow)
                    .where(AccountRow.kind == SUB_LINE, AccountRow.owner_id == owner_id)
                    .values(**_sub_terms(named))
                    .execution_options(synchronize_session=False)
                )
        for product in sorted(set(wanted) - set(known)):
            self._open_sub_line(line.account_no, line_id, wanted[product], decision_id, business_on)
        self._session.execute(
            update(AccountRow)
            .where(AccountRow.account_no == line.account_no)
            .values(
                has_sub_lines=bool(sub_lines),
                product=fitting.product,
                purpose=fitting.purpose,
                tenor_months=fitting.tenor_months,
                matures_by=fitting.matures_by,
                deposit_share=fitting.deposit_share or None,
                nominal_limit_minor=nominal.minor if nominal is not None else None,
            )
            .execution_options(synchronize_session=False)
        )

    def _open_sub_line(
        self, line_no: int, line_id: str, sub: SubLimit, decision_id: str, business_on: date
    ) -> None:
        self._open(
            SUB_LINE,
            sub_line_id(line_id, sub.product),
            Limit.of(sub.limit),
            sub.limit.currency,
            decision_id,
            business_on,
            line_no=line_no,
            product=sub.product,
            **_sub_terms(sub),
        )

    def move_limit(
        self,
        line_id: str,
        source: str,
        target: str,
        amount: Money,
        *,
        key: str,
        business_on: date,
        posted_by: str,
    ) -> None:
        """Exchange between two sub-lines of a line, once per key: the sum of both stays.

        Only what is free moves: refuses `OverLimit` with the source's headroom, `NotFound` where
        either is none of the line's, `KeyReused`.
        """
        line = self._lock(LINE, line_id, amount.currency)
        subs = {each: self._find_sub(line, each) for each in sorted((source, target))}
        headroom = balance_of(subs[source], business_on).headroom
        done = self._session.scalar(select(EntryRow).where(EntryRow.key == f"{key}/from"))
        if done is not None:
            moved = (done.account_no, done.amount_minor)
            into = self._session.scalar(
                select(EntryRow.account_no).where(EntryRow.key == f"{key}/to")
            )
            wanted = (subs[source].account_no, amount.minor)
            if moved != wanted or into != subs[target].account_no:
                raise KeyReused(key=key)
            return
        for sub in subs.values():
            if sub.limit_kind != LimitKind.AMOUNT:
                raise ExchangeRefused(product=sub.product, reason="it has no limit of an amount")
        if headroom is not None and amount > headroom:
            raise OverLimit(
                amount=amount, headroom=headroom, binding=f"{SUB_LINE}/{subs[source].owner_id}"
            )
        for sub, sign, end in ((subs[source], -1, "from"), (subs[target], 1, "to")):
            limited = {
                "limit_kind": sub.limit_kind,
                "limit_minor": sub.limit_minor + sign * amount.minor,
            }
            columns = _entry_columns(
                f"{key}/{end}", EntryKind.LIMIT, sub, limited, line.decision_id, business_on
            ) | {
                "amount_minor": amount.minor,
                "posted_by": posted_by,
                "reason": "exchange",
            }
            self._session.execute(insert(EntryRow).values(**columns))
            self._session.execute(
                update(AccountRow)
                .where(AccountRow.account_no == sub.account_no)
                .values(**limited, decision_id=line.decision_id, entries=AccountRow.entries + 1)
                .execution_options(synchronize_session=False)
            )

    def set_product_standing(self, line_id: str, product: str, status: LineStatus) -> None:
        """Freeze one product of a line, or let it be used again; orders see it at once."""
        line = self._lock(LINE, line_id, None)
        sub = self._find_sub(line, product)
        self._session.execute(
            update(AccountRow)
            .where(AccountRow.account_no == sub.account_no)
            .values(status=status)
            .execution_options(synchronize_session=False)
        )

    def sub_lines(self, line_id: str, on: date | None = None) -> list[tuple[Balance, LineStatus]]:
        """Where each sub-line of a line stands, by product."""
        rows = self._session.scalars(
            select(AccountRow)
            .where(AccountRow.line_no == _number_of(line_id))
            .order_by(AccountRow.product)
            .execution_options(populate_existing=True)
        )
        return [(balance_of(row, on), LineStatus(row.status)) for row in rows]

    def _find_sub(self, line: AccountRow, product: str) -> AccountRow:
        sub = self._session.scalar(
            select(AccountRow)
            .where(AccountRow.line_no == line.account_no, AccountRow.product == product)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        if sub is None:
            raise NotFound(kind="sub-line", id=sub_line_id(line.owner_id, product))
        return sub

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
        parts: Sequence[LimitPart] = (),
    ) -> Limit:
        """Put a decided limit and its dated parts in force, once per key; the limit now in force.

        Below what is taken it leaves no headroom, and nothing is ever negative: what stands above
        it melts as it is given back.
        """
        account = self._lock(kind, owner_id, currency)
        columns = _limit_columns(limit, parts)
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
        taken = account.reserved_minor + account.used_minor + account.spent_minor
        counting = limit_on(limit, parts, business_on)
        over = 0 if counting.amount is None else max(taken - counting.amount.minor, 0)
        if limit.kind is LimitKind.NONE:
            over = taken
        self._session.execute(
            update(AccountRow)
            .where(AccountRow.account_no == account.account_no)
            .values(
                **columns,
                over_minor=over,
                moved_on=business_on,
                decision_id=decision_id,
                entries=AccountRow.entries + 1,
            )
            .execution_options(synchronize_session=False)
        )
        return limit

    def set_parts(
        self, line_id: str, code: str, parts: Sequence[LimitPart], *, business_on: date
    ) -> bool:
        """Put other dated parts of a kind beside a line's limit, which stays as it was decided;
        whether that is anything new."""
        account = self._lock(LINE, line_id, None)
        standing = parts_of(account.parts, account.currency)
        wanted = (*(each for each in standing if each.code != code), *parts)
        if wanted == standing:
            return False
        self.set_limit(
            line_id,
            _limit_of(account),
            decision_id=account.decision_id,
            key=f"{line_id}/parts/{account.entries + 1}",
            business_on=business_on,
            parts=wanted,
        )
        return True

    def hold_customers(self, customer_ids: Sequence[str]) -> None:
        """No order moves a line of these customers until the transaction ends."""
        Chains(self._session).hold_lines(customer_ids)

    def hold_lines(self, line_ids: Sequence[str]) -> None:
        """Lock the accounts of these lines as orders do, by number: none moves meanwhile."""
        self._session.execute(
            select(AccountRow.account_no)
            .where(AccountRow.kind == LINE, AccountRow.owner_id.in_(line_ids))
            .order_by(AccountRow.account_no)
            .with_for_update(key_share=True)
        ).all()

    def hold_covers(self, line_ids: Sequence[str]) -> None:
        """Lock the accounts that lines which are held stand on, of all of them in one order."""
        found = self._session.scalars(
            select(AccountRow.cover_nos).where(
                AccountRow.kind == LINE, AccountRow.owner_id.in_(line_ids)
            )
        )
        Chains(self._session).hold_above({number for each in found for number in each or ()})

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

    def set_cover(
        self,
        line_id: str,
        currency: str,
        covers: Mapping[tuple[str, str], Limit],
        *,
        decision_id: str,
        business_on: date,
    ) -> None:
        """Let a line stand on guarantors and insurers, by kind and id, each with what it can bear of
        all lines that stand on it, and on nobody else; what is above that melts."""
        # Locks as an order takes them: the line, then what it stands on, by number and not by name.
        line, chains = self._lock(LINE, line_id, currency), Chains(self._session)
        for kind, owner_id in covers:
            if kind not in COVERS:
                raise NotFound(kind="account", id=f"{kind}/{owner_id}")
        numbers = [
            self._open(kind, owner_id, limit, currency, decision_id, business_on)
            for (kind, owner_id), limit in sorted(covers.items())
        ]
        chains.hold_above({*numbers, *(line.cover_nos or ())})
        for (kind, owner_id), limit in sorted(covers.items()):
            found = self._lock(kind, owner_id, currency)
            if _limit_of(found) != limit:
                self.set_limit(
                    owner_id,
                    limit,
                    decision_id=decision_id,
                    # What it can bear may come and go, and come back, under one letter.
                    key=f"{decision_id}/{kind}/{owner_id}/{found.entries + 1}",
                    business_on=business_on,
                    kind=kind,
                    currency=currency,
                )
        chains.stand_on(line_id, numbers, business_on)

    def find_balance(
        self, kind: str, owner_id: str, currency: str, on: date | None = None
    ) -> Balance | None:
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
        return balance_of(row, on) if row is not None else None

    def newest_limit_key(self, kind: str, owner_id: str, currency: str) -> str:
        """The key of the decision that an account's limit is of; empty where it opened with it.

        What only put other dated parts beside the limit is none.
        """
        key = self._session.scalar(
            select(EntryRow.key)
            .join(AccountRow, AccountRow.account_no == EntryRow.account_no)
            .where(
                AccountRow.kind == kind,
                AccountRow.owner_id == owner_id,
                AccountRow.currency == currency,
                EntryRow.kind == EntryKind.LIMIT,
                EntryRow.key.not_like("%/parts/%"),
            )
            .order_by(EntryRow.seq.desc())
            .limit(1)
        )
        return key or ""

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

    def has_used(self, line_id: str) -> bool:
        """Whether anything of a line was ever used."""
        query = text(
            "SELECT EXISTS (SELECT FROM exposure_entry e JOIN exposure_account a USING (account_no)"
            " WHERE a.kind = 'line' AND a.owner_id = :line_id AND e.kind = 'commit')"
        )
        return bool(self._session.scalar(query, {"line_id": line_id}))

    def product_asked(
        self, line_id: str | None, customer_id: str | None, currency: str, on: date
    ) -> tuple[str | None, str | None]:
        """The line that an order would be taken from, and the one product it is of; none where
        there is no such line, or it is of several."""
        query = text(
            "SELECT owner_id, product FROM exposure_account WHERE kind = 'line' AND owner_id ="
            " coalesce(:line_id, exposure_line_of(:customer_id, :currency, :business_on))"
        )
        asked = {"line_id": line_id, "customer_id": customer_id, "currency": currency}
        row = self._session.execute(query, {**asked, "business_on": on}).first()
        return (row.owner_id, row.product) if row is not None else (None, None)

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
        parts: Sequence[LimitPart] = (),
        **columns: Any,
    ) -> int:
        """Open an account unless it is there, which locks nothing; its number."""
        limited = _limit_columns(limit, parts)
        opened: int | None = self._session.scalar(
            upsert(AccountRow)
            .values(
                kind=kind,
                owner_id=owner_id,
                currency=currency,
                decision_id=decision_id,
                status=LineStatus.ACTIVE,
                entries=0,
                moved_on=business_on,
                **limited,
                **columns,
            )
            .on_conflict_do_nothing()
            .returning(AccountRow.account_no)
        )
        if opened is None:
            return self._number(kind, owner_id, currency)
        account = self._lock(kind, owner_id, currency)
        key = f"{kind}/{owner_id}/{currency}/opening"
        self._session.execute(
            insert(EntryRow).values(
                **_entry_columns(key, EntryKind.OPENING, account, limited, decision_id, business_on)
            )
        )
        self._session.execute(
            update(AccountRow)
            .where(AccountRow.account_no == opened)
            .values(entries=1)
            .execution_options(synchronize_session=False)
        )
        return opened

    def _number(self, kind: str, owner_id: str, currency: str) -> int:
        return self._session.execute(
            select(AccountRow.account_no).where(
                AccountRow.kind == kind,
                AccountRow.owner_id == owner_id,
                AccountRow.currency == currency,
            )
        ).scalar_one()

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
        asked = (account.account_no, *columns.values())
        if (
            first is None
            or (
                first.account_no,
                *(getattr(first, name) for name in columns),
            )
            != asked
        ):
            raise KeyReused(key=key)


def sub_line_id(line_id: str, product: str) -> str:
    return f"{line_id}/{product}"


def entry_of(row: EntryRow, line_id: str, currency: str, product: str | None = None) -> Entry:
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
        parts=parts_of(row.parts, currency),
        decision_id=row.decision_id,
        reason=row.reason,
        terms=row.terms,
        product=product,
        nominal=money(row.nominal_minor) if row.nominal_minor is not None else None,
        due_on=row.due_on,
        business_on=row.business_on,
        posted_by=row.posted_by,
        recorded_at=row.recorded_at,
    )


def _sub_terms(sub: SubLimit) -> dict[str, Any]:
    """What the uses of a sub-line are held to."""
    return {
        "purpose": sub.purpose,
        "tenor_months": sub.tenor_months,
        "revolving": sub.revolving,
        "deposit_share": sub.deposit_share or None,
    }


def balance_of(row: AccountRow, on: date | None = None) -> Balance:
    """Where an account stands on a day; without one, on the day it was looked at last."""
    parts = parts_of(row.parts, row.currency)
    limit = limit_of(row.limit_kind, row.limit_minor, row.currency)

    def money(minor: int | None) -> Money | None:
        return Money(minor=minor, currency=row.currency) if minor is not None else None

    return Balance(
        account=f"{row.kind}/{row.owner_id}",
        limit=limit_on(limit, parts, on or row.moved_on or date.min),
        reserved=Money(minor=row.reserved_minor, currency=row.currency),
        used=Money(minor=row.used_minor, currency=row.currency),
        spent=money(row.spent_minor or None),
        parts=parts,
        nominal=money(row.nominal_minor)
        if row.nominal_minor != row.reserved_minor + row.used_minor and row.kind in NAMED
        else None,
        nominal_limit=money(row.nominal_limit_minor),
    )


def limit_of(kind: str, minor: int | None, currency: str) -> Limit:
    if kind == LimitKind.AMOUNT:
        return Limit.of(Money(minor=minor or 0, currency=currency))
    return Limit(kind=LimitKind(kind))


def parts_of(parts: list[dict[str, Any]] | None, currency: str) -> tuple[LimitPart, ...]:
    return tuple(
        LimitPart(
            amount=Money(minor=part["minor"], currency=currency),
            from_on=part.get("from"),
            until_on=part.get("until"),
            code=part["code"],
            of=part.get("of", ""),
        )
        for part in parts or ()
    )


def _part_columns(part: LimitPart) -> dict[str, Any]:
    said = {
        "minor": part.amount.minor,
        "from": part.from_on.isoformat() if part.from_on is not None else None,
        "until": part.until_on.isoformat() if part.until_on is not None else None,
        "code": part.code,
        "of": part.of or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _limit_of(row: AccountRow) -> Limit:
    return limit_of(row.limit_kind, row.limit_minor, row.currency)


def _limit_columns(limit: Limit, parts: Sequence[LimitPart] = ()) -> dict[str, Any]:
    return {
        "limit_kind": limit.kind.value,
        "limit_minor": limit.amount.minor if limit.amount is not None else 0,
        "parts": [_part_columns(part) for part in parts] or None,
    }


def _number_of(line_id: str) -> Any:
    return (
        select(AccountRow.account_no)
        .where(AccountRow.kind == LINE, AccountRow.owner_id == line_id)
        .scalar_subquery()
    )


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
