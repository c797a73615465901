"""Does a grant's number stand for one grant, and does the database hold the register's rules?"""

from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from domain.approval import AuthorityGrant, Seat
from domain.errors import AlreadyExists
from domain.identity import Person, Role
from domain.money import Money
from storage.approval import AuthorityGrants, AuthorityRegister
from storage.base import Records
from storage.identity import Persons


def a_grant(amount: int = 1_000_000) -> AuthorityGrant:
    return AuthorityGrant(
        grant_no="SQ-1",
        person_id="approver1",
        position="branch_head",
        limit=Money.of(amount, "CNY"),
        valid_from=date(2026, 1, 1),
        valid_until=date(2026, 12, 31),
        granted_by="board",
    )


@pytest.fixture(autouse=True)
def approver(records: Records) -> None:
    with records.begin() as session:
        seated = Person(
            person_id="approver1", title="Branch approver", roles=frozenset({Role.APPROVER})
        )
        Persons(session).record_person(seated)


def test_the_same_grant_entered_again_is_the_one_on_record(records: Records) -> None:
    with records.begin() as session:
        AuthorityGrants(session).record(a_grant())
        again = AuthorityGrants(session).record(a_grant())
        assert again == a_grant()
        assert len(AuthorityGrants(session).list_of("approver1")) == 1


def test_a_number_that_stands_for_another_grant_is_refused(records: Records) -> None:
    with records.begin() as session:
        AuthorityGrants(session).record(a_grant())
    with pytest.raises(AlreadyExists), records.begin() as session:
        AuthorityGrants(session).record(a_grant(90_000_000))


def test_a_grant_that_was_revoked_is_not_in_force_again_by_being_entered_again(
    records: Records,
) -> None:
    with records.begin() as session:
        AuthorityGrants(session).record(a_grant())
        AuthorityGrants(session).revoke("SQ-1", date(2026, 3, 1))
        again = AuthorityGrants(session).record(a_grant())
    assert again.revoked_on == date(2026, 3, 1)


# ── what the database holds by itself ────────────────────────────────────────────────────────────


def an_entry(kind: str, person: str, about: str, by: str) -> dict[str, object]:
    return {
        "id": f"{kind}-1", "kind": kind, "person": person, "about": about, "by": by,
    }  # fmt: skip


_ENTRY = text(
    "INSERT INTO authority_entry (entry_id, kind, person_id, about, valid_from, content,"
    " recorded_by) VALUES (:id, :kind, :person, :about, '2026-01-01', '{}', :by)"
)


@pytest.mark.parametrize(
    "entry",
    [
        an_entry("seat", "approver1", "head_of_branch", "approver1"),
        an_entry("certificate", "approver1", "credit_approval", "approver1"),
        an_entry("delegation", "approver1", "approver2", "approver1"),
        an_entry("delegation", "approver1", "approver1", "operator"),
        an_entry("conflict", "approver1", "c-1", "approver2"),
    ],
)
def test_nobody_enters_authority_of_their_own_nor_a_tie_of_others(
    records: Records, entry: dict[str, object]
) -> None:
    with pytest.raises(IntegrityError), records.begin() as session:
        session.execute(_ENTRY, entry)


def test_a_grant_is_not_entered_by_its_holder_and_has_one_holder(records: Records) -> None:
    with pytest.raises(IntegrityError), records.begin() as session:
        AuthorityGrants(session).record(a_grant(), "approver1")
    both = (
        "INSERT INTO authority_grant (grant_no, person_id, post, position, limit_minor, currency,"
        " valid_from, valid_until, granted_by) VALUES ('x', 'a', 'p', 'b', 1, 'CNY', '2026-01-01',"
        " '2026-01-01', 'board')"
    )
    with pytest.raises(IntegrityError), records.begin() as session:
        session.execute(text(both))


@pytest.mark.parametrize("table", ["authority_entry", "authority_end"])
def test_the_register_is_only_ever_added_to(records: Records, table: str) -> None:
    with records.begin() as session:
        session.execute(_ENTRY, an_entry("seat", "approver1", "head_of_branch", "operator"))
        AuthorityRegister(session).end(
            "seat", "seat-1", "approver1", date(2026, 2, 1), "operator", "left"
        )
    for change in (f"DELETE FROM {table}", f"UPDATE {table} SET kind = 'conflict'"):
        with pytest.raises(DBAPIError), records.begin() as session:
            session.execute(text(change))


def test_a_tie_is_not_ended_by_whoever_has_it(records: Records) -> None:
    with records.begin() as session:
        session.execute(_ENTRY, an_entry("conflict", "approver1", "c-1", "approver1"))
    with pytest.raises(IntegrityError), records.begin() as session:
        AuthorityRegister(session).end(
            "conflict", "conflict-1", "approver1", date(2026, 2, 1), "approver1", ""
        )


def test_the_first_end_stands_and_an_entry_is_not_in_force_from_its_day(records: Records) -> None:
    seat = Seat(
        entry_id="s-1", recorded_by="operator", person_id="approver1", post="head_of_branch",
        valid_from=date(2026, 1, 1),
    )  # fmt: skip
    with records.begin() as session:
        register = AuthorityRegister(session)
        assert register.record(seat) == register.record(seat) == seat
        with pytest.raises(AlreadyExists):
            register.record(seat.model_copy(update={"post": "head_of_region"}))
        for day, by in ((date(2026, 2, 1), "operator"), (date(2026, 3, 1), "operator2")):
            register.end("seat", "s-1", "approver1", day, by, "")
        ended = register.read(Seat, "s-1")
        assert (ended.ended_on, ended.ended_by) == (date(2026, 2, 1), "operator")
        assert register.on_day(date(2026, 1, 31)).seats == (ended,)
        assert register.on_day(date(2026, 2, 1)).seats == ()


@pytest.mark.parametrize(
    ("person", "behalf"), [("approver1", "approver1"), ("approver1", "manager")]
)
def test_a_word_on_behalf_of_a_maker_is_refused_by_the_database(
    records: Records, person: str, behalf: str
) -> None:
    with records.begin() as session:
        _a_task(session)
    with pytest.raises(IntegrityError), records.begin() as session:
        session.execute(_WORD, {"id": "w-1", "task": "t-1", "person": person, "behalf": behalf})


def test_ones_authority_counts_once_in_an_approval_by_the_database(records: Records) -> None:
    with records.begin() as session:
        _a_task(session)
        session.execute(
            _WORD, {"id": "w-1", "task": "t-1", "person": "approver1", "behalf": "approver2"}
        )
    for behalf in ("approver2", None):
        person = "approver3" if behalf else "approver2"
        with pytest.raises(IntegrityError), records.begin() as session:
            session.execute(_WORD, {"id": "w-2", "task": "t-2", "person": person, "behalf": behalf})


_WORD = text(
    "INSERT INTO decision (decision_id, task_id, approval_id, case_id, person_id, on_behalf_of,"
    " makers, grant_no, position, verdict, note, fields_wanted, content_hash, channel, said_hash,"
    " progress, decided_at) VALUES (:id, :task, 'a-1', 'c-1', :person, :behalf, '[\"manager\"]',"
    " 'SQ-1', 'branch_head', 'approve', '', '[]', '', 'api', '', '{}', now())"
)


def _a_task(session: Session) -> None:
    session.execute(
        text(
            "INSERT INTO approval (approval_id, subject, subject_id, n, case_id, outcome, body,"
            " progress, version, opened_at) VALUES ('a-1', 'application', 'c-1', 1, 'c-1', 'open',"
            " '{}', '{}', 1, now())"
        )
    )
    for task in ("t-1", "t-2"):
        session.execute(
            text(
                "INSERT INTO task (task_id, approval_id, case_id, customer_id, position, status,"
                " amount_minor, currency, opened_at, due_at) VALUES (:task, 'a-1', 'c-1', 'c-1',"
                " 'branch_head', 'open', 1, 'CNY', now(), now())"
            ),
            {"task": task},
        )
