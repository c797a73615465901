"""Screening (名单筛查, 准入): a customer's codes against name lists, by exact code, and the
industries policy bars."""

from collections.abc import Mapping, Sequence
from datetime import date

from domain.customer import Customer, Identifier, IdentifierScheme
from domain.edition import PolicyEdition
from domain.screening import Hit, ListEffect, ListEntry, Screening

POLICY_LIST = "policy"
BARRED_INDUSTRY = "barred_industry"


def screen(
    customer: Customer,
    entries: Sequence[ListEntry],
    list_versions: Mapping[str, str],
    business_on: date,
    edition: PolicyEdition,
) -> Screening:
    """One look at all lists; an entry counts up to and including its last day."""
    codes = set(customer.identifiers)
    hits = [
        Hit(
            list_code=entry.list_code,
            list_version=entry.list_version,
            rule=entry.rule,
            effect=entry.effect,
            identifier=entry.identifier,
        )
        for entry in entries
        if entry.identifier in codes and (entry.until is None or business_on <= entry.until)
    ]
    if customer.industry in edition.screening.barred_industries:
        hits.append(_barred(customer, edition))
    return Screening(
        customer_id=customer.customer_id,
        business_on=business_on,
        list_versions={**list_versions, POLICY_LIST: edition.edition_hash[:12]},
        hits=tuple(hits),
    )


def _barred(customer: Customer, edition: PolicyEdition) -> Hit:
    own = Identifier(scheme=IdentifierScheme.INTERNAL, value=customer.customer_id)
    return Hit(
        list_code=POLICY_LIST,
        list_version=edition.edition_hash[:12],
        rule=BARRED_INDUSTRY,
        effect=ListEffect.STOP,
        identifier=next(iter(customer.identifiers), own),
    )
