"""The register of related parties: two people for every version, and the database holds it."""

from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from domain.errors import AlreadyDecided, AlreadyExists, NotFound, SameHands, StaleContent
from domain.related import RelatedBy, RelatedContent
from storage.base import Records
from storage.related import RelatedParties

ON = date(2026, 3, 2)


def an_entry(**changed: object) -> RelatedContent:
    ordinary = {
        "subject": "c-1",
        "relation": RelatedBy.INSIDER,
        "members": ("approver1",),
        "source": "declaration of 2026",
        "valid_from": date(2026, 1, 1),
    }
    return RelatedContent.model_validate(ordinary | changed)


def accept(records: Records, entry_id: str, version: int, by: str = "risk2") -> None:
    with records.begin() as session:
        RelatedParties(session).check(entry_id, version, by, accepted=True, note="")


def counting(records: Records, on: date = ON) -> list[int]:
    with records.begin() as session:
        return [entry.version for entry in RelatedParties(session).in_force(on, ["c-1"])]


@pytest.fixture
def recorded(records: Records) -> Records:
    with records.begin() as session:
        RelatedParties(session).record(an_entry(), "e-1", "risk")
    return records


def test_an_entry_counts_from_the_second_persons_word_on(recorded: Records) -> None:
    assert counting(recorded) == []
    accept(recorded, "e-1", 1)
    assert counting(recorded) == [1]
    assert counting(recorded, date(2025, 12, 31)) == []
    with recorded.begin() as session:
        assert [e.entry_id for e in RelatedParties(session).in_force(ON)] == ["e-1"]
        assert RelatedParties(session).in_force(ON, ["c-2"]) == []


def test_the_same_again_is_the_version_on_record_and_another_party_is_another_entry(
    recorded: Records,
) -> None:
    with recorded.begin() as session:
        again = RelatedParties(session).record(an_entry(), "e-1", "risk2")
    assert (again.newest.version, again.newest.recorded_by) == (1, "risk")
    with recorded.begin() as session, pytest.raises(AlreadyExists):
        RelatedParties(session).record(an_entry(subject="c-2"), "e-1", "risk")


def test_what_is_known_better_counts_once_it_is_checked_too(recorded: Records) -> None:
    accept(recorded, "e-1", 1)
    ended = an_entry(valid_until=date(2026, 2, 28))
    with recorded.begin() as session:
        standing = RelatedParties(session).record(ended, "e-1", "risk")
    assert (standing.newest.version, standing.check) == (2, None)
    assert standing.counted is not None
    assert standing.counted.version == 1
    assert counting(recorded) == [1]
    accept(recorded, "e-1", 2)
    assert counting(recorded) == []
    assert counting(recorded, date(2026, 2, 28)) == [2]


def test_a_rejected_version_counts_for_nothing(recorded: Records) -> None:
    with recorded.begin() as session:
        standing = RelatedParties(session).check("e-1", 1, "risk2", accepted=False, note="no")
    assert standing.check is not None
    assert (standing.check.accepted, standing.check.note, standing.counted) == (False, "no", None)
    assert counting(recorded) == []


def test_a_check_is_of_the_version_read_by_another_person_and_given_once(
    recorded: Records,
) -> None:
    def check(version: int, by: str, accepted: bool = True) -> None:
        with recorded.begin() as session:
            RelatedParties(session).check("e-1", version, by, accepted=accepted, note="")

    with pytest.raises(SameHands):
        check(1, "risk")
    with pytest.raises(StaleContent):
        check(2, "risk2")
    check(1, "risk2")
    check(1, "risk2")
    with pytest.raises(AlreadyDecided):
        check(1, "risk2", accepted=False)
    with pytest.raises(AlreadyDecided):
        check(1, "auditor")
    with recorded.begin() as session, pytest.raises(NotFound):
        RelatedParties(session).read("e-2")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO related_check (entry_id, version, recorded_by, accepted, checked_by)"
        " VALUES ('e-1', 1, 'risk', true, 'risk')",
        # Nor under another name for who made it.
        "INSERT INTO related_check (entry_id, version, recorded_by, accepted, checked_by)"
        " VALUES ('e-1', 1, 'nobody', true, 'risk')",
        "UPDATE related_entry SET recorded_by = 'nobody'",
        "DELETE FROM related_entry",
    ],
)
def test_the_database_refuses_what_the_program_would(recorded: Records, statement: str) -> None:
    with pytest.raises(DatabaseError), recorded.begin() as session:
        session.execute(text(statement))
