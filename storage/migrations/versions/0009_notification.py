"""notification: first tables of this stage."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
