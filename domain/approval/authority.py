"""Grants of authority (授权书): who may decide as what, how much, and when."""

from datetime import date

from domain.identity import Id
from domain.money import Money
from domain.value import Value


class AuthorityGrant(Value):
    """A numbered grant of authority (授权书): who may decide as what, how much, and when."""

    grant_no: str
    person_id: Id
    position: str
    limit: Money  # the largest group exposure after approval, in the reporting currency
    valid_from: date
    valid_until: date
    granted_by: str
    revoked_on: date | None = None

    def covers(self, position: str, aggregate: Money, on: date) -> bool:
        """Whether the grant lets its holder decide as this position, this much, on this day."""
        in_force = self.valid_from <= on <= self.valid_until and (
            self.revoked_on is None or on < self.revoked_on
        )
        return in_force and self.position == position and aggregate <= self.limit
