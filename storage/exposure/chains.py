"""Chains: under which customer's and which group's account a line is, and what moves it there.

An order looks at the line's row alone to know what else it takes from. So whatever changes the
answer, a first cap, another group, records merged or told apart, moves the lines here, with what
they hold, by an entry on each account they leave and join. Locks are taken in the order of an order:
lines first, their customers, their groups.
"""

import os
import time
from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from domain.ids import uuid7


class _Line(NamedTuple):
    """A line's account, and the accounts it is under and should be."""

    account_no: int
    owner_id: str
    currency: str
    decision_id: str
    reserved: int
    used: int
    own_no: int | None
    group_no: int | None
    own_wanted: int | None
    known: bool  # whether its customer is on record, which says its group
    group_id: str | None


class Chains:
    """Lines under the accounts of their customers and groups."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock(self, customer_ids: Iterable[str]) -> None:
        """Nobody else opens or moves a line of these customers until the transaction ends.

        Looked at again where records were merged while the lock was waited for.
        """
        asked, held = sorted(set(customer_ids)), set[str]()
        while wanted := {self.survivor(each) for each in asked} - held:
            for each in sorted(wanted):
                self._session.execute(_LOCK, {"customer_id": each})
            held |= wanted

    def survivor(self, customer_id: str) -> str:
        found: str = self._session.scalar(
            text("SELECT customer_survivor(:customer_id)"), {"customer_id": customer_id}
        )
        return found

    def accounts_of(self, kind: str, owner_id: str) -> list[int]:
        """The account that counts of a customer, by any of its ids, or of a group; by currency."""
        rows = self._session.execute(_COUNTING, {"kind": kind, "owner_id": owner_id})
        return [account_no for (account_no,) in rows]

    def find_own(self, customer_id: str, currency: str) -> int | None:
        """The account that a line of the customer in this currency comes under."""
        found: int | None = self._session.scalar(
            text("SELECT exposure_own_account(:customer_id, :currency)"),
            {"customer_id": customer_id, "currency": currency},
        )
        return found

    def find_group(self, customer_id: str, otherwise: str | None) -> str | None:
        """The group that the customer is in now; `otherwise` where it is not on record."""
        row = self._session.execute(_GROUP_OF, {"customer_id": customer_id}).one_or_none()
        return row.group_id if row is not None else otherwise

    def owners(self, customer_id: str, currency: str) -> list[str]:
        """Under which ids the customer has an account in this currency: one, or one a record that
        was merged."""
        rows = self._session.execute(_OWNERS, {"customer_id": customer_id, "currency": currency})
        return [owner_id for (owner_id,) in rows]

    def hold_lines(self, customer_ids: Iterable[str]) -> None:
        """Lock the accounts of all lines of these customers, so that no order moves one."""
        asked = sorted(set(customer_ids))
        self.lock(asked)
        self._session.execute(_HOLD_LINES, {"customer_ids": asked})

    def place(self, customer_ids: Iterable[str], business_on: date) -> None:
        """Put every line of these customers under the accounts it belongs under, with what it holds."""
        asked = sorted(set(customer_ids))
        self.hold_lines(asked)
        found = [_Line(*row) for row in self._session.execute(_LINES, {"customer_ids": asked})]
        moves = [
            (each, own, group)
            for each in found
            for own, group in [(each.own_wanted, self._group_wanted(each, business_on))]
            if (own, group) != (each.own_no, each.group_no)
        ]
        touched = {
            account_no
            for each, own, group in moves
            for account_no in (each.own_no, own, each.group_no, group)
            if account_no is not None
        }
        self.hold_above(touched)
        for each, own, group in moves:
            self._move(each, each.own_no, own, business_on)
            self._move(each, each.group_no, group, business_on)
            self._session.execute(
                _PLACE, {"account_no": each.account_no, "own": own, "group": group}
            )

    def hold_above(self, account_nos: Iterable[int]) -> None:
        """Lock accounts that are above lines, in the order of an order."""
        self._session.execute(_HOLD_ABOVE, {"accounts": sorted(account_nos)})

    def stand_on(self, line_id: str, account_nos: Iterable[int], business_on: date) -> None:
        """Put a line under the accounts of those it stands on, with what it holds, and no others."""
        row = self._session.execute(_STANDS, {"line_id": line_id}).one()
        before, after = set(row.cover_nos or ()), set(account_nos)
        if before == after:
            return
        self.hold_above(before | after)
        for account_no in sorted(before - after):
            self._take("leave", account_no, row, -1, business_on)
        for account_no in sorted(after - before):
            self._take("join", account_no, row, 1, business_on)
        self._session.execute(
            _STAND, {"account_no": row.account_no, "covers": sorted(after) or None}
        )

    def members(self, group_id: str) -> list[str]:
        """Whose lines a group's account is over, and whose lines are still under it."""
        return list(self._session.scalars(_MEMBERS, {"group_id": group_id}))

    def _group_wanted(self, line: _Line, business_on: date) -> int | None:
        """The account of the group that the line's customer is in, opened where there is none."""
        if not line.known:
            return line.group_no
        if line.group_id is None:
            return None
        key = {"group_id": line.group_id, "currency": line.currency}
        found: int | None = self._session.scalar(_GROUP, key)
        if found is not None:
            return found
        opened = key | {
            "entry_id": entry_id_now(),
            "decision_id": line.decision_id,
            "business_on": business_on,
        }
        self._session.execute(_OPEN_GROUP, opened)
        found = self._session.scalar(_GROUP, key)
        return found

    def _move(self, line: _Line, old: int | None, new: int | None, business_on: date) -> None:
        """Take what the line holds from one account to another; nothing where it holds nothing."""
        if old == new:
            return
        for kind, account_no, sign in (("leave", old, -1), ("join", new, 1)):
            if account_no is not None:
                self._take(kind, account_no, line, sign, business_on)

    def _take(
        self, kind: str, account_no: int, line: _Line | Row[Any], sign: int, business_on: date
    ) -> None:
        if not (line.reserved or line.used):
            return
        self._session.execute(
            _TAKE,
            {
                "entry_id": entry_id_now(),
                "kind": kind,
                "account_no": account_no,
                "reserved": sign * line.reserved,
                "used": sign * line.used,
                "line_id": line.owner_id,
                "business_on": business_on,
            },
        )


def entry_id_now() -> str:
    """A new id that sorts by the instant it was made."""
    return uuid7(time.time_ns() // 1_000_000, os.urandom(10))


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('chain/' || :customer_id, 0))")
_HOLD_LINES = text(
    """
    SELECT FROM exposure_account
    WHERE kind = 'line' AND customer_id = ANY (customer_ids(VARIADIC :customer_ids))
    ORDER BY account_no FOR NO KEY UPDATE
    """
)
_HOLD_ABOVE = text(
    """
    SELECT FROM exposure_account WHERE account_no = ANY (:accounts)
    ORDER BY CASE kind WHEN 'customer' THEN 0 WHEN 'group' THEN 2 ELSE 1 END, account_no
    FOR NO KEY UPDATE
    """
)
_LINES = text(
    """
    SELECT a.account_no, a.owner_id, a.currency, a.decision_id, a.reserved_minor, a.used_minor,
        a.customer_no, a.parent_no, exposure_own_account(a.customer_id, a.currency),
        c.customer_id IS NOT NULL, c.group_id
    FROM exposure_account a
    LEFT JOIN customer c ON c.customer_id = customer_survivor(a.customer_id)
    WHERE a.kind = 'line' AND a.customer_id = ANY (customer_ids(VARIADIC :customer_ids))
    ORDER BY a.account_no
    """
)
_OWNERS = text(
    """
    SELECT owner_id FROM exposure_account
    WHERE kind = 'customer' AND owner_id = ANY (customer_ids(:customer_id))
        AND currency = :currency
    ORDER BY account_no
    """
)
_COUNTING = text(
    """
    SELECT account_no FROM exposure_account a
    WHERE kind = :kind AND CASE kind WHEN 'group' THEN owner_id = :owner_id
        ELSE owner_id = ANY (customer_ids(:owner_id))
            AND account_no = exposure_own_account(:owner_id, currency) END
    ORDER BY currency
    """
)
_GROUP_OF = text(
    "SELECT group_id FROM customer WHERE customer_id = customer_survivor(:customer_id)"
)
_GROUP = text(
    """
    SELECT account_no FROM exposure_account
    WHERE kind = 'group' AND owner_id = :group_id AND currency = :currency
    """
)
# An account of a group begins unlimited, under the letter of the line that was there first.
_OPEN_GROUP = text(
    """
    WITH opened AS (
        INSERT INTO exposure_account
            (kind, owner_id, currency, limit_kind, decision_id, status, entries)
        VALUES ('group', :group_id, :currency, 'unlimited', :decision_id, 'active', 1)
        ON CONFLICT DO NOTHING RETURNING account_no
    )
    INSERT INTO exposure_entry (entry_id, key, kind, account_no, seq, amount_minor, reserved_minor,
        used_minor, reserved_after, used_after, limit_kind, limit_minor, decision_id, business_on,
        posted_by)
    SELECT CAST(:entry_id AS uuid), 'group/' || :group_id || '/' || :currency || '/opening',
        'opening', account_no, 1, 0, 0, 0, 0, 0, 'unlimited', 0, :decision_id, :business_on,
        'system'
    FROM opened
    """
)
_MEMBERS = text(
    """
    SELECT customer_id FROM customer WHERE group_id = :group_id
    UNION
    SELECT a.customer_id FROM exposure_account g
    JOIN exposure_account a ON a.parent_no = g.account_no
    WHERE g.kind = 'group' AND g.owner_id = :group_id
    """
)
_STANDS = text(
    """
    SELECT account_no, owner_id, reserved_minor AS reserved, used_minor AS used, cover_nos
    FROM exposure_account WHERE kind = 'line' AND owner_id = :line_id FOR NO KEY UPDATE
    """
)
_STAND = text(
    """
    UPDATE exposure_account SET cover_nos = CAST(:covers AS bigint[])
    WHERE account_no = :account_no
    """
)
_PLACE = text(
    """
    UPDATE exposure_account SET customer_no = :own, parent_no = :group
    WHERE account_no = :account_no
    """
)
# What a line brings above a limit is nobody's new use: it stands above it and melts, as after a cut.
_TAKE = text(
    """
    WITH moved AS (
        UPDATE exposure_account SET reserved_minor = reserved_minor + :reserved,
            used_minor = used_minor + :used, entries = entries + 1,
            moved_on = :business_on, over_minor = CASE limit_kind WHEN 'unlimited' THEN 0
                ELSE greatest(reserved_minor + used_minor + :reserved + :used
                    - CASE WHEN parts IS NULL THEN limit_minor
                        ELSE exposure_limit_on(limit_minor, parts, :business_on) END, 0) END
        WHERE account_no = :account_no
        RETURNING account_no, entries, reserved_minor, used_minor
    )
    INSERT INTO exposure_entry (entry_id, key, kind, account_no, seq, amount_minor, reserved_minor,
        used_minor, reserved_after, used_after, reason, business_on, posted_by)
    SELECT CAST(:entry_id AS uuid), :kind || '/' || account_no || '/' || entries, :kind, account_no,
        entries, abs(:reserved + :used), :reserved, :used, reserved_minor, used_minor,
        'line/' || :line_id, :business_on, 'system'
    FROM moved
    """
)
