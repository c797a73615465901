"""Who decides on a cap: for every amount and grade somebody, and never a lower tier for more."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cap import CapContent, CapOwner
from domain.exposure import Limit
from domain.money import Money
from policies.cap import ABOVE_LIMITS, ABOVE_POLICY, BELOW_TAKEN, REMOVED, CapRoute, route_of_cap
from policies.routing import ABOVE_ELIGIBLE
from tests.makers_policy import an_edition, cny

EDITION = an_edition()
GRADES = st.lists(st.sampled_from(EDITION.grades), max_size=4)
OWNERS = st.sampled_from(CapOwner)
AMOUNTS = st.integers(min_value=0, max_value=10**12)


def routed(
    limit: Limit,
    *,
    scope: CapOwner = CapOwner.CUSTOMER,
    grades: list[str] | None = None,
    limits: Money | None = None,
    taken: Money | None = None,
    related: bool = False,
) -> CapRoute:
    return route_of_cap(
        scope,
        CapContent(currency="CNY", limit=limit, reason="a reason"),
        limit.amount,
        ["BBB"] if grades is None else grades,
        EDITION,
        limits=limits or cny(0),
        taken=taken or cny(0),
        related=related,
    )


@given(amount=AMOUNTS, grades=GRADES, scope=OWNERS)
def test_somebody_decides_on_every_cap_for_the_whole_of_it(
    amount: int, grades: list[str], scope: CapOwner
) -> None:
    limit = Limit.of(Money(minor=amount, currency="CNY"))

    route = routed(limit, scope=scope, grades=grades)

    assert route.steps
    assert all(step.positions for step in route.steps)
    assert route.aggregate == limit.amount


@given(one=AMOUNTS, other=AMOUNTS, grades=GRADES, scope=OWNERS)
def test_a_higher_cap_is_never_decided_by_a_lower_tier(
    one: int, other: int, grades: list[str], scope: CapOwner
) -> None:
    tiers = [
        max(
            step.tier
            for step in routed(
                Limit.of(Money(minor=amount, currency="CNY")), scope=scope, grades=grades
            ).steps
        )
        for amount in sorted((one, other))
    ]

    assert tiers == sorted(tiers)


@pytest.mark.parametrize(("scope", "share"), [(CapOwner.CUSTOMER, 10), (CapOwner.GROUP, 15)])
def test_policys_own_share_is_the_bound_to_the_cent(scope: CapOwner, share: int) -> None:
    bound = EDITION.money(EDITION.limit.capital_net).share(Decimal(share) / 100)
    at, above = Limit.of(bound), Limit.of(bound + Money(minor=1, currency="CNY"))

    assert ABOVE_POLICY not in routed(at, scope=scope).reasons
    assert routed(at, scope=scope).row != ABOVE_ELIGIBLE
    route = routed(above, scope=scope)
    assert (route.row, route.reasons[0]) == (ABOVE_ELIGIBLE, ABOVE_POLICY)
    assert routed(Limit.unlimited(), scope=scope).aggregate == bound
    assert routed(Limit.unlimited(), scope=scope).reasons == (REMOVED,)


def test_where_no_body_grants_exceptions_the_row_of_the_sum_decides() -> None:
    approval = EDITION.approval.model_copy(update={"above_eligible": None})
    edition = EDITION.model_copy(update={"approval": approval})
    limit = Limit.of(cny(10**9))

    route = route_of_cap(
        CapOwner.CUSTOMER,
        CapContent(currency="CNY", limit=limit, reason="a reason"),
        limit.amount,
        ["BBB"],
        edition,
        limits=cny(0),
        taken=cny(0),
    )

    assert (route.row, route.reasons) == ("sound_head", (ABOVE_POLICY, ABOVE_LIMITS))


@given(amount=AMOUNTS, grades=GRADES, scope=OWNERS)
def test_a_related_party_has_its_own_body_whatever_the_amount(
    amount: int, grades: list[str], scope: CapOwner
) -> None:
    limit = Limit.of(Money(minor=amount, currency="CNY"))

    route = routed(limit, scope=scope, grades=grades, related=True)

    assert route.row == "related_party"
    assert [step.positions for step in route.steps] == [("related_committee",)]
    assert "related_party" in route.reasons


def test_the_worst_grade_decides_and_none_is_the_worst_of_all() -> None:
    limit = Limit.of(cny(3_000_000))

    assert routed(limit, grades=["AAA", "BB"]).row == "weak_region"
    assert routed(limit, grades=["AAA", "A"]).row == "sound_branch"
    assert routed(limit, grades=[]).row == routed(limit, grades=[EDITION.grades[-1]]).row


def test_its_approvers_are_told_what_it_does_to_what_is_there() -> None:
    held = {"limits": cny(100), "taken": cny(60)}

    assert routed(Limit.of(cny(101)), **held).reasons == (ABOVE_LIMITS,)
    assert routed(Limit.of(cny(100)), **held).reasons == ()
    assert routed(Limit.of(cny(60)), **held).reasons == ()
    assert routed(Limit.of(cny(59)), **held).reasons == (BELOW_TAKEN,)
    assert routed(Limit.none(), **held).reasons == (BELOW_TAKEN,)
