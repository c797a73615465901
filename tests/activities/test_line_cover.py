"""A line follows its cover: its limit falls on the day, and it stands on who bears the whole of it."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from activities.assessment import collect_dossier
from activities.line import LineActivities
from activities.line_cover import follow_register
from domain.application import Application, ApplicationType
from domain.calendar import day_begins_at
from domain.cover import CoverContent
from domain.errors import OverLimit
from domain.exposure import Limit
from domain.line import CreditLine, LineLook
from domain.money import Money
from policies.assessment import assess
from storage.application import Intakes
from storage.base import Records
from storage.cover import Covers
from storage.exposure import Exposure
from storage.line import Lines
from tests.activities.test_line_gate import ON, a_signed_case, activate
from tests.makers_monitoring import GRANTED_ON, a_book, noon
from tests.makers_policy import an_edition, cny

LAST = ON + timedelta(days=40)


@pytest.fixture
def exposure(records: Records) -> Iterator[Exposure]:
    opened = Exposure(records)
    yield opened
    opened.close()


@pytest.fixture
def book(records: Records) -> CreditLine:
    line = a_book(records, limit=cny(1_000_000))
    with records.begin() as session:
        Intakes(session).close(line.case_id, noon(GRANTED_ON))
    return line


def register(records: Records, cover_id: str = "k-1", **changed: Any) -> None:
    """A cover of the customer's credit as it is known now, confirmed."""
    value = changed.get("value", cny(40_000_000))
    said = {
        "kind": "guarantee",
        "owner": "p-1",
        "value": value,
        "capacity": cny(50_000_000),
        "valued_on": ON,
        "valuer": "the valuer",
        "source": "the contract of guarantee",
        "uses": ({"customer_id": "c-1", "amount": value},),
    }
    content = CoverContent.model_validate(said | changed)
    with records.begin() as session:
        newest = Covers(session).record(cover_id, content, "manager").newest
        if newest.pending:
            Covers(session).check(cover_id, newest.version, "risk", confirmed=True, note="")


def a_line(records: Records, exposure: Exposure, limit: Money | None = None) -> CreditLine:
    """A line of just what its judgement proposed, where no other limit is named."""
    a_signed_case(records, limit=limit or proposed(records))
    found = activate(records, exposure).line_id
    assert found is not None
    with records.begin() as session:
        return Lines(session).read(found)


def proposed(records: Records) -> Money:
    application = Application(
        customer_id="c-1",
        application_type=ApplicationType.NEW_LINE,
        limit_requested=cny(90_000_000),
        term_months=12,
        purpose="steel",
    )
    edition = an_edition()
    with records.begin() as session:
        dossier = collect_dossier(session, application, edition, ON)
    return assess(
        "probe", dossier, edition, automatic_spent=cny(0), sampled=False
    ).limit.limit_proposed


def follow(records: Records, on: date = ON) -> None:
    with records.begin() as session:
        follow_register(session, ["c-1"], on)


def limits(exposure: Exposure, line: CreditLine, *days: date) -> list[Money | None]:
    return [exposure.balances(line.line_id, day)[0].limit.amount for day in days]


def stands_on(exposure: Exposure, line: CreditLine) -> dict[str, Limit]:
    found = exposure.balances(line.line_id, ON)
    return {each.account: each.limit for each in found if each.account.startswith("guarantor/")}


# With the guarantee the judgement proposes 31.8 million, without it 11.8.


def test_the_limit_falls_on_the_day_after_the_last_and_nobody_has_to_come_by(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    register(records, ends_on=LAST)
    line = a_line(records, exposure)
    after = LAST + timedelta(days=1)

    assert line.limit == cny(31_800_000)
    assert limits(exposure, line, ON, LAST, after) == [line.limit, line.limit, cny(11_800_000)]
    with pytest.raises(OverLimit):
        exposure.reserve(line.line_id, cny(11_800_001), "late", business_on=after)
    assert exposure.reserve(line.line_id, cny(11_800_000), "k-1", business_on=after).headroom == (
        cny(0)
    )
    assert exposure.verify().holds


def test_cover_of_which_the_letter_needs_nothing_leaves_its_limit(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    register(records, ends_on=LAST)
    line = a_line(records, exposure, limit=cny(500_000))

    assert limits(exposure, line, LAST + timedelta(days=1)) == [cny(500_000)]


def test_cover_that_is_released_lowers_the_limit_at_once_and_the_line_stands_on_nobody(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    register(records)
    line = a_line(records, exposure)
    assert limits(exposure, line, ON) == [cny(31_800_000)]
    assert list(stands_on(exposure, line)) == ["guarantor/p-1"]

    register(records, uses=())
    follow(records)

    assert limits(exposure, line, ON) == [cny(11_800_000)]
    assert stands_on(exposure, line) == {}
    assert exposure.verify().holds


def test_more_cover_never_lifts_a_limit_and_less_and_more_again_brings_it_back(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    register(records)
    line = a_line(records, exposure)

    seen = []
    for value in (80_000_000, 20_000_000, 90_000_000, 20_000_000):
        register(records, value=cny(value), capacity=cny(95_000_000))
        follow(records)
        seen += limits(exposure, line, ON)

    assert seen == [cny(31_800_000), cny(21_800_000), cny(31_800_000), cny(21_800_000)]
    assert exposure.verify().holds


def test_looking_again_at_what_has_not_changed_writes_nothing(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    register(records, ends_on=LAST)
    line = a_line(records, exposure)
    before = len(exposure.entries(line.line_id))

    follow(records)
    look = LineLook(line_id=line.line_id, at=noon(ON))
    progress = LineActivities(records, exposure).look_at_line(look)

    assert len(exposure.entries(line.line_id)) == before
    assert progress.look_again_at == day_begins_at(LAST + timedelta(days=1))


def test_a_guarantor_of_the_whole_line_refuses_by_name_what_it_cannot_bear(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    register(records)
    line = a_line(records, exposure)
    assert stands_on(exposure, line) == {"guarantor/p-1": Limit.of(cny(50_000_000))}

    register(records, capacity=cny(15_000_000))
    follow(records)

    assert stands_on(exposure, line) == {"guarantor/p-1": Limit.of(cny(15_000_000))}
    with pytest.raises(OverLimit) as refused:
        exposure.reserve(line.line_id, cny(16_000_000), "k-1", business_on=ON)
    assert refused.value.facts["binding"] == "guarantor/p-1"


def test_a_guarantor_of_a_part_bounds_no_more_than_that_part(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    register(records, value=cny(2_000_000), capacity=cny(2_000_000))
    line = a_line(records, exposure)

    assert line.limit == cny(12_800_000)
    assert stands_on(exposure, line) == {}
    assert exposure.reserve(line.line_id, cny(12_000_000), "k-1", business_on=ON).headroom == (
        cny(800_000)
    )


def test_a_temporary_limit_stands_beside_the_cover_that_ends_under_it(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    register(records, ends_on=LAST)
    line = a_line(records, exposure)
    until = LAST + timedelta(days=10)
    a_signed_case(
        records,
        ApplicationType.TEMPORARY_INCREASE,
        limit=cny(35_000_000),
        line_id=line.line_id,
        temporary_until=until,
        case_id="case-3",
    )
    activate(records, exposure, case_id="case-3")

    days = (ON, LAST + timedelta(days=1), until + timedelta(days=1))
    wanted = [cny(35_000_000), cny(15_000_000), cny(11_800_000)]
    assert limits(exposure, line, *days) == wanted
    look = LineLook(line_id=line.line_id, at=noon(days[2]))
    LineActivities(records, exposure).look_at_line(look)
    assert limits(exposure, line, days[2]) == wanted[2:]


def test_a_cut_rests_on_cover_by_its_own_judgement(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    register(records, ends_on=LAST)
    line = a_line(records, exposure)
    a_signed_case(
        records,
        ApplicationType.DECREASE,
        limit=cny(5_000_000),
        line_id=line.line_id,
        case_id="case-3",
    )
    activate(records, exposure, case_id="case-3")

    days = (ON, LAST + timedelta(days=1))
    assert limits(exposure, line, *days) == [cny(5_000_000), cny(5_000_000)]
