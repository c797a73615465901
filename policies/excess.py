"""Excess (超限): by which steps it comes down, which other dates may be given, and what is late."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import localcontext
from itertools import pairwise

from domain.check import Act, Cure, CureKind
from domain.edition import ExcessPolicy
from domain.errors import DateNotToCome, Malformed
from domain.excess import EXCESS, Excess, ExcessStep
from domain.money import Money
from domain.reasons import because
from policies.formula import EXACT


def planned(amount: Money, on: date, policy: ExcessPolicy) -> tuple[ExcessStep, ...]:
    """The steps for an amount found on a day; what may stand is rounded down."""
    with localcontext(EXACT):
        return tuple(
            ExcessStep(due_on=on + timedelta(days=each.days), stands=amount.share(each.share))
            for each in policy.steps
        )


def redated(
    excess: Excess, due_on: tuple[date, ...], on: date, policy: ExcessPolicy
) -> tuple[ExcessStep, ...]:
    """The steps of a plan with other dates, one for each, in their order.

    Refuses a date that is over, unless it stays as it was, and one beyond policy's longest.
    """
    if len(due_on) != len(excess.steps):
        raise Malformed(**because("excess_dates_count", steps=len(excess.steps)))
    if any(second <= first for first, second in pairwise(due_on)):
        raise Malformed(reason="the dates of a plan follow one another")
    latest = excess.found_on + timedelta(days=policy.days_max)
    for step, day in zip(excess.steps, due_on, strict=True):
        if day == step.due_on:
            continue
        if day <= on:
            raise DateNotToCome(field="due_on", date=day, business_on=on)
        if day > latest:
            raise Malformed(**because("excess_too_long", latest=latest))
    steps = zip(excess.steps, due_on, strict=True)
    return tuple(step.model_copy(update={"due_on": day}) for step, day in steps)


def repayments(excess: Excess) -> tuple[Cure, ...]:
    """What is given back to keep the plan, and what settles it and lets its hold go."""
    step, last = excess.binding_step, excess.steps[-1]
    kept = (excess.gap(step), step.due_on, Act.HOLD) if step.stands else None
    whole = (excess.over, last.due_on, Act.PASS)
    return tuple(
        Cure(
            kind=CureKind.REPAY,
            amount=amount,
            cost=amount,
            on=by,
            reference=excess.excess_id,
            cures=(f"{EXCESS}:{excess.excess_id}",) if leaves is Act.PASS else (),
            leaves=leaves,
        )
        for amount, by, leaves in (each for each in (kept, whole) if each is not None)
    )


def days_missed(plans: Iterable[Excess], on: date) -> int:
    """For how many days the longest missed step of these plans has been missed; 0 where none is."""
    return max((each.days_missed(on) for each in plans), default=0)
