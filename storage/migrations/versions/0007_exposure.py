"""exposure: first tables of this stage."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
