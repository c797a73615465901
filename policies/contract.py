"""Contract terms: what an approved assessment becomes, as the one object that letter, contract and
line share."""

from datetime import date, timedelta
from decimal import Decimal

from domain.assessment import Assessment
from domain.contract import LateClause, SchemeCondition, Terms
from domain.edition import ConditionRow, PolicyEdition
from domain.money import Money
from domain.scheme import SubLine
from policies.benchmark import floating_terms
from policies.table import Table
from policies.tables import tables_of


def terms_for(
    assessment: Assessment, amount: Money, edition: PolicyEdition, on: date | None = None
) -> Terms:
    """The terms of a grant of `amount`, in the application's currency.

    `on` is the day of the decision, from which what is due by the letter is counted; the day of the
    judgement unless said.
    """
    signed = assessment.dossier.investigation
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
        sub_lines=_sub_lines(assessment, amount),
        purpose="" if signed is None else signed.scheme.purpose,
        scheme_conditions=_scheme_conditions(assessment, edition, on),
    )


def _sub_lines(assessment: Assessment, amount: Money) -> tuple[SubLine, ...]:
    """The sub-lines that two investigators signed for, none above what was granted."""
    signed = assessment.dossier.investigation
    if signed is None or not amount or signed.scheme.limit.currency != amount.currency:
        return ()
    return tuple(
        each.model_copy(update={"limit": min(each.limit, amount)})
        for each in signed.scheme.sub_lines
    )


def _scheme_conditions(
    assessment: Assessment, edition: PolicyEdition, on: date | None
) -> tuple[SchemeCondition, ...]:
    """What the investigators made their advice depend on: the customer's manager brings the
    evidence, at the latest on the letter's last day."""
    dossier = assessment.dossier
    if dossier.investigation is None:
        return ()
    days = timedelta(days=edition.approval.letter_valid_days)
    return tuple(
        SchemeCondition(
            code=f"scheme:{number}",
            text=text,
            owner=dossier.customer.manager_id,
            due_on=(on or dossier.business_on) + days,
        )
        for number, text in enumerate(dossier.investigation.conditions, start=1)
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
