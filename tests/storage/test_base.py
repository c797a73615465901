"""Does a program's memory come back when its connections were cut?"""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from storage.base import Records


class Resting(Records):
    """Records whose connections have always rested."""

    rested_seconds = 0.0


class Restless(Records):
    """Records whose connections never have."""

    rested_seconds = 3600.0


def cut_others(records: Records) -> None:
    """Every connection of the database but the one that says so."""
    with records.begin() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def ask(records: Records) -> object:
    with records.begin() as session:
        return session.scalar(text("SELECT 1"))


def test_a_connection_that_was_cut_while_it_rested_is_replaced(
    records: Records, database_url: str
) -> None:
    resting = Resting(database_url, connections_max=2)
    assert ask(resting) == 1
    cut_others(records)
    assert ask(resting) == 1
    resting.close()


def test_a_cut_in_between_fails_one_transaction_and_no_more(
    records: Records, database_url: str
) -> None:
    restless = Restless(database_url, connections_max=2)
    assert ask(restless) == 1
    cut_others(records)
    with pytest.raises(OperationalError):
        ask(restless)
    assert ask(restless) == 1
    restless.close()
