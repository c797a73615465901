"""More than policy supports is put forward on request alone, to its own body, and within its bound."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.application import ApplicationType
from domain.assessment import Lane
from tests.makers_policy import (
    a_change,
    a_dossier,
    an_application,
    an_edition,
    cny,
    judged,
)

NOBODY = an_edition().model_copy(
    update={"approval": an_edition().approval.model_copy(update={"above_eligible": None})}
)
WHY = "A season of twice the orders, each under a letter of credit."


GRANTING = [each for each in ApplicationType if not each.has_form]


@given(st.integers(1, 400_000_000), st.booleans(), st.sampled_from(GRANTING))
def test_nobody_is_put_forward_with_more_than_policy_supports_by_another_road(
    amount: int, asks: bool, kind: ApplicationType
) -> None:
    reason = WHY if asks else ""
    application = (
        an_application(cny(amount), application_type=kind, above_eligible_reason=reason)
        if kind.asks_new_line
        else a_change(kind, cny(amount), above_eligible_reason=reason)
    )
    receipt = judged(a_dossier(application=application, own_limits=cny(500_000_000)))
    proposed = receipt.limit.limit_proposed

    if receipt.limit_recommended > proposed and receipt.route.lane is not Lane.DECLINE:
        assert receipt.route.row == "above_eligible" or kind is ApplicationType.DECREASE
        assert asks or kind is ApplicationType.DECREASE


@given(st.integers(1, 400_000_000))
def test_an_exception_is_bounded_and_shows_both_limits(amount: int) -> None:
    plain = judged(a_dossier(application=an_application(cny(amount))))
    asked = judged(a_dossier(application=an_application(cny(amount), above_eligible_reason=WHY)))
    proposed = plain.limit.limit_proposed

    assert asked.limit == plain.limit, "what policy supports does not depend on who asks"
    assert asked.limit_recommended <= max(proposed, proposed.share(Decimal("1.2")))
    if cny(amount) <= proposed:
        assert asked.route == plain.route
        return
    assert asked.limit_recommended > proposed
    assert (asked.route.lane, asked.route.row) == (Lane.PEOPLE, "above_eligible")
    assert "above_eligible" in asked.route.reasons
    exception = next(each for each in asked.route.exceptions if each.code == "above_eligible")
    assert (exception.before, exception.after) == (proposed, asked.limit_recommended)


def test_where_no_body_may_grant_it_the_reason_changes_nothing() -> None:
    application = an_application(cny(300_000_000), above_eligible_reason=WHY)
    receipt = judged(a_dossier(application=application), NOBODY)

    assert receipt.limit_recommended == receipt.limit.limit_proposed
    assert receipt.route.row == "sound_region"
