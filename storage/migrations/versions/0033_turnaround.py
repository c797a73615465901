"""turnaround: what a position usually takes is found by position and time."""

from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Add what reports of time are read by; written without importing our code."""
    op.execute("CREATE INDEX ix_decision_position ON decision (position, decided_at)")
