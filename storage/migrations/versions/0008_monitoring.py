"""monitoring: first tables of this stage."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
