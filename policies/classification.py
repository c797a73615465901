"""Five-tier classification (五级分类) of a debtor's claims, as a policy preset.

After the Measures for the Risk Classification of Financial Assets of Commercial Banks (商业银行金融资
产风险分类办法, order 1 of 2023). Days past due set the least tier, other signs may set a worse one;
a debtor with too much non-performing drags all its claims down; a way up is only open after a time
of regular payment. Cover does not help.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from domain.classification import (
    Claim,
    ClaimSign,
    Classified,
    CustomerClass,
    Debtor,
    FiveTier,
    Loss,
)
from domain.edition import ClassificationPolicy, PolicyEdition
from domain.errors import GradeUnknown
from domain.manual_class import ManualClass
from domain.money import Money, money_sum
from domain.warning import FIVE_TIER, WarningSignal
from policies.impairment import losses, risk_increased, stage_of, used_beside_invoices
from policies.line import months_later

NON_PERFORMING = "non_performing"
BY_HAND = "set_by_hand"

# What the Measures themselves prescribe, whatever an edition makes of it.
MEASURES = ClassificationPolicy(
    days_above={
        FiveTier.SPECIAL_MENTION: 0,
        FiveTier.SUBSTANDARD: 90,
        FiveTier.DOUBTFUL: 270,
        FiveTier.LOSS: 360,
    },
    technical_days=7,
    debtor_share_max=Decimal("0.1"),
    all_lenders_share_max=Decimal("0.2"),
    loss_share_min={FiveTier.DOUBTFUL: Decimal("0.5"), FiveTier.LOSS: Decimal("0.9")},
    upgrade_payments=2,
    upgrade_months=6,
    restructured_months=12,
)

_SIGNS: dict[ClaimSign, FiveTier] = {
    ClaimSign.USE_CHANGED: FiveTier.SPECIAL_MENTION,
    ClaimSign.NEW_FOR_OLD: FiveTier.SPECIAL_MENTION,
    ClaimSign.NON_PERFORMING_ELSEWHERE: FiveTier.SPECIAL_MENTION,
    ClaimSign.CREDIT_IMPAIRED: FiveTier.SUBSTANDARD,
    ClaimSign.RATING_CUT: FiveTier.SUBSTANDARD,
    ClaimSign.DEBT_EVADED: FiveTier.DOUBTFUL,
    ClaimSign.BANKRUPT: FiveTier.LOSS,
}


def tier_by_days(
    days_past_due: int, policy: ClassificationPolicy, *, technical: bool = False
) -> FiveTier:
    """The least tier that days past due allow; a technical delay of a few days is none."""
    if technical and days_past_due <= policy.technical_days:
        return FiveTier.NORMAL
    return max(
        (tier for tier, above in policy.days_above.items() if days_past_due > above),
        key=lambda tier: tier.gravity,
        default=FiveTier.NORMAL,
    )


def classify(
    claims: Sequence[Claim],
    edition: PolicyEdition,
    business_on: date,
    *,
    overdue_share_all_lenders: Decimal | None = None,
) -> tuple[Classified, ...]:
    """Every claim of one debtor under an edition, in order.

    `overdue_share_all_lenders` is the part of the debtor's debt with all lenders that is past due
    by more than the days of the substandard tier, where it is known.
    """
    policy = edition.classification
    alone = [_alone(claim, policy, business_on) for claim in claims]
    reasons = _dragging(claims, alone, policy, overdue_share_all_lenders)
    if not reasons:
        return tuple(alone)
    return tuple(
        each
        if each.tier.non_performing
        else each.model_copy(
            update={"tier": FiveTier.SUBSTANDARD, "reasons": (*each.reasons, *reasons)}
        )
        for each in alone
    )


def may_be_upgraded(claim: Claim, policy: ClassificationPolicy, business_on: date) -> bool:
    """Whether a non-performing claim has paid regularly for long enough: the longer of so many
    payment periods and so many months."""
    if claim.regular_since is None or claim.regular_payments < policy.upgrade_payments:
        return False
    return business_on >= months_later(claim.regular_since, policy.upgrade_months)


def classify_customer(
    debtor: Debtor,
    before: CustomerClass | None,
    edition: PolicyEdition,
    business_on: date,
    manual: ManualClass | None = None,
) -> tuple[CustomerClass, tuple[Loss, ...]]:
    """The class of a customer as of a day, and the losses expected of it.

    The customer stands in the worst tier of its claims, each claim in its own. `before` is its class
    as of an earlier day, `manual` the class set by hand that counts on this one: by it the customer
    stands, and losses are expected, with the class by rule beside it. What was set by hand as
    non-performing is left as any other: after regular payment. Refuses `GradeUnknown`.
    """
    for line in debtor.lines:
        for grade in {line.grade, line.grade_origin} - set(edition.grades):
            raise GradeUnknown(grade=grade, line_id=line.line_id)
    ruled, posted = _class(debtor, before.as_ruled if before else None, edition, business_on)
    if manual is None and (before is None or before.ruled is None):
        return ruled, posted
    found, posted = _class(debtor, before, edition, business_on, manual)
    by_rule = ruled.by_rule
    alike = (found.tier, found.stage) == (by_rule.tier, by_rule.stage) and (
        found.tier_since == by_rule.tier_since or not found.tier.non_performing
    )
    beside = None if manual is None and alike else by_rule
    return found.model_copy(update={"ruled": beside, "tier_least": ruled.tier_least}), posted


def least(claims: Sequence[Claim], ruled: FiveTier, business_on: date) -> FiveTier | None:
    """The best tier that the Measures let a debtor be set to by hand, where it is better than by rule.

    What they prescribe at least by days past due, signs and regular payment is nobody's to better.
    What is left to judgement: that proceedings are no liquidation, for which alone they prescribe
    loss, though the claim is impaired; how bad a non-performing debtor is while it is not regular
    for long enough to be performing; and all that an edition says more strictly than they do.
    """
    if ruled is FiveTier.NORMAL:
        return None
    looked = [_as_measured(claim) for claim in claims]
    tiers = [
        max(
            (tier for _, tier in _tiers(claim, MEASURES, business_on)),
            key=lambda tier: tier.gravity,
            default=FiveTier.NORMAL,
        )
        for claim in looked
    ]
    alone = [
        Classified(claim_id=claim.claim_id, tier=tier)
        for claim, tier in zip(looked, tiers, strict=True)
    ]
    found = max(tiers, key=lambda tier: tier.gravity, default=FiveTier.NORMAL)
    held = any(
        claim.tier_before is not None
        and claim.tier_before.non_performing
        and not may_be_upgraded(claim, MEASURES, business_on)
        for claim in looked
    )
    if (held or _dragging(looked, alone, MEASURES, None)) and not found.non_performing:
        found = FiveTier.SUBSTANDARD
    return found if found.gravity < ruled.gravity else None


def _as_measured(claim: Claim) -> Claim:
    signs = tuple(
        ClaimSign.CREDIT_IMPAIRED if sign is ClaimSign.BANKRUPT else sign for sign in claim.signs
    )
    return claim.model_copy(update={"signs": signs})


def _class(
    debtor: Debtor,
    before: CustomerClass | None,
    edition: PolicyEdition,
    business_on: date,
    manual: ManualClass | None = None,
) -> tuple[CustomerClass, tuple[Loss, ...]]:
    claims, days_of_items = _claims(debtor, before, edition, business_on)
    classified = classify(claims, edition, business_on)
    worst_by_rule = max((each.tier for each in classified), key=lambda each: each.gravity)
    tier_least = least(claims, worst_by_rule, business_on)
    if manual is not None:
        classified = _by_hand(classified, manual, worst_by_rule, tier_least)
    tier = max((each.tier for each in classified), key=lambda each: each.gravity)
    since = before.tier_since if before is not None and before.tier is tier else business_on
    days_past_due = max(claim.days_past_due for claim in claims)
    worst = max(debtor.lines, key=lambda each: edition.rank(each.grade), default=None)
    stage = stage_of(
        days_past_due,
        edition.impairment,
        risk_increased=any(
            risk_increased(line.grade_origin, line.grade, edition, business_on)
            for line in debtor.lines
        ),
        defaulted=tier.non_performing
        or any(edition.master_scale[edition.rank(line.grade)].pd >= 1 for line in debtor.lines),
    )
    nothing = Money.zero(edition.reporting_currency)
    amounts = dict.fromkeys(FiveTier, nothing)
    for claim, each in zip(claims, classified, strict=True):
        amounts[each.tier] += claim.amount
    found = CustomerClass(
        customer_id=debtor.customer_id,
        as_of=business_on,
        tier=tier,
        tier_since=since,
        stage=stage,
        reasons=tuple(
            dict.fromkeys(
                code.partition(":")[0]
                for each in classified
                if each.tier is tier
                for code in each.reasons
            )
        ),
        grade=worst.grade if worst else "",
        grade_origin=worst.grade_origin if worst else "",
        overdue_since=business_on - timedelta(days=days_past_due) if days_past_due else None,
        used=money_sum((line.used for line in debtor.lines), nothing.currency),
        unused=money_sum((line.unused for line in debtor.lines), nothing.currency),
        receivables=money_sum((item.amount for item in debtor.items), nothing.currency),
        amounts={tier: amount for tier, amount in amounts.items() if amount},
        edition_hash=edition.edition_hash,
        tier_least=tier_least,
        manual_id=manual.manual_id if manual is not None else None,
    )
    return found, losses(debtor, stage, days_of_items, edition, business_on)


def _by_hand(
    classified: Sequence[Classified],
    manual: ManualClass,
    ruled: FiveTier,
    tier_least: FiveTier | None,
) -> tuple[Classified, ...]:
    """Every claim as a class set by hand leaves it: none better than it says, where it is worse than
    by rule; and where somebody else has confirmed a better one, none worse, as far as may be."""
    if manual.tier.gravity >= ruled.gravity:
        return tuple(
            each
            if each.tier.gravity > manual.tier.gravity
            else each.model_copy(update={"tier": manual.tier, "reasons": (BY_HAND,)})
            for each in classified
        )
    if not manual.second_needed:
        return tuple(classified)
    best = max(manual.tier, tier_least or ruled, key=lambda tier: tier.gravity)
    return tuple(
        each
        if each.tier.gravity <= best.gravity
        else each.model_copy(update={"tier": best, "reasons": (BY_HAND,)})
        for each in classified
    )


def turned_bad(found: CustomerClass, edition: PolicyEdition) -> WarningSignal | None:
    """The warning that a non-performing customer deserves, where the edition wants one."""
    level = edition.classification.warning_level
    if level is None or not found.tier.non_performing:
        return None
    return WarningSignal(
        rule=NON_PERFORMING,
        level=level,
        figure=FIVE_TIER,
        value=Decimal(found.tier.gravity),
        threshold=Decimal(FiveTier.SUBSTANDARD.gravity),
        edition_hash=edition.edition_hash,
    )


def regular_since(debtor: Debtor, before: CustomerClass | None) -> date | None:
    """Since when a customer whose tier is held down has paid regularly: since it was put there, or
    since it was last late; the later day counts. None where nothing holds it down."""
    if before is None or not before.tier.non_performing:
        return None
    late = (debtor.regularity.late_until, *(line.late_until for line in debtor.lines))
    return max([before.tier_since, *(day for day in late if day is not None)])


def _claims(
    debtor: Debtor, before: CustomerClass | None, edition: PolicyEdition, business_on: date
) -> tuple[list[Claim], list[int]]:
    """A claim for each open invoice and for what each line is used by beside them, or one of nothing;
    and the days past due of the invoices."""
    since = regular_since(debtor, before)
    known: dict[str, Any] = {
        "signs": debtor.signs,
        "restructured_on": debtor.restructured_on,
        "tier_before": before.tier if before else None,
        "technical": edition.classification.technical_presumed,
        "regular_payments": sum(
            since is not None and day > since for day in debtor.regularity.due_days
        ),
    }
    days_of_items = [max(0, (business_on - item.due_on).days) for item in debtor.items]
    owed = [(item.amount, days) for item, days in zip(debtor.items, days_of_items, strict=True)]
    owed += [
        (used, max(0, (business_on - line.ends_on).days) if used else 0)
        for line, used in used_beside_invoices(debtor, edition)
    ]
    if not owed:
        owed = [(Money.zero(edition.reporting_currency), 0)]
    # Regular is whoever is late with nothing.
    technical = edition.classification.technical_days if known["technical"] else 0
    regular = since if max(days for _, days in owed) <= technical else None
    claims = [
        Claim(
            claim_id=f"claim-{place}",
            amount=amount,
            days_past_due=days,
            regular_since=regular,
            **known,
        )
        for place, (amount, days) in enumerate(owed, start=1)
    ]
    return claims, days_of_items


def _alone(claim: Claim, policy: ClassificationPolicy, business_on: date) -> Classified:
    found = dict(_tiers(claim, policy, business_on))
    worst = max(found.values(), key=lambda tier: tier.gravity, default=FiveTier.NORMAL)
    reasons = tuple(code for code, tier in found.items() if tier is worst)
    before = claim.tier_before
    held = before is not None and before.non_performing and before.gravity > worst.gravity
    if before is not None and held and not may_be_upgraded(claim, policy, business_on):
        return Classified(claim_id=claim.claim_id, tier=before, reasons=("not_yet_regular",))
    return Classified(claim_id=claim.claim_id, tier=worst, reasons=reasons)


def _tiers(
    claim: Claim, policy: ClassificationPolicy, business_on: date
) -> Iterable[tuple[str, FiveTier]]:
    by_days = tier_by_days(claim.days_past_due, policy, technical=claim.technical)
    if by_days is not FiveTier.NORMAL:
        yield f"days_past_due:{claim.days_past_due}", by_days
    yield from ((sign.value, _SIGNS[sign]) for sign in claim.signs)
    if ClaimSign.CREDIT_IMPAIRED in claim.signs:
        for tier, share in policy.loss_share_min.items():
            if claim.loss_share >= share:
                yield f"loss_share:{tier.value}", tier
    if claim.restructured_on is not None and business_on < months_later(
        claim.restructured_on, policy.restructured_months
    ):
        yield "restructured", FiveTier.SPECIAL_MENTION


def _dragging(
    claims: Sequence[Claim],
    alone: Sequence[Classified],
    policy: ClassificationPolicy,
    overdue_elsewhere: Decimal | None,
) -> tuple[str, ...]:
    """Why the whole debtor is non-performing, if it is."""
    reasons = []
    if claims:
        currency = claims[0].amount.currency
        total = money_sum((claim.amount for claim in claims), currency)
        bad = money_sum(
            (
                claim.amount
                for claim, each in zip(claims, alone, strict=True)
                if each.tier.non_performing
            ),
            currency,
        )
        if total and bad.ratio_to(total) > policy.debtor_share_max:
            reasons.append("debtor_non_performing_share")
    if overdue_elsewhere is not None and overdue_elsewhere > policy.all_lenders_share_max:
        reasons.append("debtor_overdue_all_lenders")
    return tuple(reasons)
