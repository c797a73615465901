"""What a line's limit is made of: a base by its last letter, and temporary ones beside it.

The highest in force counts, and is written to the account with the letter that gave it.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.exposure import Limit
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

    def put_in_force(self, line_id: str, key: str, business_on: date) -> None:
        """Write the highest of the limits to the account, once per key."""
        highest = self._session.execute(
            select(LimitRow.limit_minor, LimitRow.letter_no, LineRow.currency)
            .join(LineRow, LineRow.line_id == LimitRow.line_id)
            .where(LimitRow.line_id == line_id, LimitRow.ended_on.is_(None))
            .order_by(LimitRow.limit_minor.desc(), LimitRow.temporary_until.nulls_first())
            .limit(1)
        ).one()
        Accounts(self._session).set_limit(
            line_id,
            Limit.of(Money(minor=highest.limit_minor, currency=highest.currency)),
            decision_id=highest.letter_no,
            key=key,
            business_on=business_on,
        )

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
