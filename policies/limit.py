"""Limit (测额): several methods, how they combine, the caps above, and which of them binds.

All in the reporting currency. A method is a base figure, brought to whole minor units, times the
share its grade is allowed; the caps of the grade bound whatever the methods say. Cover that counts
lifts all of these; the caps on one name and one group it does not lift. What the customer holds
already beside the line in question comes off; the result is floored to whole lots and never
negative. What is not binding does not touch it. `policies/columns.py` computes the same for many.
"""

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from domain.application import ApplicationType
from domain.assessment import Dossier, Holdings, LimitProposal, LimitStep
from domain.edition import Combine, LimitMethod, MissingMethod, PolicyEdition
from domain.money import MINOR_MAX, Money, exponent_of
from policies.calendar import in_force
from policies.cover import counted, uplift
from policies.cover import steps as cover_steps
from policies.line import temporary_limit_max
from policies.spreading import Scope, shown

NOTHING_COMPUTABLE = "nothing_computable"
GRADE_CAP, OUTLOOK_CAP = "grade_cap", "outlook_cap"
_LIFTED = (GRADE_CAP, OUTLOOK_CAP)  # the caps that cover lifts


def propose_limit(
    scope: Scope, dossier: Dossier, grade: str, edition: PolicyEdition
) -> LimitProposal:
    """The limit that methods and caps support, with every step, the binding and the next."""
    rule = edition.product(dossier.application.product)
    methods = tuple(
        _method_step(code, edition.limit.methods[code], scope, grade, edition)
        for code in rule.methods
    )
    computed = [step for step in methods if step.amount is not None]
    soft = _grade_steps(dossier, grade, edition)
    hard = _capital_steps(dossier.holdings, edition) + _temporary_cap(dossier, edition)
    lift = _uplift_step(dossier, edition)
    steps = (*methods, *soft, *lift, *hard)
    if not computed:
        return _result(None, steps, NOTHING_COMPUTABLE, None, dossier, edition)
    lifted = _amount(lift[0]).minor if lift else 0
    (least, binding), following = _bounds(computed, soft, hard, lifted, rule.combine)[:2]
    bound = Money(minor=min(least, MINOR_MAX), currency=edition.reporting_currency)
    return _result(bound, steps, binding, following[1], dossier, edition)


def limit_with_cover(
    proposal: LimitProposal, dossier: Dossier, worth: Money, edition: PolicyEdition
) -> Money:
    """The limit that a proposal's methods and caps support with another worth of its cover."""
    computed = [
        step for step in proposal.steps if step.kind == "method" and step.amount is not None
    ]
    if not computed:
        return Money.zero(edition.reporting_currency)
    caps = [step for step in proposal.steps if step.kind == "cap"]
    soft = [step for step in caps if step.code in _LIFTED]
    hard = [step for step in caps if step.code not in _LIFTED]
    combine = edition.product(dossier.application.product).combine
    least, _ = _bounds(computed, soft, hard, worth.minor, combine)[0]
    bound = Money(minor=min(least, MINOR_MAX), currency=edition.reporting_currency)
    return _proposed(bound, dossier, edition)


def base_minor(figure: str, rate: Decimal, scope: Scope, edition: PolicyEdition) -> int | None:
    """A method's base in whole minor units, halves to even, within what a column keeps."""
    base = scope.find(figure)
    if base is None:
        return None
    scaled = (base * rate).scaleb(exponent_of(edition.reporting_currency))
    minor = int(scaled.to_integral_value(ROUND_HALF_EVEN))
    return max(-MINOR_MAX, min(MINOR_MAX, minor))


def _method_step(
    code: str, method: LimitMethod, scope: Scope, grade: str, edition: PolicyEdition
) -> LimitStep:
    rate = Decimal(1) if method.in_reporting_currency else scope.find("rate")
    share = method.share[grade]
    inputs = {
        method.figure: shown(scope.find(method.figure)),
        "rate": shown(rate),
        "share": shown(share),
        "grade": grade,
    }
    minor = None if rate is None else base_minor(method.figure, rate, scope, edition)
    amount: Money | None = None
    if minor is not None:
        amount = _share_of(minor, share, edition)
    elif method.missing is MissingMethod.ZERO:
        amount = Money.zero(edition.reporting_currency)
    formula = f"{method.figure} * rate * share"
    return LimitStep(code=code, kind="method", amount=amount, formula=formula, inputs=inputs)


def _grade_steps(dossier: Dossier, grade: str, edition: PolicyEdition) -> tuple[LimitStep, ...]:
    """The cap of the grade, and what the outlook of the customer's industry leaves of it."""
    cap = edition.money(edition.limit.grade_cap[grade])
    steps = [
        LimitStep(
            code=GRADE_CAP,
            kind="cap",
            amount=cap,
            formula="grade_cap of the grade",
            inputs={"grade": grade},
        )
    ]
    outlook = outlook_of(dossier.customer.industry, dossier.business_on, edition)
    if outlook is not None:
        steps.append(
            LimitStep(
                code=OUTLOOK_CAP,
                kind="cap",
                amount=cap.share(outlook),
                formula="grade_cap * share that the outlook of the industry leaves",
                inputs={"industry": str(dossier.customer.industry), "share": shown(outlook)},
            )
        )
    return tuple(steps)


def outlook_of(industry: str | None, on: date, edition: PolicyEdition) -> Decimal | None:
    """The least share that rows of an industry's outlook in force on a day leave; None without."""
    shares = [
        row.cap_share
        for row in edition.limit.outlooks
        if row.industry == industry and in_force(row, on)
    ]
    return min(shares, default=None)


def _uplift_step(dossier: Dossier, edition: PolicyEdition) -> tuple[LimitStep, ...]:
    if not dossier.covers:
        return ()
    return (
        LimitStep(
            code="cover",
            kind="uplift",
            amount=uplift(dossier, edition),
            formula="sum of value * share * (1 - haircut) of cover that counts",
            inputs={
                cover.cover_id: counted(cover, dossier.business_on, edition).text
                for cover in dossier.covers
            },
        ),
    )


def _capital_steps(holdings: Holdings, edition: PolicyEdition) -> tuple[LimitStep, ...]:
    policy = edition.limit
    others = holdings.group_limits - holdings.own_limits
    capital = edition.money(policy.capital_net)
    group = capital.share(policy.group_share)
    return (
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


def _bounds(
    computed: list[LimitStep],
    soft: Sequence[LimitStep],
    hard: Sequence[LimitStep],
    lifted: int,
    combine: Combine,
) -> list[tuple[int, str]]:
    """What each method and cap leaves, the least first; of equals methods before caps."""
    chosen = computed if combine is Combine.MINIMUM else _combined(computed, combine)
    found = [(_amount(step).minor + lifted, step.code) for step in (*chosen, *soft)]
    found += [(_amount(step).minor, step.code) for step in hard]
    return sorted(found, key=_by_amount)


def _proposed(bound: Money | None, dossier: Dossier, edition: PolicyEdition) -> Money:
    zero, lot = Money.zero(edition.reporting_currency), edition.money(edition.limit.lot)
    return zero if bound is None else max(zero, (bound - held_beside(dossier)).floor_to(lot))


def _result(
    bound: Money | None,
    steps: tuple[LimitStep, ...],
    binding: str,
    following: str | None,
    dossier: Dossier,
    edition: PolicyEdition,
) -> LimitProposal:
    lot, held = edition.money(edition.limit.lot), held_beside(dossier)
    proposed = _proposed(bound, dossier, edition)
    result = LimitStep(
        code="limit_proposed",
        kind="result",
        amount=proposed,
        formula=f"{binding} - held, floored to whole lots",
        inputs={"held": held.text, "lot": lot.text},
    )
    return LimitProposal(
        limit_proposed=proposed,
        steps=(*steps, result),
        binding=binding,
        next_binding=following,
        covers=cover_steps(dossier.covers, dossier.rates, dossier.business_on, edition),
    )


def held_beside(dossier: Dossier) -> Money:
    """What the customer holds beside the line in question; all of it where a new line is asked."""
    holdings, application = dossier.holdings, dossier.application
    if application.application_type.asks_new_line:
        return holdings.own_limits
    if holdings.line_limit is None:
        return Money.zero(holdings.own_limits.currency)
    return holdings.own_limits - holdings.line_limit


def _by_amount(bound: tuple[int, str]) -> int:
    return bound[0]


def _amount(step: LimitStep) -> Money:
    assert step.amount is not None
    return step.amount


def _share_of(minor: int, share: Decimal, edition: PolicyEdition) -> Money:
    """A share of so many minor units, rounded down, held within what a column keeps."""
    part = int((minor * share).to_integral_value(ROUND_FLOOR))
    currency = edition.reporting_currency
    return Money(minor=max(-MINOR_MAX, min(MINOR_MAX, part)), currency=currency)
