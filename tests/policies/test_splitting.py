"""No way of cutting a request into parts asks fewer people than the whole."""

from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.application import ApplicationType
from domain.assessment import Assessment, Dossier, Lane, RequestBeside
from domain.guard import NearCase
from domain.money import Money
from policies.splitting import bound_above, by_manager, by_ring, requests_summed
from tests.makers_policy import (
    a_change,
    a_dossier,
    an_application,
    an_edition,
    cny,
    judged,
)


def beside(
    number: int, limit: Money, line_id: str | None = None, line_limit: Money | None = None
) -> RequestBeside:
    return RequestBeside(
        case_id=f"case-{number}",
        customer_id="c-2",
        line_id=line_id,
        limit=limit,
        line_limit=line_limit,
    )


def height(receipt: Assessment) -> int:
    """How many people's say a route asks for: none, a tier, or no credit at all."""
    if receipt.route.lane is Lane.DECLINE:
        return 100
    return max((step.tier for step in receipt.route.steps), default=0)


@st.composite
def splits(draw: st.DrawFn) -> tuple[list[int], int]:
    """Parts of an amount, in whole units, and how many of them are in force by the last one."""
    parts = draw(st.lists(st.integers(1, 40_000_000), min_size=2, max_size=6))
    return parts, draw(st.integers(0, len(parts) - 1))


@settings(max_examples=150)
@given(splits())
def test_the_last_part_asks_at_least_whom_the_whole_asks(split: tuple[list[int], int]) -> None:
    parts, granted = split
    whole = judged(a_dossier(application=an_application(cny(sum(parts)))))
    held = cny(sum(parts[:granted]))
    waiting = tuple(beside(n, cny(part)) for n, part in enumerate(parts[granted:-1]))
    last = judged(
        a_dossier(
            application=an_application(cny(parts[-1])),
            group_limits=held,
            requests_beside=waiting,
        )
    )

    assert height(last) >= height(whole)
    if whole.route.lane is not Lane.AUTOMATIC:
        assert last.route.lane is not Lane.AUTOMATIC


@given(st.lists(st.integers(1, 40_000_000), min_size=2, max_size=6), st.randoms())
def test_in_whatever_order_parts_are_judged_side_by_side(parts: list[int], chance: object) -> None:
    whole = judged(a_dossier(application=an_application(cny(sum(parts)))))
    for place, part in enumerate(parts):
        others = [beside(n, cny(each)) for n, each in enumerate(parts) if n != place]
        chance.shuffle(others)  # type: ignore[attr-defined]
        each = judged(
            a_dossier(application=an_application(cny(part)), requests_beside=tuple(others))
        )
        assert height(each) >= height(whole)


def test_the_route_names_the_sum_the_window_and_the_cases() -> None:
    dossier = a_dossier(requests_beside=(beside(2, cny(300_000)), beside(1, cny(100_000))))
    receipt = judged(dossier)

    assert receipt.route.lane is Lane.PEOPLE, "800,000 alone would have gone by itself"
    assert receipt.route.aggregate == cny(1_200_000)
    assert set(receipt.route.reasons) == {"aggregate_above_automatic", "requests_summed"}
    assert receipt.route.beside is not None
    assert receipt.route.beside.total == cny(400_000)
    assert receipt.route.beside.window_days == 90
    assert receipt.route.beside.cases == ("case-1", "case-2")


def test_a_small_sum_stays_in_the_automatic_lane_and_is_named() -> None:
    receipt = judged(a_dossier(requests_beside=(beside(1, cny(100_000)),)))

    assert receipt.route.lane is Lane.AUTOMATIC
    assert receipt.route.aggregate == cny(900_000)
    assert receipt.route.beside is not None


def test_a_decrease_is_nobodys_part_of_a_split() -> None:
    application = a_change(ApplicationType.DECREASE, cny(100_000))
    dossier = a_dossier(
        application=application, own_limits=cny(500_000), requests_beside=(beside(1, cny(10**9)),)
    )
    assert judged(dossier).route.beside is None


def summed(dossier: Dossier) -> Money | None:
    found = requests_summed(dossier, an_edition())
    return None if found is None else found.total


def test_requests_on_one_line_take_each_others_place() -> None:
    first = beside(1, cny(500), "line-9", cny(300))
    second = beside(2, cny(700), "line-9", cny(300))
    lower = beside(3, cny(100), "line-8", cny(300))

    assert summed(a_dossier(requests_beside=(first, second))) == cny(400)
    assert summed(a_dossier(requests_beside=(lower,))) is None


def test_a_higher_request_on_the_line_in_question_adds_what_it_asks_more() -> None:
    application = a_change(ApplicationType.INCREASE, cny(500))
    higher, lower = (beside(1, cny(n), "line-1", cny(300)) for n in (600, 400))

    assert summed(a_dossier(application=application, requests_beside=(higher,))) == cny(100)
    assert summed(a_dossier(application=application, requests_beside=(lower,))) is None


def test_a_sum_is_near_a_bound_at_it_and_a_tenth_below_and_never_above() -> None:
    edition, share = an_edition(), Decimal("0.1")

    def code(amount: Money, grade: str = "A") -> str | None:
        bound = bound_above(amount, grade, edition, share)
        return bound.code if bound is not None else None

    assert code(cny(900_000)) == code(cny(1_000_000)) == "automatic"
    assert code(cny(900_000) - cny("0.01")) is None
    assert code(cny(1_000_000) + cny("0.01")) is None
    assert code(cny(9_500_000)) == "sound_branch"
    assert code(cny(1_900_000), "BB") == "weak_branch"
    assert code(cny(950_000), "BB") is None, "its grade has no automatic lane"


def near(number: int, manager: str, customer: str = "c-1") -> NearCase:
    return NearCase(
        case_id=f"case-{number}",
        customer_id=customer,
        manager_id=manager,
        submitted_on=date(2026, 6, number),
        requested=cny(950_000),
        aggregate=cny(950_000),
        bound="automatic",
        bound_at=cny(1_000_000),
    )


def test_clusters_are_of_a_manager_or_a_ring_and_the_largest_comes_first() -> None:
    cases = [near(1, "m-1"), near(2, "m-2"), near(3, "m-2"), near(4, "m-2"), near(5, "m-3")]
    cases.append(near(6, "m-3"))
    edition = an_edition()

    found = by_manager(cases, edition)
    assert [each.manager_id for each in found] == ["m-2", "m-3"]
    assert [case.case_id for case in found[0].cases] == ["case-2", "case-3", "case-4"]
    assert found[0].total == cny(2_850_000)

    rings = [(cases[0], ("c-1", "c-2")), (cases[1], ("c-1", "c-2")), (cases[2], ("c-3",))]
    (ring,) = by_ring(rings, edition)
    assert (ring.ring, ring.manager_id) == (("c-1", "c-2"), None)
