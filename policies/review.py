"""Review (复审): a fresh assessment held against the last decision and the line as it is."""

from domain.assessment import Assessment, FactorPoints
from domain.edition import KnockOutEffect, PolicyEdition
from domain.money import Money
from domain.review import Delta, Proposal, ReviewProposal
from policies.assessment import in_application_currency
from policies.limit import OUTLOOK_CAP
from policies.rating import effects
from policies.spreading import shown


def propose(
    previous: Assessment, current: Assessment, line_limit: Money, edition: PolicyEdition
) -> ReviewProposal:
    """Keep, raise, cut or exit; `line_limit` is in the currency of the application.

    Exit where policy would decline the customer today or supports hardly any of the limit; cut to
    what is supported where that is clearly less; raise only where the grade has improved, by a
    bounded share; else keep. A keep after a steep fall of the grade still goes to people, and so does
    whatever the market environment asks of a limit, also where the edition leaves cuts to policy.
    """
    supported = _supported(current, line_limit, edition)
    fallen = edition.rank(current.rating.grade) - edition.rank(previous.rating.grade)
    proposal, limit, reasons = _judged(current, supported, line_limit, fallen, edition)
    downgraded = fallen >= edition.review.downgrade_notches
    if downgraded:
        reasons += (f"grade_fell:{fallen}",)
    return ReviewProposal(
        proposal=proposal,
        limit_proposed=limit,
        needs_approval=proposal in edition.review.approval
        or downgraded
        or (proposal is not Proposal.KEEP and current.limit.binding == OUTLOOK_CAP),
        reasons=reasons,
        deltas=deltas(previous, current),
    )


def _judged(
    current: Assessment, supported: Money, line_limit: Money, fallen: int, edition: PolicyEdition
) -> tuple[Proposal, Money, tuple[str, ...]]:
    policy = edition.review
    zero = Money.zero(line_limit.currency)
    declining = _declining(current, edition)
    if declining:
        return Proposal.EXIT, zero, declining
    if supported < line_limit.share(policy.exit_share):
        return Proposal.EXIT, zero, (f"supported_below_exit:{current.limit.binding}",)
    if supported < line_limit.share(1 - policy.cut_tolerance):
        return Proposal.CUT, supported, (f"bound_by:{current.limit.binding}",)
    clearly_more = supported >= line_limit.share(1 + policy.raise_margin)
    if clearly_more and -fallen >= policy.raise_notches:
        most = line_limit.share(1 + policy.raise_share_max)
        raised = min(supported, most)
        return Proposal.RAISE, raised, (f"grade_rose:{-fallen}",)
    return Proposal.KEEP, line_limit, ()


def _declining(current: Assessment, edition: PolicyEdition) -> tuple[str, ...]:
    """Why policy would decline the customer today, whatever it is asked for."""
    knocked = tuple(
        code
        for code, effect in effects(current.rating, edition).items()
        if effect is KnockOutEffect.DECLINE
    )
    lendable = edition.master_scale[edition.rank(current.rating.grade)].lendable
    return knocked if lendable else (*knocked, f"grade:{current.rating.grade}")


def _supported(current: Assessment, line_limit: Money, edition: PolicyEdition) -> Money:
    supported = in_application_currency(current.limit.limit_proposed, current.dossier)
    if supported.currency == edition.reporting_currency:
        return supported
    return supported.floor_to(Money.of(edition.limit.lot_foreign, line_limit.currency))


def deltas(previous: Assessment, current: Assessment) -> tuple[Delta, ...]:
    """What changed: grade, score, PD, supported limit, rate, and every factor that moved."""
    pairs = [
        ("grade", previous.rating.grade, current.rating.grade),
        ("score", shown(previous.rating.score), shown(current.rating.score)),
        ("pd", shown(previous.rating.pd), shown(current.rating.pd)),
        (
            "limit_proposed",
            previous.limit.limit_proposed.text,
            current.limit.limit_proposed.text,
        ),
        ("rate_annual", shown(previous.price.rate_annual), shown(current.price.rate_annual)),
    ]
    before = {factor.code: factor for factor in previous.rating.factors}
    for factor in current.rating.factors:
        pairs.append((factor.code, _value(before.get(factor.code)), _value(factor)))
    return tuple(Delta(code=code, before=was, now=now) for code, was, now in pairs if was != now)


def _value(factor: FactorPoints | None) -> str:
    return "" if factor is None else shown(factor.value)
