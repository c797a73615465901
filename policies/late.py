"""Late interest (逾期利息): the rates of the editions in force, from day to day."""

from collections.abc import Iterable
from datetime import date
from fractions import Fraction

from domain.edition import PolicyEdition
from domain.late import LateRate


def late_rates(spans: Iterable[tuple[date, PolicyEdition]]) -> tuple[LateRate, ...]:
    """The rate of each edition, from the day on which it takes effect."""
    return tuple(
        LateRate(
            from_on=since,
            rate_annual=Fraction(edition.late.rate_annual),
            year_days=edition.late.year_days,
            grace_days=edition.late.grace_days,
        )
        for since, edition in spans
    )
