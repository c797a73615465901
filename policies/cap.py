"""Caps (限额): who decides on one, and what its approvers are told of it.

The tier goes by the cap, as that is what all lines below it may come to; without a cap it is what
policy itself allows one name or one group, so that taking a cap away is decided by whoever may grant
as much. A cap above that is an exception, and goes before the body for those.
"""

from collections.abc import Iterable

from domain.approval import RouteStep
from domain.cap import CapContent, CapOwner
from domain.edition import PolicyEdition
from domain.exposure import LimitKind
from domain.money import Money
from domain.value import Value
from policies.related import RELATED
from policies.routing import ABOVE_ELIGIBLE, steps_for, steps_of

ABOVE_POLICY = "cap_above_policy"
ABOVE_LIMITS = "cap_above_limits"
BELOW_TAKEN = "cap_below_taken"
REMOVED = "cap_removed"


class CapRoute(Value):
    """Who decides on a cap, for which sum, and why they."""

    aggregate: Money
    row: str
    steps: tuple[RouteStep, ...]
    reasons: tuple[str, ...]


def bound_of(scope: CapOwner, edition: PolicyEdition) -> Money:
    """What policy allows one name, or one group, whatever cap it has of its own."""
    policy = edition.limit
    share = policy.single_name_share if scope is CapOwner.CUSTOMER else policy.group_share
    return edition.money(policy.capital_net).share(share)


def route_of_cap(
    scope: CapOwner,
    asked: CapContent,
    reporting: Money | None,
    grades: Iterable[str],
    edition: PolicyEdition,
    *,
    limits: Money,
    taken: Money,
    related: bool = False,
) -> CapRoute:
    """The approvers of a cap, by its amount in the reporting currency and the worst of the grades.

    `reporting` is None where no amount is asked for. `limits` and `taken` are what the lines below
    come to, in the cap's currency. Where nothing has a grade, the worst of all is taken; a related
    party of the grantor has its own body where the edition names one.
    """
    bound = bound_of(scope, edition)
    unlimited = asked.limit.kind is LimitKind.UNLIMITED
    aggregate = bound if unlimited else reporting or Money.zero(bound.currency)
    above = aggregate > bound
    # The table begins above nothing: who may grant a cent may see that none is granted.
    least = max(aggregate, Money(minor=1, currency=aggregate.currency))
    row, steps, _ = steps_for(least, _worst(grades, edition), edition)
    exceptions = edition.approval.above_eligible
    if above and exceptions is not None:
        row, steps = ABOVE_ELIGIBLE, steps_of(exceptions.step, edition)
    if related and edition.related.body is not None:
        row, steps = RELATED, steps_of(edition.related.body, edition)
    amount = asked.limit.amount or Money.zero(asked.currency)
    told = {
        ABOVE_POLICY: above,
        ABOVE_LIMITS: not unlimited and amount > limits,
        BELOW_TAKEN: not unlimited and amount < taken,
        REMOVED: unlimited,
        RELATED: row == RELATED,
    }
    return CapRoute(
        aggregate=aggregate,
        row=row,
        steps=steps,
        reasons=tuple(code for code, held in told.items() if held),
    )


def _worst(grades: Iterable[str], edition: PolicyEdition) -> str:
    return max(grades, key=edition.rank, default=edition.grades[-1])
