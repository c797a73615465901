"""Five-tier classification (五级分类) of a debtor's claims, as a policy preset.

After the Measures for the Risk Classification of Financial Assets of Commercial Banks (商业银行金融资
产风险分类办法, order 1 of 2023). Days past due set the least tier, other signs may set a worse one;
a debtor with too much non-performing drags all its claims down; a way up is only open after a time
of regular payment. Cover does not help.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from domain.classification import Claim, ClaimSign, Classified, FiveTier
from domain.edition import ClassificationPolicy, PolicyEdition
from domain.money import money_sum
from policies.line import months_later

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
