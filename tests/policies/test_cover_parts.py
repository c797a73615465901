"""A limit follows the cover it rests on, day by day, and never goes above what was granted."""

from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.assessment import Assessment, Dossier
from domain.cover import Cover
from domain.exposure import Limit, LimitPart, limit_on
from domain.money import Money
from policies.cover_parts import CoverAhead, counted_on, cover_parts, supported_on
from policies.limit import propose_limit
from policies.line import months_later
from policies.spreading import scope_of
from tests.makers_policy import ON, a_dossier, a_rate, an_application, an_edition, cny, judged, usd

UNTIL = ON + timedelta(days=365)
KINDS = ("deposit", "pledge", "mortgage", "guarantee", "insurance")


def a_cover(cover_id: str = "k-1", value: Money | None = None, **changed: Any) -> Cover:
    ordinary = {
        "cover_id": cover_id,
        "kind": "insurance",
        "value": value or cny(1_000_000),
        "valued_on": ON,
    }
    return Cover.model_validate(ordinary | changed)


def covered(*covers: Cover, asked: Money | None = None) -> Assessment:
    application = an_application(asked or cny(50_000_000))
    return judged(a_dossier(application=application, covers=covers, rates=(a_rate(),)))


def ahead(*covers: Cover) -> tuple[CoverAhead, ...]:
    return tuple(CoverAhead(cover_id=each.cover_id, from_on=ON, cover=each) for each in covers)


def parts(granted: Money, case: Assessment, *covers: Cover, on: date = ON) -> list[LimitPart]:
    return [*cover_parts(granted, case, ahead(*covers), on, UNTIL, an_edition())]


def on_day(granted: Money, found: list[LimitPart], day: date) -> Money:
    left = limit_on(Limit.of(granted), found, day).amount
    assert left is not None
    return left


def test_a_limit_falls_by_what_its_cover_counted_for_on_the_day_after_the_last() -> None:
    last = ON + timedelta(days=40)
    cover = a_cover(ends_on=last)
    case, bare = covered(cover), covered()
    granted = case.limit.limit_proposed

    found = parts(granted, case, cover)

    assert [(each.from_on, each.code, each.of) for each in found] == [
        (last + timedelta(days=1), "cover", "k-1")
    ]
    assert on_day(granted, found, last) == granted
    assert on_day(granted, found, last + timedelta(days=1)) == bare.limit.limit_proposed < granted


def test_cover_whose_valuation_grows_too_old_falls_away_on_that_day() -> None:
    cover = a_cover(kind="mortgage", valued_on=ON - timedelta(days=60))
    case, edition = covered(cover), an_edition()
    months = edition.limit.covers[cover.kind].valuation_months_max

    found = parts(case.limit.limit_proposed, case, cover)

    assert months is not None
    last = months_later(ON - timedelta(days=60), months)
    assert [each.from_on for each in found] == [last + timedelta(days=1)]


def test_cover_that_bears_nothing_of_the_limit_leaves_it() -> None:
    cover = a_cover(ends_on=ON + timedelta(days=40))
    case = covered(cover)
    granted = covered().limit.limit_proposed

    assert parts(granted, case, cover) == []


def test_what_people_granted_above_the_proposal_stays_when_cover_ends() -> None:
    last = ON + timedelta(days=40)
    cover = a_cover(ends_on=last)
    case = covered(cover)
    granted = case.limit.limit_proposed + cny(300_000)

    left = on_day(granted, parts(granted, case, cover), last + timedelta(days=1))

    assert left == covered().limit.limit_proposed + cny(300_000)


def test_cover_that_is_released_lowers_the_limit_from_the_day_on_and_says_which() -> None:
    case = covered(a_cover(), a_cover("k-2"))
    granted = case.limit.limit_proposed

    found = parts(granted, case, a_cover("k-2"))

    assert [(each.from_on, each.of) for each in found] == [(ON, "k-1")]


def test_a_higher_worth_never_lifts_a_limit_above_what_was_granted() -> None:
    case = covered(a_cover())

    assert parts(case.limit.limit_proposed, case, a_cover(value=cny(90_000_000))) == []


def test_cover_that_counts_again_brings_the_limit_back_to_what_was_granted() -> None:
    case = covered(a_cover())
    granted, later = case.limit.limit_proposed, ON + timedelta(days=20)
    view = (
        CoverAhead(cover_id="k-1", from_on=ON, cover=None),
        CoverAhead(cover_id="k-1", from_on=later, cover=a_cover(value=cny(5_000_000))),
    )

    found = [*cover_parts(granted, case, view, ON, UNTIL, an_edition())]

    assert on_day(granted, found, later - timedelta(days=1)) < granted
    assert on_day(granted, found, later) == granted


def test_a_line_in_another_currency_falls_by_the_share_that_its_cover_bore() -> None:
    last = ON + timedelta(days=10)
    cover = a_cover(value=cny(1_000_000), ends_on=last)
    case = covered(cover, asked=usd(7_000_000))
    granted = usd(case.limit.limit_proposed.minor // 710)

    left = on_day(granted, parts(granted, case, cover), last + timedelta(days=1))

    bare = covered().limit.limit_proposed
    assert usd(0) < left < granted
    assert abs(left.minor * 71 // 10 - bare.minor) < 100_00


def test_only_what_the_judgement_counted_on_is_followed() -> None:
    case = covered(a_cover(), a_cover("k-2", ends_on=ON - timedelta(days=1)))

    assert counted_on(case) == {"k-1"}


@st.composite
def some_covers(draw: Any) -> tuple[Cover, ...]:
    return tuple(
        a_cover(
            f"k-{at}",
            kind=draw(st.sampled_from(KINDS)),
            value=cny(draw(st.integers(0, 6_000_000))),
            valued_on=ON - timedelta(days=draw(st.integers(0, 500))),
            ends_on=draw(
                st.none() | st.integers(-5, 400).map(lambda days: ON + timedelta(days=days))
            ),
        )
        for at in range(draw(st.integers(0, 4)))
    )


@given(covers=some_covers(), share=st.integers(1, 100), days=st.integers(0, 365))
@settings(max_examples=60, deadline=None)
def test_the_limit_of_a_day_is_what_judging_anew_on_that_day_supports_up_to_what_was_granted(
    covers: tuple[Cover, ...], share: int, days: int
) -> None:
    case = covered(*covers)
    proposed = case.limit.limit_proposed
    granted = Money(minor=proposed.minor * share // 100, currency="CNY")
    day = ON + timedelta(days=days)

    anew = _judged_on(case, day)

    assert supported_on(case, ahead(*covers), day, an_edition()) == anew
    assert on_day(granted, parts(granted, case, *covers), day) == min(granted, anew)


def _judged_on(case: Assessment, day: date) -> Money:
    dossier: Dossier = case.dossier.model_copy(update={"business_on": day})
    scope = scope_of(case.dossier, an_edition())
    return propose_limit(scope, dossier, case.rating.grade, an_edition()).limit_proposed
