"""records: first tables of this stage."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
