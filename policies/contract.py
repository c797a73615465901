"""Contract terms: what an approved assessment becomes, as the one object that letter, contract and
line share."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from domain.assessment import Assessment
from domain.contract import OF_ROLE, ConditionAsked, LateClause, SchemeCondition, Terms
from domain.edition import ConditionRow, PolicyEdition
from domain.identity import Role
from domain.money import Money
from domain.scheme import SubLine
from policies.benchmark import floating_terms
from policies.table import Table
from policies.tables import tables_of

NO_NUMBERS: Mapping[str, int] = {}


def terms_for(
    assessment: Assessment,
    amount: Money,
    edition: PolicyEdition,
    on: date | None = None,
    *,
    term_months: int | None = None,
    asked: Sequence[ConditionAsked] = (),
    line: Terms | None = None,
) -> Terms:
    """The terms of a grant of `amount`, in the application's currency.

    `on` is the day of the decision, from which what is due by the letter is counted; the day of the
    judgement unless said. `term_months` is what was approved if not as applied for, and `asked`
    what it was approved under. The sub-lines, the purpose and the most by name of the `line` that
    changes go on where nobody signed for another scheme.
    """
    if term_months is not None:
        assessment = _for_term(assessment, term_months)
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
        sub_lines=_sub_lines(assessment, amount, line),
        purpose=signed.scheme.purpose if signed is not None else line.purpose if line else "",
        nominal_limit=_nominal_limit(assessment, amount, line),
        scheme_conditions=(
            *_scheme_conditions(assessment, edition, on),
            *approvers_conditions(assessment, edition, on, asked),
        ),
    )


def _for_term(assessment: Assessment, term_months: int) -> Assessment:
    """The same judgement of an application for another term: what goes by the term follows it."""
    dossier = assessment.dossier
    application = dossier.application.model_copy(update={"term_months": term_months})
    return assessment.model_copy(
        update={"dossier": dossier.model_copy(update={"application": application})}
    )


def _sub_lines(assessment: Assessment, amount: Money, line: Terms | None) -> tuple[SubLine, ...]:
    """The sub-lines that two investigators signed for, or that the line has, none above what was
    granted."""
    signed = assessment.dossier.investigation
    if signed is not None:
        sub_lines = signed.scheme.sub_lines
    else:
        sub_lines = line.sub_lines if line is not None else ()
    if not amount or any(each.limit.currency != amount.currency for each in sub_lines):
        return ()
    return tuple(each.model_copy(update={"limit": min(each.limit, amount)}) for each in sub_lines)


def _nominal_limit(assessment: Assessment, amount: Money, line: Terms | None) -> Money | None:
    """The most by name that was signed for, or that the line has; never below what is granted."""
    signed = assessment.dossier.investigation
    agreed = signed.scheme if signed is not None else line
    nominal = agreed.nominal_limit if agreed is not None else None
    if nominal is None or not amount or nominal.currency != amount.currency:
        return None
    return max(nominal, amount)


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


def approvers_conditions(
    assessment: Assessment,
    edition: PolicyEdition,
    on: date | None,
    asked: Sequence[ConditionAsked],
    taken_before: Mapping[str, int] = NO_NUMBERS,
) -> tuple[SchemeCondition, ...]:
    """What who approved made it depend on, numbered within its kind; equal ones are one.

    `taken_before` are the numbers that a letter before took. One without a day holds the line up,
    and may be met until the letter's last day.
    """
    dossier = assessment.dossier
    last_on = (on or dossier.business_on) + timedelta(days=edition.approval.letter_valid_days)
    numbers: Counter[str] = Counter(taken_before)
    taken = []
    for each in dict.fromkeys(asked):
        numbers[each.kind] += 1
        manager = each.owner is Role.RELATIONSHIP_MANAGER
        taken.append(
            SchemeCondition(
                code=f"{each.kind}:{numbers[each.kind]}",
                text=each.text,
                owner=dossier.customer.manager_id if manager else f"{OF_ROLE}{each.owner}",
                due_on=each.due_on or last_on,
                after_activation=each.due_on is not None,
            )
        )
    return tuple(taken)


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
