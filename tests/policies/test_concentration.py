"""Caps on the grantor's own book: exact boundaries, dates, and the share before and after."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.assessment import BookPosition, Lane, PolicyException
from domain.edition import Appetite, CapMeasure, CapScope, PolicyEdition
from domain.money import Money
from policies.concentration import Held, exceptions, is_large, measured, period_begins
from tests.makers_policy import ON, a_changed_edition, a_dossier, an_edition, cny, judged

# Net capital 5,000 million, tier 1 4,200 million.
MILLION = 1_000_000


def found(
    added: Money,
    edition: PolicyEdition | None = None,
    on: date = ON,
    *,
    loss: int = 0,
    related: bool = False,
    industry: str = "C",
    product: str = "",
    **book: Any,
) -> dict[str, PolicyException]:
    passed = exceptions(
        added,
        cny(loss),
        BookPosition(**book),
        on,
        edition or an_edition(),
        product=product,
        industry=industry,
        related=related,
    )
    return {each.code: each for each in passed}


@pytest.mark.parametrize(
    ("measured", "most", "code", "kind"),
    [
        ("customer:loans", 500, "single_loans", "corporate"),
        ("customer:exposure", 630, "single_exposure", "corporate"),
        ("group:exposure", 840, "group_exposure", "corporate"),
        ("group:limits", 750, "group_limits", "corporate"),
        ("group:exposure", 1050, "bank_exposure", "bank"),
        ("group:exposure", 630, "global_bank_exposure", "global_bank"),
    ],
)
def test_the_caps_on_large_exposures_may_be_reached_and_not_passed(
    measured: str, most: int, code: str, kind: str
) -> None:
    before = {measured: cny((most - 10) * MILLION)}
    reached = found(cny(10 * MILLION), by_scope=before, client_kind=kind)
    passed = found(cny(10 * MILLION) + cny("0.01"), by_scope=before, client_kind=kind)

    assert reached == {}
    assert list(passed) == [code]


def test_an_exception_tells_the_share_before_and_after() -> None:
    passed = found(cny(100 * MILLION), by_scope={"customer:loans": cny(450 * MILLION)})
    exception = passed["single_loans"]

    assert exception.share_before == Decimal("0.09")
    assert exception.share_after == Decimal("0.11")
    assert exception.share_max == Decimal("0.1")
    assert (exception.before, exception.after) == (cny(450 * MILLION), cny(550 * MILLION))
    assert exception.cap == cny(500 * MILLION)


def test_a_cap_holds_from_its_first_day_and_until_its_last() -> None:
    before = {"customer:loans": cny(600 * MILLION)}

    assert found(cny(1), on=date(2018, 6, 30), by_scope=before) == {}
    assert list(found(cny(1), on=date(2018, 7, 1), by_scope=before)) == ["single_loans"]
    ended = a_changed_edition(
        """
        [[concentration.caps]]
        code = "loans"
        scope = "customer"
        measure = "loans"
        base = "capital_net"
        share = 0.1
        effective_until = 2026-06-30
        """
    )
    assert list(found(cny(1), ended, date(2026, 6, 30), by_scope=before)) == ["loans"]
    assert found(cny(1), ended, date(2026, 7, 1), by_scope=before) == {}


def test_a_cap_on_one_industry_is_not_a_cap_on_another() -> None:
    before = {"industry:limits": cny(2600 * MILLION)}

    assert list(found(cny(1), by_scope=before, industry="K")) == ["real_estate_limits"]
    assert found(cny(1), by_scope=before, industry="C") == {}


def test_related_parties_have_a_cap_of_their_own() -> None:
    before = {"related:exposure": cny(2500 * MILLION)}

    assert list(found(cny(1), by_scope=before, related=True)) == ["related_exposure"]
    assert found(cny(1), by_scope=before) == {}


def test_a_share_of_the_book_is_of_the_book_as_it_will_be() -> None:
    edition = a_changed_edition(
        """
        [concentration]
        caps = [{ code = "c", scope = "industry", measure = "limits", base = "book", share = 0.3 }]
        """
    )
    book = {"by_scope": {"industry:limits": cny(200)}, "totals": {"limits": cny(900)}}

    assert found(cny(100), edition, **book) == {}, "300 of 1,000"
    assert list(found(cny(101), edition, **book)) == ["c"]


def test_the_yearly_credit_budget_of_a_unit_is_dated_and_its_own() -> None:
    edition = a_changed_edition(
        """
        [[concentration.appetite]]
        code = "north_2026"
        unit = "north"
        granted_max = 1000
        effective_from = 2026-01-01
        effective_until = 2026-12-31
        """
    )
    north: dict[str, Any] = {"unit": "north", "granted_by_unit": cny(900)}

    assert found(cny(100), edition, **north) == {}
    passed = found(cny(101), edition, **north)["north_2026:granted"]
    assert (passed.share_before, passed.share_after) == (Decimal("0.9"), Decimal("1.001"))
    assert found(cny(101), edition, date(2027, 1, 1), **north) == {}
    assert found(cny(101), edition, unit="south", granted_by_unit=cny(900)) == {}


def test_expected_loss_is_held_against_capital() -> None:
    # 5 % of 5,000 million is 250 million.
    known = {"loss_expected": cny(249 * MILLION)}

    assert found(cny(100 * MILLION), loss=MILLION, **known) == {}
    assert list(found(cny(100 * MILLION), loss=MILLION + 1, **known)) == ["all_units:loss"]


def test_what_lowers_the_risk_or_is_not_known_passes_nothing() -> None:
    assert found(cny(-1), by_scope={"customer:loans": cny(900 * MILLION)}) == {}
    assert found(cny(900 * MILLION)) == {}


def test_an_exposure_of_a_fortieth_of_tier_one_is_a_large_one() -> None:
    assert is_large(cny(105 * MILLION), an_edition())
    assert not is_large(cny(105 * MILLION) - cny("0.01"), an_edition())


def test_a_breach_sends_a_case_to_people_with_its_shares() -> None:
    quiet = judged(a_dossier(book=BookPosition(by_scope={"customer:loans": cny(0)})))
    full = judged(a_dossier(book=BookPosition(by_scope={"customer:loans": cny(500 * MILLION)})))

    assert quiet.route.lane is Lane.AUTOMATIC
    assert full.route.lane is Lane.PEOPLE
    assert "cap:single_loans" in full.route.reasons
    (exception,) = full.route.exceptions
    assert exception.share_before == Decimal("0.1")
    assert exception.after == cny(500_800_000)


@pytest.mark.parametrize("measure", CapMeasure)
@pytest.mark.parametrize("scope", CapScope)
def test_every_measure_of_every_scope_may_be_reached_and_not_passed(
    scope: CapScope, measure: CapMeasure
) -> None:
    edition = a_changed_edition(
        f"""
        [[concentration.caps]]
        code = "c"
        scope = "{scope.value}"
        measure = "{measure.value}"
        base = "capital_net"
        share = 0.1
        largest = 3
        """
    )
    before = cny(300 * MILLION)
    book: dict[str, Any] = {"by_scope": {f"{scope.value}:{measure.value}": before}}
    if scope is CapScope.TOP:
        others = (cny(100 * MILLION), cny(100 * MILLION), cny(50 * MILLION))
        book = {
            "by_scope": {f"customer:{measure.value}": cny(100 * MILLION)},
            "largest": {measure.value: others},
        }
    room = cny(200 * MILLION)

    assert found(room, edition, related=True, **book) == {}
    passed = found(room + cny("0.01"), edition, related=True, **book)["c"]
    assert (passed.before, passed.after) == (before, cny(500 * MILLION) + cny("0.01"))


def test_who_is_not_among_the_largest_moves_nothing_there() -> None:
    edition = a_changed_edition(
        """
        [[concentration.caps]]
        code = "top"
        scope = "top"
        measure = "limits"
        base = "capital_net"
        share = 0.1
        largest = 2
        """
    )
    full: dict[str, Any] = {
        "by_scope": {"customer:limits": cny(10)},
        "largest": {"limits": (cny(400 * MILLION), cny(300 * MILLION))},
    }

    assert found(cny(200 * MILLION), edition, **full) == {}, "700 already, and it stays 700"
    passed = found(cny(300 * MILLION), edition, **full)["top"]
    assert (passed.before, passed.after) == (cny(700 * MILLION), cny(700 * MILLION) + cny(10))


def test_a_promise_to_pay_is_no_loan_and_counts_by_its_factor() -> None:
    held = [
        Held("open_account", cny(10), cny("4.00")),
        Held("letter_of_guarantee", cny(20), cny("3.01")),
        Held("not_in_the_catalogue", cny(40), cny("5.00")),
    ]
    assert measured(held, an_edition()) == {
        CapMeasure.LIMITS: cny(70),
        CapMeasure.LOANS: cny("9.00"),
        CapMeasure.EXPOSURE: cny("4.00") + cny("1.51") + cny("5.00"),
    }
    full = {"customer:loans": cny(500 * MILLION), "customer:exposure": cny(629 * MILLION)}

    assert list(found(cny(1), by_scope=full)) == ["single_loans"]
    assert found(cny(2 * MILLION), by_scope=full, product="letter_of_guarantee") == {}
    more = cny(2 * MILLION) + cny("0.01")
    assert list(found(more, by_scope=full, product="letter_of_guarantee")) == ["single_exposure"]


UNITS = """
[[concentration.appetite]]
code = "north"
unit = "north"
granted_max = 1000
limits_max = 5000
loss_share_max = 0.0000001

[[concentration.appetite]]
code = "none_left"
granted_max = 0
"""


@pytest.mark.parametrize(
    ("book", "code"),
    [
        ({"granted": {"north": cny(900)}}, "north:granted"),
        ({"by_scope": {"unit:limits": cny(4900)}}, "north:limits"),
        ({"loss_expected_unit": cny(400)}, "north:loss"),
    ],
)
def test_every_bound_of_a_unit_may_be_reached_and_not_passed(
    book: dict[str, Any], code: str
) -> None:
    edition = a_changed_edition(UNITS)
    loss = 100 if code.endswith("loss") else 0

    assert found(cny(100), edition, loss=loss, unit="north", **book) == {}
    over = found(cny(100) + cny("0.01"), edition, loss=loss + (loss > 0), unit="north", **book)
    assert list(over) == [code]
    assert found(cny(100_000), edition, loss=100_000, unit="south", **book) == {}


def test_a_budget_of_nothing_lets_nothing_new_be_granted() -> None:
    edition = a_changed_edition(UNITS)
    spent: dict[str, Any] = {"granted": {"none_left": cny(0)}, "replaced": cny(800)}

    assert found(cny(800), edition, **spent) == {}, "a renewal grants nothing new"
    assert list(found(cny(800) + cny("0.01"), edition, **spent)) == ["none_left:granted"]


@pytest.mark.parametrize(
    ("first", "on", "begins"),
    [
        (None, date(2026, 6, 30), date(2026, 1, 1)),
        (date(2024, 4, 1), date(2026, 3, 31), date(2025, 4, 1)),
        (date(2024, 4, 1), date(2026, 4, 1), date(2026, 4, 1)),
        (date(2024, 2, 29), date(2027, 2, 28), date(2027, 2, 28)),
        (date(2024, 2, 29), date(2027, 2, 27), date(2026, 2, 28)),
    ],
)
def test_a_budgets_year_runs_from_its_own_first_day(
    first: date | None, on: date, begins: date
) -> None:
    assert period_begins(Appetite(code="a", effective_from=first), on) == begins
