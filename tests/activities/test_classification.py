"""Classifying the book: what days past due make of a customer, once, and again when the past changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from activities.classification import ClassificationActivities
from activities.warning import WarningActivities
from domain.classification import (
    ClassificationPage,
    ClassificationPageDone,
    CustomerClass,
    FiveTier,
    Portfolio,
    Stage,
)
from domain.customer import CreditEvent, CreditEventType, Identifier, IdentifierScheme
from domain.money import Money
from domain.receivable import Invoice, Payment
from domain.warning import MonitoringPage, RaisedWarning, WarningLevel, WarningStatus
from storage.base import Records
from storage.classification import Classes, ClassificationRuns, Losses
from storage.customer import Customers
from storage.exposure import Exposure
from storage.receivable import Receivables
from storage.warning import Warnings
from tests.makers_monitoring import GRANTED_ON, LINE_ID, a_book, invoice, noon, pay
from tests.makers_policy import a_customer, cny
from tests.road import settle
from tests.servers import Databases

DUE = date(2026, 3, 2)


def run(
    records: Records,
    as_of: date,
    run_id: str = "",
    *,
    after: str | None = None,
    page_size: int = 100,
    today: date | None = None,
) -> ClassificationPageDone:
    """One page of a run, at noon of its day or of a later one."""
    return ClassificationActivities(records).classify_customers(
        ClassificationPage(
            run_id=run_id or f"run-{as_of}",
            as_of=as_of,
            person_id="risk1",
            after=after,
            page_size=page_size,
            at=noon(today or as_of),
        )
    )


def held(records: Records, on: date, customer_id: str = "c-1") -> CustomerClass:
    with records.begin() as session:
        found = Classes(session).find(customer_id, on)
    assert found is not None
    return found


def history(records: Records) -> tuple[CustomerClass, ...]:
    with records.begin() as session:
        return Classes(session).history("c-1")


def allowance(records: Records, portfolio: Portfolio, on: date) -> Money:
    with records.begin() as session:
        return Losses(session).allowance("c-1", portfolio, on, "CNY")


def draw(records: Records, amount: Money, on: date = GRANTED_ON) -> Exposure:
    """Use of the ordinary line."""
    exposure = Exposure(records)
    taken = exposure.reserve(LINE_ID, amount, f"r-{on}", business_on=on)
    assert taken.entry_id is not None
    exposure.commit(LINE_ID, taken.entry_id, f"u-{on}", business_on=on)
    return exposure


def warnings(records: Records, status: WarningStatus) -> list[RaisedWarning]:
    with records.begin() as session:
        found = Warnings(session).find_page(customer_id="c-1", status=status)
    return [each for each in found if each.signal.rule == "non_performing"]


@pytest.mark.parametrize(
    ("days", "tier", "stage"),
    [
        (0, FiveTier.NORMAL, Stage.PERFORMING),
        (7, FiveTier.NORMAL, Stage.PERFORMING),
        (8, FiveTier.SPECIAL_MENTION, Stage.PERFORMING),
        (31, FiveTier.SPECIAL_MENTION, Stage.INCREASED),
        (90, FiveTier.SPECIAL_MENTION, Stage.INCREASED),
        (91, FiveTier.SUBSTANDARD, Stage.IMPAIRED),
        (271, FiveTier.DOUBTFUL, Stage.IMPAIRED),
        (361, FiveTier.LOSS, Stage.IMPAIRED),
    ],
)
def test_days_past_due_set_tier_and_stage(
    records: Records, days: int, tier: FiveTier, stage: Stage
) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)

    done = run(records, DUE + timedelta(days=days))

    found = held(records, DUE + timedelta(days=days))
    assert (found.tier, found.stage, found.days_past_due_on(found.as_of)) == (tier, stage, days)
    assert found.owed == cny(50_000)
    assert (done.tally.seen, done.tally.changed) == (1, 1)


def test_a_second_run_of_a_day_changes_nothing(records: Records) -> None:
    a_book(records)
    draw(records, cny(300_000))
    invoice(records, "i-1", DUE)
    on = DUE + timedelta(days=40)
    first = run(records, on)
    assert (first.tally.changed, first.tally.entries) == (1, 2)

    again = run(records, on, "run-again")

    assert (again.tally.seen, again.tally.changed, again.tally.entries) == (1, 0, 0)
    assert len(history(records)) == 1


def test_a_page_that_is_on_record_answers_as_it_did(records: Records) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)
    on = DUE + timedelta(days=40)
    first = run(records, on)
    pay(records, "i-1", on)

    assert run(records, on) == first
    assert held(records, on).tier is FiveTier.SPECIAL_MENTION


def test_a_day_on_which_nothing_changed_adds_no_row(records: Records) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)
    for days in (31, 32, 33):
        run(records, DUE + timedelta(days=days))

    [only] = history(records)
    assert only.as_of == DUE + timedelta(days=31)
    assert held(records, DUE + timedelta(days=33)).days_past_due_on(DUE + timedelta(days=33)) == 33


def test_pages_go_on_where_they_ended_and_what_they_count_adds_up(records: Records) -> None:
    a_book(records)
    with records.begin() as session:
        for number in range(2, 6):
            code = Identifier(scheme=IdentifierScheme.INTERNAL, value=f"INT-{number}")
            Customers(session).record(
                a_customer(customer_id=f"c-{number}", identifiers=(code,)),
                business_on=DUE,
                source="test",
                recorded_by="manager",
            )
            Receivables(session).record_invoice(
                Invoice(
                    customer_id=f"c-{number}",
                    invoice_no="i-1",
                    issued_on=DUE,
                    due_on=DUE,
                    # Nobody has said what a yen is worth.
                    amount=Money.of(500, "JPY" if number == 4 else "CNY"),
                ),
                business_on=DUE,
                recorded_by="manager",
            )
    done, after = run(records, DUE, page_size=2), None
    while done.after is not None:
        assert done.after != after
        after = done.after
        done = run(records, DUE, page_size=2, after=after)

    tally = done.tally
    assert (tally.seen, tally.changed, tally.unchanged, tally.failed) == (5, 4, 0, 1)
    with records.begin() as session:
        [failure] = ClassificationRuns(session).failures(f"run-{DUE}")
    assert (failure.customer_id, failure.code) == ("c-4", "rate_missing")


def test_a_payment_recorded_late_changes_its_day_and_every_later_one(records: Records) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)
    days = [DUE + timedelta(days=past) for past in (40, 60, 95)]
    for day in days:
        run(records, day)
    assert [held(records, day).tier for day in days] == [
        FiveTier.SPECIAL_MENTION,
        FiveTier.SPECIAL_MENTION,
        FiveTier.SUBSTANDARD,
    ]
    pay(records, "i-1", DUE + timedelta(days=50))

    again = run(records, days[0], "run-again", today=days[2])

    assert again.tally.changed == 1
    assert [held(records, day).tier for day in days] == [
        FiveTier.SPECIAL_MENTION,
        FiveTier.NORMAL,
        FiveTier.NORMAL,
    ]
    assert [allowance(records, Portfolio.RECEIVABLES, day) for day in days] == [
        cny(1_800),
        cny(0),
        cny(0),
    ]


def test_an_invoice_recorded_late_is_found_on_the_later_days_that_it_was_open(
    records: Records,
) -> None:
    """Nothing else is known of the customer, and on the day of the run nothing was owed."""
    settle(records)
    with records.begin() as session:
        Customers(session).record(
            a_customer(), business_on=DUE, source="test", recorded_by="manager"
        )
    run(records, DUE - timedelta(days=60))
    run(records, DUE + timedelta(days=100))
    invoice(records, "i-1", DUE)

    run(records, DUE - timedelta(days=60), "again", today=DUE + timedelta(days=100))

    assert held(records, DUE + timedelta(days=100)).tier is FiveTier.SUBSTANDARD


def test_only_the_difference_is_posted_and_its_sum_is_the_allowance(records: Records) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)
    for days in (0, 5, 31, 95):
        run(records, DUE + timedelta(days=days))

    with records.begin() as session:
        entries = Losses(session).list_of("c-1")
    posted = [each for each in reversed(entries) if each.loss.portfolio is Portfolio.RECEIVABLES]
    # 0.3 %, 1.6 %, 3.6 % and 10.6 % of 50,000.
    assert [each.loss.allowance for each in posted] == [cny(150), cny(800), cny(1_800), cny(5_300)]
    assert [each.delta for each in posted] == [cny(150), cny(650), cny(1_000), cny(3_500)]
    assert allowance(records, Portfolio.RECEIVABLES, DUE + timedelta(days=31)) == cny(1_800)


def test_what_a_line_is_used_by_is_what_the_book_of_entries_says_of_the_day(
    records: Records,
) -> None:
    a_book(records)
    exposure = draw(records, cny(300_000))
    exposure.repay(LINE_ID, cny(100_000), "p-1", business_on=DUE)
    day_before = DUE - timedelta(days=1)
    run(records, day_before, today=DUE)
    run(records, DUE)

    assert (held(records, day_before).used, held(records, day_before).unused) == (
        cny(300_000),
        cny(700_000),
    )
    assert (held(records, DUE).used, held(records, DUE).unused) == (cny(200_000), cny(800_000))
    assert cny(0) < allowance(records, Portfolio.LINE, DUE)
    assert allowance(records, Portfolio.LINE, DUE) < allowance(records, Portfolio.LINE, day_before)


def test_an_invoice_that_is_the_use_of_a_line_is_owed_once(records: Records) -> None:
    a_book(records)
    draw(records, cny(80_000))
    invoice(records, "i-1", DUE)

    run(records, DUE)

    found = held(records, DUE)
    assert (found.used, found.receivables, found.owed) == (cny(80_000), cny(50_000), cny(80_000))


def test_who_turned_bad_is_warned_of_once_until_it_rises(records: Records) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)
    bad = DUE + timedelta(days=91)
    run(records, bad)
    run(records, bad + timedelta(days=1))

    [warning] = warnings(records, WarningStatus.OPEN)
    assert (warning.signal.level, warning.raised_on) == (WarningLevel.RED, bad)
    assert warning.seen_on == bad + timedelta(days=1)

    # The look at payments leaves it alone: it is the class that closes it.
    pay(records, "i-1", bad + timedelta(days=2))
    WarningActivities(records).monitor_customers(
        MonitoringPage(run_id="look-1", after=None, page_size=10, at=noon(bad + timedelta(days=2)))
    )
    run(records, bad + timedelta(days=2))
    assert held(records, bad + timedelta(days=2)).reasons == ("not_yet_regular",)
    assert len(warnings(records, WarningStatus.OPEN)) == 1

    last = bad
    for month in (1, 2, 3, 4, 5, 6, 7):
        last = bad + timedelta(days=31 * month)
        invoice(records, f"i-2-{month}", last, 1_000)
        pay(records, f"i-2-{month}", last, 1_000)
    run(records, last)
    assert held(records, last).tier is FiveTier.NORMAL
    assert warnings(records, WarningStatus.OPEN) == []
    assert len(warnings(records, WarningStatus.CLOSED)) == 1


def test_the_credit_history_holds_a_customer_down_until_it_is_corrected(records: Records) -> None:
    a_book(records)
    draw(records, cny(1_000))
    insolvent = CreditEvent(
        event_id="e-1",
        customer_id="c-1",
        event_type=CreditEventType.INSOLVENT,
        occurred_on=DUE,
    )
    with records.begin() as session:
        Customers(session).record_event(insolvent)

    run(records, DUE - timedelta(days=1))
    run(records, DUE)

    assert held(records, DUE - timedelta(days=1)).tier is FiveTier.NORMAL
    assert (held(records, DUE).tier, held(records, DUE).reasons) == (FiveTier.LOSS, ("bankrupt",))
    assert held(records, DUE).stage is Stage.IMPAIRED


@pytest.mark.parametrize("table", ["customer_class", "loss_entry"])
def test_a_class_and_a_posting_are_only_ever_added(records: Records, table: str) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)
    run(records, DUE)

    for statement in (f"UPDATE {table} SET run_id = run_id", f"DELETE FROM {table}"):
        with pytest.raises(IntegrityError, match="only ever added"), records.begin() as session:
            session.execute(text(statement))


_DAYS = [DUE + timedelta(days=past) for past in (0, 100, 290, 500)]
# An invoice: how long after the first day it is due, its amount, after which run it is recorded, and
# its payments: how late, which part, and after which run.
_PAYMENTS = st.lists(
    st.tuples(st.integers(-20, 400), st.integers(1, 100), st.integers(0, 4)), max_size=2
)
_BOOKS = st.lists(
    st.tuples(st.integers(-100, 450), st.integers(1, 10**9), st.integers(0, 4), _PAYMENTS),
    max_size=5,
)


@given(book=_BOOKS)
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_after_a_run_from_the_first_day_all_is_as_if_known_from_the_first(
    postgres_server: Databases,
    book: list[tuple[int, int, int, list[tuple[int, int, int]]]],
) -> None:
    """Two customers with one book: of one it becomes known bit by bit, of the other at once."""
    with two_customers(postgres_server) as records:
        for stage in range(5):
            record(records, "c-2", book, stage)
        for stage in range(5):
            record(records, "c-1", book, stage)
            if stage < len(_DAYS):
                run(records, _DAYS[stage])
        run(records, _DAYS[0], "from-the-first", today=_DAYS[-1])

        for day in _DAYS:
            late, known = (standing(records, day, customer_id) for customer_id in ("c-1", "c-2"))
            assert late == known
        again = run(records, _DAYS[0], "and-again", today=_DAYS[-1])
        assert (again.tally.changed, again.tally.entries) == (0, 0)


def standing(
    records: Records, on: date, customer_id: str
) -> tuple[CustomerClass | None, list[Money]]:
    """What is on record of a customer as of a day, whoever it is and whenever it was written."""
    with records.begin() as session:
        found = Classes(session).find(customer_id, on)
        allowances = [Losses(session).allowance(customer_id, each, on, "CNY") for each in Portfolio]
    if found is None or found.vacant:
        return None, allowances
    return found.model_copy(update={"customer_id": "c", "as_of": on}), allowances


@contextmanager
def two_customers(server: Databases) -> Iterator[Records]:
    name = server.copy()
    records = Records(server.url(name), connections_max=5)
    settle(records)
    with records.begin() as session:
        for number in (1, 2):
            code = Identifier(scheme=IdentifierScheme.INTERNAL, value=f"INT-{number}")
            Customers(session).record(
                a_customer(customer_id=f"c-{number}", identifiers=(code,)),
                business_on=DUE,
                source="test",
                recorded_by="manager",
            )
    yield records
    records.close()
    server.drop(name)


def record(
    records: Records,
    customer_id: str,
    book: list[tuple[int, int, int, list[tuple[int, int, int]]]],
    stage: int,
) -> None:
    """What becomes known before the run of a stage; a payment not before its invoice."""
    with records.begin() as session:
        store = Receivables(session)
        for number, (due, minor, known, payments) in enumerate(book):
            due_on = DUE + timedelta(days=due)
            if known == stage:
                store.record_invoice(
                    Invoice(
                        customer_id=customer_id,
                        invoice_no=f"i-{number}",
                        issued_on=due_on - timedelta(days=30),
                        due_on=due_on,
                        amount=Money(minor=minor, currency="CNY"),
                    ),
                    business_on=due_on,
                    recorded_by="manager",
                )
            rest = minor
            for place, (late, percent, seen) in enumerate(payments):
                part = min(rest, max(1, minor * percent // 100))
                rest -= part
                if part and max(seen, known) == stage:
                    store.record_payment(
                        Payment(
                            customer_id=customer_id,
                            payment_no=f"p-{number}-{place}",
                            invoice_no=f"i-{number}",
                            paid_on=due_on + timedelta(days=late),
                            amount=Money(minor=part, currency="CNY"),
                        ),
                        recorded_by="manager",
                    )
