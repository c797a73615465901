"""aliases: a class says which other records of its customer it was judged with.

So that, where a merge is taken back, what was judged of both together holds for neither of them.
"""

from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Add what merged records need of a class; written without importing our code."""
    op.execute("ALTER TABLE customer_class ADD COLUMN records text[] NOT NULL DEFAULT '{}'")
