"""Who decides anew on what was declined: never fewer, never lower, and never nobody."""

from domain.approval import RouteStep
from domain.assessment import Dossier, Lane, Price, Route
from domain.edition import PolicyEdition
from domain.money import Money
from policies.related import RELATED
from policies.routing import ABOVE_ELIGIBLE, PRICE_EXCEPTION, body_for, facts_of, steps_of

RECONSIDERATION = "reconsideration"


def route_anew(
    route: Route, dossier: Dossier, grade: str, price: Price, granted: Money, edition: PolicyEdition
) -> Route:
    """The route of a case, or, where it reconsiders another, one that is no shorter way.

    The body that declined decides again, with the next higher tier after it where the edition says
    so; a route that leads higher by itself stands, and a related party's own body decides before
    one that is higher. What policy declines is declined again.
    """
    before = dossier.reconsidered
    if before is None or route.lane is Lane.DECLINE:
        return route
    row, steps = route.row, route.steps
    if not steps:  # the automatic lane is no way round those who declined
        facts = facts_of(dossier, price, granted, route.exceptions, edition)
        row, steps, _ = body_for(dossier, route.aggregate, grade, edition, facts)
    body = before.steps or steps
    if edition.approval.reconsideration.higher:
        body = (*body, *_next_tier(body, edition))
    lower = _top(steps) < _top(body)
    if _asked_apart(row, steps, body):
        steps = _numbered((*steps, *body)) if lower else steps
    elif lower or _top(steps) == _top(body):
        row, steps = RECONSIDERATION, body
    reasons = tuple(each for each in route.reasons if each != "within_automatic_ceilings")
    return route.model_copy(
        update={
            "lane": Lane.PEOPLE,
            "steps": steps,
            "row": row,
            "reasons": (*reasons, RECONSIDERATION),
        }
    )


def _asked_apart(row: str, steps: tuple[RouteStep, ...], body: tuple[RouteStep, ...]) -> bool:
    """Whether those whom policy asks for apart would be left out: a related party is put before its
    body at whatever tier that is, and an exception before its own rather than another of the tier."""
    positions = {position for step in body for position in step.positions}
    if all(position in positions for step in steps for position in step.positions):
        return False
    level = _top(steps) == _top(body)
    return row == RELATED or (level and row in (ABOVE_ELIGIBLE, PRICE_EXCEPTION))


def _top(steps: tuple[RouteStep, ...]) -> int:
    return max(step.tier for step in steps)


def _next_tier(steps: tuple[RouteStep, ...], edition: PolicyEdition) -> tuple[RouteStep, ...]:
    """The step of the lowest tier above all of these, as the table of approvals has it; none
    where there is no higher one."""
    policy = edition.approval
    higher = [
        step
        for row in policy.rows
        for step in row.steps
        if policy.tiers[step.tier].level > _top(steps)
    ]
    if not higher:
        return ()
    step = steps_of(min(higher, key=lambda each: policy.tiers[each.tier].level), edition)
    return _numbered((*steps, *step))[len(steps) :]


def _numbered(steps: tuple[RouteStep, ...]) -> tuple[RouteStep, ...]:
    """Steps of several roads as one road, each with its number on it."""
    return tuple(
        step.model_copy(update={"step_id": f"{number}.{step.step_id.partition('.')[2]}"})
        for number, step in enumerate(steps, start=1)
    )
