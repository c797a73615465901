"""lines: a freeze may be of one product."""

from alembic import op

revision = "0054"
down_revision = "0051"


def upgrade() -> None:
    """Say of a freeze which product it is of; written without importing our code."""
    for statement in _FREEZES:
        op.execute(statement)


_FREEZES = (
    "ALTER TABLE line_freeze ADD COLUMN product text",
    "DROP INDEX uq_line_freeze_reason",
    """
    CREATE UNIQUE INDEX uq_line_freeze_reason ON line_freeze
        (line_id, reason, coalesce(product, '')) WHERE lifted_at IS NULL
    """,
)
