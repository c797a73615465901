"""What lines were on an earlier day, from the book of entries: limit, use, and what was reserved."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from domain.exposure import Limit, LimitKind, limit_on
from domain.money import Money
from storage.exposure.accounts import parts_of

_LATEST = datetime.max.replace(tzinfo=UTC)


class PastBalance(NamedTuple):
    """A line's account at the end of a business day, and the entries that say so."""

    limit: Limit
    decision_id: str
    limited_on: date
    used: Money
    reserved: Money
    entry_id: str
    moved_on: date
    spent: Money  # repaid of a limit that does not revolve

    @property
    def headroom(self) -> Money | None:
        """What could be taken then; None where nothing limited."""
        if self.limit.kind is LimitKind.UNLIMITED:
            return None
        zero = Money.zero(self.used.currency)
        return max((self.limit.amount or zero) - self.used - self.reserved - self.spent, zero)


class PastCap(NamedTuple):
    """What an account of a customer or a group was limited to at the end of a day."""

    kind: str
    owner_id: str
    currency: str
    limit: Limit
    decision_id: str
    limited_on: date


class PastReservation(NamedTuple):
    """A reservation that had been made by the day and had not ended."""

    line_id: str
    entry_id: str
    amount: Money
    reserved_on: date
    expires_at: datetime | None


class PastExposure:
    """Accounts of lines as of a business day. An account that was not open then is not there."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def balances(
        self, line_ids: Sequence[str], on: date, known_at: datetime | None = None
    ) -> dict[str, PastBalance]:
        """As of a day by value (起息日), and as it was known at an instant; None: as known by now.

        What was posted later for an earlier day counts on that day, for who asks later. An instant
        that has come waits for whoever is posting just now, so that its answer stays the same.
        """
        asked = {"line_ids": list(line_ids), "on": on, "known_at": known_at or _LATEST}
        if known_at is not None:
            self._session.execute(_HOLD, asked)
        rows = self._session.execute(_BALANCES, asked)
        return {row.owner_id: _balance(row, on) for row in rows}

    def caps(self, customer_id: str, group_id: str | None, on: date) -> list[PastCap]:
        """Those of a customer, by any of its ids, that a decision was made on, and of its group."""
        rows = self._session.execute(
            _CAPS, {"customer_id": customer_id, "group_id": group_id, "on": on}
        )
        return [
            PastCap(
                kind=row.kind,
                owner_id=row.owner_id,
                currency=row.currency,
                limit=_limit(row),
                decision_id=row.decision_id,
                limited_on=row.limited_on,
            )
            for row in rows
        ]

    def reservations(self, line_ids: Sequence[str], on: date) -> list[PastReservation]:
        rows = self._session.execute(_RESERVATIONS, {"line_ids": list(line_ids), "on": on})
        return [
            PastReservation(
                line_id=row.owner_id,
                entry_id=str(row.entry_id),
                amount=Money(minor=row.amount_minor, currency=row.currency),
                reserved_on=row.business_on,
                expires_at=row.expires_at,
            )
            for row in rows
        ]


# A refusal moves nothing. Entries of one account are numbered in the order they were posted, and an
# entry that was posted later for an earlier day counts on that day.
_BALANCES = text(
    """
    SELECT a.owner_id, a.currency, l.limit_kind, l.limit_minor, l.parts, l.decision_id,
           l.business_on AS limited_on, m.entry_id, m.business_on AS moved_on, s.used, s.reserved,
           CASE WHEN a.revolving THEN 0 ELSE s.repaid END AS spent
    FROM exposure_account a
    JOIN LATERAL (
        SELECT limit_kind, limit_minor, parts, decision_id, business_on FROM exposure_entry e
        WHERE e.account_no = a.account_no AND e.kind IN ('opening', 'limit')
            AND e.business_on <= :on AND e.recorded_at <= :known_at
        ORDER BY seq DESC LIMIT 1
    ) l ON true
    JOIN LATERAL (
        SELECT entry_id, business_on FROM exposure_entry e
        WHERE e.account_no = a.account_no AND e.kind NOT IN ('refuse', 'limit')
            AND e.business_on <= :on AND e.recorded_at <= :known_at
        ORDER BY seq DESC LIMIT 1
    ) m ON true
    JOIN LATERAL (
        SELECT coalesce(sum(used_minor), 0)::bigint AS used,
               coalesce(sum(reserved_minor), 0)::bigint AS reserved,
               coalesce(sum(-used_minor) FILTER (WHERE kind IN ('repay', 'revive')), 0)::bigint
                   AS repaid
        FROM exposure_entry e
        WHERE e.account_no = a.account_no AND e.business_on <= :on AND e.recorded_at <= :known_at
    ) s ON true
    WHERE a.kind = 'line' AND a.owner_id = ANY (:line_ids)
    """
)
_HOLD = text(
    """
    SELECT FROM exposure_account WHERE kind = 'line' AND owner_id = ANY (:line_ids)
    ORDER BY account_no FOR SHARE
    """
)
_CAPS = text(
    """
    SELECT a.kind, a.owner_id, a.currency, l.limit_kind, l.limit_minor, l.decision_id,
           l.business_on AS limited_on
    FROM exposure_account a
    JOIN LATERAL (
        SELECT kind, limit_kind, limit_minor, decision_id, business_on FROM exposure_entry e
        WHERE e.account_no = a.account_no AND e.kind IN ('opening', 'limit')
            AND e.business_on <= :on
        ORDER BY seq DESC LIMIT 1
    ) l ON true
    WHERE (a.kind = 'customer' AND a.owner_id = ANY (customer_ids(:customer_id))
            OR a.kind = 'group' AND a.owner_id = :group_id)
        AND (l.kind = 'limit' OR l.limit_kind <> 'unlimited')
    ORDER BY a.kind, a.currency, a.account_no
    """
)
_RESERVATIONS = text(
    """
    SELECT a.owner_id, a.currency, e.entry_id, e.amount_minor, e.business_on, e.expires_at
    FROM exposure_account a JOIN exposure_entry e USING (account_no)
    WHERE a.kind = 'line' AND a.owner_id = ANY (:line_ids) AND e.kind IN ('reserve', 'keep')
        AND e.business_on <= :on
        AND NOT EXISTS (SELECT FROM exposure_entry ended
            WHERE ended.reservation_id = e.entry_id AND ended.business_on <= :on)
    ORDER BY e.seq
    """
)


def _limit(row: Row[tuple[object, ...]]) -> Limit:
    kind = LimitKind(row.limit_kind)
    amount = Money(minor=row.limit_minor, currency=row.currency)
    return Limit(kind=kind, amount=amount if kind is LimitKind.AMOUNT else None)


def _balance(row: Row[tuple[object, ...]], on: date) -> PastBalance:
    return PastBalance(
        limit=limit_on(_limit(row), parts_of(row.parts, row.currency), on),
        decision_id=row.decision_id,
        limited_on=row.limited_on,
        used=Money(minor=row.used, currency=row.currency),
        reserved=Money(minor=row.reserved, currency=row.currency),
        entry_id=str(row.entry_id),
        moved_on=row.moved_on,
        spent=Money(minor=row.spent, currency=row.currency),
    )
