"""The admission screen: exact codes against lists, and the industries policy bars."""

from datetime import date, timedelta

import pytest

from domain.customer import Identifier, IdentifierScheme
from domain.screening import ListEffect, ListEntry, Screening
from policies.screening import BARRED_INDUSTRY, screen
from tests.makers_policy import ON, a_customer, an_edition

CODE = a_customer().identifiers[0]
OTHER = Identifier(scheme=IdentifierScheme.USCC, value="91992000000000000X")


def an_entry(identifier: Identifier = CODE, until: date | None = None) -> ListEntry:
    return ListEntry(
        list_code="internal_negative",
        list_version="7",
        identifier=identifier,
        effect=ListEffect.SUSPEND,
        rule="negative_list",
        until=until,
    )


def screened(*entries: ListEntry, industry: str = "C") -> Screening:
    customer = a_customer(industry=industry)
    return screen(customer, entries, {"internal_negative": "7"}, ON, an_edition())


def test_a_company_on_no_list_is_clear_and_the_versions_are_on_record() -> None:
    clear = screened(an_entry(OTHER))

    assert clear.effect is None
    assert clear.list_versions == {
        "internal_negative": "7",
        "policy": an_edition().edition_hash[:12],
    }


def test_a_hit_names_its_list_version_and_rule() -> None:
    [hit] = screened(an_entry()).hits

    assert (hit.list_code, hit.list_version, hit.rule) == (
        "internal_negative",
        "7",
        "negative_list",
    )
    assert screened(an_entry()).effect is ListEffect.SUSPEND


def test_the_same_digits_under_another_scheme_are_another_code() -> None:
    same_digits = Identifier(scheme=IdentifierScheme.INTERNAL, value=CODE.value)

    assert screened(an_entry(same_digits)).hits == ()


@pytest.mark.parametrize(("days", "hits"), [(-1, 0), (0, 1), (1, 1)])
def test_an_entry_counts_up_to_and_including_its_last_day(days: int, hits: int) -> None:
    assert len(screened(an_entry(until=ON + timedelta(days=days))).hits) == hits


def test_a_barred_industry_stops_the_case_by_name() -> None:
    stopped = screened(industry="T")

    assert stopped.effect is ListEffect.STOP
    assert [hit.rule for hit in stopped.hits] == [BARRED_INDUSTRY]
