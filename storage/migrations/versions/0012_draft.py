"""drafts of policy editions, and the reports of trying them on past cases and the live book."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in _DRAFTS:
        op.execute(statement)


_DRAFTS = (
    """
    CREATE TABLE policy_draft (
        revision_no bigint GENERATED ALWAYS AS IDENTITY
            CONSTRAINT pk_policy_draft PRIMARY KEY,
        draft_id text NOT NULL,
        edition_hash text NOT NULL,
        name text NOT NULL,
        effective_on date NOT NULL,
        toml text NOT NULL,
        source text NOT NULL,
        drafted_by text NOT NULL,
        drafted_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX ix_policy_draft_draft_id ON policy_draft (draft_id, revision_no)",
    "CREATE INDEX ix_policy_draft_edition_hash ON policy_draft (edition_hash)",
    """
    CREATE TABLE policy_report (
        report_no bigint GENERATED ALWAYS AS IDENTITY
            CONSTRAINT pk_policy_report PRIMARY KEY,
        edition_hash text NOT NULL,
        report_hash text NOT NULL,
        business_on date NOT NULL,
        body jsonb NOT NULL,
        run_by text NOT NULL,
        run_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX ix_policy_report_edition_hash ON policy_report (edition_hash, report_no)",
    """
    CREATE TRIGGER policy_draft_append_only BEFORE UPDATE OR DELETE ON policy_draft
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER policy_report_append_only BEFORE UPDATE OR DELETE ON policy_report
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
)
