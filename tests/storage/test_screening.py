"""Is a list what its newest version says, and can one say what it said before?"""

from datetime import date

import pytest
from sqlalchemy import text

from domain.customer import Identifier, IdentifierScheme
from domain.errors import AlreadyExists
from domain.imports import Outcome
from domain.screening import ListEffect, ListEntry
from storage.base import Records
from storage.screening import Lists

DAY = date(2025, 3, 1)


def a_code(value: str) -> Identifier:
    return Identifier(scheme=IdentifierScheme.INTERNAL, value=value)


def an_entry(value: str, version: str = "1", effect: ListEffect = ListEffect.STOP) -> ListEntry:
    return ListEntry(
        list_code="negative",
        list_version=version,
        identifier=a_code(value),
        effect=effect,
        rule="N-1",
    )


def record(records: Records, version: str, *entries: ListEntry) -> list[Outcome]:
    with records.begin() as session:
        return Lists(session).record_version(
            "negative", version, entries, imported_on=DAY, source="a.csv", recorded_by="risk"
        )


def test_a_further_version_replaces_the_list_and_says_what_became_of_each(
    records: Records,
) -> None:
    assert record(records, "1", an_entry("A"), an_entry("B")) == [Outcome.CREATED] * 2
    softer = an_entry("B", effect=ListEffect.SUSPEND)
    assert record(records, "2", softer, an_entry("C")) == [Outcome.UPDATED, Outcome.CREATED]

    with records.begin() as session:
        lists = Lists(session)
        hits = lists.find_hits([a_code("A"), a_code("B"), a_code("Z")])
        assert lists.versions() == {"negative": "2"}
        assert [entry.identifier.value for entry in lists.entries("negative")] == ["B", "C"]
        kept = session.scalar(text("SELECT count(*) FROM name_list_entry"))
    assert [(hit.identifier.value, hit.effect, hit.list_version) for hit in hits] == [
        ("B", ListEffect.SUSPEND, "2")
    ]
    assert kept == 4  # A and the harder B are closed, not gone


def test_the_same_version_again_changes_nothing_and_other_names_under_it_are_refused(
    records: Records,
) -> None:
    record(records, "1", an_entry("A"), an_entry("B"))
    assert record(records, "1", an_entry("B"), an_entry("A")) == [Outcome.UNCHANGED] * 2
    with pytest.raises(AlreadyExists):
        record(records, "1", an_entry("A"))


def test_an_older_version_does_not_come_back_by_being_imported_again(records: Records) -> None:
    record(records, "1", an_entry("A"))
    record(records, "2", an_entry("B"))
    record(records, "1", an_entry("A"))

    with records.begin() as session:
        assert Lists(session).versions() == {"negative": "2"}
        assert Lists(session).find_hits([a_code("A")]) == ()


def test_one_name_may_be_added_to_what_stands(records: Records) -> None:
    record(records, "1", an_entry("A"))
    with records.begin() as session:
        Lists(session).add(
            an_entry("B", "1a"), imported_on=DAY, source="a letter", recorded_by="risk"
        )

    with records.begin() as session:
        (listed,) = Lists(session).lists()
        assert (listed.list_version, listed.entries, listed.source) == ("1a", 2, "a letter")
        assert len(Lists(session).find_hits([a_code("A"), a_code("B")])) == 2


def test_a_list_of_nobody_is_a_list(records: Records) -> None:
    record(records, "1", an_entry("A"))
    assert record(records, "2") == []

    with records.begin() as session:
        assert Lists(session).find_hits([a_code("A")]) == ()
        assert Lists(session).versions() == {"negative": "2"}
