"""Holds (锁单): whose they are and by when, what a release goes past, and who lifts one set by hand.

A release sets rules aside, and never the limit: what the book would refuse, no word on an order
grants. For that there is a temporary limit.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from domain.check import Finding, RuleKind, Stage
from domain.edition import PolicyEdition
from domain.errors import DateNotToCome, Malformed, NotPermitted, NotReleasable
from domain.hold import ReleaseScope, ReleaseWanted
from domain.money import Money
from domain.order import Order
from domain.reasons import because

# What the book itself refuses, and what another person's hold is about.
_FIRM = frozenset(
    {
        RuleKind.LIMIT,
        RuleKind.LIMIT_EXPIRED,
        RuleKind.LINE_STATUS,
        RuleKind.STANDING_HOLD,
    }
)
# Stages that follow the one a hold was made at.
_STAGES = tuple(Stage)


def due_at(at: datetime, edition: PolicyEdition) -> datetime:
    """By when somebody has to have decided."""
    return at + timedelta(hours=edition.checks.hold.due_hours)


def refuse_firm(findings: Iterable[Finding]) -> None:
    """Nothing, or `NotReleasable` for what no release goes past."""
    firm = [each.code for each in findings if each.kind in _FIRM]
    if firm:
        raise NotReleasable(rules=", ".join(firm))


def scope_of(
    wanted: ReleaseWanted,
    order: Order,
    stage: Stage,
    findings: Sequence[Finding],
    on: date,
    edition: PolicyEdition,
) -> ReleaseScope:
    """How far the release asked for goes: the order as it stands, for the edition's days, at every
    stage from the one it is held at, unless less is asked for. Refuses what is more."""
    refuse_firm(findings)
    longest = on + timedelta(days=edition.checks.hold.release_days_max)
    until = wanted.until or longest
    if until < on:
        raise DateNotToCome(field="until", date=until, business_on=on)
    if until > longest:
        raise Malformed(**because("release_too_long", days=edition.checks.hold.release_days_max))
    amount: Money = wanted.amount_up_to or order.amount
    if amount < order.amount:
        raise Malformed(reason="a release covers the order as it stands")
    stages = wanted.stages or _STAGES[_STAGES.index(stage) :]
    return ReleaseScope(
        amount_up_to=amount,
        until=until,
        stages=stages,
        rules=tuple(each.code for each in findings),
    )


def refuse_lift(positions: Iterable[str], edition: PolicyEdition) -> None:
    """Nothing, or `NotPermitted` to whoever holds none of the positions that lift a hold set by
    hand; where the edition names none, their role is enough."""
    allowed = edition.checks.hold.lifted_by
    if allowed and not set(allowed) & set(positions):
        raise NotPermitted(action="hold.lift")
