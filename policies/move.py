"""Limit moved between lines: who decides on it, and what it may not do.

The tier goes by the limit that the line which gains comes to, at the worse of the two grades: whoever
may grant that may have it moved there.
"""

from collections.abc import Iterable

from domain.approval import RouteStep
from domain.edition import PolicyEdition
from domain.errors import OverLimit
from domain.exposure import Balance
from domain.money import Money
from domain.value import Value
from policies.related import RELATED
from policies.routing import steps_for, steps_of


class MoveRoute(Value):
    """Who decides on a move, for which limit."""

    aggregate: Money
    row: str
    steps: tuple[RouteStep, ...]


def route_of_move(
    target_after: Money, grades: Iterable[str], edition: PolicyEdition, *, related: bool
) -> MoveRoute:
    """The approvers of a move; `target_after` is in the reporting currency."""
    row, steps, _ = steps_for(target_after, max(grades, key=edition.rank), edition)
    if related and edition.related.body is not None:
        row, steps = RELATED, steps_of(edition.related.body, edition)
    return MoveRoute(aggregate=target_after, row=row, steps=steps)


def refuse_unfree(amount: Money, source: Balance) -> None:
    """Nothing, or `OverLimit` with what is free of the line that gives."""
    headroom = source.headroom
    if headroom is not None and amount > headroom:
        raise OverLimit(amount=amount, headroom=headroom, binding=source.account)


def refuse_above_cap(target_after: Money, caps: Iterable[Balance]) -> None:
    """Nothing, or `OverLimit` where the line that gains would come above its customer's cap."""
    for cap in caps:
        if cap.used.currency != target_after.currency or cap.headroom is None:
            continue
        most = cap.limit.amount or Money.zero(target_after.currency)
        if target_after > most:
            raise OverLimit(amount=target_after, headroom=most, binding=cap.account)
