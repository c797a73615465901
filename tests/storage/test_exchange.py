"""Is a published rate kept as it was published, and the right one found?"""

import threading
from datetime import date
from decimal import Decimal

import pytest

from domain.errors import AlreadyExists, RateMissing
from domain.exchange import Rate, RateKind
from domain.imports import Outcome
from domain.money import Money
from storage.base import Records
from storage.exchange import Rates


def a_rate(base: str, rate: str, day: int, kind: RateKind = RateKind.SPOT) -> Rate:
    return Rate(base=base, quote="CNY", kind=kind, rate=Decimal(rate), rate_on=date(2025, 1, day))


@pytest.fixture
def table(records: Records) -> Records:
    with records.begin() as session:
        Rates(session).record_all(
            [a_rate("USD", "7.1", 1), a_rate("USD", "7.2", 10), a_rate("JPY", "0.048", 3)],
            recorded_by="risk",
        )
    return records


def test_a_rate_is_never_changed(table: Records) -> None:
    with table.begin() as session:
        assert Rates(session).record(a_rate("USD", "7.10", 1), recorded_by="r") is Outcome.UNCHANGED
        with pytest.raises(AlreadyExists):
            Rates(session).record(a_rate("USD", "7.11", 1), recorded_by="r")


def test_the_rate_of_the_day_is_found_in_every_direction(table: Records) -> None:
    with table.begin() as session:
        rates = Rates(session)
        dollars = rates.convert(Money.of("100", "USD"), "CNY", on=date(2025, 1, 9))
        yuan = rates.convert(Money.of("720", "CNY"), "USD", on=date(2025, 1, 31))
        yen = rates.convert(Money.of("100", "USD"), "JPY", on=date(2025, 1, 31))
        same = rates.convert(Money.of("5", "CNY"), "CNY", on=date(2025, 1, 31))
    assert dollars.amount == Money.of("710.00", "CNY")
    assert dollars.rate_used is not None
    assert dollars.rate_used.rate_on == date(2025, 1, 1)
    assert (yuan.amount, yen.amount) == (Money.of("100", "USD"), Money.of("15000", "JPY"))
    assert same.rate_used is None


def test_without_a_rate_nothing_is_guessed(table: Records) -> None:
    with table.begin() as session:
        for base, day, kind in (
            ("EUR", 31, RateKind.SPOT),
            ("JPY", 2, RateKind.SPOT),
            ("USD", 31, RateKind.BUDGET),
        ):
            with pytest.raises(RateMissing):
                Rates(session).read(base, "CNY", on=date(2025, 1, day), kind=kind)


def test_the_table_of_a_day_shows_the_newest_of_each_pair(table: Records) -> None:
    with table.begin() as session:
        shown = Rates(session).find_page(on=date(2025, 1, 5))
    assert [(rate.base, str(rate.rate)) for rate in shown] == [("JPY", "0.048"), ("USD", "7.1")]


def test_whoever_says_that_a_rate_is_missing_says_it_before_one_can_come(table: Records) -> None:
    """A case that finds none and waits is on record before the rate is, or has seen it."""
    recorded = threading.Event()

    def record() -> None:
        with table.begin() as session:
            Rates(session).record(a_rate("EUR", "7.8", 2), recorded_by="risk")
        recorded.set()

    with table.begin() as session:
        Rates(session).hold()
        other = threading.Thread(target=record)
        other.start()
        assert not recorded.wait(0.3)
        with pytest.raises(RateMissing):
            Rates(session).read("EUR", "CNY", on=date(2025, 1, 9))
    other.join(timeout=10)
    assert recorded.is_set()
