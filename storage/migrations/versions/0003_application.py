"""application: first tables of this stage."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
