"""Contract terms: what an approved assessment becomes, as the one object that letter, contract and
line share."""

from decimal import Decimal

from domain.assessment import Assessment
from domain.contract import LateClause, Terms
from domain.edition import ConditionRow, PolicyEdition
from domain.money import Money
from policies.benchmark import floating_terms
from policies.table import Table
from policies.tables import tables_of


def terms_for(assessment: Assessment, amount: Money, edition: PolicyEdition) -> Terms:
    """The terms of a grant of `amount`, in the application's currency."""
    application = assessment.dossier.application
    tables = tables_of(edition)
    return Terms(
        customer_id=application.customer_id,
        limit=amount,
        product=application.product,
        term_months=application.term_months,
        rate_annual=assessment.price.rate_annual,
        payment_days=edition.contract.payment_days[assessment.rating.grade],
        conditions=_codes(tables.conditions, edition.contract.conditions, assessment),
        requirements=_codes(tables.requirements, edition.contract.requirements, assessment),
        temporary_until=application.temporary_until,
        late=_late_clause(edition),
        floating=floating_terms(assessment, edition),
    )


def _late_clause(edition: PolicyEdition) -> LateClause | None:
    """What the agreement will say of overdue amounts, which is what late interest then charges."""
    policy = edition.late
    if not policy.rate_annual:
        return None
    return LateClause(
        rate_annual=policy.rate_annual, year_days=policy.year_days, grace_days=policy.grace_days
    )


def _codes(table: Table, rows: tuple[ConditionRow, ...], assessment: Assessment) -> tuple[str, ...]:
    application = assessment.dossier.application
    values: dict[str, Decimal | str] = {
        "aggregate": assessment.route.aggregate.amount,
        "grade": assessment.rating.grade,
        "product": application.product,
        "application_type": application.application_type.value,
    }
    return tuple(dict.fromkeys(rows[place].code for place in table.every(values)))
