"""market: a re-rating may be of some industries alone, and says of which lines people are asked."""

from alembic import op

revision = "0030"
down_revision = "0026"


def upgrade() -> None:
    """Add what a run over some industries needs; written without importing our code."""
    op.execute("ALTER TABLE rerating_run ADD COLUMN industries text[] NOT NULL DEFAULT '{}'")
    op.execute("ALTER TABLE rerating_line ADD COLUMN asks_review boolean NOT NULL DEFAULT false")
