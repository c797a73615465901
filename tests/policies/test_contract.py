"""Terms: what a grant becomes."""

from datetime import date
from decimal import Decimal
from typing import Any

from domain.application import ApplicationType
from domain.contract import LateClause, Terms
from domain.money import Money
from policies.contract import terms_for
from tests.makers_policy import (
    a_change,
    a_dossier,
    an_application,
    an_edition,
    cny,
    judged,
    no_payments,
    some_payments,
)


def terms(amount: Money, **changed: Any) -> Terms:
    receipt = judged(a_dossier(application=an_application(amount), **changed))
    return terms_for(receipt, amount, an_edition())


def test_terms_are_the_assessments_and_the_amount_that_was_granted() -> None:
    receipt = judged(a_dossier(application=an_application(cny(800_000), term_months=24)))
    granted = terms_for(receipt, cny(500_000), an_edition())

    assert granted == Terms(
        customer_id="c-1",
        limit=cny(500_000),
        product="open_account",
        term_months=24,
        rate_annual=receipt.price.rate_annual,
        payment_days=90,
        requirements=("statements_yearly",),
        late=LateClause(rate_annual=Decimal("0.18"), year_days=360, grace_days=3),
    )


def test_a_small_grant_has_no_conditions_and_larger_ones_more() -> None:
    assert terms(cny(1_000_000)).conditions == ()
    assert terms(cny(1_000_001)).conditions == ("articles_of_association",)
    assert terms(cny(10_000_001)).conditions == ("articles_of_association", "board_resolution")


def test_conditions_go_by_the_whole_groups_exposure() -> None:
    assert terms(cny(1_000_000), group_limits=cny(9_500_000)).conditions == (
        "articles_of_association",
        "board_resolution",
    )


def test_a_weak_grade_brings_a_guarantee_and_quarterly_statements() -> None:
    late = some_payments(days_past_due_max=40)
    granted = terms(cny(500_000), payments=late)

    assert granted.conditions == ("guarantee_signed",)
    assert granted.requirements == ("statements_yearly", "statements_quarterly")
    assert granted.payment_days == 30


def test_a_temporary_increase_keeps_its_last_day_and_its_own_condition() -> None:
    until = date(2026, 8, 31)
    application = a_change(
        ApplicationType.TEMPORARY_INCREASE, cny(3_000_000), temporary_until=until
    )
    dossier = a_dossier(
        application=application, own_limits=cny(2_500_000), line_limit=cny(2_500_000)
    )
    granted = terms_for(judged(dossier), cny(3_000_000), an_edition())

    assert granted.temporary_until == until
    assert granted.conditions == ("purchase_contract_verified",)


def test_a_loan_asks_for_reports_of_its_use() -> None:
    application = an_application(cny(100_000), product="working_capital_loan")
    receipt = judged(a_dossier(application=application, payments=no_payments()))

    assert "use_reported_monthly" in terms_for(receipt, cny(1), an_edition()).requirements


def test_the_rate_of_the_terms_is_exact() -> None:
    assert isinstance(terms(cny(800_000)).rate_annual, Decimal)
    assert terms(cny(800_000)).rate_annual % an_edition().price.rate_step == 0
