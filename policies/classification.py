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
from domain.money import Money, money_sum
from domain.warning import FIVE_TIER, WarningSignal
from policies.impairment import losses, risk_increased, stage_of, used_beside_invoices
from policies.line import months_later

NON_PERFORMING = "non_performing"

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
    debtor: Debtor, before: CustomerClass | None, edition: PolicyEdition, business_on: date
) -> tuple[CustomerClass, tuple[Loss, ...]]:
    """The class of a customer as of a day, and the losses expected of it.

    The customer stands in the worst tier of its claims, each claim in its own. `before` is its class
    as of an earlier day; refuses `GradeUnknown`.
    """
    for line in debtor.lines:
        for grade in {line.grade, line.grade_origin} - set(edition.grades):
            raise GradeUnknown(grade=grade, line_id=line.line_id)
    claims, days_of_items = _claims(debtor, before, edition, business_on)
    classified = classify(claims, edition, business_on)
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
    )
    return found, losses(debtor, stage, days_of_items, edition, business_on)


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
