"""System reconciliation: how much drift of a customer is let pass, and by when more is cleared up."""

from collections.abc import Iterable
from datetime import date, timedelta

from domain.edition import PolicyEdition
from domain.money import rounded
from domain.reconciliation import CustomerSums


def drifted(sums: Iterable[CustomerSums], edition: PolicyEdition) -> tuple[CustomerSums, ...]:
    """The customers whose documents drift by more than the edition lets pass, in each currency."""
    drift_max = edition.reconciliation.drift_max
    return tuple(each for each in sums if each.drift > rounded(drift_max, each.currency))


def due_on(found_on: date, edition: PolicyEdition) -> date:
    return found_on + timedelta(days=edition.reconciliation.finding_days)
