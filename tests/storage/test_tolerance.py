"""Is each use of a tolerance kept once, and counted by tolerance, edition and month?"""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.errors import StatementUnbalanced
from domain.statement import Item, Statement
from domain.tolerance import ToleranceUse
from storage.application import Assessments
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions, shipped_text
from storage.statement import Statements
from storage.tolerance import ToleranceUses
from tests.makers_policy import (
    a_changed_edition,
    a_customer,
    a_dossier,
    a_statement,
    an_edition,
    judged,
)

TODAY = date(2026, 6, 30)
YEAR = (date(2026, 1, 1), date(2026, 12, 31))


def off_by(units: int) -> Statement:
    """A statement whose sides differ by so much where each term may be one off."""
    ordinary = a_statement(2025)
    assets = ordinary.items[Item.TOTAL_ASSETS] + units
    return ordinary.model_copy(
        update={
            "items": ordinary.items | {Item.TOTAL_ASSETS: assets},
            "precision": Decimal(1),
        }
    )


@pytest.fixture
def book(records: Records) -> Records:
    with records.begin() as session:
        Editions(session).publish(an_edition(), shipped_text("standard"), "test")
        Customers(session).record(
            a_customer(), business_on=TODAY, source="a test", recorded_by="manager"
        )
    return records


def test_a_statement_that_ties_by_tolerance_is_counted_once_a_version(book: Records) -> None:
    with book.begin() as session:
        for _ in range(2):
            Statements(session).record(off_by(2), business_on=TODAY, recorded_by="manager")
        (count,) = ToleranceUses(session).count(*YEAR)
        assert (count.code, count.edition, count.month_on) == (
            "statement_tie",
            "standard",
            date(2026, 6, 1),
        )
        assert count.edition_hash == an_edition().edition_hash
        assert (count.uses, count.share_max) == (2, Decimal("0.6667"))
        assert ToleranceUses(session).count(date(2025, 1, 1), date(2025, 12, 31)) == ()


def test_how_far_a_statement_may_be_off_is_the_edition_in_force(book: Records) -> None:
    strict = a_changed_edition("effective_on = 2026-06-01\n[tolerances]\nstatement_units = 0.5\n")
    with book.begin() as session:
        Editions(session).publish(strict, strict.as_toml(), "test")
        with pytest.raises(StatementUnbalanced):
            Statements(session).record(off_by(2), business_on=TODAY, recorded_by="manager")
        Statements(session).record(off_by(1), business_on=TODAY, recorded_by="manager")
        counts = ToleranceUses(session).count(*YEAR)
    assert {count.edition_hash for count in counts} == {strict.edition_hash}


def test_a_receipt_recorded_twice_uses_its_tolerances_once(book: Records) -> None:
    dossier = a_dossier(statements=(a_statement(2024), a_statement(2025, cash_opening="12.4")))
    with book.begin() as session:
        for _ in range(2):
            Assessments(session).record(judged(dossier))
        counts = {each.code: each.uses for each in ToleranceUses(session).count(*YEAR)}
    assert counts == {"cash_tie": 1}


def test_a_use_on_record_is_neither_changed_nor_more_than_was_allowed(book: Records) -> None:
    use = ToleranceUse(
        code="cut", difference=Decimal(1), allowed=Decimal(2), unit="CNY", subject="line-1"
    )
    with book.begin() as session:
        ToleranceUses(session).record("case-1/1", [use], edition_hash="x", on=TODAY)
    for statement in (
        "UPDATE tolerance_use SET difference = 2",
        "DELETE FROM tolerance_use",
        "INSERT INTO tolerance_use (source, code, subject, edition_hash, difference, allowed, unit,"
        " used_on) VALUES ('a', 'cut', 'b', 'x', 3, 2, 'CNY', '2026-06-30')",
    ):
        with pytest.raises(DBAPIError), book.begin() as session:
            session.execute(text(statement))
