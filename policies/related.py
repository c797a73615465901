"""What the grantor's own related parties (关联方) are refused: better terms than others get."""

from domain.application import ApplicationType
from domain.assessment import Assessment, Dossier, Price
from domain.contract import Terms
from domain.edition import PolicyEdition
from domain.errors import RelatedTerms
from domain.money import Money
from policies.cover import uplift

TERMS = "related_terms"
UNSECURED = "related_unsecured"
RELATED = "related_party"
_LOWERING = frozenset({ApplicationType.DECREASE, ApplicationType.TERMINATION})


def refusals(
    dossier: Dossier, price: Price, granted: Money, edition: PolicyEdition
) -> tuple[str, ...]:
    """Why policy declines a related party without asking anybody; nothing for anybody else."""
    policy = edition.related
    if not dossier.customer.related_to_grantor:
        return ()
    better_terms = policy.terms_of_grade and price.below_minimum
    bare = not policy.unsecured and uplift(dossier, edition) < granted
    return (*((TERMS,) if better_terms else ()), *((UNSECURED,) if bare else ()))


def refuse_better_terms(assessment: Assessment, terms: Terms, edition: PolicyEdition) -> None:
    """Nothing, or `RelatedTerms` where a related party would pay less than its grade asks.

    Taking credit away grants nothing, so a decrease, a termination or an exit stands at any price.
    """
    dossier = assessment.dossier
    lowers = dossier.application.application_type in _LOWERING or not terms.limit
    if not edition.related.terms_of_grade or not dossier.customer.related_to_grantor or lowers:
        return
    asked = assessment.price.rate_annual
    if terms.rate_annual < asked or assessment.price.below_minimum:
        raise RelatedTerms(rate=f"{terms.rate_annual:f}", asked=f"{asked:f}")
