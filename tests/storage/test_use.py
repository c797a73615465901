"""Uses on record: one answer for each step, and a crash between any two is finished, once."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from activities.use import finish_use, sweep_uses
from domain.errors import KeyReused, NotFound, OverLimit, UseHeld, UseSettled
from domain.exposure import Movement
from domain.use import Use, UseMove, UseRequest, UseStatus
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions, shipped_text
from storage.exposure import Exposure
from storage.notification import OutboxRow
from storage.use import Uses
from tests.makers_line import LINE_ID, NOW, TODAY, cny, open_line
from tests.makers_policy import a_customer, an_edition
from tests.policies.test_uses import a_use

LATER = NOW + timedelta(days=16)


class Crash(Exception):
    """The process ended here."""


class FailingExposure(Exposure):
    """A book whose process ends right after it has done something, as often as it is told to."""

    crashes = 0

    def _crash(self, moved: Movement) -> Movement:
        if self.crashes:
            self.crashes -= 1
            raise Crash
        return moved

    def reserve(self, *args: Any, **options: Any) -> Movement:
        return self._crash(super().reserve(*args, **options))

    def commit(self, *args: Any, **options: Any) -> Movement:
        return self._crash(super().commit(*args, **options))

    def release(self, *args: Any, **options: Any) -> Movement:
        return self._crash(super().release(*args, **options))


@pytest.fixture
def book(records: Records) -> Iterator[FailingExposure]:
    opened = FailingExposure(records, connections_max=4)
    with records.begin() as session:
        Editions(session).publish(an_edition(), shipped_text("standard"), "test")
        customer = a_customer(customer_id="customer-1", manager_id="manager")
        Customers(session).record(customer, business_on=TODAY, source="test", recorded_by="manager")
    open_line(records, limit=cny(10_000_000))
    yield opened
    opened.close()


def asked(records: Records, **fields: Any) -> Use:
    request = a_use(line_id=LINE_ID, edition_hash=an_edition().edition_hash, **fields)
    with records.begin() as session:
        return Uses(session).ask(request)


def taken(records: Records, status: UseStatus, person_id: str = "approver1") -> Use:
    with records.begin() as session:
        return Uses(session).take("use-1", status, person_id=person_id, at=NOW, on=TODAY)


def stands(book: Exposure) -> tuple[int, int]:
    """Reserved and used, in whole yuan."""
    line = book.balances(LINE_ID, TODAY)[0]
    return line.reserved.minor // 100, line.used.minor // 100


def approvals_owed(records: Records) -> int:
    with records.begin() as session:
        return session.query(OutboxRow).filter(OutboxRow.kind == "start_approval").count()


def test_the_same_request_is_one_and_another_under_its_id_is_refused(
    records: Records, book: FailingExposure
) -> None:
    first = asked(records)

    again = asked(records, asked_at=NOW + timedelta(hours=1), wait_until=LATER)
    assert again == first
    with pytest.raises(KeyReused):
        asked(records, purpose="wages")


def test_each_step_is_taken_once_and_none_after_an_end(
    records: Records, book: FailingExposure
) -> None:
    asked(records)

    approved = taken(records, UseStatus.APPROVED)
    assert taken(records, UseStatus.APPROVED) == approved
    for status in (UseStatus.DECLINED, UseStatus.REFUSED):
        with pytest.raises(UseSettled):
            taken(records, status)
    taken(records, UseStatus.REJECTED, "release")
    for status in UseStatus:
        with pytest.raises(UseSettled):
            taken(records, status, "somebody")


def test_nothing_is_released_that_was_not_approved(records: Records, book: FailingExposure) -> None:
    asked(records)
    with pytest.raises(UseSettled):
        taken(records, UseStatus.RELEASED, "release")
    with pytest.raises(NotFound), records.begin() as session:
        Uses(session).read("use-2")


def by_request(records: Records, book: FailingExposure) -> None:
    finish_use(records, book, "use-1", NOW)


def by_sweep(records: Records, book: FailingExposure) -> None:
    sweep_uses(records, book, NOW, 100)


FINISHERS = pytest.mark.parametrize("finish", [by_request, by_sweep])
Finish = Callable[[Records, FailingExposure], None]


@FINISHERS
@pytest.mark.parametrize("reserved", [False, True])
def test_a_crash_after_the_request_or_its_reservation_is_finished(
    records: Records, book: FailingExposure, finish: Finish, reserved: bool
) -> None:
    asked(records)
    if reserved:
        book.crashes = 1
        with pytest.raises(Crash):
            finish_use(records, book, "use-1", NOW)
        assert stands(book) == (7_000_000, 0)
    assert approvals_owed(records) == 0

    for _ in range(2):
        finish(records, book)

    assert stands(book) == (7_000_000, 0)
    assert approvals_owed(records) == 1
    with records.begin() as session:
        assert Uses(session).read("use-1").owed is None


@FINISHERS
@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize(
    ("steps", "after"),
    [
        ((UseStatus.APPROVED, UseStatus.RELEASED), (0, 7_000_000)),
        ((UseStatus.APPROVED, UseStatus.REJECTED), (0, 0)),
        ((UseStatus.APPROVED, UseStatus.WITHDRAWN), (0, 0)),
        ((UseStatus.DECLINED,), (0, 0)),
        ((UseStatus.WITHDRAWN,), (0, 0)),
        ((UseStatus.LAPSED,), (0, 0)),
    ],
)
def test_a_crash_after_a_word_or_what_the_book_did_for_it_is_finished(
    records: Records,
    book: FailingExposure,
    finish: Finish,
    moved: bool,
    steps: tuple[UseStatus, ...],
    after: tuple[int, int],
) -> None:
    asked(records)
    by_request(records, book)
    for status in steps:
        taken(records, status, "release" if status is UseStatus.RELEASED else "approver1")
    assert stands(book) == (7_000_000, 0)
    if moved:
        book.crashes = 1
        with pytest.raises(Crash):
            finish_use(records, book, "use-1", NOW)
        assert stands(book) == after

    for _ in range(2):
        finish(records, book)

    assert stands(book) == after
    assert book.verify().holds
    with records.begin() as session:
        use = Uses(session).read("use-1")
        assert use.owed is None
        assert len(use.movements) == 2


def test_what_was_refused_stays_refused_and_holds_nothing(
    records: Records, book: FailingExposure
) -> None:
    asked(records, exposure=cny(10_000_001))
    with pytest.raises(OverLimit):
        finish_use(records, book, "use-1", NOW)

    with records.begin() as session:
        use = Uses(session).read("use-1")
        assert (use.status, use.steps[0].note) == (UseStatus.REFUSED, "over_limit")
        assert Uses(session).unfinished(LATER) == []
    assert stands(book) == (0, 0)
    assert approvals_owed(records) == 0


def test_the_sweep_that_refuses_one_goes_on_with_the_others(
    records: Records, book: FailingExposure
) -> None:
    asked(records, use_id="use-0", exposure=cny(10_000_001))
    asked(records)

    assert sweep_uses(records, book, NOW, 100) == 1

    assert stands(book) == (7_000_000, 0)


def test_a_wait_that_is_over_ends_it_whatever_the_book_says(
    records: Records, book: FailingExposure
) -> None:
    asked(records)
    by_request(records, book)
    book.expire_due(business_on=TODAY, as_of=LATER)
    assert stands(book) == (7_000_000, 0)

    book.crashes = 1
    with pytest.raises(Crash):
        sweep_uses(records, book, LATER, 100)
    sweep_uses(records, book, LATER, 100)

    assert stands(book) == (0, 0)
    with records.begin() as session:
        assert Uses(session).read("use-1").status is UseStatus.LAPSED


def test_what_a_use_holds_is_ended_under_its_own_key_alone(
    records: Records, book: FailingExposure
) -> None:
    asked(records)
    use = finish_use(records, book, "use-1", NOW)
    held = use.reservation_id or ""

    for end in (book.commit, book.release):
        with pytest.raises(UseHeld):
            end(LINE_ID, held, "somebody/commit", business_on=TODAY)
    assert stands(book) == (7_000_000, 0)


def test_requests_steps_and_movements_are_only_added(
    records: Records, book: FailingExposure
) -> None:
    asked(records)
    by_request(records, book)
    taken(records, UseStatus.DECLINED)
    for statement in (
        "UPDATE use_step SET status = 'approved'",
        "DELETE FROM use_step",
        "DELETE FROM use_request",
        "UPDATE use_movement SET kind = 'commit'",
    ):
        with pytest.raises(DBAPIError), records.begin() as session:
            session.execute(text(statement))
    with records.begin() as session:
        assert Uses(session).record_movement("use-1", UseMove.RELEASE, "e-9", NOW)
    with pytest.raises(DBAPIError), records.begin() as session:
        Uses(session).record_movement("use-1", UseMove.COMMIT, "e-10", NOW)


def test_a_page_goes_on_where_the_one_before_it_ended(
    records: Records, book: FailingExposure
) -> None:
    for number in range(3):
        asked(records, use_id=f"use-{number}", asked_at=NOW + timedelta(minutes=number))
    with records.begin() as session:
        first = Uses(session).list_page(page_size=2)
        last: UseRequest = first[-1].request
        second = Uses(session).list_page(before=(last.asked_at, last.use_id))
        others = Uses(session).list_page(manager_id="manager2")
    assert [each.request.use_id for each in (*first, *second)] == ["use-2", "use-1", "use-0"]
    assert others == []
