"""A class set by hand counts for its days, beside the class by rule, and the allowance follows."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from activities.classification import ClassificationActivities
from domain.classification import (
    ClassificationPage,
    ClassificationPageDone,
    FiveTier,
    Portfolio,
    Stage,
)
from domain.customer import CreditEvent, CreditEventType
from domain.errors import AlreadyDecided, KeyReused, OutOfOrder, SameHands
from domain.manual_class import ManualClass, ManualStatus
from storage.base import Records
from storage.classification import Classes, Losses, ManualClasses
from storage.customer import Customers
from tests.activities.test_aliases import joined
from tests.activities.test_aliases import two as two  # the fixture
from tests.activities.test_classification import allowance, draw, held, run
from tests.makers_monitoring import GRANTED_ON, a_book, invoice, noon, pay
from tests.makers_policy import an_edition, cny

ON = date(2026, 4, 1)
UNTIL = date(2026, 10, 31)
AFTER = UNTIL + timedelta(days=1)


def set_by_hand(
    records: Records, tier: FiveTier, manual_id: str = "m-1", **changed: object
) -> ManualClass:
    ordinary = {
        "manual_id": manual_id,
        "customer_id": "c-1",
        "tier": tier,
        "tier_before": FiveTier.NORMAL,
        "tier_by_rule": FiveTier.NORMAL,
        "reason": "dispute",
        "note": "told by the lawyers",
        "from_on": ON,
        "until_on": UNTIL,
        "second_needed": False,
        "edition_hash": an_edition().edition_hash,
        "proposed_by": "risk1",
        "proposed_on": ON,
        "proposed_at": noon(ON),
        "status": ManualStatus.PROPOSED,
    }
    with records.begin() as session:
        return ManualClasses(session).record(ManualClass.model_validate(ordinary | changed))


def confirm(records: Records, by: str = "risk2", on: date = ON) -> ManualClass:
    with records.begin() as session:
        return ManualClasses(session).decide(
            "m-1", ManualStatus.COUNTING, note="seen", person_id=by, on=on
        )


def take_back(records: Records, by: str = "risk2", on: date = ON) -> ManualClass:
    with records.begin() as session:
        return ManualClasses(session).take_back("m-1", note="wrong", person_id=by, on=on)


def insolvent(records: Records) -> None:
    event = CreditEvent(
        event_id="e-1",
        customer_id="c-1",
        event_type=CreditEventType.INSOLVENT,
        occurred_on=ON - timedelta(days=10),
    )
    with records.begin() as session:
        Customers(session).record_event(event)


def one_customer(records: Records, as_of: date, run_id: str, today: date) -> ClassificationPageDone:
    return ClassificationActivities(records).classify_customers(
        ClassificationPage(
            run_id=run_id,
            as_of=as_of,
            person_id="risk1",
            after=None,
            page_size=10,
            at=noon(today),
            customer_ids=("c-1",),
        )
    )


def test_a_worse_class_counts_at_once_beside_the_one_by_rule_and_the_allowance_follows(
    records: Records,
) -> None:
    a_book(records)
    draw(records, cny(300_000))
    run(records, ON - timedelta(days=1))
    before = allowance(records, Portfolio.LINE, ON)
    set_by_hand(records, FiveTier.DOUBTFUL)

    done = run(records, ON)

    found = held(records, ON)
    assert (found.tier, found.stage, found.reasons) == (
        FiveTier.DOUBTFUL,
        Stage.IMPAIRED,
        ("set_by_hand",),
    )
    assert found.ruled is not None
    assert (found.ruled.tier, found.ruled.stage) == (FiveTier.NORMAL, Stage.PERFORMING)
    assert found.amounts == {FiveTier.DOUBTFUL: cny(300_000)}
    after = allowance(records, Portfolio.LINE, ON)
    assert after > before
    with records.begin() as session:
        [entry] = [each for each in Losses(session).list_of("c-1") if each.period_on == ON]
    assert entry.delta == after - before
    assert done.tally.changed == 1


def test_it_ends_by_its_date_without_a_run(records: Records) -> None:
    a_book(records)
    draw(records, cny(300_000))
    run(records, ON - timedelta(days=1))
    performing = allowance(records, Portfolio.LINE, ON)
    set_by_hand(records, FiveTier.SPECIAL_MENTION)
    run(records, ON)

    assert held(records, UNTIL).tier is FiveTier.SPECIAL_MENTION
    over = held(records, AFTER)
    assert (over.tier, over.ruled, over.tier_since) == (FiveTier.NORMAL, None, AFTER)
    assert allowance(records, Portfolio.LINE, AFTER) == performing
    with records.begin() as session:
        shown = Classes(session).history("c-1", UNTIL)
        figures = Classes(session).figures(AFTER, "CNY")
    assert max(each.as_of for each in shown) == ON
    assert {each.tier: each.customers for each in figures.tiers}[FiveTier.NORMAL] == 1


def test_what_was_set_as_non_performing_is_left_by_regular_payment_alone(records: Records) -> None:
    a_book(records)
    draw(records, cny(300_000))
    run(records, ON - timedelta(days=1))
    set_by_hand(records, FiveTier.SUBSTANDARD, until_on=date(2026, 10, 1))
    run(records, ON)
    over = held(records, date(2026, 10, 2))
    assert (over.tier, over.reasons) == (FiveTier.SUBSTANDARD, ("not_yet_regular",))
    assert over.ruled is not None
    assert over.ruled.tier is FiveTier.NORMAL

    for month in (5, 6, 7):
        invoice(records, f"i-{month}", date(2026, month, 10))
        pay(records, f"i-{month}", date(2026, month, 10))
    run(records, date(2026, 10, 2))

    cured = held(records, date(2026, 10, 2))
    assert (cured.tier, cured.ruled) == (FiveTier.NORMAL, None)


def test_what_happens_meanwhile_is_what_holds_afterwards(records: Records) -> None:
    a_book(records)
    run(records, ON - timedelta(days=1))
    set_by_hand(records, FiveTier.SPECIAL_MENTION)
    run(records, ON)
    invoice(records, "i-1", UNTIL - timedelta(days=20))

    run(records, UNTIL - timedelta(days=1))

    assert held(records, UNTIL).tier is FiveTier.SPECIAL_MENTION
    over = held(records, AFTER)
    assert (over.tier, over.reasons) == (FiveTier.SPECIAL_MENTION, ("days_past_due",))


def test_a_worse_class_by_rule_is_never_bettered_by_one_set_as_worse(records: Records) -> None:
    a_book(records)
    run(records, ON - timedelta(days=1))
    set_by_hand(records, FiveTier.SPECIAL_MENTION)
    invoice(records, "i-1", ON)

    run(records, ON + timedelta(days=100))

    found = held(records, ON + timedelta(days=100))
    assert (found.tier, found.by_rule.tier) == (FiveTier.SUBSTANDARD, FiveTier.SUBSTANDARD)


def test_a_better_class_counts_from_its_confirmation_and_no_better_than_the_measures_let_it(
    records: Records,
) -> None:
    a_book(records)
    draw(records, cny(300_000))
    insolvent(records)
    run(records, ON - timedelta(days=1))
    assert held(records, ON).tier is FiveTier.LOSS
    assert held(records, ON).tier_least is FiveTier.SUBSTANDARD
    better = {"tier_before": FiveTier.LOSS, "tier_by_rule": FiveTier.LOSS, "second_needed": True}
    set_by_hand(records, FiveTier.DOUBTFUL, **better)
    run(records, ON)
    assert held(records, ON).tier is FiveTier.LOSS

    confirm(records, on=ON + timedelta(days=3))
    run(records, ON + timedelta(days=3))

    assert held(records, ON + timedelta(days=2)).tier is FiveTier.LOSS
    found = held(records, ON + timedelta(days=3))
    assert (found.tier, found.by_rule.tier) == (FiveTier.DOUBTFUL, FiveTier.LOSS)
    assert held(records, AFTER).tier is FiveTier.LOSS
    invoice(records, "i-1", ON - timedelta(days=380))
    run(records, ON + timedelta(days=4))
    assert held(records, ON + timedelta(days=4)).tier is FiveTier.LOSS


def test_taken_back_it_is_as_if_it_had_never_been_and_the_history_stays(records: Records) -> None:
    a_book(records)
    draw(records, cny(300_000))
    run(records, ON - timedelta(days=1))
    unset = allowance(records, Portfolio.LINE, ON)
    set_by_hand(records, FiveTier.SUBSTANDARD)
    for day in range(3):
        run(records, ON + timedelta(days=day))
    assert allowance(records, Portfolio.LINE, ON) > unset

    take_back(records, on=ON + timedelta(days=2))
    done = one_customer(records, ON, "back", ON + timedelta(days=2))

    assert done.tally.seen == 1
    for day in (ON, ON + timedelta(days=1), ON + timedelta(days=2), AFTER):
        assert (held(records, day).tier, held(records, day).ruled) == (FiveTier.NORMAL, None)
        assert allowance(records, Portfolio.LINE, day) == unset
    with records.begin() as session:
        rows = session.execute(text("SELECT tier FROM customer_class ORDER BY as_of, n")).scalars()
        assert "substandard" in set(rows)


def test_a_second_run_adds_nothing(records: Records) -> None:
    a_book(records)
    draw(records, cny(300_000))
    set_by_hand(records, FiveTier.DOUBTFUL)
    run(records, ON)

    again = run(records, ON, "again")

    assert (again.tally.changed, again.tally.entries) == (0, 0)


def test_merged_records_stand_in_the_class_set_for_either(two: Records) -> None:
    on = date(2026, 6, 1)
    set_by_hand(
        two,
        FiveTier.LOSS,
        customer_id="c-2",
        from_on=on,
        proposed_on=on,
        until_on=on + timedelta(days=300),
    )
    joined(two)

    run(two, on)

    assert held(two, on, "c-1").tier is FiveTier.LOSS
    with two.begin() as session:
        assert [each.manual_id for each in ManualClasses(session).list_of_customer("c-1")] == [
            "m-1"
        ]


# ── who may, held by the database too ────────────────────────────────────────────────────────────


def test_a_better_class_is_confirmed_by_another_and_a_worse_one_needs_nobody(
    records: Records,
) -> None:
    a_book(records)
    better = {"tier_before": FiveTier.LOSS, "tier_by_rule": FiveTier.LOSS, "second_needed": True}
    set_by_hand(records, FiveTier.DOUBTFUL, **better)
    with pytest.raises(SameHands):
        confirm(records, by="risk1")
    confirm(records)
    assert confirm(records).status is ManualStatus.COUNTING
    with pytest.raises(AlreadyDecided):
        confirm(records, by="risk3")
    set_by_hand(records, FiveTier.LOSS, manual_id="m-2")
    with records.begin() as session, pytest.raises(OutOfOrder):
        ManualClasses(session).decide(
            "m-2", ManualStatus.COUNTING, note="seen", person_id="risk2", on=ON
        )
    with pytest.raises(KeyReused):
        set_by_hand(records, FiveTier.DOUBTFUL, manual_id="m-2")


def test_whoever_set_a_worse_class_does_not_take_it_back(records: Records) -> None:
    a_book(records)
    set_by_hand(records, FiveTier.DOUBTFUL)
    with pytest.raises(SameHands):
        take_back(records, by="risk1")
    assert take_back(records).status is ManualStatus.TAKEN_BACK
    with pytest.raises(OutOfOrder):
        take_back(records, by="risk3")


@pytest.mark.parametrize(
    ("kind", "second_needed", "person"),
    [
        ("confirmed", True, "risk1"),
        ("declined", True, "risk1"),
        ("confirmed", False, "risk2"),
        ("taken_back", False, "risk1"),
    ],
)
def test_the_database_itself_holds_the_two_hands(
    records: Records, kind: str, second_needed: bool, person: str
) -> None:
    a_book(records)
    set_by_hand(records, FiveTier.DOUBTFUL, second_needed=second_needed)
    with pytest.raises(IntegrityError), records.begin() as session:
        session.execute(
            text(
                "INSERT INTO manual_class_event (manual_id, kind, proposed_by, second_needed,"
                " person_id, note, business_on)"
                " VALUES ('m-1', :kind, 'risk1', :second, :person, 'n', '2026-04-01')"
            ),
            {"kind": kind, "second": second_needed, "person": person},
        )


def test_the_database_takes_no_better_class_without_a_second_person(records: Records) -> None:
    a_book(records)
    with pytest.raises(IntegrityError):
        set_by_hand(records, FiveTier.SUBSTANDARD, tier_before=FiveTier.DOUBTFUL)
    with pytest.raises(IntegrityError):
        set_by_hand(records, FiveTier.SUBSTANDARD, tier_by_rule=FiveTier.LOSS)
    set_by_hand(records, FiveTier.DOUBTFUL)
    for change in ("UPDATE manual_class SET tier = 'normal'", "DELETE FROM manual_class"):
        with pytest.raises(DBAPIError, match="only ever added to"), records.begin() as session:
            session.execute(text(change))


def test_a_class_from_a_day_to_come_begins_on_it(records: Records) -> None:
    a_book(records)
    draw(records, cny(300_000), GRANTED_ON)
    later = ON + timedelta(days=10)
    set_by_hand(records, FiveTier.SPECIAL_MENTION, from_on=later)
    run(records, ON)

    assert held(records, later - timedelta(days=1)).tier is FiveTier.NORMAL
    assert held(records, later).tier is FiveTier.SPECIAL_MENTION
    assert held(records, AFTER).tier is FiveTier.NORMAL
