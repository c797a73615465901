"""What is insured of a buyer's debt: settled as it is shipped, stopped for what comes after."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.cover import CoverVerdict, Stop
from domain.insurance import (
    ChangeReason,
    DeadlineKind,
    EventKind,
    InsuranceTerms,
    InsuredBuyer,
    LimitState,
    LimitVersion,
    LimitWord,
    ShipmentContent,
    ShipmentEvent,
    Uncovered,
    limit_on,
    limit_raises,
    limit_steps,
    terms_raise,
)
from domain.money import Money
from policies.cover import counted, verdict
from policies.insurance import changes_ahead, cover_of, cover_on, insured_amount
from tests.makers_policy import an_edition

START = date(2026, 1, 1)


def usd(amount: int | str) -> Money:
    return Money.of(amount, "USD")


def day(number: int) -> date:
    return START + timedelta(days=number)


def some_terms(**changed: Any) -> InsuranceTerms:
    ordinary = {
        "insurer": "p-1",
        "policy_no": "CI-2026-1",
        "currency": "USD",
        "from_on": START,
        "until_on": day(364),
        "share": "0.9",
        "liability_max": usd(5_000_000),
        "deductible": usd(0),
        "terms_days_max": 90,
        "overdue_days_max": 60,
        "notice_days": 60,
        "claim_days": 120,
        "source": "policy schedule",
    }
    return InsuranceTerms.model_validate(ordinary | changed)


def a_word(amount: int = 1000, said: int = 0, **changed: Any) -> LimitWord:
    ordinary = {
        "state": "approved",
        "amount": usd(amount),
        "said_on": day(said),
        "source": "the insurer's approval",
    }
    return LimitWord.model_validate(ordinary | changed)


def versions_of(*words: LimitWord, confirmed: bool | None = True) -> tuple[LimitVersion, ...]:
    found: list[LimitVersion] = []
    for number, word in enumerate(words, 1):
        needed = limit_raises(limit_steps(found), word)
        found.append(
            LimitVersion(
                version=number,
                content=word,
                needs_check=needed,
                recorded_by="manager",
                confirmed=confirmed if needed else None,
            )
        )
    return tuple(found)


def shipped(no: str, amount: int, on: int, terms: int = 30) -> ShipmentContent:
    return ShipmentContent(
        shipment_no=no,
        amount=usd(amount),
        shipped_on=day(on),
        terms_days=terms,
        due_on=day(on + terms),
    )


_NOS = count()


def said(no: str, kind: str, on: int, amount: int | None = None) -> ShipmentEvent:
    return ShipmentEvent(
        event_no=f"e-{next(_NOS)}",
        shipment_no=no,
        kind=EventKind(kind),
        happened_on=day(on),
        amount=None if amount is None else usd(amount),
    )


def a_buyer(*shipments: ShipmentContent, **changed: Any) -> InsuredBuyer:
    ordinary: dict[str, Any] = {
        "limit_id": "b-1",
        "insurance_id": "i-1",
        "customer_id": "c-1",
        "terms": some_terms(),
        "versions": versions_of(a_word()),
        "shipments": shipments,
    }
    return InsuredBuyer(**(ordinary | changed))


def why(buyer: InsuredBuyer, on: int) -> dict[str, Uncovered | None]:
    return {each.shipment.shipment_no: each.why for each in cover_on(buyer, day(on)).shipments}


def test_who_comes_first_is_covered_first_and_payment_makes_room_for_the_next() -> None:
    buyer = a_buyer(
        shipped("s-1", 700, 1),
        shipped("s-2", 500, 2),
        shipped("s-3", 100, 3),
        shipped("s-4", 700, 20),
        events=(said("s-1", "paid", 10, 700),),
    )

    before = cover_on(buyer, day(3))
    assert (before.covered, before.uncovered) == (usd(1000), {Uncovered.OVER_LIMIT: usd(300)})
    after = cover_on(buyer, day(20))
    assert [each.covered for each in after.shipments] == [usd(300), usd(0), usd(700)]
    assert after.insured == usd(900)


def test_what_is_shipped_after_the_overdue_days_is_not_covered_until_the_overdue_is_paid() -> None:
    terms = some_terms(overdue_days_max=10)
    buyer = a_buyer(
        shipped("old", 200, 0),
        shipped("in-time", 100, 40),
        shipped("late", 100, 41),
        shipped("again", 100, 60),
        terms=terms,
        events=(said("old", "paid", 60, 200),),
    )

    assert why(buyer, 59) == {"old": None, "in-time": None, "late": Uncovered.OVERDUE}
    assert cover_on(buyer, day(40)).stopped == ()
    assert cover_on(buyer, day(41)).stopped == (Stop.OVERDUE,)
    assert why(buyer, 60) == {"in-time": None, "late": Uncovered.OVERDUE, "again": None}


def test_a_dispute_stops_what_is_shipped_until_it_is_settled() -> None:
    events = (said("s-1", "disputed", 5), said("s-1", "settled", 9))
    buyer = a_buyer(
        shipped("s-1", 100, 1), shipped("s-2", 100, 6), shipped("s-3", 100, 9), events=events
    )

    assert why(buyer, 9) == {"s-1": None, "s-2": Uncovered.DISPUTED, "s-3": None}


def test_the_insurers_cut_and_a_cancelled_limit_leave_what_was_shipped_before() -> None:
    shipments = (shipped("s-1", 100, 1), shipped("s-2", 100, 10))
    cut = a_buyer(*shipments, versions=versions_of(a_word(cut_on=day(10))))
    cancelled = versions_of(a_word(), a_word(0, 8, state="cancelled", cut_on=day(10)))

    for buyer in (cut, a_buyer(*shipments, versions=cancelled)):
        assert why(buyer, 10) == {"s-1": None, "s-2": Uncovered.CUT}
        assert cover_on(buyer, day(9)).stopped == ()


def test_terms_and_dates_beyond_the_insurances_are_named() -> None:
    buyer = a_buyer(
        shipped("before", 100, -1),
        shipped("longest", 100, 1, terms=90),
        shipped("too-long", 100, 1, terms=91),
        shipped("last", 100, 364),
        shipped("after", 100, 365),
        versions=versions_of(a_word(said=-5)),
    )

    assert why(buyer, 365) == {
        "before": Uncovered.OUTSIDE_PERIOD,
        "longest": None,
        "too-long": Uncovered.TERMS_TOO_LONG,
        "last": Uncovered.OVERDUE,
        "after": Uncovered.OUTSIDE_PERIOD,
    }
    shorter = a_buyer(
        shipped("s-1", 100, 1, terms=31), versions=versions_of(a_word(terms_days_max=30))
    )
    assert why(shorter, 1) == {"s-1": Uncovered.TERMS_TOO_LONG}


def test_terms_are_the_longer_of_what_is_said_and_what_the_dates_say() -> None:
    said_shorter = shipped("s-1", 100, 1).model_copy(update={"due_on": day(1 + 91)})
    assert why(a_buyer(said_shorter), 1) == {"s-1": Uncovered.TERMS_TOO_LONG}


def test_nothing_is_covered_before_anybody_has_confirmed_the_limit_or_the_insurance() -> None:
    unconfirmed = a_buyer(shipped("s-1", 100, 1), versions=versions_of(a_word(), confirmed=None))
    assert why(unconfirmed, 1) == {"s-1": Uncovered.NO_LIMIT}
    assert cover_of(unconfirmed, day(1)) is None
    assert why(a_buyer(shipped("s-1", 100, 1), terms=None), 1) == {"s-1": Uncovered.NO_INSURANCE}


def test_asking_and_a_refusal_leave_what_was_approved() -> None:
    asked = a_word(5000, 3, state="asked")
    refused = a_word(0, 4, state="refused")
    versions = versions_of(a_word(), asked, refused)

    assert [each.needs_check for each in versions] == [True, False, False]
    step = limit_on(limit_steps(versions), day(4))
    assert step is not None
    assert step.amount == usd(1000)


@pytest.mark.parametrize(
    ("word", "asks"),
    [
        (a_word(999, 1, state="reduced"), False),
        (a_word(1000, 1, cut_on=day(9)), False),
        (a_word(1000, 1, terms_days_max=10), False),
        (a_word(0, 1, state="cancelled"), False),
        (a_word(1001, 1), True),
        (a_word(500, -1), True),  # counts from an earlier day than anything did
    ],
)
def test_only_what_could_count_for_more_asks_for_a_second_person(
    word: LimitWord, asks: bool
) -> None:
    assert limit_raises(limit_steps(versions_of(a_word())), word) is asks


def test_what_lowers_counts_at_once_also_after_a_word_that_takes_effect_later() -> None:
    reduced, cancelled = a_word(500, 30, state="reduced"), a_word(0, 5, state="cancelled")
    versions = versions_of(a_word(), reduced, cancelled)
    step = limit_on(limit_steps(versions), day(6))
    assert not versions[-1].needs_check
    assert step is not None
    assert step.cut_on == day(5)

    between = LimitVersion(
        version=3, content=a_word(700, 5), needs_check=True, recorded_by="manager"
    )
    assert limit_raises(limit_steps(versions[:2]), between.content)
    steps = limit_steps((*versions[:2], between))
    found = [limit_on(steps, day(on)) for on in (4, 5, 29, 30)]
    assert [each.amount for each in found if each is not None] == [
        usd(1000),
        usd(700),
        usd(700),
        usd(500),
    ]


@pytest.mark.parametrize(
    ("changed", "asks"),
    [
        ({"share": "0.8"}, False),
        ({"until_on": day(100)}, False),
        ({"deductible": usd(5)}, False),
        ({"alarm_days": 3}, False),
        ({"share": "0.95"}, True),
        ({"terms_days_max": 91}, True),
        ({"overdue_days_max": 61}, True),
        ({"claim_days": 121}, True),
        ({"from_on": day(-1)}, True),
    ],
)
def test_better_terms_ask_for_a_second_person(changed: dict[str, Any], asks: bool) -> None:
    assert terms_raise(some_terms(), some_terms(**changed)) is asks


def test_the_insurer_pays_its_share_less_the_deductible_up_to_its_liability() -> None:
    buyer = a_buyer(shipped("s-1", 1000, 1), terms=some_terms(deductible=usd(100)))
    assert cover_on(buyer, day(1)).insured == usd(800)
    small = a_buyer(shipped("s-1", 1000, 1), terms=some_terms(liability_max=usd(300)))
    assert cover_on(small, day(1)).insured == usd(300)
    assert insured_amount(small, day(1)) == usd(300)


@given(st.integers(1, 10**9), st.integers(1, 100), st.integers(0, 10**9), st.integers(0, 10**6))
def test_no_more_counts_than_the_insurer_pays_to_the_cent(
    minor: int, percent: int, liability: int, deductible: int
) -> None:
    def money(amount: int) -> Money:
        return Money(minor=amount, currency="USD")

    terms = some_terms(
        share=Decimal(percent) / 100, liability_max=money(liability), deductible=money(deductible)
    )
    word = a_word().model_copy(update={"amount": money(minor)})
    buyer = a_buyer(terms=terms, versions=versions_of(word))
    pays = min(minor * percent // 100, liability) - deductible
    assert insured_amount(buyer, day(1)) == money(max(0, pays))


def test_a_missed_notice_or_claim_takes_all_that_counts_until_the_debt_is_paid() -> None:
    late = shipped("s-1", 100, 0)
    for given_on, claimed_on, missed_on in ((91, 151, 91), (90, 151, 151), (90, 150, None)):
        events = (said("s-1", "notice_given", given_on), said("s-1", "claimed", claimed_on))
        buyer = a_buyer(late, events=events)
        missed = [n for n in range(200) if cover_on(buyer, day(n)).missed]
        assert missed == ([] if missed_on is None else list(range(missed_on, 200)))
        if missed_on is not None:
            cover = cover_of(buyer, day(missed_on))
            assert cover is not None
            assert verdict(cover, day(missed_on), an_edition()) is CoverVerdict.DEADLINE_MISSED
            assert insured_amount(buyer, day(missed_on)) == usd(0)

    paid = a_buyer(late, events=(said("s-1", "paid", 95, 100),))
    assert cover_on(paid, day(94)).missed
    assert not cover_on(paid, day(95)).missed


def test_deadlines_are_of_what_is_overdue_and_covered_alone() -> None:
    buyer = a_buyer(shipped("s-1", 100, 0), shipped("s-2", 100, 0, terms=91))
    assert cover_on(buyer, day(30)).deadlines == ()
    assert [(each.kind, each.due_on) for each in cover_on(buyer, day(31)).deadlines] == [
        (DeadlineKind.NOTICE, day(90)),
        (DeadlineKind.CLAIM, day(150)),
    ]


def test_a_limit_counts_while_new_shipments_are_covered_and_then_what_is_still_covered() -> None:
    edition = an_edition()
    buyer = a_buyer(shipped("s-1", 400, 1), versions=versions_of(a_word(cut_on=day(10))))

    before, after = cover_of(buyer, day(9)), cover_of(buyer, day(10))
    assert before is not None
    assert after is not None
    assert (before.value, before.ends_on) == (usd(1000), day(9))
    assert (after.value, after.ends_on) == (usd(400), day(1 + 30 + 120))
    rule = edition.limit.covers[before.kind]
    assert counted(before, day(9), edition) == usd(1000).share(Decimal("0.9") * (1 - rule.haircut))
    nothing = cover_of(a_buyer(versions=versions_of(a_word(cut_on=day(10)))), day(10))
    assert nothing is not None
    assert verdict(nothing, day(10), edition) is CoverVerdict.STOPPED


def test_what_is_ahead_is_dated_and_signed() -> None:
    buyer = a_buyer(shipped("s-1", 400, 0), terms=some_terms(until_on=day(9)))
    ahead = changes_ahead(buyer, day(5), 90)

    assert [(each.on, each.amount, each.reason) for each in ahead] == [
        (day(10), -usd(540), ChangeReason.POLICY_END),
        (day(30), -usd(360), ChangeReason.TERMS),
    ]
    cut = a_buyer(versions=versions_of(a_word(cut_on=day(8))))
    assert [(each.on, each.reason) for each in changes_ahead(cut, day(5), 90)] == [
        (day(8), ChangeReason.CUT)
    ]
    begins = a_buyer(versions=versions_of(a_word()), terms=some_terms(from_on=day(7)))
    assert [(each.on, each.amount, each.reason) for each in changes_ahead(begins, day(5), 90)] == [
        (day(7), usd(900), ChangeReason.BEGINS)
    ]
    overdue = a_buyer(shipped("s-1", 400, 0), terms=some_terms(overdue_days_max=40))
    assert [(each.on, each.reason) for each in changes_ahead(overdue, day(31), 90)] == [
        (day(71), ChangeReason.OVERDUE),
        (day(91), ChangeReason.DEADLINE),
    ]
    assert changes_ahead(buyer, day(5), 4) == ()


def test_the_first_and_the_last_of_all_days_are_days_like_others() -> None:
    terms = some_terms(from_on=date.min, until_on=date.max)
    words = versions_of(a_word().model_copy(update={"said_on": date.min, "cut_on": date.min}))
    shipment = shipped("s-1", 100, 1).model_copy(update={"due_on": date.max})
    buyer = a_buyer(shipment, terms=terms, versions=words)

    assert cover_on(buyer, date.max).stopped == (Stop.CUT,)
    assert cover_of(buyer, date.min) is not None
    assert changes_ahead(buyer, date.max, 90) == ()


# ── against a book kept day by day ───────────────────────────────────────────────────────────────

histories = st.builds(
    lambda shipments, events, cut, limit, reduced, overdue, longest: a_buyer(
        *(
            shipped(f"s-{number}", amount, on, terms)
            for number, (amount, on, terms) in enumerate(shipments)
        ),
        terms=some_terms(
            from_on=day(3), until_on=day(50), overdue_days_max=overdue, terms_days_max=longest
        ),
        versions=versions_of(
            a_word(limit, 2, cut_on=cut and day(cut)),
            *((a_word(reduced[0], reduced[1], cut_on=cut and day(cut)),) if reduced else ()),
        ),
        events=tuple(
            said(f"s-{number}", kind, on, amount if kind == "paid" else None)
            for number, kind, on, amount in events
            if number < len(shipments) and on >= shipments[number][1]
        ),
    ),
    st.lists(st.tuples(st.integers(1, 400), st.integers(0, 60), st.integers(0, 20)), max_size=7),
    st.lists(
        st.tuples(
            st.integers(0, 6),
            st.sampled_from(["paid", "paid", "disputed", "settled"]),
            st.integers(0, 70),
            st.integers(1, 300),
        ),
        max_size=12,
    ),
    st.none() | st.integers(30, 60),
    st.integers(1, 900),
    st.none() | st.tuples(st.integers(1, 900), st.integers(3, 30)),
    st.integers(0, 10),
    st.integers(0, 20),
)


def by_hand(buyer: InsuredBuyer, until: int) -> dict[str, tuple[Fraction, int]]:
    """Each open shipment with what is owed and covered, kept day by day as a clerk would."""
    terms = buyer.terms
    assert terms is not None
    owed: dict[str, int] = {}
    first: dict[str, int] = {}
    disputed: dict[str, bool] = {}
    whole = {each.shipment_no: each.amount.minor for each in buyer.shipments}
    due = {each.shipment_no: each.due_on for each in buyer.shipments}

    def left(no: str) -> int:
        return first[no] * owed[no] // whole[no]

    for number in range(-5, until + 1):
        today = day(number)
        for each in buyer.shipments:
            if each.shipped_on == today:
                owed[each.shipment_no] = each.amount.minor
        for event in buyer.events:
            if event.happened_on == today:
                if event.amount is not None:
                    rest = owed[event.shipment_no] - event.amount.minor
                    owed[event.shipment_no] = max(0, rest)
                else:
                    disputed[event.shipment_no] = event.kind is EventKind.DISPUTED
        limit, cut = 0, None
        for version in buyer.versions:
            if version.content.said_on <= today:
                limit, cut = version.content.amount.minor, version.content.cut_on
        late = any(
            owed[no] and today > due[no] + timedelta(days=terms.overdue_days_max) for no in owed
        )
        refused = (
            not terms.from_on <= today <= terms.until_on
            or (cut is not None and today >= cut)
            or late
            or any(disputed.get(no) for no in owed)
        )
        for each in buyer.shipments:
            if each.shipped_on == today:
                room = max(0, limit - sum(left(no) for no in first))
                fits = not refused and each.terms <= terms.terms_days_max
                first[each.shipment_no] = min(room, each.amount.minor) if fits else 0
    return {no: (Fraction(owed[no]), left(no)) for no in owed if owed[no]}


@settings(max_examples=300, deadline=None)
@given(histories, st.integers(0, 75))
def test_a_clerk_who_keeps_the_book_day_by_day_comes_to_the_same(
    buyer: InsuredBuyer, until: int
) -> None:
    found = cover_on(buyer, day(until))
    assert {
        each.shipment.shipment_no: (Fraction(each.open.minor), each.covered.minor)
        for each in found.shipments
    } == by_hand(buyer, until)
    assert found.covered + sum(found.uncovered.values(), usd(0)) <= found.owed
    assert all(each.why is None or each.uncovered for each in found.shipments if each.covered)


@given(histories, st.integers(0, 60), st.integers(0, 60))
def test_what_is_ahead_adds_up(buyer: InsuredBuyer, on: int, days: int) -> None:
    ahead = changes_ahead(buyer, day(on), days)
    shorter = changes_ahead(buyer, day(on), days // 2)
    total = sum((each.amount for each in ahead), insured_amount(buyer, day(on)))

    assert ahead[: len(shorter)] == shorter
    assert usd(0) <= total
    assert all(each.amount for each in ahead)
    assert [each.on for each in ahead] == sorted({each.on for each in ahead})


@given(
    st.lists(
        st.tuples(
            st.sampled_from([each.value for each in LimitState]),
            st.integers(1, 900),
            st.integers(0, 30),
            st.none() | st.integers(0, 30),
        ),
        max_size=6,
    ),
    st.integers(0, 60),
)
def test_no_word_raises_any_day_before_a_second_person_has_confirmed_it(
    words: list[tuple[str, int, int, int | None]], on: int
) -> None:
    """However often it is changed, what nobody confirmed never counts for more than was confirmed."""
    found: list[LimitVersion] = list(versions_of(a_word(500)))
    for number, (state, amount, said_on, cut) in enumerate(words, 2):
        ends = state in ("cancelled", "refused")
        word = a_word(
            0 if ends else amount,
            said_on,
            state=state,
            cut_on=None if cut is None else day(said_on + cut),
        )
        needed = limit_raises(limit_steps(found), word)
        before = limit_on(limit_steps(found), day(on))
        version = LimitVersion(
            version=number, content=word, needs_check=needed, recorded_by="manager"
        )
        found.append(version)
        after = limit_on(limit_steps(found), day(on))
        assert before is not None
        assert after is not None
        assert before.lesser(after).model_copy(update={"from_on": after.from_on}) == after
