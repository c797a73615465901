"""Completeness: what is missing, by code, and how much is there."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.application import Application, ApplicationType
from domain.customer import Customer, Identifier, IdentifierScheme
from domain.statement import Statement
from policies.completeness import Completeness, completeness, missing_items
from tests.makers_policy import (
    ON,
    a_change,
    a_changed_edition,
    a_customer,
    a_statement,
    an_application,
    an_edition,
    cny,
    some_payments,
)

YEARS = (a_statement(2024), a_statement(2025))


def missing(
    application: Application | None = None,
    statements: tuple[Statement, ...] = YEARS,
    customer: Customer | None = None,
) -> tuple[str, ...]:
    return missing_items(
        application or an_application(), statements, customer or a_customer(), an_edition(), ON
    )


def test_an_ordinary_application_misses_nothing() -> None:
    assert missing() == ()


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({"statements": ()}, ("statement_latest", "statements_years:2")),
        ({"statements": (a_statement(2025),)}, ("statements_years:2",)),
        ({"statements": (a_statement(2022), a_statement(2023))}, ("statement_latest",)),
        ({"application": an_application(purpose="  ")}, ("purpose",)),
        ({"customer": a_customer(identifiers=())}, ("identifier",)),
        ({"customer": a_customer(segment="small")}, ("business_license",)),
        ({"application": an_application(product="moonshine")}, ("product",)),
        ({"application": a_change(ApplicationType.INCREASE, cny(5))}, ()),
        (
            {"application": an_application(application_type=ApplicationType.DECREASE)},
            ("line",),
        ),
    ],
)
def test_what_is_missing_is_named_by_code(changed: dict[str, Any], codes: tuple[str, ...]) -> None:
    assert missing(**changed) == codes


def test_a_document_is_there_when_it_is_attached() -> None:
    application = an_application(attachments={"business_license": "0" * 64})

    assert missing(application, customer=a_customer(segment="small")) == ()


@pytest.mark.parametrize(
    ("until", "fits"),
    [
        (None, False),
        (ON, False),
        (date(2026, 7, 1), True),
        (date(2026, 9, 28), True),  # ninety days
        (date(2026, 9, 29), False),
    ],
)
def test_a_temporary_limit_ends_within_its_longest_time(until: date | None, fits: bool) -> None:
    application = a_change(
        ApplicationType.TEMPORARY_INCREASE,
        cny(500),
        temporary_until=until,
        attachments={"purchase_contract": "0" * 64},
    )

    assert ("temporary_until" not in missing(application)) is fits


def test_a_statement_is_the_latest_up_to_its_greatest_age() -> None:
    def of_age(days: int) -> tuple[str, ...]:
        on = date.fromordinal(date(2025, 12, 31).toordinal() + days)
        return missing_items(an_application(), YEARS, a_customer(), an_edition(), on)

    assert of_age(550) == ()
    assert of_age(551) == ("statement_latest",)


def found(**changed: Any) -> Completeness:
    customer = changed.get("customer", a_customer())
    return completeness(
        an_application(), YEARS, customer, an_edition(), ON, payments=changed.get("payments")
    )


def test_the_share_counts_required_and_optional_items() -> None:
    # Four required and five optional; a licence, a third year and a payment record are not there.
    assert found().share == Decimal("0.6667")
    assert found().missing_optional == (
        "statements_years:3",
        "payment_record",
        "business_license",
    )
    assert found(payments=some_payments()).share == Decimal("0.7778")


def test_a_code_of_our_own_lowers_the_share_and_holds_nothing() -> None:
    own = Identifier(scheme=IdentifierScheme.INTERNAL, value="K-17")
    customer = a_customer(identifiers=(own,))

    assert found(customer=customer).missing == ()
    assert found(customer=customer).share < found().share


def test_below_the_floor_the_optional_items_are_asked_for_too() -> None:
    edition = a_changed_edition("[completeness]\nshare_min = 0.7")
    asked = missing_items(an_application(), YEARS, a_customer(), edition, ON)

    assert asked == ("statements_years:3", "payment_record", "business_license")
