"""Splitting (化整为零): what other requests of the ring add to a case, and cases kept under a bound.

What lines in force and letters hold is part of the group's limits already; here are only requests
that are not decided, and changes that are decided and not in force.
"""

from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import NamedTuple

from domain.assessment import Dossier, RequestBeside, RequestsSummed
from domain.edition import PolicyEdition
from domain.guard import NearCase, NearCluster
from domain.money import Money, money_sum
from policies.formula import EXACT

AUTOMATIC = "automatic"


def requests_summed(dossier: Dossier, edition: PolicyEdition) -> RequestsSummed | None:
    """What the other requests of the ring add to the sum that chooses the tier; None if nothing.

    Requests on one line take each other's place: the highest counts, by what it adds to the line's
    limit, and on the line in question by what it adds to the request at hand.
    """
    highest: dict[str, RequestBeside] = {}
    for each in dossier.requests_beside:
        place = each.line_id or each.case_id
        if place not in highest or each.limit > highest[place].limit:
            highest[place] = each
    adding = [
        (each.case_id, added) for each in highest.values() if (added := _added(each, dossier))
    ]
    if not adding:
        return None
    return RequestsSummed(
        total=money_sum((added for _, added in adding), edition.reporting_currency),
        window_days=edition.approval.splitting.window_days,
        cases=tuple(sorted(case_id for case_id, _ in adding)),
    )


def _added(beside: RequestBeside, dossier: Dossier) -> Money:
    zero = Money.zero(beside.limit.currency)
    there = beside.line_limit or zero
    if beside.line_id is not None and beside.line_id == dossier.application.line_id:
        there = max(there, dossier.limit_requested_reporting)
    return max(zero, beside.limit - there)


class Bound(NamedTuple):
    """A sum above which another lane or tier is asked."""

    code: str
    at: Money


def bound_above(
    aggregate: Money, grade: str, edition: PolicyEdition, near_share: Decimal
) -> Bound | None:
    """The lowest bound of an edition that a sum is at, or under by no more than a share of it;
    None if it is near none."""
    automatic = edition.approval.automatic
    bounds = [
        Bound(row.code, edition.money(row.up_to))
        for row in edition.approval.rows
        if row.up_to is not None and grade in row.grades
    ]
    if automatic.enabled and grade in edition.grades[: edition.rank(automatic.grade_min) + 1]:
        bounds.append(Bound(AUTOMATIC, edition.money(automatic.aggregate_max)))
    with localcontext(EXACT):
        floor = Decimal(1) - near_share
        near = [
            bound
            for bound in bounds
            if bound.at.minor * floor <= aggregate.minor and aggregate <= bound.at
        ]
    return min(near, key=lambda bound: (bound.at.minor, bound.code), default=None)


def by_manager(cases: Iterable[NearCase], edition: PolicyEdition) -> tuple[NearCluster, ...]:
    """The clusters of managers with so many cases near a bound, the largest first."""
    grouped: dict[str, list[NearCase]] = {}
    for each in cases:
        grouped.setdefault(each.manager_id, []).append(each)
    return _clusters(
        (_cluster(found, edition, manager_id=manager) for manager, found in grouped.items()),
        edition,
    )


def by_ring(
    cases: Iterable[tuple[NearCase, tuple[str, ...]]], edition: PolicyEdition
) -> tuple[NearCluster, ...]:
    """The clusters of rings with so many cases near a bound; each case comes with its ring."""
    grouped: dict[tuple[str, ...], list[NearCase]] = {}
    for each, ring in cases:
        grouped.setdefault(ring, []).append(each)
    return _clusters(
        (_cluster(found, edition, ring=ring) for ring, found in grouped.items()), edition
    )


def _cluster(cases: list[NearCase], edition: PolicyEdition, **common: object) -> NearCluster:
    return NearCluster.model_validate(
        {
            **common,
            "cases": sorted(cases, key=lambda each: (each.submitted_on, each.case_id)),
            "total": money_sum((each.requested for each in cases), edition.reporting_currency),
        }
    )


def _clusters(found: Iterable[NearCluster], edition: PolicyEdition) -> tuple[NearCluster, ...]:
    enough = [each for each in found if len(each.cases) >= edition.approval.splitting.cases_min]
    return tuple(
        sorted(
            enough,
            key=lambda each: (
                -len(each.cases),
                -each.total.minor,
                each.manager_id or "",
                each.ring,
            ),
        )
    )
