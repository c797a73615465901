"""Runs migrations over one connection, each in its own transaction.

A lock that is not given within five seconds ends the migration rather than queueing everybody
behind it, and an advisory lock keeps two deployments from migrating at once.
"""

from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

# Any number, as long as it stays: "credit" read as digits.
_ONE_AT_A_TIME = 273348


def run() -> None:
    attributes = context.config.attributes
    engine = create_engine(attributes["database_url"], poolclass=NullPool, hide_parameters=True)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ONE_AT_A_TIME})
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=attributes.get("metadata"),
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
