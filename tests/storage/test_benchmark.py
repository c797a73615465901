"""Fixings are written once, corrected by another person, and the newest in time is in force."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from domain.benchmark import Fixing, FixingContent, FixingCorrection
from domain.errors import AlreadyExists, BenchmarkMissing, NotFound, SameHands
from domain.imports import Outcome
from storage.base import Records
from storage.benchmark import Fixings

DAY = date(2026, 6, 22)


def a_fixing(rate: str = "0.0305", on: date = DAY, benchmark: str = "LPR1Y") -> FixingContent:
    return FixingContent(benchmark=benchmark, fixed_on=on, rate=Decimal(rate), source="test")


def record(records: Records, *contents: FixingContent, by: str = "risk1") -> list[object]:
    with records.begin() as session:
        return list(Fixings(session).record_all(contents, recorded_by=by))


def correct(records: Records, rate: str, by: str) -> Fixing:
    content = FixingCorrection(**a_fixing(rate).model_dump(), reason="a digit was turned round")
    with records.begin() as session:
        return Fixings(session).correct(content, recorded_by=by)


def test_a_fixing_is_written_once_and_another_figure_is_refused(records: Records) -> None:
    assert record(records, a_fixing()) == [Outcome.CREATED]
    assert record(records, a_fixing()) == [Outcome.UNCHANGED]
    (refused,) = record(records, a_fixing("0.031"))

    assert isinstance(refused, AlreadyExists)
    with records.begin() as session:
        assert Fixings(session).read("LPR1Y", DAY).rate == Decimal("0.0305")


def test_a_correction_is_a_further_version_by_another_person(records: Records) -> None:
    record(records, a_fixing())
    with pytest.raises(SameHands):
        correct(records, "0.0350", "risk1")
    corrected = correct(records, "0.0350", "risk2")

    assert (corrected.version, corrected.rate, corrected.corrects_by) == (
        2,
        Decimal("0.035"),
        "risk1",
    )
    assert correct(records, "0.0350", "risk3") == corrected, "the same again changes nothing"
    with records.begin() as session:
        history = Fixings(session).find_history("LPR1Y")
        in_force = Fixings(session).read_in_force("LPR1Y", since=DAY, on=DAY)
    assert [each.rate for each in history] == [Decimal("0.035"), Decimal("0.0305")]
    assert (in_force.rate, in_force.version) == (Decimal("0.035"), 2)


def test_what_was_never_entered_is_not_corrected(records: Records) -> None:
    with pytest.raises(NotFound):
        correct(records, "0.03", "risk1")


def test_the_newest_in_its_time_is_in_force_and_an_older_one_is_missing(records: Records) -> None:
    record(records, a_fixing("0.03", date(2026, 5, 20)), a_fixing())

    with records.begin() as session:
        fixings = Fixings(session)
        on = fixings.read_in_force("LPR1Y", since=date(2026, 5, 20), on=date(2026, 6, 21))
        assert (on.rate, on.fixed_on) == (Decimal("0.03"), date(2026, 5, 20))
        with pytest.raises(BenchmarkMissing, match=r"LPR1Y from 2026-07-20 to 2026-07-31"):
            fixings.read_in_force("LPR1Y", since=date(2026, 7, 20), on=date(2026, 7, 31))
        with pytest.raises(BenchmarkMissing):
            fixings.read_in_force("SOFR", since=date(2020, 1, 1), on=date(2026, 7, 31))
        newest = fixings.find_newest(on=date(2026, 6, 21))
    assert [(each.benchmark, each.fixed_on) for each in newest] == [("LPR1Y", date(2026, 5, 20))]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE benchmark_fixing SET rate = 0.5",
        "DELETE FROM benchmark_fixing",
    ],
)
def test_the_database_keeps_every_fixing(records: Records, statement: str) -> None:
    record(records, a_fixing())

    with pytest.raises(DBAPIError), records.begin() as session:
        session.execute(text(statement))


def test_the_database_itself_refuses_a_correction_by_the_same_hands(records: Records) -> None:
    record(records, a_fixing())

    with pytest.raises(IntegrityError, match="hands"), records.begin() as session:
        session.execute(
            text(
                "INSERT INTO benchmark_fixing (benchmark, fixed_on, version, rate, source, reason,"
                " recorded_by, corrects_by)"
                " VALUES ('LPR1Y', :day, 2, 0.03, '', 'why', 'risk1', 'risk1')"
            ),
            {"day": DAY},
        )
