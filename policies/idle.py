"""Idle limits (盘活额度): which lines use too little of what they hold, and how far each is cut.

A limit that nobody uses still ties up capital: what is free of it counts by the edition's weight, at
the capital of one unit of the line in use (`policies/price.py`). A cut leaves the most that was used
within the window with a margin above it, and never less than what is taken now.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from domain.approval import RouteStep
from domain.edition import IdlePolicy, PolicyEdition
from domain.line import CreditLine
from domain.money import Money, money_sum
from domain.reclaim import IdleLine, LineUse
from domain.value import Value
from policies.line import months_later
from policies.price import economic_capital
from policies.related import RELATED
from policies.routing import steps_for, steps_of

USE_ROSE = "use_rose"
LINE_CHANGED = "line_changed"
LINE_ENDED = "line_ended"


class ReclaimRoute(Value):
    """Who decides on a list, for which sum."""

    aggregate: Money
    row: str
    steps: tuple[RouteStep, ...]


def window_begins(on: date, policy: IdlePolicy) -> date:
    """The first day that is looked at."""
    return months_later(on, -policy.months)


def limit_kept(use: LineUse, policy: IdlePolicy) -> Money:
    """The limit that leaves the highest use and the margin, a share of the limit; the margin is
    rounded up to the minor unit."""
    margin = use.limit - use.limit.share(1 - policy.margin)
    return max(use.highest, use.taken) + margin


def idle_line(use: LineUse, reporting: Money, on: date, edition: PolicyEdition) -> IdleLine | None:
    """The line with the cut proposed, or nothing where it is not idle or nothing would be cut.

    `reporting` is its limit in the reporting currency. A line younger than the window has not been
    seen for long enough, and one with a temporary limit is looked at when that has ended.
    """
    policy = edition.idle
    if policy is None or use.temporary or use.starts_on > window_begins(on, policy):
        return None
    if reporting < edition.money(policy.limit_min):
        return None
    if use.highest.minor and not use.highest < use.limit.share(policy.share_below):
        return None
    after = limit_kept(use, policy)
    if not after < use.limit:
        return None
    return IdleLine(
        **use.model_dump(include={"line_id", "customer_id", "letter_no", "grade"}),
        limit=use.limit,
        taken=use.taken,
        highest=use.highest,
        limit_after=after,
        capital=_capital(use, use.limit - use.taken, reporting, edition, policy),
        capital_freed=_capital(use, use.limit - after, reporting, edition, policy),
    )


def _capital(
    use: LineUse, free: Money, reporting: Money, edition: PolicyEdition, policy: IdlePolicy
) -> Money:
    """What the free part of a limit ties up, rounded down, in the reporting currency."""
    pd = next(row.pd for row in edition.master_scale if row.grade == use.grade)
    each = economic_capital(pd, use.term_months, None, edition.price, edition.price.lgd)
    return reporting.share(free.ratio_to(use.limit) * policy.capital_weight * each)


def why_not_cut(proposed: IdleLine, line: CreditLine, now: LineUse) -> str | None:
    """Why a line of an approved list keeps its limit, or nothing: it ended, it goes by another
    letter or limit, or its use rose since the list was made."""
    if line.status.ended or line.closing:
        return LINE_ENDED
    if (line.letter_no, line.limit) != (proposed.letter_no, proposed.limit) or now.temporary:
        return LINE_CHANGED
    if max(now.highest, now.taken) > max(proposed.highest, proposed.taken):
        return USE_ROSE
    return None


def route_of_reclaim(
    cuts: Iterable[Money], grades: Sequence[str], edition: PolicyEdition, *, related: bool
) -> ReclaimRoute:
    """The approvers of a list: by what is cut in all, in the reporting currency, and the worst of
    the grades; a related party of the grantor on it takes the list before its own body."""
    aggregate = money_sum(cuts, edition.reporting_currency)
    row, steps, _ = steps_for(aggregate, max(grades, key=edition.rank), edition)
    if related and edition.related.body is not None:
        row, steps = RELATED, steps_of(edition.related.body, edition)
    return ReclaimRoute(aggregate=aggregate, row=row, steps=steps)
