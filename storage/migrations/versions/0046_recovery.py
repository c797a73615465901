"""recovery: a case that lapsed in its approvers' silence is put before them afresh."""

from alembic import op

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    op.execute(_RECOVERY)
    op.execute("CREATE INDEX ix_recovery_case_id ON recovery (case_id)")
    op.execute(
        """
        CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON recovery
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
        """
    )


# A lapse is recovered once, and never by anybody in whose silence it lapsed.
_RECOVERY = """
    CREATE TABLE recovery (
        approval_id text CONSTRAINT pk_recovery PRIMARY KEY
            CONSTRAINT fk_recovery_approval_id REFERENCES approval,
        case_id text NOT NULL CONSTRAINT fk_recovery_case_id REFERENCES application,
        message_id text NOT NULL CONSTRAINT uq_recovery_message_id UNIQUE,
        reason text NOT NULL CONSTRAINT ck_recovery_reason CHECK (reason <> ''),
        silent jsonb NOT NULL,
        recovered_by text NOT NULL,
        recovered_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT ck_recovery_silent CHECK (NOT silent ? recovered_by)
    )
"""
