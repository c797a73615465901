"""Limit (测额): several methods, how they combine, the caps above, and which of them binds.

All in the reporting currency. A method is a base figure times the share its grade is allowed; caps
bound whatever the methods say; what the customer holds already beside the line in question comes
off; the result is floored to whole lots and never negative. What is not binding does not touch it.
"""

from decimal import Decimal

from domain.application import ApplicationType
from domain.assessment import Dossier, Holdings, LimitProposal, LimitStep
from domain.edition import Combine, LimitMethod, MissingMethod, PolicyEdition
from domain.money import MINOR_MAX, Money, exponent_of
from policies.line import temporary_limit_max
from policies.spreading import Scope, shown

NOTHING_COMPUTABLE = "nothing_computable"


def propose_limit(
    scope: Scope, dossier: Dossier, grade: str, edition: PolicyEdition
) -> LimitProposal:
    """The limit that methods and caps support, with every step, the binding and the next."""
    rule = edition.product(dossier.application.product)
    methods = tuple(
        _method_step(code, edition.limit.methods[code], scope, grade, edition)
        for code in rule.methods
    )
    counted = [step for step in methods if step.amount is not None]
    caps = _cap_steps(dossier.holdings, grade, edition) + _temporary_cap(dossier, edition)
    chosen = _combined(counted, rule.combine)
    bounds = ([*counted] if rule.combine is Combine.MINIMUM else [*chosen]) + list(caps)
    ranked = sorted(bounds, key=lambda step: _amount(step).minor)  # stable: methods before caps
    if not counted:
        return _result(None, methods + caps, NOTHING_COMPUTABLE, None, dossier, edition)
    following = ranked[1].code if len(ranked) > 1 else None
    return _result(_amount(ranked[0]), methods + caps, ranked[0].code, following, dossier, edition)


def _method_step(
    code: str, method: LimitMethod, scope: Scope, grade: str, edition: PolicyEdition
) -> LimitStep:
    base = scope.find(method.figure)
    rate = Decimal(1) if method.in_reporting_currency else scope.find("rate")
    share = method.share[grade]
    inputs = {
        method.figure: shown(base),
        "rate": shown(rate),
        "share": shown(share),
        "grade": grade,
    }
    amount: Money | None = None
    if base is not None and rate is not None:
        amount = _floored(base * rate * share, edition)
    elif method.missing is MissingMethod.ZERO:
        amount = Money.zero(edition.reporting_currency)
    formula = f"{method.figure} * rate * share"
    return LimitStep(code=code, kind="method", amount=amount, formula=formula, inputs=inputs)


def _cap_steps(holdings: Holdings, grade: str, edition: PolicyEdition) -> tuple[LimitStep, ...]:
    policy = edition.limit
    others = holdings.group_limits - holdings.own_limits
    capital = edition.money(policy.capital_net)
    group = capital.share(policy.group_share)
    return (
        LimitStep(
            code="grade_cap",
            kind="cap",
            amount=edition.money(policy.grade_cap[grade]),
            formula="grade_cap of the grade",
            inputs={"grade": grade},
        ),
        LimitStep(
            code="single_name_cap",
            kind="cap",
            amount=capital.share(policy.single_name_share),
            formula="capital_net * single_name_share",
            inputs={"capital_net": capital.text, "share": shown(policy.single_name_share)},
        ),
        LimitStep(
            code="group_cap",
            kind="cap",
            amount=group - others,
            formula="capital_net * group_share - limits of other group members",
            inputs={
                "capital_net": capital.text,
                "share": shown(policy.group_share),
                "others": others.text,
            },
        ),
    )


def _temporary_cap(dossier: Dossier, edition: PolicyEdition) -> tuple[LimitStep, ...]:
    """For a temporary increase, what the line's own limit may go up to."""
    holdings = dossier.holdings
    line_limit = holdings.own_limits if holdings.line_limit is None else holdings.line_limit
    if dossier.application.application_type is not ApplicationType.TEMPORARY_INCREASE:
        return ()
    return (
        LimitStep(
            code="temporary_cap",
            kind="cap",
            amount=temporary_limit_max(line_limit, edition) + held_beside(dossier),
            formula="limit of the line * (1 + share_max) + held",
            inputs={
                "line_limit": line_limit.text,
                "share_max": shown(edition.temporary.share_max),
            },
        ),
    )


def _combined(counted: list[LimitStep], combine: Combine) -> list[LimitStep]:
    """The one step that speaks for the methods; nothing where none could be computed."""
    ranked = sorted(counted, key=lambda step: _amount(step).minor)
    if not ranked:
        return []
    middle = (len(ranked) - 1) // 2
    return [ranked[0 if combine is Combine.MINIMUM else middle]]


def _result(
    bound: Money | None,
    steps: tuple[LimitStep, ...],
    binding: str,
    following: str | None,
    dossier: Dossier,
    edition: PolicyEdition,
) -> LimitProposal:
    zero, lot = Money.zero(edition.reporting_currency), edition.money(edition.limit.lot)
    held = held_beside(dossier)
    proposed = zero if bound is None else max(zero, (bound - held).floor_to(lot))
    result = LimitStep(
        code="limit_proposed",
        kind="result",
        amount=proposed,
        formula=f"{binding} - held, floored to whole lots",
        inputs={"held": held.text, "lot": lot.text},
    )
    return LimitProposal(
        limit_proposed=proposed, steps=(*steps, result), binding=binding, next_binding=following
    )


def held_beside(dossier: Dossier) -> Money:
    """What the customer holds beside the line in question; all of it where a new line is asked."""
    holdings, application = dossier.holdings, dossier.application
    if application.application_type.asks_new_line:
        return holdings.own_limits
    if holdings.line_limit is None:
        return Money.zero(holdings.own_limits.currency)
    return holdings.own_limits - holdings.line_limit


def _amount(step: LimitStep) -> Money:
    assert step.amount is not None
    return step.amount


def _floored(amount: Decimal, edition: PolicyEdition) -> Money:
    """An amount rounded down to the minor unit, held within what a column keeps."""
    currency = edition.reporting_currency
    minor = int((amount.scaleb(exponent_of(currency))).__floor__())
    return Money(minor=max(-MINOR_MAX, min(MINOR_MAX, minor)), currency=currency)
