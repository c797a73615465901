"""What a line's limit is made of: a base by its last letter, and temporary ones beside it.

What counts of them is written to the account with the letter that gave it, and with the days on
which it changes by itself.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.exposure import COVER, Limit, LimitPart, Overlap, TemporaryLimit, composed
from domain.money import Money
from storage.base import table_of
from storage.exposure import Accounts
from storage.exposure.accounts import AccountRow
from storage.line.rows import LimitRow, LineRow

_ADD = insert(table_of(LimitRow))


class LineLimits:
    """The limits of lines, within the transaction of whatever changes them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self, line_id: str, letter_no: str, limit: Money, temporary_until: date | None = None
    ) -> None:
        """Give a line a limit: a base one, which ends the one before first, or a temporary one."""
        self._session.execute(
            _ADD,
            {
                "line_id": line_id,
                "letter_no": letter_no,
                "limit_minor": limit.minor,
                "temporary_until": temporary_until,
            },
        )

    def end_base(self, line_id: str, business_on: date) -> None:
        self._session.execute(
            update(LimitRow)
            .where(
                LimitRow.line_id == line_id,
                LimitRow.temporary_until.is_(None),
                LimitRow.ended_on.is_(None),
            )
            .values(ended_on=business_on)
        )

    def end_over(self, line_id: str, business_on: date) -> list[str]:
        """End the temporary limits whose last day is over; the letters that gave them."""
        over = self._session.scalars(
            update(LimitRow)
            .where(
                LimitRow.line_id == line_id,
                LimitRow.temporary_until < business_on,
                LimitRow.ended_on.is_(None),
            )
            .values(ended_on=business_on)
            .returning(LimitRow.letter_no)
        )
        return sorted(over)

    def put_in_force(
        self,
        line_id: str,
        key: str,
        business_on: date,
        overlap: Overlap = Overlap.MAX,
        cover_parts: Sequence[LimitPart] | None = None,
    ) -> None:
        """Write what the limits make of the day to the account, once per key, and with it what
        becomes of it as the temporary ones end: nobody has to come by on that day. The parts
        that its cover ends by stay beside, where none are named."""
        limits = self._standing(line_id)
        base = _base(limits)
        temporary = [
            TemporaryLimit(limit=limit, until_on=row.temporary_until, letter_no=row.letter_no)
            for row, limit in limits
            if row.temporary_until is not None
        ]
        limit, parts = composed(base[1], temporary, overlap, business_on)
        by = max(temporary, key=lambda each: (each.limit, each.letter_no), default=None)
        accounts = Accounts(self._session)
        if cover_parts is None:
            account = accounts.find_balance("line", line_id, base[1].currency)
            cover_parts = [p for p in (account.parts if account else ()) if p.code == COVER]
        accounts.set_limit(
            line_id,
            Limit.of(limit),
            decision_id=by.letter_no if by is not None and limit > base[1] else base[0].letter_no,
            key=key,
            business_on=business_on,
            parts=(*parts, *cover_parts),
        )

    def base(self, line_id: str) -> tuple[str, Money]:
        """The letter of the line's own limit, and that limit."""
        row, limit = _base(self._standing(line_id))
        return row.letter_no, limit

    def _standing(self, line_id: str) -> list[tuple[LimitRow, Money]]:
        rows = self._session.execute(
            select(LimitRow, LineRow.currency)
            .join(LineRow, LineRow.line_id == LimitRow.line_id)
            .where(LimitRow.line_id == line_id, LimitRow.ended_on.is_(None))
            .order_by(LimitRow.letter_no)
        ).all()
        return [(row, Money(minor=row.limit_minor, currency=of)) for row, of in rows]

    def in_force(self, line_ids: Sequence[str]) -> dict[str, Money]:
        """The limit that counts, by line."""
        rows = self._session.execute(
            select(AccountRow.owner_id, AccountRow.limit_minor, AccountRow.currency).where(
                AccountRow.kind == "line", AccountRow.owner_id.in_(line_ids)
            )
        )
        return {line: Money(minor=minor, currency=currency) for line, minor, currency in rows}

    def temporary_until(self, line_ids: Sequence[str]) -> dict[str, date]:
        """The first last day among a line's temporary limits, by line."""
        rows = self._session.execute(
            select(LimitRow.line_id, func.min(LimitRow.temporary_until))
            .where(
                LimitRow.line_id.in_(line_ids),
                LimitRow.temporary_until.is_not(None),
                LimitRow.ended_on.is_(None),
            )
            .group_by(LimitRow.line_id)
        )
        return {line_id: until for line_id, until in rows if until is not None}


def _base(limits: list[tuple[LimitRow, Money]]) -> tuple[LimitRow, Money]:
    return max(
        (each for each in limits if each[0].temporary_until is None), key=lambda each: each[1]
    )
