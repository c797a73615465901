"""Assessment (评估): a dossier judged under an edition, from figures to route, as one receipt."""

from decimal import Decimal, localcontext
from typing import Any

from domain.application import ApplicationType
from domain.assessment import Assessment, Dossier, LimitProposal
from domain.contract import Letter
from domain.edition import PolicyEdition
from domain.guard import LetterLimit
from domain.money import Money
from domain.tolerance import CUT, used
from policies.authenticity import doubts, referring, tolerated
from policies.benchmark import floating_price
from policies.cover import lgd_after, secured
from policies.formula import EXACT
from policies.limit import propose_limit
from policies.override import overridden
from policies.price import price
from policies.rating import rate
from policies.reconsideration import route_anew
from policies.replayed import Contrast, contrasts
from policies.routing import route
from policies.spreading import Scope, scope_of


def assess(
    case_id: str,
    dossier: Dossier,
    edition: PolicyEdition,
    *,
    automatic_spent: Money,
    sampled: bool,
) -> Assessment:
    """The receipt of a judgement: rating, limit, price and route, with every step.

    `automatic_spent` is what the automatic lane has granted today already, in the reporting
    currency; `sampled` is whether chance sends the case to people. Refuses `RateMissing` and
    `ProductUnknown`.
    """
    with localcontext(EXACT):
        scope = scope_of(dossier, edition)
        rating = rate(scope, edition)
        if dossier.override is not None:
            rating = overridden(rating, dossier.override, edition)
        limit = propose_limit(scope, dossier, rating.grade, edition)
        recommended, granted_reporting = recommend(dossier, limit, edition)
        lgd = lgd_after(dossier, granted_reporting, edition) if dossier.covers else None
        priced = price(
            rating.pd,
            rating.grade,
            dossier.application.term_months,
            _sales_reporting(scope),
            edition,
            lgd=lgd,
        )
        floating = floating_price(priced.rate_annual, dossier, edition)
        if floating is not None:
            priced = priced.model_copy(update={"floating": floating})
        if lgd is not None:
            by_cover = secured(dossier, granted_reporting, edition)
            priced = priced.model_copy(update={"secured": by_cover})
        doubted = doubts(dossier, scope, edition)
        passed = tolerated(dossier, edition)
        routed = route(
            dossier,
            rating,
            priced,
            granted_reporting,
            edition,
            automatic_spent=automatic_spent,
            sampled=sampled,
            doubts=referring(doubted, edition),
            eligible=limit.limit_proposed,
        )
        routed = route_anew(routed, dossier, rating.grade, priced, granted_reporting, edition)
    return Assessment(
        case_id=case_id,
        edition=edition.name,
        edition_hash=edition.edition_hash,
        dossier=dossier,
        rating=rating,
        limit=limit,
        limit_recommended=recommended,
        price=priced,
        route=routed,
        automatic_spent=automatic_spent,
        sampled=sampled,
        doubts=doubted,
        tolerances=passed,
    )


def recommend(
    dossier: Dossier, limit: LimitProposal, edition: PolicyEdition
) -> tuple[Money, Money]:
    """What is recommended, in the application's currency and in the reporting currency.

    The lesser of what is proposed, what is requested and what two investigators signed for; a
    decrease, and a change that keeps the limit, is what is requested, as nobody is refused less
    credit. Whoever asks for more than
    policy supports, with the reason, is put forward with so much more as the edition lets its body
    grant. A proposal in another currency is floored to whole lots there.
    """
    recommended, reporting = _by_proposal(dossier, limit, edition)
    signed = dossier.investigation
    if dossier.application.application_type.has_form:
        signed = None  # nothing is granted: what the line has is kept
    if signed is None or signed.scheme.limit >= recommended:
        return recommended, reporting
    requested, whole = dossier.application.limit_requested, dossier.limit_requested_reporting
    if requested.currency == whole.currency:
        return signed.scheme.limit, signed.scheme.limit
    # The exposure that chooses the tier is rounded up, as everywhere.
    return signed.scheme.limit, -((-whole).share(signed.scheme.limit.ratio_to(requested)))


def _by_proposal(
    dossier: Dossier, limit: LimitProposal, edition: PolicyEdition
) -> tuple[Money, Money]:
    requested, reporting = dossier.application.limit_requested, dossier.limit_requested_reporting
    kind = dossier.application.application_type
    kept = kind is ApplicationType.DECREASE or kind.has_form
    most = limit.limit_proposed
    exception = edition.approval.above_eligible
    if exception is not None and dossier.application.above_eligible_reason:
        more = most.share(exception.share_max)
        most = max(most, (most + more).floor_to(edition.money(edition.limit.lot)))
    if kept or most >= reporting:
        return requested, reporting
    if requested.currency == reporting.currency:
        return most, most
    lot = Money.of(edition.limit.lot_foreign, requested.currency)
    recommended = in_application_currency(most, dossier).floor_to(lot)
    return recommended, most if recommended else Money.zero(reporting.currency)


def limit_of_letter(assessment: Assessment, letter: Letter, unit: str) -> LetterLimit | None:
    """What an approved letter grants, in its currency: how much of it is new, and was eligible."""
    if letter.terms is None:
        return None
    granted, dossier = letter.terms.limit, assessment.dossier
    holdings, kind = dossier.holdings, dossier.application.application_type
    replaced = holdings.own_limits if holdings.line_limit is None else holdings.line_limit
    zero = Money.zero(granted.currency)
    if kind is ApplicationType.PRE_APPROVAL:
        added = zero
    elif kind.asks_new_line:
        added = granted
    else:
        added = max(zero, granted - in_application_currency(replaced, dossier))
    return LetterLimit(
        letter_no=letter.letter_no,
        customer_id=letter.terms.customer_id,
        unit=unit,
        decided_on=letter.decided_on,
        limit=granted,
        eligible=in_application_currency(assessment.limit.limit_proposed, dossier),
        added=added,
        route_row=assessment.route.row,
    )


def in_application_currency(amount: Money, dossier: Dossier) -> Money:
    """A reporting amount at the rate the request was converted at, rounded down."""
    requested, reporting = dossier.application.limit_requested, dossier.limit_requested_reporting
    if requested.currency == amount.currency:
        return amount
    with localcontext(EXACT):
        return requested.share(amount.ratio_to(reporting))


def replay(assessment: Assessment, edition: PolicyEdition) -> list[str]:
    """The paths of the fields that a fresh judgement of the receipt's dossier changes; empty is
    identical."""
    return [each.path for each in replayed(assessment, edition)]


def replayed(assessment: Assessment, edition: PolicyEdition) -> list[Contrast]:
    """The same, each with what is recorded and what is recomputed."""
    spent = assessment.automatic_spent or Money.zero(edition.reporting_currency)
    fresh = assess(
        assessment.case_id,
        assessment.dossier,
        edition,
        automatic_spent=spent,
        sampled=assessment.sampled,
    )
    if assessment.limit_reviewed is not None:
        fresh = reviewed(fresh, assessment.limit_reviewed, edition)
    return list(contrasts(assessment, fresh))


def reviewed(assessment: Assessment, limit: Money, edition: PolicyEdition) -> Assessment:
    """The receipt of a review that keeps a line or exits it: of the line as it is, with what the
    comparison with the last decision leaves it, which the review's own record explains.

    A line that is kept though less is supported uses the tolerance before a cut.
    """
    dossier = assessment.dossier
    supported = in_application_currency(assessment.limit.limit_proposed, dossier)
    short = (limit - supported).amount
    allowed = (limit - limit.share(1 - edition.review.cut_tolerance)).amount
    kept = used(CUT, short, allowed, limit.currency, dossier.application.line_id or "")
    return assessment.model_copy(
        update={
            "limit_recommended": limit,
            "limit_reviewed": limit,
            "tolerances": (*assessment.tolerances, *kept),
        }
    )


def unlike(first: Any, second: Any) -> list[str]:
    """The paths at which the second value says other than the first: `rating.factors.2.points`."""
    return [each.path for each in contrasts(first, second)]


def _sales_reporting(scope: Scope) -> Decimal | None:
    """A year's sales by the newest statement, or else by the VAT invoices."""
    sales, rate_to_reporting = scope.find("revenue"), scope.find("rate")
    if sales is None or rate_to_reporting is None:
        return scope.find("invoice_sales_year")
    return sales * rate_to_reporting
