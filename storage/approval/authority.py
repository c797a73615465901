"""The register of who may decide how much, as what and when, and the automatic lane's own."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Select, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.approval import AuthorityGrant
from domain.errors import AlreadyExists, NotFound
from domain.identity import SYSTEM
from domain.money import Money
from storage.base import Row, table_of


class AuthorityGrantRow(Row):
    __tablename__ = "authority_grant"

    grant_no: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str | None]
    post: Mapped[str | None]
    body: Mapped[str | None]
    position: Mapped[str]
    limit_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    scope: Mapped[dict[str, Any]]
    parent_no: Mapped[str | None]
    case_id: Mapped[str | None]
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    granted_by: Mapped[str]
    revoked_on: Mapped[date | None]
    recorded_by: Mapped[str]


# Every grant that has begun, and neither ended nor was revoked, by the day `:on`.
GRANTS_IN_FORCE = (
    "SELECT * FROM authority_grant WHERE valid_from <= :on AND valid_until >= :on"
    " AND (revoked_on IS NULL OR revoked_on > :on)"
)


class AuthorityGrants:
    """The register of who may decide how much, as what, and when."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, grant: AuthorityGrant, recorded_by: str = SYSTEM.person_id) -> AuthorityGrant:
        """Enter a grant once; a number that stands for another refuses `AlreadyExists`."""
        self._session.execute(
            insert(AuthorityGrantRow)
            .values(
                grant_no=grant.grant_no,
                person_id=grant.person_id,
                post=grant.post,
                body=grant.body,
                position=grant.position,
                limit_minor=grant.limit.minor,
                currency=grant.limit.currency,
                scope=grant.scope.model_dump(mode="json", exclude_defaults=True),
                parent_no=grant.parent_no,
                case_id=grant.case_id,
                valid_from=grant.valid_from,
                valid_until=grant.valid_until,
                granted_by=grant.granted_by,
                recorded_by=recorded_by,
            )
            .on_conflict_do_nothing()
        )
        held = self.read(grant.grant_no)
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

    def read(self, grant_no: str) -> AuthorityGrant:
        row = self._session.get(AuthorityGrantRow, grant_no)
        if row is None:
            raise NotFound(kind="grant", id=grant_no)
        return _grant_of(row)

    def list_page(self, after: str, page_size: int) -> list[AuthorityGrant]:
        """The grants above a number, by number; the revoked and the ended too."""
        return self._listed(
            select(AuthorityGrantRow)
            .where(AuthorityGrantRow.grant_no > after)
            .order_by(AuthorityGrantRow.grant_no)
            .limit(page_size)
        )

    def list_of(self, person_id: str) -> list[AuthorityGrant]:
        """The grants to a person by name; those to a seat of theirs are the seat's."""
        return self._listed(
            select(AuthorityGrantRow)
            .where(AuthorityGrantRow.person_id == person_id)
            .order_by(AuthorityGrantRow.grant_no)
        )

    def _listed(self, query: Select[AuthorityGrantRow]) -> list[AuthorityGrant]:
        return [_grant_of(row) for row in self._session.scalars(query)]


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
        """What a case was granted; who is granted less gives no room to others on the same day."""
        self._session.execute(
            text(
                "INSERT INTO automatic_decision (case_id, amount_minor, currency, decided_on)"
                " VALUES (:case_id, :minor, :currency, :day) ON CONFLICT DO NOTHING"
            ),
            {
                "case_id": case_id,
                "minor": max(0, amount.minor),
                "currency": amount.currency,
                "day": day,
            },
        )

    def switch(self, *, on: bool, person_id: str, reason: str) -> None:
        """Open or stop the lane at once: a case that is being judged is on record before the switch
        is, or finds the lane as switched."""
        self._session.execute(_LOCK)
        self._session.execute(
            text(
                "INSERT INTO automatic_lane_switch (switched_on, switched_by, reason)"
                " VALUES (:on, :by, :reason)"
            ),
            {"on": on, "by": person_id, "reason": reason},
        )


def _grant_of(row: AuthorityGrantRow) -> AuthorityGrant:
    return grant_of(
        {column.key: getattr(row, column.key) for column in table_of(type(row)).columns}
    )


def grant_of(columns: Mapping[str, Any]) -> AuthorityGrant:
    """A grant from its columns, as they are or as JSON has them."""
    limit = Money(minor=columns["limit_minor"], currency=columns["currency"])
    fields = AuthorityGrant.model_fields.keys() - {"limit"}
    return AuthorityGrant.model_validate(
        {"limit": limit, **{name: columns[name] for name in fields}}
    )
