"""inbox: open tasks by whom they are for, in the order of their due time, so that others' do not matter."""

from alembic import op

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    """Add this stage's indexes; those by person and by question are there already."""
    for column in ("position", "escalated_to"):
        op.execute(
            f"CREATE INDEX ix_task_open_{column} ON task ({column}, due_at, task_id)"
            f" WHERE status = 'open' AND {column} IS NOT NULL"
        )
