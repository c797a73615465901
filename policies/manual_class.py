"""Classes set by hand (人工认定): what an edition allows, and which of several counts on a day.

A class better than by rule is bounded twice: by the edition, and by the least that the Measures for the
Risk Classification of Financial Assets (order 1 of 2023) prescribe (`policies.classification.least`).
"""

from collections.abc import Iterable
from datetime import date, timedelta

from domain.classification import CustomerClass, FiveTier
from domain.edition import ManualClassPolicy
from domain.errors import ClassBarred, ClassPeriodUnfit, ClassReasonUnknown, ClassUnchanged
from domain.manual_class import ManualClass, ManualClassContent, ManualStatus
from policies.line import months_later


def second_needed(
    content: ManualClassContent,
    found: CustomerClass | None,
    policy: ManualClassPolicy,
    today: date,
    others: Iterable[ManualClass] = (),
) -> bool:
    """Whether a class may only count once somebody else has confirmed it: one that is better than
    what counts now or on a day that it is set for, or than the rules say.

    `found` is the customer's class as it counts, `others` are those set before; refuses
    `ClassReasonUnknown`, `ClassPeriodUnfit`, `ClassUnchanged` and `ClassBarred`.
    """
    if content.reason not in policy.reasons:
        raise ClassReasonUnknown(given=content.reason, reasons=", ".join(policy.reasons) or "-")
    _refuse_period(content, policy, today)
    tier = standing(found, others, content)
    ruled = found.by_rule.tier if found else FiveTier.NORMAL
    if content.tier is tier and tier is ruled:
        raise ClassUnchanged(tier=tier)
    least = best_allowed(found, policy, tier)
    if content.tier.gravity < least.gravity:
        raise ClassBarred(tier=content.tier, ruled=ruled, least=least)
    return content.tier.gravity < max(tier.gravity, ruled.gravity)


def standing(
    found: CustomerClass | None, others: Iterable[ManualClass], content: ManualClassContent
) -> FiveTier:
    """The worst that counts now, or is set to count on a day of what is to be set."""
    set_before = (
        each.tier
        for each in others
        if each.status is ManualStatus.COUNTING
        and each.since_on <= content.until_on
        and each.until_on >= content.from_on
    )
    now = found.tier if found else FiveTier.NORMAL
    return max([now, *set_before], key=lambda tier: tier.gravity)


def best_allowed(
    found: CustomerClass | None, policy: ManualClassPolicy, tier: FiveTier | None = None
) -> FiveTier:
    """The best tier that may be set: so many better than by rule, and no better than the Measures
    let it be. Who was set to be non-performing is so until regular payment, or until it is taken
    back; no further class makes it performing."""
    ruled = found.by_rule.tier if found else FiveTier.NORMAL
    least = (found.tier_least if found else None) or ruled
    worst = tier or (found.tier if found else ruled)
    if worst.non_performing and not ruled.non_performing:
        return FiveTier.SUBSTANDARD
    return list(FiveTier)[max(ruled.gravity - policy.better_tiers_max, least.gravity)]


def counting(classes: Iterable[ManualClass], on: date) -> ManualClass | None:
    """The class set by hand that counts on a day: of each record the newest, of several the worst."""
    newest: dict[str, ManualClass] = {}
    for each in sorted(classes, key=lambda each: (each.proposed_at, each.manual_id)):
        if each.counts_on(on):
            newest[each.customer_id] = each
    return max(newest.values(), key=lambda each: each.tier.gravity, default=None)


def days_of_change(classes: Iterable[ManualClass], after: date) -> list[date]:
    """The days after one on which a class set by hand begins or has just ended, or would have."""
    told = [
        each for each in classes if each.status in (ManualStatus.COUNTING, ManualStatus.TAKEN_BACK)
    ]
    begins = {each.since_on for each in told}
    over = {each.until_on + timedelta(days=1) for each in told if each.until_on < date.max}
    return sorted(day for day in begins | over if day > after)


def _refuse_period(content: ManualClassContent, policy: ManualClassPolicy, today: date) -> None:
    latest = months_later(content.from_on, policy.months_max)
    earliest = content.from_on
    if content.tier.non_performing:
        earliest = months_later(content.from_on, policy.cure_months)
    if content.from_on < today or not earliest <= content.until_on <= latest:
        raise ClassPeriodUnfit(
            from_on=content.from_on,
            until_on=content.until_on,
            today=today,
            earliest=earliest,
            latest=latest,
        )
