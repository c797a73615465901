"""Are overrides kept as they were asked for, each with one end, and by two different people?"""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from domain.errors import NotFound
from domain.override import Override, OverrideStatus, VoidedBy
from storage.base import Records
from storage.override import Overrides

AT = datetime(2026, 7, 1, 9, tzinfo=UTC)


def an_override(n: int = 1, **changed: Any) -> Override:
    content = {
        "override_id": f"override-case-1-{n}",
        "case_id": "case-1",
        "n": n,
        "customer_id": "c-1",
        "notches": -3,
        "reason": "management_changed",
        "note": "the founder has left",
        "grade_model": "A",
        "grade_asked": "B",
        "receipt_hash": "0" * 64,
        "second_needed": True,
        "proposed_by": "risk",
        "proposed_at": AT,
        "proposed_on": date(2026, 7, 1),
        "status": OverrideStatus.PROPOSED,
    }
    return Override.model_validate(content | changed)


def kept(records: Records, override: Override) -> Override:
    with records.begin() as session:
        return Overrides(session).record(override, f"message-{override.override_id}")


def settled(records: Records, override: Override, status: OverrideStatus, **how: Any) -> Override:
    with records.begin() as session:
        return Overrides(session).settle(override, status, AT, **how)


def test_an_override_is_read_as_it_was_asked_for_and_as_it_went_on(records: Records) -> None:
    asked = kept(records, an_override())
    assert asked == an_override()
    assert kept(records, an_override()) == asked

    confirmed = settled(records, asked, OverrideStatus.CONFIRMED, person_id="risk2")
    assert (confirmed.status, confirmed.settled_by) == (OverrideStatus.CONFIRMED, "risk2")

    void = settled(records, asked, OverrideStatus.VOIDED, voided_by=VoidedBy.MODEL_GRADE)
    assert (void.status, void.voided_by) == (OverrideStatus.VOIDED, VoidedBy.MODEL_GRADE)
    assert void.settled_by == "risk2"
    with records.begin() as session:
        assert Overrides(session).list_of_case("case-1") == [void]
        assert Overrides(session).hands_on("case-1") == ("risk", "risk2")


def test_who_declined_it_moved_no_grade(records: Records) -> None:
    settled(records, kept(records, an_override()), OverrideStatus.DECLINED, person_id="risk2")

    with records.begin() as session:
        assert Overrides(session).hands_on("case-1") == ("risk",)


def test_nobody_confirms_what_they_proposed_whatever_the_program_believes(
    records: Records,
) -> None:
    asked = kept(records, an_override())

    with pytest.raises(IntegrityError, match="ck_rating_override_event_two"):
        settled(records, asked, OverrideStatus.CONFIRMED, person_id="risk")
    # Nor under another name of the proposer, nor without anybody.
    lied = asked.model_copy(update={"proposed_by": "somebody"})
    with pytest.raises(IntegrityError, match="fk_rating_override_event_hands"):
        settled(records, lied, OverrideStatus.CONFIRMED, person_id="risk")
    with pytest.raises(IntegrityError, match="ck_rating_override_event_second"):
        settled(records, asked, OverrideStatus.CONFIRMED)
    alone = asked.model_copy(update={"second_needed": False})
    with pytest.raises(IntegrityError, match="fk_rating_override_event_hands"):
        settled(records, alone, OverrideStatus.CONFIRMED)


def test_an_override_is_settled_once(records: Records) -> None:
    asked = kept(records, an_override())
    once = settled(records, asked, OverrideStatus.CONFIRMED, person_id="risk2")

    assert settled(records, asked, OverrideStatus.CONFIRMED, person_id="approver3") == once
    with pytest.raises(IntegrityError, match="uq_rating_override_event_settled"):
        settled(records, asked, OverrideStatus.DECLINED, person_id="approver3")


@pytest.mark.parametrize("table", ["rating_override", "rating_override_event"])
def test_nothing_of_it_is_changed_or_deleted(records: Records, table: str) -> None:
    settled(records, kept(records, an_override()), OverrideStatus.LAPSED)

    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET override_id = 'x'"):
        with pytest.raises(DBAPIError, match=r"append-only|refuse"), records.begin() as session:
            session.execute(text(statement))


def test_one_that_is_not_there_is_not_found(records: Records) -> None:
    with records.begin() as session, pytest.raises(NotFound):
        Overrides(session).read("override-case-9-1")


def test_a_list_is_by_analyst_and_by_business_day(records: Records) -> None:
    for n, (analyst, day) in enumerate([("risk", 1), ("risk2", 2), ("risk", 3)], start=1):
        on = date(2026, 7, day)
        at = AT.replace(day=day)
        kept(records, an_override(n, proposed_by=analyst, proposed_on=on, proposed_at=at))

    def found(**chosen: Any) -> list[int]:
        with records.begin() as session:
            return [each.n for each in Overrides(session).list_page(**chosen)]

    assert found() == [3, 2, 1]
    assert found(analyst="risk") == [3, 1]
    assert found(since=date(2026, 7, 2)) == [3, 2]
    assert found(until=date(2026, 7, 2), analyst="risk") == [1]
    last = an_override(3, proposed_at=AT.replace(day=3))
    assert found(before=(last.proposed_at, last.override_id)) == [2, 1]
