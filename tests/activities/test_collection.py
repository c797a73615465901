"""Collection: one letter at a time, promises that are kept or broken, and an end that is a value."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from activities.collection import CollectionActivities, arrears_of, open_collection
from domain.collection import (
    CollectionAction,
    CollectionCase,
    CollectionEventKind,
    CollectionLook,
    CollectionProgress,
    CollectionStatus,
)
from domain.errors import CaseClosed, KeyReused, Malformed, NotPermitted, Unauthenticated
from domain.notification import Notice
from storage.base import Records
from storage.collection import CollectionEvents, Collections
from storage.customer import Customers
from storage.identity import ActionTokens
from storage.notification import Outbox
from tests.makers_monitoring import a_book, invoice, noon, pay
from tests.makers_policy import an_edition

DUE = date(2026, 3, 2)  # a Monday
COLLECTION = "col-1"


@pytest.fixture
def arrears(records: Records) -> Records:
    """A collection opened on the ordinary customer, eight days late."""
    a_book(records)
    invoice(records, "i-1", DUE)
    on = DUE + timedelta(days=8)
    with records.begin() as session:
        open_collection(
            session,
            Customers(session).read("c-1"),
            COLLECTION,
            arrears_of(session, "c-1", on, an_edition()),
            noon(on),
            0,
        )
    return records


def look(records: Records, on: date) -> CollectionProgress:
    return CollectionActivities(records).look_at_arrears(
        CollectionLook(collection_id=COLLECTION, at=noon(on))
    )


def act(records: Records, action: str, on: date, **content: Any) -> CollectionProgress:
    """A collector's message with a token of its own, or what the test says instead."""
    person_id = content.get("person_id", "collector")
    with records.begin() as session:
        token = ActionTokens(session).issue_action_token(
            person_id, COLLECTION, datetime(2100, 1, 1, tzinfo=noon(on).tzinfo)
        )
    message = {
        "collection_id": COLLECTION,
        "action": action,
        "person_id": person_id,
        "message_id": "m-1",
        "token": token,
        "at": noon(on),
        **content,
    }
    return CollectionActivities(records).act_on_collection(CollectionAction.model_validate(message))


def letters(records: Records) -> list[str]:
    with records.begin() as session:
        entries = Outbox(session).find_page(page_size=100)
    return [entry.kind for entry in reversed(entries) if entry.kind.startswith("reminder")]


def case_of(records: Records) -> CollectionCase:
    with records.begin() as session:
        return Collections(session).read(COLLECTION)


def events(records: Records) -> list[CollectionEventKind]:
    with records.begin() as session:
        return [event.kind for event in CollectionEvents(session).list_all(COLLECTION)]


def test_each_letter_goes_out_once_at_its_step(arrears: Records) -> None:
    for day in (8, 9, 31, 32, 66, 67):
        look(arrears, DUE + timedelta(days=day))

    assert letters(arrears) == [
        Notice.REMINDER_LETTER_1,
        Notice.REMINDER_LETTER_2,
        Notice.REMINDER_LETTER_3,
    ]


def test_who_is_found_long_overdue_gets_the_gravest_letter_alone(arrears: Records) -> None:
    look(arrears, DUE + timedelta(days=66))
    look(arrears, DUE + timedelta(days=67))

    assert letters(arrears) == [Notice.REMINDER_LETTER_3]


def test_no_letter_goes_out_on_a_day_off(arrears: Records) -> None:
    saturday = DUE + timedelta(days=12)
    look(arrears, saturday)
    assert letters(arrears) == []

    look(arrears, saturday + timedelta(days=2))

    assert letters(arrears) == [Notice.REMINDER_LETTER_1]


def test_payment_of_everything_closes_the_case(arrears: Records) -> None:
    pay(arrears, "i-1", DUE + timedelta(days=9), 20_000)
    assert look(arrears, DUE + timedelta(days=9)).status is CollectionStatus.OPEN
    pay(arrears, "i-1", DUE + timedelta(days=10), 30_000)

    progress = look(arrears, DUE + timedelta(days=10))

    assert progress.status is CollectionStatus.PAID
    assert progress.look_again_at is None
    assert case_of(arrears).closed_on == DUE + timedelta(days=10)
    assert events(arrears)[-1] is CollectionEventKind.PAID
    assert look(arrears, DUE + timedelta(days=11)).status is CollectionStatus.PAID


def test_letters_rest_while_a_promise_is_pending_and_go_on_when_it_is_broken(
    arrears: Records,
) -> None:
    act(arrears, "promise", DUE + timedelta(days=8), promised_on=DUE + timedelta(days=15))
    look(arrears, DUE + timedelta(days=15))
    assert letters(arrears) == []

    progress = look(arrears, DUE + timedelta(days=16))

    assert progress.promised_on is None
    assert letters(arrears) == [Notice.REMINDER_LETTER_1]
    assert CollectionEventKind.PROMISE_BROKEN in events(arrears)


def test_a_promise_that_is_kept_is_said_so(arrears: Records) -> None:
    act(arrears, "promise", DUE + timedelta(days=8), promised_on=DUE + timedelta(days=15))
    pay(arrears, "i-1", DUE + timedelta(days=14))

    look(arrears, DUE + timedelta(days=14))

    assert events(arrears)[-2:] == [CollectionEventKind.PROMISE_KEPT, CollectionEventKind.PAID]


def test_one_message_is_taken_once(arrears: Records) -> None:
    on = DUE + timedelta(days=8)
    first = act(arrears, "promise", on, promised_on=DUE + timedelta(days=15))

    again = act(arrears, "promise", on, promised_on=DUE + timedelta(days=15))

    assert not first.replayed
    assert again.replayed
    with pytest.raises(KeyReused):
        act(arrears, "promise", on, promised_on=DUE + timedelta(days=20))


def test_a_collector_closes_with_a_reason_and_nothing_follows(arrears: Records) -> None:
    on = DUE + timedelta(days=9)
    with pytest.raises(Malformed):
        act(arrears, "close", on, reason=" ")

    closed = act(arrears, "close", on, message_id="m-2", reason="settled in court")

    assert closed.status is CollectionStatus.CLOSED
    assert case_of(arrears).close_reason == "settled in court"
    with pytest.raises(CaseClosed):
        act(arrears, "promise", on, message_id="m-3", promised_on=DUE + timedelta(days=15))
    look(arrears, DUE + timedelta(days=40))
    assert letters(arrears) == []


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        ({"token": "guessed"}, Unauthenticated),
        ({"person_id": "manager"}, NotPermitted),
        ({"promised_on": DUE}, Malformed),
        ({"promised_on": None}, Malformed),
        ({"action": "forgive"}, Malformed),
    ],
)
def test_what_is_not_a_collectors_promise_for_a_day_to_come_is_refused(
    arrears: Records, content: dict[str, Any], refusal: type[Exception]
) -> None:
    message = {"promised_on": DUE + timedelta(days=20), **content}

    with pytest.raises(refusal):
        act(arrears, message.pop("action", "promise"), DUE + timedelta(days=8), **message)

    assert case_of(arrears).promised_on is None
    assert events(arrears) == [CollectionEventKind.OPENED]


def test_the_next_look_is_after_the_editions_hours_of_work(arrears: Records) -> None:
    progress = look(arrears, DUE + timedelta(days=8))

    # Nine hours a day: twenty-four of them from Tuesday noon end on Thursday at six.
    assert progress.look_again_at == noon(date(2026, 3, 12)) + timedelta(hours=6)
