"""The register of who may decide how much, as what and when, and the automatic lane's own."""

from datetime import date

from sqlalchemy import BigInteger, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.approval import (
    AuthorityGrant,
)
from domain.errors import AlreadyExists
from domain.money import Money
from storage.base import Row


class AuthorityGrantRow(Row):
    __tablename__ = "authority_grant"

    grant_no: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str]
    position: Mapped[str]
    limit_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    granted_by: Mapped[str]
    revoked_on: Mapped[date | None]


class AuthorityGrants:
    """The register of who may decide how much, as what, and when."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, grant: AuthorityGrant) -> AuthorityGrant:
        """Enter a grant once; a number that stands for another refuses `AlreadyExists`."""
        self._session.execute(
            insert(AuthorityGrantRow)
            .values(
                grant_no=grant.grant_no,
                person_id=grant.person_id,
                position=grant.position,
                limit_minor=grant.limit.minor,
                currency=grant.limit.currency,
                valid_from=grant.valid_from,
                valid_until=grant.valid_until,
                granted_by=grant.granted_by,
            )
            .on_conflict_do_nothing()
        )
        held = _grant_of(self._session.get_one(AuthorityGrantRow, grant.grant_no))
        if held.model_copy(update={"revoked_on": None}) != grant.model_copy(
            update={"revoked_on": None}
        ):
            raise AlreadyExists(kind="grant", id=grant.grant_no)
        return held

    def revoke(self, grant_no: str, on: date) -> None:
        """The grant ends on this day; what was decided under it stands."""
        self._session.execute(
            update(AuthorityGrantRow)
            .where(AuthorityGrantRow.grant_no == grant_no, AuthorityGrantRow.revoked_on.is_(None))
            .values(revoked_on=on)
        )

    def list_of(self, person_id: str) -> list[AuthorityGrant]:
        rows = self._session.scalars(
            select(AuthorityGrantRow)
            .where(AuthorityGrantRow.person_id == person_id)
            .order_by(AuthorityGrantRow.grant_no)
        )
        return [_grant_of(row) for row in rows]

    def holders(self, position: str, on: date) -> list[str]:
        """Who holds a position in force on a day."""
        rows = self._session.scalars(
            select(AuthorityGrantRow).where(AuthorityGrantRow.position == position)
        )
        grants = [_grant_of(row) for row in rows]
        in_force = {
            grant.person_id
            for grant in grants
            if grant.covers(position, Money.zero(grant.limit.currency), on)
        }
        return sorted(in_force)


_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('automatic lane'))")
# A statement of its own, so that it sees what the last holder of the lock has written.
_SPENT = text(
    "SELECT (SELECT switched_on FROM automatic_lane_switch ORDER BY switch_no DESC LIMIT 1),"
    " coalesce(sum(amount_minor), 0) FROM automatic_decision WHERE decided_on = :day"
)


class AutomaticLane:
    """What the automatic lane has approved today, and whether it is switched on."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def spent_on(self, day: date, currency: str) -> Money | None:
        """The sum the lane approved on this business day, None while it is switched off.

        The lane is locked until the commit.
        """
        self._session.execute(_LOCK)
        on, minor = self._session.execute(_SPENT, {"day": day}).one()
        return None if on is False else Money(minor=int(minor), currency=currency)

    def record(self, case_id: str, amount: Money, day: date) -> None:
        self._session.execute(
            text(
                "INSERT INTO automatic_decision (case_id, amount_minor, currency, decided_on)"
                " VALUES (:case_id, :minor, :currency, :day) ON CONFLICT DO NOTHING"
            ),
            {"case_id": case_id, "minor": amount.minor, "currency": amount.currency, "day": day},
        )

    def switch(self, *, on: bool, person_id: str, reason: str) -> None:
        self._session.execute(
            text(
                "INSERT INTO automatic_lane_switch (switched_on, switched_by, reason)"
                " VALUES (:on, :by, :reason)"
            ),
            {"on": on, "by": person_id, "reason": reason},
        )


def _grant_of(row: AuthorityGrantRow) -> AuthorityGrant:
    return AuthorityGrant(
        grant_no=row.grant_no,
        person_id=row.person_id,
        position=row.position,
        limit=Money(minor=row.limit_minor, currency=row.currency),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        granted_by=row.granted_by,
        revoked_on=row.revoked_on,
    )
