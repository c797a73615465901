"""line: first tables of this stage."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
