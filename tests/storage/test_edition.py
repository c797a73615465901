"""Published editions: found by hash and day, added and never changed."""

from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.edition import PolicyEdition
from domain.errors import NotFound
from storage.base import Records
from storage.edition import Editions, read_shipped, shipped_text


def publish(records: Records, edition: PolicyEdition) -> str:
    with records.begin() as session:
        return Editions(session).publish(edition, edition.as_toml(), "risk_officer")


def dated(name: str, effective_on: date) -> PolicyEdition:
    return read_shipped().model_copy(update={"name": name, "effective_on": effective_on})


def test_what_is_published_is_read_back_equal(records: Records) -> None:
    standard = read_shipped()

    edition_hash = publish(records, standard)

    with records.begin() as session:
        editions = Editions(session)
        assert editions.read(edition_hash) == standard
        assert editions.read_source(edition_hash) == standard.as_toml()


def test_publishing_the_same_content_again_adds_no_row(records: Records) -> None:
    first = publish(records, read_shipped())
    second = publish(records, PolicyEdition.of_toml(shipped_text("standard")))

    with records.begin() as session:
        listed = Editions(session).list_all()
    assert first == second
    assert [entry.edition_hash for entry in listed] == [first]
    assert listed[0].published_by == "risk_officer"


def test_the_edition_in_force_is_the_latest_to_take_effect(records: Records) -> None:
    older = dated("standard", date(2010, 1, 1))
    newer = dated("standard", date(2012, 7, 1))
    other = dated("trial", date(2012, 7, 1))
    for edition in (newer, older, other):
        publish(records, edition)

    with records.begin() as session:
        editions = Editions(session)
        assert editions.find_current(date(2009, 12, 31)) is None
        assert editions.find_current(date(2012, 6, 30)) == older
        assert editions.find_current(date(2012, 7, 1)) == newer, "of the family in force"
        assert editions.find_current(date(2012, 7, 1), "trial") == other


def test_another_family_is_in_force_where_the_records_are_opened_for_it(
    records: Records, database_url: str
) -> None:
    standard, trial = dated("standard", date(2012, 7, 1)), dated("trial", date(2010, 1, 1))
    for edition in (trial, standard):
        publish(records, edition)

    opened = Records(database_url, connections_max=1, policy="trial")
    with opened.begin() as session:
        assert Editions(session).find_current(date(2012, 7, 1)) == trial
    opened.close()


def test_of_two_editions_that_take_effect_on_one_day_the_last_published_is_in_force(
    records: Records,
) -> None:
    first = dated("standard", date(2012, 7, 1))
    second = first.model_copy(
        update={"review": first.review.model_copy(update={"raise_notches": 2})}
    )
    for edition in (first, second):
        publish(records, edition)

    with records.begin() as session:
        assert Editions(session).find_current(date(2012, 7, 1)) == second


def test_an_edition_nobody_published_is_not_found(records: Records) -> None:
    with records.begin() as session, pytest.raises(NotFound):
        Editions(session).read("0" * 64)


def test_a_published_edition_cannot_be_changed_or_deleted(records: Records) -> None:
    publish(records, read_shipped())

    for statement in ("UPDATE policy_edition SET name = 'other'", "DELETE FROM policy_edition"):
        with pytest.raises(DBAPIError, match="only ever added to"), records.begin() as session:
            session.execute(text(statement))


def test_a_shipped_name_is_a_name_and_no_path() -> None:
    for name in ("../standard", "nothing", ""):
        with pytest.raises(NotFound):
            shipped_text(name)
