"""The outbox: owed once, claimed by one, never blocked by its neighbour."""

import pytest
from sqlalchemy import text

from domain.errors import KeyReused
from domain.notification import MASK, Channel, DeliveryState, Notice, OutboxEntry
from storage.base import Records
from storage.notification import UNREPORTED, Outbox, listening


def owe(records: Records, key: str = "case-1/task-1", **changed: str) -> None:
    """One notice about a task, with whatever differs from the ordinary one."""
    facts = {"task_id": "task-1", "case_id": "case-1", "due_at": "2026-01-05T10:00:00+08:00"}
    with records.begin() as session:
        Outbox(session).post(
            Channel.MAIL,
            key,
            recipient="person:approver1",
            kind=Notice.TASK_OPENED,
            facts={**facts, **changed},
            case_id="case-1",
        )


def claim(records: Records, entries_max: int = 10) -> list[OutboxEntry]:
    with records.begin() as session:
        return Outbox(session).claim(Channel.MAIL, entries_max=entries_max, lease_seconds=30)


def expire_leases(records: Records) -> None:
    with records.begin() as session:
        session.execute(text("UPDATE outbox SET next_attempt_at = now()"))


def find(records: Records, key: str = "case-1/task-1") -> OutboxEntry:
    with records.begin() as session:
        entry = Outbox(session).find(Channel.MAIL, key)
        assert entry is not None
        return entry


def test_the_same_notice_is_owed_once(records: Records) -> None:
    owe(records)
    owe(records)

    assert [entry.key for entry in claim(records)] == ["case-1/task-1"]


def test_a_key_used_for_another_notice_is_refused(records: Records) -> None:
    owe(records)

    with pytest.raises(KeyReused):
        owe(records, due_at="2026-01-06T10:00:00+08:00")


def test_of_several_owed_at_once_those_that_are_there_are_looked_at(records: Records) -> None:
    said = {"kind": Notice.DECISION_APPROVED, "facts": {"case_id": "case-1"}}
    with records.begin() as session:
        Outbox(session).post_all(Channel.MAIL, {"a": "person:a"}, **said)
        Outbox(session).post_all(Channel.MAIL, {"a": "person:a", "b": "person:b"}, **said)
    assert [entry.key for entry in claim(records)] == ["a", "b"]

    with pytest.raises(KeyReused), records.begin() as session:
        Outbox(session).post_all(Channel.MAIL, {"c": "person:c", "b": "person:else"}, **said)
    with records.begin() as session:
        assert Outbox(session).find(Channel.MAIL, "c") is None


def test_a_repeat_after_delivery_owes_nothing_again(records: Records) -> None:
    owe(records, link="https://credit.example/sign/secret")
    [entry] = claim(records)
    with records.begin() as session:
        Outbox(session).record_sent(entry)

    owe(records, link="https://credit.example/sign/secret")

    assert find(records).state is DeliveryState.SENT
    assert claim(records) == []


def test_two_deliverers_never_hold_the_same_entry(records: Records) -> None:
    owe(records, "a")
    owe(records, "b")
    with records.begin() as first, records.begin() as second:
        [taken] = Outbox(first).claim(Channel.MAIL, entries_max=1, lease_seconds=30)
        [other] = Outbox(second).claim(Channel.MAIL, entries_max=1, lease_seconds=30)

    assert (taken.key, other.key) == ("a", "b")
    assert claim(records) == []


def test_a_failed_entry_waits_and_the_others_go_on(records: Records) -> None:
    owe(records, "poisoned")
    [entry] = claim(records)
    with records.begin() as session:
        Outbox(session).record_failure(entry, "SMTPDataError 554")
    owe(records, "healthy")

    assert [other.key for other in claim(records)] == ["healthy"]
    failed = find(records, "poisoned")
    assert (failed.state, failed.attempts) == (DeliveryState.PENDING, 1)
    assert failed.last_error == "SMTPDataError 554"


def test_an_entry_whose_deliverer_died_is_claimed_again_after_its_lease(records: Records) -> None:
    owe(records)
    claim(records)
    assert claim(records) == []
    expire_leases(records)

    [entry] = claim(records)

    assert entry.attempts == 2


def test_a_deliverer_who_woke_late_does_not_undo_a_later_attempt(records: Records) -> None:
    owe(records)
    [late] = claim(records)
    expire_leases(records)
    [later] = claim(records)
    with records.begin() as session:
        Outbox(session).record_failure(late, "late")
    assert find(records).last_error == UNREPORTED
    with records.begin() as session:
        Outbox(session).record_sent(later)
        Outbox(session).record_failure(late, "later still")

    assert find(records).state is DeliveryState.SENT


def test_what_let_the_reader_act_is_forgotten_once_sent(records: Records) -> None:
    owe(records, link="https://credit.example/sign/secret")
    [entry] = claim(records)
    assert entry.facts["link"].endswith("secret")
    assert entry.masked.facts["link"] == MASK
    with records.begin() as session:
        Outbox(session).record_sent(entry)

    assert find(records).facts["link"] == MASK
    assert find(records).facts["task_id"] == "task-1"


def test_an_entry_given_up_rests_until_a_person_resumes_it(records: Records) -> None:
    owe(records)
    [entry] = claim(records)
    with records.begin() as session:
        Outbox(session).record_failure(entry, "no address", for_good=True)
    expire_leases(records)
    assert claim(records) == []
    with records.begin() as session:
        assert Outbox(session).resume(entry.entry_no).state is DeliveryState.PENDING

    assert [again.attempts for again in claim(records)] == [1]


def test_whoever_listens_is_woken_by_a_new_entry(records: Records) -> None:
    with listening(records.engine, Channel.MAIL) as bell:
        assert not bell.wait(0)

        owe(records)

        assert bell.wait(10)
        assert not bell.wait(0)


def test_pages_run_from_the_newest_down(records: Records) -> None:
    for key in "abc":
        owe(records, key)
    with records.begin() as session:
        first = Outbox(session).find_page(page_size=2, channel=Channel.MAIL, case_id="case-1")
        rest = Outbox(session).find_page(before=first[-1].entry_no, page_size=2)

    assert [entry.key for entry in [*first, *rest]] == ["c", "b", "a"]
