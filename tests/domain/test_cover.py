"""A cover is raised by two people and lowered by one, and secures no more than it is worth."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.cover import CoverContent, CoverUse, CoverVersion, RegisteredCover, raises, standing
from domain.money import Money

ON = date(2026, 6, 30)


def cny(amount: int) -> Money:
    return Money.of(amount, "CNY")


def a_use(customer_id: str = "c-1", amount: int = 600, line_id: str | None = None) -> CoverUse:
    return CoverUse(customer_id=customer_id, line_id=line_id, amount=cny(amount))


def a_content(value: int = 1000, uses: tuple[CoverUse, ...] = (), **changed: Any) -> CoverContent:
    ordinary = {
        "kind": "mortgage",
        "owner": "p-1",
        "value": cny(value),
        "valued_on": ON,
        "valuer": "a surveyor",
        "source": "valuation report",
        "uses": uses or (a_use(),),
    }
    return CoverContent.model_validate(ordinary | changed)


def versions(*told: tuple[CoverContent, bool | None]) -> list[CoverVersion]:
    """Versions in order; what is said of a check is left out where none was asked for."""
    found: list[CoverVersion] = []
    for content, confirmed in told:
        asked = raises(standing(found), content)
        found.append(
            CoverVersion(
                cover_id="k-1",
                version=len(found) + 1,
                content=content,
                needs_check=asked,
                recorded_by="manager",
                checked_by="risk" if asked and confirmed is not None else None,
                confirmed=confirmed if asked else None,
            )
        )
    return found


def test_nothing_stands_before_the_first_version_is_confirmed() -> None:
    assert standing(versions((a_content(), None))) is None
    assert standing(versions((a_content(), False))) is None
    assert standing(versions((a_content(), True))) == a_content()


def test_a_fall_in_value_counts_at_once_and_a_rise_waits_for_a_second_person() -> None:
    down = versions((a_content(1000), True), (a_content(700), None))
    up = versions((a_content(1000), True), (a_content(1500), None))

    assert not down[-1].needs_check
    assert standing(down) == a_content(700)
    assert up[-1].pending
    assert standing(up) == a_content(1000)
    assert standing(versions((a_content(1000), True), (a_content(1500), True))) == a_content(1500)


def test_a_rise_that_is_not_confirmed_leaves_what_was() -> None:
    found = versions((a_content(1000), True), (a_content(1500, share=Decimal("0.5")), False))

    assert standing(found) == a_content(1000)


@pytest.mark.parametrize(
    "changed",
    [
        {"value": cny(1001)},
        {"valued_on": ON + timedelta(days=1)},
        {"ends_on": None},
        {"share": Decimal("0.9")},
        {"prior": cny(99)},
        {"uses": (a_use(amount=601),)},
        {"uses": (a_use(), a_use("c-2"))},
        {"uses": (a_use(line_id="l-1"),)},
    ],
)
def test_whatever_could_count_for_more_asks_for_a_second_person(changed: dict[str, Any]) -> None:
    before = a_content(ends_on=ON, share=Decimal("0.8"), prior=cny(100))

    assert raises(before, before.model_copy(update=changed))


def test_letting_go_of_what_is_secured_asks_for_a_second_person_and_counts_no_more_at_once() -> (
    None
):
    let_go = versions((a_content(), True), (a_content(uses=(a_use(amount=200),)), None))

    assert let_go[-1].pending
    stands = standing(let_go)
    assert stands is not None
    assert stands.uses == (a_use(amount=200),)


def test_a_lower_worth_by_a_newer_valuation_counts_at_once_and_its_date_does_not() -> None:
    newer = a_content(700, valued_on=ON + timedelta(days=30))
    stands = standing(versions((a_content(1000), True), (newer, None)))

    assert stands is not None
    assert (stands.value, stands.valued_on) == (cny(700), ON)


def test_an_earlier_use_ranks_before_a_later_one() -> None:
    content = a_content(1000, (a_use("c-1", 600), a_use("c-2", 600)), prior=cny(300))

    assert [part for _, part in content.taken()] == [cny(600), cny(100)]


@pytest.mark.parametrize(
    "changed",
    [
        {"prior": Money.of(1, "USD")},
        {"capacity": cny(1)},
        {"valuer": " "},
        {"uses": (a_use(), a_use(amount=1))},
        {"uses": (a_use(amount=0),)},
        {"kind": "guarantee", "uses": (a_use("p-1"),)},
        {"prior": cny(-1)},
    ],
)
def test_what_makes_no_sense_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        a_content(**changed)


@st.composite
def contents(draw: st.DrawFn) -> CoverContent:
    secured = draw(
        st.lists(
            st.tuples(st.sampled_from("ab"), st.sampled_from([None, "l-1"]), st.integers(1, 900)),
            unique_by=lambda use: use[:2],
        )
    )
    return a_content(
        draw(st.integers(0, 1000)),
        tuple(a_use(customer, amount, line) for customer, line, amount in secured),
        share=Decimal(draw(st.integers(0, 10))) / 10,
        prior=draw(st.none() | st.integers(0, 900).map(cny)),
        valued_on=draw(st.none() | st.integers(0, 60).map(lambda n: ON - timedelta(days=n))),
        ends_on=draw(st.none() | st.integers(0, 60).map(lambda n: ON + timedelta(days=n))),
    )


def worth(content: CoverContent | None, customer_id: str, on: date) -> Decimal:
    """What a customer has of a cover on a day, where a valuation counts for thirty days."""
    if content is None or (content.ends_on is not None and on > content.ends_on):
        return Decimal(0)
    if content.valued_on is None or on > content.valued_on + timedelta(days=30):
        return Decimal(0)
    parts = (part.minor for use, part in content.taken() if use.customer_id == customer_id)
    return sum(parts) * content.share


@given(contents())
def test_no_more_is_secured_than_there_is(content: CoverContent) -> None:
    parts = [part.minor for _, part in content.taken()]

    assert all(part >= 0 for part in parts)
    assert sum(parts) <= content.free_value.minor


@given(contents(), st.lists(contents(), min_size=1, max_size=4), st.integers(0, 60))
def test_one_person_alone_raises_a_cover_for_nobody_by_no_road(
    first: CoverContent, later: list[CoverContent], days: int
) -> None:
    """Whatever one person records, in whatever order."""
    agreed = standing(versions((first, True)))
    alone = standing(versions((first, True), *((content, None) for content in later)))
    on = ON + timedelta(days=days)

    for customer_id in "ab":
        assert worth(alone, customer_id, on) <= worth(agreed, customer_id, on)


def test_the_register_shows_what_was_said_last_beside_what_stands() -> None:
    cover = RegisteredCover.of(versions((a_content(1000), True), (a_content(1500), None)))

    assert (cover.newest.content.value, cover.newest.pending) == (cny(1500), True)
    assert cover.standing == a_content(1000)
