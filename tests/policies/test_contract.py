"""Terms: what a grant becomes."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.application import ApplicationType
from domain.contract import LateClause, SchemeCondition, Terms
from domain.investigation import Conclusion, SignedReport
from domain.money import Money
from domain.scheme import FacilityScheme, SubLine
from policies.contract import terms_for
from tests.makers_policy import (
    ON,
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


def some_lines() -> tuple[SubLine, ...]:
    return (
        SubLine(product="open_account", limit=cny(600_000), tenor_months=3),
        SubLine(product="bank_acceptance", limit=cny(300_000), tenor_months=6),
    )


def a_signed_report(
    *conditions: str, purpose: str = "", by_name: Money | None = None
) -> SignedReport:
    conditional = Conclusion.RECOMMEND_WITH_CONDITIONS
    return SignedReport(
        report_hash="a" * 64,
        lead="lead",
        second="second",
        signed_on=ON,
        valid_until=ON + timedelta(days=90),
        conclusion=conditional if conditions else Conclusion.RECOMMEND,
        conditions=conditions,
        scheme=FacilityScheme(
            limit=cny(800_000), sub_lines=some_lines(), purpose=purpose, nominal_limit=by_name
        ),
    )


def test_the_letter_takes_up_the_schemes_conditions_with_an_owner_and_a_day() -> None:
    report = a_signed_report("The mortgage is registered.", "The owner stands surety.")
    receipt = judged(a_dossier(investigation=report))
    decided_on = ON + timedelta(days=5)
    granted = terms_for(receipt, cny(800_000), an_edition(), decided_on)

    due_on = decided_on + timedelta(days=an_edition().approval.letter_valid_days)
    owner = receipt.dossier.customer.manager_id
    assert granted.scheme_conditions == tuple(
        SchemeCondition(code=f"scheme:{n}", text=text, owner=owner, due_on=due_on)
        for n, text in enumerate(report.conditions, start=1)
    )


def test_a_letter_that_changes_a_facility_keeps_what_it_is_for_unless_another_was_signed() -> None:
    line = terms(cny(1_000_000)).model_copy(
        update={"sub_lines": some_lines(), "purpose": "the works at the river"}
    )
    cut = terms_for(judged(a_dossier()), cny(100_000), an_edition(), line=line)
    assert cut.purpose == "the works at the river"
    assert [each.product for each in cut.sub_lines] == [each.product for each in some_lines()]
    assert all(each.limit <= cny(100_000) for each in cut.sub_lines)

    anew = judged(a_dossier(investigation=a_signed_report(purpose="another plant")))
    assert terms_for(anew, cny(100_000), an_edition(), line=line).purpose == "another plant"


def test_the_letter_carries_the_sub_lines_none_above_what_was_granted() -> None:
    receipt = judged(a_dossier(investigation=a_signed_report(purpose="the works at the river")))
    granted = terms_for(receipt, cny(500_000), an_edition())

    first, second = some_lines()
    assert granted.sub_lines == (first.model_copy(update={"limit": cny(500_000)}), second)
    assert granted.purpose == "the works at the river"


@pytest.mark.parametrize(
    ("granted", "by_name"), [(800_000, 1_100_000), (500_000, 1_100_000), (1_200_000, 1_200_000)]
)
def test_the_most_by_name_is_what_was_signed_for_or_the_line_has_and_never_below_the_limit(
    granted: int, by_name: int
) -> None:
    signed = judged(a_dossier(investigation=a_signed_report(by_name=cny(1_100_000))))
    first = terms_for(signed, cny(granted), an_edition())
    assert first.nominal_limit == cny(by_name)

    line = terms(cny(800_000)).model_copy(update={"nominal_limit": cny(1_100_000)})
    changed = terms_for(judged(a_dossier()), cny(granted), an_edition(), line=line)
    assert changed.nominal_limit == cny(by_name)
    assert terms_for(signed, cny(0), an_edition()).nominal_limit is None


def test_without_an_investigation_there_is_one_limit_and_one_product() -> None:
    granted = terms(cny(500_000))

    assert (granted.sub_lines, granted.purpose, granted.scheme_conditions) == ((), "", ())


def test_the_rate_of_the_terms_is_exact() -> None:
    assert isinstance(terms(cny(800_000)).rate_annual, Decimal)
    assert terms(cny(800_000)).rate_annual % an_edition().price.rate_step == 0
