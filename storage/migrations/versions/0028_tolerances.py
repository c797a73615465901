"""tolerances: each difference that policy let pass, by the receipt or statement that used it."""

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Add this stage's table; written without importing our code."""
    for statement in _TOLERANCES:
        op.execute(statement)


_TOLERANCES = (
    """
    CREATE TABLE tolerance_use (
        source text NOT NULL,
        code text NOT NULL,
        subject text NOT NULL,
        edition_hash text NOT NULL,
        difference numeric NOT NULL CONSTRAINT ck_tolerance_use_difference CHECK (difference > 0),
        allowed numeric NOT NULL,
        unit text NOT NULL,
        used_on date NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_tolerance_use PRIMARY KEY (source, code, subject),
        CONSTRAINT ck_tolerance_use_allowed CHECK (difference <= allowed)
    )
    """,
    "CREATE INDEX ix_tolerance_use_used_on ON tolerance_use (used_on, code)",
    """
    CREATE TRIGGER tolerance_use_append_only BEFORE UPDATE OR DELETE ON tolerance_use
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
)
