"""Terms compared field by field, how long the customer has, and who may sign."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from domain.contract import Capacity, LateClause, SchemeCondition, agreement_no, differing_field
from domain.errors import AuthorityMissing, refusal_in
from domain.money import Money
from domain.scheme import SubLine
from domain.terms import FloatingRate, FloatingTerms
from tests.makers_contract import NOW, a_letter, a_signatory, an_order, some_terms


def test_equal_terms_differ_in_nothing() -> None:
    assert differing_field(some_terms(), some_terms()) is None


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("customer_id", "customer-2", "customer-2"),
        ("limit", Money.of("12500000.51", "CNY"), "CNY 12,500,000.51"),
        ("limit", Money.of("12500000.50", "USD"), "USD 12,500,000.50"),
        ("product", "prepayment", "prepayment"),
        ("term_months", 13, "13"),
        ("rate_annual", Decimal("0.0536"), "0.0536"),
        ("payment_days", 46, "46"),
        ("conditions", (), "none"),
        ("requirements", ("statements_yearly",), "statements_yearly"),
        ("temporary_until", date(2026, 9, 30), "2026-09-30"),
        (
            "late",
            LateClause(rate_annual=Decimal("0.18")),
            '{"grace_days":0,"rate_annual":"0.18","year_days":360}',
        ),
    ],
)
def test_any_difference_is_found_and_named_with_both_values(
    field: str, value: Any, shown: str
) -> None:
    found = differing_field(some_terms(**{field: value}), some_terms())

    assert found is not None
    assert found[:2] == (field, shown)
    assert found[2] != shown


def test_every_field_of_the_terms_is_compared() -> None:
    changed = {
        "customer_id": "other",
        "limit": Money.of("1", "CNY"),
        "product": "other",
        "term_months": 1,
        "rate_annual": Decimal("0.5"),
        "payment_days": 1,
        "conditions": ("other",),
        "requirements": ("other",),
        "temporary_until": date(2030, 1, 1),
        "late": LateClause(rate_annual=Decimal("0.5")),
        "floating": FloatingTerms(
            rule=FloatingRate.parse("LPR1Y+120bp/12m@2027-01-01"),
            fixing=Decimal("0.03"),
            fixing_on=date(2026, 2, 20),
        ),
        "sub_lines": (SubLine(product="other", limit=Money.of("1", "CNY"), tenor_months=1),),
        "purpose": "other",
        "scheme_conditions": (
            SchemeCondition(code="scheme:1", text="x", owner="other", due_on=date(2026, 2, 20)),
        ),
        "ends_on": date(2030, 1, 1),
        "nominal_limit": Money.of("1", "CNY"),
    }
    assert changed.keys() == type(some_terms()).model_fields.keys()
    for field, value in changed.items():
        found = differing_field(some_terms(), some_terms(**{field: value}))
        assert found is not None
        assert found[0] == field


def test_the_same_rate_written_with_more_zeros_is_no_difference() -> None:
    assert differing_field(some_terms(rate_annual=Decimal("0.05350")), some_terms()) is None


def test_the_customer_has_the_signing_days_of_the_policy() -> None:
    assert an_order(signing_days=Decimal(30)).expires_at(NOW) == NOW + timedelta(days=30)


def test_a_part_of_a_day_is_a_part() -> None:
    assert an_order(signing_days=Decimal("0.25")).expires_at(NOW) == NOW + timedelta(hours=6)


def test_no_agreement_outlives_its_letter() -> None:
    order = an_order(letter=a_letter(valid_until=date(2026, 3, 4)), business_on=date(2026, 3, 2))

    assert order.expires_at(NOW) == NOW + timedelta(days=3)  # today, tomorrow and the last day


def test_a_letter_that_is_over_leaves_no_time() -> None:
    order = an_order(letter=a_letter(valid_until=date(2026, 3, 1)), business_on=date(2026, 3, 2))

    assert order.expires_at(NOW) == NOW


def test_an_agent_without_power_of_attorney_cannot_sign() -> None:
    with pytest.raises(ValidationError) as refused:
        a_signatory(capacity=Capacity.AUTHORISED_AGENT)

    assert isinstance(refusal_in(refused.value), AuthorityMissing)


@pytest.mark.parametrize("name", ["", "   ", "two\nlines", "x" * 201])
def test_a_signatory_has_a_name_on_one_line(name: str) -> None:
    with pytest.raises(ValidationError):
        a_signatory(signatory=name)


def test_the_agreement_is_numbered_after_its_letter() -> None:
    assert agreement_no("PF2026-000123") == "PF2026-000123-XY"
