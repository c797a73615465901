"""How far may a grade be moved, by whom alone, and what follows from it?"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.assessment import Assessment, Lane, Rating
from domain.edition import KnockOutEffect, PolicyEdition
from domain.errors import (
    CreditError,
    NotLendable,
    OverrideBarred,
    OverrideOutOfBound,
    OverrideReasonUnknown,
)
from domain.override import OverrideProposal, OverrideTrace, RatingOverride
from policies.assessment import replay
from policies.override import (
    confirmation_step,
    grade_asked,
    lasting,
    overridden,
    override_report,
    second_needed,
)
from policies.simulation import tried
from tests.makers_policy import (
    ON,
    a_changed_edition,
    a_dossier,
    a_statement,
    an_application,
    an_edition,
    cny,
    judged,
    some_payments,
)

EDITION = an_edition()
GRADES = EDITION.grades
CAPS = {r.code: r.grade_max for r in EDITION.knock_outs if r.effect is KnockOutEffect.CAP}
OTHERS = [r.code for r in EDITION.knock_outs if r.effect is not KnockOutEffect.CAP]
DECLINING = {r.code for r in EDITION.knock_outs if r.effect is KnockOutEffect.DECLINE}

notches = st.integers(-8, 8).filter(bool)


@st.composite
def ratings(draw: Any) -> Rating:
    """A rating with any grade that its knock-outs leave."""
    fired = tuple(draw(st.sets(st.sampled_from([*CAPS, *OTHERS]), max_size=3)))
    least = max([EDITION.rank(str(CAPS[code])) for code in fired if code in CAPS], default=0)
    place = draw(st.integers(least, len(GRADES) - 1))
    row = EDITION.master_scale[place]
    return Rating(factors=(), score=Decimal(50), grade=row.grade, pd=row.pd, knock_outs=fired)


def held_at(rating: Rating) -> int:
    """The best place that the caps which fired leave."""
    caps = [EDITION.rank(str(CAPS[code])) for code in rating.knock_outs if code in CAPS]
    return max(caps, default=0)


def asking(by: int, reason: str = "group_support") -> OverrideProposal:
    return OverrideProposal(notches=by, reason=reason, note="seen on the spot")


def an_override(by: int, grade_model: str = "A", **changed: Any) -> RatingOverride:
    content = {
        "override_id": "override-case-1-1",
        "notches": by,
        "reason": "group_support",
        "note": "seen on the spot",
        "grade_model": grade_model,
        "receipt_hash": "0" * 64,
        "proposed_by": "risk",
        "confirmed_by": "risk2",
    }
    return RatingOverride.model_validate(content | changed)


def moved(by: int, edition: PolicyEdition = EDITION, **dossier: Any) -> Assessment:
    """The ordinary company with its grade moved."""
    model = judged(a_dossier(**dossier), edition).rating.grade
    return judged(a_dossier(override=an_override(by, model), **dossier), edition)


# ── what may be asked for ────────────────────────────────────────────────────────────────────────


@given(ratings(), notches)
def test_exactly_what_is_within_every_bound_is_allowed(rating: Rating, by: int) -> None:
    policy, place = EDITION.override, EDITION.rank(rating.grade)
    within = -policy.down_max <= by <= policy.up_max and 0 <= place - by < len(GRADES)
    lifts = by > 0 and EDITION.master_scale[place].lendable and place - by >= held_at(rating)
    if within and (by < 0 or (lifts and not DECLINING & set(rating.knock_outs))):
        assert grade_asked(asking(by), rating, EDITION) == GRADES[place - by]
    else:
        with pytest.raises((OverrideOutOfBound, NotLendable, OverrideBarred)):
            grade_asked(asking(by), rating, EDITION)


@pytest.mark.parametrize(
    ("changed", "by", "refusal", "said"),
    [
        ({}, 3, OverrideOutOfBound, "+3 is asked; from BB at most 2 up and 3 down"),
        ({}, -5, OverrideOutOfBound, "-5 is asked; from BB at most 2 up and 3 down"),
        ({"grade": "AAA"}, 1, OverrideOutOfBound, "from AAA at most 0 up"),
        ({"grade": "D"}, 1, NotLendable, "D nothing is lent"),
        ({"knock_outs": ("interest_not_earned",)}, 1, OverrideBarred, "BB cannot be lifted to BBB"),
        ({"knock_outs": ("equity_negative",)}, 1, OverrideBarred, "equity_negative"),
    ],
)
def test_what_is_not_allowed_says_what_was_asked_and_what_holds_it(
    changed: dict[str, Any], by: int, refusal: type[CreditError], said: str
) -> None:
    rating = Rating(factors=(), score=Decimal(50), grade="BB", pd=Decimal("0.01"))

    with pytest.raises(refusal, match=said.replace("+", r"\+")):
        grade_asked(asking(by), rating.model_copy(update=changed), EDITION)


def test_a_reason_is_one_of_the_list() -> None:
    rating = judged().rating

    with pytest.raises(OverrideReasonUnknown, match=r"a_hunch is no reason .* group_support"):
        grade_asked(asking(-1, "a_hunch"), rating, EDITION)


def test_an_edition_that_says_nothing_allows_nothing() -> None:
    silent = EDITION.model_copy(update={"override": type(EDITION.override)()})

    with pytest.raises(OverrideReasonUnknown):
        grade_asked(asking(-1), judged().rating, silent)


def test_notches_count_from_the_grade_of_the_model_and_do_not_add_up() -> None:
    once = moved(1).rating

    assert grade_asked(asking(1), once, EDITION) == once.grade
    with pytest.raises(OverrideOutOfBound):
        grade_asked(asking(3), once, EDITION)


@pytest.mark.parametrize(
    ("by", "asked", "needed"),
    [
        (1, "A", False),
        (2, "AA", True),
        (-1, "BB", False),
        (-2, "B", False),
        (-3, "CCC", True),
        (-1, "D", True),
    ],
)
def test_a_second_person_is_asked_beyond_what_one_may_do(by: int, asked: str, needed: bool) -> None:
    """To a grade that is declined, nobody moves a customer alone."""
    assert second_needed(by, asked, EDITION) is needed


def test_another_risk_officer_or_who_decides_exceptions_confirms() -> None:
    assert confirmation_step(EDITION).positions == ("risk_officer", "head_credit", "head_risk")


# ── what follows from it ─────────────────────────────────────────────────────────────────────────


@given(ratings(), notches)
def test_no_override_lifts_a_grade_over_what_holds_it(rating: Rating, by: int) -> None:
    """Also one that was confirmed under another edition, where this one tries the dossier."""
    after = overridden(rating, an_override(by), EDITION)
    place, before = EDITION.rank(after.grade), EDITION.rank(rating.grade)

    assert after.pd == EDITION.master_scale[place].pd
    assert (after.grade_model, after.pd_before) == (rating.grade, rating.pd)
    assert place >= held_at(rating)
    if DECLINING & set(rating.knock_outs):
        assert place >= before
    if not EDITION.master_scale[before].lendable:
        assert place >= before
    assert place <= before if by > 0 else place >= before


def test_limit_price_and_route_go_by_the_grade_after_the_override() -> None:
    asked = an_application(cny(400_000_000))
    model, down = judged(a_dossier(application=asked)), moved(-3, application=asked)
    place = EDITION.rank(model.rating.grade) + 3
    row = EDITION.master_scale[place]

    assert (down.rating.grade, down.rating.pd) == (row.grade, row.pd)
    assert (down.rating.grade_model, down.rating.pd_before) == (model.rating.grade, model.rating.pd)
    assert down.limit.limit_proposed < model.limit.limit_proposed
    assert down.price.components["expected_loss"] > model.price.components["expected_loss"]
    assert model.route.row.startswith("sound")
    assert down.route.row.startswith("weak")


def test_what_one_officer_says_lets_nobody_skip_the_approvers() -> None:
    assert judged().route.lane is Lane.AUTOMATIC
    lifted = moved(1)

    assert lifted.route.lane is Lane.PEOPLE
    assert "grade_overridden" in lifted.route.reasons


def test_a_grade_moved_to_one_without_credit_is_declined_by_policy() -> None:
    weak = a_dossier(
        statements=(a_statement(2024), a_statement(2025, equity="8", total_liabilities="132"))
    )
    model = judged(weak).rating.grade
    steps = EDITION.rank("D") - EDITION.rank(model)
    moved_down = judged(weak.model_copy(update={"override": an_override(-steps, model)}))

    assert moved_down.rating.grade == "D"
    assert moved_down.route.lane is Lane.DECLINE


@given(notches)
def test_a_receipt_with_an_override_replays_identical(by: int) -> None:
    receipt = moved(by)
    stored = Assessment.model_validate(receipt.model_dump(mode="json"))

    assert replay(stored, EDITION) == []
    assert stored.receipt_hash == receipt.receipt_hash
    assert stored.receipt_hash != judged().receipt_hash


def test_a_draft_that_is_tried_keeps_the_override_of_the_dossier() -> None:
    """Counted from the grade that the draft gives."""
    floors = {g: int(s) + 4 for g, s in EDITION.scorecards["corporate"].score_min.items() if s}
    rows = "\n".join(f"{grade} = {least}" for grade, least in floors.items())
    harder = a_changed_edition(f"[scorecards.corporate.score_min]\n{rows}\n")
    receipt = moved(-1)

    after = tried(receipt, harder).after
    assert after is not None
    by_draft = judged(a_dossier(), harder).rating.grade
    assert harder.rank(after.grade) == harder.rank(by_draft) + 1


# ── how long it lasts ────────────────────────────────────────────────────────────────────────────


def test_an_override_lasts_on_a_line_while_its_rating_is_valid_and_nothing_graded_it_since() -> (
    None
):
    receipt = moved(-1)
    until = receipt.rating.valid_until
    assert until is not None

    assert lasting(receipt, receipt.rating.grade, until) == receipt.rating.override
    assert lasting(receipt, receipt.rating.grade, until + timedelta(days=1)) is None
    assert lasting(receipt, receipt.rating.grade_model, ON) is None
    assert lasting(judged(), judged().rating.grade, ON) is None


# ── the report ───────────────────────────────────────────────────────────────────────────────────


def a_trace(case: str = "case-1", by: int = 1, analyst: str = "risk", **out: bool) -> OverrideTrace:
    content = {"analyst": analyst, "case_id": case, "notches": by, "took_effect": True}
    return OverrideTrace.model_validate(content | out)


def test_the_rate_is_of_the_assessed_cases_that_an_analyst_touched() -> None:
    traces = [
        a_trace("case-1", 1),
        a_trace("case-1", 2, warned=True, collected=True),
        a_trace("case-2", -1, took_effect=False, declined=True),
        a_trace("case-3", -4, declined=True),
    ]
    report = override_report(traces, {"risk": 12, "risk2": 5}, date(2026, 1, 1), date(2026, 6, 30))
    mine, other = report.analysts

    assert (mine.analyst, mine.cases_touched, mine.cases_overridden) == ("risk", 12, 3)
    assert mine.rate == Decimal("0.25")
    assert (mine.up.overrides, mine.up.notches_mean) == (2, Decimal("1.50"))
    assert (mine.up.warned, mine.up.collected, mine.up.hit_rate) == (1, 1, Decimal("0.5"))
    # What never took effect has no outcome of its own.
    assert (mine.down.overrides, mine.down.took_effect, mine.down.declined) == (2, 1, 1)
    assert mine.down.hit_rate == 1
    assert (other.rate, other.up.hit_rate, other.down.notches_mean) == (0, None, None)


@given(st.lists(st.tuples(st.sampled_from("abc"), notches, st.booleans(), st.booleans())))
def test_every_override_is_counted_once(found: list[tuple[str, int, bool, bool]]) -> None:
    traces = [
        a_trace(f"case-{n}", by, who, took_effect=effect, warned=warned)
        for n, (who, by, effect, warned) in enumerate(found)
    ]
    report = override_report(traces, {}, ON, ON)
    ways = [way for each in report.analysts for way in (each.up, each.down)]

    assert sum(way.overrides for way in ways) == len(traces)
    assert sum(way.took_effect for way in ways) == sum(t.took_effect for t in traces)
    assert sum(way.warned for way in ways) == sum(t.warned and t.took_effect for t in traces)
    assert all(way.hit_rate is None or 0 <= way.hit_rate <= 1 for way in ways)


def test_payments_that_hold_a_grade_down_hold_an_override_too() -> None:
    late = some_payments(days_past_due_max=40, overdue=cny(100_000))
    held = judged(a_dossier(payments=late)).rating
    assert (held.grade, held.knock_outs) == ("B", ("overdue_over_30_days",))

    assert moved(2, payments=late).rating.grade == "B"
