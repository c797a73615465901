"""The product catalogue, and facilities of sub-lines under it."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cover import CoverKind
from domain.scheme import FacilityScheme, SchemeUse, SubLine
from policies.scheme import (
    available,
    counts_again,
    deposit_least,
    exchanged,
    findings,
    net_exposure,
    use_findings,
)
from tests.makers_policy import an_edition, cny

EDITION = an_edition()


def a_line(product: str = "open_account", limit: int = 600, **changed: Any) -> SubLine:
    ordinary = {"tenor_months": 6, "deposit_share": EDITION.product(product).deposit_min}
    return SubLine(product=product, limit=cny(limit), **(ordinary | changed))


def a_scheme(
    *lines: SubLine, limit: int = 1000, purpose: str = "", by_name: int | None = None
) -> FacilityScheme:
    chosen = lines or (a_line(), a_line("bank_acceptance"), a_line("working_capital_loan", 300))
    named = cny(by_name) if by_name is not None else None
    return FacilityScheme(limit=cny(limit), sub_lines=chosen, purpose=purpose, nominal_limit=named)


def codes(scheme: FacilityScheme) -> list[tuple[str, str]]:
    return [(each.code, each.product) for each in findings(scheme, EDITION)]


def test_sub_lines_may_share_a_facility_and_sum_to_more_than_it() -> None:
    scheme = a_scheme()

    assert codes(scheme) == []
    assert scheme.sum_of_sub_lines == cny(1500)


@pytest.mark.parametrize(
    ("scheme", "code"),
    [
        (a_scheme(a_line(), a_line()), "product_twice"),
        (a_scheme(a_line(limit=1100)), "above_facility"),
        (a_scheme(a_line(limit=900)), "limit_not_filled"),
        (a_scheme(a_line(limit=1000, tenor_months=7)), "tenor_too_long"),
        (
            a_scheme(a_line("bank_acceptance", 1000, deposit_share=Decimal("0.29"))),
            "deposit_too_low",
        ),
        (a_scheme(a_line("factoring", 1000)), "cover_missing"),
        (a_scheme(a_line(), by_name=999), "nominal_below_limit"),
        (a_scheme(a_line("comprehensive", 1000)), "no_sub_line"),
        (
            a_scheme(a_line("project", 1000, covers=(CoverKind.MORTGAGE,))),
            "purpose_missing",
        ),
        (
            a_scheme(
                a_line("project", 1000, covers=(CoverKind.MORTGAGE,)), a_line(), purpose="mill"
            ),
            "stands_alone",
        ),
    ],
)
def test_what_does_not_fit_the_catalogue_is_named(scheme: FacilityScheme, code: str) -> None:
    assert code in [found for found, _ in codes(scheme)]


def test_a_product_that_the_catalogue_does_not_have_is_named() -> None:
    strange = SubLine(product="lottery", limit=cny(1000), tenor_months=6)

    assert codes(a_scheme(strange)) == [("product_unknown", "lottery")]


def test_a_use_takes_what_its_deposit_leaves_times_its_conversion_factor() -> None:
    assert net_exposure(cny(100), cny(30), "bank_acceptance", EDITION) == cny(70)
    assert net_exposure(cny(100), cny(20), "letter_of_credit", EDITION) == cny(16)
    assert net_exposure(cny("0.03"), cny(0), "letter_of_guarantee", EDITION) == cny("0.02")
    assert net_exposure(cny(100), cny(120), "bank_acceptance", EDITION) == cny(0)
    assert deposit_least(cny("0.01"), "bank_acceptance", EDITION) == cny("0.01")


def test_a_use_needs_room_in_its_sub_line_and_in_the_facility() -> None:
    used = SchemeUse(by_product={"open_account": cny(500), "bank_acceptance": cny(450)})

    assert available(a_scheme(), used, "open_account") == cny(50), "of the facility"
    assert available(a_scheme(), used, "working_capital_loan") == cny(50)
    assert available(a_scheme(), SchemeUse(), "working_capital_loan") == cny(300)
    assert available(a_scheme(), used, "factoring") == cny(0)


@pytest.mark.parametrize(
    ("nominal", "deposit", "months", "found"),
    [
        (100, 30, 6, []),
        (100, 29, 6, ["deposit_too_low"]),
        (100, 30, 7, ["tenor_too_long"]),
        (1000, 300, 6, ["no_room"]),
        (1000, 100, 9, ["deposit_too_low", "tenor_too_long", "no_room"]),
    ],
)
def test_everything_that_speaks_against_a_use_is_named(
    nominal: int, deposit: int, months: int, found: list[str]
) -> None:
    against = use_findings(
        a_scheme(), SchemeUse(), "bank_acceptance", cny(nominal), cny(deposit), months, EDITION
    )

    assert [each.code for each in against] == found


def test_a_dedicated_facility_is_refused_for_any_other_purpose() -> None:
    line = a_line("project", 1000, covers=(CoverKind.MORTGAGE,))
    scheme = a_scheme(line, purpose="the new mill")
    asked = (scheme, SchemeUse(), "project", cny(10), cny(0), 6, EDITION)

    assert use_findings(*asked, purpose="the new mill") == ()
    assert [each.code for each in use_findings(*asked, purpose="wages")] == ["other_purpose"]


def test_what_does_not_revolve_is_used_once() -> None:
    assert counts_again("open_account", EDITION)
    assert not counts_again("letter_of_guarantee", EDITION)


def test_an_unused_part_moves_between_sub_lines_and_nothing_is_created() -> None:
    scheme, found = exchanged(
        a_scheme(), SchemeUse(), "open_account", "working_capital_loan", cny(100), EDITION
    )
    moved = scheme.sub_line("working_capital_loan")

    assert found == ()
    assert moved is not None
    assert moved.limit == cny(400)
    assert scheme.sum_of_sub_lines == a_scheme().sum_of_sub_lines


@pytest.mark.parametrize(
    ("source", "target", "amount", "code"),
    [
        ("open_account", "bank_acceptance", 200, "not_unused"),
        ("open_account", "bank_acceptance", 0, "not_unused"),
        ("bank_acceptance", "working_capital_loan", 10, "would_be_funded"),
        ("factoring", "open_account", 10, "product_not_in_scheme"),
    ],
)
def test_what_is_used_or_would_become_a_loan_does_not_move(
    source: str, target: str, amount: int, code: str
) -> None:
    before = a_scheme()
    used = SchemeUse(by_product={"open_account": cny(450)})
    scheme, found = exchanged(before, used, source, target, cny(amount), EDITION)

    assert scheme == before
    assert code in [each.code for each in found]


def test_a_product_that_may_not_be_exchanged_is_named() -> None:
    scheme = a_scheme(a_line(), a_line("letter_of_guarantee", 400, tenor_months=12))
    _, found = exchanged(
        scheme, SchemeUse(), "open_account", "letter_of_guarantee", cny(1), EDITION
    )

    assert [each.code for each in found] == ["no_exchange"]


@given(
    nominal=st.integers(0, 10**12),
    deposit=st.integers(0, 10**12),
    product=st.sampled_from(list(EDITION.limit.products)),
)
def test_exposure_is_never_negative_and_never_more_than_is_uncovered(
    nominal: int, deposit: int, product: str
) -> None:
    taken = net_exposure(cny(nominal), cny(deposit), product, EDITION)

    assert cny(0) <= taken <= max(cny(0), cny(nominal) - cny(deposit))
