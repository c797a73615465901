"""Are links on record once, in versions, and found all around a party?"""

from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.errors import AlreadyExists
from domain.party import Link, Party, PartyKind
from storage.base import Records
from storage.party import Parties


def a_link(holder: str, subject: str, **fields: object) -> Link:
    return Link.model_validate(
        {
            "link_id": f"{holder}-{subject}",
            "kind": "owns",
            "holder": holder,
            "subject": subject,
            "source": "register",
            **fields,
        }
    )


def record(records: Records, *links: Link) -> None:
    with records.begin() as session:
        for link in links:
            Parties(session).record_link(link, "manager")


def around(records: Records, party_id: str) -> dict[str, int]:
    with records.begin() as session:
        return {link.link_id: link.version for link in Parties(session).links_around(party_id)}


def test_links_are_found_in_both_directions_and_round_a_circle(records: Records) -> None:
    record(records, a_link("a", "b"), a_link("b", "c"), a_link("c", "a"), a_link("d", "c"))
    record(records, a_link("x", "y"))

    for party in "abcd":
        assert around(records, party) == {"a-b": 1, "b-c": 1, "c-a": 1, "d-c": 1}
    assert around(records, "nobody") == {}


def test_what_is_known_better_is_the_next_version_and_the_same_again_is_none(
    records: Records,
) -> None:
    ended = a_link("a", "b", share="0.6", valid_until=date(2026, 3, 31))
    record(records, a_link("a", "b", share="0.6"), a_link("a", "b", share="0.6"), ended, ended)

    assert around(records, "a") == {"a-b": 2}
    with records.begin() as session:
        assert Parties(session).read_link("a-b") == ended.model_copy(update={"version": 2})


def test_a_link_never_joins_others_than_it_did(records: Records) -> None:
    record(records, a_link("a", "b"))
    with pytest.raises(AlreadyExists):
        record(records, a_link("a", "c", link_id="a-b"))


def test_a_party_is_on_record_once_and_nothing_is_edited(records: Records) -> None:
    trust = Party(party_id="t-1", name="Harbour Trust", kind=PartyKind.ARRANGEMENT)
    with records.begin() as session:
        assert Parties(session).record(trust, "manager") == trust
        assert Parties(session).record(trust, "risk") == trust
        with pytest.raises(AlreadyExists):
            Parties(session).record(trust.model_copy(update={"name": "Another"}), "manager")

    record(records, a_link("t-1", "b"))
    for change in ("UPDATE party SET name = 'x'", "DELETE FROM party_link"):
        with pytest.raises(DBAPIError), records.begin() as session:
            session.execute(text(change))
