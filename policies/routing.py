"""Routing: which lane a case takes, and which people approve it at which tier.

The tier goes by the whole group's exposure after approval, so that two small requests route as one
large one does, by grade, and by what else the edition's rows ask about. The automatic lane has ceilings of its own; each one missed is named.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from domain.application import Application
from domain.approval import RouteStep, SilenceLevel, StepMode
from domain.assessment import Dossier, Holdings, Lane, PolicyException, Price, Rating, Route
from domain.edition import ApprovalStep, KnockOutEffect, PolicyEdition, Tier, TypeRule
from domain.investigation import Conclusion
from domain.money import Money
from domain.value import content_hash
from policies.basel import expected_loss
from policies.concentration import exceptions
from policies.cover import class_of, lgd_after
from policies.form import rule_of
from policies.rating import effects
from policies.related import RELATED, refusals
from policies.splitting import requests_summed
from policies.spreading import rate_used
from policies.tables import NO_FACTS, PRICED_BELOW, RELATED_TO, approval_row, tables_of, yes_or_no

NO_ROW = "none"
PRICE_EXCEPTION = "price_exception"
ABOVE_ELIGIBLE = "above_eligible"
REQUESTS_SUMMED = "requests_summed"


def route(
    dossier: Dossier,
    rating: Rating,
    price: Price,
    granted_reporting: Money,
    edition: PolicyEdition,
    *,
    automatic_spent: Money,
    sampled: bool,
    doubts: tuple[str, ...] = (),
    eligible: Money | None = None,
) -> Route:
    """The lane, the steps and the reasons for a limit that would be granted.

    `doubts` are the findings on the records for which the edition has people decide; `eligible` is
    the limit that policy supports, in the reporting currency.
    """
    application = dossier.application
    aggregate = aggregate_after(application, dossier.holdings, granted_reporting)
    if application.application_type in edition.approval.automatic.always:
        always = (f"always:{application.application_type}",)
        return Route(lane=Lane.AUTOMATIC, aggregate=aggregate, row=NO_ROW, reasons=always)
    beside = requests_summed(dossier, edition)
    if beside is not None:
        aggregate += beside.total
    declined = (
        *_declining(rating, granted_reporting, edition),
        *refusals(dossier, price, granted_reporting, edition),
    )
    rule = rule_of(application.application_type, edition)
    referred = declined if rule is not None and not rule.knock_outs_decline else ()
    if declined and not referred:
        return Route(
            lane=Lane.DECLINE, aggregate=aggregate, row=NO_ROW, reasons=declined, beside=beside
        )
    against = _against_automatic(
        dossier, rating, price, granted_reporting, aggregate, edition, automatic_spent
    )
    # What a change keeps was granted before: it is above what policy supports for another product.
    keeps = rule is not None and rule is not edition.types.change_of_products
    above = () if keeps else _above_eligible(granted_reporting, eligible, edition)
    passed = (*_exceptions(dossier, rating, granted_reporting, edition), *above)
    over = tuple(ABOVE_ELIGIBLE if each in above else f"cap:{each.code}" for each in passed)
    apart = (RELATED,) if _asked_apart(dossier, edition) else ()
    reasons = (*against, *referred, *doubts, *over, *(("sampled",) if sampled else ()), *apart)
    if not reasons:
        return Route(
            lane=Lane.AUTOMATIC,
            aggregate=aggregate,
            row="automatic",
            reasons=("within_automatic_ceilings",),
            moves_tier_at=edition.money(edition.approval.automatic.aggregate_max),
            beside=beside,
        )
    summed = (REQUESTS_SUMMED,) if beside is not None else ()
    facts = facts_of(dossier, price, granted_reporting, passed, edition)
    row, steps, moves_at = body_for(
        dossier,
        aggregate,
        rating.grade,
        edition,
        facts,
        above=bool(above),
        below=price.below_minimum,
    )
    if rule is not None:
        row, steps, moves_at = _road_of(rule, application, (row, steps, moves_at), edition)
    return Route(
        lane=Lane.PEOPLE,
        steps=steps,
        aggregate=aggregate,
        row=row,
        reasons=(*reasons, *summed),
        moves_tier_at=moves_at,
        exceptions=passed,
        beside=beside,
        facts=facts,
    )


_Road = tuple[str, tuple[RouteStep, ...], Money | None]


def _road_of(
    rule: TypeRule, application: Application, road: _Road, edition: PolicyEdition
) -> _Road:
    """The road of a change: its own where it has one, and within its share of the hours."""
    row, steps, moves_at = road
    if rule.steps:
        row, moves_at = application.application_type.value, None
        steps = tuple(_route_step(n, each, edition) for n, each in enumerate(rule.steps, start=1))
    return row, tuple(_sooner(step, rule.hours_share) for step in steps), moves_at


def _sooner(step: RouteStep, share: Decimal) -> RouteStep:
    """A step whose clock runs for a share of its tier's hours."""
    if share == 1:
        return step
    hours = ("remind_hours", "deadline_hours", "lapse_hours")
    levels = tuple(each.model_copy(update={"hours": each.hours * share}) for each in step.levels)
    scaled = {name: getattr(step, name) * share for name in hours}
    return step.model_copy(update={**scaled, "levels": levels})


def facts_of(
    dossier: Dossier,
    price: Price,
    limit: Money,
    passed: Sequence[PolicyException],
    edition: PolicyEdition,
) -> dict[str, str]:
    """What the edition's rows ask about a limit in the reporting currency, beside aggregate and
    grade; `passed` are the caps and bounds that it would pass."""
    application = dossier.application
    known = {
        "cover": class_of(dossier, limit, edition).value,
        "product": application.product,
        "application_type": application.application_type.value,
        "exception": yes_or_no(bool(passed)),
        PRICED_BELOW: yes_or_no(price.below_minimum),
        RELATED_TO: yes_or_no(dossier.customer.related_to_grantor),
    }
    return {name: known[name] for name in tables_of(edition).approval.columns if name in known}


def aggregate_after(
    application: Application, holdings: Holdings, granted_reporting: Money
) -> Money:
    """The group's limits after approval: a change takes the place of the line it changes, which
    the group's limits count already; a new line comes on top of them."""
    if application.application_type.asks_new_line:
        return holdings.group_limits + granted_reporting
    replaced = holdings.own_limits if holdings.line_limit is None else holdings.line_limit
    return holdings.group_limits - replaced + granted_reporting


def chance_of(case_id: str) -> Decimal:
    """A draw from [0, 1) that the case's id fixes, so that a second run draws the same."""
    return Decimal(int(content_hash([case_id, "sample"])[:8], 16)) / Decimal(2**32)


def is_sampled(chance: Decimal, edition: PolicyEdition) -> bool:
    """Whether a draw from [0, 1) sends an automatic case to people."""
    return chance < edition.approval.automatic.sampling_share


def steps_for(
    aggregate: Money, grade: str, edition: PolicyEdition, facts: Mapping[str, str] = NO_FACTS
) -> tuple[str, tuple[RouteStep, ...], Money | None]:
    """The approval row of an aggregate, a grade and what else rows ask about, its steps, and where
    the row ends. Without a fact it is the highest of the rows that it might be."""
    row = approval_row(aggregate, grade, facts, edition)
    assert row is not None, "the approval table leaves a gap"
    steps = tuple(
        _route_step(number, step, edition) for number, step in enumerate(row.steps, start=1)
    )
    return row.code, steps, None if row.up_to is None else edition.money(row.up_to)


def body_for(
    dossier: Dossier,
    aggregate: Money,
    grade: str,
    edition: PolicyEdition,
    facts: Mapping[str, str],
    *,
    above: bool = False,
    below: bool = False,
) -> tuple[str, tuple[RouteStep, ...], Money | None]:
    """The row, the steps and where the next tier begins, if any.

    A related party of the grantor has its own body; a limit above the eligible one, or a price
    below the minimum that no row asks about, is put before the body for such exceptions instead of
    the row's.
    """
    policy = edition.approval
    if _has_own_body(dossier, edition):
        row, step = RELATED, edition.related.body
    elif above and policy.above_eligible is not None:
        row, step = ABOVE_ELIGIBLE, policy.above_eligible.step
    elif below and PRICED_BELOW not in facts:
        row, step = PRICE_EXCEPTION, policy.price_exception
    else:
        return steps_for(aggregate, grade, edition, facts)
    assert step is not None, "a related party has its own body only where there is one"
    reviewed = _reviewing(aggregate, grade, edition)
    return row, steps_of(step, edition, reviewed), None


def steps_of(
    step: ApprovalStep, edition: PolicyEdition, before: tuple[ApprovalStep, ...] = ()
) -> tuple[RouteStep, ...]:
    """The road of a body that decides alone, after the steps named."""
    return tuple(
        _route_step(number, each, edition) for number, each in enumerate((*before, step), start=1)
    )


def _reviewing(aggregate: Money, grade: str, edition: PolicyEdition) -> tuple[ApprovalStep, ...]:
    """The review that the row of a case asks for, where its size does: no body of its own spares it."""
    bound = edition.approval.review_above
    if bound is None or aggregate.amount <= bound:
        return ()
    place = tables_of(edition).approval.find({"aggregate": aggregate.amount, "grade": grade})
    assert place is not None, "the approval table leaves a gap"
    steps = edition.approval.rows[place].steps
    return tuple(step for step in steps if step.mode is StepMode.OPINION)


def _has_own_body(dossier: Dossier, edition: PolicyEdition) -> bool:
    return dossier.customer.related_to_grantor and edition.related.body is not None


def _asked_apart(dossier: Dossier, edition: PolicyEdition) -> bool:
    """Whether policy says who decides on this related party, so that it never goes by itself."""
    asked = RELATED_TO in tables_of(edition).approval.columns
    return _has_own_body(dossier, edition) or (dossier.customer.related_to_grantor and asked)


def _above_eligible(
    granted: Money, eligible: Money | None, edition: PolicyEdition
) -> tuple[PolicyException, ...]:
    """A grant above what policy supports, as an exception with both amounts."""
    if edition.approval.above_eligible is None or eligible is None or granted <= eligible:
        return ()
    share = (granted.ratio_to(eligible) if eligible else Decimal(0)).quantize(_PLACES)
    return (
        PolicyException(
            code=ABOVE_ELIGIBLE,
            before=eligible,
            after=granted,
            cap=eligible,
            share_before=Decimal(1),
            share_after=share,
            share_max=1 + edition.approval.above_eligible.share_max,
        ),
    )


_PLACES = Decimal("0.000001")


def _route_step(number: int, step: ApprovalStep, edition: PolicyEdition) -> RouteStep:
    tier = edition.approval.tiers[step.tier]
    return RouteStep(
        step_id=f"{number}.{step.tier}",
        tier=tier.level,
        mode=step.mode,
        positions=step.positions,
        needed=step.needed,
        share=step.share,
        weights=step.weights,
        quorum=step.quorum,
        chair=step.chair,
        final=step.final,
        independent=step.independent,
        remind_hours=tier.remind_hours,
        deadline_hours=tier.deadline_hours,
        lapse_hours=tier.lapse_hours,
        escalate_to=tier.escalate_to,
        levels=silence_levels(tier),
    )


def silence_levels(tier: Tier) -> tuple[SilenceLevel, ...]:
    """The further levels of a tier's silence, by their hours."""
    return tuple(
        SilenceLevel(hours=row.hours, act=row.act, to=row.to)
        for row in sorted(tier.levels, key=lambda row: row.hours)
    )


def _declining(rating: Rating, granted: Money, edition: PolicyEdition) -> tuple[str, ...]:
    declined = [
        code
        for code, effect in effects(rating, edition).items()
        if effect is KnockOutEffect.DECLINE
    ]
    if not edition.master_scale[edition.rank(rating.grade)].lendable:
        declined.append(f"grade:{rating.grade}")
    if not granted:
        declined.append("limit_zero")
    return tuple(declined)


def _against_automatic(
    dossier: Dossier,
    rating: Rating,
    price: Price,
    granted: Money,
    aggregate: Money,
    edition: PolicyEdition,
    spent: Money,
) -> tuple[str, ...]:
    """Every ceiling of the automatic lane that the case misses."""
    lane = edition.approval.automatic
    requested = dossier.limit_requested_reporting
    advice = dossier.investigation.conclusion if dossier.investigation else None
    missed = {
        "automatic_disabled": not lane.enabled,
        "type_not_automatic": dossier.application.application_type not in lane.application_types,
        "aggregate_above_automatic": aggregate > edition.money(lane.aggregate_max),
        "grade_below_automatic": edition.rank(rating.grade) > edition.rank(lane.grade_min),
        "daily_volume_spent": spent + granted > edition.money(lane.daily_amount_max),
        "below_requested": granted < requested.share(lane.requested_share_min),
        "completeness_below_automatic": dossier.completeness < lane.completeness_min,
        "price_below_minimum": price.below_minimum,
        # What one officer says of a grade lets nobody skip the approvers.
        "grade_overridden": rating.override is not None,
        "rate_stale": _rate_is_stale(dossier, edition),
        "investigation_conditions": advice is Conclusion.RECOMMEND_WITH_CONDITIONS,
        "investigation_against": advice is Conclusion.DO_NOT_RECOMMEND,
    }
    referred = (
        code for code, effect in effects(rating, edition).items() if effect is KnockOutEffect.REFER
    )
    return (*(code for code, held in missed.items() if held), *referred)


def _exceptions(
    dossier: Dossier, rating: Rating, granted: Money, edition: PolicyEdition
) -> tuple[PolicyException, ...]:
    """The caps and bounds of appetite that the approval would pass, where the book is known.

    The book is without the line in question, so what is granted is what is added to it.
    """
    if dossier.book is None:
        return ()
    customer, lgd = dossier.customer, lgd_after(dossier, granted, edition)
    return exceptions(
        granted,
        granted.share(expected_loss(rating.pd, lgd)),
        dossier.book,
        dossier.business_on,
        edition,
        product=dossier.application.product,
        industry=customer.industry,
        region=customer.region,
        related=customer.related_to_grantor,
    )


def _rate_is_stale(dossier: Dossier, edition: PolicyEdition) -> bool:
    """Whether any exchange rate used is older than the edition allows."""
    currencies = {statement.currency for statement in dossier.statements[-1:]}
    currencies.add(dossier.application.limit_requested.currency)
    ages = (
        (dossier.business_on - rate_used(currency, dossier, edition).rate_on).days
        for currency in currencies
    )
    return any(age > edition.exchange.rate_age_days_max for age in ages)
