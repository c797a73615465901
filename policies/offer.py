"""Which approvals are offers: those on other terms than the customer asked for."""

from domain.assessment import Assessment
from domain.contract import OfferDifference, Terms
from domain.edition import PolicyEdition


def differences(
    assessment: Assessment, terms: Terms, edition: PolicyEdition
) -> tuple[OfferDifference, ...]:
    """Where granted terms are not what was asked for; none where the edition makes no offers.

    A limit that policy itself proposes below the one asked for counts only where the edition says
    so; what an approver cuts, shortens or adds always does.
    """
    policy, application = edition.offer, assessment.dossier.application
    if not policy.valid_days:
        return ()
    found = []
    asked = assessment.limit_recommended
    if policy.policy_cuts:
        asked = application.limit_requested
    if terms.limit < asked:
        found.append(
            OfferDifference(
                field="limit", asked=str(application.limit_requested), offered=str(terms.limit)
            )
        )
    if terms.term_months != application.term_months:
        found.append(
            OfferDifference(
                field="term_months",
                asked=str(application.term_months),
                offered=str(terms.term_months),
            )
        )
    found += [
        OfferDifference(field=each.code, offered=each.text)
        for each in terms.scheme_conditions
        if each.of_approver
    ]
    return tuple(found)
