"""What lines were on an earlier day, from the book of entries: limit, use, and what was reserved."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from domain.exposure import Limit, LimitKind
from domain.money import Money


class PastBalance(NamedTuple):
    """A line's account at the end of a business day, and the entries that say so."""

    limit: Limit
    decision_id: str
    limited_on: date
    used: Money
    reserved: Money
    entry_id: str
    moved_on: date


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

    def balances(self, line_ids: Sequence[str], on: date) -> dict[str, PastBalance]:
        rows = self._session.execute(_BALANCES, {"line_ids": list(line_ids), "on": on})
        return {row.owner_id: _balance(row) for row in rows}

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
    SELECT a.owner_id, a.currency, l.limit_kind, l.limit_minor, l.decision_id,
           l.business_on AS limited_on, m.entry_id, m.business_on AS moved_on, s.used, s.reserved
    FROM exposure_account a
    JOIN LATERAL (
        SELECT limit_kind, limit_minor, decision_id, business_on FROM exposure_entry e
        WHERE e.account_no = a.account_no AND e.kind IN ('opening', 'limit')
            AND e.business_on <= :on
        ORDER BY seq DESC LIMIT 1
    ) l ON true
    JOIN LATERAL (
        SELECT entry_id, business_on FROM exposure_entry e
        WHERE e.account_no = a.account_no AND e.kind NOT IN ('refuse', 'limit')
            AND e.business_on <= :on
        ORDER BY seq DESC LIMIT 1
    ) m ON true
    JOIN LATERAL (
        SELECT coalesce(sum(used_minor), 0)::bigint AS used,
               coalesce(sum(reserved_minor), 0)::bigint AS reserved
        FROM exposure_entry e
        WHERE e.account_no = a.account_no AND e.business_on <= :on
    ) s ON true
    WHERE a.kind = 'line' AND a.owner_id = ANY (:line_ids)
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
    WHERE a.kind = 'line' AND a.owner_id = ANY (:line_ids) AND e.kind = 'reserve'
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


def _balance(row: Row[tuple[object, ...]]) -> PastBalance:
    return PastBalance(
        limit=_limit(row),
        decision_id=row.decision_id,
        limited_on=row.limited_on,
        used=Money(minor=row.used, currency=row.currency),
        reserved=Money(minor=row.reserved, currency=row.currency),
        entry_id=str(row.entry_id),
        moved_on=row.moved_on,
    )
