"""Is a cover on record in versions, raised by two people whatever the program believes?"""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.cover import CoverContent, RegisteredCover
from domain.errors import (
    AlreadyDecided,
    AlreadyExists,
    CoverOverused,
    OutOfOrder,
    SameHands,
    StaleContent,
)
from domain.money import Money
from storage.base import Records
from storage.cover import Covers


def cny(amount: int) -> Money:
    return Money.of(amount, "CNY")


def a_content(value: int = 1000, used: int = 500, **changed: Any) -> CoverContent:
    ordinary = {
        "kind": "mortgage",
        "owner": "p-1",
        "value": cny(value),
        "valued_on": date(2026, 6, 30),
        "valuer": "a surveyor",
        "source": "valuation report",
        "uses": [{"customer_id": "c-1", "amount": cny(used)}],
    }
    return CoverContent.model_validate(ordinary | changed)


def record(records: Records, content: CoverContent, cover_id: str = "k-1") -> RegisteredCover:
    with records.begin() as session:
        return Covers(session).record(cover_id, content, "manager")


def check(records: Records, version: int, by: str = "risk", **said: Any) -> RegisteredCover:
    with records.begin() as session:
        return Covers(session).check("k-1", version, by, **{"confirmed": True, "note": "", **said})


def test_a_cover_stands_once_a_second_person_has_confirmed_it(records: Records) -> None:
    made = record(records, a_content())
    assert (made.newest.version, made.newest.pending, made.standing) == (1, True, None)

    confirmed = check(records, 1)
    assert confirmed.standing == a_content()
    assert (confirmed.newest.checked_by, confirmed.newest.confirmed) == ("risk", True)
    assert check(records, 1) == confirmed
    with pytest.raises(AlreadyDecided):
        check(records, 1, confirmed=False, note="no")
    with pytest.raises(AlreadyDecided):
        check(records, 1, "somebody")


def test_whoever_recorded_it_does_not_confirm_it_by_program_or_by_hand(records: Records) -> None:
    record(records, a_content())
    with pytest.raises(SameHands):
        check(records, 1, "manager")

    by_hand = "INSERT INTO cover_check VALUES ('k-1', 1, :recorded_by, 'manager', true)"
    for claimed in ("manager", "somebody"):
        with pytest.raises(DBAPIError), records.begin() as session:
            session.execute(text(by_hand), {"recorded_by": claimed})
    with records.begin() as session:
        assert Covers(session).read("k-1").standing is None


def test_what_lowers_a_cover_asks_nobody_and_a_newer_version_overtakes_a_check(
    records: Records,
) -> None:
    record(records, a_content(1000))
    check(records, 1)
    assert record(records, a_content(2000)).newest.version == 2
    lowered = record(records, a_content(800))

    assert (lowered.newest.version, lowered.newest.needs_check) == (3, False)
    assert lowered.standing == a_content(800)
    with pytest.raises(StaleContent):
        check(records, 2)
    with pytest.raises(OutOfOrder):
        check(records, 3)


def test_the_same_again_is_the_version_on_record(records: Records) -> None:
    assert record(records, a_content()) == record(records, a_content())
    with pytest.raises(AlreadyExists):
        record(records, a_content(owner="p-2"))
    with pytest.raises(AlreadyExists):
        record(records, a_content(kind="pledge"))


def test_no_more_is_secured_than_is_free_but_where_the_value_fell(records: Records) -> None:
    with pytest.raises(CoverOverused):
        record(records, a_content(1000, 1001))
    with pytest.raises(CoverOverused):
        record(records, a_content(1000, 901, prior=cny(100)))
    record(records, a_content(1000, 900))
    check(records, 1)

    fallen = record(records, a_content(400, 900))
    assert fallen.standing == a_content(400, 900)
    with pytest.raises(CoverOverused):
        record(records, a_content(400, 950))


def test_a_customers_covers_are_found_by_any_version_and_a_guarantors_by_owner(
    records: Records,
) -> None:
    record(records, a_content())
    record(records, a_content(kind="guarantee", capacity=cny(1)), "k-2")
    elsewhere = a_content(uses=[{"customer_id": "c-2", "amount": cny(1)}])
    record(records, elsewhere, "k-3")
    with records.begin() as session:
        covers = Covers(session)
        assert [each.cover_id for each in covers.of_customer("c-1")] == ["k-1", "k-2"]
        assert [each.cover_id for each in covers.guarantees_of(["p-1"])] == ["k-2"]
        assert [each.cover_id for each in covers.pending()] == ["k-1", "k-2", "k-3"]


def test_nothing_on_record_changes_or_goes(records: Records) -> None:
    record(records, a_content())
    check(records, 1)
    for change in (
        "UPDATE cover_version SET needs_check = false",
        "DELETE FROM cover_check",
        "UPDATE cover SET owner = 'x'",
    ):
        with pytest.raises(DBAPIError), records.begin() as session:
            session.execute(text(change))


def test_many_at_once_make_versions_one_after_another(records: Records) -> None:
    contents = [a_content(1000 + n) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda content: record(records, content), contents))

    assert sorted(each.newest.version for each in made) == list(range(1, 9))
    assert {each.newest.content.value for each in made} == {each.value for each in contents}
