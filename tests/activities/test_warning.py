"""Looking at the book: what is raised, what it stops, and what payment lifts again."""

from datetime import date, timedelta
from decimal import Decimal

from activities.warning import WarningActivities, freeze_reason
from domain.collection import CollectionStatus
from domain.exchange import Rate
from domain.line import CreditLine
from domain.notification import Channel, OutboxEntry
from domain.warning import (
    MonitoringPage,
    MonitoringPageDone,
    MonitoringTally,
    RaisedWarning,
    WarningLevel,
    WarningStatus,
)
from storage.base import Records
from storage.collection import Collections
from storage.customer import Customers
from storage.edition import Editions
from storage.exchange import Rates
from storage.line import Lines
from storage.notification import Outbox
from storage.warning import Book, Warnings
from tests.makers_monitoring import LINE_ID, a_book, invoice, noon, pay
from tests.makers_policy import a_changed_edition, a_customer, usd

DUE = date(2026, 3, 2)


def look(
    records: Records,
    on: date,
    *,
    run_id: str = "",
    after: str | None = None,
    customer_ids: tuple[str, ...] = (),
    page_size: int = 100,
) -> MonitoringPageDone:
    """One page of a look, as of noon of a day."""
    return WarningActivities(records).monitor_customers(
        MonitoringPage(
            run_id=run_id or f"run-{on}",
            after=after,
            page_size=page_size,
            customer_ids=customer_ids,
            at=noon(on),
        )
    )


def warnings(records: Records, status: WarningStatus | None = None) -> list[RaisedWarning]:
    with records.begin() as session:
        return Warnings(session).find_page(customer_id="c-1", status=status)


def owed(records: Records, kind: str) -> list[OutboxEntry]:
    with records.begin() as session:
        entries = Outbox(session).find_page(page_size=500)
    return [entry for entry in entries if entry.kind == kind]


def line_of(records: Records) -> CreditLine:
    with records.begin() as session:
        return Lines(session).read(LINE_ID)


def carry_out(records: Records, what: str) -> None:
    """What the line does when the outbox has told it."""
    for entry in owed(records, f"update_line_{what}"):
        with records.begin() as session:
            step = Lines(session).freeze if what == "freeze" else Lines(session).unfreeze
            step(
                entry.facts["line_id"],
                reason=entry.facts["reason"],
                message_id=entry.key,
                at=noon(DUE),
            )


def test_who_pays_in_time_is_left_alone(records: Records) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)
    pay(records, "i-1", DUE)

    done = look(records, DUE + timedelta(days=40))

    assert done.after is None
    assert done.tally == MonitoringTally(customers=1)


def test_a_little_late_is_yellow_and_opens_a_collection_without_a_freeze(records: Records) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)

    done = look(records, DUE + timedelta(days=8))

    [yellow] = [w for w in warnings(records) if w.signal.level is WarningLevel.YELLOW]
    assert yellow.signal.rule == "overdue_8_days"
    assert yellow.evidence.days_past_due_max == 8
    assert yellow.owner == "manager"
    assert owed(records, "update_line_freeze") == []
    assert done.tally.collections == 1
    with records.begin() as session:
        case = Collections(session).find_open("c-1")
    assert case is not None
    assert case.owner == "collector"
    assert [entry.recipient for entry in owed(records, "start_collection")] == [case.collection_id]


def test_a_second_look_raises_nothing_twice(records: Records) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)
    first = look(records, DUE + timedelta(days=35))

    second = look(records, DUE + timedelta(days=36))

    assert first.tally.raised > 0
    assert second.tally.raised == 0
    assert second.tally.collections == 0
    assert {w.seen_on for w in warnings(records)} == {DUE + timedelta(days=36)}


def test_a_page_done_before_answers_as_it_did(records: Records) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)
    first = look(records, DUE + timedelta(days=35), run_id="run-1")
    mails = len(owed(records, "warning_raised"))

    assert look(records, DUE + timedelta(days=35), run_id="run-1") == first
    assert len(owed(records, "warning_raised")) == mails


def test_a_month_late_freezes_the_line_and_payment_lifts_it(records: Records) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)
    look(records, DUE + timedelta(days=31))
    [freeze] = owed(records, "update_line_freeze")
    assert freeze.facts == {"line_id": LINE_ID, "reason": freeze_reason("overdue_31_days")}
    carry_out(records, "freeze")
    assert look(records, DUE + timedelta(days=32)).tally.freezes == 0

    pay(records, "i-1", DUE + timedelta(days=33))
    cured = look(records, DUE + timedelta(days=33))

    assert cured.tally.lifts == 1
    [lift] = owed(records, "update_line_unfreeze")
    assert lift.facts == freeze.facts
    carry_out(records, "unfreeze")
    assert line_of(records).freeze_reasons == ()
    closed = {w.signal.rule: w for w in warnings(records, WarningStatus.CLOSED)}
    assert closed["overdue_31_days"].close_code == "cured"
    assert closed["overdue_31_days"].lifted_on == DUE + timedelta(days=33)


def test_a_red_freeze_is_not_lifted_by_payment(records: Records) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)
    look(records, DUE + timedelta(days=91))
    reasons = {entry.facts["reason"] for entry in owed(records, "update_line_freeze")}
    assert freeze_reason("overdue_91_days") in reasons

    pay(records, "i-1", DUE + timedelta(days=92))
    look(records, DUE + timedelta(days=92))

    lifted = {entry.facts["reason"] for entry in owed(records, "update_line_unfreeze")}
    assert lifted == {freeze_reason("overdue_31_days")}


def test_arrears_that_come_back_are_a_new_warning(records: Records) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)
    look(records, DUE + timedelta(days=31))
    pay(records, "i-1", DUE + timedelta(days=32))
    look(records, DUE + timedelta(days=32))
    invoice(records, "i-2", DUE + timedelta(days=30))

    look(records, DUE + timedelta(days=30 + 31))

    found = [w for w in warnings(records) if w.signal.rule == "overdue_31_days"]
    assert [w.status for w in found] == [WarningStatus.OPEN, WarningStatus.CLOSED]
    assert len(owed(records, "update_line_freeze")) == 2


def test_grave_warnings_are_told_to_the_risk_officers_too(records: Records) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)

    look(records, DUE + timedelta(days=31))

    told = {(entry.recipient, entry.facts["level"]) for entry in owed(records, "warning_raised")}
    assert ("person:manager", "yellow") in told
    assert ("person:risk", "orange") in told
    assert ("person:risk", "yellow") not in told


def test_a_payment_tells_the_open_collection_to_look_again(records: Records) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)
    look(records, DUE + timedelta(days=10))
    assert owed(records, "signal_collection_recheck") == []
    pay(records, "i-1", DUE + timedelta(days=11))

    look(records, DUE + timedelta(days=11), customer_ids=("c-1",))

    assert len(owed(records, "signal_collection_recheck")) == 1


def test_a_case_a_collector_closed_is_not_reopened_by_the_same_arrears(records: Records) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)
    look(records, DUE + timedelta(days=10))
    with records.begin() as session:
        case = Collections(session).find_open("c-1")
        assert case is not None
        Collections(session).write(
            case.model_copy(
                update={"status": CollectionStatus.CLOSED, "closed_on": DUE, "close_reason": "x"}
            )
        )

    assert look(records, DUE + timedelta(days=11)).tally.collections == 0
    assert look(records, DUE + timedelta(days=31)).tally.collections == 1


def test_the_book_is_looked_at_page_by_page_and_nobody_twice(records: Records) -> None:
    a_book(records)
    with records.begin() as session:
        for number in range(2, 6):
            Customers(session).record(
                a_customer(customer_id=f"c-{number}", identifiers=()),
                business_on=DUE,
                source="test",
                recorded_by="manager",
            )
    invoice(records, "i-1", DUE)
    names = ("c-5", "c-1", "c-3", "c-2", "c-9")
    day = DUE + timedelta(days=10)

    first = look(records, day, run_id="run-1", customer_ids=names, page_size=2)
    second = look(records, day, run_id="run-1", customer_ids=names, page_size=2, after=first.after)
    third = look(records, day, run_id="run-1", customer_ids=names, page_size=2, after=second.after)

    assert (first.after, second.after, third.after) == ("c-2", "c-5", None)
    assert third.tally.customers == 4  # c-9 is nobody


def test_only_customers_with_something_to_decide_are_looked_at(records: Records) -> None:
    a_book(records)
    with records.begin() as session:
        Customers(session).record(
            a_customer(customer_id="c-2", identifiers=()),
            business_on=DUE,
            source="test",
            recorded_by="manager",
        )
        found = Book(session).find_page(DUE, after=None, page_size=10)
        watched = Book(session).find_page(DUE, after=None, page_size=10, watched_only=True)

    assert (found, watched) == (["c-1"], [])


def test_who_is_warned_of_is_watched_until_nothing_is_open(records: Records) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)
    look(records, DUE + timedelta(days=8))
    with records.begin() as session:
        assert Book(session).is_watched("c-1")
        assert Book(session).is_watched()
        page = Book(session).find_page(DUE, after=None, page_size=10, watched_only=True)
    assert page == ["c-1"]

    pay(records, "i-1", DUE + timedelta(days=9))
    look(records, DUE + timedelta(days=9), run_id="run-9")
    with records.begin() as session:
        case = Collections(session).find_open("c-1")
        assert case is not None
        Collections(session).write(
            case.model_copy(update={"status": CollectionStatus.PAID, "closed_on": DUE})
        )
        assert not Book(session).is_watched()


def test_a_freeze_is_owed_under_a_key_that_may_be_a_message_id(records: Records) -> None:
    a_book(records)
    invoice(records, "i-1", DUE)
    look(records, DUE + timedelta(days=31))

    with records.begin() as session:
        [entry] = [e for e in Outbox(session).find_page() if e.kind == "update_line_freeze"]

    assert entry.channel is Channel.TEMPORAL
    assert len(entry.key) <= 64
    assert "/" not in entry.key


def test_a_line_whose_timer_was_lost_is_told_to_look_once_a_day(records: Records) -> None:
    line = a_book(records)
    look(records, line.review_due_on)
    assert owed(records, "signal_line_changed") == []

    for run_id in ("run-1", "run-2"):
        look(records, line.review_due_on + timedelta(days=1), run_id=run_id)

    assert [entry.recipient for entry in owed(records, "signal_line_changed")] == [LINE_ID]


# ── rates ────────────────────────────────────────────────────────────────────────────────────────


def test_rates_alone_raise_a_warning_with_both_rates_and_shares_and_freeze_nothing(
    records: Records,
) -> None:
    # At 7 a line of 10 million USD is 70 million CNY; one name may have 80 million.
    edition = a_changed_edition("[limit]\ncapital_net = 800000000\nsingle_name_share = 0.1\n")
    a_book(records, limit=usd(10_000_000), edition=edition)
    assert look(records, date(2026, 3, 2)).tally.raised == 0
    with records.begin() as session:
        Rates(session).record(
            Rate(base="USD", quote="CNY", rate="8.2", rate_on=date(2026, 3, 9)), recorded_by="risk"
        )

    assert look(records, date(2026, 3, 9)).tally == MonitoringTally(customers=1, raised=1)
    (raised,) = [
        each for each in warnings(records) if each.signal.rule == "rates_moved:single_name_cap"
    ]
    assert raised.signal.level is WarningLevel.YELLOW
    assert raised.signal.value == Decimal("1.025")
    assert raised.signal.facts["share_before"] == "0.875000"
    assert raised.signal.facts["rate_before:USD"] == "7 (spot, 2010-01-04)"
    assert raised.signal.facts["rate_now:USD"] == "8.2 (spot, 2026-03-09)"
    assert owed(records, "update_line_freeze") == []
    with records.begin() as session:
        assert not Lines(session).read(LINE_ID).freeze_reasons

    # The next day it is the same warning; a rate that comes back closes it.
    assert look(records, date(2026, 3, 10)).tally.raised == 0
    with records.begin() as session:
        Rates(session).record(
            Rate(base="USD", quote="CNY", rate="7.9", rate_on=date(2026, 3, 11)), recorded_by="risk"
        )
    assert look(records, date(2026, 3, 11)).tally.closed == 1
    assert warnings(records, WarningStatus.OPEN) == []


# ── the market environment ───────────────────────────────────────────────────────────────────────


def test_a_changed_outlook_owes_one_preview_of_its_industry_once_its_day_has_come(
    records: Records,
) -> None:
    a_book(records)
    changes = """
        effective_on = 2026-03-01
        [[limit.outlooks]]
        industry = "C"
        cap_share = 0.4
        effective_from = 2026-03-05
        [[limit.outlooks]]
        industry = "K"
        cap_share = 0.5
        effective_from = 2022-01-01
        """
    look(records, date(2026, 2, 28))
    with records.begin() as session:
        Editions(session).publish(a_changed_edition(changes), changes, "test")
    look(records, date(2026, 3, 4))
    look(records, date(2026, 3, 5), run_id="partial", customer_ids=("c-1",))
    assert owed(records, "start_rerating") == []

    look(records, date(2026, 3, 6))
    look(records, date(2026, 3, 7))

    [entry] = owed(records, "start_rerating")
    assert (entry.facts["industries"], entry.facts["person_id"]) == ("C", "system")
    look(records, date(2026, 6, 1))
    assert len(owed(records, "start_rerating")) == 1


def test_an_old_change_is_not_dug_up(records: Records) -> None:
    a_book(records)
    look(records, date(2026, 3, 4))

    assert owed(records, "start_rerating") == []
