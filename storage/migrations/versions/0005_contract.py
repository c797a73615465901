"""contract: first tables of this stage."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
