"""approval: first tables of this stage."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
