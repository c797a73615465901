"""identity: first tables of this stage."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
