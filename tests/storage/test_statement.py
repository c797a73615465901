"""Does the newest version of a period count, and is none lost?"""

from datetime import date
from decimal import Decimal

import pytest

from domain.customer import Customer
from domain.errors import StatementUnbalanced
from domain.imports import Outcome
from domain.statement import AuditOpinion, Item, Statement
from storage.base import Records
from storage.customer import Customers
from storage.statement import Statements

TODAY = date(2025, 6, 30)


@pytest.fixture
def known(records: Records) -> Records:
    with records.begin() as session:
        Customers(session).record(
            Customer(customer_id="c-1", name="Quiet Harbour Foods"),
            business_on=TODAY,
            source="a test",
            recorded_by="manager",
        )
    return records


def a_statement(year: int = 2024, *, assets: str = "900", consolidated: bool = False) -> Statement:
    return Statement(
        customer_id="c-1",
        period_end_on=date(year, 12, 31),
        currency="CNY",
        items={Item.TOTAL_ASSETS: Decimal(assets), Item.TOTAL_LIABILITIES: Decimal(500)},
        consolidated=consolidated,
    )


def record(records: Records, *statements: Statement) -> list[Outcome]:
    with records.begin() as session:
        return Statements(session).record_all(statements, business_on=TODAY, recorded_by="manager")


def test_the_newest_version_counts_and_the_older_stays(known: Records) -> None:
    assert record(known, a_statement()) == [Outcome.CREATED]
    assert record(known, a_statement(assets="900.00")) == [Outcome.UNCHANGED]
    assert record(known, a_statement(assets="950")) == [Outcome.UPDATED]

    with known.begin() as session:
        (counts,) = Statements(session).find_newest("c-1")
        older, newer = Statements(session).versions("c-1", date(2024, 12, 31))
    assert counts == newer
    assert (older.items[Item.EQUITY], newer.items[Item.EQUITY]) == (400, 450)
    assert counts.derived == {Item.EQUITY}


def test_figures_that_came_back_to_what_they_were_are_a_version_too(known: Records) -> None:
    for assets in ("900", "950", "900"):
        record(known, a_statement(assets=assets))

    with known.begin() as session:
        assert len(Statements(session).versions("c-1", date(2024, 12, 31))) == 3


def test_years_come_oldest_first_and_the_consolidated_one_counts(known: Records) -> None:
    record(known, a_statement(2023), a_statement(2021), a_statement(2022))
    record(known, a_statement(2022, assets="800", consolidated=True))

    with known.begin() as session:
        statements = Statements(session)
        ends = [s.period_end_on.year for s in statements.find_newest("c-1")]
        last_two = statements.find_newest("c-1", years=2)
        until = statements.find_newest("c-1", until=date(2022, 12, 31))
    assert ends == [2021, 2022, 2023]
    assert [s.period_end_on.year for s in last_two] == [2022, 2023]
    assert last_two[0].consolidated
    assert [s.period_end_on.year for s in until] == [2021, 2022]


def test_a_statement_that_does_not_tie_never_reaches_the_records(known: Records) -> None:
    items = {Item.TOTAL_ASSETS: Decimal(900), Item.TOTAL_LIABILITIES: Decimal(500)}
    wrong = a_statement().model_copy(update={"items": {**items, Item.EQUITY: Decimal(1)}})
    with pytest.raises(StatementUnbalanced):
        record(known, wrong)

    with known.begin() as session:
        assert Statements(session).find_newest("c-1") == ()


def test_two_accounts_of_one_period_are_both_kept_and_written_once(known: Records) -> None:
    managements = a_statement(assets="950")
    audited = a_statement().model_copy(
        update={"audited": True, "audit_opinion": AuditOpinion.UNQUALIFIED}
    )

    assert record(known, managements, audited) == [Outcome.CREATED, Outcome.CREATED]
    assert record(known, managements, audited) == [Outcome.UNCHANGED, Outcome.UNCHANGED]
    assert record(known, a_statement(assets="940")) == [Outcome.UPDATED]
    with known.begin() as session:
        accounts = Statements(session).find_accounts("c-1", until=TODAY, years=5)
    assert {(each.audited, each.items[Item.TOTAL_ASSETS]) for each in accounts} == {
        (False, Decimal(940)),
        (True, Decimal(900)),
    }


def test_accounts_are_of_the_latest_periods_up_to_a_day(known: Records) -> None:
    record(known, a_statement(2021), a_statement(2022), a_statement(2023), a_statement(2024))

    with known.begin() as session:
        found = Statements(session).find_accounts("c-1", until=date(2024, 6, 30), years=2)
    assert [each.period_end_on.year for each in found] == [2023, 2022]
