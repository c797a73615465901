"""Taking and giving back, at database speed: one call, one round trip, durable before it answers.

This is the one place that commits by itself: the procedures of migration 0047 end their own
transactions, so they are called on connections of their own, outside any other. Every movement has
a key; a call that a broken connection left unanswered is simply made again.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

import psycopg2
import structlog
from psycopg2.errorcodes import QUERY_CANCELED
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import aliased

from domain.contract import Terms
from domain.errors import (
    AmountNotPositive,
    CurrencyMismatch,
    Malformed,
    NotFound,
    ReservationClosed,
    TermsExceeded,
    UseHeld,
)
from domain.exposure import (
    PLAIN,
    Balance,
    Entry,
    EntryKind,
    Movement,
    OpenReservation,
    Proof,
    ProofPlace,
    Use,
    takeable,
)
from domain.money import Money
from domain.reasons import because
from domain.terms import RankedTerms
from storage.base import Records
from storage.exposure.accounts import AccountRow, EntryRow, balance_of, entry_id_now, entry_of
from storage.exposure.answers import (
    Answer,
    Columns,
    answer_of,
    granted,
    is_grant,
    movement_of,
    refusal_of,
)
from storage.exposure.connections import STATEMENT_SECONDS_MAX, Connections
from storage.exposure.proof import proof_of, prove

KEY_LENGTH_MAX = 300
_ATTEMPTS = 3
_log = structlog.get_logger("ledger")
_HELD = "CF052"  # by a use with approval, as migration 0052 says
# What an order does not say is not sent: reading the words of a call is a good part of its time.
_RESERVE = f"CALL exposure_reserve_plain({', '.join(['%s'] * 9 + ['NULL'] * 6)})"
_RESERVE_ON_TERMS = f"CALL exposure_reserve({', '.join(['%s'] * 9 + ['NULL'] * 6 + ['%s'] * 2)})"
_RESERVE_FOR_USE = f"CALL exposure_reserve({', '.join(['%s'] * 9 + ['NULL'] * 6 + ['%s'] * 7)})"
_MOVE = f"""CALL exposure_move({", ".join(["%s"] * 10 + ["NULL"] * 6 + ["%s"] * 2)},
    %s::bigint[], %s::uuid[])"""


_REVIVE = f"CALL exposure_revive({', '.join(['%s'] * 5 + ['NULL'] * 6)})"
_STANDING = text(
    """
    SELECT e.key FROM exposure_entry e
    WHERE e.key = ANY (:keys) AND e.kind = 'repay' AND e.business_on <= :on
        AND NOT EXISTS (SELECT FROM exposure_entry r
            WHERE r.key = e.key || '/revived' AND r.business_on <= :on)
    """
)


class Exposure:
    """The book, for whoever checks, reserves, uses and repays; one a program."""

    def __init__(
        self,
        records: Records,
        *,
        connections_max: int = 10,
        statement_seconds_max: float = STATEMENT_SECONDS_MAX,
    ) -> None:
        self._records = records
        url = records.engine.url
        self._connections = Connections(url, connections_max, statement_seconds_max)

    def close(self) -> None:
        self._connections.close()

    # ── movements ────────────────────────────────────────────────────────────────────────────────

    def reserve(
        self,
        line_id: str,
        amount: Money,
        key: str,
        *,
        business_on: date,
        expires_at: datetime | None = None,
        posted_by: str = "system",
        terms: RankedTerms | None = None,
        use: Use = PLAIN,
    ) -> Movement:
        """Take an amount from a line and every account above it (预占), or refuse with the reason.

        The answer stands under its key, a refusal too: the same request gets it again, another
        amount or line refuses `KeyReused`. Refuses `OverLimit`, `LineNotActive`, `LineExpired`,
        `LineNotStarted`, `DrawsOver`, `CurrencyMismatch`, `AmountNotPositive`, and where the use is
        none that the line is for `ProductMissing`, `ProductRefused`, `PurposeRefused`,
        `TenorExceeded`, `MaturesLate`, `OverNominal`.
        """
        return self._reserve(
            line_id, None, amount, key, business_on, expires_at, posted_by, terms, use
        )

    def check(
        self,
        customer_id: str,
        amount: Money,
        key: str | None = None,
        *,
        business_on: date,
        expires_at: datetime | None = None,
        posted_by: str = "system",
        terms: RankedTerms | None = None,
        use: Use = PLAIN,
    ) -> Movement:
        """Reserve on the customer's line in the amount's currency; without a key, only answer.

        Refuses `NoLine`, `TermsExceeded` where the order's terms rank worse than the line's, and
        whatever `reserve` refuses.
        """
        if key is None:
            return self._ask(customer_id, _takeable(amount, use), business_on, terms, use)
        return self._reserve(
            None, customer_id, amount, key, business_on, expires_at, posted_by, terms, use
        )

    def commit(
        self,
        line_id: str,
        reservation_id: str,
        key: str,
        *,
        business_on: date,
        amount: Money | None = None,
        nominal: Money | None = None,
        keep_rest: bool = False,
        posted_by: str = "system",
    ) -> Movement:
        """A reservation becomes use (占用), wholly or for `amount`.

        The rest returns at once, or stays reserved (续留) in the reservation that `kept` names.
        """
        return self._move(
            EntryKind.COMMIT,
            line_id,
            key,
            business_on,
            posted_by,
            reservation_id,
            amount,
            nominal=nominal,
            rests=() if keep_rest else None,
        )

    def release(
        self,
        line_id: str,
        reservation_id: str,
        key: str,
        *,
        business_on: date,
        amount: Money | None = None,
        posted_by: str = "system",
    ) -> Movement:
        """A reservation is given back unused (释放); of `amount` the rest stays reserved."""
        return self._move(
            EntryKind.RELEASE,
            line_id,
            key,
            business_on,
            posted_by,
            reservation_id,
            amount,
            rests=() if amount is not None else None,
        )

    def split(
        self,
        line_id: str,
        reservation_id: str,
        parts: Sequence[Money],
        key: str,
        *,
        business_on: date,
        posted_by: str = "system",
    ) -> Movement:
        """A reservation becomes several, in `kept`; what they do not hold returns.

        Refuses `MoreThanReserved` where they would hold more than it did.
        """
        for part in parts:
            takeable(part)
        return self._move(
            EntryKind.RELEASE, line_id, key, business_on, posted_by, reservation_id, rests=parts
        )

    def repay(
        self,
        line_id: str,
        amount: Money,
        key: str,
        *,
        business_on: date,
        product: str | None = None,
        nominal: Money | None = None,
        posted_by: str = "system",
    ) -> Movement:
        """Use is paid back; always accepted, whatever the line's standing, up to what is used.

        By name it gives back what `nominal` says, and without it in proportion to what it pays of the
        use. With one the amount may be nothing: what a deposit covers wholly ends. `business_on` may
        lie back (补记): balances of days before it stay what they were.
        """
        return self._move(
            EntryKind.REPAY,
            line_id,
            key,
            business_on,
            posted_by,
            None,
            amount,
            product=product,
            nominal=nominal,
        )

    def revive(
        self, line_id: str, repaid_key: str, *, business_on: date, posted_by: str = "system"
    ) -> Movement | None:
        """What a repayment gave back is used again (恢复占用), as it came to nothing; once.

        Whatever the line's standing, and above its limit if need be: the debt is there. None where
        nothing was repaid under the key.
        """
        columns = self._call(
            _REVIVE, (entry_id_now(), line_id, checked_key(repaid_key), business_on, posted_by)
        )
        answer = answer_of(columns)
        if answer.verdict == "no_repayment":
            return None
        if answer.verdict != EntryKind.REVIVE:
            raise refusal_of(answer, None, repaid_key, line_id, None)
        assert answer.amount is not None
        assert answer.currency is not None
        moved = Money(minor=answer.amount, currency=answer.currency)
        return movement_of(EntryKind.REVIVE, answer, moved, None)

    def deposit(
        self,
        line_id: str,
        amount: Money,
        key: str,
        *,
        business_on: date,
        product: str | None = None,
        posted_by: str = "system",
    ) -> Movement:
        """A deposit is topped up (追加保证金): what is lent by name stays, so much less is exposure."""
        return self._move(
            EntryKind.DEPOSIT,
            line_id,
            key,
            business_on,
            posted_by,
            None,
            takeable(amount),
            product=product,
        )

    def give_back_deposit(
        self,
        line_id: str,
        amount: Money,
        key: str,
        *,
        business_on: date,
        product: str | None = None,
        posted_by: str = "system",
    ) -> Movement:
        """A deposit is given back (释放保证金), so much more is exposure; refuses `OverLimit`."""
        return self._move(
            EntryKind.DEPOSIT_BACK,
            line_id,
            key,
            business_on,
            posted_by,
            None,
            takeable(amount),
            product=product,
        )

    def expire(
        self, line_id: str, reservation_id: str, *, business_on: date, as_of: datetime
    ) -> Movement:
        """A reservation ends by its own time (预占失效); `OutOfOrder` where it is not due yet."""
        return self._move(
            EntryKind.EXPIRE,
            line_id,
            f"{reservation_id}/expire",
            business_on,
            "system",
            reservation_id,
            as_of=as_of,
        )

    def expire_due(self, *, business_on: date, as_of: datetime, most: int = 500) -> int:
        """End the reservations whose time is over, oldest first; how many ended now."""
        ended = 0
        for line_id, reservation_id in self._find_due(as_of, most):
            try:
                self.expire(line_id, reservation_id, business_on=business_on, as_of=as_of)
            except ReservationClosed:
                continue  # used or released since it was found
            except psycopg2.IntegrityError:  # those after it must not wait for it
                _log.exception("a reservation cannot end", reservation_id=reservation_id)
                continue
            ended += 1
        return ended

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def balances(self, line_id: str, on: date | None = None) -> tuple[Balance, ...]:
        """Where the line stands on a day, after it its sub-lines by product, its customer where a cap
        was set, whom it stands on, and then its group; without a day, on the one it was looked at
        last."""
        with self._records.begin() as session:
            line = session.scalar(
                select(AccountRow).where(AccountRow.kind == "line", AccountRow.owner_id == line_id)
            )
            if line is None:
                raise NotFound(kind="line", id=line_id)
            chain = (line.customer_no, *(line.cover_nos or ()), line.parent_no)
            above = [session.get(AccountRow, each) for each in chain if each is not None]
            subs = session.scalars(
                select(AccountRow)
                .where(AccountRow.line_no == line.account_no)
                .order_by(AccountRow.product)
            )
            rows = (line, *subs, *above)
            return tuple(balance_of(row, on) for row in rows if row is not None)

    def entries(
        self, line_id: str, *, before_seq: int | None = None, page_size: int = 50
    ) -> Sequence[Entry]:
        """The line's entries, newest first, from below `before_seq`."""
        sub = aliased(AccountRow)
        query = (
            select(EntryRow, AccountRow.currency, sub.product)
            .join(AccountRow, AccountRow.account_no == EntryRow.account_no)
            .outerjoin(sub, sub.account_no == EntryRow.sub_no)
            .where(AccountRow.kind == "line", AccountRow.owner_id == line_id)
            .order_by(EntryRow.seq.desc())
            .limit(page_size)
        )
        if before_seq is not None:
            query = query.where(EntryRow.seq < before_seq)
        with self._records.begin() as session:
            return [
                entry_of(row, line_id, currency, product)
                for row, currency, product in session.execute(query)
            ]

    def repaid_under(self, keys: Iterable[str], on: date) -> set[str]:
        """Under which of these keys something is repaid as of a day, and stays so."""
        with self._records.begin() as session:
            return set(session.scalars(_STANDING, {"keys": list(keys), "on": on}))

    def open_reservations(self, line_id: str, *, most: int = 500) -> Sequence[OpenReservation]:
        """The line's reservations that nothing has ended, newest first."""
        query = text(
            """
            SELECT e.entry_id, e.amount_minor, a.currency, e.business_on, e.expires_at,
                e.recorded_at
            FROM exposure_account a JOIN exposure_entry e USING (account_no)
            WHERE a.kind = 'line' AND a.owner_id = :line_id AND e.kind IN ('reserve', 'keep')
                AND NOT EXISTS (
                    SELECT FROM exposure_entry ending WHERE ending.reservation_id = e.entry_id)
            ORDER BY e.seq DESC LIMIT :most
            """
        )
        with self._records.begin() as session:
            return [
                OpenReservation(
                    reservation_id=str(row.entry_id),
                    line_id=line_id,
                    amount=Money(minor=row.amount_minor, currency=row.currency),
                    business_on=row.business_on,
                    expires_at=row.expires_at,
                    recorded_at=row.recorded_at,
                )
                for row in session.execute(query, {"line_id": line_id, "most": most})
            ]

    def verify(self) -> Proof:
        """Read the whole book again and prove every balance and every instant from it."""
        *_, last = self.verifying()
        return proof_of(self._records, last)

    def verifying(self, place: ProofPlace | None = None) -> Iterator[ProofPlace]:
        """The same in steps, from the place where an earlier proof stopped."""
        return prove(self._records, place)

    def proof_of(self, place: ProofPlace) -> Proof:
        """What a proof that is done says."""
        return proof_of(self._records, place)

    # ── the call ─────────────────────────────────────────────────────────────────────────────────

    def _reserve(
        self,
        line_id: str | None,
        customer_id: str | None,
        amount: Money,
        key: str,
        business_on: date,
        expires_at: datetime | None,
        posted_by: str,
        terms: RankedTerms | None,
        use: Use,
    ) -> Movement:
        _takeable(amount, use)
        entry_id = entry_id_now()
        call: str = _RESERVE
        said: tuple[Any, ...] = (
            entry_id,
            line_id,
            customer_id,
            amount.currency,
            amount.minor,
            checked_key(key),
            business_on,
            expires_at,
            posted_by,
        )
        if terms is not None or use is not PLAIN:
            call, said = _RESERVE_ON_TERMS, (*said, *_terms(terms))
        if use is not PLAIN:
            call, said = _RESERVE_FOR_USE, (*said, *_use(use))
        columns = self._call(call, said)
        if is_grant(columns):
            return granted(columns, line_id, entry_id, amount, expires_at)
        answer = answer_of(columns)
        if answer.verdict != EntryKind.RESERVE:
            self._refuse_terms(answer, terms)
            raise refusal_of(answer, amount, key, line_id or "", customer_id)
        return movement_of(EntryKind.RESERVE, answer, amount, answer.entry_id)

    def _move(
        self,
        kind: EntryKind,
        line_id: str,
        key: str,
        business_on: date,
        posted_by: str,
        reservation_id: str | None,
        amount: Money | None = None,
        as_of: datetime | None = None,
        product: str | None = None,
        nominal: Money | None = None,
        rests: Sequence[Money] | None = None,
    ) -> Movement:
        """`rests` are to stay reserved: () for all that is left, None for nothing."""
        if amount is not None and (amount or nominal is None):
            takeable(amount)
        currency = amount.currency if amount is not None else None
        for each in (*(rests or ()), *([nominal] if nominal is not None else ())):
            if currency is not None and each.currency != currency:
                raise CurrencyMismatch(first=each.currency, second=currency)
            currency = each.currency
        columns = self._call(
            _MOVE,
            (
                entry_id_now(),
                kind.value,
                line_id,
                reservation_id,
                currency,
                amount.minor if amount is not None else None,
                checked_key(key),
                business_on,
                as_of,
                posted_by,
                product,
                nominal.minor if nominal is not None else None,
                [each.minor for each in rests] if rests is not None else None,
                [entry_id_now() for _ in rests or (1,)] if rests is not None else None,
            ),
        )
        answer = answer_of(columns)
        if answer.verdict != kind:
            asked = amount if amount is not None or not rests else sum(rests[1:], rests[0])
            if (
                answer.verdict == "more_than_deposited"
                and nominal is not None
                and amount is not None
            ):
                asked = nominal - amount  # by name alone
            raise refusal_of(answer, asked, key, line_id, None, reservation_id)
        assert answer.amount is not None
        assert answer.currency is not None
        moved = Money(minor=answer.amount, currency=answer.currency)
        return movement_of(kind, answer, moved, reservation_id)

    def _ask(
        self,
        customer_id: str,
        amount: Money,
        business_on: date,
        terms: RankedTerms | None,
        use: Use,
    ) -> Movement:
        """The answer a reservation would get now, without making one."""
        query = text(
            f"""
            SELECT {", ".join(f"(v.answer).{name}" for name in Answer._fields)}
            FROM exposure_verdict(exposure_line_of(:customer_id, :currency, :business_on),
                :currency, :amount, :business_on, :terms_above, :product, :purpose, :nominal,
                :due_on, :deposit) v
            """
        )
        asked = {
            "customer_id": customer_id,
            "currency": amount.currency,
            "amount": amount.minor,
            "business_on": business_on,
            "terms_above": terms.days_above if terms is not None else None,
            "product": use.product,
            "purpose": use.purpose,
            "nominal": (use.nominal or amount).minor,
            "due_on": use.due_on,
            "deposit": use.deposit.minor if use.deposit is not None else None,
        }
        with self._records.begin() as session:
            answer = Answer(*session.execute(query, asked).one())
        if answer.verdict is not None:
            self._refuse_terms(answer, terms)
            raise refusal_of(answer, amount, "", "", customer_id)
        return movement_of(EntryKind.RESERVE, answer, amount, None)

    def _refuse_terms(self, answer: Answer, terms: RankedTerms | None) -> None:
        """Nothing, or `TermsExceeded` with both terms; those of the line are read now, as nobody
        waits for a refusal as for a grant."""
        if answer.verdict != "terms_exceeded" or terms is None:
            return
        days = int(answer.fact or 0)
        with self._records.begin() as session:
            said = session.scalar(
                text("SELECT terms FROM credit_line WHERE line_id = :line_id"),
                {"line_id": answer.line_id},
            )
        raise TermsExceeded(
            line_id=answer.line_id,
            asked=terms.text,
            asked_days=f"{terms.days:f}",
            asked_rank=terms.rank,
            approved=Terms.model_validate(said).payment_terms.text,
            approved_days=days,
            approved_rank=terms.rank_of_days(days),
        )

    def _find_due(self, as_of: datetime, most: int) -> Sequence[tuple[str, str]]:
        """Reservations whose time is over, oldest first.

        They are ended in this order, so everything a day older than the last one that ended by
        time is settled, and the search begins there however old the book is.
        """
        query = text(
            """
            SELECT a.owner_id, e.entry_id::text
            FROM exposure_entry e JOIN exposure_account a USING (account_no)
            WHERE e.kind IN ('reserve', 'keep') AND e.expires_at <= :as_of AND e.expires_at >= coalesce(
                (SELECT max(expires_at) - interval '1 day' FROM exposure_entry
                    WHERE kind = 'expire'), '-infinity')
                AND NOT EXISTS (
                    SELECT FROM exposure_entry ending WHERE ending.reservation_id = e.entry_id)
            ORDER BY e.expires_at LIMIT :most
            """
        )
        with self._records.begin() as session:
            return [(line, entry) for line, entry in session.execute(query, _due(as_of, most))]

    def _call(self, statement: str, values: tuple[Any, ...]) -> Columns:
        """One round trip; made again where the connection broke, as the key makes that harmless."""
        for attempt in range(_ATTEMPTS):
            try:
                columns: Columns = self._connections.call(statement, values)
                return columns
            except psycopg2.DatabaseError as error:
                if error.pgcode == _HELD:
                    raise UseHeld(
                        reservation_id=values[3], use_id=error.diag.message_detail
                    ) from None
                if not isinstance(error, psycopg2.OperationalError):
                    raise
                if attempt == _ATTEMPTS - 1 or error.pgcode == QUERY_CANCELED:
                    raise OperationalError(statement, None, error) from None
        raise AssertionError("the last attempt answers or raises")


def checked_key(key: str) -> str:
    """The key, if it is one: some text, and not endless."""
    if not 0 < len(key) <= KEY_LENGTH_MAX or "\x00" in key:
        raise Malformed(**because("key_length", length_max=KEY_LENGTH_MAX))
    return key


def _terms(terms: RankedTerms | None) -> tuple[Any, ...]:
    return (terms.text, terms.days_above) if terms is not None else (None, None)


def _use(use: Use) -> tuple[Any, ...]:
    return (
        use.product,
        use.purpose,
        use.nominal.minor if use.nominal is not None else None,
        use.due_on,
        use.deposit.minor if use.deposit is not None else None,
    )


def _takeable(amount: Money, use: Use) -> Money:
    """The exposure that a use takes: none of it where a deposit covers what is lent by name."""
    if use.nominal is None:
        return takeable(amount)
    takeable(use.nominal)
    if use.nominal.currency != amount.currency:
        raise CurrencyMismatch(first=amount.currency, second=use.nominal.currency)
    if amount.minor < 0:
        raise AmountNotPositive(amount=amount)
    return amount


def _due(as_of: datetime, most: int) -> dict[str, Any]:
    return {"as_of": as_of, "most": most}
