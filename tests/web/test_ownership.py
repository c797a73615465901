"""Ownership files: statements become parties and links, and sums of other links are not counted."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.edition import RingPolicy
from domain.errors import Malformed
from policies.ring import effective_shares, ring_of
from web.service.imports.ownership import read_ownership

EXAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "ownership" / "bods_examples"
ON = date(2023, 6, 1)


def entity(record: str, **details: Any) -> dict[str, Any]:
    return statement(record, "entity", {"entityType": {"type": "registeredEntity"}, **details})


def holds(record: str, holder: str, subject: str, *interests: Any, **more: Any) -> dict[str, Any]:
    ends = {"interestedParty": holder, "subject": subject}
    return statement(record, "relationship", {**ends, "interests": list(interests), **more})


def statement(record: str, kind: str, details: dict[str, Any], **more: Any) -> dict[str, Any]:
    told = {"recordId": record, "recordType": kind, "recordDetails": details}
    return {**told, "statementDate": "2022-01-01", "recordStatus": "new", **more}


def share(percent: float, **more: Any) -> dict[str, Any]:
    return {"type": "shareholding", "share": {"exact": percent}, **more}


def read(*statements: dict[str, Any]) -> Any:
    return read_ownership(json.dumps(statements).encode(), "a register")


def test_a_shareholding_is_a_link_with_its_days_and_its_source() -> None:
    days = {"startDate": "2020-03", "endDate": "2022-05-01"}
    told = read(entity("A", name="A Ltd"), entity("B"), holds("r", "A", "B", share(62.5, **days)))

    (link,) = told.links
    assert (link.holder, link.subject, link.share) == ("bods-A", "bods-B", Decimal("0.625"))
    assert (link.valid_from, link.valid_until) == (date(2020, 3, 1), date(2022, 4, 30))
    assert link.source == "a register"
    assert told.parties["A"].party.name == "A Ltd"


def test_a_later_statement_of_a_record_takes_the_place_of_an_earlier() -> None:
    first = holds("r", "A", "B", share(50))
    later = holds("r", "A", "B", share(40)) | {"statementDate": "2022-02-01"}
    closed = later | {"statementDate": "2022-03-01", "recordStatus": "closed"}

    assert [link.share for link in read(later, entity("A"), entity("B"), first).links] == [
        Decimal("0.4")
    ]
    (ended,) = read(closed, later, entity("A"), entity("B")).links
    assert ended.valid_until == date(2022, 2, 28)


def test_a_sum_is_left_out_only_where_all_its_parts_are_there() -> None:
    parties = [entity("A"), entity("B"), entity("C")]
    below = holds("bc", "B", "C", share(50), isComponent=True)
    above = holds("ab", "A", "B", share(80), isComponent=True)
    vague = holds("ab", "A", "B", {"beneficialOwnershipOrControl": True}, isComponent=True)
    whole = holds("ac", "A", "C", share(40, directOrIndirect="indirect"))
    whole["recordDetails"]["componentRecords"] = ["B", "ab", "bc"]

    for parts in ((below, above), (below, vague)):
        links = read(*parties, *parts, whole).links
        assert effective_shares("bods-A", links, ON)["bods-C"] == Decimal("0.4")


def test_what_says_too_little_is_named_and_left_out() -> None:
    told = read(entity("A"), holds("r", "A", "gone", share(10)), holds("s", "A", "A"))

    assert dict(told.left_out)["r"] == "one end is not in the file"
    assert told.links == []


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b"{]", b"\xff\xfe", b'[{"recordId": 7}]', b"[" * 100_000]
)
def test_what_is_no_ownership_file_is_refused(content: bytes) -> None:
    if content == b"":
        assert read_ownership(content, "x").links == []
        return
    with pytest.raises(Malformed):
        read_ownership(content, "x")


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the ownership examples are absent")
@pytest.mark.parametrize(
    ("file", "holder", "subject", "share"),
    [
        ("joint-ownership", "1accb8b18b99", "31c55e425764", "0.5"),
        ("indirect-ownership", "c25d4d612c2c", "ad3f6c2fcc9e", "0.3"),
        ("multiple-indirect-ownership", "92ebf964a1f6", "63e3a8a8946f", "0.6"),
        ("mutilple-indirect-ownership-2", "731c7a8e7601", "1e049760d6c7", "0.6"),
        ("mixed-direct-and-indirect-ownership", "53508b65253f", "9bfe59b6a869", "1"),
        ("fermcat", "per-41c0bb0cef246f7c", "ent-93c75c87ab28f889", "1"),
    ],
)
def test_the_shares_of_published_examples(file: str, holder: str, subject: str, share: str) -> None:
    told = read_ownership((EXAMPLES / f"{file}.json").read_bytes(), "bods")

    owned = effective_shares(f"bods-{holder}", told.links, ON)
    assert owned[f"bods-{subject}"] == Decimal(share)


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the ownership examples are absent")
def test_every_published_example_is_read_and_every_party_has_its_ring() -> None:
    for file in sorted(EXAMPLES.glob("*.json")):
        told = read_ownership(file.read_bytes(), "bods")
        for known in told.parties.values():
            ring_of(known.party.party_id, told.links, ON, RingPolicy())
